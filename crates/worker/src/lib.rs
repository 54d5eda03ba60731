//! Background jobs: publish, track, certificates, mail, expiry, audit and housekeeping.
//!
//! Each job is one file that implements `job::Job` and one line in `jobs::table`; the runner
//! walks the table. A run begins at a wake-up, after the delay that the last run asked for, or
//! when the job's period ends; leases in the database keep the processes apart. Jobs are
//! idempotent: they find unfinished work in the database (I4), act, and record the result.

mod authority;
mod context;
mod job;
mod jobs;
mod outages;
pub mod reconcile;
mod runner;
mod start_time;
#[cfg(test)]
mod tests;
mod with_lease;

pub use context::Context;
pub use outages::Outages;
pub use runner::run;

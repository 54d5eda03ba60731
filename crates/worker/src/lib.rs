//! Background jobs: publish, track, certificates, mail, expiry, audit and housekeeping.
//!
//! Each job has one loop in a process. A run begins at a wake-up, after the delay that the last run
//! asked for, or at the next sweep; leases in the database keep the processes apart. Handlers are
//! idempotent: they find unfinished work in the database (I4), act, and record the result.

mod context;
mod handlers;
mod lease_renewal;
pub mod reconcile;
mod retry;
mod schedule;
mod start_time;

pub use context::Context;
pub use schedule::run;

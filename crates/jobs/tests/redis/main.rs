//! The queue and the counters on a real Redis.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]
#![expect(clippy::print_stdout, reason = "measurements are printed")]

mod counters;
mod queue;

//! The result of a job.

use std::time::Duration;

/// What the worker does after a job: wait, retry or give up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// No work is pending.
    Done,
    /// Work is pending; run the job again after this time.
    Again(Duration),
    /// The work needs an operator, who reads the reason. The sweep retries it.
    GiveUp(String),
}

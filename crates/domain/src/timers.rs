//! How often periodic work runs.

use std::time::Duration;

/// The intervals of periodic work that an operator sets. Their defaults are in the list of
/// settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timers {
    /// `SWEEP_MS`: interval at which jobs look for pending work without a wake-up. At least 50 ms,
    /// at most a minute.
    pub sweep: Duration,
    /// `EXPIRATION_REPEAT_FREQUENCY_S`: interval between checks for expired records and
    /// certificates.
    pub expiration_every: Duration,
    /// `AUDIT_FREQUENCY_S`: interval between comparisons of the whole zone with the database.
    pub audit_every: Duration,
    /// `JOB_REMOVAL_FREQUENCY_S`: how long sent mails and finished wake-ups in Redis are kept.
    pub job_removal_every: Duration,
}

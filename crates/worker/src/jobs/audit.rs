//! Audits the zone at the start of a process and every AUDIT_FREQUENCY_S, in one process at a time.

use std::time::Duration;

use starchart_domain::time::Timestamp;
use starchart_domain::timers::Timers;
use starchart_jobs::Outcome;
use starchart_store::Error;
use starchart_store::lease::Lease;
use starchart_store::zone::{self, AuditRow};

use crate::context::Context;
use crate::job::{Check, Job};
use crate::reconcile::{self, ReconcileError};
use crate::start_time::StartTime;
use crate::with_lease::LeaseTerms;

/// A process that has just started audits unless an audit ended within this time, in milliseconds.
const AT_START_MS: i64 = 60_000;
/// The delay before a failed audit is retried, in milliseconds.
const RETRY_AFTER_MS: i64 = 60_000;
/// The maximum delay between two checks whether an audit is due.
const CHECK_MAX: Duration = Duration::from_secs(10);
/// The minimum delay between two checks.
const CHECK_MIN: Duration = Duration::from_secs(1);

/// Audits the zone when an audit is due.
pub(crate) struct Audit {
    start: StartTime,
}

impl Audit {
    /// Creates the job; `start` is the start of this process.
    pub(crate) const fn new(start: StartTime) -> Self {
        Self { start }
    }

    async fn is_due(&self, context: &Context, row: Option<&AuditRow>) -> Result<bool, Error> {
        let now = context.store.now().await?;
        let started = self.start.get(&context.store).await?;
        let last = reconcile::last_audit_at(row);
        let failed = row.and_then(|row| row.problem.as_ref()).map(|(at, _)| *at);
        // Processes that start together, or one after the other, share an audit. A process without
        // an audit since its start makes one.
        let is_since_start = |at: &Timestamp| *at >= started;
        let every_ms = i64::try_from(context.timers.audit_every.as_millis()).unwrap_or(i64::MAX);
        let (last_attempt, interval_ms) = match (failed, last) {
            (Some(failed), _) => (
                Some(failed).filter(is_since_start),
                RETRY_AFTER_MS.min(every_ms),
            ),
            (None, Some(last)) if is_since_start(&last) => (Some(last), every_ms),
            (None, last) => (last, AT_START_MS.min(every_ms)),
        };
        // A time in the future comes from a clock that was set back, and does not count.
        Ok(!last_attempt.is_some_and(|at| (0..interval_ms).contains(&now.since(at))))
    }
}

impl Job for Audit {
    const NAME: &'static str = "audit";
    const LEASE: Option<LeaseTerms> = Some(reconcile::AUDIT_LEASE.retry_when_held(CHECK_MIN));

    fn period(timers: &Timers) -> Duration {
        timers.audit_every.clamp(CHECK_MIN, CHECK_MAX)
    }

    async fn check(&self, context: &Context) -> Result<Check, Error> {
        let row = zone::find_audit(&context.store).await?;
        Ok(if self.is_due(context, row.as_ref()).await? {
            Check::Due
        } else {
            Check::Skip(Outcome::Done)
        })
    }

    async fn run(&self, context: &Context, _: Option<&Lease>) -> Result<Outcome, Error> {
        let row = zone::find_audit(&context.store).await?;
        // Another process may have audited before this one acquired the lease.
        if !self.is_due(context, row.as_ref()).await? {
            return Ok(Outcome::Again(CHECK_MIN));
        }
        match reconcile::audit_with_lease(context, row.as_ref()).await {
            Err(ReconcileError::Store(error)) if error.is_temporary() => Err(error),
            Err(ReconcileError::Busy | ReconcileError::Stopped) => Ok(Outcome::Again(CHECK_MIN)),
            // The audit's row holds the error and the time of the failed audit. An audit never
            // returns the last two errors.
            Ok(_)
            | Err(
                ReconcileError::Zone(_)
                | ReconcileError::WrongZone(_)
                | ReconcileError::Store(_)
                | ReconcileError::ImportPending
                | ReconcileError::NothingOwned,
            ) => Ok(Outcome::Done),
        }
    }
}

#[cfg(test)]
mod tests;

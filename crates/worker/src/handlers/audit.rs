//! Audits the zone at the start of a process and every AUDIT_FREQUENCY_S, in one process at a time.

use std::time::Duration;

use starchart_domain::time::Timestamp;
use starchart_jobs::Outcome;
use starchart_store::zone;

use crate::Context;
use crate::reconcile::{self, ReconcileError};
use crate::retry::retry_after_store_error;
use crate::start_time::StartTime;

/// A process that has just started audits unless an audit ended within this time, in milliseconds.
const AT_START_MS: i64 = 60_000;
/// The delay before a failed audit is retried, in milliseconds.
const RETRY_AFTER_MS: i64 = 60_000;
/// The maximum delay between two checks whether an audit is due.
const CHECK_MAX: Duration = Duration::from_secs(10);
/// The minimum delay between two checks.
const CHECK_MIN: Duration = Duration::from_secs(1);

pub(crate) async fn run(context: Context, start: StartTime) -> Outcome {
    match audit_if_due(&context, &start).await {
        Err(ReconcileError::Store(error)) if error.is_temporary() => {
            retry_after_store_error(&error)
        }
        Err(ReconcileError::Busy | ReconcileError::Stopped) => Outcome::Again(CHECK_MIN),
        // The audit's row holds the error and the time of the failed audit. An audit never returns
        // the last two errors.
        Ok(())
        | Err(
            ReconcileError::Zone(_)
            | ReconcileError::WrongZone(_)
            | ReconcileError::Store(_)
            | ReconcileError::ImportPending
            | ReconcileError::NothingOwned,
        ) => Outcome::Again(context.audit_every.clamp(CHECK_MIN, CHECK_MAX)),
    }
}

async fn audit_if_due(context: &Context, start: &StartTime) -> Result<(), ReconcileError> {
    let now = context.store.now().await?;
    let started = start.get(&context.store).await?;
    let row = zone::find_audit(&context.store).await?;
    let last = reconcile::last_audit_at(row.as_ref());
    let failed = row.and_then(|row| row.problem).map(|(at, _)| at);
    // Processes that start together, or one after the other, share an audit. A process without an
    // audit since its start makes one.
    let is_since_start = |at: &Timestamp| *at >= started;
    let every_ms = i64::try_from(context.audit_every.as_millis()).unwrap_or(i64::MAX);
    let (last_attempt, interval_ms) = match (failed, last) {
        (Some(failed), _) => (
            Some(failed).filter(is_since_start),
            RETRY_AFTER_MS.min(every_ms),
        ),
        (None, Some(last)) if is_since_start(&last) => (Some(last), every_ms),
        (None, last) => (last, AT_START_MS.min(every_ms)),
    };
    // A time in the future comes from a clock that was set back, and does not count.
    if last_attempt.is_some_and(|at| (0..interval_ms).contains(&now.since(at))) {
        return Ok(());
    }
    // `None`: another process audits now, or has audited in the meantime.
    reconcile::audit(context, last)
        .await?
        .map(drop)
        .ok_or(ReconcileError::Busy)
}

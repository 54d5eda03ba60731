//! Compares the whole zone with the rows: at start, and every AUDIT_FREQUENCY_S, whichever process
//! makes it.

use std::time::Duration;

use starchart_domain::time::Timestamp;
use starchart_jobs::Outcome;
use starchart_store::zone;

use crate::Context;
use crate::reconcile::{self, ReconcileError};
use crate::schedule::{Started, again_after};

/// A process that has just started audits unless an audit ended within this time, in milliseconds.
const AT_START_MS: i64 = 60_000;
/// An audit that could not be made is tried again after this.
const RETRY_MS: i64 = 60_000;
/// How long until the next look at the clock, at most and at least.
const LOOK: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(1));

pub(crate) async fn run(context: Context, started: Started) -> Outcome {
    match tick(&context, &started).await {
        Err(ReconcileError::Store(error)) if error.is_temporary() => again_after(&error),
        Err(ReconcileError::Busy | ReconcileError::Stopped) => Outcome::Again(LOOK.1),
        // Why not is in the row, and the time of the next try. No audit says the last two.
        Ok(())
        | Err(
            ReconcileError::Zone(_)
            | ReconcileError::NotOurs(_)
            | ReconcileError::Store(_)
            | ReconcileError::ImportOwed
            | ReconcileError::NothingOwned,
        ) => Outcome::Again(context.audit_every.clamp(LOOK.1, LOOK.0)),
    }
}

async fn tick(context: &Context, started: &Started) -> Result<(), ReconcileError> {
    let now = context.store.now().await?;
    let started = started.at(&context.store).await?;
    let row = zone::find_audit(&context.store).await?;
    let last = reconcile::ended(row.as_ref());
    let failed = row.and_then(|row| row.problem).map(|(at, _)| at);
    // Those that start together, or one after the other, share an audit; a process that saw none
    // since its start wants one.
    let mine = |at: &Timestamp| *at >= started;
    let every_ms = i64::try_from(context.audit_every.as_millis()).unwrap_or(i64::MAX);
    let (tried, enough_ms) = match (failed, last) {
        (Some(failed), _) => (Some(failed).filter(mine), RETRY_MS.min(every_ms)),
        (None, Some(last)) if mine(&last) => (Some(last), every_ms),
        (None, last) => (last, AT_START_MS.min(every_ms)),
    };
    // A time that lies ahead is of a clock that was put back.
    if tried.is_some_and(|at| (0..enough_ms).contains(&now.since(at))) {
        return Ok(());
    }
    // Somebody else is at it, or died meanwhile.
    reconcile::audit(context, last)
        .await?
        .map(drop)
        .ok_or(ReconcileError::Busy)
}

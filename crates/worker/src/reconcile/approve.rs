//! An operator lets a plan be done.

use std::pin::pin;
use std::time::Duration;

use starchart_domain::time::Timestamp;
use starchart_jobs::{Job, Outcome};
use starchart_store::Store;
use starchart_store::zone::{self, AuditOutcome};
use tokio::time::Instant;

use super::audit::mend;
use super::{Look, Plan, ReconcileError, look, result_of};
use crate::Context;
use crate::handlers::publish;

/// What came of an approval.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ApprovalOutcome {
    /// The plan is marked for publish, and the pause that was seen is over.
    Approved {
        /// The plan.
        plan: Plan,
        /// Differences that were marked; the others were changed by somebody in this moment.
        marked: usize,
        /// Why publishing was paused until now.
        lifted: Option<String>,
        /// Why it is paused still: somebody paused it again meanwhile.
        paused: Option<String>,
    },
    /// The plan is another one by now; nothing was changed.
    AnotherPlan(Plan),
}

/// Looks again, and if the plan is the one with this hash (or the beginning of it,
/// [`super::HASH_MIN_LEN`] digits or more), marks all of it for publish and lifts the pause that held
/// before the look, with a line of the trail. Whoever publishes brings it in: [`publish_until_done`], or any
/// running worker.
///
/// # Errors
/// As [`super::plan`]. A plan that was marked in part is another plan afterwards, without what was
/// marked.
pub async fn approve(context: &Context, hash: &str) -> Result<ApprovalOutcome, ReconcileError> {
    let store = &context.store;
    let seen = zone::find_pause(store).await?;
    let Look { view, plan, .. } = look(context).await?;
    if !plan.matches_hash(hash) {
        return Ok(ApprovalOutcome::AnotherPlan(plan));
    }
    let pause = if seen.is_some() {
        "; the pause of publishing ends"
    } else {
        ""
    };
    let detail = format!(
        "by an operator: plan {}, {}{pause}",
        plan.short_hash(),
        plan.differences()
    );
    zone::record_approval(store, context.root.as_str(), &detail).await?;
    let marked = mend(context, &view, &plan).await?;
    let lifted = match seen {
        Some(pause) => zone::resume_from(store, &pause)
            .await?
            .then_some(pause.reason),
        None => None,
    };
    // What an operator approved is no drift.
    zone::record_audit(store, &result_of(&plan, AuditOutcome::Approved, 0, None)).await?;
    context.queue.wake(Job::Publish);
    Ok(ApprovalOutcome::Approved {
        plan,
        marked,
        lifted,
        paused: zone::pause_reason(store).await?,
    })
}

/// How far what was marked has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishOutcome {
    /// Names that were owed when it began and are not in the zone yet, without those that it
    /// refused.
    pub left: u64,
    /// Why this process publishes no more of them.
    pub gave_up: Option<String>,
}

/// Between two looks at what is still owed.
const LOOK: Duration = Duration::from_millis(300);

/// Publishes until everything is in the zone that is owed now, together with whoever else works,
/// for so long at most. What people ask for meanwhile is nothing to wait for: in a busy school that
/// never ends.
///
/// # Errors
/// The database did not answer.
pub async fn publish_until_done(
    context: &Context,
    at_most: Duration,
) -> Result<PublishOutcome, ReconcileError> {
    let end = Instant::now() + at_most;
    let store = &context.store;
    let asked = store.now().await?;
    let stop = context.stop.child_token();
    let own = Context {
        stop: stop.clone(),
        ..context.clone()
    };
    loop {
        let mut run = pin!(publish::run(own.clone()));
        let outcome = tokio::select! {
            outcome = &mut run => outcome,
            there = until_there(store, asked, end) => {
                // It ends at the next good place, whatever the look at the rows gave.
                stop.cancel();
                let outcome = run.await;
                there?;
                outcome
            }
        };
        let left = zone::count_unpublished_at(store, asked).await?;
        let (wait, gave_up) = match outcome {
            Outcome::Done => (LOOK, None),
            Outcome::Again(after) => (after.max(LOOK), None),
            Outcome::GiveUp(reason) => (LOOK, Some(reason)),
        };
        if left == 0 || gave_up.is_some() || stop.is_cancelled() || Instant::now() + wait >= end {
            return Ok(PublishOutcome {
                left,
                gave_up: gave_up.filter(|_| left > 0),
            });
        }
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = context.stop.cancelled() => {}
        }
    }
}

/// Until nothing is left of what was owed at that moment, or the time is over.
async fn until_there(store: &Store, asked: Timestamp, end: Instant) -> Result<(), ReconcileError> {
    while Instant::now() < end && zone::count_unpublished_at(store, asked).await? > 0 {
        tokio::time::sleep(LOOK).await;
    }
    Ok(())
}

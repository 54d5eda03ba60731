//! Carries out a plan that an operator approved.

use std::pin::pin;
use std::time::Duration;

use starchart_domain::time::Timestamp;
use starchart_jobs::{Outcome, WakeUp};
use starchart_store::Store;
use starchart_store::zone::{self, AuditOutcome};
use tokio::time::Instant;

use super::audit::repair;
use super::{Comparison, Plan, ReconcileError, audit_result, compare_zone};
use crate::Context;
use crate::job::run_once;
use crate::jobs::publish::Publish;

/// The result of an approval.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ApprovalOutcome {
    /// The plan is marked for publish, and the pause that was seen before has ended.
    Approved {
        /// The plan that the operator approved.
        plan: Plan,
        /// The number of differences that were marked. The others changed during the approval.
        marked: usize,
        /// The reason of the pause that ended.
        lifted: Option<String>,
        /// The reason of a pause that began during the approval and still holds.
        paused: Option<String>,
    },
    /// The current plan has another hash; nothing was changed.
    AnotherPlan(Plan),
}

/// Compares the zone again and, if the plan still has this hash (or at least its first
/// [`super::HASH_MIN_LEN`] digits), marks the whole plan for publish, ends the pause that held
/// before the comparison, and records the approval in the audit trail. Any running worker, or
/// [`publish_until_done`], then publishes the plan.
///
/// # Errors
/// As [`super::plan`]. After a database error the plan may be marked in part; the rest is then a
/// new plan with its own hash.
pub async fn approve(context: &Context, hash: &str) -> Result<ApprovalOutcome, ReconcileError> {
    let store = &context.store;
    let pause_before = zone::find_pause(store).await?;
    let Comparison { snapshot, plan, .. } = compare_zone(context).await?;
    if !plan.matches_hash(hash) {
        return Ok(ApprovalOutcome::AnotherPlan(plan));
    }
    let suffix = if pause_before.is_some() {
        "; the pause of publishing ends"
    } else {
        ""
    };
    let detail = format!(
        "by an operator: plan {}, {}{suffix}",
        plan.short_hash(),
        plan.differences()
    );
    zone::record_approval(store, context.root.as_str(), &detail).await?;
    let marked = repair(context, &snapshot, &plan).await?;
    let lifted = match pause_before {
        Some(pause) => zone::resume_from(store, &pause)
            .await?
            .then_some(pause.reason),
        None => None,
    };
    // Approved changes do not count as repaired drift.
    let result = audit_result(&plan, AuditOutcome::Approved, 0, None);
    zone::record_audit(store, &result).await?;
    context.queue.wake(WakeUp::Publish);
    Ok(ApprovalOutcome::Approved {
        plan,
        marked,
        lifted,
        paused: zone::pause_reason(store).await?,
    })
}

/// The result of [`publish_until_done`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishOutcome {
    /// The number of names that were unpublished at the beginning and still are, without those
    /// that the provider refused.
    pub unpublished: u64,
    /// Why this process cannot publish them.
    pub gave_up: Option<String>,
}

/// The delay between two checks of the unpublished names.
const POLL_INTERVAL: Duration = Duration::from_millis(300);

/// Publishes, together with running workers, until the names that are unpublished now are in the
/// zone, but not longer than `timeout`. Later changes are not waited for, because a busy site
/// always has some.
///
/// # Errors
/// The database did not answer.
pub async fn publish_until_done(
    context: &Context,
    timeout: Duration,
) -> Result<PublishOutcome, ReconcileError> {
    let deadline = Instant::now() + timeout;
    let store = &context.store;
    let begin = store.now().await?;
    let stop = context.stop.child_token();
    let own_context = Context {
        stop: stop.clone(),
        ..context.clone()
    };
    loop {
        let mut run = pin!(run_once(&Publish, &own_context));
        let outcome = tokio::select! {
            outcome = &mut run => outcome,
            published = wait_until_published(store, begin, deadline) => {
                // Let the run end at its next safe point before reporting an error.
                stop.cancel();
                let outcome = run.await;
                published?;
                outcome
            }
        };
        let unpublished = zone::count_unpublished_at(store, begin).await?;
        let (delay, gave_up) = match outcome {
            Outcome::Done => (POLL_INTERVAL, None),
            Outcome::Again(after) => (after.max(POLL_INTERVAL), None),
            Outcome::GiveUp(reason) => (POLL_INTERVAL, Some(reason)),
        };
        let is_over = stop.is_cancelled() || Instant::now() + delay >= deadline;
        if unpublished == 0 || gave_up.is_some() || is_over {
            return Ok(PublishOutcome {
                unpublished,
                gave_up: gave_up.filter(|_| unpublished > 0),
            });
        }
        tokio::select! {
            () = tokio::time::sleep(delay) => {}
            () = context.stop.cancelled() => {}
        }
    }
}

/// Waits until the names that were unpublished at `begin` are published, or until the deadline.
async fn wait_until_published(
    store: &Store,
    begin: Timestamp,
    deadline: Instant,
) -> Result<(), ReconcileError> {
    while Instant::now() < deadline && zone::count_unpublished_at(store, begin).await? > 0 {
        tokio::time::sleep(POLL_INTERVAL).await;
    }
    Ok(())
}

//! An operator lets a plan be done.

use std::time::Duration;

use starchart_store::zone::{self, AuditOutcome};
use tokio::time::Instant;

use super::audit::mend;
use super::{Look, Plan, ReconcileError, look, result_of};
use crate::Context;
use crate::handlers::publish;

/// What came of an approval.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Approval {
    /// The plan is marked for publish, and a pause is over.
    Approved {
        /// The plan.
        plan: Plan,
        /// Differences that were marked; the others were changed by somebody in this moment.
        marked: usize,
        /// Why publishing was paused until now.
        lifted: Option<String>,
    },
    /// The plan is another one by now; nothing was changed.
    AnotherPlan(Plan),
}

/// Looks again, and if the plan is the one with this hash (or the beginning of it, [`super::HASH_MIN`] digits or more), marks all of
/// it for publish and lifts the pause, with a line of the trail. Whoever publishes brings it in: [`bring_in`], or any running worker.
///
/// # Errors
/// As [`super::plan`]. A plan that was marked in part is another plan afterwards, without what was marked.
pub async fn approve(context: &Context, hash: &str) -> Result<Approval, ReconcileError> {
    let store = &context.store;
    let Look { view, plan, .. } = look(context).await?;
    if !plan.is_named(hash) {
        return Ok(Approval::AnotherPlan(plan));
    }
    let lifted = zone::paused(store).await?;
    let marked = mend(context, &view, &plan).await?;
    let pause = if lifted.is_some() { "; the pause of publishing ends" } else { "" };
    let detail = format!("by an operator: plan {}, {}{pause}", plan.short_hash(), plan.differences());
    zone::approved(store, &plan.hash(), context.root.as_str(), &detail).await?;
    zone::note_audit(store, &result_of(&plan, AuditOutcome::Repaired, marked as u64, None)).await?;
    context.queue.wake(starchart_jobs::Job::Publish);
    Ok(Approval::Approved { plan, marked, lifted })
}

/// Between two looks at what is still owed.
const LOOK: Duration = Duration::from_millis(300);

/// Publishes until nothing is owed, together with whoever else works, for so long at most. Gives how many names are left.
///
/// # Errors
/// The database did not answer.
pub async fn bring_in(context: &Context, at_most: Duration) -> Result<u64, ReconcileError> {
    let end = Instant::now() + at_most;
    loop {
        publish::run(context.clone()).await;
        let left = zone::owed(&context.store).await?;
        if left == 0 || Instant::now() >= end || context.stop.is_cancelled() {
            return Ok(left);
        }
        tokio::time::sleep(LOOK).await;
    }
}

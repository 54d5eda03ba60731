//! Orphans: removed only when an operator says how many there are.

use starchart_domain::plan::NameOutcome;
use starchart_jobs::Job;
use starchart_store::import::{self, Progress};
use starchart_store::zone::{self, Lease};

use super::adopt::with_publish_lease;
use super::{Orphan, Plan, ReconcileError, list, plan_of};
use crate::Context;

/// What came of the wish to remove them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Removal {
    /// These are marked for publish, which deletes them exactly as they stand, unless it is paused.
    Marked(Vec<Orphan>),
    /// There are so many by now; nothing was changed.
    AnotherCount(Vec<Orphan>),
}

/// Makes all orphans ours, which nobody wants, so that publish deletes them; if there are `count` of them. A CAA, NS, alias or weighted
/// set is never an orphan.
///
/// # Errors
/// As [`super::plan`]; [`ReconcileError::Busy`]: another process would not let go of publishing; [`ReconcileError::ImportOwed`]
/// and [`ReconcileError::NothingOwned`]: nobody knows yet what an orphan is.
pub async fn remove_orphans(context: &Context, count: usize) -> Result<Removal, ReconcileError> {
    with_publish_lease(context, async |lease: &Lease| {
        let store = &context.store;
        if let Progress::Owed | Progress::Begun(_) = import::progress(store).await? {
            return Err(ReconcileError::ImportOwed);
        }
        let listed = list(context).await?;
        let view = zone::view(store).await?;
        if view.owned.is_empty() {
            return Err(ReconcileError::NothingOwned);
        }
        let Plan { orphans, .. } = plan_of(context, &listed, &view, &view);
        if orphans.len() != count {
            return Ok(Removal::AnotherCount(orphans));
        }
        let stand = by_name(&orphans);
        zone::adopt(store, lease, &stand).await?.ok_or(ReconcileError::Busy)?;
        zone::mark_drift(store, &zone::view(store).await?, &stand).await?;
        context.queue.wake(Job::Publish);
        Ok(Removal::Marked(orphans))
    })
    .await
}

/// The sets name by name.
fn by_name(orphans: &[Orphan]) -> Vec<NameOutcome> {
    let mut sorted: Vec<&Orphan> = orphans.iter().collect();
    sorted.sort();
    let mut names: Vec<NameOutcome> = Vec::new();
    for orphan in sorted {
        let set = (orphan.rtype, Some(orphan.body.clone()));
        match names.last_mut() {
            Some(last) if last.name == orphan.name => last.sets.push(set),
            _ => names.push(NameOutcome { name: orphan.name.clone(), generation: 0, sets: vec![set] }),
        }
    }
    names
}

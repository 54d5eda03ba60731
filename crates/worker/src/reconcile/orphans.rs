//! Orphans: removed only when an operator says how many there are.

use std::collections::BTreeSet;

use starchart_domain::plan::PublishedName;
use starchart_domain::plural::pluralize;
use starchart_jobs::Job;
use starchart_store::import::{self, Progress};
use starchart_store::lease::Lease;
use starchart_store::zone::{self, AdoptionGoal, AdoptionReason};

use super::adopt::with_publish_lease;
use super::{Orphan, Plan, ReconcileError, list, plan_of};
use crate::Context;

/// What came of the wish to remove them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Removal {
    /// These are marked for publish, which deletes them exactly as they stand, unless it is paused.
    Marked {
        /// The orphans that go.
        orphans: Vec<Orphan>,
        /// So many were not reached, because another process took over; they are orphans still.
        left: usize,
    },
    /// There are so many besides those that are kept; nothing was changed.
    AnotherCount(Vec<Orphan>),
    /// No orphan stands at these names that were to be kept; nothing was changed.
    NothingToKeep(Vec<String>),
}

/// Makes all orphans ours, which nobody wants, so that publish deletes them; if there are `count`
/// of them besides those at the names `keep`. A CAA, NS, alias or weighted set is never an orphan.
///
/// # Errors
/// As [`super::plan`]; [`ReconcileError::Busy`]: another process would not let go of publishing;
/// [`ReconcileError::ImportOwed`] and [`ReconcileError::NothingOwned`]: nobody knows yet what an
/// orphan is.
pub async fn remove_orphans(
    context: &Context,
    count: usize,
    keep: &[String],
) -> Result<Removal, ReconcileError> {
    with_publish_lease(context, async |lease: &Lease| {
        let store = &context.store;
        if let Progress::Owed | Progress::Begun(_) = import::progress(store).await? {
            return Err(ReconcileError::ImportOwed);
        }
        let listed = list(context).await?;
        let view = zone::read_snapshot(store).await?;
        if view.owned.is_empty() {
            return Err(ReconcileError::NothingOwned);
        }
        let Plan { mut orphans, .. } = plan_of(context, &listed, &view, &view);
        let missing: Vec<String> = keep
            .iter()
            .filter(|name| !orphans.iter().any(|orphan| orphan.name == **name))
            .cloned()
            .collect();
        if !missing.is_empty() {
            return Ok(Removal::NothingToKeep(missing));
        }
        orphans.retain(|orphan| !keep.contains(&orphan.name));
        if orphans.len() != count {
            return Ok(Removal::AnotherCount(orphans));
        }
        let detail = format!("by an operator: {}", pluralize(count, "set", "sets"));
        let deed = AdoptionReason {
            zone: context.root.as_str(),
            detail: &detail,
            goal: AdoptionGoal::Delete,
        };
        let marked: BTreeSet<String> = zone::adopt(store, lease, &by_name(&orphans), deed)
            .await?
            .names
            .into_iter()
            .collect();
        if marked.is_empty() && count > 0 {
            return Err(ReconcileError::Busy);
        }
        orphans.retain(|orphan| marked.contains(&orphan.name));
        context.queue.wake(Job::Publish);
        Ok(Removal::Marked {
            left: count - orphans.len(),
            orphans,
        })
    })
    .await
}

/// The sets name by name.
fn by_name(orphans: &[Orphan]) -> Vec<PublishedName> {
    let mut sorted: Vec<&Orphan> = orphans.iter().collect();
    sorted.sort();
    let mut names: Vec<PublishedName> = Vec::new();
    for orphan in sorted {
        let set = (orphan.rtype, Some(orphan.body.clone()));
        match names.last_mut() {
            Some(last) if last.name == orphan.name => last.sets.push(set),
            _ => names.push(PublishedName {
                name: orphan.name.clone(),
                generation: 0,
                sets: vec![set],
            }),
        }
    }
    names
}

//! Deletes orphans when an operator confirms their number.

use std::collections::BTreeSet;

use starchart_domain::plan::PublishedName;
use starchart_domain::plural::pluralize;
use starchart_jobs::WakeUp;
use starchart_store::import::{self, Progress};
use starchart_store::lease::Lease;
use starchart_store::zone::{self, AdoptionGoal, AdoptionReason};

use super::adopt::with_publish_lease;
use super::{Orphan, Plan, ReconcileError, list_zone, make_plan};
use crate::Context;

/// The result of a request to delete orphans.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrphanDeletion {
    /// The orphans are marked for publish, which deletes their exact content unless it is paused.
    Marked {
        /// The orphans that publish will delete.
        orphans: Vec<Orphan>,
        /// The number of orphans not marked, because another process took the publish lease.
        unmarked: usize,
    },
    /// There is another number of orphans (without the kept ones); nothing was changed.
    AnotherCount(Vec<Orphan>),
    /// There is no orphan at these names, so it cannot be kept; nothing was changed.
    NothingToKeep(Vec<String>),
}

/// Adds all orphans but those at the names `keep` to the ownership registry, if there are `count`
/// of them, so that publish deletes them. CAA, NS, alias and weighted RRsets are never orphans.
///
/// # Errors
/// As [`super::plan`]; [`ReconcileError::Busy`] when another process keeps the publish lease;
/// [`ReconcileError::ImportPending`] and [`ReconcileError::NothingOwned`] when orphans cannot be
/// determined yet.
pub async fn delete_orphans(
    context: &Context,
    count: usize,
    keep: &[String],
) -> Result<OrphanDeletion, ReconcileError> {
    with_publish_lease(context, async |lease: &Lease| {
        let store = &context.store;
        if let Progress::Pending | Progress::Begun(_) = import::progress(store).await? {
            return Err(ReconcileError::ImportPending);
        }
        let listed = list_zone(context).await?;
        let snapshot = zone::read_snapshot(store).await?;
        if snapshot.owned.is_empty() {
            return Err(ReconcileError::NothingOwned);
        }
        let Plan { mut orphans, .. } = make_plan(context, &listed, &snapshot.hashes(), &snapshot);
        let unknown: Vec<String> = keep
            .iter()
            .filter(|name| !orphans.iter().any(|orphan| orphan.name == **name))
            .cloned()
            .collect();
        if !unknown.is_empty() {
            return Ok(OrphanDeletion::NothingToKeep(unknown));
        }
        orphans.retain(|orphan| !keep.contains(&orphan.name));
        if orphans.len() != count {
            return Ok(OrphanDeletion::AnotherCount(orphans));
        }
        let detail = format!("by an operator: {}", pluralize(count, "RRset", "RRsets"));
        let reason = AdoptionReason {
            zone: context.root.as_str(),
            detail: &detail,
            goal: AdoptionGoal::Delete,
        };
        let marked: BTreeSet<String> = zone::adopt(store, lease, &group_by_name(&orphans), reason)
            .await?
            .names
            .into_iter()
            .collect();
        if marked.is_empty() && count > 0 {
            return Err(ReconcileError::Busy);
        }
        orphans.retain(|orphan| marked.contains(&orphan.name));
        context.queue.wake(WakeUp::Publish);
        Ok(OrphanDeletion::Marked {
            unmarked: count - orphans.len(),
            orphans,
        })
    })
    .await
}

fn group_by_name(orphans: &[Orphan]) -> Vec<PublishedName> {
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

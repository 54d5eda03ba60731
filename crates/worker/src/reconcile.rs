//! Compares the whole zone with the database: audits, and an operator's commands about their plans.
//!
//! Nothing here writes the zone (I10): differences are marked in the database, and publish makes
//! the changes by compare-and-swap.

mod adopt;
mod approve;
mod audit;
mod orphans;

use starchart_dns::engine::audit::{AuditInput, WrongZone, compare, verify_listing};
use starchart_dns::provider::{ProviderError, ZoneRrset};
use starchart_store::zone::{self, AuditOutcome, AuditResult, Snapshot, SnapshotHashes};

use crate::Context;

pub use adopt::{Adoption, adopt};
pub use approve::{ApprovalOutcome, PublishOutcome, approve, publish_until_done};
pub use audit::{Audited, audit};
pub(crate) use audit::{LEASE as AUDIT_LEASE, audit_with_lease, last_audit_at};
pub use orphans::{OrphanDeletion, delete_orphans};
pub use starchart_dns::engine::plan::{
    Approval, BlockedRrset, HASH_MIN_LEN, Orphan, Plan, RefusedChanges,
};

/// Why the zone could not be compared or a command not be carried out.
#[derive(Debug, thiserror::Error)]
pub enum ReconcileError {
    /// The DNS provider did not answer.
    #[error("cannot list the zone: {0}")]
    Zone(#[from] ProviderError),
    /// The listing is of another zone, or incomplete.
    #[error(transparent)]
    WrongZone(#[from] WrongZone),
    /// The database did not answer.
    #[error(transparent)]
    Store(#[from] starchart_store::Error),
    /// Another process holds the publish lease.
    #[error("another process holds the publish lease; retry in a moment")]
    Busy,
    /// An import is not complete, so records that it will create would be reported as orphans.
    #[error(
        "the import is not complete, so orphans cannot be told from imported records: run \
         `starchart import --apply` first"
    )]
    ImportPending,
    /// The ownership registry is empty, so every RRset would be an orphan.
    #[error(
        "no RRset of the zone is in the ownership registry yet, so orphans cannot be told from \
         records: run `starchart reconcile --adopt` first; nothing was changed"
    )]
    NothingOwned,
    /// The process was asked to stop.
    #[error("stopped before the zone was listed; nothing was changed")]
    Stopped,
}

/// A comparison of the zone with the database.
struct Comparison {
    listed: Vec<ZoneRrset>,
    /// The database after the listing.
    snapshot: Snapshot,
    plan: Plan,
}

/// Compares the whole zone with the database; changes nothing.
///
/// # Errors
/// The DNS provider or the database did not answer, or the listing is not our complete zone.
pub async fn plan(context: &Context) -> Result<Plan, ReconcileError> {
    Ok(compare_zone(context).await?.plan)
}

/// Reads the database before and after listing the zone, so that names which change during the
/// listing are not reported as drift.
async fn compare_zone(context: &Context) -> Result<Comparison, ReconcileError> {
    let before = zone::read_snapshot(&context.store).await?.hashes();
    let listed = list_zone(context).await?;
    let snapshot = zone::read_snapshot(&context.store).await?;
    let plan = make_plan(context, &listed, &before, &snapshot);
    Ok(Comparison {
        listed,
        snapshot,
        plan,
    })
}

fn make_plan(
    context: &Context,
    listed: &[ZoneRrset],
    before: &SnapshotHashes,
    snapshot: &Snapshot,
) -> Plan {
    let in_flight = snapshot.in_flight(before);
    let unchanged = snapshot.unchanged(before);
    let Snapshot {
        desired,
        owned,
        refused,
        labels,
        ..
    } = snapshot;
    compare(
        listed,
        AuditInput {
            root: &context.root,
            desired,
            owned,
            in_flight: &in_flight,
            unchanged: &unchanged,
            refused,
            labels,
        },
    )
}

/// Lists the zone and verifies that the listing is our complete zone.
async fn list_zone(context: &Context) -> Result<Vec<ZoneRrset>, ReconcileError> {
    let listed = tokio::select! {
        listed = context.provider.list() => listed?,
        () = context.stop.cancelled() => return Err(ReconcileError::Stopped),
    };
    let setting = context.provider.capabilities().zone_setting;
    verify_listing(&listed, &context.root, setting)?;
    Ok(listed)
}

/// Summarises a plan for the audit's row.
fn audit_result(
    plan: &Plan,
    outcome: AuditOutcome,
    repaired: u64,
    approval_reason: Option<String>,
) -> AuditResult {
    let found = plan.differences();
    let count = |n: usize| n as u64;
    AuditResult {
        outcome,
        plan_hash: plan.hash(),
        listed: count(plan.listed),
        owned: count(plan.owned),
        creates: count(found.creates),
        deletes: count(found.deletes),
        replaces: count(found.replaces),
        unclaimed: count(found.unclaimed),
        foreign: count(plan.foreign.len() + plan.orphans.len() + plan.unclaimed.len()),
        orphans: count(plan.orphans.len()),
        repaired,
        approval_reason,
    }
}

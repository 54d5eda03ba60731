//! The whole zone against the rows: the audit, and what an operator does about its plan.
//!
//! Nothing here writes the zone. What differs is marked in the rows, and publish brings it in by
//! compare and swap.

mod adopt;
mod approve;
mod audit;
mod orphans;

use starchart_dns::audit::{AuditInput, WrongZone, compare, verify_listing};
use starchart_dns::limiter::Priority;
use starchart_dns::zone::{ZoneError, ZoneRrset};
use starchart_store::zone::{self, AuditOutcome, AuditResult, Snapshot};

use crate::Context;

pub use adopt::{Adoption, adopt};
pub use approve::{ApprovalOutcome, PublishOutcome, approve, publish_until_done};
pub(crate) use audit::ended;
pub use audit::{Audited, audit};
pub use orphans::{Removal, remove_orphans};
pub use starchart_dns::plan::{Approval, BlockedRrset, HASH_MIN_LEN, Orphan, Plan, RefusedName};

/// Why the zone could not be compared.
#[derive(Debug, thiserror::Error)]
pub enum ReconcileError {
    /// The zone did not answer.
    #[error("the zone could not be listed: {0}")]
    Zone(#[from] ZoneError),
    /// What was listed is not the whole of our zone.
    #[error(transparent)]
    NotOurs(#[from] WrongZone),
    /// The database did not answer.
    #[error(transparent)]
    Store(#[from] starchart_store::Error),
    /// Somebody else holds the lease that this needs.
    #[error("another process is at it; try again in a moment")]
    Busy,
    /// Without the rows of an import everything in the zone looks like an orphan.
    #[error(
        "the import has not come to its end, so nobody knows yet which sets are orphans: `starchart import --apply` first"
    )]
    ImportOwed,
    /// Without anything of ours everything in the zone looks like an orphan.
    #[error(
        "nothing in the zone is ours yet, so nobody knows which sets are orphans: `starchart reconcile --adopt` first; nothing was \
         changed"
    )]
    NothingOwned,
    /// Told to stop meanwhile.
    #[error("stopped before the zone was listed; nothing was changed")]
    Stopped,
}

/// What a look at the zone gave.
struct Look {
    listed: Vec<ZoneRrset>,
    /// The rows after the listing.
    view: Snapshot,
    plan: Plan,
}

/// Compares the whole zone with the rows; changes nothing.
///
/// # Errors
/// The zone or the database did not answer, or the listing is not the whole of our zone.
pub async fn plan(context: &Context) -> Result<Plan, ReconcileError> {
    Ok(look(context).await?.plan)
}

/// Rows, zone, rows again: a name that is not the same before and after the listing is not judged
/// by it.
async fn look(context: &Context) -> Result<Look, ReconcileError> {
    let before = zone::read_snapshot(&context.store).await?;
    let listed = list(context).await?;
    let view = zone::read_snapshot(&context.store).await?;
    let plan = plan_of(context, &listed, &before, &view);
    Ok(Look { listed, view, plan })
}

fn plan_of(context: &Context, listed: &[ZoneRrset], before: &Snapshot, view: &Snapshot) -> Plan {
    let in_flight = before.in_flight(view);
    let unchanged = before.unchanged(view);
    let Snapshot {
        desired,
        owned,
        refused,
        labels,
        ..
    } = view;
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

/// The whole zone, and ours for certain.
async fn list(context: &Context) -> Result<Vec<ZoneRrset>, ReconcileError> {
    let listing = async {
        context.limiter.acquire(Priority::Audit).await;
        context.zone.list().await
    };
    let listed = tokio::select! {
        listed = listing => listed?,
        () = context.stop.cancelled() => return Err(ReconcileError::Stopped),
    };
    verify_listing(&listed, &context.root)?;
    Ok(listed)
}

/// What the row about audits says of a plan.
fn result_of(
    plan: &Plan,
    outcome: AuditOutcome,
    repaired: u64,
    refused_because: Option<String>,
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
        refused_because,
    }
}

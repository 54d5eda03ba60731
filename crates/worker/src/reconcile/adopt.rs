//! Rebuilds the ownership registry from the zone, for a database that has lost it or never had one.

use std::time::Duration;

use starchart_dns::engine::audit::find_adoptable;
use starchart_domain::plural::pluralize;
use starchart_store::lease::Lease;
use starchart_store::zone::{self, AdoptionGoal, AdoptionReason};
use tokio::time::Instant;
use tracing::info;

use super::{Plan, ReconcileError, list_zone, make_plan};
use crate::Context;
use crate::jobs::publish;
use crate::with_lease::{Release, acquire, hold};

const PAUSE_REASON: &str = "ownership was rebuilt from the zone; look at the plan (`starchart \
    reconcile --dry-run`) and approve it (`starchart reconcile --approve HASH`)";
/// How long to wait for the publish lease before giving up.
const LEASE_WAIT: Duration = Duration::from_secs(30);
/// The delay between two attempts to acquire the lease.
const LEASE_POLL: Duration = Duration::from_millis(50);
/// The interval of log messages during the wait.
const LOG_INTERVAL: Duration = Duration::from_secs(5);

/// The result of an adoption.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adoption {
    /// The number of RRsets added to the ownership registry.
    pub adopted: u64,
    /// The remaining differences. Nothing is published until an operator approves this plan.
    pub plan: Plan,
}

/// Adds every simple RRset at a desired name and type to the ownership registry, whatever its
/// values. Pauses publishing, unless it is paused already, until the resulting plan is approved.
/// Idempotent.
///
/// # Errors
/// As [`super::plan`]; [`ReconcileError::Busy`] when another process keeps the publish lease.
pub async fn adopt(context: &Context) -> Result<Adoption, ReconcileError> {
    with_publish_lease(context, async |lease: &Lease| {
        adopt_with_lease(context, lease).await
    })
    .await
}

/// Runs `work` with the publish lease, so that the zone does not change after its listing.
pub(super) async fn with_publish_lease<T>(
    context: &Context,
    work: impl AsyncFnOnce(&Lease) -> Result<T, ReconcileError>,
) -> Result<T, ReconcileError> {
    let lease = acquire_publish_lease(context).await?;
    hold(context, publish::LEASE, lease, || Release::Now, work).await?
}

async fn acquire_publish_lease(context: &Context) -> Result<Lease, ReconcileError> {
    let deadline = Instant::now() + LEASE_WAIT;
    let mut next_log = Instant::now();
    loop {
        if context.stop.is_cancelled() {
            return Err(ReconcileError::Stopped);
        }
        match acquire(context, publish::LEASE).await? {
            Some(lease) => return Ok(lease),
            None if Instant::now() >= deadline => return Err(ReconcileError::Busy),
            None => {
                if Instant::now() >= next_log {
                    info!("waiting for another process to release the publish lease");
                    next_log = Instant::now() + LOG_INTERVAL;
                }
                tokio::time::sleep(LEASE_POLL).await;
            }
        }
    }
}

async fn adopt_with_lease(context: &Context, lease: &Lease) -> Result<Adoption, ReconcileError> {
    let store = &context.store;
    let listed = list_zone(context).await?;
    let before = zone::read_snapshot(store).await?;
    let adoptable = find_adoptable(&listed, &before.desired);
    let names = pluralize(adoptable.len(), "name", "names");
    let detail = format!("by an operator: {names} with an RRset that a record wants");
    let reason = AdoptionReason {
        zone: context.root.as_str(),
        detail: &detail,
        goal: AdoptionGoal::Keep(PAUSE_REASON),
    };
    let adopted = zone::adopt(store, lease, &adoptable, reason).await?;
    if !adopted.complete {
        return Err(ReconcileError::Busy);
    }
    let snapshot = zone::read_snapshot(store).await?;
    Ok(Adoption {
        adopted: adopted.sets,
        plan: make_plan(context, &listed, &snapshot.hashes(), &snapshot),
    })
}

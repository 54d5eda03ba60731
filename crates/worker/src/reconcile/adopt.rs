//! Ownership rebuilt from the zone: for a database whose registry was lost, or that never had one.

use std::time::Duration;

use starchart_dns::audit::find_adoptable;
use starchart_domain::plural::pluralize;
use starchart_store::lease::{self, Lease, LeaseName};
use starchart_store::zone::{self, AdoptionGoal, AdoptionReason};
use tokio::time::Instant;
use tracing::info;

use super::{Plan, ReconcileError, list, plan_of};
use crate::Context;
use crate::handlers::keep::keep;
use crate::handlers::publish::LEASE_MS;

const REASON: &str = "ownership is rebuilt from the zone; look at the plan (`starchart reconcile --dry-run`) and approve it \
     (`starchart reconcile --approve HASH`)";
/// Somebody else's run of publish takes this long at most, or so many names that another moment is
/// better.
const WAIT: Duration = Duration::from_secs(30);
/// Between two lines about that.
const SAY: Duration = Duration::from_secs(5);

/// What adoption came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adoption {
    /// Sets that were not ours before.
    pub adopted: u64,
    /// What differs now. Until it is approved nothing is sent.
    pub plan: Plan,
}

/// Makes every plain set ours that stands at a name and type that rows want, whatever it holds.
/// Publishing is paused, if it is not already, until the plan that follows is approved. May be
/// repeated.
///
/// # Errors
/// As [`super::plan`]; [`ReconcileError::Busy`]: another process would not let go of publishing.
pub async fn adopt(context: &Context) -> Result<Adoption, ReconcileError> {
    with_publish_lease(context, async |lease: &Lease| {
        adopt_with_lease(context, lease).await
    })
    .await
}

/// Runs `work` while nobody publishes: what was listed stays as it is.
pub(super) async fn with_publish_lease<T>(
    context: &Context,
    work: impl AsyncFnOnce(&Lease) -> Result<T, ReconcileError>,
) -> Result<T, ReconcileError> {
    let lease = publish_lease(context).await?;
    let done = tokio::select! {
        done = work(&lease) => done,
        never = keep(&context.store, lease.clone(), LEASE_MS) => match never {},
    };
    lease::release(&context.store, &lease).await?;
    done
}

async fn publish_lease(context: &Context) -> Result<Lease, ReconcileError> {
    let end = Instant::now() + WAIT;
    let mut say = Instant::now();
    loop {
        if context.stop.is_cancelled() {
            return Err(ReconcileError::Stopped);
        }
        match lease::acquire(
            &context.store,
            LeaseName::Publish,
            &context.holder,
            LEASE_MS,
        )
        .await?
        {
            Some(lease) => return Ok(lease),
            None if Instant::now() >= end => return Err(ReconcileError::Busy),
            None => {
                if Instant::now() >= say {
                    info!("another process publishes: waiting until it lets go");
                    say = Instant::now() + SAY;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

async fn adopt_with_lease(context: &Context, lease: &Lease) -> Result<Adoption, ReconcileError> {
    let store = &context.store;
    let listed = list(context).await?;
    let before = zone::read_snapshot(store).await?;
    let stand = find_adoptable(&listed, &before.desired);
    let names = pluralize(stand.len(), "name", "names");
    let detail = format!("by an operator: {names} where a record wants what stands");
    let deed = AdoptionReason {
        zone: context.root.as_str(),
        detail: &detail,
        goal: AdoptionGoal::Keep(REASON),
    };
    let adopted = zone::adopt(store, lease, &stand, deed).await?;
    if !adopted.complete {
        return Err(ReconcileError::Busy);
    }
    let view = zone::read_snapshot(store).await?;
    Ok(Adoption {
        adopted: adopted.sets,
        plan: plan_of(context, &listed, &view, &view),
    })
}

//! Follows what was sent: in sync at the provider, then answered by the name servers.

use std::time::Duration;

use futures_util::stream::{self, StreamExt};
use starchart_dns::limiter::Priority;
use starchart_dns::zone::{ChangeId, ChangeState, ZoneError};
use starchart_jobs::Outcome;
use starchart_store::Error;
use starchart_store::lease::{self, LeaseName};
use starchart_store::zone::{self, NameToCheck};
use tracing::{debug, warn};

use crate::Context;
use crate::handlers::keep::keep;
use crate::schedule::again_after;

/// Between two looks while somebody may be watching.
const SOON: Duration = Duration::from_millis(500);
/// Changes asked about in one run.
const CHANGES: usize = 20;
/// A change whose state cannot be read counts as done after this, in milliseconds.
const DONE_AFTER_MS: i64 = 60 * 60 * 1_000;
/// Names whose servers are asked in one run.
const NAMES: u64 = 64;
/// Names asked about at once.
const PARALLEL: usize = 8;
/// The lease, in milliseconds; a run that takes longer, as one that asks silent name servers,
/// renews it.
const LEASE_MS: i64 = 8_000;

pub(crate) async fn run(context: Context) -> Outcome {
    match look(&context).await {
        Ok(true) => Outcome::Again(SOON),
        Ok(false) => Outcome::Done,
        Err(error) => again_after(&error),
    }
}

/// One look at everything under way; whether something still is.
async fn look(context: &Context) -> Result<bool, Error> {
    let store = &context.store;
    if zone::list_unsynced_changes(store).await?.is_empty()
        && zone::list_names_to_check(store, 1).await?.is_empty()
    {
        return Ok(false);
    }
    let Some(lease) = lease::acquire(store, LeaseName::Track, &context.holder, LEASE_MS).await?
    else {
        return Ok(false);
    };
    let asked = async { Ok(ask_provider(context).await? | ask_servers(context).await?) };
    let result = tokio::select! {
        result = asked => result,
        never = keep(store, lease.clone(), LEASE_MS) => match never {},
    };
    lease::release(store, &lease).await?;
    result
}

/// Asks about the oldest changes; whether some are still under way.
async fn ask_provider(context: &Context) -> Result<bool, Error> {
    let now = context.store.now().await?;
    let changes = zone::list_unsynced_changes(&context.store).await?;
    for change in changes.iter().take(CHANGES) {
        if context.stop.is_cancelled() {
            return Ok(true);
        }
        context.limiter.acquire(Priority::Track).await;
        match context
            .zone
            .change_state(&ChangeId(change.id.clone()))
            .await
        {
            // A change that the provider no longer knows is long done.
            Ok(ChangeState::InSync) | Err(ZoneError::Refused { .. }) => {
                zone::mark_in_sync(&context.store, &change.id).await?
            }
            Ok(ChangeState::Pending) => {}
            Err(error) => {
                if now.since(change.sent_at) > DONE_AFTER_MS {
                    // Nobody will tell any more; the name servers can.
                    zone::mark_in_sync(&context.store, &change.id).await?;
                }
                match error {
                    ZoneError::Denied(_) => {
                        warn!(error = %error, "the state of changes cannot be read: allow route53:GetChange")
                    }
                    _ => debug!(error = %error, "the state of a change could not be read"),
                }
                return Ok(true);
            }
        }
    }
    Ok(!zone::list_unsynced_changes(&context.store)
        .await?
        .is_empty())
}

/// Asks every authoritative server for the names in sync; whether some do not answer rightly yet.
async fn ask_servers(context: &Context) -> Result<bool, Error> {
    let names = zone::list_names_to_check(&context.store, NAMES).await?;
    if names.is_empty() {
        return Ok(false);
    }
    let servers = match context.propagation.servers(context.zone.as_ref()).await {
        Ok(servers) => servers,
        Err(error) => {
            warn!(error = %error, "the zone's name servers are not known");
            return Ok(true);
        }
    };
    let servers = &servers;
    let ask = |name: NameToCheck| async move {
        let (by, of) = context
            .propagation
            .count_matching(servers, &name.desired)
            .await;
        zone::record_answers(&context.store, &name.fqdn, name.generation, by, of).await?;
        Ok(by < of)
    };
    let results: Vec<Result<bool, Error>> = stream::iter(names)
        .map(ask)
        .buffer_unordered(PARALLEL)
        .collect()
        .await;
    results
        .into_iter()
        .try_fold(false, |under_way, result| Ok(under_way | result?))
}

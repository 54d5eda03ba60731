//! Tracks published changes: until the provider reports them in sync, then until the name servers
//! answer with them.

use std::time::Duration;

use futures_util::stream::{self, StreamExt};
use starchart_dns::provider::{ChangeId, ChangeState, ProviderError};
use starchart_domain::timers::Timers;
use starchart_jobs::{Outcome, WakeUp};
use starchart_store::Error;
use starchart_store::lease::{Lease, LeaseName};
use starchart_store::lookups;
use starchart_store::zone::{self, NameAnswers, NameToCheck};

use crate::context::Context;
use crate::job::{Check, Job};
use crate::outages::retry_after;
use crate::with_lease::LeaseTerms;

/// The delay between two runs while changes are tracked, because users watch the page.
const POLL_INTERVAL: Duration = Duration::from_millis(500);
/// The maximum of that delay while the provider fails.
const POLL_INTERVAL_MAX: Duration = Duration::from_secs(30);
/// The part of the job that reads which name servers the zone has.
const DELEGATION: &str = "track: name servers";
/// The maximum of changes queried in one run.
const MAX_CHANGES: usize = 20;
/// A change whose state cannot be read counts as in sync after this, in milliseconds.
const ASSUME_IN_SYNC_AFTER_MS: i64 = 60 * 60 * 1_000;
/// The maximum of names checked in one run.
const MAX_NAMES: u64 = 64;
/// The number of names checked concurrently.
const CONCURRENCY: usize = 8;
/// The maximum of names whose answers one transaction records.
const MAX_RECORDED: usize = 64;
/// Checks all tracked changes once in a run, until every change is complete.
pub(crate) struct Track;

impl Job for Track {
    const NAME: &'static str = "track";
    const WAKE_UP: Option<WakeUp> = Some(WakeUp::Track);
    /// A run that waits for silent name servers takes longer.
    const LEASE: Option<LeaseTerms> = Some(LeaseTerms::new(LeaseName::Track, 8_000));

    fn period(timers: &Timers) -> Duration {
        timers.sweep
    }

    async fn check(&self, context: &Context) -> Result<Check, Error> {
        let store = &context.store;
        let is_idle = zone::list_unsynced_changes(store).await?.is_empty()
            && !zone::has_names_to_check(store).await?;
        Ok(if is_idle {
            context.outages.provider_works(Self::NAME);
            context.outages.provider_works(DELEGATION);
            Check::Skip(Outcome::Done)
        } else {
            Check::Due
        })
    }

    async fn run(&self, context: &Context, _: Option<&Lease>) -> Result<Outcome, Error> {
        let changes = check_changes(context).await?;
        let name_servers = check_name_servers(context).await?;
        Ok(changes
            .max(name_servers)
            .map_or(Outcome::Done, Outcome::Again))
    }
}

/// Queries the state of the oldest changes; returns when to query again if some are pending.
async fn check_changes(context: &Context) -> Result<Option<Duration>, Error> {
    let now = context.store.now().await?;
    let changes = zone::list_unsynced_changes(&context.store).await?;
    let tracks_changes = context.provider.capabilities().tracks_changes;
    for change in changes.iter().take(MAX_CHANGES) {
        if context.stop.is_cancelled() {
            return Ok(Some(POLL_INTERVAL));
        }
        let id = ChangeId(change.id.clone());
        let state = if tracks_changes {
            context.provider.change_state(&id).await
        } else {
            Ok(ChangeState::InSync)
        };
        match state {
            Ok(ChangeState::InSync | ChangeState::Unknown) => {
                zone::mark_in_sync(&context.store, &change.id).await?
            }
            Ok(ChangeState::Pending) => {}
            Err(error) => {
                if now.since(change.sent_at) > ASSUME_IN_SYNC_AFTER_MS {
                    // The name servers are checked instead.
                    zone::mark_in_sync(&context.store, &change.id).await?;
                }
                let message = "cannot read the state of changes, retrying";
                return Ok(Some(retry_later(context, Track::NAME, &error, message)));
            }
        }
    }
    context.outages.provider_works(Track::NAME);
    let unsynced = zone::list_unsynced_changes(&context.store).await?;
    Ok((!unsynced.is_empty()).then_some(POLL_INTERVAL))
}

/// Logs the error of this part, and returns the delay before the next run.
fn retry_later(
    context: &Context,
    part: &'static str,
    error: &ProviderError,
    message: &'static str,
) -> Duration {
    let failures = context.outages.provider_failed(part, error, message);
    retry_after(failures, POLL_INTERVAL, POLL_INTERVAL_MAX)
}

/// Queries every authoritative server for the names in sync; returns when to query again if some
/// do not answer with the published RRsets yet.
async fn check_name_servers(context: &Context) -> Result<Option<Duration>, Error> {
    let names = zone::list_names_to_check(&context.store, MAX_NAMES).await?;
    if names.is_empty() {
        return Ok(None);
    }
    let servers = match context.propagation.servers(context.provider.as_ref()).await {
        Ok(servers) => servers,
        Err(error) => {
            let message = "cannot find the zone's name servers, retrying";
            return Ok(Some(retry_later(context, DELEGATION, &error, message)));
        }
    };
    context.outages.provider_works(DELEGATION);
    let servers = &servers;
    let ask = |name: NameToCheck| async move {
        let (by, of) = context
            .propagation
            .count_matching(servers, &name.desired, (&name.fqdn, &name.absent))
            .await;
        NameAnswers {
            fqdn: name.fqdn,
            generation: name.generation,
            by,
            of,
        }
    };
    // Answers that are ready together are recorded together.
    let mut ready = stream::iter(names)
        .map(ask)
        .buffer_unordered(CONCURRENCY)
        .ready_chunks(MAX_RECORDED);
    let mut is_lagging = false;
    while let Some(answers) = ready.next().await {
        zone::record_answers(&context.store, &answers).await?;
        let live = answers.iter().filter(|name| name.by == name.of);
        let live: Vec<&str> = live.map(|name| name.fqdn.as_str()).collect();
        if lookups::request_again(&context.store, &live).await? {
            context.queue.wake(WakeUp::Lookup);
        }
        is_lagging |= answers.iter().any(|name| name.by < name.of);
    }
    Ok(is_lagging.then_some(POLL_INTERVAL))
}

#[cfg(test)]
mod tests;

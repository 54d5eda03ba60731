//! Publishes unpublished names, in one process at a time.

use std::time::Duration;

use async_trait::async_trait;
use starchart_dns::engine::publish::{Journal, PublishError, PublishReport, publish};
use starchart_dns::engine::zone_verifier::ZoneMismatch;
use starchart_dns::provider::{ChangeId, ProviderError};
use starchart_domain::plan::{PublishedName, RefusedName};
use starchart_domain::timers::Timers;
use starchart_jobs::{Outcome, WakeUp};
use starchart_store::lease::{Lease, LeaseName};
use starchart_store::zone;
use starchart_store::{Error, Store};
use tokio::time::Instant;
use tracing::{debug, info, warn};

use crate::context::Context;
use crate::job::{Check, Job};
use crate::outages::retry_after;
use crate::with_lease::{LeaseTerms, MAX_HOLD};

/// The publish lease. A run that takes longer, for example to list a large zone, renews it.
pub(crate) const LEASE: LeaseTerms = LeaseTerms::new(LeaseName::Publish, 15_000);
/// The minimum remaining validity to send a change: more than the provider port's `CHANGE_TIMEOUT`,
/// which is 5 s, plus the time to record a full batch.
const LEASE_MARGIN_MS: i64 = 8_000;
/// How long to wait for more changes before a batch is formed.
const COALESCE: Duration = Duration::from_millis(30);
/// The delay after a zone could not be verified, doubled up to the maximum.
const VERIFY_RETRY_AFTER: Duration = Duration::from_secs(5);
/// The maximum delay while the provider fails.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(60);
/// The delay after the lease was lost.
const LEASE_LOST_RETRY_AFTER: Duration = Duration::from_millis(50);
/// The maximum of names in one publish run.
const MAX_NAMES: u64 = 1_000;

/// Publishes until no name is unpublished. Ends when another process holds the lease, because that
/// process checks again before acquiring and after releasing it.
pub(crate) struct Publish;

impl Job for Publish {
    const NAME: &'static str = "publish";
    const WAKE_UP: Option<WakeUp> = Some(WakeUp::Publish);
    const LEASE: Option<LeaseTerms> = Some(LEASE);

    fn period(timers: &Timers) -> Duration {
        timers.sweep
    }

    async fn check(&self, context: &Context) -> Result<Check, Error> {
        let store = &context.store;
        if context.stop.is_cancelled() {
            return Ok(Check::Skip(Outcome::Done));
        }
        if zone::list_unpublished(store, 1).await?.is_empty() {
            // What the provider failed is no longer wanted.
            context.outages.provider_works(Self::NAME);
            return Ok(Check::Skip(Outcome::Done));
        }
        if let Some(paused) = give_up_if_paused(store).await? {
            return Ok(Check::Skip(paused));
        }
        // A wrong zone id would send our changes to another zone.
        let mismatch = match context
            .zone_verifier
            .verify(context.provider.as_ref())
            .await
        {
            Ok(()) => return Ok(Check::Due),
            Err(mismatch) => mismatch,
        };
        Ok(Check::Skip(match mismatch {
            ZoneMismatch::WrongZone(fault) => Outcome::GiveUp(fault.to_string()),
            ZoneMismatch::Unverified(error) => retry_later(context, VERIFY_RETRY_AFTER, &error),
        }))
    }

    async fn run(&self, context: &Context, lease: Option<&Lease>) -> Result<Outcome, Error> {
        let Some(lease) = lease else {
            return Ok(Outcome::Done);
        };
        publish_with_lease(context, lease).await
    }
}

/// Logs the error, and waits for `first` or longer after repeated errors.
fn retry_later(context: &Context, first: Duration, error: &ProviderError) -> Outcome {
    let message = match error {
        ProviderError::Denied(_) => "DNS provider denied access",
        _ => "DNS provider does not accept changes now, retrying",
    };
    let failures = context
        .outages
        .provider_failed(Publish::NAME, error, message);
    Outcome::Again(retry_after(failures, first, RETRY_AFTER_MAX))
}

async fn give_up_if_paused(store: &Store) -> Result<Option<Outcome>, Error> {
    Ok(zone::pause_reason(store)
        .await?
        .map(|reason| Outcome::GiveUp(format!("publishing is paused: {reason}"))))
}

/// Publishes until no name is unpublished or the lease should be offered to others. Then asks for
/// another run: a process that found the lease held in the meantime relies on it.
async fn publish_with_lease(context: &Context, lease: &Lease) -> Result<Outcome, Error> {
    let begun = Instant::now();
    loop {
        if context.stop.is_cancelled() || begun.elapsed() >= MAX_HOLD {
            return Ok(Outcome::Again(Duration::ZERO));
        }
        tokio::time::sleep(COALESCE).await;
        let names = zone::list_unpublished(&context.store, MAX_NAMES).await?;
        if names.is_empty() {
            return Ok(Outcome::Again(Duration::ZERO));
        }
        if let Some(paused) = give_up_if_paused(&context.store).await? {
            return Ok(paused);
        }
        if let Some(outcome) = publish_names(context, lease, &names).await? {
            return Ok(outcome);
        }
    }
}

/// Publishes these names; returns the outcome of the run if it ends here.
async fn publish_names(
    context: &Context,
    lease: &Lease,
    names: &[String],
) -> Result<Option<Outcome>, Error> {
    let work = zone::read_work(&context.store, names).await?;
    debug!(names = work.len(), "publishing");
    let mut journal = StoreJournal {
        store: &context.store,
        lease,
    };
    let result = publish(context.provider.as_ref(), &mut journal, work).await;
    context.queue.wake(WakeUp::Track);
    match result {
        Ok(PublishReport {
            published,
            refused,
            calls,
        }) => {
            context.outages.provider_works(Publish::NAME);
            info!(published, refused, calls, "publish run finished");
            Ok(None)
        }
        Err(PublishError::LeaseLost) => Ok(Some(Outcome::Again(LEASE_LOST_RETRY_AFTER))),
        Err(PublishError::Journal(error)) => Err(error),
        Err(PublishError::RetryAfter(after, error)) => {
            Ok(Some(retry_later(context, after, &error)))
        }
    }
}

/// The journal of a publish run in the database.
struct StoreJournal<'a> {
    store: &'a Store,
    lease: &'a Lease,
}

#[async_trait]
impl Journal for StoreJournal<'_> {
    type Error = Error;

    async fn intend(&mut self, batch: &[PublishedName]) -> Result<bool, Error> {
        zone::intend(self.store, self.lease, LEASE_MARGIN_MS, batch).await
    }

    async fn withdraw(&mut self, batch: &[PublishedName]) -> Result<bool, Error> {
        zone::withdraw(self.store, self.lease, batch).await
    }

    async fn confirm(
        &mut self,
        names: &[PublishedName],
        change: Option<&ChangeId>,
    ) -> Result<bool, Error> {
        let change_id = change.map(|id| id.0.as_str());
        if zone::confirm(self.store, self.lease, names, change_id).await? {
            return Ok(true);
        }
        // Another process publishes now, whose records must not be overwritten.
        warn!(
            names = names.len(),
            "lost the publish lease during a change of the zone"
        );
        if change.is_some() {
            zone::record_unfenced_changes(self.store, names).await?;
        }
        Ok(false)
    }

    async fn record_read(&mut self, names: &[PublishedName]) -> Result<bool, Error> {
        if zone::record_read(self.store, self.lease, names).await? {
            return Ok(true);
        }
        // The RRsets may be what this process sent, so the lease holder has to know that they are
        // ours.
        let found: Vec<PublishedName> = names
            .iter()
            .filter_map(|name| {
                let mut found = name.clone();
                found.sets.retain(|(_, body)| body.is_some());
                (!found.sets.is_empty()).then_some(found)
            })
            .collect();
        if !found.is_empty() {
            zone::record_unfenced_changes(self.store, &found).await?;
        }
        Ok(false)
    }

    async fn quarantine(&mut self, names: &[RefusedName]) -> Result<bool, Error> {
        zone::quarantine(self.store, self.lease, names).await
    }
}

#[cfg(test)]
mod tests;

//! Brings names that are out of date into the zone, one process at a time.

use std::time::Duration;

use async_trait::async_trait;
use starchart_dns::publish::{Journal, Report, Stop, publish};
use starchart_dns::zone::{ChangeId, ZoneError};
use starchart_dns::zone_verifier::ZoneMismatch;
use starchart_domain::plan::{NameToPublish, PublishedName};
use starchart_domain::record::RecordType;
use starchart_jobs::{Job, Outcome};
use starchart_store::lease::{self, Lease, LeaseName};
use starchart_store::zone;
use starchart_store::{Error, Store};
use tokio::time::Instant;
use tracing::{debug, info, warn};

use crate::Context;
use crate::lease_renewal::keep_renewed;
use crate::retry::retry_after_store_error;

/// The lease, in milliseconds; a run that takes longer, as the listing of a large zone does, renews
/// it.
pub(crate) const LEASE_MS: i64 = 15_000;
/// What must be left of the lease to send: more than the zone's operation timeout of 5 s, and the
/// time to note a full batch.
const MARGIN_MS: i64 = 8_000;
/// Saves that come so close together go in one call.
const COALESCE: Duration = Duration::from_millis(30);
/// Until the next question to a zone that did not say whose it is.
const NO_ANSWER: Duration = Duration::from_secs(5);
/// After so long the lease is given back for a moment, however much is owed: a busy school never
/// falls silent, and an operator's adoption or removal needs the lease too.
const TURN: Duration = Duration::from_secs(5);
/// That moment; whoever waits asks more often.
const GAP: Duration = Duration::from_millis(250);
/// Names taken up at once.
const NAMES: u64 = 1_000;

/// Publishes until nothing is owed. Whoever does not get the lease leaves: its holder looks again
/// before and after releasing.
pub(crate) async fn run(context: Context) -> Outcome {
    match until_clean(&context).await {
        Ok(outcome) => outcome,
        Err(error) => retry_after_store_error(&error),
    }
}

async fn until_clean(context: &Context) -> Result<Outcome, Error> {
    let store = &context.store;
    loop {
        if zone::list_unpublished(store, 1).await?.is_empty() {
            return Ok(Outcome::Done);
        }
        if context.stop.is_cancelled() {
            return Ok(Outcome::Done);
        }
        if let Some(paused) = paused(store).await? {
            return Ok(paused);
        }
        // Another zone would take our changes as its own.
        match context.zone_verifier.verify(context.zone.as_ref()).await {
            Ok(()) => {}
            Err(ZoneMismatch::WrongZone(fault)) => return Ok(Outcome::GiveUp(fault.to_string())),
            Err(ZoneMismatch::Unverified(error)) => return Ok(later(NO_ANSWER, &error)),
        }
        let Some(lease) =
            lease::acquire(store, LeaseName::Publish, &context.holder, LEASE_MS).await?
        else {
            return Ok(Outcome::Done);
        };
        let begun = Instant::now();
        let outcome = with_lease(context, &lease).await;
        lease::release(store, &lease).await?;
        if begun.elapsed() >= TURN {
            tokio::time::sleep(GAP).await;
        }
        match outcome? {
            Outcome::Done => {}
            other => return Ok(other),
        }
    }
}

fn later(after: Duration, error: &ZoneError) -> Outcome {
    let after_s = after.as_secs();
    match error {
        ZoneError::Denied(_) => warn!(error = %error, after_s, "the zone denies access"),
        _ => warn!(error = %error, after_s, "the zone does not take changes now"),
    }
    Outcome::Again(after)
}

async fn paused(store: &Store) -> Result<Option<Outcome>, Error> {
    Ok(zone::pause_reason(store)
        .await?
        .map(|reason| Outcome::GiveUp(format!("publishing is paused: {reason}"))))
}

async fn with_lease(context: &Context, lease: &Lease) -> Result<Outcome, Error> {
    let begun = Instant::now();
    loop {
        if context.stop.is_cancelled() || begun.elapsed() >= TURN {
            return Ok(Outcome::Done);
        }
        tokio::time::sleep(COALESCE).await;
        let names: Vec<String> = zone::list_unpublished(&context.store, NAMES)
            .await?
            .into_iter()
            .map(|name| name.fqdn)
            .collect();
        if names.is_empty() {
            return Ok(Outcome::Done);
        }
        if let Some(paused) = paused(&context.store).await? {
            return Ok(paused);
        }
        let work = zone::read_work(&context.store, &names).await?;
        debug!(names = work.len(), "publishing");
        let mut journal = Rows {
            store: &context.store,
            lease,
        };
        let result = tokio::select! {
            result = publish(context.zone.as_ref(), &context.limiter, &mut journal, work) => result,
            never = keep_renewed(&context.store, lease.clone(), LEASE_MS) => match never {},
        };
        context.queue.wake(Job::Track);
        match result {
            Ok(Report {
                applied,
                refused,
                calls,
            }) => {
                info!(applied, refused, calls, "published names")
            }
            Err(Stop::LeaseLost) => return Ok(Outcome::Again(Duration::from_millis(50))),
            Err(Stop::Journal(error)) => return Err(error),
            Err(Stop::Later(after, error)) => return Ok(later(after, &error)),
        }
    }
}

/// The rows around each call.
struct Rows<'a> {
    store: &'a Store,
    lease: &'a Lease,
}

#[async_trait]
impl Journal for Rows<'_> {
    type Error = Error;

    async fn intend(&mut self, batch: &[PublishedName]) -> Result<bool, Error> {
        zone::intend(self.store, self.lease, MARGIN_MS, batch).await
    }

    async fn withdrawn(&mut self, batch: &[PublishedName]) -> Result<bool, Error> {
        zone::withdraw(self.store, self.lease, batch).await
    }

    async fn applied(
        &mut self,
        names: &[PublishedName],
        change: Option<&ChangeId>,
    ) -> Result<bool, Error> {
        if zone::confirm(
            self.store,
            self.lease,
            change.map(|id| id.0.as_str()),
            names,
        )
        .await?
        {
            return Ok(true);
        }
        // Somebody else works by now; what we learned must not overwrite what they know.
        warn!(
            names = names.len(),
            "the lease was lost during a call to the zone"
        );
        if change.is_some() {
            zone::record_unfenced_changes(self.store, names).await?;
        }
        Ok(false)
    }

    async fn read(&mut self, name: &PublishedName) -> Result<bool, Error> {
        if zone::record_read(self.store, self.lease, name).await? {
            return Ok(true);
        }
        // What stands there may be what this process sent: whoever holds the lease has to know that
        // it is ours.
        let mut stands = name.clone();
        stands.sets.retain(|(_, body)| body.is_some());
        if !stands.sets.is_empty() {
            zone::record_unfenced_changes(self.store, &[stands]).await?;
        }
        Ok(false)
    }

    async fn refused(
        &mut self,
        name: &NameToPublish,
        rtype: Option<RecordType>,
        reason: &str,
    ) -> Result<bool, Error> {
        zone::quarantine(
            self.store,
            self.lease,
            &name.name,
            name.generation,
            rtype,
            reason,
        )
        .await
    }
}

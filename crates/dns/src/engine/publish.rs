//! Publishes unpublished names: makes the zone match the database by compare-and-swap (I10).
//!
//! Every batch deletes the exact current RRsets and creates the desired ones, so the provider
//! refuses it when the zone differs. Its faults say which RRsets differ; those are read, and the
//! table decides:
//!
//! | the zone holds | ownership                      | action                                |
//! |----------------|--------------------------------|---------------------------------------|
//! | no RRset       |                                | create                                |
//! | an RRset       | ours ([`OwnedRrset::is_ours`]) | replace what was read                 |
//! | an RRset       | not ours                       | quarantine the name, change nothing   |
//!
//! A refused name does not delay the others, and the RRsets of a name stay in one batch. The
//! [`Journal`] makes each step durable.

mod candidate;
mod compare;
mod refusal;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use async_trait::async_trait;
use candidate::Candidate;
use compare::{ZoneComparison, compare};
use starchart_domain::plan::{NameToPublish, OwnedRrset, PublishedName, RefusedName, plan_changes};
use starchart_domain::record::RecordType;
use tracing::{debug, info, warn};

use super::batch;
use crate::provider::{
    BatchSize, Capabilities, Change, ChangeError, ChangeId, Provider, ProviderError, ZoneRrset,
};

/// The maximum of attempts for a name in one run before it is quarantined.
const MAX_ATTEMPTS: u32 = 4;
/// Above this number of names to read, the zone is listed once instead.
const LIST_THRESHOLD: usize = 20;
/// The delays after throttled requests, before the run gives up.
const BACK_OFF: [Duration; 4] = [
    Duration::from_millis(300),
    Duration::from_millis(700),
    Duration::from_millis(1_500),
    Duration::from_millis(2_500),
];

/// Makes the steps of publishing durable. Each method returns false when the lease is lost; the run
/// then ends.
#[async_trait]
pub trait Journal: Send {
    /// The error of the storage.
    type Error: Send;

    /// Commits the batch that is about to be sent. Also returns false when the lease expires too
    /// soon to send it.
    async fn intend(&mut self, batch: &[PublishedName]) -> Result<bool, Self::Error>;

    /// Withdraws a batch that certainly had no effect.
    async fn withdraw(&mut self, batch: &[PublishedName]) -> Result<bool, Self::Error>;

    /// Records that the zone now holds these RRsets and that the names are published as of their
    /// generation. `change` is the id of the accepted change, `None` when nothing had to be sent.
    async fn confirm(
        &mut self,
        names: &[PublishedName],
        change: Option<&ChangeId>,
    ) -> Result<bool, Self::Error>;

    /// Records the RRsets of ours that the zone holds. An unconfirmed batch may still take effect.
    async fn record_read(&mut self, names: &[PublishedName]) -> Result<bool, Self::Error>;

    /// Quarantines names, or single RRsets of them, that cannot be published; nothing of this
    /// attempt is in the zone.
    async fn quarantine(&mut self, names: &[RefusedName]) -> Result<bool, Self::Error>;
}

/// Why a run ended early.
#[derive(Debug)]
pub enum PublishError<E> {
    /// Another process holds the lease, or the lease expires too soon.
    LeaseLost,
    /// The provider accepts no requests now; retry after the delay.
    RetryAfter(Duration, ProviderError),
    /// The journal could not be written.
    Journal(E),
}

/// The counts of a run.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct PublishReport {
    /// The number of published names.
    pub published: usize,
    /// The number of quarantined names.
    pub refused: usize,
    /// The number of change requests sent.
    pub calls: usize,
}

/// Publishes `work`.
///
/// # Errors
/// [`PublishError`] says why the run ended early; the remaining names are still unpublished.
pub async fn publish<J: Journal>(
    provider: &dyn Provider,
    journal: &mut J,
    work: Vec<NameToPublish>,
) -> Result<PublishReport, PublishError<J::Error>> {
    let mut run = Run {
        provider,
        capabilities: provider.capabilities(),
        journal,
        report: PublishReport::default(),
        failures: 0,
    };
    let (unclear, clear): (Vec<NameToPublish>, Vec<NameToPublish>) = work
        .into_iter()
        .partition(|w| w.owned.iter().any(OwnedRrset::needs_read));
    // Names that need no read first do not wait for the others.
    run.send_all(clear.into_iter().map(Candidate::from_registry).collect())
        .await?;
    let read = run
        .reread(unclear.into_iter().map(Candidate::from_registry).collect())
        .await?;
    run.send_all(read).await?;
    Ok(run.report)
}

/// Ends the run unless the lease is held.
fn assert_lease<E>(answer: Result<bool, E>) -> Result<(), PublishError<E>> {
    match answer {
        Ok(true) => Ok(()),
        Ok(false) => Err(PublishError::LeaseLost),
        Err(error) => Err(PublishError::Journal(error)),
    }
}

struct Run<'a, J> {
    provider: &'a dyn Provider,
    capabilities: Capabilities,
    journal: &'a mut J,
    report: PublishReport,
    failures: usize,
}

impl<J: Journal> Run<'_, J> {
    async fn send_all(&mut self, ready: Vec<Candidate>) -> Result<(), PublishError<J::Error>> {
        let (change, done): (Vec<_>, Vec<_>) =
            ready.into_iter().partition(|c| !c.changes.is_empty());
        self.confirm_unchanged(&done).await?;
        let mut queue: VecDeque<Vec<Candidate>> = self.batches(change).await?.into();
        while let Some(batch) = queue.pop_front() {
            let again = self.send(batch).await?;
            queue.extend(again);
        }
        Ok(())
    }

    /// Confirms names that already match.
    async fn confirm_unchanged(
        &mut self,
        done: &[Candidate],
    ) -> Result<(), PublishError<J::Error>> {
        if done.is_empty() {
            Ok(())
        } else {
            self.confirm(done, None).await
        }
    }

    /// Confirms what the zone holds now, then quarantines the skipped RRsets.
    async fn confirm(
        &mut self,
        done: &[Candidate],
        change: Option<&ChangeId>,
    ) -> Result<(), PublishError<J::Error>> {
        let names: Vec<PublishedName> = done.iter().map(Candidate::outcome).collect();
        assert_lease(self.journal.confirm(&names, change).await)?;
        let skipped = done.iter().filter_map(|candidate| {
            let (rtype, reason) = candidate.skipped.first()?;
            Some(candidate.refused(Some(*rtype), reason.clone()))
        });
        let skipped: Vec<RefusedName> = skipped.collect();
        self.report.published += done.len() - skipped.len();
        self.quarantine(skipped).await
    }

    async fn batches(
        &mut self,
        candidates: Vec<Candidate>,
    ) -> Result<Vec<Vec<Candidate>>, PublishError<J::Error>> {
        let limits = self.capabilities.batch_limits;
        let size_of = |candidate: &Candidate| BatchSize::of(&candidate.provider_changes());
        let (batches, too_large) = batch::split(candidates, size_of, limits);
        let refused = too_large.into_iter().map(|(candidate, size)| {
            let reason = batch::describe_too_large(&candidate.work.name, size, limits);
            candidate.refused(None, reason)
        });
        self.quarantine(refused.collect()).await?;
        Ok(batches)
    }

    /// Sends one batch; returns the batches to send next.
    async fn send(
        &mut self,
        mut batch: Vec<Candidate>,
    ) -> Result<Vec<Vec<Candidate>>, PublishError<J::Error>> {
        self.provider.wait_for_change().await;
        let outcomes: Vec<PublishedName> = batch.iter().map(Candidate::outcome).collect();
        assert_lease(self.journal.intend(&outcomes).await)?;
        batch.iter_mut().for_each(Candidate::intend);
        let changes: Vec<Change> = batch.iter().flat_map(Candidate::provider_changes).collect();
        self.report.calls += 1;
        match self.provider.change(&changes).await {
            Ok(id) => {
                self.failures = 0;
                self.confirm(&batch, Some(&id)).await?;
                info!(names = batch.len(), change = %id, "published");
                Ok(vec![])
            }
            Err(ChangeError::Refused(faults)) => {
                // A refused batch changed nothing, so it cannot take effect later.
                assert_lease(self.journal.withdraw(&outcomes).await)?;
                batch.iter_mut().for_each(Candidate::withdraw);
                self.resolve_refusal(batch, &faults).await
            }
            Err(ChangeError::OutcomeUnknown(what)) => {
                // If the zone cannot be read either, the run ends with an error that is logged.
                debug!(
                    names = batch.len(),
                    error = %what,
                    "outcome of a change unknown, reading the zone"
                );
                self.after_unknown(batch).await
            }
            Err(ChangeError::NotApplied(error)) => match self.back_off(error).await {
                Ok(()) => Ok(vec![batch]),
                Err(stop) => {
                    // Nothing was changed, so the next run need not read the zone.
                    assert_lease(self.journal.withdraw(&outcomes).await)?;
                    Err(stop)
                }
            },
        }
    }

    /// Reads the zone after an unknown outcome. Batches without a clear answer are halved, and
    /// names without one are finally quarantined.
    async fn after_unknown(
        &mut self,
        batch: Vec<Candidate>,
    ) -> Result<Vec<Vec<Candidate>>, PublishError<J::Error>> {
        let (unanswered, read): (Vec<_>, Vec<_>) = self
            .reread(batch)
            .await?
            .into_iter()
            .partition(|c| c.attempts >= MAX_ATTEMPTS && !c.changes.is_empty());
        let name = self.capabilities.name;
        let refused = unanswered
            .iter()
            .map(|c| c.refused(None, format!("{name} gives no clear answer to this change")));
        self.quarantine(refused.collect()).await?;
        let halve = read.iter().any(|candidate| candidate.attempts > 1);
        let mut again = Vec::new();
        for mut batch in self.resume(read).await? {
            if halve && batch.len() > 1 {
                again.push(batch.split_off(batch.len() / 2));
            }
            again.push(batch);
        }
        Ok(again)
    }

    /// Confirms re-read names that match, and batches the others.
    async fn resume(
        &mut self,
        read: Vec<Candidate>,
    ) -> Result<Vec<Vec<Candidate>>, PublishError<J::Error>> {
        let (change, done): (Vec<_>, Vec<_>) =
            read.into_iter().partition(|c| !c.changes.is_empty());
        self.confirm_unchanged(&done).await?;
        if change.is_empty() {
            Ok(vec![])
        } else {
            self.batches(change).await
        }
    }

    /// Reads these names again and plans their changes; quarantines conflicts.
    async fn reread(
        &mut self,
        candidates: Vec<Candidate>,
    ) -> Result<Vec<Candidate>, PublishError<J::Error>> {
        if candidates.is_empty() {
            return Ok(vec![]);
        }
        let mut found = self.find(&candidates).await?;
        let compared: Vec<ZoneComparison> = candidates
            .iter()
            .map(|candidate| {
                let sets = found.remove(&candidate.work.name).unwrap_or_default();
                compare(&candidate.work, &sets)
            })
            .collect();
        let read: Vec<PublishedName> = candidates
            .iter()
            .zip(&compared)
            .map(|(candidate, in_zone)| PublishedName {
                name: candidate.work.name.clone(),
                generation: candidate.work.generation,
                sets: in_zone.ours.clone(),
            })
            .collect();
        assert_lease(self.journal.record_read(&read).await)?;
        let mut planned = Vec::with_capacity(candidates.len());
        let mut refused = Vec::new();
        for (mut candidate, in_zone) in candidates.into_iter().zip(compared) {
            candidate.record_read(&in_zone.ours);
            candidate.changes = plan_changes(
                &candidate.work.name,
                &candidate.work.desired,
                &in_zone.current,
            );
            candidate.attempts += 1;
            candidate.skipped.clear();
            let whole = in_zone
                .blocking
                .iter()
                .find(|rtype| match RecordType::parse(rtype) {
                    Some(parsed) => !candidate.skip(parsed, foreign(rtype)),
                    None => true,
                });
            match whole {
                Some(rtype) => refused.push(candidate.refused(None, foreign(rtype))),
                None => planned.push(candidate),
            }
        }
        self.quarantine(refused).await?;
        Ok(planned)
    }

    /// Reads what the zone holds at these names, by one listing when they are many.
    async fn find(
        &mut self,
        candidates: &[Candidate],
    ) -> Result<BTreeMap<String, Vec<ZoneRrset>>, PublishError<J::Error>> {
        let mut found: BTreeMap<String, Vec<ZoneRrset>> = BTreeMap::new();
        if candidates.len() > LIST_THRESHOLD {
            for set in self.list(candidates).await? {
                found.entry(set.name.clone()).or_default().push(set);
            }
        } else {
            for candidate in candidates {
                let name = &candidate.work.name;
                found.insert(name.clone(), self.read(name).await?);
            }
        }
        Ok(found)
    }

    async fn read(&mut self, name: &str) -> Result<Vec<ZoneRrset>, PublishError<J::Error>> {
        loop {
            match self.provider.read(name).await {
                Ok(sets) => return Ok(sets),
                Err(error) => self.back_off(error).await?,
            }
        }
    }

    async fn list(
        &mut self,
        candidates: &[Candidate],
    ) -> Result<Vec<ZoneRrset>, PublishError<J::Error>> {
        let names: BTreeSet<&str> = candidates.iter().map(|c| c.work.name.as_str()).collect();
        loop {
            match self.provider.list().await {
                Ok(sets) => {
                    return Ok(sets
                        .into_iter()
                        .filter(|set| names.contains(set.name.as_str()))
                        .collect());
                }
                Err(error) => self.back_off(error).await?,
            }
        }
    }

    /// Waits after a temporary error, longer each time in a row, then gives up for this run.
    async fn back_off(&mut self, error: ProviderError) -> Result<(), PublishError<J::Error>> {
        let pause = match error {
            ProviderError::Denied(_) | ProviderError::Rejected(_) => {
                return Err(PublishError::RetryAfter(Duration::from_secs(30), error));
            }
            ProviderError::Unavailable(_) => {
                return Err(PublishError::RetryAfter(Duration::from_secs(2), error));
            }
            ProviderError::Throttled | ProviderError::Busy | ProviderError::NoAnswer(_) => {
                BACK_OFF.get(self.failures)
            }
        };
        let Some(pause) = pause else {
            return Err(PublishError::RetryAfter(Duration::from_secs(2), error));
        };
        self.failures += 1;
        tokio::time::sleep(*pause).await;
        Ok(())
    }

    async fn quarantine(&mut self, names: Vec<RefusedName>) -> Result<(), PublishError<J::Error>> {
        if names.is_empty() {
            return Ok(());
        }
        for refused in &names {
            warn!(
                rtype = refused.rtype.map(tracing::field::display),
                "name quarantined, its owner sees the reason"
            );
            debug!(
                name = refused.name,
                reason = refused.reason,
                "name quarantined"
            );
        }
        self.report.refused += names.len();
        assert_lease(self.journal.quarantine(&names).await)
    }
}

/// The reason of a quarantine because of an RRset of this type that is not ours.
fn foreign(rtype: &str) -> String {
    format!(
        "The zone already has a {rtype} record set at this name that Starchart did not create; \
         the DNS administrator has to remove it first"
    )
}

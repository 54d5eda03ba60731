//! Publish: bring the names that rows say are out of date up to date, by compare and swap.
//!
//! Every batch deletes exactly what stands and creates exactly what shall stand, so a zone that
//! differs refuses it. Then the messages say which sets are meant, those are read, and the table
//! decides:
//!
//! | the zone holds          | and it is               | so                                   |
//! |-------------------------|-------------------------|--------------------------------------|
//! | nothing                 |                         | create                               |
//! | a set                   | ours ([`OwnedRrset::is_ours`]) | replace what was read           |
//! | a set                   | not ours                | a conflict: told, nothing is touched |
//!
//! One refused name never holds the others back, and the sets of one name are never parted. What is
//! durable around each call is the [`Journal`]'s.

mod candidate;
mod seen;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use async_trait::async_trait;
use candidate::Candidate;
use seen::{adopt, compare};
use starchart_domain::plan::{NameToPublish, OwnedRrset, PublishedName, plan_changes};
use starchart_domain::record::RecordType;
use tracing::{debug, info, warn};

use crate::attribution::{FaultKind, attribute};
use crate::batch;
use crate::limiter::{Limiter, Priority};
use crate::zone::{Change, ChangeId, Zone, ZoneError, ZoneRrset};

/// Readings and sends a name gets in one run before it is put aside.
const TRIES: u32 = 4;
/// Above so many unclear names the zone is listed once instead of read name by name.
const LIST_ABOVE: usize = 20;
/// Waits after "too many requests" before the run gives up.
const BACK_OFF: [Duration; 4] = [
    Duration::from_millis(300),
    Duration::from_millis(700),
    Duration::from_millis(1_500),
    Duration::from_millis(2_500),
];

/// What must be durable around each call to the zone. Each answers false when the lease is lost:
/// then the run ends.
#[async_trait]
pub trait Journal: Send {
    /// Why it could not be made durable.
    type Error: Send;

    /// Commits what is about to be sent. False also when too little of the lease is left: nothing
    /// may be sent.
    async fn intend(&mut self, batch: &[PublishedName]) -> Result<bool, Self::Error>;

    /// What was intended was certainly not done.
    async fn withdrawn(&mut self, batch: &[PublishedName]) -> Result<bool, Self::Error>;

    /// The zone holds this now; `change` is what it may be asked about, none when nothing had to be
    /// sent. The names are up to date as of their generation.
    async fn applied(
        &mut self,
        names: &[PublishedName],
        change: Option<&ChangeId>,
    ) -> Result<bool, Self::Error>;

    /// The zone was read and holds this of ours; a send that it does not show may still come.
    async fn read(&mut self, name: &PublishedName) -> Result<bool, Self::Error>;

    /// A set of the name (`None`: the whole name) cannot be published as it is; nothing of this
    /// attempt at it is in the zone.
    async fn refused(
        &mut self,
        name: &NameToPublish,
        rtype: Option<RecordType>,
        reason: &str,
    ) -> Result<bool, Self::Error>;
}

/// Why a run ended before its names were done.
#[derive(Debug)]
pub enum Stop<E> {
    /// Another process holds the lease, or it ends too soon to send more.
    LeaseLost,
    /// The zone does not take requests now: try again after so long.
    Later(Duration, ZoneError),
    /// The rows could not be written.
    Journal(E),
}

/// What a run did.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Report {
    /// Names brought up to date.
    pub applied: usize,
    /// Names put aside with a reason.
    pub refused: usize,
    /// Calls that changed the zone or tried to.
    pub calls: usize,
}

/// Brings `work` up to date.
///
/// # Errors
/// [`Stop`] says why names are left over; their rows still say that they are out of date.
pub async fn publish<J: Journal>(
    zone: &dyn Zone,
    limiter: &Limiter,
    journal: &mut J,
    work: Vec<NameToPublish>,
) -> Result<Report, Stop<J::Error>> {
    let mut run = Run {
        zone,
        limiter,
        journal,
        report: Report::default(),
        back_off: 0,
    };
    let (unclear, clear): (Vec<NameToPublish>, Vec<NameToPublish>) = work
        .into_iter()
        .partition(|w| w.owned.iter().any(OwnedRrset::needs_read));
    // Those that need no reading do not wait for those that do.
    run.send_all(clear.into_iter().map(Candidate::from_registry).collect())
        .await?;
    let read = run
        .reread(unclear.into_iter().map(Candidate::from_registry).collect())
        .await?;
    run.send_all(read).await?;
    Ok(run.report)
}

/// Goes on only while the lease is held.
fn held<E>(answer: Result<bool, E>) -> Result<(), Stop<E>> {
    match answer {
        Ok(true) => Ok(()),
        Ok(false) => Err(Stop::LeaseLost),
        Err(error) => Err(Stop::Journal(error)),
    }
}

struct Run<'a, J> {
    zone: &'a dyn Zone,
    limiter: &'a Limiter,
    journal: &'a mut J,
    report: Report,
    back_off: usize,
}

impl<J: Journal> Run<'_, J> {
    async fn send_all(&mut self, ready: Vec<Candidate>) -> Result<(), Stop<J::Error>> {
        let (change, done): (Vec<_>, Vec<_>) =
            ready.into_iter().partition(|c| !c.changes.is_empty());
        self.settle(&done).await?;
        let mut queue: VecDeque<Vec<Candidate>> = self.batches(change).await?.into();
        while let Some(batch) = queue.pop_front() {
            let again = self.send(batch).await?;
            queue.extend(again);
        }
        Ok(())
    }

    /// Names that already are as they shall be.
    async fn settle(&mut self, done: &[Candidate]) -> Result<(), Stop<J::Error>> {
        if done.is_empty() {
            Ok(())
        } else {
            self.applied(done, None).await
        }
    }

    /// Notes what the zone holds now, then what was left out.
    async fn applied(
        &mut self,
        done: &[Candidate],
        change: Option<&ChangeId>,
    ) -> Result<(), Stop<J::Error>> {
        let names: Vec<PublishedName> = done.iter().map(Candidate::outcome).collect();
        held(self.journal.applied(&names, change).await)?;
        for candidate in done {
            match candidate.held.as_slice() {
                [] => self.report.applied += 1,
                [(rtype, reason), ..] => self.refuse(candidate, Some(*rtype), reason).await?,
            }
        }
        Ok(())
    }

    async fn batches(
        &mut self,
        candidates: Vec<Candidate>,
    ) -> Result<Vec<Vec<Candidate>>, Stop<J::Error>> {
        let (batches, too_large) = batch::split(
            candidates.iter().map(Candidate::group),
            batch::Limits::ROUTE53,
        );
        let mut by_name: BTreeMap<String, Candidate> = candidates
            .into_iter()
            .map(|candidate| (candidate.work.name.clone(), candidate))
            .collect();
        for name in too_large {
            if let Some(candidate) = by_name.remove(&name.name) {
                self.refuse(&candidate, None, &name.to_string()).await?;
            }
        }
        let taken = |batch: batch::Batch| {
            batch
                .names()
                .iter()
                .filter_map(|group| by_name.remove(group.name()))
                .collect()
        };
        Ok(batches.into_iter().map(taken).collect())
    }

    /// Sends one batch; returns what is to be sent again, in batches.
    async fn send(
        &mut self,
        mut batch: Vec<Candidate>,
    ) -> Result<Vec<Vec<Candidate>>, Stop<J::Error>> {
        self.limiter.acquire(Priority::Publish).await;
        let outcomes: Vec<PublishedName> = batch.iter().map(Candidate::outcome).collect();
        held(self.journal.intend(&outcomes).await)?;
        batch.iter_mut().for_each(Candidate::note_send);
        let changes: Vec<Change> = batch
            .iter()
            .flat_map(|c| c.group().changes().to_vec())
            .collect();
        self.report.calls += 1;
        match self.zone.change(&changes).await {
            Ok(id) => {
                self.back_off = 0;
                self.applied(&batch, Some(&id)).await?;
                info!(names = batch.len(), change = %id, "published");
                Ok(vec![])
            }
            Err(ZoneError::Refused { messages }) => {
                // A refused batch changed nothing, so nothing of it may come late and be looked
                // for.
                held(self.journal.withdrawn(&outcomes).await)?;
                batch.iter_mut().for_each(Candidate::forget_send);
                self.sort_out(batch, &messages).await
            }
            Err(ZoneError::OutcomeUnknown(what)) => {
                warn!(names = batch.len(), error = %what, "outcome of a change unknown, reading the zone");
                self.after_unknown(batch).await
            }
            Err(error) => match self.wait(error).await {
                Ok(()) => Ok(vec![batch]),
                Err(stop) => {
                    // Nothing was done, so nothing has to be read the next time.
                    held(self.journal.withdrawn(&outcomes).await)?;
                    Err(stop)
                }
            },
        }
    }

    /// Reads what came of a batch. What never gets an answer is sent in ever smaller batches, and
    /// in the end put aside.
    async fn after_unknown(
        &mut self,
        batch: Vec<Candidate>,
    ) -> Result<Vec<Vec<Candidate>>, Stop<J::Error>> {
        let mut read = Vec::new();
        for candidate in self.reread(batch).await? {
            if candidate.tries >= TRIES && !candidate.changes.is_empty() {
                self.refuse(&candidate, None, "Route53 does not answer to this change")
                    .await?;
            } else {
                read.push(candidate);
            }
        }
        let halve = read.iter().any(|candidate| candidate.tries > 1);
        let mut again = Vec::new();
        for mut batch in self.resume(read).await? {
            if halve && batch.len() > 1 {
                again.push(batch.split_off(batch.len() / 2));
            }
            again.push(batch);
        }
        Ok(again)
    }

    /// A refused batch: who was it, and what do we do about each?
    async fn sort_out(
        &mut self,
        batch: Vec<Candidate>,
        messages: &[String],
    ) -> Result<Vec<Vec<Candidate>>, Stop<J::Error>> {
        let changes: Vec<Change> = batch
            .iter()
            .flat_map(|c| c.group().changes().to_vec())
            .collect();
        let mut faults = attribute(messages, &changes);
        let (mut named, mut rest): (Vec<_>, Vec<_>) = batch
            .into_iter()
            .partition(|c| faults.contains_key(&c.work.name));
        if named.is_empty() {
            if rest.len() > 1 {
                let back = rest.split_off(rest.len() / 2);
                return Ok(vec![rest, back]);
            }
            named = std::mem::take(&mut rest);
        }
        let (mut unclear, mut partly) = (Vec::new(), Vec::new());
        for mut candidate in named {
            let own = faults.remove(&candidate.work.name).unwrap_or_default();
            let invalid = own
                .iter()
                .find(|fault| fault.kind == FaultKind::InvalidValue);
            let is_final = candidate.tries >= TRIES || (own.is_empty() && candidate.tries > 0);
            match (invalid, is_final) {
                (None, false) => unclear.push(candidate),
                (Some(fault), _) => {
                    let rtype = fault.rtype.as_deref().and_then(RecordType::parse);
                    let reason = format!("Route53 does not take the value: {}", fault.message);
                    match rtype.filter(|rtype| candidate.hold(*rtype, reason.clone())) {
                        Some(_) => partly.push(candidate),
                        None => self.refuse(&candidate, None, &reason).await?,
                    }
                }
                (None, true) => {
                    self.refuse(
                        &candidate,
                        None,
                        &format!("Route53 does not take the change: {}", messages.join("; ")),
                    )
                    .await?;
                }
            }
        }
        partly.extend(self.reread(unclear).await?);
        let mut again = self.resume(partly).await?;
        if !rest.is_empty() {
            again.insert(0, rest);
        }
        Ok(again)
    }

    /// Names that were read again: done, or to be sent again.
    async fn resume(
        &mut self,
        read: Vec<Candidate>,
    ) -> Result<Vec<Vec<Candidate>>, Stop<J::Error>> {
        let (change, done): (Vec<_>, Vec<_>) =
            read.into_iter().partition(|c| !c.changes.is_empty());
        self.settle(&done).await?;
        if change.is_empty() {
            Ok(vec![])
        } else {
            self.batches(change).await
        }
    }

    /// Reads what stands at these names and plans them anew; conflicts are put aside.
    async fn reread(
        &mut self,
        candidates: Vec<Candidate>,
    ) -> Result<Vec<Candidate>, Stop<J::Error>> {
        if candidates.is_empty() {
            return Ok(vec![]);
        }
        let listed = if candidates.len() > LIST_ABOVE {
            Some(self.list(&candidates).await?)
        } else {
            None
        };
        let mut planned = Vec::with_capacity(candidates.len());
        for mut candidate in candidates {
            let sets = match &listed {
                Some(all) => all
                    .iter()
                    .filter(|set| set.name == candidate.work.name)
                    .cloned()
                    .collect(),
                None => self.read(&candidate.work.name).await?,
            };
            let seen = compare(&candidate.work, &sets);
            let outcome = PublishedName {
                name: candidate.work.name.clone(),
                generation: candidate.work.generation,
                sets: seen.ours.clone(),
            };
            held(self.journal.read(&outcome).await)?;
            adopt(&mut candidate.work, &seen.ours);
            candidate.changes =
                plan_changes(&candidate.work.name, &candidate.work.desired, &seen.current);
            candidate.tries += 1;
            candidate.held.clear();
            let told = |rtype: &str| {
                format!(
                    "A set of type {rtype} that Starchart did not make stands at this name in the zone; whoever runs the zone has to remove it first"
                )
            };
            let whole = seen
                .in_the_way
                .iter()
                .find(|rtype| match RecordType::parse(rtype) {
                    Some(parsed) => !candidate.hold(parsed, told(rtype)),
                    None => true,
                });
            match whole {
                Some(rtype) => self.refuse(&candidate, None, &told(rtype)).await?,
                None => planned.push(candidate),
            }
        }
        Ok(planned)
    }

    async fn read(&mut self, name: &str) -> Result<Vec<ZoneRrset>, Stop<J::Error>> {
        loop {
            self.limiter.acquire(Priority::Publish).await;
            match self.zone.read(name).await {
                Ok(sets) => return Ok(sets),
                Err(error) => self.wait(error).await?,
            }
        }
    }

    async fn list(&mut self, candidates: &[Candidate]) -> Result<Vec<ZoneRrset>, Stop<J::Error>> {
        let names: BTreeSet<&str> = candidates.iter().map(|c| c.work.name.as_str()).collect();
        loop {
            self.limiter.acquire(Priority::Publish).await;
            match self.zone.list().await {
                Ok(sets) => {
                    return Ok(sets
                        .into_iter()
                        .filter(|set| names.contains(set.name.as_str()))
                        .collect());
                }
                Err(error) => self.wait(error).await?,
            }
        }
    }

    /// Waits a little longer each time in a row, then gives up for this run.
    async fn wait(&mut self, error: ZoneError) -> Result<(), Stop<J::Error>> {
        let pause = match error {
            ZoneError::Denied(_) | ZoneError::Refused { .. } => {
                return Err(Stop::Later(Duration::from_secs(30), error));
            }
            ZoneError::Unavailable(_) => return Err(Stop::Later(Duration::from_secs(2), error)),
            _ => BACK_OFF.get(self.back_off),
        };
        let Some(pause) = pause else {
            return Err(Stop::Later(Duration::from_secs(2), error));
        };
        self.back_off += 1;
        tokio::time::sleep(*pause).await;
        Ok(())
    }

    async fn refuse(
        &mut self,
        candidate: &Candidate,
        rtype: Option<RecordType>,
        reason: &str,
    ) -> Result<(), Stop<J::Error>> {
        warn!(
            rtype = rtype.map(tracing::field::display),
            "a name was put aside, its owner sees the reason"
        );
        debug!(name = candidate.work.name, reason, "put aside");
        self.report.refused += 1;
        held(self.journal.refused(&candidate.work, rtype, reason).await)
    }
}

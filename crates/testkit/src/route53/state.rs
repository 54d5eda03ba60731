//! The zone with its earlier states, the knobs and the counters, shared by HTTP and DNS.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::knobs::{AppliedChange, Batch, Counts, Ending, Fault, Knob, Knobs, Operation};
use super::name::DnsName;
use super::rules::{self, BatchRefusal, Change};
use super::zone::{RrSet, Set, Zone};

const SECOND: Duration = Duration::from_secs(1);

/// The state of one strict Route53.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) zone_id: String,
    inner: Mutex<Inner>,
    /// Counts releases, for which held changes wait.
    releases: watch::Sender<u64>,
    /// How many changes are held now.
    held: watch::Sender<usize>,
}

#[derive(Debug)]
struct Inner {
    zone: Zone,
    past: VecDeque<(Instant, Zone)>,
    longest_lag: Duration,
    knobs: Knobs,
    counts: Counts,
    recent: VecDeque<Instant>,
    batches: Vec<Batch>,
    submitted: BTreeMap<String, (Instant, String)>,
    name_servers: Vec<String>,
}

/// The ChangeInfo of a batch.
#[derive(Debug)]
pub(crate) struct ChangeInfo {
    pub(crate) id: String,
    pub(crate) in_sync: bool,
    pub(crate) submitted_at: String,
}

impl State {
    pub(crate) fn new(
        zone_id: String,
        name: DnsName,
        name_servers: Vec<String>,
    ) -> Result<Self, String> {
        let zone = Zone::new(name, &name_servers)?;
        let inner = Inner {
            past: VecDeque::from([(Instant::now(), zone.clone())]),
            zone,
            longest_lag: Duration::ZERO,
            knobs: Knobs::default(),
            counts: Counts::default(),
            recent: VecDeque::new(),
            batches: Vec::new(),
            submitted: BTreeMap::new(),
            name_servers,
        };
        Ok(Self {
            zone_id,
            inner: Mutex::new(inner),
            releases: watch::Sender::new(0),
            held: watch::Sender::new(0),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // A test that panicked while it held the lock has failed already.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets a knob, or changes the zone past the API.
    pub(crate) fn turn(&self, knob: Knob) -> Result<(), String> {
        let mut inner = self.lock();
        match inner.knobs.turn(knob) {
            None => {
                inner.longest_lag = inner.longest_lag.max(inner.knobs.dns_lag);
            }
            Some(Knob::Put(set)) => inner.put(&[set])?,
            Some(Knob::Load(sets)) => inner.put(&sets)?,
            Some(Knob::Remove { name, rtype }) => {
                let name = DnsName::parse(&name)
                    .map_err(|fault| format!("{fault}: {name}"))?
                    .sort_key();
                let mut zone = inner.zone.clone();
                zone.sets_mut()
                    .retain(|key, _| key.name != name || key.rtype != rtype);
                inner.replace(zone);
            }
            Some(Knob::NameServers(servers)) => inner.name_servers = servers,
            Some(Knob::Release) => {
                inner.knobs.hold = 0;
                self.releases.send_modify(|count| *count += 1);
            }
            Some(_) => {}
        }
        Ok(())
    }

    /// Counts a call, and returns its delay and its fault.
    pub(crate) fn arrive(&self, operation: Operation) -> (Duration, Option<Fault>) {
        let mut inner = self.lock();
        let now = Instant::now();
        inner.recent.retain(|at| now.duration_since(*at) < SECOND);
        inner.recent.push_back(now);
        let in_last_second = inner.recent.len();
        let fault = inner.knobs.fault(operation, in_last_second);
        let counts = &mut inner.counts;
        counts.most_per_second = counts.most_per_second.max(in_last_second);
        counts.throttled += u64::from(fault == Some(Fault::Throttled));
        match operation {
            Operation::Change => counts.change += 1,
            Operation::List => counts.list += 1,
            Operation::GetChange => counts.get_change += 1,
            Operation::GetZone => counts.get_zone += 1,
        }
        (inner.knobs.latency, fault)
    }

    /// Waits for the next release if this change is to be held.
    pub(crate) async fn wait_while_held(&self) {
        let mut releases = self.releases.subscribe();
        if !self.lock().knobs.takes_hold() {
            return;
        }
        self.held.send_modify(|held| *held += 1);
        // The sender is in self: the wait ends with a release, or with the server.
        let _ = releases.changed().await;
        self.held.send_modify(|held| *held = held.saturating_sub(1));
    }

    /// Waits until `count` changes are held.
    pub(crate) async fn until_held(&self, count: usize) {
        let _ = self.held.subscribe().wait_for(|held| *held >= count).await;
    }

    pub(crate) fn held(&self) -> usize {
        *self.held.borrow()
    }

    /// Applies a batch, unless its connection is closed before.
    pub(crate) fn change(&self, changes: &[Change]) -> (Ending, Result<ChangeInfo, BatchRefusal>) {
        let mut inner = self.lock();
        let ending = inner.knobs.ending();
        if ending == Ending::DropBefore {
            return (ending, Err(BatchRefusal::Batch(Vec::new())));
        }
        let outcome =
            rules::apply(&inner.zone, changes, &inner.knobs.refused_names).map(|(zone, sets)| {
                inner.replace(zone);
                let id = format!("C{:013X}", inner.submitted.len() + 0x5AC_0000_0001);
                let submitted_at =
                    chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
                inner
                    .submitted
                    .insert(id.clone(), (Instant::now(), submitted_at));
                let applied = |(change, set): (&Change, RrSet)| AppliedChange {
                    action: change.action.clone(),
                    set: set.to_set(),
                };
                let changes = changes.iter().zip(sets).map(applied).collect();
                inner.batches.push(Batch {
                    change_id: id.clone(),
                    changes,
                });
                inner.info(&id)
            });
        (
            ending,
            outcome.and_then(|info| info.ok_or_else(|| BatchRefusal::Batch(Vec::new()))),
        )
    }

    /// Returns the ChangeInfo of a batch, or `None` if there was none with this id.
    pub(crate) fn change_info(&self, id: &str) -> Option<ChangeInfo> {
        self.lock().info(id)
    }

    /// Returns the current zone.
    pub(crate) fn zone(&self) -> Zone {
        self.lock().zone.clone()
    }

    /// Returns the zone as it was `lag` ago.
    pub(crate) fn zone_before(&self, lag: Duration) -> Zone {
        let inner = self.lock();
        let old_enough = inner
            .past
            .iter()
            .rev()
            .find(|(since, _)| since.elapsed() >= lag);
        old_enough
            .or(inner.past.front())
            .map_or_else(|| inner.zone.clone(), |(_, zone)| zone.clone())
    }

    /// Keeps earlier zones for at least `lag`, for a name server with this lag.
    pub(crate) fn keep_past(&self, lag: Duration) {
        let mut inner = self.lock();
        inner.longest_lag = inner.longest_lag.max(lag);
    }

    pub(crate) fn dns_lag(&self) -> Duration {
        self.lock().knobs.dns_lag
    }

    pub(crate) fn bare_batch_errors(&self) -> bool {
        self.lock().knobs.bare_batch_errors
    }

    pub(crate) fn name_servers(&self) -> Vec<String> {
        self.lock().name_servers.clone()
    }

    pub(crate) fn counts(&self) -> Counts {
        self.lock().counts
    }

    pub(crate) fn batches(&self) -> Vec<Batch> {
        self.lock().batches.clone()
    }

    pub(crate) fn sets(&self) -> Vec<Set> {
        self.lock()
            .zone
            .sets
            .values()
            .map(|set| set.to_set())
            .collect()
    }
}

impl Inner {
    /// Puts RRsets into the zone; none when one of them cannot be parsed.
    fn put(&mut self, sets: &[Set]) -> Result<(), String> {
        let mut zone = self.zone.clone();
        for set in sets {
            zone.put(RrSet::from_set(set)?);
        }
        self.replace(zone);
        Ok(())
    }

    /// Makes `zone` the current one, and drops earlier ones that no name server needs.
    fn replace(&mut self, zone: Zone) {
        self.zone = zone.clone();
        self.past.push_back((Instant::now(), zone));
        while self
            .past
            .get(1)
            .is_some_and(|(since, _)| since.elapsed() > self.longest_lag)
        {
            self.past.pop_front();
        }
    }

    fn info(&self, id: &str) -> Option<ChangeInfo> {
        let (since, submitted_at) = self.submitted.get(id)?;
        let in_sync = since.elapsed() >= self.knobs.pending;
        Some(ChangeInfo {
            id: id.into(),
            in_sync,
            submitted_at: submitted_at.clone(),
        })
    }
}

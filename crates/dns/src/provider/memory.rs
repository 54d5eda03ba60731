//! A strict provider in memory, for tests and the demo: it refuses what a real provider refuses.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use starchart_domain::presentation::canonical_values;
use starchart_domain::record::{NameClass, RecordType, exclude_each_other};
use starchart_domain::rrset::Rrset;
use starchart_domain::txt;
use tokio::sync::watch;

use crate::provider::{
    Action, BatchLimits, BatchSize, Capabilities, Change, ChangeError, ChangeId, FaultKind,
    Provider, ProviderError, SetFault, ZoneRrset,
};

/// The limits of one batch; the same as Route53's, so that tests see the same batches.
const BATCH_LIMITS: BatchLimits = BatchLimits {
    records: 1_000,
    characters: 32_000,
};
const APEX_TTL: u32 = 900;
/// The maximum length of a label and of a name in characters (RFC 1035 section 2.3.4).
const LABEL_MAX: usize = 63;
const NAME_MAX: usize = 253;

/// RRsets by name and type.
type Sets = BTreeMap<(String, String), ZoneRrset>;

/// Stores the RRsets of a batch before it takes effect.
type Save = Box<dyn Fn(&[ZoneRrset]) -> Result<(), String> + Send + Sync>;

/// A zone in memory.
pub struct Memory {
    domain: String,
    name: &'static str,
    /// Distinguishes the ids of changes from those of an earlier process.
    instance: u128,
    accepted: AtomicU64,
    sets: Mutex<Sets>,
    save: Option<Save>,
    changed: watch::Sender<u64>,
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory")
            .field("domain", &self.domain)
            .finish_non_exhaustive()
    }
}

impl Memory {
    /// Makes the zone of this domain, with the SOA and NS RRsets of its apex.
    pub fn new(domain: &str) -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let apex = apex_rrsets(domain).map(|set| (key(&set), set));
        Self {
            domain: domain.to_owned(),
            name: "Memory",
            instance: since.unwrap_or_default().as_nanos(),
            accepted: AtomicU64::new(0),
            sets: Mutex::new(apex.into()),
            save: None,
            changed: watch::channel(0).0,
        }
    }

    /// Changes the provider's name on pages and in messages.
    #[must_use]
    pub fn named(mut self, name: &'static str) -> Self {
        self.name = name;
        self
    }

    /// Adds a function that stores all RRsets before a batch takes effect. Its error makes the
    /// change unavailable.
    #[must_use]
    pub fn with_save(
        mut self,
        save: impl Fn(&[ZoneRrset]) -> Result<(), String> + Send + Sync + 'static,
    ) -> Self {
        self.save = Some(Box::new(save));
        self
    }

    /// Puts an RRset of any type into the zone, as another party would, whatever the zone holds.
    pub fn put(&self, set: ZoneRrset) {
        self.lock().insert(key(&set), set);
        self.report_change();
    }

    /// Removes an RRset from the zone, as another party would.
    pub fn remove(&self, name: &str, rtype: &str) {
        self.lock().remove(&(name.to_owned(), rtype.to_owned()));
        self.report_change();
    }

    /// Returns all RRsets of the zone.
    pub fn rrsets(&self) -> Vec<ZoneRrset> {
        self.lock().values().cloned().collect()
    }

    /// Returns the domain of the zone.
    pub fn root(&self) -> &str {
        &self.domain
    }

    /// Returns a channel that reports every change.
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    fn report_change(&self) {
        self.changed.send_modify(|count| *count += 1);
    }

    fn lock(&self) -> MutexGuard<'_, Sets> {
        self.sets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Applies all changes to a copy of the RRsets.
    fn apply(&self, sets: &Sets, changes: &[Change]) -> Result<Sets, Vec<SetFault>> {
        let mut faults: Vec<SetFault> = check_batch(changes).into_iter().collect();
        faults.extend(repeated_sets(changes));
        let mut sets = sets.clone();
        for change in changes {
            faults.extend(self.apply_one(&mut sets, change).err());
        }
        if faults.is_empty() {
            Ok(sets)
        } else {
            Err(faults)
        }
    }

    fn apply_one(&self, sets: &mut Sets, change: &Change) -> Result<(), SetFault> {
        let set = &change.set;
        let refused = |kind, message: String| Err(fault(set, kind, message));
        let describe = || format!("{} record set at {}", set.rtype, set.name);
        if !is_in_zone(&set.name, &self.domain) || !is_name(&set.name) {
            let message = format!("{} is no name in the zone {}", set.name, self.domain);
            return refused(FaultKind::Other, message);
        }
        check_values(set)?;
        let key = (set.name.clone(), set.rtype.as_str().to_owned());
        match (change.action, sets.get(&key)) {
            (Action::Create, Some(_)) => {
                refused(FaultKind::Exists, format!("the {} exists", describe()))
            }
            (Action::Create, None) => {
                self.check_cname(sets, set)?;
                sets.insert(key, ZoneRrset::from(set));
                Ok(())
            }
            (Action::Delete, None) => {
                refused(FaultKind::Missing, format!("there is no {}", describe()))
            }
            (Action::Delete, Some(existing)) if !existing.matches(set) => refused(
                FaultKind::Differs,
                format!("the {} has another TTL or other values", describe()),
            ),
            (Action::Delete, Some(_)) => {
                sets.remove(&key);
                Ok(())
            }
        }
    }

    /// Checks that a CNAME is the only RRset of its name (RFC 1034 section 3.6.2).
    fn check_cname(&self, sets: &Sets, set: &Rrset) -> Result<(), SetFault> {
        let is_cname = set.rtype.class() == NameClass::Cname;
        if is_cname && set.name == self.domain {
            let message = "the apex of a zone cannot have a CNAME".to_owned();
            return Err(fault(set, FaultKind::Other, message));
        }
        let other = sets.keys().find(|(name, rtype)| {
            *name == set.name && exclude_each_other(set.rtype.as_str(), rtype)
        });
        match other {
            Some((name, rtype)) => {
                let message = format!(
                    "a {} record set cannot be beside the {rtype} record set at {name}",
                    set.rtype
                );
                Err(fault(set, FaultKind::Exists, message))
            }
            None => Ok(()),
        }
    }
}

#[async_trait]
impl Provider for Memory {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            name: self.name,
            zone_setting: "the zone in memory",
            batch_limits: BATCH_LIMITS,
            tracks_changes: false,
        }
    }

    async fn change(&self, changes: &[Change]) -> Result<ChangeId, ChangeError> {
        let mut sets = self.lock();
        let new = self.apply(&sets, changes).map_err(ChangeError::Refused)?;
        if let Some(save) = &self.save {
            let rrsets: Vec<ZoneRrset> = new.values().cloned().collect();
            save(&rrsets).map_err(ProviderError::Unavailable)?;
        }
        *sets = new;
        drop(sets);
        self.report_change();
        let number = self.accepted.fetch_add(1, Ordering::Relaxed);
        Ok(ChangeId(format!("memory-{:x}-{number}", self.instance)))
    }

    async fn read(&self, name: &str) -> Result<Vec<ZoneRrset>, ProviderError> {
        let sets = self.rrsets().into_iter();
        Ok(sets.filter(|set| set.name == name).collect())
    }

    async fn list(&self) -> Result<Vec<ZoneRrset>, ProviderError> {
        Ok(self.rrsets())
    }

    async fn domain(&self) -> Result<String, ProviderError> {
        Ok(self.domain.clone())
    }

    async fn name_servers(&self) -> Result<Vec<String>, ProviderError> {
        Ok(vec!["localhost".to_owned()])
    }
}

fn key(set: &ZoneRrset) -> (String, String) {
    (set.name.clone(), set.rtype.clone())
}

fn apex_rrsets(domain: &str) -> [ZoneRrset; 2] {
    let set = |rtype: &str, value: &str| ZoneRrset {
        name: domain.to_owned(),
        rtype: rtype.to_owned(),
        ttl: Some(APEX_TTL),
        values: [value.to_owned()].into(),
        is_simple: true,
    };
    let soa = "localhost. hostmaster.localhost. 1 7200 900 1209600 86400";
    [set("NS", "localhost."), set("SOA", soa)]
}

fn fault(set: &Rrset, kind: FaultKind, message: String) -> SetFault {
    SetFault {
        name: Some(set.name.clone()),
        rtype: Some(set.rtype),
        kind,
        message,
    }
}

/// Returns the fault of a batch that is empty or exceeds the limits.
fn check_batch(changes: &[Change]) -> Option<SetFault> {
    let size = BatchSize::of(changes);
    let is_allowed = !changes.is_empty() && BATCH_LIMITS.allow(size);
    let message = format!(
        "{} values of {} characters in one request; the limits are {} and {}",
        size.records, size.characters, BATCH_LIMITS.records, BATCH_LIMITS.characters
    );
    (!is_allowed).then_some(SetFault {
        name: None,
        rtype: None,
        kind: FaultKind::Other,
        message,
    })
}

/// Returns a fault for each RRset that is changed more than once, unless it is deleted and then
/// created.
fn repeated_sets(changes: &[Change]) -> Vec<SetFault> {
    let mut by_set: BTreeMap<(&str, RecordType), Vec<&Change>> = BTreeMap::new();
    for change in changes {
        let key = (change.set.name.as_str(), change.set.rtype);
        by_set.entry(key).or_default().push(change);
    }
    let is_repeated = |changes: &&Vec<&Change>| {
        let actions: Vec<Action> = changes.iter().map(|change| change.action).collect();
        actions.len() > 1 && actions != [Action::Delete, Action::Create]
    };
    let repeated = by_set.values().filter(is_repeated);
    let message = |set: &Rrset| format!("{} {} is changed more than once", set.name, set.rtype);
    repeated
        .filter_map(|changes| changes.first())
        .map(|change| fault(&change.set, FaultKind::Other, message(&change.set)))
        .collect()
}

/// Checks the values of an RRset on their own.
fn check_values(set: &Rrset) -> Result<(), SetFault> {
    let rtype = set.rtype.as_str();
    let values = &set.body.values;
    let invalid = |message| Err(fault(set, FaultKind::InvalidValue, message));
    if let Some(value) = values.iter().find(|value| !is_value(set.rtype, value)) {
        return invalid(format!("'{value}' is no value of type {rtype}"));
    }
    if canonical_values(rtype, values).len() < values.len() {
        return invalid(format!("{} {rtype} has a value twice", set.name));
    }
    match (values.len(), set.rtype.class()) {
        (0, _) => invalid(format!("{} {rtype} has no value", set.name)),
        (2.., NameClass::Cname) => invalid("a CNAME has one value".to_owned()),
        _ => Ok(()),
    }
}

/// Returns whether a message can carry the value and every provider takes its length.
fn is_value(rtype: RecordType, value: &str) -> bool {
    value.trim() == value && value.len() <= txt::VALUE_MAX && rtype.spec().to_wire(value).is_some()
}

fn is_name(name: &str) -> bool {
    let is_label = |label: &str| (1..=LABEL_MAX).contains(&label.len());
    name.len() <= NAME_MAX && name.split('.').all(is_label)
}

fn is_in_zone(name: &str, domain: &str) -> bool {
    name.strip_suffix(domain)
        .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests fail by panicking")]
    use super::*;

    fn www(value: &str) -> Rrset {
        Rrset::new("www.user1.starchart.com", RecordType::A, [value.to_owned()])
    }

    #[tokio::test]
    async fn a_batch_is_stored_before_it_takes_effect() {
        let (stored, on_disk) = std::sync::mpsc::channel();
        let zone = Memory::new("starchart.com").with_save(move |sets| {
            let is_full = sets.len() > 3;
            stored.send(sets.len()).unwrap();
            if is_full {
                Err("no space".to_owned())
            } else {
                Ok(())
            }
        });
        zone.change(&[Change::create(www("192.0.2.1"))])
            .await
            .unwrap();
        assert_eq!(on_disk.try_recv(), Ok(3), "with the apex");
        let other = Rrset::new(
            "other.user1.starchart.com",
            RecordType::A,
            ["192.0.2.2".to_owned()],
        );
        let refused = zone.change(&[Change::create(other)]).await;
        let unavailable = ProviderError::Unavailable("no space".to_owned());
        assert_eq!(refused, Err(unavailable.into()));
        assert_eq!(zone.rrsets().len(), 3);
    }

    #[tokio::test]
    async fn subscribers_learn_of_each_change() {
        let zone = Memory::new("starchart.com");
        let mut changes = zone.subscribe();
        let id = zone
            .change(&[Change::create(www("192.0.2.1"))])
            .await
            .unwrap();
        assert!(changes.has_changed().unwrap());
        changes.mark_unchanged();
        zone.change(&[Change::create(www("192.0.2.1"))])
            .await
            .unwrap_err();
        assert!(!changes.has_changed().unwrap(), "refused");
        let swap = [
            Change::delete(www("192.0.2.1")),
            Change::create(www("192.0.2.2")),
        ];
        assert_ne!(zone.change(&swap).await.unwrap(), id);
        assert!(changes.has_changed().unwrap());
    }
}

//! Rows in memory, with the same meaning as those of the database.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;

use async_trait::async_trait;
use starchart_dns::engine::publish::Journal;
use starchart_dns::provider::ChangeId;
use starchart_domain::plan::{NameToPublish, OwnedRrset, PublishedName, RefusedName};
use starchart_domain::record::RecordType;
use starchart_domain::rrset::{Rrset, RrsetData, RrsetValues};

type Flat = BTreeSet<(String, String, u32, RrsetValues)>;

#[derive(Default)]
pub(crate) struct Rows {
    names: BTreeMap<String, Name>,
    owned: BTreeMap<(String, RecordType), OwnedRrset>,
    pub(crate) lease_lost: bool,
    /// The process dies after the zone said yes: nothing more is written.
    pub(crate) die_after_send: bool,
}

#[derive(Default)]
struct Name {
    generation: i64,
    applied: i64,
    desired: Vec<Rrset>,
    refused: Option<(Option<RecordType>, String)>,
}

impl Rows {
    pub(crate) fn want(&mut self, name: &str, desired: Vec<Rrset>) {
        let row = self.names.entry(name.to_owned()).or_default();
        row.generation += 1;
        row.desired = desired;
        row.refused = None;
    }

    pub(crate) fn work(&self) -> Vec<NameToPublish> {
        let dirty = self
            .names
            .iter()
            .filter(|(_, row)| row.generation > row.applied);
        dirty
            .map(|(name, row)| NameToPublish {
                name: name.clone(),
                generation: row.generation,
                desired: row.desired.clone(),
                owned: self
                    .owned
                    .iter()
                    .filter(|((n, _), _)| n == name)
                    .map(|(_, set)| set.clone())
                    .collect(),
            })
            .collect()
    }

    pub(crate) fn wanted(&self) -> Flat {
        let sets = self.names.values().flat_map(|row| &row.desired);
        sets.map(|s| {
            (
                s.name.clone(),
                s.rtype.to_string(),
                s.body.ttl,
                s.body.values.clone(),
            )
        })
        .collect()
    }

    pub(crate) fn confirmed(&self) -> Flat {
        let set = |((name, rtype), set): (&(String, RecordType), &OwnedRrset)| {
            let body = set.confirmed.clone()?;
            Some((name.clone(), rtype.to_string(), body.ttl, body.values))
        };
        self.owned.iter().filter_map(set).collect()
    }

    pub(crate) fn refused(&self, name: &str) -> Option<(Option<RecordType>, String)> {
        self.names.get(name)?.refused.clone()
    }

    /// Records that an earlier run sent this RRset and learned no outcome.
    pub(crate) fn send_without_answer(&mut self, set: &Rrset) {
        let sent = OwnedRrset {
            rtype: set.rtype,
            confirmed: None,
            pending: vec![Some(set.body.clone())],
        };
        self.owned.insert((set.name.clone(), set.rtype), sent);
    }

    pub(crate) fn has_pending(&self) -> bool {
        self.owned.values().any(OwnedRrset::needs_read)
    }

    fn set_confirmed(&mut self, name: &PublishedName) {
        for (rtype, body) in &name.sets {
            self.put(&name.name, *rtype, body.clone());
        }
    }

    fn put(&mut self, name: &str, rtype: RecordType, body: Option<RrsetData>) {
        let key = (name.to_owned(), rtype);
        match body {
            Some(body) => drop(self.owned.insert(
                key,
                OwnedRrset {
                    rtype,
                    confirmed: Some(body),
                    pending: vec![],
                },
            )),
            None => drop(self.owned.remove(&key)),
        }
    }
}

#[async_trait]
impl Journal for Rows {
    type Error = Infallible;

    async fn intend(&mut self, batch: &[PublishedName]) -> Result<bool, Infallible> {
        if self.lease_lost {
            return Ok(false);
        }
        for name in batch {
            for (rtype, body) in &name.sets {
                let fresh = OwnedRrset {
                    rtype: *rtype,
                    confirmed: None,
                    pending: vec![],
                };
                self.owned
                    .entry((name.name.clone(), *rtype))
                    .or_insert(fresh)
                    .pending
                    .push(body.clone());
            }
        }
        Ok(true)
    }

    async fn confirm(
        &mut self,
        names: &[PublishedName],
        _: Option<&ChangeId>,
    ) -> Result<bool, Infallible> {
        if self.lease_lost || self.die_after_send {
            return Ok(false);
        }
        for name in names {
            self.set_confirmed(name);
            if let Some(row) = self.names.get_mut(&name.name) {
                row.applied = row.applied.max(name.generation);
                row.refused = None;
            }
        }
        Ok(true)
    }

    async fn withdraw(&mut self, batch: &[PublishedName]) -> Result<bool, Infallible> {
        for name in batch {
            for (rtype, body) in &name.sets {
                if let Some(set) = self.owned.get_mut(&(name.name.clone(), *rtype)) {
                    set.pending.retain(|sent| sent != body);
                }
            }
        }
        self.owned
            .retain(|_, set| set.confirmed.is_some() || set.needs_read());
        Ok(true)
    }

    async fn record_read(&mut self, names: &[PublishedName]) -> Result<bool, Infallible> {
        for name in names {
            self.set_confirmed(name);
        }
        Ok(!self.lease_lost)
    }

    async fn quarantine(&mut self, names: &[RefusedName]) -> Result<bool, Infallible> {
        for refused in names {
            for ((owner, _), set) in &mut self.owned {
                if owner == &refused.name {
                    set.pending.clear();
                }
            }
            if let Some(row) = self.names.get_mut(&refused.name) {
                row.refused = Some((refused.rtype, refused.reason.clone()));
                row.applied = row.applied.min(row.generation - 1);
            }
        }
        self.owned.retain(|_, set| set.confirmed.is_some());
        Ok(!self.lease_lost)
    }
}

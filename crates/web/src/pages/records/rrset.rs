//! What the pages say about the TTL of an RRset: all records of one name and type have the same
//! (RFC 2181 section 5.2).

use std::collections::{BTreeMap, HashMap};

use starchart_domain::record::{NewRecord, RecordId, RecordType};
use starchart_domain::ttl::{Ttl, TtlChoice};
use starchart_store::records::Record;

use crate::actions::PlannedChange;

/// The present records of one name and type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PresentRrset {
    pub(crate) ttl: Ttl,
    /// How many they are.
    pub(crate) records: usize,
}

impl PresentRrset {
    /// Finds the RRset of this name and type among records.
    pub(super) fn find<'a>(
        records: impl IntoIterator<Item = &'a Record>,
        name: &str,
        rtype: RecordType,
    ) -> Option<Self> {
        let is_of_rrset = |known: &&Record| known.name == name && known.rtype == rtype;
        let mut of_rrset = records.into_iter().filter(is_of_rrset);
        let first = of_rrset.next()?;
        Some(Self {
            ttl: first.ttl,
            records: 1 + of_rrset.count(),
        })
    }

    /// Finds the RRset of a record among all records of its owner.
    pub(super) fn of(id: RecordId, all: &[Record]) -> Option<Self> {
        let record = all.iter().find(|record| record.id == id)?;
        Self::find(all, &record.name, record.rtype)
    }

    /// Finds the RRset that a new record becomes part of.
    pub(super) fn of_new(new: &NewRecord, present: &[Record]) -> Option<Self> {
        Self::find(present, new.name.fqdn(), new.value.rtype())
    }
}

/// What several changes do to the TTLs of RRsets.
#[derive(Debug)]
pub(super) struct ChangedTtls<'a> {
    rrsets: BTreeMap<(&'a str, RecordType), ChangedTtl>,
    /// Name and type of the present records.
    present: HashMap<RecordId, (&'a str, RecordType)>,
}

/// What the changes do to the TTL of one RRset.
#[derive(Debug, Default)]
struct ChangedTtl {
    /// The TTL that it has now.
    kept: Option<Ttl>,
    /// The lowest that one of the new records sets.
    chosen: Option<Ttl>,
    /// How many records the RRset has and gets.
    records: usize,
    /// How many of its present records the changes name.
    named: usize,
}

impl<'a> ChangedTtls<'a> {
    /// Finds what these changes do to the RRsets of the owner's `present` records.
    pub(super) fn new(changes: &'a [PlannedChange], present: &'a [Record]) -> Self {
        let mut found = Self {
            rrsets: BTreeMap::new(),
            present: present
                .iter()
                .map(|known| (known.id, (known.name.as_str(), known.rtype)))
                .collect(),
        };
        for known in present {
            let rrset = found.rrsets.entry((&known.name, known.rtype));
            let rrset = rrset.or_default();
            rrset.kept.get_or_insert(known.ttl);
            rrset.records += 1;
        }
        for change in changes {
            let Some(key) = found.rrset_of(change) else {
                continue;
            };
            let rrset = found.rrsets.entry(key).or_default();
            let chosen = rrset.chosen.into_iter().chain(chosen_ttl(change));
            rrset.chosen = chosen.min();
            match change.old_record() {
                Some(_) => rrset.named += 1,
                None => rrset.records += 1,
            }
        }
        found
    }

    /// Returns the TTL that the new record of a change gets.
    pub(super) fn result(&self, new: &NewRecord) -> Ttl {
        let rrset = self.rrsets.get(&(new.name.fqdn(), new.value.rtype()));
        let (chosen, kept) = rrset.map_or((None, None), |rrset| (rrset.chosen, rrset.kept));
        chosen.unwrap_or_else(|| new.ttl.beside(kept))
    }

    /// Says what becomes of a TTL beyond the change itself, or by other changes.
    pub(super) fn note(&self, change: &'a PlannedChange) -> Option<String> {
        let rrset = self.rrsets.get(&self.rrset_of(change)?)?;
        let ttl = rrset.chosen.filter(|ttl| Some(*ttl) != rrset.kept)?;
        let is_named = change.old_record().is_some();
        let others_named = rrset.named - usize::from(is_named);
        match (chosen_ttl(change), rrset.kept) {
            _ if rrset.records == 1 => None,
            (Some(_), None) => None,
            (Some(_), Some(kept)) => Some(format!(
                "Your other records of this name and type have {kept} now, and take this TTL \
                 too{}.",
                match others_named {
                    0 => "",
                    _ => ", also those that are not ticked here",
                }
            )),
            (None, _) if change.new_record().is_none() => Some(format!(
                "If it stays, its TTL becomes {ttl} with another change of this name and type."
            )),
            (None, _) if is_named => Some(format!(
                "Its TTL becomes {ttl}, ticked or not, if another change of this name and type is \
                 made."
            )),
            (None, _) => Some(format!(
                "It gets the TTL {ttl} with another record of this name and type here."
            )),
        }
    }

    /// Returns name and type of the record that a change writes or deletes.
    fn rrset_of(&self, change: &'a PlannedChange) -> Option<(&'a str, RecordType)> {
        match change.new_record() {
            Some(new) => Some((new.name.fqdn(), new.value.rtype())),
            None => self.present.get(&change.old_record()?.id).copied(),
        }
    }
}

fn chosen_ttl(change: &PlannedChange) -> Option<Ttl> {
    match change.new_record()?.ttl {
        TtlChoice::Set(ttl) => Some(ttl),
        TtlChoice::KeepOr(_) | TtlChoice::ForNew(_) => None,
    }
}

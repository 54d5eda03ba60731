//! Plans the changes that bring one name in the zone from its current to its desired RRsets.
//!
//! | desired | current                | change            |
//! |---------|------------------------|-------------------|
//! | set     | none                   | create            |
//! | set     | the same               | none              |
//! | set     | another TTL or values  | replace           |
//! | none    | set                    | delete            |
//!
//! Deletions and replacements name the current data exactly, so that the DNS provider refuses them
//! when the zone holds something else (I10). An RRset with *pending* data was being sent when a
//! process stopped: the zone may hold the old or the new data, so it must be read first.

use crate::record::RecordType;
use crate::rrset::{Rrset, RrsetData};

/// The registry entry of an RRset that Starchart owns (I10).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct OwnedRrset {
    /// The record type of the RRset.
    pub rtype: RecordType,
    /// The data that the provider last confirmed; `None` before the first confirmation.
    pub confirmed: Option<RrsetData>,
    /// The data of changes whose outcome is not recorded (`None`: a deletion). Usually none or one;
    /// more when a process that was suspended past its lease resumed after another one had sent.
    pub pending: Vec<Option<RrsetData>>,
}

impl OwnedRrset {
    /// Returns whether the zone may differ from `confirmed`, so that it must be read before a
    /// change.
    pub fn needs_read(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Returns whether an RRset with the data `read` is Starchart's own. A confirmed RRset stays
    /// its own after a manual edit in the zone; one that was never confirmed is its own only when
    /// the data is exactly what was sent.
    pub fn is_ours(&self, read: &RrsetData) -> bool {
        self.confirmed.is_some() || self.pending.iter().flatten().any(|put| put == read)
    }
}

/// A name with unpublished changes, read in one snapshot of the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameToPublish {
    /// The fqdn: lower case, no trailing dot.
    pub name: String,
    /// The name's generation (I5), read before the other fields.
    pub generation: i64,
    /// The RRsets that the name should have.
    pub desired: Vec<Rrset>,
    /// The registry's RRsets of this name.
    pub owned: Vec<OwnedRrset>,
}

/// What publishing recorded for one name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedName {
    /// The fqdn: lower case, no trailing dot.
    pub name: String,
    /// The generation that was published.
    pub generation: i64,
    /// The RRsets that were changed or read, with the data that the zone holds now; `None`: none.
    pub sets: Vec<(RecordType, Option<RrsetData>)>,
}

/// Why a name, or one RRset of it, cannot be published as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedName {
    /// The fqdn: lower case, no trailing dot.
    pub name: String,
    /// The generation that was refused.
    pub generation: i64,
    /// The type of the refused RRset; `None`: the whole name.
    pub rtype: Option<RecordType>,
    /// The reason, as the owner reads it.
    pub reason: String,
}

/// One change to one RRset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RrsetChange {
    /// Creates an RRset that the zone does not have.
    Create(Rrset),
    /// Deletes an RRset, which must have exactly this data.
    Delete(Rrset),
    /// Deletes `old` and creates `new` in one batch.
    Replace {
        /// The RRset that the zone has.
        old: Rrset,
        /// The RRset that the zone should have.
        new: Rrset,
    },
}

impl RrsetChange {
    /// Returns the record type of the RRset.
    pub fn rtype(&self) -> RecordType {
        match self {
            Self::Create(set) | Self::Delete(set) | Self::Replace { new: set, .. } => set.rtype,
        }
    }

    /// Returns the RRset's data after the change; `None` after a deletion.
    pub fn outcome(&self) -> Option<&RrsetData> {
        match self {
            Self::Create(set) | Self::Replace { new: set, .. } => Some(&set.body),
            Self::Delete(_) => None,
        }
    }
}

/// Plans the changes from the `current` to the `desired` RRsets of one name. Deletions come first,
/// because a CNAME cannot be created beside other RRsets. `desired` must hold RRsets of this name
/// only.
pub fn plan_changes(
    name: &str,
    desired: &[Rrset],
    current: &[(RecordType, RrsetData)],
) -> Vec<RrsetChange> {
    let mut changes = Vec::new();
    for (rtype, body) in current {
        if !desired.iter().any(|set| set.rtype == *rtype) {
            changes.push(RrsetChange::Delete(Rrset {
                name: name.to_owned(),
                rtype: *rtype,
                body: body.clone(),
            }));
        }
    }
    for new in desired {
        match current.iter().find(|(rtype, _)| *rtype == new.rtype) {
            None => changes.push(RrsetChange::Create(new.clone())),
            Some((_, body)) if *body == new.body => {}
            Some((rtype, body)) => changes.push(RrsetChange::Replace {
                old: Rrset {
                    name: name.to_owned(),
                    rtype: *rtype,
                    body: body.clone(),
                },
                new: new.clone(),
            }),
        }
    }
    // A plan may hold the changes of all names, most of which have one.
    changes.shrink_to_fit();
    changes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(rtype: RecordType, values: &[&str]) -> Rrset {
        Rrset::new(
            "www.user1.starchart.com",
            rtype,
            values.iter().map(|v| (*v).to_owned()),
        )
    }

    fn current(set: &Rrset) -> (RecordType, RrsetData) {
        (set.rtype, set.body.clone())
    }

    #[test]
    fn each_row_of_the_table() {
        let name = "www.user1.starchart.com";
        let one = set(RecordType::A, &["192.0.2.1"]);
        let two = set(RecordType::A, &["192.0.2.1", "192.0.2.2"]);
        assert_eq!(
            plan_changes(name, std::slice::from_ref(&one), &[]),
            [RrsetChange::Create(one.clone())]
        );
        assert_eq!(
            plan_changes(name, std::slice::from_ref(&one), &[current(&one)]),
            []
        );
        assert_eq!(
            plan_changes(name, std::slice::from_ref(&two), &[current(&one)]),
            [RrsetChange::Replace {
                old: one.clone(),
                new: two
            }]
        );
        assert_eq!(
            plan_changes(name, &[], &[current(&one)]),
            [RrsetChange::Delete(one)]
        );
    }

    #[test]
    fn a_change_of_type_deletes_before_it_creates() {
        let a = set(RecordType::A, &["192.0.2.1"]);
        let cname = set(RecordType::Cname, &["example.com."]);
        assert_eq!(
            plan_changes(
                "www.user1.starchart.com",
                std::slice::from_ref(&cname),
                &[current(&a)]
            ),
            [RrsetChange::Delete(a), RrsetChange::Create(cname)]
        );
    }

    /// An RRset is ours if it was confirmed, or is exactly what was sent.
    #[test]
    fn ownership_follows_what_was_confirmed_and_sent() {
        let [sent, other] =
            ["192.0.2.1", "192.0.2.2"].map(|value| set(RecordType::A, &[value]).body);
        let deletion = None;
        for (confirmed, pending, needs_read, is_ours) in [
            (None, vec![], false, false),
            (None, vec![Some(sent.clone())], true, true),
            (None, vec![Some(other.clone())], true, false),
            (
                None,
                vec![Some(other.clone()), Some(sent.clone())],
                true,
                true,
            ),
            (None, vec![deletion.clone()], true, false),
            (Some(other.clone()), vec![], false, true),
            (Some(sent.clone()), vec![deletion], true, true),
        ] {
            let owned = OwnedRrset {
                rtype: RecordType::A,
                confirmed,
                pending,
            };
            assert_eq!(owned.needs_read(), needs_read, "{owned:?}");
            assert_eq!(owned.is_ours(&sent), is_ours, "{owned:?}");
        }
    }

    #[test]
    fn a_change_has_a_type_and_an_outcome() {
        let old = set(RecordType::Mx, &["10 mx.example.com."]);
        let new = set(RecordType::Mx, &["20 mx.example.com."]);
        let replace = RrsetChange::Replace {
            old: old.clone(),
            new: new.clone(),
        };
        for (change, outcome) in [
            (RrsetChange::Create(new.clone()), Some(&new.body)),
            (RrsetChange::Delete(old), None),
            (replace, Some(&new.body)),
        ] {
            assert_eq!(change.rtype(), RecordType::Mx);
            assert_eq!(change.outcome(), outcome);
        }
    }
}

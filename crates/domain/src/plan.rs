//! The difference between what rows want and what we last put into the zone, as a value.
//!
//! | desired | owned (confirmed)      | change            |
//! |---------|------------------------|-------------------|
//! | set     | none                   | create            |
//! | set     | the same               | none              |
//! | set     | another TTL or values  | replace, exactly  |
//! | none    | set                    | delete, exactly   |
//!
//! A set with a *pending* body was on its way when somebody stopped: the zone may hold either, so
//! it must be read first.

use crate::record::RecordType;
use crate::rrset::{Rrset, RrsetData};

/// What we last put into the zone at one name and type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnedRrset {
    /// The type.
    pub rtype: RecordType,
    /// What Route53 confirmed; none when nothing was confirmed yet.
    pub confirmed: Option<RrsetData>,
    /// What was about to be put (`None`: removed) by sends whose outcome is not recorded. Usually
    /// empty or one; more when a process that was stopped past its lease woke up and found its send
    /// taken.
    pub pending: Vec<Option<RrsetData>>,
}

impl OwnedRrset {
    /// Whether the zone may hold something else than `confirmed`, so that it must be read before a
    /// change.
    pub fn needs_read(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Whether a set that was read is ours. Once something was confirmed here the set is ours even
    /// after a hand edit; a set that was only about to be made is ours when it is exactly what we
    /// were about to put.
    pub fn is_ours(&self, read: &RrsetData) -> bool {
        self.confirmed.is_some() || self.pending.iter().flatten().any(|put| put == read)
    }
}

/// One name that rows say is out of date, read in one snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameToPublish {
    /// The full name: lower case, no trailing dot.
    pub name: String,
    /// The name's generation, read before everything else.
    pub generation: i64,
    /// What shall stand at the name.
    pub desired: Vec<Rrset>,
    /// What we put there.
    pub owned: Vec<OwnedRrset>,
}

/// What the zone holds of ours at some sets of one name; `None`: no such set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedName {
    /// The full name.
    pub name: String,
    /// The generation it was made from.
    pub generation: i64,
    /// The sets that were changed or read.
    pub sets: Vec<(RecordType, Option<RrsetData>)>,
}

/// One change to one set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RrsetChange {
    /// The set is new.
    Create(Rrset),
    /// The set goes, exactly as it stands.
    Delete(Rrset),
    /// The set changes: `old` goes exactly as it stands, `new` comes, in one batch.
    Replace {
        /// As it stands in the zone.
        old: Rrset,
        /// As it shall stand.
        new: Rrset,
    },
}

impl RrsetChange {
    /// The type of the set it changes.
    pub fn rtype(&self) -> RecordType {
        match self {
            Self::Create(set) | Self::Delete(set) | Self::Replace { new: set, .. } => set.rtype,
        }
    }

    /// What the zone holds at this set once the change is made.
    pub fn outcome(&self) -> Option<&RrsetData> {
        match self {
            Self::Create(set) | Self::Replace { new: set, .. } => Some(&set.body),
            Self::Delete(_) => None,
        }
    }
}

/// The changes that bring one name from what stands (`current`: type and body) to what is wanted,
/// removals first, because a CNAME cannot be made beside anything. `desired` holds sets of this
/// name only.
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
    fn the_table_above() {
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
    fn a_type_change_removes_before_it_creates() {
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
}

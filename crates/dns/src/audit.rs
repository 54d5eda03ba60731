//! Audit: the whole zone as it was listed, against what rows want and what we put there.

use std::collections::{BTreeMap, BTreeSet};

use starchart_domain::plan::{OwnedSet, SetChange, changes_of};
use starchart_domain::record::RecordType;
use starchart_domain::rrset::{Rrset, SetBody};

use crate::wire::same_set;
use crate::zone::ZoneSet;

/// What an audit found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Difference {
    /// What would bring the zone to what the rows want, name by name.
    pub changes: Vec<(String, Vec<SetChange>)>,
    /// Sets in the zone that are none of ours: name and type. Never touched.
    pub foreign: Vec<(String, String)>,
    /// Sets in the zone.
    pub listed: usize,
}

/// Compares. A set is ours by the registry alone: what it does not name is foreign, whatever it holds.
pub fn compare(listed: &[ZoneSet], desired: &[Rrset], owned: &[(String, OwnedSet)]) -> Difference {
    let registry: BTreeMap<(&str, RecordType), &OwnedSet> =
        owned.iter().map(|(name, set)| ((name.as_str(), set.rtype), set)).collect();
    let mut wanted: BTreeMap<&str, Vec<Rrset>> = BTreeMap::new();
    for set in desired {
        wanted.entry(&set.name).or_default().push(set.clone());
    }
    let mut standing: BTreeMap<&str, Vec<(RecordType, SetBody)>> = BTreeMap::new();
    let mut foreign = Vec::new();
    for set in listed {
        let ours = RecordType::parse(&set.rtype)
            .zip(set.body())
            .filter(|(rtype, body)| registry.get(&(set.name.as_str(), *rtype)).is_some_and(|owned| owned.is_ours(body)));
        match ours {
            Some((rtype, body)) => {
                let as_wanted = wanted.get(set.name.as_str()).and_then(|sets| sets.iter().find(|want| same_set(set, want)));
                let body = as_wanted.map_or(body, |want| want.body.clone());
                standing.entry(&set.name).or_default().push((rtype, body));
            }
            None => foreign.push((set.name.clone(), set.rtype.clone())),
        }
    }
    let names: BTreeSet<&str> = wanted.keys().chain(standing.keys()).copied().collect();
    let changes_at = |name: &str| {
        let wanted = wanted.get(name).map_or(&[][..], Vec::as_slice);
        changes_of(name, wanted, standing.get(name).map_or(&[][..], Vec::as_slice))
    };
    let changes = names.into_iter().map(|name| (name.to_owned(), changes_at(name))).filter(|(_, c)| !c.is_empty()).collect();
    Difference { changes, foreign, listed: listed.len() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(name: &str, rtype: &str, value: &str) -> ZoneSet {
        ZoneSet {
            name: name.to_owned(),
            rtype: rtype.to_owned(),
            ttl: Some(300),
            values: [value.to_owned()].into(),
            plain: true,
        }
    }

    fn a(name: &str, value: &str) -> Rrset {
        Rrset::new(name, RecordType::A, [value.to_owned()])
    }

    fn owned(set: &Rrset) -> (String, OwnedSet) {
        (set.name.clone(), OwnedSet { rtype: set.rtype, confirmed: Some(set.body.clone()), pending: vec![] })
    }

    #[test]
    fn drift_is_a_change_and_what_is_not_ours_is_foreign() {
        let (kept, edited, gone, orphan) = (
            a("kept.u.root", "192.0.2.1"),
            a("edited.u.root", "192.0.2.2"),
            a("gone.u.root", "192.0.2.3"),
            a("old.u.root", "192.0.2.4"),
        );
        let zone = [
            listed("root", "SOA", "ns. host. 1 2 3 4 5"),
            listed("kept.u.root", "A", "192.0.2.1"),
            listed("edited.u.root", "A", "203.0.113.9"),
            listed("old.u.root", "A", "192.0.2.4"),
            listed("theirs.u.root", "A", "192.0.2.5"),
        ];
        let registry = [&kept, &edited, &gone, &orphan].map(owned);
        let found = compare(&zone, &[kept, edited.clone(), gone.clone()], &registry);
        assert_eq!(found.foreign, [("root".into(), "SOA".into()), ("theirs.u.root".into(), "A".into())]);
        assert_eq!(
            found.changes,
            [
                ("edited.u.root".to_owned(), vec![SetChange::Replace { old: a("edited.u.root", "203.0.113.9"), new: edited }]),
                ("gone.u.root".to_owned(), vec![SetChange::Create(gone)]),
                ("old.u.root".to_owned(), vec![SetChange::Delete(orphan)]),
            ]
        );
    }
}

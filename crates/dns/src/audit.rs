//! Audit: the whole zone as it was listed, against what rows want and what we put there.

use std::collections::{BTreeMap, BTreeSet};

use starchart_domain::names::RootDomain;
use starchart_domain::plan::{NameOutcome, OwnedSet, SetChange, changes_of};
use starchart_domain::record::RecordType;
use starchart_domain::rrset::{Rrset, SetBody};

use crate::plan::{InTheWay, Orphan, Plan, Refused};
use crate::wire::same_set;
use crate::zone::ZoneSet;

/// What the zone is compared with.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// The domain of the zone.
    pub root: &'a RootDomain,
    /// What rows want, by name.
    pub desired: &'a BTreeMap<String, Vec<Rrset>>,
    /// What we put into the zone, by name.
    pub owned: &'a BTreeMap<String, Vec<OwnedSet>>,
    /// Names that cannot be judged now: changed while the zone was listed, or publish's to work on.
    pub moving: &'a BTreeSet<String>,
    /// Of these, names that were the same before and after the listing, so that what stands there
    /// can be told.
    pub still: &'a BTreeSet<String>,
    /// Of these, names that the zone refused as they are, and why.
    pub refused: &'a BTreeMap<String, String>,
    /// Labels that people have or had.
    pub labels: &'a BTreeSet<String>,
}

/// Why a listing is not compared with anything.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotOurZone {
    /// It is the listing of another zone.
    #[error(
        "AWS_ROUTE53_HOSTED_ZONE_ID is the id of the zone of {found}, while ROOT_DOMAIN is {root}: set the id of the zone of {root}. \
         Until then nothing is compared or published and no plan can be approved"
    )]
    Another {
        /// The domain of that zone.
        found: String,
        /// Ours.
        root: String,
    },
    /// Every zone has an SOA and an NS set of its own.
    #[error(
        "the listing of the zone has no {0} set at {1}: it is not the whole zone, so nothing is compared"
    )]
    Partial(&'static str, String),
}

/// Whether a listing is the whole of our zone.
///
/// # Errors
/// It is another zone's, or a part.
pub fn check_zone(listed: &[ZoneSet], root: &RootDomain) -> Result<(), NotOurZone> {
    let other = listed
        .iter()
        .find(|set| set.rtype == "SOA" && set.name != root.as_str());
    if let Some(soa) = other {
        return Err(NotOurZone::Another {
            found: soa.name.clone(),
            root: root.to_string(),
        });
    }
    match APEX.into_iter().find(|rtype| {
        !listed
            .iter()
            .any(|set| set.name == root.as_str() && set.rtype == *rtype)
    }) {
        Some(rtype) => Err(NotOurZone::Partial(rtype, root.to_string())),
        None => Ok(()),
    }
}

const APEX: [&str; 2] = ["SOA", "NS"];

/// Whether the zone holds nothing but what every zone has.
pub fn is_bare(listed: &[ZoneSet], root: &RootDomain) -> bool {
    listed
        .iter()
        .all(|set| set.name == root.as_str() && APEX.contains(&set.rtype.as_str()))
}

/// Compares. A set is ours by the registry alone: what it does not name is not ours, whatever it
/// holds.
pub fn compare(listed: &[ZoneSet], known: Known<'_>) -> Plan {
    let mut plan = Plan {
        zone: known.root.to_string(),
        listed: listed.len(),
        owned: known.owned.values().map(Vec::len).sum(),
        wanted: known.desired.values().map(Vec::len).sum(),
        ..Plan::default()
    };
    let mut standing: BTreeMap<&str, Vec<(RecordType, SetBody)>> = BTreeMap::new();
    let mut others: BTreeMap<&str, Vec<&ZoneSet>> = BTreeMap::new();
    for set in listed {
        match ours(set, known) {
            Some((rtype, body)) => standing.entry(&set.name).or_default().push((rtype, body)),
            None => {
                others.entry(&set.name).or_default().push(set);
                sort_foreign(set, known, &mut plan);
            }
        }
    }
    plan.unclaimed.sort();
    for name in known
        .desired
        .keys()
        .map(String::as_str)
        .chain(standing.keys().copied())
        .collect::<BTreeSet<_>>()
    {
        let wanted = known.desired.get(name).map_or(&[][..], Vec::as_slice);
        let mut changes = changes_of(
            name,
            wanted,
            standing.get(name).map_or(&[][..], Vec::as_slice),
        );
        changes.retain(|change| !matches!(change, SetChange::Create(set) if plan.unclaimed.binary_search(set).is_ok()));
        match known.moving.contains(name) {
            _ if changes.is_empty() => {}
            true => sort_waiting(
                name,
                changes,
                others.get(name).map_or(&[][..], Vec::as_slice),
                known,
                &mut plan,
            ),
            false => plan.changes.push((name.to_owned(), changes)),
        }
    }
    plan.vanished = vanished(&standing, known);
    plan
}

/// Type and body of a set that is ours: as it stands, or in the words of the row that wants it when
/// it says the same.
fn ours(set: &ZoneSet, known: Known<'_>) -> Option<(RecordType, SetBody)> {
    let (rtype, body) = RecordType::parse(&set.rtype).zip(set.body())?;
    let owned = known
        .owned
        .get(&set.name)?
        .iter()
        .find(|owned| owned.rtype == rtype)?;
    let body = wanted_here(set, known)
        .filter(|want| same_set(set, want))
        .map_or(body, |want| want.body.clone());
    owned.is_ours(&body).then_some((rtype, body))
}

fn wanted_here<'a>(set: &ZoneSet, known: Known<'a>) -> Option<&'a Rrset> {
    known
        .desired
        .get(&set.name)?
        .iter()
        .find(|want| want.rtype.as_str() == set.rtype)
}

/// A set that is not ours: wanted all the same, left over under somebody's label, or none of our
/// business.
fn sort_foreign(set: &ZoneSet, known: Known<'_>, plan: &mut Plan) {
    let moves = known.moving.contains(&set.name);
    match (
        wanted_here(set, known),
        RecordType::parse(&set.rtype).zip(set.body()),
    ) {
        (Some(want), Some(_)) if !moves && same_set(set, want) => {
            plan.unclaimed.push(want.clone());
        }
        (None, Some((rtype, body))) if !moves && is_under_label(&set.name, known) => {
            plan.orphans.push(Orphan {
                name: set.name.clone(),
                rtype,
                body,
            });
        }
        _ => plan.foreign.push((set.name.clone(), set.rtype.clone())),
    }
}

/// What publish has to do at a name: refused before, in the way of something that is not ours, or
/// only a matter of time.
fn sort_waiting(
    name: &str,
    mut changes: Vec<SetChange>,
    others: &[&ZoneSet],
    known: Known<'_>,
    plan: &mut Plan,
) {
    if !known.still.contains(name) {
        plan.waiting.push((name.to_owned(), changes));
        return;
    }
    changes.retain(|change| {
        let SetChange::Create(set) = change else {
            return true;
        };
        let cname = RecordType::Cname.as_str();
        let wants = set.rtype.as_str();
        let Some(other) = others
            .iter()
            .find(|other| other.rtype == wants || other.rtype == cname || wants == cname)
        else {
            return true;
        };
        let stands = other.values.iter().cloned().collect::<Vec<_>>().join(", ");
        plan.in_the_way.push(InTheWay {
            wanted: set.clone(),
            stands: format!("{} {stands}", other.rtype).trim_end().to_owned(),
            adoptable: other.rtype == wants && other.plain,
        });
        false
    });
    match known.refused.get(name) {
        _ if changes.is_empty() => {}
        Some(reason) => plan.refused.push(Refused {
            name: name.to_owned(),
            reason: reason.clone(),
            changes,
        }),
        None => plan.waiting.push((name.to_owned(), changes)),
    }
}

fn is_under_label(name: &str, known: Known<'_>) -> bool {
    known
        .root
        .part_of(name)
        .is_some_and(|part| known.labels.contains(&part))
}

fn vanished(
    standing: &BTreeMap<&str, Vec<(RecordType, SetBody)>>,
    known: Known<'_>,
) -> Vec<(String, RecordType)> {
    let mut vanished = Vec::new();
    for (name, sets) in known
        .owned
        .iter()
        .filter(|(name, _)| !known.moving.contains(*name))
    {
        let stands = |rtype| {
            standing
                .get(name.as_str())
                .is_some_and(|sets| sets.iter().any(|(standing, _)| *standing == rtype))
        };
        let wanted = |rtype| {
            known
                .desired
                .get(name)
                .is_some_and(|sets| sets.iter().any(|want| want.rtype == rtype))
        };
        let gone = sets
            .iter()
            .map(|set| set.rtype)
            .filter(|rtype| !stands(*rtype) && !wanted(*rtype));
        vanished.extend(gone.map(|rtype| (name.clone(), rtype)));
    }
    vanished
}

/// Sets that stand at a name and type that rows want, name by name: what adoption makes ours. One
/// that says what the row says is given in the row's words, so that nothing has to change.
pub fn adoptable(listed: &[ZoneSet], desired: &BTreeMap<String, Vec<Rrset>>) -> Vec<NameOutcome> {
    let mut found: BTreeMap<&str, Vec<(RecordType, Option<SetBody>)>> = BTreeMap::new();
    for set in listed {
        let want = desired
            .get(&set.name)
            .and_then(|sets| sets.iter().find(|want| want.rtype.as_str() == set.rtype));
        if let Some((want, body)) = want.zip(set.body()) {
            let body = if same_set(set, want) {
                want.body.clone()
            } else {
                body
            };
            found
                .entry(&set.name)
                .or_default()
                .push((want.rtype, Some(body)));
        }
    }
    found
        .into_iter()
        .map(|(name, sets)| NameOutcome {
            name: name.to_owned(),
            generation: 0,
            sets,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests fail by panicking")]
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

    fn by_name<T>(sets: impl IntoIterator<Item = (String, T)>) -> BTreeMap<String, Vec<T>> {
        let mut map: BTreeMap<String, Vec<T>> = BTreeMap::new();
        sets.into_iter()
            .for_each(|(name, set)| map.entry(name).or_default().push(set));
        map
    }

    fn plan(zone: &[ZoneSet], desired: &[Rrset], owned: &[Rrset], moving: &[&str]) -> Plan {
        let desired = by_name(desired.iter().map(|set| (set.name.clone(), set.clone())));
        let own = |set: &Rrset| OwnedSet {
            rtype: set.rtype,
            confirmed: Some(set.body.clone()),
            pending: vec![],
        };
        let owned = by_name(owned.iter().map(|set| (set.name.clone(), own(set))));
        // Of those that move, one changed while the zone was listed.
        let moving: BTreeSet<String> = moving.iter().map(|name| (*name).to_owned()).collect();
        let still = moving
            .iter()
            .filter(|name| !name.starts_with("late."))
            .cloned()
            .collect();
        let labels = ["u".to_owned()].into();
        let refused = [("refused.u.root.test".to_owned(), "too long".to_owned())].into();
        let root = RootDomain::parse("root.test").unwrap();
        compare(
            zone,
            Known {
                root: &root,
                desired: &desired,
                owned: &owned,
                moving: &moving,
                still: &still,
                refused: &refused,
                labels: &labels,
            },
        )
    }

    #[test]
    fn drift_is_a_change_and_what_is_not_ours_is_foreign() {
        let (kept, edited, gone, left) = (
            a("kept.u.root.test", "192.0.2.1"),
            a("edited.u.root.test", "192.0.2.2"),
            a("gone.u.root.test", "192.0.2.3"),
            a("left.u.root.test", "192.0.2.4"),
        );
        let alias = ZoneSet {
            plain: false,
            ttl: None,
            ..listed("gone.u.root.test", "A", "")
        };
        let zone = [
            listed("root.test", "SOA", "ns. host. 1 2 3 4 5"),
            listed("kept.u.root.test", "A", "192.0.2.1"),
            listed("edited.u.root.test", "A", "203.0.113.9"),
            listed("left.u.root.test", "A", "192.0.2.4"),
            listed("old.u.root.test", "A", "192.0.2.5"),
            listed("_acme-challenge.u.root.test", "TXT", "\"old\""),
            listed("u.root.test", "CAA", "0 issue \";\""),
            listed("lent.u.root.test", "NS", "ns.elsewhere.test."),
            listed("www.v.root.test", "A", "192.0.2.6"),
            alias,
        ];
        let found = plan(
            &zone,
            &[kept.clone(), edited.clone(), gone.clone()],
            &[kept, edited.clone(), gone.clone(), left.clone()],
            &[],
        );
        let texts = |sets: &[(&str, &str)]| -> Vec<(String, String)> {
            sets.iter()
                .map(|(name, rtype)| ((*name).to_owned(), (*rtype).to_owned()))
                .collect()
        };
        assert_eq!(
            found.foreign,
            texts(&[
                ("root.test", "SOA"),
                ("u.root.test", "CAA"),
                ("lent.u.root.test", "NS"),
                ("www.v.root.test", "A"),
                ("gone.u.root.test", "A"),
            ])
        );
        let orphans: Vec<_> = found
            .orphans
            .iter()
            .map(|orphan| (orphan.name.as_str(), orphan.target()))
            .collect();
        assert_eq!(
            orphans,
            [
                ("old.u.root.test", "192.0.2.5".to_owned()),
                ("_acme-challenge.u.root.test", "\"old\"".to_owned())
            ]
        );
        assert_eq!(
            found.changes,
            [
                (
                    "edited.u.root.test".to_owned(),
                    vec![SetChange::Replace {
                        old: a("edited.u.root.test", "203.0.113.9"),
                        new: edited
                    }]
                ),
                ("gone.u.root.test".to_owned(), vec![SetChange::Create(gone)]),
                ("left.u.root.test".to_owned(), vec![SetChange::Delete(left)]),
            ]
        );
    }

    #[test]
    fn a_name_that_moves_is_no_difference() {
        let (want, stands) = (
            a("www.u.root.test", "192.0.2.2"),
            a("www.u.root.test", "192.0.2.1"),
        );
        let zone = [
            listed("www.u.root.test", "A", "192.0.2.1"),
            listed("new.u.root.test", "A", "192.0.2.3"),
        ];
        let found = plan(
            &zone,
            std::slice::from_ref(&want),
            std::slice::from_ref(&stands),
            &["www.u.root.test", "new.u.root.test"],
        );
        assert_eq!(
            (found.differences().all(), found.waiting_lines().len()),
            (0, 1)
        );
        assert!(
            found.orphans.is_empty(),
            "what is about to be ours is no orphan"
        );
    }

    #[test]
    fn what_waits_and_would_be_refused_is_told_apart() {
        let wants = |name: &str| a(&format!("{name}.u.root.test"), "192.0.2.1");
        let names = [
            "free", "same", "taken", "alias", "beside", "refused", "late",
        ];
        let zone = [
            listed("same.u.root.test", "A", "192.0.2.1"),
            listed("taken.u.root.test", "CNAME", "elsewhere.test."),
            ZoneSet {
                plain: false,
                ttl: None,
                values: BTreeSet::new(),
                ..listed("alias.u.root.test", "A", "")
            },
            listed("beside.u.root.test", "CAA", "0 issue \";\""),
            // Ours when it was listed; publish has replaced it since.
            listed("late.u.root.test", "A", "192.0.2.77"),
        ];
        let full = names.map(|name| format!("{name}.u.root.test"));
        let found = plan(
            &zone,
            &names.map(wants),
            &[],
            &full.each_ref().map(String::as_str),
        );
        assert_eq!(
            found.waiting_lines(),
            [
                "+ beside.u.root.test A 192.0.2.1",
                "+ free.u.root.test A 192.0.2.1",
                "+ late.u.root.test A 192.0.2.1"
            ]
        );
        let in_the_way: Vec<_> = found
            .in_the_way
            .iter()
            .map(|other| (other.line(), other.adoptable))
            .collect();
        let expected = [
            ("+ alias.u.root.test A 192.0.2.1, where A stands", false),
            (
                "+ same.u.root.test A 192.0.2.1, where A 192.0.2.1 stands",
                true,
            ),
            (
                "+ taken.u.root.test A 192.0.2.1, where CNAME elsewhere.test. stands",
                false,
            ),
        ];
        assert_eq!(
            in_the_way,
            expected.map(|(line, adoptable)| (line.to_owned(), adoptable))
        );
        assert_eq!(
            found.refused[0].lines(),
            ["+ refused.u.root.test A 192.0.2.1: too long"]
        );
        assert_eq!((found.refused.len(), found.differences().all()), (1, 0));
    }

    #[test]
    fn a_set_as_wanted_that_nobody_owns_is_not_made_again() {
        let (same, other) = (
            a("same.u.root.test", "192.0.2.1"),
            a("other.u.root.test", "192.0.2.2"),
        );
        let zone = [
            listed("same.u.root.test", "A", "192.0.2.1"),
            listed("other.u.root.test", "A", "192.0.2.9"),
        ];
        let found = plan(&zone, &[same.clone(), other.clone()], &[], &[]);
        assert_eq!(found.unclaimed, [same]);
        assert_eq!(
            found.changes,
            [(
                "other.u.root.test".to_owned(),
                vec![SetChange::Create(other)]
            )]
        );
        assert_eq!(
            found.lines(),
            [
                "+ other.u.root.test A 192.0.2.2",
                "= same.u.root.test A 192.0.2.1"
            ]
        );
        let outcomes = adoptable(
            &zone,
            &by_name([(
                "same.u.root.test".to_owned(),
                a("same.u.root.test", "192.0.2.1"),
            )]),
        );
        assert_eq!(outcomes.len(), 1);
    }

    #[test]
    fn what_the_registry_remembers_alone_is_forgotten() {
        let ghost = a("ghost.u.root.test", "192.0.2.1");
        let found = plan(&[], &[], std::slice::from_ref(&ghost), &[]);
        assert_eq!(
            found.vanished,
            [("ghost.u.root.test".to_owned(), RecordType::A)]
        );
        assert_eq!(found.differences().all(), 0);
        assert_eq!(found.found()[0].sets, [(RecordType::A, None)]);
        assert!(
            plan(&[], &[], &[ghost], &["ghost.u.root.test"])
                .vanished
                .is_empty()
        );
    }

    #[test]
    fn another_zone_and_half_a_zone_are_told() {
        let root = RootDomain::parse("root.test").unwrap();
        let (soa, ns) = (
            listed("root.test", "SOA", "ns. host. 1 2 3 4 5"),
            listed("root.test", "NS", "ns."),
        );
        let below = listed("www.u.root.test", "NS", "ns.");
        assert_eq!(check_zone(&[soa.clone(), ns.clone()], &root), Ok(()));
        assert!(matches!(
            check_zone(&[], &root),
            Err(NotOurZone::Partial("SOA", _))
        ));
        assert!(matches!(
            check_zone(&[soa.clone(), below.clone()], &root),
            Err(NotOurZone::Partial("NS", _))
        ));
        let other = check_zone(
            &[
                listed("other.test", "SOA", "x"),
                listed("other.test", "NS", "ns."),
            ],
            &root,
        )
        .unwrap_err()
        .to_string();
        assert!(
            other.contains("AWS_ROUTE53_HOSTED_ZONE_ID") && other.contains("other.test"),
            "{other}"
        );
        assert!(is_bare(&[soa.clone(), ns.clone()], &root) && !is_bare(&[soa, ns, below], &root));
    }
}

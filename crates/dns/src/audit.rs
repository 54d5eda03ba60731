//! Compares the listed zone with the database and the ownership registry.

use std::collections::{BTreeMap, BTreeSet};

use starchart_domain::names::RootDomain;
use starchart_domain::plan::{OwnedRrset, PublishedName, RrsetChange, plan_changes};
use starchart_domain::record::RecordType;
use starchart_domain::rrset::{Rrset, RrsetData};

use crate::canonical::same_rrset;
use crate::plan::{BlockedRrset, Orphan, Plan, RefusedName};
use crate::zone::ZoneRrset;

/// The state of the database that a listing of the zone is compared with.
#[derive(Debug, Clone, Copy)]
pub struct AuditInput<'a> {
    /// The domain of the zone.
    pub root: &'a RootDomain,
    /// The RRsets that the database wants, by name.
    pub desired: &'a BTreeMap<String, Vec<Rrset>>,
    /// The RRsets in the ownership registry, by name.
    pub owned: &'a BTreeMap<String, Vec<OwnedRrset>>,
    /// Names that changed during the listing or are unpublished. They are no drift.
    pub in_flight: &'a BTreeSet<String>,
    /// Those names in flight that did not change during the listing, so that blocked and refused
    /// RRsets can be reported.
    pub unchanged: &'a BTreeSet<String>,
    /// Those names in flight that the provider refused, with the reason.
    pub refused: &'a BTreeMap<String, String>,
    /// All labels of present and former users.
    pub labels: &'a BTreeSet<String>,
}

/// Why a listing cannot be audited.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WrongZone {
    /// The hosted zone has another domain than ROOT_DOMAIN.
    #[error(
        "AWS_ROUTE53_HOSTED_ZONE_ID is the zone of {found}, but ROOT_DOMAIN is {root}: set the id \
         of the zone of {root}. Until then nothing is audited or published and no plan can be \
         approved"
    )]
    OtherZone {
        /// The domain of the hosted zone.
        found: String,
        /// ROOT_DOMAIN from the settings.
        root: String,
    },
    /// The listing lacks the SOA or NS RRset that every zone has at its apex.
    #[error("the listing has no {0} RRset at {1}, so it is incomplete and is not audited")]
    Incomplete(&'static str, String),
}

/// Verifies that a listing is the complete zone of `root`.
///
/// # Errors
/// The listing is of another zone, or incomplete.
pub fn verify_listing(listed: &[ZoneRrset], root: &RootDomain) -> Result<(), WrongZone> {
    let other = listed
        .iter()
        .find(|set| set.rtype == "SOA" && set.name != root.as_str());
    if let Some(soa) = other {
        return Err(WrongZone::OtherZone {
            found: soa.name.clone(),
            root: root.to_string(),
        });
    }
    match APEX_TYPES.into_iter().find(|rtype| {
        !listed
            .iter()
            .any(|set| set.name == root.as_str() && set.rtype == *rtype)
    }) {
        Some(rtype) => Err(WrongZone::Incomplete(rtype, root.to_string())),
        None => Ok(()),
    }
}

/// The RRsets that every zone has at its apex.
const APEX_TYPES: [&str; 2] = ["SOA", "NS"];

/// Returns whether the zone holds only the SOA and NS RRsets of its apex.
pub fn is_empty_zone(listed: &[ZoneRrset], root: &RootDomain) -> bool {
    listed
        .iter()
        .all(|set| set.name == root.as_str() && APEX_TYPES.contains(&set.rtype.as_str()))
}

/// Compares a listing with the database and returns the differences as a plan. Only RRsets in the
/// ownership registry are ours (I10); any other RRset is foreign, whatever it holds.
pub fn compare(listed: &[ZoneRrset], known: AuditInput<'_>) -> Plan {
    let mut plan = Plan {
        zone: known.root.to_string(),
        listed: listed.len(),
        owned: known.owned.values().map(Vec::len).sum(),
        desired: known.desired.values().map(Vec::len).sum(),
        ..Plan::default()
    };
    let mut current: BTreeMap<&str, Vec<(RecordType, RrsetData)>> = BTreeMap::new();
    let mut others: BTreeMap<&str, Vec<&ZoneRrset>> = BTreeMap::new();
    for set in listed {
        match owned_rrset(set, known) {
            Some((rtype, body)) => current.entry(&set.name).or_default().push((rtype, body)),
            None => {
                others.entry(&set.name).or_default().push(set);
                classify_foreign(set, known, &mut plan);
            }
        }
    }
    plan.unclaimed.sort();
    for name in known
        .desired
        .keys()
        .map(String::as_str)
        .chain(current.keys().copied())
        .collect::<BTreeSet<_>>()
    {
        let desired = known.desired.get(name).map_or(&[][..], Vec::as_slice);
        let mut changes = plan_changes(
            name,
            desired,
            current.get(name).map_or(&[][..], Vec::as_slice),
        );
        changes.retain(|change| match change {
            RrsetChange::Create(set) => plan.unclaimed.binary_search(set).is_err(),
            RrsetChange::Delete(_) | RrsetChange::Replace { .. } => true,
        });
        if changes.is_empty() {
            continue;
        }
        if known.in_flight.contains(name) {
            let others = others.get(name).map_or(&[][..], Vec::as_slice);
            classify_unpublished(name, changes, others, known, &mut plan);
        } else {
            plan.changes.push((name.to_owned(), changes));
        }
    }
    plan.missing = missing(&current, known);
    plan
}

/// Returns type and body of an RRset that is ours. The body is in the spelling of the desired RRset
/// when both are equal, else in the provider's.
fn owned_rrset(set: &ZoneRrset, known: AuditInput<'_>) -> Option<(RecordType, RrsetData)> {
    let (rtype, body) = RecordType::parse(&set.rtype).zip(set.body())?;
    let owned = known
        .owned
        .get(&set.name)?
        .iter()
        .find(|owned| owned.rtype == rtype)?;
    let body = desired_rrset(set, known)
        .filter(|want| same_rrset(set, want))
        .map_or(body, |want| want.body.clone());
    owned.is_ours(&body).then_some((rtype, body))
}

fn desired_rrset<'a>(set: &ZoneRrset, known: AuditInput<'a>) -> Option<&'a Rrset> {
    known
        .desired
        .get(&set.name)?
        .iter()
        .find(|want| want.rtype.as_str() == set.rtype)
}

/// Adds an RRset that is not ours to the plan: unclaimed, an orphan, or foreign.
fn classify_foreign(set: &ZoneRrset, known: AuditInput<'_>, plan: &mut Plan) {
    let in_flight = known.in_flight.contains(&set.name);
    match (
        desired_rrset(set, known),
        RecordType::parse(&set.rtype).zip(set.body()),
    ) {
        (Some(want), Some(_)) if !in_flight && same_rrset(set, want) => {
            plan.unclaimed.push(want.clone());
        }
        (None, Some((rtype, body))) if !in_flight && is_under_label(&set.name, known) => {
            plan.orphans.push(Orphan {
                name: set.name.clone(),
                rtype,
                body,
            });
        }
        _ => plan.foreign.push((set.name.clone(), set.rtype.clone())),
    }
}

/// Adds the changes of an unpublished name to the plan: blocked by a foreign RRset, refused before,
/// or only unpublished.
fn classify_unpublished(
    name: &str,
    mut changes: Vec<RrsetChange>,
    others: &[&ZoneRrset],
    known: AuditInput<'_>,
    plan: &mut Plan,
) {
    if !known.unchanged.contains(name) {
        plan.unpublished.push((name.to_owned(), changes));
        return;
    }
    changes.retain(|change| {
        let RrsetChange::Create(set) = change else {
            return true;
        };
        let cname = RecordType::Cname.as_str();
        let rtype = set.rtype.as_str();
        let Some(other) = others
            .iter()
            .find(|other| other.rtype == rtype || other.rtype == cname || rtype == cname)
        else {
            return true;
        };
        let values = other.values.iter().cloned().collect::<Vec<_>>().join(", ");
        plan.blocked.push(BlockedRrset {
            desired: set.clone(),
            blocked_by: format!("{} {values}", other.rtype).trim_end().to_owned(),
            is_adoptable: other.rtype == rtype && other.is_simple,
        });
        false
    });
    match known.refused.get(name) {
        _ if changes.is_empty() => {}
        Some(reason) => plan.refused.push(RefusedName {
            name: name.to_owned(),
            reason: reason.clone(),
            changes,
        }),
        None => plan.unpublished.push((name.to_owned(), changes)),
    }
}

fn is_under_label(name: &str, known: AuditInput<'_>) -> bool {
    known
        .root
        .label_text_of(name)
        .is_some_and(|part| known.labels.contains(&part))
}

/// Lists owned RRsets that are neither in the zone nor desired.
fn missing(
    current: &BTreeMap<&str, Vec<(RecordType, RrsetData)>>,
    known: AuditInput<'_>,
) -> Vec<(String, RecordType)> {
    let mut missing = Vec::new();
    for (name, sets) in known
        .owned
        .iter()
        .filter(|(name, _)| !known.in_flight.contains(*name))
    {
        let is_listed = |rtype| {
            current
                .get(name.as_str())
                .is_some_and(|sets| sets.iter().any(|(listed, _)| *listed == rtype))
        };
        let is_desired = |rtype| {
            known
                .desired
                .get(name)
                .is_some_and(|sets| sets.iter().any(|want| want.rtype == rtype))
        };
        let absent = sets
            .iter()
            .map(|set| set.rtype)
            .filter(|rtype| !is_listed(*rtype) && !is_desired(*rtype));
        missing.extend(absent.map(|rtype| (name.clone(), rtype)));
    }
    missing
}

/// Finds the RRsets to adopt: simple RRsets at a desired name and type. An RRset that equals the
/// desired one is returned in the spelling of the desired one, so that publish changes nothing.
pub fn find_adoptable(
    listed: &[ZoneRrset],
    desired: &BTreeMap<String, Vec<Rrset>>,
) -> Vec<PublishedName> {
    let mut found: BTreeMap<&str, Vec<(RecordType, Option<RrsetData>)>> = BTreeMap::new();
    for set in listed {
        let want = desired
            .get(&set.name)
            .and_then(|sets| sets.iter().find(|want| want.rtype.as_str() == set.rtype));
        if let Some((want, body)) = want.zip(set.body()) {
            let body = if same_rrset(set, want) {
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
        .map(|(name, sets)| PublishedName {
            name: name.to_owned(),
            generation: 0,
            sets,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests fail by panicking")]
    use starchart_domain::rrset::RrsetValues;

    use super::*;

    fn listed(name: &str, rtype: &str, value: &str) -> ZoneRrset {
        ZoneRrset {
            name: name.to_owned(),
            rtype: rtype.to_owned(),
            ttl: Some(300),
            values: [value.to_owned()].into(),
            is_simple: true,
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

    fn plan(zone: &[ZoneRrset], desired: &[Rrset], owned: &[Rrset], in_flight: &[&str]) -> Plan {
        let desired = by_name(desired.iter().map(|set| (set.name.clone(), set.clone())));
        let own = |set: &Rrset| OwnedRrset {
            rtype: set.rtype,
            confirmed: Some(set.body.clone()),
            pending: vec![],
        };
        let owned = by_name(owned.iter().map(|set| (set.name.clone(), own(set))));
        // The name "changed.*" changed while the zone was listed.
        let in_flight: BTreeSet<String> = in_flight.iter().map(|name| (*name).to_owned()).collect();
        let unchanged = in_flight
            .iter()
            .filter(|name| !name.starts_with("changed."))
            .cloned()
            .collect();
        let labels = ["u".to_owned()].into();
        let refused = [("refused.u.root.test".to_owned(), "too long".to_owned())].into();
        let root = RootDomain::parse("root.test").unwrap();
        compare(
            zone,
            AuditInput {
                root: &root,
                desired: &desired,
                owned: &owned,
                in_flight: &in_flight,
                unchanged: &unchanged,
                refused: &refused,
                labels: &labels,
            },
        )
    }

    #[test]
    fn drift_is_planned_and_other_rrsets_are_foreign_or_orphans() {
        let kept = a("kept.u.root.test", "192.0.2.1");
        let edited = a("edited.u.root.test", "192.0.2.2");
        let gone = a("gone.u.root.test", "192.0.2.3");
        let left = a("left.u.root.test", "192.0.2.4");
        let alias = ZoneRrset {
            is_simple: false,
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
            .map(|orphan| (orphan.name.as_str(), orphan.joined_values()))
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
                    vec![RrsetChange::Replace {
                        old: a("edited.u.root.test", "203.0.113.9"),
                        new: edited
                    }]
                ),
                (
                    "gone.u.root.test".to_owned(),
                    vec![RrsetChange::Create(gone)]
                ),
                (
                    "left.u.root.test".to_owned(),
                    vec![RrsetChange::Delete(left)]
                ),
            ]
        );
    }

    #[test]
    fn an_unpublished_name_is_no_difference() {
        let want = a("www.u.root.test", "192.0.2.2");
        let current = a("www.u.root.test", "192.0.2.1");
        let zone = [
            listed("www.u.root.test", "A", "192.0.2.1"),
            listed("new.u.root.test", "A", "192.0.2.3"),
        ];
        let found = plan(
            &zone,
            std::slice::from_ref(&want),
            std::slice::from_ref(&current),
            &["www.u.root.test", "new.u.root.test"],
        );
        assert_eq!(
            (found.differences().total(), found.unpublished_lines().len()),
            (0, 1)
        );
        assert!(
            found.orphans.is_empty(),
            "an RRset at an unpublished name is no orphan"
        );
    }

    #[test]
    fn unpublished_blocked_and_refused_changes_are_distinguished() {
        let desired = |name: &str| a(&format!("{name}.u.root.test"), "192.0.2.1");
        let names = [
            "free", "same", "taken", "alias", "beside", "refused", "changed",
        ];
        let zone = [
            listed("same.u.root.test", "A", "192.0.2.1"),
            listed("taken.u.root.test", "CNAME", "elsewhere.test."),
            ZoneRrset {
                is_simple: false,
                ttl: None,
                values: RrsetValues::default(),
                ..listed("alias.u.root.test", "A", "")
            },
            listed("beside.u.root.test", "CAA", "0 issue \";\""),
            // Ours when it was listed; replaced by publish afterwards.
            listed("changed.u.root.test", "A", "192.0.2.77"),
        ];
        let full = names.map(|name| format!("{name}.u.root.test"));
        let found = plan(
            &zone,
            &names.map(desired),
            &[],
            &full.each_ref().map(String::as_str),
        );
        assert_eq!(
            found.unpublished_lines(),
            [
                "+ beside.u.root.test A 192.0.2.1",
                "+ changed.u.root.test A 192.0.2.1",
                "+ free.u.root.test A 192.0.2.1"
            ]
        );
        let blocked: Vec<_> = found
            .blocked
            .iter()
            .map(|blocked| (blocked.line(), blocked.is_adoptable))
            .collect();
        let expected = [
            ("+ alias.u.root.test A 192.0.2.1, blocked by A", false),
            (
                "+ same.u.root.test A 192.0.2.1, blocked by A 192.0.2.1",
                true,
            ),
            (
                "+ taken.u.root.test A 192.0.2.1, blocked by CNAME elsewhere.test.",
                false,
            ),
        ];
        assert_eq!(
            blocked,
            expected.map(|(line, is_adoptable)| (line.to_owned(), is_adoptable))
        );
        assert_eq!(
            found.refused[0].lines(),
            ["+ refused.u.root.test A 192.0.2.1: too long"]
        );
        assert_eq!((found.refused.len(), found.differences().total()), (1, 0));
    }

    #[test]
    fn an_unclaimed_rrset_is_not_created() {
        let same = a("same.u.root.test", "192.0.2.1");
        let other = a("other.u.root.test", "192.0.2.2");
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
                vec![RrsetChange::Create(other)]
            )]
        );
        assert_eq!(
            found.lines(),
            [
                "+ other.u.root.test A 192.0.2.2",
                "= same.u.root.test A 192.0.2.1"
            ]
        );
        let outcomes = find_adoptable(
            &zone,
            &by_name([(
                "same.u.root.test".to_owned(),
                a("same.u.root.test", "192.0.2.1"),
            )]),
        );
        assert_eq!(outcomes.len(), 1);
    }

    #[test]
    fn an_owned_rrset_that_is_neither_listed_nor_desired_is_missing() {
        let ghost = a("ghost.u.root.test", "192.0.2.1");
        let found = plan(&[], &[], std::slice::from_ref(&ghost), &[]);
        assert_eq!(
            found.missing,
            [("ghost.u.root.test".to_owned(), RecordType::A)]
        );
        assert_eq!(found.differences().total(), 0);
        assert_eq!(found.zone_state()[0].sets, [(RecordType::A, None)]);
        assert!(
            plan(&[], &[], &[ghost], &["ghost.u.root.test"])
                .missing
                .is_empty()
        );
    }

    #[test]
    fn another_zone_and_an_incomplete_listing_are_rejected() {
        let root = RootDomain::parse("root.test").unwrap();
        let soa = listed("root.test", "SOA", "ns. host. 1 2 3 4 5");
        let ns = listed("root.test", "NS", "ns.");
        let below = listed("www.u.root.test", "NS", "ns.");
        assert_eq!(verify_listing(&[soa.clone(), ns.clone()], &root), Ok(()));
        assert!(matches!(
            verify_listing(&[], &root),
            Err(WrongZone::Incomplete("SOA", _))
        ));
        assert!(matches!(
            verify_listing(&[soa.clone(), below.clone()], &root),
            Err(WrongZone::Incomplete("NS", _))
        ));
        let other = verify_listing(
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
        assert!(
            is_empty_zone(&[soa.clone(), ns.clone()], &root)
                && !is_empty_zone(&[soa, ns, below], &root)
        );
    }
}

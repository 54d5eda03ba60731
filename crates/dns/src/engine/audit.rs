//! Compares the listed zone with the database and the ownership registry.

use std::collections::{BTreeMap, BTreeSet};

use starchart_domain::import::parse_original_type;
use starchart_domain::names::RootDomain;
use starchart_domain::plan::{OwnedRrset, PublishedName, RrsetChange, plan_changes};
use starchart_domain::record::{RecordType, exclude_each_other};
use starchart_domain::rrset::{Rrset, RrsetData};

use super::plan::{BlockedRrset, Orphan, Plan, RefusedChanges};
use crate::provider::ZoneRrset;

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
        "{setting} is the zone of {found}, but ROOT_DOMAIN is {root}: set the id of the zone of \
         {root}. Until then nothing is audited or published and no plan can be approved"
    )]
    OtherZone {
        /// The domain of the hosted zone.
        found: String,
        /// ROOT_DOMAIN from the settings.
        root: String,
        /// The setting that selects the hosted zone.
        setting: &'static str,
    },
    /// The listing lacks the SOA or NS RRset that every zone has at its apex.
    #[error("the listing has no {0} RRset at {1}, so it is incomplete and is not audited")]
    Incomplete(&'static str, String),
}

/// Verifies that a listing is the complete zone of `root`. `setting` selects the hosted zone.
///
/// # Errors
/// The listing is of another zone, or incomplete.
pub fn verify_listing(
    listed: &[ZoneRrset],
    root: &RootDomain,
    setting: &'static str,
) -> Result<(), WrongZone> {
    let other = listed
        .iter()
        .find(|set| set.rtype == "SOA" && set.name != root.as_str());
    if let Some(soa) = other {
        return Err(WrongZone::OtherZone {
            found: soa.name.clone(),
            root: root.to_string(),
            setting,
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
        .filter(|want| set.matches(want))
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

/// Adds an RRset that is not ours to the plan: unclaimed, an orphan, or foreign. Only the original
/// can have left orphans, so an RRset of a type that it did not offer, or a wildcard, is an
/// operator's.
fn classify_foreign(set: &ZoneRrset, known: AuditInput<'_>, plan: &mut Plan) {
    let in_flight = known.in_flight.contains(&set.name);
    let desired = desired_rrset(set, known);
    let orphan = parse_original_type(&set.rtype)
        .zip(set.body())
        .filter(|_| !set.name.starts_with("*."));
    match (desired, orphan) {
        (Some(want), _) if !in_flight && set.matches(want) => {
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
        let rtype = set.rtype.as_str();
        let Some(other) = others
            .iter()
            .find(|other| exclude_each_other(&other.rtype, rtype))
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
        Some(reason) => plan.refused.push(RefusedChanges {
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
            let body = if set.matches(want) {
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
mod tests;

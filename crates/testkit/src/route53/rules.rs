//! The rules of Route53 for a batch, with its messages. A batch is applied as a whole or not at
//! all.

use std::collections::{BTreeMap, BTreeSet};

use super::name::DnsName;
use super::value::{Data, TYPES};
use super::zone::{Body, RrSet, Zone};

/// The most ResourceRecord elements of one batch; an UPSERT counts twice.
const MOST_RECORDS: usize = 1000;
/// The most characters in the values of one batch; an UPSERT counts twice.
const MOST_CHARACTERS: usize = 32_000;
/// The most values of one RRset.
const MOST_VALUES: usize = 400;

/// A Change element of the request, before it is checked.
#[derive(Clone, Debug, Default)]
pub(crate) struct Change {
    pub(crate) action: String,
    pub(crate) name: String,
    pub(crate) rtype: String,
    pub(crate) identifier: Option<String>,
    pub(crate) weight: Option<String>,
    pub(crate) ttl: Option<String>,
    pub(crate) values: Vec<String>,
    pub(crate) alias: Option<Alias>,
}

/// The AliasTarget of a change.
#[derive(Clone, Debug, Default)]
pub(crate) struct Alias {
    pub(crate) zone_id: String,
    pub(crate) target: String,
    pub(crate) evaluate: bool,
}

/// Why a batch is refused.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum BatchRefusal {
    /// The request is malformed: `InvalidInput`.
    Input(String),
    /// The zone does not allow it: `InvalidChangeBatch`, one message for each fault.
    Batch(Vec<String>),
}

/// Applies `changes` to a copy of `zone`, in their order, and returns the new zone and the RRsets
/// of the changes. `refused_names` maps names without escapes to the message with which every
/// change of that name is refused.
pub(crate) fn apply(
    zone: &Zone,
    changes: &[Change],
    refused_names: &BTreeMap<String, String>,
) -> Result<(Zone, Vec<RrSet>), BatchRefusal> {
    check_form(changes)?;
    check_size(changes)?;
    let mut zone = zone.clone();
    let mut messages = check_repeats(changes);
    let mut sets = Vec::new();
    for change in changes {
        let outcome = parse(change).and_then(|set| match refused_names.get(&set.name.plain()) {
            Some(message) => Err(message.clone()),
            None => {
                sets.push(set.clone());
                apply_one(&mut zone, &change.action, set)
            }
        });
        messages.extend(outcome.err());
    }
    messages.extend(check_apex(&zone));
    if messages.is_empty() {
        Ok((zone, sets))
    } else {
        Err(BatchRefusal::Batch(messages))
    }
}

/// Checks the form of the request, without the zone.
fn check_form(changes: &[Change]) -> Result<(), BatchRefusal> {
    if changes.is_empty() {
        return Err(constraint(
            "[]",
            "changeBatch.changes",
            "Member must have length greater than or equal to 1",
        ));
    }
    for (index, change) in changes.iter().enumerate() {
        let member = format!("changeBatch.changes.{}.member", index + 1);
        let field = |name: &str| format!("{member}.resourceRecordSet.{name}");
        if !["CREATE", "DELETE", "UPSERT"].contains(&change.action.as_str()) {
            let allowed = "Member must satisfy enum value set: [CREATE, DELETE, UPSERT]";
            return Err(constraint(
                &change.action,
                &format!("{member}.action"),
                allowed,
            ));
        }
        if !TYPES.contains(&change.rtype.as_str()) {
            return Err(constraint(
                &change.rtype,
                &field("type"),
                "Member must satisfy enum value set",
            ));
        }
        match (&change.ttl, change.values.is_empty(), &change.alias) {
            (Some(ttl), false, None) => check_ttl(ttl, &field("tTL"))?,
            (None, true, Some(_)) => {}
            _ => {
                return Err(BatchRefusal::Input(format!(
                    "Invalid request: Expected exactly one of [AliasTarget, all of [TTL, and \
                     ResourceRecords], or TrafficPolicyInstanceId], in Change with [Action={}, \
                     Name={}, Type={}, SetIdentifier={}]",
                    change.action,
                    change.name,
                    change.rtype,
                    change.identifier.as_deref().unwrap_or("null")
                )));
            }
        }
    }
    Ok(())
}

fn check_ttl(ttl: &str, field: &str) -> Result<(), BatchRefusal> {
    match ttl.parse::<i64>() {
        Ok(..0) => Err(constraint(
            ttl,
            field,
            "Member must have value greater than or equal to 0",
        )),
        Ok(2_147_483_648..) => Err(constraint(
            ttl,
            field,
            "Member must have value less than or equal to 2147483647",
        )),
        Ok(_) => Ok(()),
        Err(_) => Err(BatchRefusal::Input(format!(
            "Invalid XML ; cvc-datatype-valid: '{ttl}' is not a valid value for 'integer'."
        ))),
    }
}

fn constraint(value: &str, field: &str, rule: &str) -> BatchRefusal {
    let text = format!(
        "1 validation error detected: Value '{value}' at '{field}' failed to satisfy constraint: \
         {rule}"
    );
    BatchRefusal::Input(text)
}

fn check_size(changes: &[Change]) -> Result<(), BatchRefusal> {
    let mut records = 0;
    let mut characters = 0;
    for change in changes {
        let times = if change.action == "UPSERT" { 2 } else { 1 };
        records += times * change.values.len().max(1);
        characters += times
            * change
                .values
                .iter()
                .map(|value| value.chars().count())
                .sum::<usize>();
    }
    if records > MOST_RECORDS {
        return Err(BatchRefusal::Batch(vec![format!(
            "Number of records limit of {MOST_RECORDS} exceeded."
        )]));
    }
    if characters > MOST_CHARACTERS {
        return Err(BatchRefusal::Batch(vec![format!(
            "Number of characters in values limit of {MOST_CHARACTERS} exceeded."
        )]));
    }
    Ok(())
}

/// Checks that a batch changes each RRset once, or deletes and then creates it.
fn check_repeats(changes: &[Change]) -> Vec<String> {
    let mut actions: BTreeMap<_, Vec<&str>> = BTreeMap::new();
    for change in changes {
        let Ok(name) = DnsName::parse(&change.name) else {
            continue;
        };
        actions
            .entry((name, &change.rtype, &change.identifier))
            .or_default()
            .push(&change.action);
    }
    let wrong = |list: &[&str]| list.len() > 1 && list != ["DELETE", "CREATE"];
    let text = |rtype: &str, name: &DnsName| {
        format!(
            "The request contains an invalid set of changes for a resource record set \
             '{rtype} {name}'"
        )
    };
    actions
        .iter()
        .filter(|(_, list)| wrong(list))
        .map(|((name, rtype, _), _)| text(rtype, name))
        .collect()
}

/// Parses the RRset of a change, without the zone.
fn parse(change: &Change) -> Result<RrSet, String> {
    let fatal = |fault: &str| {
        format!(
            "Invalid Resource Record: 'FATAL problem: {fault} encountered with '{}''",
            change.name
        )
    };
    let name = DnsName::parse(&change.name).map_err(fatal)?;
    let body = match &change.alias {
        Some(alias) => Body::Alias {
            target: DnsName::parse(&alias.target).map_err(fatal)?,
            zone_id: alias.zone_id.clone(),
            evaluate: alias.evaluate,
        },
        None => parse_records(change, &name)?,
    };
    let weight = match &change.weight {
        Some(weight) => Some(
            weight
                .parse()
                .map_err(|_| format!("Invalid weight: '{weight}'"))?,
        ),
        None => None,
    };
    if change.identifier.is_some() != weight.is_some() {
        return Err(format!(
            "A set with a SetIdentifier needs a Weight, and the reverse: '{name}'"
        ));
    }
    Ok(RrSet {
        name,
        rtype: change.rtype.clone(),
        identifier: change.identifier.clone(),
        weight,
        body,
    })
}

fn parse_records(change: &Change, name: &DnsName) -> Result<Body, String> {
    let mut data = BTreeSet::new();
    for value in &change.values {
        if !data.insert(Data::parse(&change.rtype, value)?) {
            return Err(format!("Duplicate Resource Record: '{value}'"));
        }
    }
    if data.len() > MOST_VALUES {
        return Err(format!(
            "Number of records limit of {MOST_VALUES} exceeded for '{name}'."
        ));
    }
    if matches!(change.rtype.as_str(), "CNAME" | "SOA") && data.len() > 1 {
        let rtype = &change.rtype;
        return Err(format!(
            "Invalid Resource Record: 'FATAL problem: MultipleValues ({rtype} allows one value) \
             encountered with '{name}''"
        ));
    }
    let ttl = change
        .ttl
        .as_deref()
        .and_then(|ttl| ttl.parse().ok())
        .unwrap_or_default();
    Ok(Body::Records {
        ttl,
        values: change.values.clone(),
        data,
    })
}

fn apply_one(zone: &mut Zone, action: &str, set: RrSet) -> Result<(), String> {
    if !set.name.is_within(&zone.name) {
        return Err(format!(
            "RRSet with DNS name {} is not permitted in zone {}",
            set.name, zone.name
        ));
    }
    let key = set.key();
    let current = zone.sets.get(&key);
    let named = describe(&set);
    match (action, current) {
        ("DELETE", None) => Err(format!(
            "Tried to delete resource record set {named} but it was not found"
        )),
        ("DELETE", Some(current)) if **current != set => Err(format!(
            "Tried to delete resource record set {named} but the values provided do not match \
             the current values"
        )),
        ("DELETE", Some(_)) => {
            zone.sets_mut().remove(&key);
            Ok(())
        }
        ("CREATE", Some(_)) => Err(format!(
            "Tried to create resource record set {named} but it already exists"
        )),
        _ => {
            check_place(zone, &set)?;
            zone.put(set);
            Ok(())
        }
    }
}

/// Checks that the name and its other RRsets allow `set`.
fn check_place(zone: &Zone, set: &RrSet) -> Result<(), String> {
    let name = &set.name;
    let rtype = &set.rtype;
    let apex = &zone.name;
    if rtype == "CNAME" && name == apex {
        return Err(format!(
            "RRSet of type CNAME with DNS name {name} is not permitted at apex in zone {apex}"
        ));
    }
    if rtype == "SOA" && name != apex {
        return Err(format!(
            "RRSet of type SOA with DNS name {name} is not permitted in zone {apex}"
        ));
    }
    if rtype == "NS" && name.is_wildcard() {
        return Err(format!(
            "RRSet of type NS with DNS name {name} is not permitted as a wildcard in zone {apex}"
        ));
    }
    for other in zone.at(name) {
        if (rtype == "CNAME") != (other.rtype == "CNAME") {
            let with = if rtype == "CNAME" {
                ""
            } else {
                " of type CNAME"
            };
            return Err(format!(
                "RRSet of type {rtype} with DNS name {name} is not permitted because a \
                 conflicting RRSet{with} with the same DNS name already exists in zone {apex}"
            ));
        }
        if other.rtype == *rtype && other.identifier.is_some() != set.identifier.is_some() {
            let identifier = set.identifier.as_deref().unwrap_or("null");
            return Err(format!(
                "RRSet with DNS name {name}, type {rtype}, SetIdentifier {identifier} cannot be \
                 created as other RRSets exist with the same name and type."
            ));
        }
    }
    Ok(())
}

fn describe(set: &RrSet) -> String {
    let identifier = set
        .identifier
        .as_ref()
        .map(|text| format!(", set identifier='{text}'"))
        .unwrap_or_default();
    format!("[name='{}', type='{}'{identifier}]", set.name, set.rtype)
}

fn check_apex(zone: &Zone) -> Vec<String> {
    let has = |rtype: &str| zone.at(&zone.name).any(|set| set.rtype == rtype);
    let soa = (!has("SOA")).then_some("A HostedZone must contain exactly one SOA record.");
    let ns = (!has("NS"))
        .then_some("A HostedZone must contain at least one NS record for the zone itself.");
    soa.into_iter().chain(ns).map(str::to_owned).collect()
}

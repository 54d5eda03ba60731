//! Dynamic addresses: a host whose address a program updates.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use starchart_domain::fault::{Fault, Field};
use starchart_domain::names::OwnedName;
use starchart_domain::record::{NewRecord, RecordForm, RecordType};
use starchart_domain::time::Timestamp;
use starchart_domain::ttl::{Ttl, TtlChoice};
use starchart_domain::words::WordFilter;
use starchart_jobs::Queue;
use starchart_store::Store;
use starchart_store::records::{self, Record};

use super::batch::apply_changes;
use super::{ActionError, BatchError, Caller, PlannedChange, RecordRules};
use crate::actor::User;

/// How often an update is planned: the host's records may change in between.
const TRIES: u32 = 16;
/// A record that is kept is renewed when it expires within this time: a host whose address is
/// updated is in use.
const RENEWED_BEFORE_MS: i64 = 30 * 24 * 60 * 60 * 1_000;

/// What an update does with a host's addresses of one family.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum AddressChange {
    /// Keeps them as they are.
    #[default]
    Keep,
    /// Makes these the addresses; none removes all.
    Set(BTreeSet<IpAddr>),
    /// Puts them into another network, each with the part that it has after the prefix.
    Move(IpNet),
}

/// What an update does with a host's addresses.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct AddressUpdate {
    pub(crate) ipv4: AddressChange,
    pub(crate) ipv6: AddressChange,
}

/// The outcome of an update.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct UpdatedAddresses {
    /// The addresses that the host has now, in the form of its records.
    pub(crate) addresses: Vec<String>,
    /// Whether they are others than before.
    pub(crate) is_changed: bool,
}

/// Updates the addresses of a host, given in full. An update that changes nothing writes nothing,
/// and asks for no permission to write.
pub(crate) async fn update_addresses<E: From<ActionError>>(
    store: &Store,
    queue: &dyn Queue,
    caller: Caller<'_>,
    (host, update): (&str, &AddressUpdate),
    rules: RecordRules<'_>,
    permit: impl AsyncFnOnce() -> Result<(), E>,
) -> Result<UpdatedAddresses, E> {
    let owner = caller.actor;
    let host = parse_host(host, owner)?;
    owner.check_address(host.fqdn())?;
    let mut permit = Some(permit);
    for _ in 0..TRIES {
        let present = records::list(store, owner.id)
            .await
            .map_err(ActionError::from)?;
        let now = store.now().await.map_err(ActionError::from)?;
        let plan = Plan::new(&host, owner, update, &present, now, rules)?;
        if plan.changes.is_empty() {
            return Ok(plan.outcome);
        }
        if let Some(permit) = permit.take() {
            permit().await?;
        }
        let expected = (present.as_slice(), &[host.fqdn()][..]);
        match apply_changes(store, queue, caller, &plan.changes, expected, rules).await {
            Ok(_) => return Ok(plan.outcome),
            // Another update of the host came first.
            Err(BatchError::ChangedMeanwhile) => {}
            Err(BatchError::Invalid(faults)) => {
                let faults = faults.into_iter().flat_map(|(_, faults)| faults);
                return Err(ActionError::Invalid(faults.collect()).into());
            }
            Err(BatchError::Refused(error)) => return Err(error.into()),
        }
    }
    Err(busy().into())
}

/// Returns the only host whose addresses the token of the caller may update, in full; `None` for a
/// session, and for a token that may update none or several.
pub(crate) fn only_host(owner: &User) -> Option<String> {
    let token = owner.token.as_ref()?;
    match &token.rights.addresses[..] {
        [host] if host.is_empty() || host == "@" => Some(owner.base.to_string()),
        [host] => Some(format!("{host}.{}", owner.base)),
        _ => None,
    }
}

fn busy() -> ActionError {
    let reason = "records change faster than an update is planned";
    ActionError::Store(starchart_store::Error::Busy(reason.into()))
}

/// Parses a host at or below the base domain of its owner, given in full.
fn parse_host(host: &str, owner: &User) -> Result<OwnedName, ActionError> {
    let host = host.trim();
    let fqdn = host.strip_suffix('.').unwrap_or(host).to_lowercase();
    let relative = match owner.base.relative(&fqdn).ok_or(ActionError::NotFound)? {
        "" => "@",
        relative => relative,
    };
    let parsed = RecordType::A.parse_name(relative, &owner.base);
    parsed.map_err(|fault| ActionError::Invalid(vec![(Field::Name, Fault::Name(fault))]))
}

/// The changes of records that an update needs.
#[derive(Debug, Default)]
struct Plan {
    changes: Vec<PlannedChange>,
    outcome: UpdatedAddresses,
}

impl Plan {
    fn new(
        host: &OwnedName,
        owner: &User,
        update: &AddressUpdate,
        present: &[Record],
        now: Timestamp,
        rules: RecordRules<'_>,
    ) -> Result<Self, ActionError> {
        let at_host = || present.iter().filter(|record| record.name == host.fqdn());
        // A name that was allowed once may be kept, whatever words are refused since.
        let any_word = WordFilter::default();
        let words = match at_host().next() {
            Some(_) => &any_word,
            None => rules.words,
        };
        let check = |form: &RecordForm| {
            let new = form.check(&owner.base, words, &rules.ttls);
            let mut new = new.map_err(ActionError::Invalid)?;
            new.ttl = TtlChoice::KeepOr(rules.ttls.clamp(Ttl::MINUTE));
            Ok::<NewRecord, ActionError>(new)
        };
        let mut plan = Self::default();
        for (rtype, change) in [
            (RecordType::A, &update.ipv4),
            (RecordType::Aaaa, &update.ipv6),
        ] {
            let of_type: Vec<&Record> = at_host().filter(|it| it.rtype == rtype).collect();
            let wanted = wanted_addresses(change, &of_type);
            let is_wanted = |record: &&Record| wanted.contains(&record.presentation);
            let is_present = |address: &&String| {
                let mut same = of_type.iter();
                same.any(|record| record.presentation == **address)
            };
            let expires_soon = |record: &&Record| record.expires_at.since(now) < RENEWED_BEFORE_MS;
            let kept = of_type
                .iter()
                .copied()
                .filter(is_wanted)
                .filter(expires_soon);
            plan.changes
                .extend(kept.map(|record| PlannedChange::Renew(record.id)));
            let mut old = of_type.iter().copied().filter(|record| !is_wanted(record));
            for address in wanted.iter().filter(|address| !is_present(address)) {
                plan.outcome.is_changed = true;
                let replaced = old.next();
                let new = check(&form(host, owner, rtype, address, replaced))?;
                plan.changes.push(match replaced {
                    Some(old) => PlannedChange::Replace {
                        old: old.into(),
                        new,
                    },
                    None => PlannedChange::Create(new),
                });
            }
            for record in old {
                plan.outcome.is_changed = true;
                plan.changes.push(PlannedChange::Delete(record.into()));
            }
            plan.outcome.addresses.extend(wanted);
        }
        Ok(plan)
    }
}

/// Returns the form of a host's new address, with the notes of the record that it replaces.
fn form(
    host: &OwnedName,
    owner: &User,
    rtype: RecordType,
    address: &str,
    replaced: Option<&Record>,
) -> RecordForm {
    let form = match replaced {
        Some(old) => {
            let notes = [&old.ports, &old.course, &old.description];
            let (input, presentation) = (&old.input, &old.presentation);
            RecordForm::of_stored(&owner.base, &old.name, rtype, input, presentation, notes)
        }
        None => RecordForm {
            name: match host.relative() {
                "" => "@".to_owned(),
                relative => relative.to_owned(),
            },
            rtype: rtype.to_string(),
            ..RecordForm::default()
        },
    };
    RecordForm {
        input: address.to_owned(),
        ..form
    }
}

/// Lists the addresses that a host shall have, which has these records of their family.
fn wanted_addresses(change: &AddressChange, present: &[&Record]) -> Vec<String> {
    let present = present.iter().map(|record| record.presentation.clone());
    match change {
        AddressChange::Keep => present.collect(),
        AddressChange::Set(addresses) => addresses.iter().map(IpAddr::to_string).collect(),
        AddressChange::Move(network) => present
            .filter_map(|address| address.parse().ok())
            .filter_map(|address| moved(address, *network))
            .map(|address| address.to_string())
            .collect::<BTreeSet<String>>()
            .into_iter()
            .collect(),
    }
}

/// Returns an address with the prefix of the network and its own part after that; `None` for one of
/// the other family.
fn moved(address: IpAddr, network: IpNet) -> Option<IpAddr> {
    match (address, network) {
        (IpAddr::V4(address), IpNet::V4(network)) => {
            let host = address.to_bits() & network.hostmask().to_bits();
            Some(Ipv4Addr::from_bits(network.network().to_bits() | host).into())
        }
        (IpAddr::V6(address), IpNet::V6(network)) => {
            let host = address.to_bits() & network.hostmask().to_bits();
            Some(Ipv6Addr::from_bits(network.network().to_bits() | host).into())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests fail by panicking")]
    use super::*;

    #[test]
    fn a_moved_address_keeps_its_own_part() {
        for (address, network, expected) in [
            ("192.0.2.7", "198.51.100.0/24", Some("198.51.100.7")),
            ("192.0.2.7", "198.51.100.9/32", Some("198.51.100.9")),
            ("192.0.2.7", "0.0.0.0/0", Some("192.0.2.7")),
            ("2001:db8:1::5", "2001:db8:2::/48", Some("2001:db8:2::5")),
            ("2001:db8:1::5", "198.51.100.0/24", None),
            ("192.0.2.7", "2001:db8::/32", None),
        ] {
            let moved = moved(address.parse().unwrap(), network.parse().unwrap());
            assert_eq!(
                moved,
                expected.map(|text| text.parse().unwrap()),
                "{address}"
            );
        }
    }
}

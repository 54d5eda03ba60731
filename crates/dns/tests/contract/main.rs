//! The contract of the provider port: one table of cases, on every provider.
//!
//! Each case sends a batch and compares what `read` and `list` show afterwards. A new provider
//! gets a variant of [`Peer`] and a test; moto runs when `STARCHART_TEST_MOTO` names its program.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "tests fail by panicking and print counts"
)]

mod cases;

use std::collections::BTreeSet;

use starchart_dns::provider::memory::Memory;
use starchart_dns::provider::route53::{Route53, Route53Config};
use starchart_dns::provider::{
    Change, ChangeError, ChangeId, ChangeState, FaultKind, Provider, ProviderError, ZoneRrset,
};
use starchart_domain::presentation::canonical_values;
use starchart_domain::record::RecordType;
use starchart_domain::rrset::{Rrset, RrsetValues};
use starchart_domain::secret::Secret;
use starchart_testkit::moto::{self, Moto};
use starchart_testkit::route53::{Set, StrictRoute53};
use starchart_testkit::wait::{equal, eventually};

use cases::{Case, Expected, Foreign, cases};

pub(crate) const ROOT: &str = "starchart.com";

/// A provider with an empty zone of [`ROOT`].
enum Peer<'a> {
    Memory(Memory),
    Strict(StrictRoute53, Route53),
    /// moto with the id of the zone.
    Moto(&'a Moto, String, Route53),
}

impl<'a> Peer<'a> {
    fn memory() -> Self {
        Self::Memory(Memory::new(ROOT))
    }

    async fn strict() -> Self {
        let strict = StrictRoute53::start(ROOT).await;
        let client = Route53::new(&config(&strict.endpoint(), strict.zone_id()));
        Self::Strict(strict, client)
    }

    async fn moto(moto: &'a Moto) -> Self {
        let zone = moto.create_zone(ROOT).await;
        let client = Route53::new(&config(moto.endpoint(), &zone));
        Self::Moto(moto, zone, client)
    }

    fn provider(&self) -> &dyn Provider {
        match self {
            Self::Memory(memory) => memory,
            Self::Strict(_, client) | Self::Moto(_, _, client) => client,
        }
    }

    /// Puts an RRset into the zone as another party would.
    async fn put(&self, set: &Foreign) {
        let (name, values) = (cases::fqdn(set.label), [set.value]);
        match self {
            Self::Memory(memory) => memory.put(ZoneRrset {
                name,
                rtype: set.rtype.to_owned(),
                ttl: Some(set.ttl),
                values: values.map(str::to_owned).into(),
                is_simple: true,
            }),
            Self::Strict(strict, _) => {
                let set = Set::new(&name, set.rtype, set.ttl, values);
                strict.put(set).unwrap();
            }
            Self::Moto(moto, zone, _) => {
                moto.put(zone, &name, set.rtype, set.ttl, set.value).await;
            }
        }
    }

    /// Whether the provider says which RRsets of a refused batch are at fault.
    fn names_faults(&self) -> bool {
        !matches!(self, Self::Moto(..))
    }
}

fn config(endpoint: &str, zone_id: &str) -> Route53Config {
    Route53Config {
        hosted_zone_id: zone_id.to_owned(),
        region: "us-east-1".to_owned(),
        access_key_id: Secret::new("test"),
        secret_access_key: Secret::new("test"),
        session_token: None,
        endpoint_url: Some(endpoint.to_owned()),
        requests_per_second: 1_000,
    }
}

/// An RRset as read and compared: name, type, TTL and values in canonical spelling.
type Shown = (String, String, Option<u32>, RrsetValues);

fn shown(set: &ZoneRrset) -> Shown {
    let values = canonical_values(&set.rtype, &set.values);
    (set.name.clone(), set.rtype.clone(), set.ttl, values)
}

fn shown_rrset(set: &Rrset) -> Shown {
    let rtype = set.rtype.as_str();
    let values = canonical_values(rtype, &set.body.values);
    (
        set.name.clone(),
        rtype.to_owned(),
        Some(set.body.ttl),
        values,
    )
}

fn shown_foreign(set: &Foreign) -> Shown {
    let values = [set.value.to_owned()].into();
    (
        cases::fqdn(set.label),
        set.rtype.to_owned(),
        Some(set.ttl),
        values,
    )
}

/// Runs a case on a provider with an empty zone; returns what differs from the contract.
async fn run(case: &Case, peer: &Peer<'_>) -> Result<(), String> {
    let provider = peer.provider();
    for set in &case.foreign {
        peer.put(set).await;
    }
    if !case.given.is_empty() {
        let given: Vec<Change> = case.given.iter().cloned().map(Change::create).collect();
        provider
            .change(&given)
            .await
            .map_err(|error| format!("the given RRsets: {error}"))?;
    }
    let outcome = provider.change(&case.batch).await;
    let standing = match &case.expected {
        Expected::Accepted(then) => {
            let id = outcome.map_err(|error| format!("not accepted: {error}"))?;
            until_in_sync(provider, &id).await;
            then
        }
        Expected::Refused(faults) => {
            check_faults(&outcome, Some(faults).filter(|_| peer.names_faults()))?;
            &case.given
        }
        Expected::RefusedAsWhole => {
            check_faults(&outcome, None)?;
            &case.given
        }
    };
    let foreign = case.foreign.iter().map(shown_foreign);
    let expected: BTreeSet<Shown> = standing.iter().map(shown_rrset).chain(foreign).collect();
    check_list(provider, &expected).await?;
    let touched = case.batch.iter().map(|change| &change.set.name);
    let names: BTreeSet<&String> = touched.chain(expected.iter().map(|set| &set.0)).collect();
    // A large batch is compared by its listing; a few of its names are enough here.
    for name in names.into_iter().take(20) {
        check_read(provider, name, &expected).await?;
    }
    Ok(())
}

async fn until_in_sync(provider: &dyn Provider, id: &ChangeId) {
    eventually("the change to be in sync", async || {
        equal(provider.change_state(id).await, Ok(ChangeState::InSync))
    })
    .await;
}

/// Compares the faults of a refusal; `None` accepts any.
fn check_faults(
    outcome: &Result<ChangeId, ChangeError>,
    expected: Option<&Vec<(String, RecordType, FaultKind)>>,
) -> Result<(), String> {
    let Err(ChangeError::Refused(faults)) = outcome else {
        return Err(format!("not refused: {outcome:?}"));
    };
    let Some(expected) = expected else {
        return Ok(());
    };
    let seen: BTreeSet<_> = faults
        .iter()
        .map(|fault| (fault.name.as_deref(), fault.rtype, fault.kind))
        .collect();
    let expected: BTreeSet<_> = expected
        .iter()
        .map(|(name, rtype, kind)| (Some(name.as_str()), Some(*rtype), *kind))
        .collect();
    let has_messages = faults.iter().all(|fault| !fault.message.is_empty());
    if seen == expected && has_messages {
        Ok(())
    } else {
        Err(format!("refused for {faults:?}, expected {expected:?}"))
    }
}

fn is_apex(set: &ZoneRrset) -> bool {
    set.name == ROOT && ["SOA", "NS"].contains(&set.rtype.as_str())
}

async fn check_list(provider: &dyn Provider, expected: &BTreeSet<Shown>) -> Result<(), String> {
    let listed = provider.list().await.map_err(|error| error.to_string())?;
    let apex: BTreeSet<&str> = listed
        .iter()
        .filter(|set| is_apex(set))
        .map(|set| &*set.rtype)
        .collect();
    if apex != BTreeSet::from(["NS", "SOA"]) {
        return Err(format!("the apex has {apex:?}"));
    }
    let rest: Vec<Shown> = listed
        .iter()
        .filter(|set| !is_apex(set))
        .map(shown)
        .collect();
    let seen: BTreeSet<Shown> = rest.iter().cloned().collect();
    if seen == *expected && rest.len() == seen.len() {
        return Ok(());
    }
    let missing: Vec<_> = expected.difference(&seen).take(3).collect();
    let extra: Vec<_> = seen.difference(expected).take(3).collect();
    Err(format!(
        "list shows {} RRsets: missing {missing:?}, unexpected {extra:?}",
        rest.len()
    ))
}

async fn check_read(
    provider: &dyn Provider,
    name: &str,
    expected: &BTreeSet<Shown>,
) -> Result<(), String> {
    let read = match provider.read(name).await {
        // No zone can have such a name.
        Err(ProviderError::Rejected(_)) => Vec::new(),
        answer => answer.map_err(|error| error.to_string())?,
    };
    let read: Vec<ZoneRrset> = read.into_iter().filter(|set| !is_apex(set)).collect();
    let seen: BTreeSet<Shown> = read.iter().map(shown).collect();
    let expected: BTreeSet<Shown> = expected
        .iter()
        .filter(|set| set.0 == name)
        .cloned()
        .collect();
    if seen == expected && read.len() == seen.len() {
        Ok(())
    } else {
        Err(format!(
            "read({name}) shows {read:?}, expected {expected:?}"
        ))
    }
}

/// Checks what is the same in every zone.
async fn check_zone(peer: &Peer<'_>) -> Result<(), ProviderError> {
    let provider = peer.provider();
    assert_eq!(provider.domain().await?, ROOT);
    let servers = provider.name_servers().await?;
    assert!(!servers.is_empty(), "the zone has name servers");
    assert!(
        servers.iter().all(|server| !server.ends_with('.')),
        "{servers:?}"
    );
    assert_eq!(provider.read(&cases::fqdn("nobody")).await?, []);
    let limits = provider.capabilities().batch_limits;
    assert!(limits.records > 0 && limits.characters > 0);
    assert!(!provider.capabilities().name.is_empty());
    provider.wait_for_change().await;
    let unknown = ChangeId("C0NOTKNOWN".to_owned());
    let state = provider.change_state(&unknown).await?;
    assert_ne!(
        state,
        ChangeState::Pending,
        "no unknown change is pending for ever"
    );
    Ok(())
}

/// Fails with every case that differs, and prints the counts.
fn report(name: &str, total: usize, excused: &[&str], failures: &[String]) {
    let passed = total - excused.len() - failures.len();
    println!(
        "contract on {name}: {passed} of {total} cases pass, {} excused",
        excused.len()
    );
    excused
        .iter()
        .for_each(|case| println!("  excused: {case}"));
    assert!(failures.is_empty(), "{name}:\n{}", failures.join("\n"));
}

#[tokio::test]
async fn memory_meets_the_contract() {
    let cases = cases();
    let mut failures = Vec::new();
    for case in &cases {
        let outcome = run(case, &Peer::memory()).await;
        failures.extend(outcome.err().map(|fault| format!("{}: {fault}", case.name)));
    }
    check_zone(&Peer::memory()).await.unwrap();
    report("memory", cases.len(), &[], &failures);
}

#[tokio::test]
async fn strict_route53_meets_the_contract() {
    let cases = cases();
    let mut failures = Vec::new();
    for case in &cases {
        let outcome = run(case, &Peer::strict().await).await;
        failures.extend(outcome.err().map(|fault| format!("{}: {fault}", case.name)));
    }
    check_zone(&Peer::strict().await).await.unwrap();
    report("the strict Route53", cases.len(), &[], &failures);
}

#[tokio::test]
async fn moto_meets_the_contract() {
    if !has_moto() {
        return;
    }
    let moto = Moto::start().await;
    let cases = cases();
    let mut failures = Vec::new();
    let mut excused = Vec::new();
    for case in &cases {
        let outcome = run(case, &Peer::moto(&moto).await).await;
        if case.is_accepted_by_moto {
            excused.push(case.name);
            let needless = outcome
                .is_ok()
                .then(|| format!("{}: no excuse needed", case.name));
            failures.extend(needless);
            continue;
        }
        failures.extend(outcome.err().map(|fault| format!("{}: {fault}", case.name)));
    }
    check_zone(&Peer::moto(&moto).await).await.unwrap();
    report("moto", cases.len(), &excused, &failures);
}

#[expect(
    clippy::disallowed_methods,
    reason = "script/test sets the variable; it is no setting of the application"
)]
fn has_moto() -> bool {
    std::env::var_os(moto::PROGRAM).is_some_and(|program| !program.is_empty())
}

//! The contract of the provider port: one table of cases, on every provider.
//!
//! Each case sends a batch and compares what `read` and `list` show afterwards. The reading half
//! sends nothing: the RRsets are put into the zone as by another party. A new provider gets a
//! variant of [`Peer`] and a test; moto runs when `STARCHART_TEST_MOTO` names its program.

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
use starchart_domain::rrset::RrsetValues;
use starchart_domain::secret::Secret;
use starchart_testkit::moto::{self, Moto};
use starchart_testkit::route53::{Set, StrictRoute53};
use starchart_testkit::wait::{equal, eventually};

use cases::{Case, Expected, ReadingCase, beside_foreign, cases, reading_cases};

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

    /// Puts RRsets into the zone as another party would.
    async fn put(&self, sets: &[ZoneRrset]) {
        let route53_sets = || sets.iter().map(route53_set).collect::<Vec<Set>>();
        match self {
            Self::Memory(memory) => sets.iter().for_each(|set| memory.put(set.clone())),
            Self::Strict(strict, _) => strict.load(route53_sets()).unwrap(),
            Self::Moto(moto, zone, _) => moto.put(zone, &route53_sets()).await,
        }
    }

    /// Whether the provider says which RRsets of a refused batch are at fault.
    fn names_faults(&self) -> bool {
        match self {
            Self::Memory(_) | Self::Strict(..) => true,
            Self::Moto(..) => false,
        }
    }
}

/// Spells an RRset as Route53 does: escapes in values are octal.
fn route53_set(set: &ZoneRrset) -> Set {
    let values = set.values.iter().map(|value| octal(value));
    Set::new(&set.name, &set.rtype, set.ttl.unwrap(), values)
}

fn octal(value: &str) -> String {
    let mut spelled = String::new();
    let mut rest = value;
    while let Some((before, escaped)) = rest.split_once('\\') {
        let is_number = escaped.starts_with(|c: char| c.is_ascii_digit());
        let (escape, after) = escaped.split_at(if is_number { 3 } else { 1 });
        let octet = escape.parse::<u8>().map(|octet| format!("{octet:03o}"));
        spelled += &format!("{before}\\{}", octet.unwrap_or(escape.to_owned()));
        rest = after;
    }
    spelled + rest
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

/// Runs a case on a provider with an empty zone; returns what differs from the contract.
async fn run(case: &Case, peer: &Peer<'_>) -> Result<(), String> {
    let provider = peer.provider();
    peer.put(&case.foreign).await;
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
    let expected: BTreeSet<Shown> = beside_foreign(&case.foreign, standing)
        .iter()
        .map(shown)
        .collect();
    let touched = case.batch.iter().map(|change| &change.set.name);
    check_reading(provider, touched, &expected).await
}

/// Runs a case of the reading half on a provider with an empty zone; returns what differs.
async fn run_reading(case: &ReadingCase, peer: &Peer<'_>) -> Result<(), String> {
    peer.put(&case.sets).await;
    let expected: BTreeSet<Shown> = case.sets.iter().map(shown).collect();
    check_reading(peer.provider(), [&cases::fqdn("nobody")], &expected).await
}

/// Compares `list`, and `read` at these names and at those of the zone's RRsets.
async fn check_reading<'a>(
    provider: &dyn Provider,
    names: impl IntoIterator<Item = &'a String>,
    expected: &'a BTreeSet<Shown>,
) -> Result<(), String> {
    check_list(provider, expected).await?;
    let standing = expected.iter().map(|set| &set.0);
    let names: BTreeSet<&String> = names.into_iter().chain(standing).collect();
    // A large batch is compared by its listing; a few of its names are enough here.
    for name in names.into_iter().take(20) {
        check_read(provider, name, expected).await?;
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

/// The outcomes of the cases on one provider.
#[derive(Default)]
struct Report {
    passed: usize,
    excused: Vec<&'static str>,
    failures: Vec<String>,
}

impl Report {
    fn add(&mut self, case: &str, outcome: Result<(), String>) {
        match outcome {
            Ok(()) => self.passed += 1,
            Err(fault) => self.failures.push(format!("{case}: {fault}")),
        }
    }

    /// Counts a case that the provider need not pass. A needless excuse is a failure.
    fn excuse(&mut self, case: &'static str, outcome: Result<(), String>) {
        match outcome {
            Ok(()) => self.failures.push(format!("{case}: no excuse needed")),
            Err(_) => self.excused.push(case),
        }
    }

    /// Prints the counts and fails with every case that differs.
    fn finish(&self, half: &str, peer: &str) {
        let Self {
            passed,
            excused,
            failures,
        } = self;
        let total = passed + excused.len() + failures.len();
        let excuses = excused.len();
        println!("{half} on {peer}: {passed} of {total} cases pass, {excuses} excused");
        for case in excused {
            println!("  excused: {case}");
        }
        assert!(failures.is_empty(), "{peer}:\n{}", failures.join("\n"));
    }
}

/// Runs both halves; `make` makes a provider with an empty zone.
async fn meets_the_contract<'a>(name: &str, make: impl AsyncFn() -> Peer<'a>) {
    reads_as_the_contract_says(name, &make).await;
    let mut report = Report::default();
    for case in cases() {
        let peer = make().await;
        let outcome = run(&case, &peer).await;
        if case.is_accepted_by_moto && matches!(peer, Peer::Moto(..)) {
            report.excuse(case.name, outcome);
        } else {
            report.add(case.name, outcome);
        }
    }
    report.finish("contract", name);
}

/// Runs the reading half, which a provider passes before it can change a zone.
async fn reads_as_the_contract_says<'a>(name: &str, make: &impl AsyncFn() -> Peer<'a>) {
    check_zone(&make().await).await.unwrap();
    let mut report = Report::default();
    for case in reading_cases() {
        report.add(case.name, run_reading(&case, &make().await).await);
    }
    report.finish("reading half", name);
}

#[tokio::test]
async fn memory_meets_the_contract() {
    meets_the_contract("memory", async || Peer::memory()).await;
}

#[tokio::test]
async fn strict_route53_meets_the_contract() {
    meets_the_contract("the strict Route53", Peer::strict).await;
}

#[tokio::test]
async fn moto_meets_the_contract() {
    if !has_moto() {
        return;
    }
    let moto = Moto::start().await;
    meets_the_contract("moto", async || Peer::moto(&moto).await).await;
}

#[expect(
    clippy::disallowed_methods,
    reason = "script/test sets the variable; it is no setting of the application"
)]
fn has_moto() -> bool {
    std::env::var_os(moto::PROGRAM).is_some_and(|program| !program.is_empty())
}

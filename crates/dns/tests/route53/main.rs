//! Tests what is particular to Route53 on the strict one: failures, paging, rate and attribution.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

mod canned;

use std::collections::BTreeSet;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use starchart_dns::propagation::{NameServer, NameServers, Propagation, Reply};
use starchart_dns::provider::route53::{Route53, Route53Config};
use starchart_dns::provider::{
    Change, ChangeError, ChangeId, ChangeState, FaultKind, Provider, ProviderError, SetFault,
    ZoneRrset,
};
use starchart_domain::record::RecordType;
use starchart_domain::rrset::{Rrset, RrsetValues};
use starchart_domain::secret::Secret;
use starchart_domain::txt;
use starchart_testkit::route53::{Set, StrictRoute53};

const ROOT: &str = "starchart.com";

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

async fn strict() -> (StrictRoute53, Route53) {
    let strict = StrictRoute53::start(ROOT).await;
    let zone = Route53::new(&config(&strict.endpoint(), strict.zone_id()));
    (strict, zone)
}

fn set(label: &str, rtype: RecordType, values: &[&str]) -> Rrset {
    Rrset::new(
        format!("{label}.user1.{ROOT}"),
        rtype,
        values.iter().map(|v| (*v).to_owned()),
    )
}

fn www() -> Rrset {
    set("www", RecordType::A, &["192.0.2.1", "192.0.2.2"])
}

async fn holds(zone: &dyn Provider, ours: &Rrset) -> bool {
    let found = zone.read(&ours.name).await.unwrap();
    found.iter().any(|set| set.matches(ours))
}

fn refused(outcome: Result<ChangeId, ChangeError>) -> Vec<SetFault> {
    match outcome {
        Err(ChangeError::Refused(faults)) => faults,
        other => panic!("not refused: {other:?}"),
    }
}

fn is_unavailable(outcome: &Result<ChangeId, ChangeError>) -> bool {
    let unavailable = |error: &ProviderError| matches!(error, ProviderError::Unavailable(_));
    matches!(outcome, Err(ChangeError::NotApplied(error)) if unavailable(error))
}

#[tokio::test]
async fn the_delegation_set_names_the_servers() {
    let (_strict, zone) = strict().await;
    let servers: Vec<_> = (1..=4)
        .map(|n| format!("ns-{n}.strict-route53.test"))
        .collect();
    assert_eq!(
        zone.name_servers().await.unwrap(),
        servers,
        "no trailing dots"
    );
}

#[tokio::test]
async fn a_refused_batch_changes_nothing_and_names_the_rrset() {
    for bare in [false, true] {
        let (strict, zone) = strict().await;
        strict.bare_batch_errors(bare);
        strict
            .put(Set::new(
                "www.user1.starchart.com",
                "A",
                60,
                ["198.51.100.1"],
            ))
            .unwrap();
        let star = set("*", RecordType::A, &["192.0.2.7"]);
        let batch = [
            Change::create(set("good", RecordType::A, &["192.0.2.1"])),
            Change::create(www()),
            Change::delete(star.clone()),
            Change::create(set("bad", RecordType::A, &["192.0.2.256"])),
        ];
        let faults = refused(zone.change(&batch).await);
        let named: Vec<_> = faults
            .iter()
            .map(|fault| (fault.kind, fault.name.as_deref(), fault.rtype))
            .collect();
        let bad = format!("bad.user1.{ROOT}");
        assert_eq!(
            named,
            [
                (
                    FaultKind::Exists,
                    Some(www().name.as_str()),
                    Some(RecordType::A)
                ),
                (
                    FaultKind::Missing,
                    Some(star.name.as_str()),
                    Some(RecordType::A)
                ),
                (
                    FaultKind::InvalidValue,
                    Some(bad.as_str()),
                    Some(RecordType::A)
                ),
            ],
            "{faults:?}"
        );
        assert!(strict.set("good.user1.starchart.com", "A").is_none());
        assert_eq!(strict.set(&www().name, "A").unwrap().ttl, 60);
    }
}

#[tokio::test]
async fn each_refused_change_is_attributed_with_its_kind() {
    let (strict, zone) = strict().await;
    zone.change(&[Change::create(www())]).await.unwrap();
    let mut other_ttl = www();
    other_ttl.body.ttl = 60;
    for (change, kind) in [
        (Change::create(www()), FaultKind::Exists),
        (
            Change::create(set("www", RecordType::Cname, &["example.com."])),
            FaultKind::Exists,
        ),
        (Change::delete(other_ttl), FaultKind::Differs),
        (
            Change::delete(set("www", RecordType::A, &["192.0.2.1"])),
            FaultKind::Differs,
        ),
        (
            Change::delete(set("*", RecordType::A, &["192.0.2.1"])),
            FaultKind::Missing,
        ),
        (
            Change::create(set("new", RecordType::Aaaa, &["192.0.2.1"])),
            FaultKind::InvalidValue,
        ),
        (
            Change::create(set("new", RecordType::Txt, &["unquoted text"])),
            FaultKind::InvalidValue,
        ),
    ] {
        let faults = refused(zone.change(std::slice::from_ref(&change)).await);
        let [fault] = faults.as_slice() else {
            panic!("{change:?}: {faults:?}")
        };
        let set = (Some(change.set.name), Some(change.set.rtype));
        assert_eq!((fault.name.clone(), fault.rtype), set, "{fault:?}");
        assert_eq!(fault.kind, kind, "{fault:?}");
    }
    assert_eq!(strict.batches().len(), 1);
}

#[tokio::test]
async fn throttled_and_busy_change_nothing_and_are_not_retried() {
    let (strict, zone) = strict().await;
    strict.throttle_share(1.0);
    assert_eq!(
        zone.change(&[Change::create(www())]).await,
        Err(ProviderError::Throttled.into())
    );
    strict.throttle_share(0.0);
    strict.prior_request_not_complete(1);
    assert_eq!(
        zone.change(&[Change::create(www())]).await,
        Err(ProviderError::Busy.into())
    );
    assert_eq!(strict.counts().change, 2);
    assert!(strict.set(&www().name, "A").is_none());
    zone.change(&[Change::create(www())]).await.unwrap();
}

#[tokio::test]
async fn an_unclear_answer_is_an_unknown_outcome() {
    let (strict, _) = strict().await;
    let config = config(&strict.endpoint(), strict.zone_id());
    let zone = Route53::with_timeout(&config, Duration::from_millis(500));
    type Failure = fn(&StrictRoute53);
    let failures: [(&str, Failure, bool); 4] = [
        ("answer late", |s| s.timeout_after_apply(1), true),
        ("connection lost after", |s| s.drop_after_apply(1), true),
        ("connection lost before", |s| s.drop_before_apply(1), false),
        ("503", |s| s.unavailable(1), false),
    ];
    for (label, inject, applied) in failures {
        let ours = set(&label.replace(' ', "-"), RecordType::A, &["192.0.2.1"]);
        inject(&strict);
        let before = strict.counts().change;
        let outcome = zone.change(&[Change::create(ours.clone())]).await;
        assert!(
            matches!(outcome, Err(ChangeError::OutcomeUnknown(_))),
            "{label}: {outcome:?}"
        );
        assert_eq!(strict.counts().change, before + 1, "{label}: sent once");
        assert_eq!(holds(&zone, &ours).await, applied, "{label}");
    }
}

#[tokio::test]
async fn denied_and_unreachable_are_distinguished() {
    let (strict, zone) = strict().await;
    strict.deny(1);
    assert!(matches!(
        zone.change(&[Change::create(www())]).await,
        Err(ChangeError::NotApplied(ProviderError::Denied(_)))
    ));
    let elsewhere = Route53::new(&config(&strict.endpoint(), "Z0NOSUCHZONE"));
    assert!(matches!(
        elsewhere.change(&[Change::create(www())]).await,
        Err(ChangeError::NotApplied(ProviderError::Denied(_)))
    ));
    assert!(matches!(
        elsewhere.list().await,
        Err(ProviderError::Denied(_))
    ));
    let gone = Route53::new(&config(
        &format!("http://{}", free_port()),
        strict.zone_id(),
    ));
    let outcome = gone.change(&[Change::create(www())]).await;
    assert!(is_unavailable(&outcome), "{outcome:?}");
    let nowhere = Route53::new(&config("http://no-such-host.invalid:1", strict.zone_id()));
    let outcome = nowhere.change(&[Change::create(www())]).await;
    assert!(is_unavailable(&outcome), "{outcome:?}");
    let unknown = zone
        .change_state(&ChangeId("/change/C0NOTKNOWN".to_owned()))
        .await;
    assert_eq!(unknown, Ok(ChangeState::Unknown));
}

#[tokio::test]
async fn a_long_listing_is_complete_despite_throttling() {
    let (strict, zone) = strict().await;
    for i in 0..700 {
        strict
            .put(Set::new(
                &format!("n{i}.user1.{ROOT}"),
                "A",
                300,
                ["192.0.2.1"],
            ))
            .unwrap();
    }
    for i in 0..40 {
        let weighted = Set::new(&format!("n299.user1.{ROOT}"), "TXT", 300, ["\"w\""])
            .weighted(&format!("id{i:02}"), 1);
        strict.put(weighted).unwrap();
    }
    strict
        .put(Set::alias(&format!("alias.{ROOT}"), "A", "lb.example.com."))
        .unwrap();
    strict
        .put(Set::new(
            &format!("*.user1.{ROOT}"),
            "A",
            300,
            ["192.0.2.1"],
        ))
        .unwrap();
    strict.throttle_share(0.5);
    let listed = zone.list().await.unwrap();
    strict.throttle_share(0.0);
    assert_eq!(listed.len(), strict.sets().len());
    let names: BTreeSet<_> = listed
        .iter()
        .filter(|set| set.is_simple && set.rtype == "A")
        .map(|set| set.name.clone())
        .collect();
    assert_eq!(names.len(), 701);
    assert!(names.contains("*.user1.starchart.com"));
    let odd: Vec<&ZoneRrset> = listed.iter().filter(|set| !set.is_simple).collect();
    assert_eq!(odd.len(), 41);
    assert!(odd.iter().all(|set| set.body().is_none()));
    assert_eq!(
        zone.read(&format!("n299.user1.{ROOT}"))
            .await
            .unwrap()
            .len(),
        41
    );
}

#[tokio::test]
async fn requests_stay_under_the_rate() {
    let strict = StrictRoute53::start(ROOT).await;
    for i in 0..300 {
        strict
            .put(Set::new(
                &format!("n{i}.user1.{ROOT}"),
                "A",
                300,
                ["192.0.2.1"],
            ))
            .unwrap();
    }
    // Half of the allowed rate, because requests arrive in bursts on a busy machine.
    strict.limit_per_second(4);
    let zone = Route53::new(&Route53Config {
        requests_per_second: 2,
        ..config(&strict.endpoint(), strict.zone_id())
    });
    let listings = (0..4).map(|_| async { zone.list().await.unwrap().len() });
    assert_eq!(futures_util::future::join_all(listings).await, [302; 4]);
    assert_eq!(strict.counts().list, 8, "two pages each");
    assert_eq!(strict.counts().throttled, 0);
}

#[tokio::test]
async fn a_change_is_pending_until_in_sync() {
    let (strict, zone) = strict().await;
    strict.pending_time(Duration::from_secs(60));
    let id = zone.change(&[Change::create(www())]).await.unwrap();
    assert_eq!(zone.change_state(&id).await, Ok(ChangeState::Pending));
    strict.pending_time(Duration::ZERO);
    assert_eq!(zone.change_state(&id).await, Ok(ChangeState::InSync));
}

#[tokio::test]
async fn each_name_server_is_queried_directly() {
    let (strict, zone) = strict().await;
    let lagging = strict.start_lagging(Duration::from_secs(60)).await.unwrap();
    let server = |name: &str, addresses: Vec<SocketAddr>| NameServer {
        name: name.to_owned(),
        addresses,
    };
    let servers = NameServers::new(vec![
        server("prompt", vec![strict.dns_addr()]),
        server("late", vec![lagging.addr()]),
        server("one-of-two", vec![lagging.addr(), strict.dns_addr()]),
    ]);
    let long = set(
        "long",
        RecordType::Txt,
        &[
            &txt::encode(&"€ \"\\342".repeat(150)),
            &txt::encode("second"),
        ],
    );
    let sets = [
        www(),
        set("www", RecordType::Aaaa, &["2001:db8::1"]),
        set("blog", RecordType::Cname, &["pages.example.com."]),
        set("mail", RecordType::Mx, &["10 mx.example.com."]),
        set("*", RecordType::A, &["192.0.2.3"]),
        long.clone(),
    ];
    zone.change(&sets.clone().map(Change::create))
        .await
        .unwrap();
    for ours in &sets {
        let answers = servers
            .query(&ours.name, ours.rtype, &ours.body.values)
            .await;
        assert_eq!(
            (answers.matching, answers.queried),
            (2, 3),
            "{}: {answers:?}",
            ours.name
        );
        assert_eq!(answers.lagging[0].server, "late");
        assert_eq!(
            answers.lagging[0].replies,
            [Reply::Values(RrsetValues::default())]
        );
    }
    let blog = format!("blog.user1.{ROOT}");
    let absent = servers
        .query(&blog, RecordType::A, &RrsetValues::default())
        .await;
    assert_eq!(
        absent.matching, absent.queried,
        "a CNAME is no A: {absent:?}"
    );
    let wrong = servers
        .query(
            &long.name,
            RecordType::Txt,
            &RrsetValues::from([txt::encode("other")]),
        )
        .await;
    assert_eq!(wrong.matching, 0);
    let foreign = servers
        .query("www.example.org", RecordType::A, &RrsetValues::default())
        .await;
    assert_eq!(
        foreign.matching, 0,
        "an empty answer counts only from an authoritative server: {foreign:?}"
    );

    let propagation = Propagation::new(vec![
        strict.dns_addr().to_string(),
        lagging.addr().to_string(),
    ]);
    let asked = propagation.servers(&zone).await.unwrap();
    assert_eq!(
        propagation.count_matching(&asked, &sets, ("", &[])).await,
        (1, 2)
    );
    let slower = sets.clone().map(|mut set| {
        set.body.ttl += 1;
        set
    });
    assert_eq!(
        propagation.count_matching(&asked, &slower, ("", &[])).await,
        (0, 2),
        "the TTL is part of the answer"
    );
    assert_eq!(
        strict.counts().get_zone,
        0,
        "DNS_SERVERS replace the delegation"
    );
    strict.name_servers(&["localhost."]);
    let delegated = Propagation::new(Vec::new()).servers(&zone).await.unwrap();
    assert_eq!(delegated.servers()[0].name, "localhost");
}

fn free_port() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
}

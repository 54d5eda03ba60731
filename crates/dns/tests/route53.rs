//! The contract of the port on the strict Route53, and on moto (`STARCHART_TEST_MOTO`) for what
//! both agree on.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::collections::BTreeSet;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::{Duration, Instant};

use starchart_dns::attribution::{FaultKind, attribute};
use starchart_dns::limiter::{Limiter, Priority};
use starchart_dns::propagation::{NameServer, NameServers, Propagation, Reply};
use starchart_dns::route53::{Route53, Route53Config};
use starchart_dns::wire::same_set;
use starchart_dns::zone::{Change, ChangeState, Zone, ZoneError, ZoneSet};
use starchart_domain::record::RecordType;
use starchart_domain::rrset::Rrset;
use starchart_domain::secret::Secret;
use starchart_domain::txt;
use starchart_testkit::moto::{self, Moto};
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
    }
}

fn connect(config: &Route53Config) -> Route53 {
    Route53::new(config, Arc::new(Limiter::new(1_000)))
}

async fn strict() -> (StrictRoute53, Route53) {
    let strict = StrictRoute53::start(ROOT).await;
    let zone = connect(&config(&strict.endpoint(), strict.zone_id()));
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

async fn holds(zone: &dyn Zone, ours: &Rrset) -> bool {
    let found = zone.read(&ours.name).await.unwrap();
    found.iter().any(|set| same_set(set, ours))
}

/// What every Route53 does.
async fn contract(zone: &dyn Zone) {
    let sets = [
        www(),
        set("www", RecordType::Aaaa, &["2001:db8::1"]),
        set("blog", RecordType::Cname, &["pages.example.com."]),
        set(
            "mail",
            RecordType::Mx,
            &["10 mx.example.com.", "20 mx2.example.com."],
        ),
        set(
            "text",
            RecordType::Txt,
            &[
                &txt::encode(r#"a "b" \342 € "#),
                &txt::encode(&"x".repeat(600)),
            ],
        ),
        set("*", RecordType::A, &["192.0.2.3"]),
        set("_proof", RecordType::Txt, &[&txt::encode("proof")]),
    ];
    let id = zone
        .change(&sets.clone().map(Change::create))
        .await
        .unwrap();
    let since = Instant::now();
    while zone.change_state(&id).await.unwrap() != ChangeState::InSync {
        assert!(since.elapsed() < Duration::from_secs(10), "never in sync");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    for ours in &sets {
        assert!(
            holds(zone, ours).await,
            "{ours:?} is not in {:?}",
            zone.read(&ours.name).await
        );
    }
    assert_eq!(
        zone.read(&www().name).await.unwrap().len(),
        2,
        "both types of the name and no other name"
    );
    assert_eq!(zone.read(&format!("nobody.{ROOT}")).await.unwrap(), []);
    let listed = zone.list().await.unwrap();
    assert!(
        sets.iter()
            .all(|ours| listed.iter().any(|found| same_set(found, ours))),
        "{listed:?}"
    );
    assert!(
        listed
            .iter()
            .any(|found| found.rtype == "SOA" && found.name == ROOT && found.plain)
    );

    let changed = set("www", RecordType::A, &["192.0.2.9"]);
    let cname = set("text", RecordType::Cname, &["example.com."]);
    let swap = [
        Change::delete(www()),
        Change::create(changed.clone()),
        Change::delete(sets[4].clone()),
        Change::create(cname.clone()),
    ];
    zone.change(&swap).await.unwrap();
    assert!(holds(zone, &changed).await && !holds(zone, &www()).await);
    assert_eq!(zone.read(&cname.name).await.unwrap().len(), 1);

    let rest = [
        changed,
        sets[1].clone(),
        sets[2].clone(),
        sets[3].clone(),
        cname,
        sets[5].clone(),
        sets[6].clone(),
    ];
    zone.change(&rest.map(Change::delete)).await.unwrap();
    assert!(
        zone.list()
            .await
            .unwrap()
            .iter()
            .all(|found| found.name == ROOT)
    );
    assert!(!zone.name_servers().await.unwrap().is_empty());
}

#[tokio::test]
async fn the_contract_on_the_strict_one() {
    let (strict, zone) = strict().await;
    contract(&zone).await;
    let servers: Vec<_> = (1..=4)
        .map(|n| format!("ns-{n}.strict-route53.test"))
        .collect();
    assert_eq!(
        zone.name_servers().await.unwrap(),
        servers,
        "no trailing dots"
    );
    assert_eq!(strict.batches().len(), 3);
}

#[tokio::test]
async fn the_contract_on_moto() {
    if has_moto() {
        let moto = Moto::start().await;
        contract(&connect(&config(
            moto.endpoint(),
            &moto.create_zone(ROOT).await,
        )))
        .await;
    }
}

#[tokio::test]
async fn a_poisoned_batch_changes_nothing_and_names_the_set() {
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
        let Err(ZoneError::Refused { messages }) = zone.change(&batch).await else {
            panic!("not refused")
        };
        let attribution = attribute(&messages, &batch);
        assert!(attribution.unattributed.is_empty(), "{messages:?}");
        assert!(
            !attribution.by_name.is_empty()
                && !attribution.by_name.contains_key("good.user1.starchart.com")
        );
        for (name, kind) in [
            (&www().name, FaultKind::AlreadyExists),
            (&star.name, FaultKind::NotFound),
        ] {
            if let Some(faults) = attribution.by_name.get(name) {
                assert_eq!(faults[0].kind, kind, "{messages:?}");
            }
        }
        assert!(strict.set("good.user1.starchart.com", "A").is_none());
        assert_eq!(strict.set(&www().name, "A").unwrap().ttl, 60);
    }
}

#[tokio::test]
async fn each_wrong_change_is_named_with_its_kind() {
    let (strict, zone) = strict().await;
    zone.change(&[Change::create(www())]).await.unwrap();
    let mut other_ttl = www();
    other_ttl.body.ttl = 60;
    for (change, kind) in [
        (Change::create(www()), FaultKind::AlreadyExists),
        (
            Change::create(set("www", RecordType::Cname, &["example.com."])),
            FaultKind::CnameConflict,
        ),
        (Change::delete(other_ttl), FaultKind::ValuesDiffer),
        (
            Change::delete(set("www", RecordType::A, &["192.0.2.1"])),
            FaultKind::ValuesDiffer,
        ),
        (
            Change::delete(set("*", RecordType::A, &["192.0.2.1"])),
            FaultKind::NotFound,
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
        let Err(ZoneError::Refused { messages }) = zone.change(std::slice::from_ref(&change)).await
        else {
            panic!("{change:?} was not refused")
        };
        let attribution = attribute(&messages, std::slice::from_ref(&change));
        let faults = attribution
            .by_name
            .get(&change.set.name)
            .unwrap_or_else(|| panic!("{messages:?} names nothing"));
        assert_eq!(faults[0].kind, kind, "{messages:?}");
    }
    assert_eq!(strict.batches().len(), 1);
}

#[tokio::test]
async fn throttled_and_busy_change_nothing_and_are_not_sent_again() {
    let (strict, zone) = strict().await;
    strict.throttle_share(1.0);
    assert_eq!(
        zone.change(&[Change::create(www())]).await,
        Err(ZoneError::Throttled)
    );
    strict.throttle_share(0.0);
    strict.prior_request_not_complete(1);
    assert_eq!(
        zone.change(&[Change::create(www())]).await,
        Err(ZoneError::Busy)
    );
    assert_eq!(strict.counts().change, 2);
    assert!(strict.set(&www().name, "A").is_none());
    zone.change(&[Change::create(www())]).await.unwrap();
}

#[tokio::test]
async fn an_unknown_outcome_says_so_whatever_happened() {
    let (strict, _) = strict().await;
    let limiter = Arc::new(Limiter::new(1_000));
    let config = config(&strict.endpoint(), strict.zone_id());
    let zone = Route53::with_timeout(&config, limiter, Duration::from_millis(500));
    type Turn = fn(&StrictRoute53);
    let turns: [(&str, Turn, bool); 4] = [
        ("answer late", |s| s.timeout_after_apply(1), true),
        ("connection lost after", |s| s.drop_after_apply(1), true),
        ("connection lost before", |s| s.drop_before_apply(1), false),
        ("503", |s| s.unavailable(1), false),
    ];
    for (label, turn, applied) in turns {
        let ours = set(&label.replace(' ', "-"), RecordType::A, &["192.0.2.1"]);
        turn(&strict);
        let before = strict.counts().change;
        let outcome = zone.change(&[Change::create(ours.clone())]).await;
        assert!(
            matches!(outcome, Err(ZoneError::OutcomeUnknown(_))),
            "{label}: {outcome:?}"
        );
        assert_eq!(strict.counts().change, before + 1, "{label}: sent once");
        assert_eq!(holds(&zone, &ours).await, applied, "{label}");
    }
}

#[tokio::test]
async fn denied_and_unreachable_are_told_apart() {
    let (strict, zone) = strict().await;
    strict.deny(1);
    assert!(matches!(
        zone.change(&[Change::create(www())]).await,
        Err(ZoneError::Denied(_))
    ));
    let elsewhere = connect(&config(&strict.endpoint(), "Z0NOSUCHZONE"));
    assert!(matches!(
        elsewhere.change(&[Change::create(www())]).await,
        Err(ZoneError::Denied(_))
    ));
    assert!(matches!(elsewhere.list().await, Err(ZoneError::Denied(_))));
    let gone = connect(&config(
        &format!("http://{}", free_port()),
        strict.zone_id(),
    ));
    let outcome = gone.change(&[Change::create(www())]).await;
    assert!(
        matches!(outcome, Err(ZoneError::Unavailable(_))),
        "{outcome:?}"
    );
    let nowhere = connect(&config("http://no-such-host.invalid:1", strict.zone_id()));
    let outcome = nowhere.change(&[Change::create(www())]).await;
    assert!(
        matches!(outcome, Err(ZoneError::Unavailable(_))),
        "{outcome:?}"
    );
    let unknown = zone
        .change_state(&starchart_dns::zone::ChangeId(
            "/change/C0NOTKNOWN".to_owned(),
        ))
        .await;
    assert!(
        matches!(unknown, Err(ZoneError::Refused { .. })),
        "{unknown:?}"
    );
}

#[tokio::test]
async fn a_listing_of_many_pages_is_whole_though_half_is_throttled() {
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
        .filter(|set| set.plain && set.rtype == "A")
        .map(|set| set.name.clone())
        .collect();
    assert_eq!(names.len(), 701);
    assert!(names.contains("*.user1.starchart.com"));
    let odd: Vec<&ZoneSet> = listed.iter().filter(|set| !set.plain).collect();
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
    // Half of what is allowed: on a busy machine requests arrive in bunches.
    strict.limit_per_second(4);
    let limiter = Arc::new(Limiter::new(2));
    let zone = Route53::new(
        &config(&strict.endpoint(), strict.zone_id()),
        Arc::clone(&limiter),
    );
    let listings = (0..4).map(|_| async {
        limiter.admit(Priority::Audit).await;
        zone.list().await.unwrap().len()
    });
    assert_eq!(futures_util::future::join_all(listings).await, [302; 4]);
    assert_eq!(strict.counts().list, 8, "two pages each");
    assert_eq!(strict.counts().throttled, 0);
}

#[tokio::test]
async fn a_change_is_pending_for_a_while() {
    let (strict, zone) = strict().await;
    strict.pending_time(Duration::from_secs(60));
    let id = zone.change(&[Change::create(www())]).await.unwrap();
    assert_eq!(zone.change_state(&id).await, Ok(ChangeState::Pending));
    strict.pending_time(Duration::ZERO);
    assert_eq!(zone.change_state(&id).await, Ok(ChangeState::InSync));
}

#[tokio::test]
async fn name_servers_are_asked_one_by_one() {
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
        let answered = servers.ask(&ours.name, ours.rtype, &ours.body.values).await;
        assert_eq!(
            (answered.by, answered.of),
            (2, 3),
            "{}: {answered:?}",
            ours.name
        );
        assert_eq!(answered.lagging[0].server, "late");
        assert_eq!(
            answered.lagging[0].replies,
            [Reply::Values(BTreeSet::new())]
        );
    }
    let blog = format!("blog.user1.{ROOT}");
    let absent = servers.ask(&blog, RecordType::A, &BTreeSet::new()).await;
    assert!(absent.by_all(), "a CNAME is no A: {absent:?}");
    let wrong = servers
        .ask(
            &long.name,
            RecordType::Txt,
            &BTreeSet::from([txt::encode("other")]),
        )
        .await;
    assert_eq!(wrong.by, 0);
    let foreign = servers
        .ask("www.example.org", RecordType::A, &BTreeSet::new())
        .await;
    assert_eq!(
        foreign.by, 0,
        "who is not authoritative cannot say that nothing is there: {foreign:?}"
    );

    let propagation = Propagation::new(vec![
        strict.dns_addr().to_string(),
        lagging.addr().to_string(),
    ]);
    let asked = propagation.servers(&zone).await.unwrap();
    assert_eq!(propagation.answered(&asked, &sets).await, (1, 2));
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

#[expect(
    clippy::disallowed_methods,
    reason = "script/test says where moto is; no setting of the application is read here"
)]
fn has_moto() -> bool {
    std::env::var_os(moto::PROGRAM).is_some_and(|program| !program.is_empty())
}

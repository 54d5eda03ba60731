//! Tests of publish on the strict Route53 and on a scripted zone. Each checks which RRsets the zone
//! holds afterwards.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests fail by panicking"
)]

mod journal;
mod scripted;
mod unclear;
mod verifier;

use std::collections::BTreeSet;
use std::time::Duration;

use starchart_dns::engine::publish::{PublishError, PublishReport, publish};
use starchart_dns::provider::Provider as _;
use starchart_dns::provider::route53::{Route53, Route53Config};
use starchart_domain::record::RecordType;
use starchart_domain::rrset::Rrset;
use starchart_domain::secret::Secret;
use starchart_testkit::route53::{Set, StrictRoute53};

use journal::Rows;

const ROOT: &str = "starchart.example";

struct World {
    strict: StrictRoute53,
    provider: Route53,
    rows: Rows,
}

impl World {
    async fn new() -> Self {
        let strict = StrictRoute53::start(ROOT).await;
        let config = Route53Config {
            hosted_zone_id: strict.zone_id().to_owned(),
            region: "us-east-1".to_owned(),
            access_key_id: Secret::new("development"),
            secret_access_key: Secret::new("development"),
            session_token: None,
            endpoint_url: Some(strict.endpoint()),
            requests_per_second: 200,
        };
        let provider = Route53::new(&config);
        Self {
            strict,
            provider,
            rows: Rows::default(),
        }
    }

    async fn publish(&mut self) -> Result<PublishReport, PublishError<std::convert::Infallible>> {
        let work = self.rows.work();
        publish(&self.provider, &mut self.rows, work).await
    }

    /// The values at a name and type in the zone.
    fn values(&self, name: &str, rtype: &str) -> Option<Vec<String>> {
        self.strict
            .set(name, rtype)
            .map(|set| set.values.into_iter().collect())
    }

    /// Asserts that the zone holds exactly what the rows want, but for what is excused, and the
    /// registry says the same.
    async fn assert_zone_is_rows(&self) {
        let listed = self.provider.list().await.unwrap();
        let standing: BTreeSet<_> = listed
            .into_iter()
            .filter(|set| set.name != ROOT)
            .map(|set| (set.name, set.rtype, set.ttl.unwrap(), set.values))
            .collect();
        let wanted: BTreeSet<_> = self.rows.wanted();
        assert_eq!(standing, wanted);
        assert_eq!(self.rows.confirmed(), wanted, "the registry");
    }
}

fn name(label: &str) -> String {
    format!("{label}.user1.{ROOT}")
}

fn a(label: &str, value: &str) -> Rrset {
    Rrset::new(name(label), RecordType::A, [value.to_owned()])
}

fn txt(label: &str, text: &str) -> Rrset {
    Rrset::new(
        name(label),
        RecordType::Txt,
        [starchart_domain::txt::encode(text)],
    )
}

fn cname(label: &str, target: &str) -> Rrset {
    Rrset::new(name(label), RecordType::Cname, [target.to_owned()])
}

#[tokio::test]
async fn create_change_delete_and_swap_to_cname_and_back() {
    let mut world = World::new().await;
    world.rows.want(
        &name("www"),
        vec![a("www", "192.0.2.1"), txt("www", "€ \"x\" \\")],
    );
    world.publish().await.unwrap();
    world.assert_zone_is_rows().await;
    for sets in [
        vec![a("www", "192.0.2.2")],
        vec![cname("www", "pages.example.com.")],
        vec![a("www", "192.0.2.1"), txt("www", &"long ".repeat(200))],
        vec![],
        vec![a("www", "192.0.2.1")],
    ] {
        world.rows.want(&name("www"), sets);
        let report = world.publish().await.unwrap();
        assert_eq!(
            report,
            PublishReport {
                published: 1,
                refused: 0,
                calls: 1
            }
        );
        world.assert_zone_is_rows().await;
    }
    assert_eq!(
        world.publish().await.unwrap(),
        PublishReport::default(),
        "nothing is owed, nothing is sent"
    );
}

#[tokio::test]
async fn one_refused_name_among_300_holds_no_other_back() {
    let mut world = World::new().await;
    for i in 0..300 {
        world.rows.want(
            &name(&format!("n{i}")),
            vec![a(&format!("n{i}"), "192.0.2.1")],
        );
    }
    world.strict.refuse_name(
        &name("n137"),
        &format!(
            "RRSet of type A with DNS name {}. is not permitted in zone {ROOT}.",
            name("n137")
        ),
    );
    let report = world.publish().await.unwrap();
    assert_eq!((report.published, report.refused), (299, 1));
    assert!(report.calls <= 6, "{report:?}");
    assert!(world.values(&name("n137"), "A").is_none());
    assert_eq!(
        world
            .strict
            .sets()
            .iter()
            .filter(|s| s.name.starts_with('n'))
            .count(),
        299
    );
    let (_, reason) = world.rows.refused(&name("n137")).expect("put aside");
    assert!(reason.contains("not permitted"), "{reason}");
    world.strict.allow_name(&name("n137"));
    assert_eq!(world.publish().await.unwrap().published, 1);
    world.assert_zone_is_rows().await;
}

#[tokio::test]
async fn a_refusal_that_names_nobody_is_found_by_halving() {
    let mut world = World::new().await;
    for i in 0..300 {
        world.rows.want(
            &name(&format!("n{i}")),
            vec![a(&format!("n{i}"), "192.0.2.1")],
        );
    }
    for bad in ["n3", "n250"] {
        world
            .strict
            .refuse_name(&name(bad), "Something that nobody has seen before");
    }
    let report = world.publish().await.unwrap();
    assert_eq!((report.published, report.refused), (298, 2));
    // Two bad names, log2 of 300 is 9, each found name is read and tried once more.
    assert!(report.calls <= 2 * 2 * 9 + 4, "{report:?}");
}

#[tokio::test]
async fn throttled_half_the_time_it_gets_there() {
    let mut world = World::new().await;
    world.strict.throttle_every(2);
    for i in 0..40 {
        world.rows.want(
            &name(&format!("n{i}")),
            vec![a(&format!("n{i}"), "192.0.2.1")],
        );
    }
    for _ in 0..5 {
        let _ = world.publish().await;
    }
    world.assert_zone_is_rows().await;
}

#[tokio::test]
async fn an_answer_that_never_came_is_read_not_repeated() {
    let mut world = World::new().await;
    world.rows.want(&name("www"), vec![a("www", "192.0.2.1")]);
    world.strict.drop_after_apply(1);
    let report = world.publish().await.unwrap();
    assert_eq!((report.published, report.refused), (1, 0));
    world.assert_zone_is_rows().await;
    world.rows.want(&name("www"), vec![a("www", "192.0.2.2")]);
    world.strict.drop_before_apply(1);
    world.publish().await.unwrap();
    world.assert_zone_is_rows().await;
}

#[tokio::test]
async fn killed_between_the_yes_and_the_row_the_set_is_still_ours() {
    let mut world = World::new().await;
    world.rows.want(&name("www"), vec![a("www", "192.0.2.1")]);
    world.rows.die_after_send = true;
    let _ = world.publish().await;
    assert!(world.rows.confirmed().is_empty());
    assert_eq!(world.values(&name("www"), "A").unwrap(), ["192.0.2.1"]);
    world.rows.die_after_send = false;
    world.rows.want(&name("www"), vec![a("www", "192.0.2.9")]);
    assert_eq!(world.publish().await.unwrap().refused, 0);
    world.assert_zone_is_rows().await;
}

#[tokio::test]
async fn a_hand_edited_set_of_ours_is_put_right() {
    let mut world = World::new().await;
    world.rows.want(&name("www"), vec![a("www", "192.0.2.1")]);
    world.publish().await.unwrap();
    world
        .strict
        .put(Set::new(
            &name("www"),
            "A",
            60,
            ["203.0.113.5", "203.0.113.6"],
        ))
        .unwrap();
    world.rows.want(&name("www"), vec![a("www", "192.0.2.2")]);
    assert_eq!(world.publish().await.unwrap().refused, 0);
    world.assert_zone_is_rows().await;
    world.strict.remove(&name("www"), "A").unwrap();
    world.rows.want(&name("www"), vec![a("www", "192.0.2.3")]);
    assert_eq!(world.publish().await.unwrap().refused, 0);
    world.assert_zone_is_rows().await;
}

#[tokio::test]
async fn what_is_not_ours_is_told_and_not_touched() {
    let mut world = World::new().await;
    let foreign = Set::new(&name("www"), "A", 60, ["203.0.113.5"]);
    world.strict.put(foreign.clone()).unwrap();
    world
        .strict
        .put(Set::new(
            &name("caa"),
            "CAA",
            60,
            ["0 issue \"ca.example\""],
        ))
        .unwrap();
    world.rows.want(&name("www"), vec![a("www", "192.0.2.1")]);
    world
        .rows
        .want(&name("caa"), vec![cname("caa", "pages.example.com.")]);
    world.rows.want(&name("ok"), vec![a("ok", "192.0.2.2")]);
    let report = world.publish().await.unwrap();
    assert_eq!((report.published, report.refused), (1, 2));
    assert_eq!(world.strict.set(&name("www"), "A"), Some(foreign));
    assert!(world.strict.set(&name("caa"), "CNAME").is_none());
    assert_eq!(world.values(&name("ok"), "A").unwrap(), ["192.0.2.2"]);
    let (rtype, reason) = world.rows.refused(&name("www")).unwrap();
    assert_eq!(rtype, Some(RecordType::A));
    assert!(reason.contains("did not create"), "{reason}");
    assert_eq!(world.rows.refused(&name("caa")).unwrap().0, None);
    // Beside what is not ours there is room for what does not collide.
    world.rows.want(&name("caa"), vec![a("caa", "192.0.2.3")]);
    assert_eq!(world.publish().await.unwrap().published, 1);
    assert!(world.strict.set(&name("caa"), "CAA").is_some());
}

#[tokio::test]
async fn a_name_too_large_for_any_call_is_put_aside() {
    let mut world = World::new().await;
    let values = (0..1_001).map(|i| format!("10.1.{}.{}", i / 250, i % 250 + 1));
    world.rows.want(
        &name("big"),
        vec![Rrset::new(name("big"), RecordType::A, values)],
    );
    world.rows.want(&name("ok"), vec![a("ok", "192.0.2.2")]);
    let report = world.publish().await.unwrap();
    assert_eq!((report.published, report.refused), (1, 1));
}

#[tokio::test]
async fn a_set_in_the_way_holds_the_others_of_its_name_no_longer() {
    let mut world = World::new().await;
    world
        .rows
        .want(&name("www"), vec![txt("www", "one"), txt("www", "two")]);
    world.publish().await.unwrap();
    let foreign = Set::new(&name("www"), "A", 60, ["203.0.113.5"]);
    world.strict.put(foreign.clone()).unwrap();
    world
        .rows
        .want(&name("www"), vec![a("www", "192.0.2.1"), txt("www", "two")]);
    let report = world.publish().await.unwrap();
    assert_eq!((report.published, report.refused), (0, 1));
    assert_eq!(
        world.values(&name("www"), "TXT").unwrap(),
        ["\"two\""],
        "what was deleted is gone"
    );
    assert_eq!(world.strict.set(&name("www"), "A"), Some(foreign));
    assert_eq!(
        world.rows.refused(&name("www")).unwrap().0,
        Some(RecordType::A)
    );
    world.strict.remove(&name("www"), "A").unwrap();
    assert_eq!(
        world.publish().await.unwrap().published,
        1,
        "tried again, it goes through"
    );
    world.assert_zone_is_rows().await;
}

#[tokio::test]
async fn an_invalid_value_holds_only_its_own_rrset_back() {
    let mut world = World::new().await;
    let invalid = |rtype, value: &str| Rrset::new(name("www"), rtype, [value.to_owned()]);
    let text = invalid(RecordType::Txt, "unquoted");
    let same = a("same", "192.0.2.1");
    world
        .rows
        .want(&name("www"), vec![a("www", "192.0.2.1"), text.clone()]);
    world.rows.want(&name("same"), vec![same]);
    let report = world.publish().await.unwrap();
    assert_eq!((report.published, report.refused), (1, 1));
    assert_eq!(world.values(&name("www"), "A").unwrap(), ["192.0.2.1"]);
    assert!(world.values(&name("same"), "A").is_some());
    let (rtype, reason) = world.rows.refused(&name("www")).unwrap();
    assert_eq!(rtype, Some(RecordType::Txt));
    assert!(
        reason.starts_with("Route53 does not take the value: "),
        "{reason}"
    );

    let exchange = invalid(RecordType::Mx, "mx.example.com.");
    let both = vec![a("www", "192.0.2.2"), text, exchange];
    world.rows.want(&name("www"), both);
    assert_eq!(world.publish().await.unwrap().refused, 1);
    assert_eq!(world.values(&name("www"), "A").unwrap(), ["192.0.2.1"]);
    let (rtype, _) = world.rows.refused(&name("www")).unwrap();
    assert_eq!(rtype, None, "one reason for two types");
}

#[tokio::test]
async fn a_foreign_cname_is_about_the_whole_name() {
    let mut world = World::new().await;
    world
        .strict
        .put(Set::new(&name("www"), "CNAME", 60, ["elsewhere.example."]))
        .unwrap();
    world.rows.want(&name("www"), vec![a("www", "192.0.2.1")]);
    assert_eq!(world.publish().await.unwrap().refused, 1);
    let (rtype, reason) = world.rows.refused(&name("www")).unwrap();
    assert_eq!(rtype, None);
    assert!(reason.contains("a CNAME record set"), "{reason}");
}

#[tokio::test]
async fn a_lease_lost_where_nothing_is_sent_ends_the_run() {
    let mut world = World::new().await;
    world.rows.want(&name("www"), vec![a("www", "192.0.2.1")]);
    world.publish().await.unwrap();
    // A note was edited: the name is dirty, the zone is as it shall be.
    world.rows.want(&name("www"), vec![a("www", "192.0.2.1")]);
    world.rows.lease_lost = true;
    assert!(matches!(
        world.publish().await,
        Err(PublishError::LeaseLost)
    ));
}

#[tokio::test]
async fn without_the_lease_nothing_is_sent() {
    let mut world = World::new().await;
    world.rows.want(&name("www"), vec![a("www", "192.0.2.1")]);
    world.rows.lease_lost = true;
    assert!(matches!(
        world.publish().await,
        Err(PublishError::LeaseLost)
    ));
    assert!(world.values(&name("www"), "A").is_none());
}

#[tokio::test]
async fn a_zone_that_cannot_be_reached_says_when_to_try_again() {
    let mut world = World::new().await;
    world.rows.want(&name("www"), vec![a("www", "192.0.2.1")]);
    world.strict.deny(1);
    assert!(matches!(
        world.publish().await,
        Err(PublishError::RetryAfter(after, _)) if after >= Duration::from_secs(10)
    ));
    world.publish().await.unwrap();
    world.assert_zone_is_rows().await;
}

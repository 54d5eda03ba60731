//! Publishing when Route53 refuses, drops, delays or throttles changes, or has a foreign RRset.

use std::time::Duration;

use starchart_testkit::route53::Set;
use starchart_testkit::wait::{equal, eventually};

use crate::app::{ROOT, TestEnv};
use crate::browser::Browser;
use crate::truth::{
    dig, insert_records, no_difference, signed_in, zone_becomes_pages, zone_equals_pages, zone_sets,
};

fn fqdn(name: &str, label: &str) -> String {
    format!("{name}.{label}.{ROOT}")
}

async fn is_refused(browser: &Browser, name: &str, rtype: &str) -> bool {
    browser
        .clone()
        .row(name, rtype)
        .await
        .is_some_and(|row| row.key == "refused")
}

async fn is_in_zone(env: &TestEnv, name: &str, rtype: &str, value: &str) -> bool {
    env.zone
        .set(name, rtype)
        .is_some_and(|set| set.values.iter().eq([value]))
}

#[tokio::test]
async fn one_refused_name_among_300_blocks_no_other() {
    let env = TestEnv::new().await.set("USER_DNS_RECORD_LIMIT", "400");
    let app = env.start().await;
    let _many = signed_in(&env, &app, "user1").await;
    let mut owner = signed_in(&env, &app, "user2").await;
    let bad = fqdn("bad-1", "user2");
    // All records are stored before the next sweep.
    app.signal("STOP");
    insert_records(&env, "user1", "n", 299).await;
    insert_records(&env, "user2", "bad", 1).await;
    // The form refuses this value. It represents values that Route53 refuses for reasons that we do
    // not know.
    env.db
        .run(&format!(
            "UPDATE dns_records SET presentation = '300.1.1.1', input = '300.1.1.1' \
             WHERE fqdn = '{bad}'"
        ))
        .await;
    app.signal("CONT");
    eventually("299 are in the zone", async || {
        equal(zone_sets(&env).len(), 299)
    })
    .await;
    let calls = env.zone.counts().change;
    println!("299 of 300 after {calls} calls");
    assert!(
        calls <= 4,
        "in the same run, without halving: {calls} calls"
    );
    eventually("the page shows the refusal", async || {
        is_refused(&owner, &bad, "A").await
    })
    .await;
    let row = owner.row(&bad, "A").await.unwrap();
    assert!(
        row.words
            .starts_with("Refused: Route53 does not take the value:")
            && row.words.contains("300.1.1.1"),
        "{row:?}"
    );
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    assert_eq!(
        env.zone.counts().change,
        calls,
        "a refused name is not tried again at every look"
    );

    assert_eq!(owner.edit(&row.id, "A", "192.168.1.1").await.status, 303);
    eventually("an edit goes through at once", async || {
        is_in_zone(&env, &bad, "A", "192.168.1.1").await
    })
    .await;
    assert_eq!(zone_sets(&env).len(), 300);
    no_difference(&env).await;
}

#[tokio::test]
async fn a_refusal_with_an_unknown_message_is_found_by_bisection() {
    let env = TestEnv::new().await.set("USER_DNS_RECORD_LIMIT", "400");
    let app = env.start().await;
    let owner = signed_in(&env, &app, "user1").await;
    let bad = fqdn("n-137", "user1");
    env.zone.refuse_name(&bad, "An unknown message");
    insert_records(&env, "user1", "n", 300).await;
    eventually("299 are in the zone", async || {
        equal(zone_sets(&env).len(), 299)
    })
    .await;
    eventually("the page shows the refusal", async || {
        is_refused(&owner, &bad, "A").await
    })
    .await;
    let calls = env.zone.counts().change;
    println!("299 of 300 by halving after {calls} calls");
    assert!(calls <= 2 * 9 + 6, "{calls} calls");
}

/// Creates, edits and deletes records during a fault and after it, and waits until the zone is
/// equal to the pages.
async fn converges(fault: impl Fn(&TestEnv)) -> TestEnv {
    let env = TestEnv::new().await;
    let app = env.start().await;
    let mut browsers = [
        signed_in(&env, &app, "user1").await,
        signed_in(&env, &app, "user2").await,
    ];
    for name in ["kept", "edited", "deleted", "other"] {
        assert_eq!(
            browsers[0].create(name, "A", "192.168.1.1").await.status,
            303
        );
    }
    zone_equals_pages(&env, &mut browsers).await;
    fault(&env);
    let edited = browsers[0]
        .row(&fqdn("edited", "user1"), "A")
        .await
        .unwrap();
    let deleted = browsers[0]
        .row(&fqdn("deleted", "user1"), "A")
        .await
        .unwrap();
    assert_eq!(
        browsers[0]
            .edit(&edited.id, "CNAME", "pages.example.com")
            .await
            .status,
        303
    );
    assert_eq!(browsers[0].delete(&deleted.id).await.status, 303);
    for name in ["a", "b", "c", "d"] {
        assert_eq!(
            browsers[1].create(name, "A", "192.168.1.2").await.status,
            303
        );
        tokio::time::sleep(Duration::from_millis(150)).await;
    }
    zone_becomes_pages(&env, &mut browsers).await;
    assert_eq!(
        dig(&env, &edited.name, "CNAME").await,
        ["pages.example.com."]
    );
    assert!(dig(&env, &deleted.name, "A").await.is_empty());
    env.zone.throttle_share(0.0);
    env.zone.latency(Duration::ZERO);
    for browser in &mut browsers {
        assert!(
            browser.rows().await.iter().all(|row| row.key != "refused"),
            "{:?}",
            browser.rows().await
        );
    }
    zone_equals_pages(&env, &mut browsers).await;
    env
}

#[tokio::test]
async fn publishing_converges_when_half_the_calls_are_throttled() {
    let env = converges(|env| env.zone.throttle_share(0.5)).await;
    assert!(env.zone.counts().throttled > 0);
}

#[tokio::test]
async fn publishing_converges_after_prior_request_not_complete() {
    converges(|env| env.zone.prior_request_not_complete(3)).await;
}

#[tokio::test]
async fn applied_but_never_answered() {
    let env = converges(|env| env.zone.timeout_after_apply(2)).await;
    let creates = |name: &str| {
        let name = fqdn(name, "user2");
        let batches = env.zone.batches();
        batches
            .iter()
            .flat_map(|batch| &batch.changes)
            .filter(|change| change.set.name == name)
            .count()
    };
    assert_eq!(
        ["a", "b", "c", "d"].map(creates),
        [1; 4],
        "what was applied is not sent again"
    );
}

#[tokio::test]
async fn publishing_converges_when_connections_break() {
    converges(|env| env.zone.drop_before_apply(2)).await;
    converges(|env| env.zone.drop_after_apply(2)).await;
}

#[tokio::test]
async fn publishing_converges_with_slow_calls() {
    converges(|env| env.zone.latency(Duration::from_millis(300))).await;
}

#[tokio::test]
async fn publishing_converges_after_access_denied_and_503() {
    converges(|env| env.zone.unavailable(3)).await;
}

#[tokio::test]
async fn the_next_save_repairs_a_set_that_an_operator_changed() {
    let env = TestEnv::new().await;
    let app = env.start().await;
    let mut browsers = [signed_in(&env, &app, "user1").await];
    for name in ["edited", "removed", "emptied"] {
        assert_eq!(
            browsers[0].create(name, "A", "192.168.1.1").await.status,
            303
        );
    }
    zone_equals_pages(&env, &mut browsers).await;
    env.zone
        .put(Set::new(
            &fqdn("edited", "user1"),
            "A",
            60,
            ["203.0.113.5", "203.0.113.6"],
        ))
        .unwrap();
    env.zone.remove(&fqdn("removed", "user1"), "A").unwrap();
    env.zone.remove(&fqdn("emptied", "user1"), "A").unwrap();
    for name in ["edited", "removed"] {
        let row = browsers[0].row(&fqdn(name, "user1"), "A").await.unwrap();
        assert_eq!(
            browsers[0].edit(&row.id, "A", "192.168.1.2").await.status,
            303
        );
    }
    let row = browsers[0]
        .row(&fqdn("emptied", "user1"), "A")
        .await
        .unwrap();
    assert_eq!(browsers[0].delete(&row.id).await.status, 303);
    zone_equals_pages(&env, &mut browsers).await;
    assert_eq!(
        env.zone.set(&fqdn("edited", "user1"), "A").unwrap().ttl,
        300
    );
}

#[tokio::test]
async fn a_foreign_set_stays_and_the_conflicting_record_is_refused() {
    let env = TestEnv::new().await;
    let app = env.start().await;
    let mut browser = signed_in(&env, &app, "user1").await;
    let taken = fqdn("taken", "user1");
    let caa = fqdn("caa", "user1");
    let foreign = [
        Set::new(&taken, "A", 60, ["203.0.113.5"]),
        Set::new(&caa, "CAA", 60, ["0 issue \"ca.example\""]),
        Set::new(&fqdn("lent", "user1"), "NS", 60, ["ns.elsewhere.example."]),
        Set::new(&format!("user1.{ROOT}"), "CAA", 60, ["0 issue \";\""]),
        Set::alias(&format!("alias.{ROOT}"), "A", "lb.example.com."),
    ];
    for set in &foreign {
        env.zone.put(set.clone()).unwrap();
    }
    let untouched = || {
        let sets = env.zone.sets();
        foreign.iter().all(|set| {
            sets.iter()
                .any(|found| found.name == set.name && found.values == set.values)
        })
    };
    assert!(untouched());
    for (name, rtype, value) in [
        ("taken", "A", "192.168.1.1"),
        ("caa", "CNAME", "pages.example.com"),
        ("@", "A", "192.168.1.3"),
    ] {
        assert_eq!(browser.create(name, rtype, value).await.status, 303);
    }
    let base = format!("user1.{ROOT}");
    eventually("beside a CAA an A may stand", async || {
        is_in_zone(&env, &base, "A", "192.168.1.3").await
    })
    .await;
    for (name, rtype, kind) in [(&taken, "A", "A"), (&caa, "CNAME", "CAA")] {
        eventually("refused", async || is_refused(&browser, name, rtype).await).await;
        let words = browser.row(name, rtype).await.unwrap().words;
        assert!(
            words.starts_with(&format!(
                "Refused: The zone already has a {kind} record set at this name \
                 that Starchart did not"
            )),
            "{words}"
        );
    }
    assert!(untouched(), "{:?}", env.zone.sets());

    // The operator removes it. The name is retried after a minute; the test moves its time back.
    env.zone.remove(&taken, "A").unwrap();
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    assert!(
        is_refused(&browser, &taken, "A").await,
        "not before its time"
    );
    env.db
        .run(&format!(
            "UPDATE names SET next_attempt_at = next_attempt_at - 60000 WHERE fqdn = '{taken}'"
        ))
        .await;
    eventually("tried again after a minute", async || {
        is_in_zone(&env, &taken, "A", "192.168.1.1").await
    })
    .await;
    eventually("and the page says so", async || {
        !is_refused(&browser, &taken, "A").await
    })
    .await;

    // An edit is published at once.
    env.zone.remove(&caa, "CAA").unwrap();
    let row = browser.row(&caa, "CNAME").await.unwrap();
    assert_eq!(
        browser
            .edit(&row.id, "CNAME", "other.example.com")
            .await
            .status,
        303
    );
    eventually("an edit is tried at once", async || {
        is_in_zone(&env, &caa, "CNAME", "other.example.com.").await
    })
    .await;

    // The deletion of our record leaves the foreign RRset.
    let row = browser.row(&base, "A").await.unwrap();
    assert_eq!(browser.delete(&row.id).await.status, 303);
    eventually("ours is gone", async || {
        equal(env.zone.set(&base, "A"), None)
    })
    .await;
    assert!(
        env.zone.set(&base, "CAA").is_some()
            && env.zone.set(&fqdn("lent", "user1"), "NS").is_some()
    );
    no_difference(&env).await;
}

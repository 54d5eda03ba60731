//! The TTL of an RRset, from the form to the name server.

use starchart_testkit::route53::Set;
use starchart_testkit::wait::{equal, eventually};

use crate::app::{ROOT, TestEnv};
use crate::browser::{Browser, Page};
use crate::truth::{dig, dig_ttls, no_difference, signed_in, verb};

const WWW: (&str, &str) = ("www", "A");

fn www() -> String {
    format!("www.user1.{ROOT}")
}

impl TestEnv {
    /// Waits until the name server answers with these values, all with this TTL, and the zone has
    /// the same.
    async fn answers_with(&self, values: &[&str], ttl: u32) {
        let wanted: Vec<(String, u32)> = values.iter().map(|v| ((*v).to_owned(), ttl)).collect();
        eventually(&format!("{wanted:?}"), async || {
            let values = dig(self, &www(), "A").await;
            let ttls = dig_ttls(self, &www(), "A").await;
            let mut found: Vec<(String, u32)> = values.into_iter().zip(ttls).collect();
            found.sort();
            equal(found, wanted.clone())
        })
        .await;
        let in_zone = self.zone.set(&www(), "A").map(|set| set.ttl);
        assert_eq!(in_zone, (!values.is_empty()).then_some(ttl));
    }
}

/// Sends the form of a record with other fields.
async fn send(browser: &mut Browser, path: &str, fields: &[(&str, &str)]) -> Page {
    let form = browser.get(path).await.form(path);
    let filled = fields
        .iter()
        .fold(form, |form, (name, value)| form.with(name, value));
    let sent = browser.submit(&filled).await;
    assert_eq!(
        (sent.status, sent.location()),
        (303, "/dns-records"),
        "{fields:?}: {}",
        sent.body
    );
    sent
}

async fn create(browser: &mut Browser, value: &str, ttl: (&str, &str)) {
    let (name, rtype) = WWW;
    let fields = [("subdomain", name), ("type", rtype), ("value", value), ttl];
    send(browser, "/dns-records/new", &fields).await;
}

/// Presses the first button of the history, which undoes the newest change.
async fn undo(browser: &mut Browser) {
    let form = browser
        .get("/dns-records/history")
        .await
        .form("/dns-records/history");
    let undone = browser.submit(&form).await;
    assert_eq!(undone.location(), "/dns-records", "{}", undone.body);
}

#[tokio::test]
async fn the_zone_holds_the_ttl_of_every_change() {
    let env = TestEnv::new().await;
    let app = env.start().await;
    let mut browser = signed_in(&env, &app, "user1").await;
    create(&mut browser, "192.0.2.1", ("ttl", "3600")).await;
    env.answers_with(&["192.0.2.1"], 3_600).await;
    let first = browser.record_ids().await.remove(0);
    let path = format!("/dns-records/{first}");

    // Another value, the same TTL.
    send(&mut browser, &path, &[("value", "192.0.2.2")]).await;
    env.answers_with(&["192.0.2.2"], 3_600).await;
    // Another TTL, the same value.
    send(&mut browser, &path, &[("ttlOwn", "15m")]).await;
    env.answers_with(&["192.0.2.2"], 900).await;
    undo(&mut browser).await;
    env.answers_with(&["192.0.2.2"], 3_600).await;

    // A second record takes the TTL, and a TTL that it sets is that of both.
    create(&mut browser, "192.0.2.3", ("ttl", "")).await;
    env.answers_with(&["192.0.2.2", "192.0.2.3"], 3_600).await;
    create(&mut browser, "192.0.2.4", ("ttl", "60")).await;
    env.answers_with(&["192.0.2.2", "192.0.2.3", "192.0.2.4"], 60)
        .await;
    let exported = verb(&env, &["export", "--user", "user1"]).await;
    assert_eq!(exported.out.matches("www 60 IN A ").count(), 3);

    // The TTL goes with the last record, and comes back with it.
    let ids = browser.record_ids().await;
    for id in &ids {
        assert_eq!(browser.delete(id).await.status, 303);
    }
    env.answers_with(&[], 0).await;
    undo(&mut browser).await;
    eventually("restored", async || {
        equal(dig_ttls(&env, &www(), "A").await, [60])
    })
    .await;
    no_difference(&env).await;
}

#[tokio::test]
async fn a_ttl_that_an_operator_changes_in_the_zone_is_repaired() {
    let env = TestEnv::new().await.set("AUDIT_FREQUENCY_S", "1");
    let app = env.start().await;
    let mut browser = signed_in(&env, &app, "user1").await;
    create(&mut browser, "192.0.2.1", ("ttl", "3600")).await;
    env.answers_with(&["192.0.2.1"], 3_600).await;
    let drifted = Set::new(&www(), "A", 300, ["192.0.2.1"]);
    env.zone.put(drifted).unwrap();
    env.answers_with(&["192.0.2.1"], 3_600).await;
}

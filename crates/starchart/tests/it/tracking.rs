//! The state of a record on the user's page while its change is published.

use std::time::Duration;

use serde_json::Value;

use starchart_testkit::wait::{equal, eventually};

use crate::app::{ROOT, TestEnv};
use crate::browser::Browser;
use crate::truth::signed_in;

const HOUR: Duration = Duration::from_secs(3_600);

/// Returns the state of the user's only record, as the page's script reads it.
async fn state(browser: &mut Browser) -> Value {
    let page = browser.get("/dns-records/states").await;
    assert_eq!(page.status, 200, "{}", page.body);
    let states: Vec<Value> = serde_json::from_str(&page.body).unwrap();
    assert_eq!(states.len(), 1, "{states:?}");
    states[0].clone()
}

/// Polls the state of the record until `is_reached`; collects the texts of all states.
async fn follow(
    browser: &mut Browser,
    seen: &mut Vec<String>,
    what: &str,
    is_reached: impl Fn(&Value) -> bool,
) {
    eventually(what, async || {
        let state = state(browser).await;
        let words = state["text"].as_str().unwrap().to_owned();
        if seen.last() != Some(&words) {
            seen.push(words);
        }
        if is_reached(&state) {
            Ok(())
        } else {
            Err(seen.clone())
        }
    })
    .await;
}

fn is_settled(state: &Value) -> bool {
    state["settled"] == true
}

#[tokio::test]
async fn the_page_follows_a_change_to_the_last_name_server() {
    let mut env = TestEnv::new().await;
    let lagging = env.zone.start_lagging(HOUR).await.unwrap();
    let servers = format!("{},{}", env.zone.dns_addr(), lagging.addr());
    env = env.set("DNS_SERVERS", &servers);
    env.zone.pending_time(HOUR);
    env.zone.hold(1);
    let app = env.start().await;
    let mut browser = signed_in(&env, &app, "user1").await;
    assert_eq!(browser.create("www", "A", "192.168.1.1").await.status, 303);
    env.zone.until_held(1).await;
    assert_eq!(state(&mut browser).await["key"], "saved");
    env.zone.release();
    let mut seen = Vec::new();
    let sent = |state: &Value| state["text"] == "Sent to Route53";
    follow(&mut browser, &mut seen, "the change to be sent", sent).await;
    env.zone.pending_time(Duration::ZERO);
    let one_answers = |state: &Value| state["text"] == "Answered by 1 of 2 name servers";
    follow(
        &mut browser,
        &mut seen,
        "the first name server",
        one_answers,
    )
    .await;
    lagging.catch_up();
    follow(
        &mut browser,
        &mut seen,
        "the second name server",
        is_settled,
    )
    .await;
    // A state that is shorter than the poll interval may be missed; the order and the long states
    // may not.
    let all = [
        "Saved",
        "Sent to Route53",
        "In sync",
        "Answered by 0 of 2 name servers",
        "Answered by 1 of 2 name servers",
    ];
    let all: Vec<&str> = all
        .into_iter()
        .chain(["Answered by 2 of 2 name servers"])
        .collect();
    let places: Vec<usize> = seen
        .iter()
        .map(|words| all.iter().position(|known| known == words).expect(words))
        .collect();
    assert!(places.is_sorted(), "{seen:?}");
    for long in [all[1], all[4], all[5]] {
        assert!(
            seen.iter().any(|words| words == long),
            "{long} is missing in {seen:?}"
        );
    }
    let row = browser
        .row(&format!("www.user1.{ROOT}"), "A")
        .await
        .unwrap();
    assert_eq!(
        (row.key.as_str(), row.words.as_str()),
        ("answered", all[5]),
        "the page without script says the same"
    );
}

#[tokio::test]
async fn a_change_unknown_to_the_provider_counts_as_in_sync() {
    let env = TestEnv::new().await;
    env.zone.pending_time(HOUR);
    let app = env.start().await;
    let mut browser = signed_in(&env, &app, "user1").await;
    assert_eq!(browser.create("www", "A", "192.168.1.1").await.status, 303);
    eventually("sent", async || {
        equal(&state(&mut browser.clone()).await["key"], "sent")
    })
    .await;
    env.db
        .run("UPDATE zone_changes SET id = 'C0UNKNOWN'; UPDATE names SET change_id = 'C0UNKNOWN'")
        .await;
    let mut seen = Vec::new();
    follow(&mut browser, &mut seen, "every name server", is_settled).await;
    assert_eq!(
        seen.last().map(String::as_str),
        Some("Answered by 1 of 1 name server"),
        "{seen:?}"
    );
}

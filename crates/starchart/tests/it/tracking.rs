//! What the person's page says while a change is on its way.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::app::{ROOT, World, eventually};
use crate::browser::Browser;
use crate::truth::signed_in;

/// The state of the person's one record, as the page's script reads it.
async fn state(browser: &mut Browser) -> Value {
    let page = browser.get("/dns-records/states").await;
    assert_eq!(page.status, 200, "{}", page.body);
    let states: Vec<Value> = serde_json::from_str(&page.body).unwrap();
    assert_eq!(states.len(), 1, "{states:?}");
    states[0].clone()
}

/// Every state in words, in the order seen, until one is settled.
async fn until_settled(browser: &mut Browser, limit: Duration) -> Vec<String> {
    let (start, mut seen) = (Instant::now(), Vec::new());
    loop {
        let state = state(browser).await;
        let words = state["text"].as_str().unwrap().to_owned();
        if seen.last() != Some(&words) {
            seen.push(words);
        }
        if state["settled"] == true {
            return seen;
        }
        assert!(
            start.elapsed() < limit,
            "not settled within {limit:?}: {seen:?}"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn the_page_follows_a_change_to_the_last_name_server() {
    let mut world = World::new().await;
    let lagging = world
        .zone
        .start_lagging(Duration::from_secs(3))
        .await
        .unwrap();
    let servers = format!("{},{}", world.zone.dns_addr(), lagging.addr());
    world = world.set("DNS_SERVERS", &servers);
    world.zone.pending_time(Duration::from_secs(1));
    world.zone.hold(1);
    let app = world.start().await;
    let mut browser = signed_in(&world, &app, "user1").await;
    assert_eq!(browser.create("www", "A", "192.168.1.1").await.status, 303);
    world.zone.until_held(1).await;
    assert_eq!(state(&mut browser).await["key"], "saved");
    world.zone.release();
    let seen = until_settled(&mut browser, Duration::from_secs(10)).await;
    // A moment that is shorter than the page's look may be missed; the order and the long ones may
    // not.
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
async fn a_change_that_the_provider_no_longer_knows_is_long_done() {
    let world = World::new().await;
    world.zone.pending_time(Duration::from_secs(3600));
    let app = world.start().await;
    let mut browser = signed_in(&world, &app, "user1").await;
    assert_eq!(browser.create("www", "A", "192.168.1.1").await.status, 303);
    eventually("sent", Duration::from_secs(3), async || {
        state(&mut browser.clone()).await["key"] == "sent"
    })
    .await;
    world
        .db
        .run("UPDATE zone_changes SET id = 'C0UNKNOWN'; UPDATE names SET change_id = 'C0UNKNOWN'")
        .await;
    let seen = until_settled(&mut browser, Duration::from_secs(10)).await;
    assert_eq!(
        seen.last().map(String::as_str),
        Some("Answered by 1 of 1 name server"),
        "{seen:?}"
    );
}

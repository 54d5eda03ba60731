//! Several processes on one database: the zone converges to the rows when processes are killed or
//! stopped and when changes arrive late.

use std::time::{Duration, Instant};

use starchart_testkit::wait::{equal, eventually};

use crate::app::{ROOT, TestEnv};
use crate::truth::{dig, label_of, no_difference, signed_in, zone_equals_pages, zone_sets};

#[tokio::test]
async fn what_one_process_creates_another_edits_and_deletes() {
    let env = TestEnv::new().await;
    let one = env.start().await;
    let two = env.start().await;
    let mut at_one = signed_in(&env, &one, "user1").await;
    let mut at_two = at_one.at(two.port);
    let name = format!("www.user1.{ROOT}");

    assert_eq!(at_one.create("www", "A", "192.168.1.1").await.status, 303);
    eventually("created", async || {
        equal(dig(&env, &name, "A").await, ["192.168.1.1"])
    })
    .await;
    let row = at_two
        .row(&name, "A")
        .await
        .expect("the other process lists it");
    assert_eq!(at_two.edit(&row.id, "A", "192.168.1.2").await.status, 303);
    eventually("edited", async || {
        equal(dig(&env, &name, "A").await, ["192.168.1.2"])
    })
    .await;
    assert_eq!(at_one.delete(&row.id).await.status, 303);
    eventually("deleted", async || dig(&env, &name, "A").await.is_empty()).await;
    assert!(at_two.rows().await.is_empty());
    assert_eq!(zone_sets(&env).len(), 0, "nothing is left in the zone");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_saves_at_once_on_two_processes_are_all_published() {
    let env = TestEnv::new().await.set("USER_DNS_RECORD_LIMIT", "100");
    let one = env.start().await;
    let two = env.start().await;
    let mut browsers = Vec::new();
    for n in 1..=8 {
        browsers.push(signed_in(&env, &one, &format!("load{n}")).await);
    }
    let before = env.zone.counts();
    let mut saves = tokio::task::JoinSet::new();
    for n in 0..200_usize {
        let port = if n % 2 == 0 { one.port } else { two.port };
        let mut browser = browsers[n % browsers.len()].at(port);
        // Every third record goes to a name that other records of this user share.
        let name = if n % 3 == 0 {
            "shared".to_owned()
        } else {
            label_of(n)
        };
        saves.spawn(async move {
            browser
                .create(&name, "A", &format!("10.0.{}.{}", n / 250, n % 250 + 1))
                .await
        });
    }
    for page in saves.join_all().await {
        assert_eq!(page.status, 303, "{}", page.body);
    }
    zone_equals_pages(&env, &mut browsers).await;

    let listed = browsers[0].rows().await;
    assert_eq!(listed.len(), 25, "every save is listed");
    let row = &listed[0];
    assert!(
        dig(&env, &row.name, "A").await.contains(&row.value),
        "{row:?}"
    );
    let calls = env.zone.counts().change - before.change;
    let batches = env.zone.batches().len();
    println!("200 saves: {batches} batches in {calls} calls");
    assert!(calls <= 60, "{calls} calls for 200 saves");
}

#[tokio::test]
async fn another_process_takes_over_from_one_killed_during_a_change() {
    let env = TestEnv::new().await;
    let one = env.start().await;
    let two = env.start().await;
    let mut browser = signed_in(&env, &one, "user1").await;
    assert_eq!(browser.create("before", "A", "10.0.0.1").await.status, 303);
    eventually("published", async || {
        env.zone.set(&format!("before.user1.{ROOT}"), "A")
    })
    .await;
    // Two held changes: the zone applies one after the kill of its sender, and one after the change
    // of the successor.
    for (held, released_early) in [("early", true), ("late", false)] {
        let killed = if released_early {
            &one
        } else {
            &env.start().await
        };
        let survivor = two.port;
        let mut at_killed = browser.at(killed.port);
        let name = format!("{held}.user1.{ROOT}");
        env.zone.hold(1);
        // The process that will be killed must hold the publish lease.
        two.signal("STOP");
        assert_eq!(at_killed.create(held, "A", "10.0.0.2").await.status, 303);
        env.zone.until_held(1).await;
        killed.signal("KILL");
        let died = Instant::now();
        two.signal("CONT");
        if released_early {
            env.zone.release();
            eventually("the zone took it", async || env.zone.set(&name, "A")).await;
        }
        let mut at_survivor = browser.at(survivor);
        let known = async || browser_knows(&mut at_survivor.clone(), &name).await;
        eventually("the survivor publishes it", known).await;
        println!("{held}: taken over after {:?}", died.elapsed());
        assert_eq!(dig(&env, &name, "A").await, ["10.0.0.2"]);
        env.zone.release();
        tokio::time::sleep(Duration::from_millis(300)).await;
        zone_equals_pages(&env, std::slice::from_mut(&mut at_survivor)).await;
    }
}

async fn browser_knows(browser: &mut crate::browser::Browser, name: &str) -> bool {
    let row = browser
        .row(name, "A")
        .await
        .expect("the saved record is listed");
    row.key != "saved" && row.key != "refused"
}

/// The order in which a stopped process and its held change continue.
#[derive(Clone, Copy, Debug)]
enum Return {
    /// The zone applies the change, then the process continues and reads the answer.
    AnswerFirst,
    /// The process continues without its lease, then the zone applies the change.
    ProcessFirst,
}

#[tokio::test]
async fn a_process_that_resumes_after_its_lease_and_the_late_change_leaves_no_set() {
    stopped_past_its_lease(Return::AnswerFirst).await;
}

#[tokio::test]
async fn a_change_that_arrives_after_the_lease_was_lost_leaves_no_set() {
    stopped_past_its_lease(Return::ProcessFirst).await;
}

async fn stopped_past_its_lease(how: Return) {
    let env = TestEnv::new().await;
    let one = env.start().await;
    let mut browser = signed_in(&env, &one, "user1").await;
    let deleted = format!("deleted.user1.{ROOT}");
    let edited = format!("edited.user1.{ROOT}");
    env.zone.hold(1);
    assert_eq!(browser.create("deleted", "A", "10.0.0.1").await.status, 303);
    env.zone.until_held(1).await;
    one.signal("STOP");

    let two = env.start().await;
    let mut at_two = browser.at(two.port);
    assert_eq!(at_two.create("edited", "A", "10.0.0.2").await.status, 303);
    let row = at_two.row(&deleted, "A").await.expect("saved is saved");
    assert_eq!(at_two.edit(&row.id, "A", "10.0.0.9").await.status, 303);
    eventually("the second publishes both", async || {
        dig(&env, &deleted, "A").await == ["10.0.0.9"]
            && dig(&env, &edited, "A").await == ["10.0.0.2"]
    })
    .await;
    assert_eq!(at_two.delete(&row.id).await.status, 303);
    eventually("the second deletes", async || {
        equal(env.zone.set(&deleted, "A"), None)
    })
    .await;
    let row = at_two.row(&edited, "A").await.unwrap();
    assert_eq!(
        at_two
            .edit(&row.id, "CNAME", "pages.example.com")
            .await
            .status,
        303
    );
    eventually("the second edits", async || env.zone.set(&edited, "CNAME")).await;

    match how {
        Return::AnswerFirst => {
            env.zone.release();
            eventually("the late RRset is in the zone", async || {
                env.zone.set(&deleted, "A")
            })
            .await;
            one.signal("CONT");
        }
        Return::ProcessFirst => {
            one.signal("CONT");
            tokio::time::sleep(Duration::from_secs(6)).await;
            env.zone.release();
            eventually("the late RRset is in the zone", async || {
                env.zone.set(&deleted, "A")
            })
            .await;
        }
    }
    eventually("the late set is gone within two sweeps", async || {
        equal(env.zone.set(&deleted, "A"), None)
    })
    .await;
    // The stopped process publishes again.
    assert_eq!(browser.create("again", "A", "10.0.0.3").await.status, 303);
    zone_equals_pages(&env, std::slice::from_mut(&mut browser)).await;
    no_difference(&env).await;
}

//! The flag and the verb that wipe the database; the zone does not change.

use std::collections::BTreeSet;
use std::time::Duration;

use starchart_testkit::redis::Redis;
use starchart_testkit::route53::Set;
use starchart_testkit::wait::eventually;

use crate::app::{App, ROOT, TestEnv};
use crate::browser::Browser;
use crate::truth::{ended, signed_in, verb};

const FLAG: &str = "DANGER_DATABASE_WIPE_REINITIALIZE";
/// Returns an environment with two users, a published record and a foreign RRset.
async fn with_data() -> (TestEnv, Vec<Set>) {
    let env = TestEnv::new().await;
    let app = env.start().await;
    fill(&env, &app).await;
    env.zone
        .put(Set::new(
            &format!("theirs.{ROOT}"),
            "A",
            300,
            ["192.168.7.7"],
        ))
        .unwrap();
    let sets = env.zone.sets();
    (env, sets)
}

/// Creates two users and a published record.
async fn fill(env: &TestEnv, app: &App) -> Browser {
    let mut browser = signed_in(env, app, "user1").await;
    signed_in(env, app, "user2").await;
    assert_eq!(browser.create("www", "A", "192.168.1.1").await.status, 303);
    let published = async || env.zone.set(&format!("www.user1.{ROOT}"), "A").is_some();
    eventually("published", published).await;
    browser
}

async fn count_users(env: &TestEnv) -> i64 {
    env.db.number("SELECT COUNT(*) FROM users").await
}

/// Counts the wipes in the logs of these processes.
fn wipes(apps: &[&App]) -> usize {
    apps.iter()
        .map(|app| {
            app.server
                .log()
                .matches("the database was wiped, the zone was not changed")
                .count()
        })
        .sum()
}

/// Starts two replicas at once and waits until both are ready.
async fn two(env: &TestEnv) -> [App; 2] {
    let mut apps = [env.launch("run"), env.launch("run")];
    for app in &mut apps {
        app.until_ready().await;
    }
    apps
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_with_the_flag_wipe_once_until_a_start_without_it() {
    let (env, zone) = with_data().await;
    for table in ["User", "DnsRecord", "_prisma_migrations"] {
        env.db
            .run(&format!(
                "CREATE TABLE `{table}` (id INT PRIMARY KEY); INSERT INTO `{table}` VALUES (1)"
            ))
            .await;
    }
    let mut env = env
        .set(FLAG, "1")
        .set("DANGER_CONFIRM", &format!("{ROOT}:2"));
    for start in 1..=4 {
        let apps = two(&env).await;
        assert_eq!(
            wipes(&[&apps[0], &apps[1]]),
            usize::from(start == 1),
            "start {start}"
        );
        assert_eq!(
            count_users(&env).await,
            i64::from(start > 1),
            "start {start}: what came after the wipe stays"
        );
        for app in &apps {
            let said = app
                .server
                .log()
                .matches("is still set: the wipe was done before")
                .count();
            assert!(
                said == 1 || start == 1,
                "start {start} says so: {}",
                app.server.log()
            );
        }
        if start == 1 {
            let dropped = apps
                .iter()
                .flat_map(App::log_lines)
                .filter(|line| line.to_string().contains("dropped and recreated"));
            let dropped: BTreeSet<_> = dropped
                .map(|line| line["table"].as_str().unwrap_or_default().to_owned())
                .collect();
            assert!(
                dropped.contains("users") && dropped.contains("zone_rrset"),
                "{dropped:?}"
            );
            signed_in(&env, &apps[1], "user9").await;
        }
    }
    // Two users again, so that the same confirmation is valid for another wipe.
    env = env.set(FLAG, "");
    let apps = two(&env).await;
    signed_in(&env, &apps[0], "user8").await;
    drop(apps);
    assert_eq!(count_users(&env).await, 2);
    env = env.set(FLAG, "1");
    let apps = two(&env).await;
    assert_eq!(
        (wipes(&[&apps[0], &apps[1]]), count_users(&env).await),
        (1, 0),
        "set again, it wipes once more"
    );

    for table in ["User", "DnsRecord", "_prisma_migrations"] {
        assert_eq!(
            env.db
                .number(&format!("SELECT COUNT(*) FROM `{table}`"))
                .await,
            1,
            "{table} is the original's"
        );
    }
    // Long enough for a sweep of publish.
    let mut browser = signed_in(&env, &apps[0], "user1").await;
    assert_eq!(
        browser.create("other", "A", "192.168.1.2").await.status,
        303
    );
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(
        env.zone.sets(),
        zone,
        "publishing is paused, and nothing was removed"
    );
}

#[tokio::test]
async fn a_wipe_in_production_needs_the_confirmed_counts() {
    let (env, zone) = with_data().await;
    let mut env = env.set(FLAG, "1").set("PORT", "0");
    for wrong in ["", "yes", "starchart.example:3", "other.example:2", "2"] {
        env = env.set("DANGER_CONFIRM", wrong);
        for name in ["run", "serve", "work"] {
            let ended = verb(&env, &[name]).await;
            assert_eq!(ended.code, 2, "{name} {wrong}: {}", ended.all);
            assert!(
                ended.all.contains(&format!("{ROOT}:2"))
                    && ended.all.contains("Nothing was changed"),
                "{}",
                ended.all
            );
        }
    }
    assert_eq!(count_users(&env).await, 2);
    env = env.set(FLAG, "0").set("DANGER_CONFIRM", "");
    let app = env.start().await;
    assert_eq!(app.browser().get("/login").await.status, 200);
    assert_eq!(env.zone.sets(), zone);
}

#[tokio::test]
async fn the_wipe_flag_initialises_an_empty_schema_and_needs_no_confirmation_in_development() {
    let mut env = TestEnv::new().await.set(FLAG, "1").set("AUTO_MIGRATE", "0");
    let app = env.start().await;
    assert_eq!(wipes(&[&app]), 0);
    fill(&env, &app).await;
    drop(app);
    let app = env.start().await;
    assert_eq!(
        (wipes(&[&app]), count_users(&env).await),
        (0, 2),
        "a restart does not wipe what came since"
    );
    drop(app);
    env = env.set(FLAG, "");
    drop(env.start().await);
    env = env.set(FLAG, "1").set("STARCHART_ENV", "test");
    let app = env.start().await;
    assert_eq!((wipes(&[&app]), count_users(&env).await), (1, 0));
}

#[tokio::test]
async fn publishing_resumes_by_itself_when_the_zone_is_empty() {
    let env = TestEnv::new().await;
    let app = env.start().await;
    let mut browser = fill(&env, &app).await;
    let id = browser.record_ids().await.remove(0);
    assert_eq!(browser.delete(&id).await.status, 303);
    let gone = async || env.zone.set(&format!("www.user1.{ROOT}"), "A").is_none();
    eventually("gone from the zone", gone).await;
    drop(app);
    let env = env
        .set(FLAG, "1")
        .set("DANGER_CONFIRM", &format!("{ROOT}:2"));
    let app = env.start().await;
    assert_eq!(wipes(&[&app]), 1);
    fill(&env, &app).await;
}

#[tokio::test]
async fn an_interrupted_wipe_is_finished_before_anything_is_served() {
    // After a SIGKILL between two tables, and after one just before the pause, when the new tables
    // exist already.
    let tables = "SET foreign_key_checks = 0; \
                  DROP TABLE seaql_migrations, outbox, dns_records, zone_control";
    let pause = "DELETE FROM zone_control";
    for (left, flag, auto_migrate) in [(tables, "1", "1"), (tables, "", "0"), (pause, "", "1")] {
        let (env, zone) = with_data().await;
        let mark = "CREATE TABLE starchart_wipe (id INT NOT NULL PRIMARY KEY, \
                    state VARCHAR(16) NOT NULL, changed_at BIGINT NOT NULL); \
                    INSERT INTO starchart_wipe VALUES (1, 'wiping', 1)";
        env.db.run(mark).await;
        env.db.run(left).await;
        let env = env.set(FLAG, flag).set("AUTO_MIGRATE", auto_migrate);
        let mut app = env.launch("run");
        if auto_migrate == "0" {
            let words =
                "a wipe was begun and is not finished, and AUTO_MIGRATE=0: run `starchart migrate`";
            eventually("says so", async || app.server.log().contains(words)).await;
            assert_eq!(app.browser().get("/healthcheck").await.status, 500);
            let mut browser = app.browser();
            let form = browser.get("/login").await.form("/login");
            assert!(
                browser.submit(&form).await.status >= 500,
                "nothing is served that needs a row"
            );
            let migrated = verb(&env, &["migrate"]).await;
            assert_eq!(migrated.code, 0, "{}", migrated.all);
            assert!(
                migrated.out.starts_with(
                    "a wipe of the database was begun and is not finished: finishing it"
                ),
                "{}",
                migrated.out
            );
            assert!(
                migrated.out.contains("\ndropped and recreated: users\n"),
                "{}",
                migrated.out
            );
            assert!(
                migrated.out.contains("the wipe is finished (")
                    && migrated.out.contains("is paused"),
                "{}",
                migrated.out
            );
        }
        app.until_ready().await;
        let log = app.server.log();
        let dropped = log.contains(r#"dropped and recreated","table":"users""#);
        assert!(
            dropped || auto_migrate == "0" || flag == "1",
            "what was deleted is logged: {log}"
        );
        assert_eq!(count_users(&env).await, 0, "flag {flag}");
        let paused = "SELECT COUNT(*) FROM zone_control WHERE paused_at IS NOT NULL";
        assert_eq!(env.db.number(paused).await, 1);
        assert_eq!(env.zone.sets(), zone);
    }
}

#[tokio::test]
async fn the_wipe_verb_asks_and_running_processes_go_on() {
    let redis = Redis::start().await;
    let env = TestEnv::new().await.set("REDIS_URL", &redis.url());
    let mut app = env.start().await;
    fill(&env, &app).await;
    redis
        .command(&["SET", "starchart:jobs:left-over", "x"])
        .await;
    redis.command(&["SET", "somebody:else", "x"]).await;
    let zone = env.zone.sets();

    // The confirmation of the flag does not confirm the verb.
    let env = env.set("DANGER_CONFIRM", "starchart.example:2");
    for arguments in [&["wipe"][..], &["wipe", "--yes"]] {
        let refused = verb(&env, arguments).await;
        assert_eq!(refused.code, 2, "{}", refused.all);
        assert!(
            refused
                .all
                .contains("Nothing was changed. To do it: --confirm starchart.example:2\n"),
            "{}",
            refused.all
        );
    }
    let wrong = verb(&env, &["wipe", "--confirm", "starchart.example:1"]).await;
    assert!(
        wrong.code == 2 && wrong.all.contains("it takes ROOT_DOMAIN:COUNT"),
        "{}",
        wrong.all
    );
    assert!(
        !wrong.all.contains("example:2"),
        "the correct confirmation is not printed: {}",
        wrong.all
    );
    assert_eq!(count_users(&env).await, 2);
    let mark = "CREATE TABLE starchart_wipe (id INT NOT NULL PRIMARY KEY, \
                state VARCHAR(16) NOT NULL, changed_at BIGINT NOT NULL); \
                INSERT INTO starchart_wipe VALUES (1, 'wiping', 1)";
    env.db.run(mark).await;
    let begun = verb(&env, &["wipe", "--confirm", "starchart.example:2"]).await;
    assert!(
        begun.code == 2 && begun.all.contains("`starchart migrate` finishes it"),
        "{}",
        begun.all
    );
    for arguments in [
        &["reconcile", "--dry-run"][..],
        &["import", "--skip"],
        &["import", "--orphans", "list"],
        &["seed"],
    ] {
        let mut unfit = env.command(arguments);
        let unfit = ended({
            unfit.env("STARCHART_ENV", "test");
            unfit
        })
        .await;
        assert!(
            unfit.code == 1
                && unfit
                    .all
                    .contains("begun and is not finished: run `starchart migrate` first"),
            "{}",
            unfit.all
        );
    }
    env.db.run("DROP TABLE starchart_wipe").await;
    assert_eq!(count_users(&env).await, 2);
    let wiped = verb(&env, &["wipe", "--confirm", "starchart.example:2"]).await;
    assert_eq!(wiped.code, 0, "{}", wiped.all);
    assert!(
        wiped.out.contains("dropped and recreated: users\n"),
        "{}",
        wiped.out
    );
    assert!(wiped.out.contains("publishing is paused"), "{}", wiped.out);
    let removed = wiped.out.lines().find_map(|line| {
        line.strip_prefix("removed from Redis: ")?
            .strip_suffix(" keys")?
            .parse()
            .ok()
    });
    assert!(removed.is_some_and(|keys: u64| keys >= 1), "{}", wiped.out);
    assert_eq!(
        redis.number(&["EXISTS", "starchart:jobs:left-over"]).await,
        0
    );
    assert_eq!(redis.number(&["EXISTS", "somebody:else"]).await, 1);

    assert_eq!(app.server.exited(), None, "{}", app.server.log());
    app.until_ready().await;
    let mut browser = signed_in(&env, &app, "user3").await;
    assert_eq!(browser.create("www", "A", "192.168.1.1").await.status, 303);
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(
        (env.zone.sets(), app.server.exited()),
        (zone, None),
        "paused, and well"
    );

    let env = env
        .set("STARCHART_ENV", "test")
        .set("REDIS_URL", &Redis::absent().url());
    let asked = verb(&env, &["wipe"]).await;
    assert!(
        asked.code == 2
            && asked
                .all
                .contains("--confirm starchart.example:1, or --yes"),
        "{}",
        asked.all
    );
    let wiped = verb(&env, &["wipe", "--yes"]).await;
    assert!(
        wiped.code == 0 && wiped.out.contains("Redis: "),
        "Redis away is no reason to stop: {}",
        wiped.all
    );
}

//! Expiry with the binary: records are announced, then removed, with one run per tick in all
//! processes.

use std::time::Duration;

use starchart_testkit::smtp::Smtp;
use starchart_testkit::wait::{equal, eventually};

use crate::app::{App, ROOT, TestEnv};
use crate::truth::{dig, signed_in, verb};

/// The log message at the beginning of a run.
const BEGUN: &str = "expiry run started";

/// Waits until every mail is marked as sent. The row is updated after the mail server has accepted
/// the mail; a process that is stopped in between sends the mail again.
async fn all_mails_are_sent(env: &TestEnv) {
    eventually("every mail's row is sent", async || {
        let unsent = "SELECT COUNT(*) FROM outbox WHERE state <> 'sent'";
        equal(env.db.number(unsent).await, 0)
    })
    .await;
}

/// Moves the times of all sent mails back by `days`.
async fn sent_days_ago(env: &TestEnv, days: i64) {
    all_mails_are_sent(env).await;
    env.db
        .run(&format!(
            "UPDATE outbox SET sent_at = sent_at - {days} * 86400000 WHERE sent_at IS NOT NULL"
        ))
        .await;
}

async fn ticks(env: &TestEnv) -> i64 {
    env.db
        .number("SELECT COUNT(*) FROM ticks WHERE job = 'expiry'")
        .await
}

/// Returns the numbers of the runs that this process began.
fn begun(app: &App) -> Vec<i64> {
    let lines = app.log_lines();
    let begun = lines.iter().filter(|line| line["message"] == BEGUN);
    begun
        .map(|line| line["slot"].as_i64().expect("the number of a run"))
        .collect()
}

/// Returns the path of libfaketime, which shifts the clock of a process.
fn faketime() -> String {
    let folders = ["/usr/lib", "/usr/lib64", "/usr/local/lib"]
        .map(std::path::PathBuf::from)
        .into_iter()
        .flat_map(|root| {
            let below = std::fs::read_dir(&root)
                .into_iter()
                .flatten()
                .flatten()
                .map(|entry| entry.path());
            std::iter::once(root.clone())
                .chain(below)
                .collect::<Vec<_>>()
        });
    let mut files = folders.map(|folder| folder.join("faketime/libfaketime.so.1"));
    files
        .find(|file| file.exists())
        .expect("libfaketime; script/test installs it")
        .display()
        .to_string()
}

/// Returns by how many seconds the timestamp of the process's next log line is ahead of our clock.
fn seconds_ahead(app: &App) -> i64 {
    let lines = app.log_lines();
    let said = lines
        .last()
        .and_then(|line| line["time"].as_str())
        .expect("a line with its time")
        .to_owned();
    let seconds = std::process::Command::new("date")
        .args(["-d", &said, "+%s"])
        .output()
        .unwrap()
        .stdout;
    let seconds: i64 = String::from_utf8_lossy(&seconds).trim().parse().unwrap();
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_secs();
    seconds - i64::try_from(now).unwrap()
}

#[tokio::test]
async fn an_expiring_record_is_announced_then_removed_from_page_and_zone() {
    let smtp = Smtp::start().await;
    let env = TestEnv::new().await.with_smtp(&smtp);
    let app = env.start().await;
    let mut browser = signed_in(&env, &app, "user1").await;
    for name in ["www", "mail"] {
        assert_eq!(browser.create(name, "A", "192.168.1.1").await.status, 303);
    }
    let www = format!("www.user1.{ROOT}");
    eventually("published", async || {
        equal(dig(&env, &www, "A").await, ["192.168.1.1"])
    })
    .await;
    env.records_end_in(20.0).await;
    eventually("announced", async || equal(smtp.mails().len(), 1)).await;
    let notice = &smtp.mails()[0];
    assert_eq!(
        notice.subject,
        "My.Custom.Domain DNS records approaching expiration"
    );
    assert!(
        notice.body.contains(&www) && notice.body.contains("A 192.168.1.1"),
        "{}",
        notice.body
    );

    env.records_end_in(-1.0).await;
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert_eq!(browser.rows().await.len(), 2, "announced a moment ago");
    sent_days_ago(&env, 8).await;
    eventually("gone from the zone", async || {
        dig(&env, &www, "A").await.is_empty()
    })
    .await;
    assert!(browser.rows().await.is_empty());
    eventually("the second mail", async || equal(smtp.mails().len(), 2)).await;
    assert_eq!(
        smtp.mails()[1].subject,
        "My.Custom.Domain DNS records expired"
    );
    assert_eq!(
        env.db
            .number("SELECT COUNT(*) FROM record_history WHERE action = 'expiry'")
            .await,
        2
    );
}

#[tokio::test]
async fn nothing_expires_while_the_mail_server_is_away() {
    let smtp = Smtp::start().await;
    let env = TestEnv::new().await.with_smtp(&smtp);
    smtp.stop();
    let app = env.start().await;
    let mut browser = signed_in(&env, &app, "user1").await;
    assert_eq!(browser.create("www", "A", "192.168.1.1").await.status, 303);
    env.records_end_in(-100.0).await;
    let before = ticks(&env).await;
    eventually("the mail is pending", async || {
        equal(env.mails_in("pending").await, 1)
    })
    .await;
    eventually("several runs", async || ticks(&env).await >= before + 4).await;
    assert_eq!(browser.rows().await.len(), 1);
    smtp.resume().await;
    eventually("announced", async || equal(smtp.mails().len(), 1)).await;
    let then = ticks(&env).await;
    eventually("more runs", async || ticks(&env).await >= then + 2).await;
    assert_eq!(
        browser.rows().await.len(),
        1,
        "seven days are left to react"
    );
}

#[tokio::test]
async fn two_processes_with_different_clocks_run_once_per_tick() {
    let smtp = Smtp::start().await;
    let env = TestEnv::new()
        .await
        .with_smtp(&smtp)
        .set("EXPIRATION_REPEAT_FREQUENCY_S", "3");
    let one = env.start().await;
    let env = env
        .set("LD_PRELOAD", &faketime())
        .set("FAKETIME", "+10m")
        .set("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    let two = env.start().await;
    let before = ticks(&env).await;
    eventually("several ticks", async || ticks(&env).await >= before + 5).await;
    assert!(seconds_ahead(&one).abs() < 200, "{}", seconds_ahead(&one));
    assert!(
        seconds_ahead(&two) > 300,
        "its clock was to be shifted: {}",
        seconds_ahead(&two)
    );
    let ticks = ticks(&env).await;
    let begun = [begun(&one), begun(&two)];
    let mut slots = begun.concat();
    assert!(
        slots.len() as i64 >= ticks,
        "{ticks} ticks, begun by each: {begun:?}"
    );
    let runs = slots.len();
    slots.sort_unstable();
    slots.dedup();
    assert_eq!(slots.len(), runs, "a run is begun once: {begun:?}");
    let spread = env
        .db
        .number("SELECT MAX(slot) - MIN(slot) + 1 FROM ticks WHERE job = 'expiry'")
        .await;
    assert!(
        spread <= ticks + 1,
        "the slots follow one clock: {spread} for {ticks}"
    );
}

#[tokio::test]
async fn another_process_repeats_a_killed_run_and_makes_up_missed_ticks_once() {
    let smtp = Smtp::start().await;
    // One tick a day: only a killed run can be repeated.
    let env = TestEnv::new()
        .await
        .with_smtp(&smtp)
        .set("EXPIRATION_REPEAT_FREQUENCY_S", "86400");
    let app = env.start().await;
    eventually("the day's run", async || equal(ticks(&env).await, 1)).await;
    let mut browser = signed_in(&env, &app, "user1").await;
    assert_eq!(browser.create("www", "A", "192.168.1.1").await.status, 303);
    env.records_end_in(10.0).await;
    // The rows of a killed run: an expired lease and no end of the run. The ticks of the days
    // before were missed.
    env.db.run("DELETE FROM ticks WHERE job = 'expiry'").await;
    env.db
        .run("INSERT INTO ticks (job, slot, at) SELECT 'expiry', 1, 0")
        .await;
    eventually("the run is made again", async || {
        equal(ticks(&env).await, 2)
    })
    .await;
    eventually("and tells", async || equal(smtp.mails().len(), 1)).await;
    assert_eq!(begun(&app).len(), 2);
}

#[tokio::test]
async fn rows_of_an_old_dump_do_not_expire_before_an_approval() {
    let smtp = Smtp::start().await;
    let env = TestEnv::new().await.with_smtp(&smtp);
    let app = env.start().await;
    let mut browser = signed_in(&env, &app, "user1").await;
    assert_eq!(browser.create("www", "A", "192.168.1.1").await.status, 303);
    let www = format!("www.user1.{ROOT}");
    eventually("published", async || {
        equal(dig(&env, &www, "A").await, ["192.168.1.1"])
    })
    .await;
    env.records_end_in(20.0).await;
    eventually("notified", async || equal(smtp.mails().len(), 1)).await;
    all_mails_are_sent(&env).await;
    drop(app);

    // In the dump the record has expired and was announced long ago; the user has renewed it since.
    // The operator pauses before any job runs.
    let paused = verb(&env, &["reconcile", "--pause", "restored"]).await;
    assert_eq!(paused.code, 0, "{}", paused.all);
    env.records_end_in(-1.0).await;
    sent_days_ago(&env, 8).await;
    let _app = env.start().await;
    let at = "SELECT COALESCE(MAX(at), 0) FROM zone_audits";
    let before = env.db.number(at).await;
    env.db.run("UPDATE zone_audits SET at = at - 61000").await;
    eventually("audited since the start", async || {
        env.db.number(at).await > before
    })
    .await;
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert_eq!(
        env.db.number("SELECT COUNT(*) FROM dns_records").await,
        1,
        "paused"
    );
    assert_eq!(dig(&env, &www, "A").await, ["192.168.1.1"]);

    // A plan that needs an approval stops expiry as well: a dump without a pause.
    env.db
        .run(
            "UPDATE zone_audits SET outcome = 'needs_approval'; \
              UPDATE zone_control SET paused_at = NULL, paused_reason = NULL",
        )
        .await;
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert_eq!(
        env.db.number("SELECT COUNT(*) FROM dns_records").await,
        1,
        "a plan needs approval"
    );
    // An audit that ended before this start does not count: the next one is due.
    env.db
        .run("UPDATE zone_audits SET outcome = 'clean', at = at - 3600000")
        .await;
    eventually("an audit later it ends", async || {
        dig(&env, &www, "A").await.is_empty()
    })
    .await;
}

//! `script/bench sweep`: how long the removal of many expired records takes, and what it costs.

use std::time::{Duration, Instant};

use starchart_testkit::redis::Redis;
use starchart_testkit::route53::Set;
use starchart_testkit::wait::eventually_within;

use crate::app::{self, TestEnv};
use crate::process;

/// How many records each user has.
const RECORDS: u32 = 20;
const LIMIT: Duration = Duration::from_secs(30 * 60);

pub async fn run(quick: bool) {
    println!(
        "{:>8} {:>8} {:>8} {:>9} {:>12} {:>10}",
        "expired", "removed", "mails", "seconds", "published s", "peak MB"
    );
    for count in if quick {
        vec![10_000]
    } else {
        vec![10_000, 100_000]
    } {
        sweep(count).await;
    }
}

async fn sweep(count: u32) {
    // No mail server: the mails are counted in the outbox.
    let env = TestEnv::new()
        .await
        .set("ROUTE53_REQUESTS_PER_SECOND", "4")
        .set("LOG_LEVEL", "info")
        .set("SMTP_HOST", "127.0.0.1");
    let redis = Redis::start().await;
    let env = env
        .set("SMTP_PORT", "1")
        .set("SMTP_TLS", "none")
        .set("REDIS_URL", &redis.url());
    drop(env.start().await);
    seed(&env, count).await;
    let number = async |sql: &str| env.db.number(sql).await;
    let begun = Instant::now();
    let app = env.start().await;
    let records = "SELECT COUNT(*) FROM dns_records";
    eventually_within(LIMIT, "every expired record removed", async || {
        number(records).await == 0
    })
    .await;
    let took = begun.elapsed();
    let unpublished = "SELECT COUNT(*) FROM names WHERE is_unpublished = 1";
    eventually_within(LIMIT, "every name published", async || {
        number(unpublished).await == 0
    })
    .await;
    let published = begun.elapsed();
    let removed = number("SELECT COUNT(*) FROM record_history WHERE action = 'expiry'").await;
    let mails = number("SELECT COUNT(*) FROM outbox WHERE kind = 'record_expired'").await;
    let peak = process::memory(app.pid()).1;
    println!(
        "{count:>8} {removed:>8} {mails:>8} {:>9.1} {:>12.1} {peak:>10.1}",
        took.as_secs_f64(),
        published.as_secs_f64()
    );
}

/// Inserts users with [`RECORDS`] records each, which expired yesterday and were announced ten days
/// ago, with rows that MariaDB generates, and publishes them: into the registry and the zone, which
/// the audit compares before anything expires. Deletes the tick of the first start, so that expiry
/// runs at the next one.
async fn seed(env: &TestEnv, count: u32) {
    let users = count / RECORDS;
    let now = "CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS SIGNED)";
    let day = 24 * 60 * 60 * 1_000_i64;
    env.db
        .run(&format!(
            "SET @now = {now};
             DELETE FROM ticks WHERE job = 'expiry';
             INSERT INTO users
                 (subject, username, display_name, email, label, created_at, updated_at)
               SELECT CONCAT('user', seq), CONCAT('user', seq), CONCAT('User ', seq),
                      CONCAT('user', seq, '@school.example'), CONCAT('user', seq),
                      @now, @now
                 FROM seq_1_to_{users};
             INSERT INTO outbox
                 (kind, topic, day, user_id, recipient, detail, message_id, state,
                  next_attempt_at, created_at, sent_at)
               SELECT 'record_expiring', label, '2026-01-01', id, email, '[]',
                      CONCAT(label, '@bench'), 'sent', 0, @now - 10 * {day}, @now - 10 * {day}
                 FROM users;
             INSERT INTO names
                 (fqdn, user_id, class, generation, applied_generation, created_at, updated_at)
               SELECT CONCAT('n', seq, '.', label, '.{root}'), id, 'other', 1, 1, @now, @now
                 FROM users, seq_1_to_{RECORDS};
             INSERT INTO zone_rrset (fqdn, type, ttl, `values`, pending, updated_at)
               SELECT fqdn, 'A', 300, '[\"192.0.2.1\"]', '[]', @now FROM names;
             INSERT INTO dns_records
                 (fqdn, class, user_id, type, input, presentation, value_hash, ttl, created_at,
                  updated_at, expires_at, notified_at, notice_id)
               SELECT n.fqdn, 'other', n.user_id, 'A', '192.0.2.1', '192.0.2.1',
                      UNHEX(SHA2('192.0.2.1', 256)), 300, @now - 183 * {day},
                      @now - 183 * {day}, @now - {day}, @now - 10 * {day}, o.id
                 FROM names n INNER JOIN outbox o ON o.user_id = n.user_id;",
            root = app::ROOT
        ))
        .await;
    assert_eq!(
        env.db.number("SELECT COUNT(*) FROM dns_records").await,
        i64::from(count)
    );
    let published = (1..=users).flat_map(|user| {
        (1..=RECORDS).map(move |record| {
            let name = format!("n{record}.user{user}.{}", app::ROOT);
            Set::new(&name, "A", 300, ["192.0.2.1"])
        })
    });
    env.zone
        .load(published.collect())
        .expect("a zone with every record");
}

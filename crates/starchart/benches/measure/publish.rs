//! `script/bench publish`: how long publishing many names at once takes, and what it costs.

use std::time::{Duration, Instant};

use starchart_testkit::mariadb::SHARED_URL;

use crate::app::{self, TestEnv};
use crate::process;

/// Names of each user, with one A record each.
const NAMES_PER_USER: u32 = 20;
const LIMIT: Duration = Duration::from_secs(30 * 60);
/// Interval between two queries for unpublished names.
const POLL: Duration = Duration::from_millis(100);

pub async fn run(quick: bool) {
    println!(
        "{:>8} {:>8} {:>6} {:>14} {:>15} {:>14} {:>8}",
        "names", "seconds", "calls", "program CPU s", "database CPU s", "Route53 CPU s", "peak MB"
    );
    for count in if quick {
        vec![10_000]
    } else {
        vec![10_000, 50_000]
    } {
        publish(count).await;
    }
}

/// Measures from the start of the program until no name is unpublished.
async fn publish(count: u32) {
    let env = TestEnv::new()
        .await
        .set("ROUTE53_REQUESTS_PER_SECOND", "100");
    let migrated = env.command(&["migrate"]).status().await.unwrap();
    assert!(migrated.success(), "starchart migrate");
    seed(&env, count).await;
    let database = process::with_argument(&format!("--port={}", database_port()));
    let database_before = process::cpu(database);
    // The strict Route53 runs in this process, on the cores that the program needs as well.
    let route53_before = process::cpu(std::process::id());
    let begun = Instant::now();
    let app = env.start().await;
    let unpublished = "SELECT EXISTS (SELECT * FROM names WHERE is_unpublished = 1)";
    while env.db.number(unpublished).await != 0 {
        assert!(begun.elapsed() < LIMIT, "names are left unpublished");
        tokio::time::sleep(POLL).await;
    }
    let seconds = begun.elapsed().as_secs_f64();
    let program_cpu = process::cpu(app.pid()).as_secs_f64();
    let database_cpu = (process::cpu(database) - database_before).as_secs_f64();
    let route53_cpu = (process::cpu(std::process::id()) - route53_before).as_secs_f64();
    let calls = env.zone.counts().change;
    let peak = process::memory(app.pid()).1;
    println!(
        "{count:>8} {seconds:>8.1} {calls:>6} {program_cpu:>14.1} {database_cpu:>15.1} \
         {route53_cpu:>14.1} {peak:>8.1}"
    );
    let sets = env.zone.sets();
    let published = sets.iter().filter(|set| set.rtype == "A").count();
    assert_eq!(published, count as usize, "sets in the zone");
}

#[expect(
    clippy::disallowed_methods,
    reason = "script/bench passes its database"
)]
fn database_port() -> u16 {
    let url = std::env::var(SHARED_URL).expect("script/bench starts the database");
    let port = url.rsplit_once(':').expect("a port in the URL").1;
    port.trim_end_matches('/').parse().expect("a port")
}

/// Inserts users with [`NAMES_PER_USER`] unpublished names each, with rows that MariaDB generates.
async fn seed(env: &TestEnv, count: u32) {
    let users = count / NAMES_PER_USER;
    let now = "CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS SIGNED)";
    let day = 24 * 60 * 60 * 1_000_i64;
    env.db
        .run(&format!(
            "SET @now = {now};
             INSERT INTO users
                 (subject, username, display_name, email, label, created_at, updated_at)
               SELECT CONCAT('user', seq), CONCAT('user', seq), CONCAT('User ', seq),
                      CONCAT('user', seq, '@school.example'), CONCAT('user', seq),
                      @now, @now
                 FROM seq_1_to_{users};
             INSERT INTO names
                 (fqdn, user_id, class, generation, applied_generation, unpublished_since,
                  created_at, updated_at)
               SELECT CONCAT('n', seq, '.', label, '.{root}'), id, 'other', 1, 0, @now, @now, @now
                 FROM users, seq_1_to_{NAMES_PER_USER};
             INSERT INTO dns_records
                 (fqdn, class, user_id, type, input, presentation, value_hash, ttl, created_at,
                  updated_at, expires_at)
               SELECT fqdn, class, user_id, 'A', '192.0.2.1', '192.0.2.1',
                      UNHEX(SHA2('192.0.2.1', 256)), 300, @now, @now, @now + 183 * {day}
                 FROM names;",
            root = app::ROOT
        ))
        .await;
    let names = "SELECT COUNT(*) FROM names WHERE is_unpublished = 1";
    assert_eq!(env.db.number(names).await, i64::from(count));
}

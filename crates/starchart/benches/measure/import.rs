//! `script/bench import`: how long the import of the original's database takes.

use std::time::Instant;

use starchart_testkit::mariadb::TestDb;
use starchart_testkit::original::OriginalDatabase;
use starchart_testkit::server::scratch;

use crate::app::{ROOT, TestEnv};

pub async fn run(quick: bool) {
    println!(
        "{:>8} {:>8} {:>13} {:>10} {:>9} {:>10}",
        "users", "records", "certificates", "dry run s", "apply s", "again s"
    );
    for (users, records) in if quick {
        vec![(1_000, 5_000)]
    } else {
        vec![(1_000, 5_000), (10_000, 50_000)]
    } {
        import(users, records).await;
    }
}

async fn import(users: usize, records: usize) {
    // With the default rate of requests to Route53.
    let env = TestEnv::new()
        .await
        .set("ROUTE53_REQUESTS_PER_SECOND", "4")
        .set("LOG_LEVEL", "warn");
    let env = env.set(
        "KEY_ENCRYPTION_KEYS",
        "one:ZGV2ZWxvcG1lbnQgb25seTogMzIgYnl0ZXMsIG9uZSE=",
    );
    let original = TestDb::create().await;
    let built = OriginalDatabase {
        root: ROOT.to_owned(),
        users,
        records,
        seed: 1,
    }
    .build(&original.url())
    .await
    .unwrap();
    env.zone.load(built.zone).unwrap();
    let file = scratch("original").join("DATABASE_URL");
    std::fs::write(&file, original.url()).unwrap();
    let file = file.to_str().unwrap();
    verb(&env, &["migrate"]).await;
    let look = verb(&env, &["import", "--from-file", file]).await;
    let apply = verb(&env, &["import", "--from-file", file, "--apply"]).await;
    let again = verb(&env, &["import", "--from-file", file]).await;
    let users = built.users;
    let imported = env.db.number("SELECT COUNT(*) FROM dns_records").await;
    let certificates = env.db.number("SELECT COUNT(*) FROM certificates").await;
    println!("{users:>8} {imported:>8} {certificates:>13} {look:>10.1} {apply:>9.1} {again:>10.1}");
}

/// Runs a verb to its end and returns how many seconds it took.
async fn verb(env: &TestEnv, arguments: &[&str]) -> f64 {
    let begun = Instant::now();
    let output = env.command(arguments).output().await.unwrap();
    assert!(
        output.status.success(),
        "{arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    begun.elapsed().as_secs_f64()
}

//! How long it takes to move a school here: `script/bench import` runs this on the production
//! build.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a program for people who measure"
)]
#![expect(
    unreachable_pub,
    dead_code,
    reason = "the frame is shared with the stories, which use all of it"
)]

#[path = "../tests/it/app.rs"]
mod app;
#[path = "../tests/it/browser.rs"]
mod browser;

use std::time::Instant;

use app::{ROOT, TestEnv};
use starchart_testkit::mariadb::TestDb;
use starchart_testkit::original::OriginalDatabase;
use starchart_testkit::server::scratch;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let quick = std::env::args().any(|argument| argument == "--quick");
    println!(
        "{:>8} {:>8} {:>13} {:>10} {:>9} {:>10}",
        "people", "records", "certificates", "dry run s", "apply s", "again s"
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
    // As an operator has it: at four requests a second.
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
    run(&env, &["migrate"]).await;
    let look = run(&env, &["import", "--from-file", file]).await;
    let apply = run(&env, &["import", "--from-file", file, "--apply"]).await;
    let again = run(&env, &["import", "--from-file", file]).await;
    let people = built.users;
    let made = env.db.number("SELECT COUNT(*) FROM dns_records").await;
    let certificates = env.db.number("SELECT COUNT(*) FROM certificates").await;
    println!("{people:>8} {made:>8} {certificates:>13} {look:>10.1} {apply:>9.1} {again:>10.1}");
}

/// Runs a verb to its end; how many seconds it took.
async fn run(env: &TestEnv, arguments: &[&str]) -> f64 {
    let begun = Instant::now();
    let output = env.command(arguments).output().await.unwrap();
    assert!(
        output.status.success(),
        "{arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    begun.elapsed().as_secs_f64()
}

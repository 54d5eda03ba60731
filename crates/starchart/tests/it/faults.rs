//! Faults of the database that the program lives through, and those that end its start.

use std::time::Instant;

use starchart_testkit::server::free_port;

use crate::app::TestEnv;
use crate::boot::Database;
use crate::truth::{ended, signed_in, verb};

#[tokio::test]
async fn no_request_fails_after_all_database_connections_are_cut() {
    let env = TestEnv::new().await;
    let app = env.start().await;
    let mut browser = signed_in(&env, &app, "user1").await;
    let ours =
        "FROM information_schema.processlist WHERE db = DATABASE() AND id <> CONNECTION_ID()";
    for round in 0..3 {
        // Several requests at once, so that several connections are open.
        let pages = (0..8).map(|_| {
            let mut browser = browser.clone();
            async move { browser.get("/dns-records").await.status }
        });
        let statuses = futures_util::future::join_all(pages).await;
        assert!(statuses.iter().all(|status| *status == 200), "{statuses:?}");
        let open = env.db.number(&format!("SELECT COUNT(*) {ours}")).await;
        assert!(open > 1, "there are connections to cut: {open}");
        // 1094: one has ended by itself.
        let cut = format!(
            "BEGIN NOT ATOMIC DECLARE CONTINUE HANDLER FOR 1094 BEGIN END; \
             FOR c IN (SELECT id {ours}) DO KILL c.id; END FOR; END"
        );
        env.db.run(&cut).await;
        for n in 0..8 {
            let page = browser.get("/dns-records").await;
            assert_eq!(
                page.status, 200,
                "request {n} of round {round}: {}",
                page.body
            );
        }
        let saved = browser
            .create(&format!("cut-{round}"), "A", "10.0.0.1")
            .await;
        assert_eq!(saved.status, 303, "{}", saved.body);
    }
}

#[tokio::test]
async fn at_the_start_a_fault_that_does_not_pass_ends_the_process_and_names_the_setting() {
    let database = Database::new().await;
    let root = database.url("root", "starchart");
    let env = TestEnv::new().await.set("DATABASE_URL", &root);
    assert_eq!(verb(&env, &["migrate"]).await.code, 0);
    for sql in [
        "CREATE DATABASE empty",
        "CREATE USER reader IDENTIFIED BY 'hunter2'",
        "GRANT SELECT ON *.* TO reader",
        "CREATE USER locked IDENTIFIED BY 'hunter2' ACCOUNT LOCK",
        "GRANT ALL ON starchart.* TO locked",
        "CREATE USER expired IDENTIFIED BY 'hunter2' PASSWORD EXPIRE",
        "GRANT ALL ON starchart.* TO expired",
        "CREATE USER tls IDENTIFIED BY 'hunter2' REQUIRE SSL",
        "GRANT ALL ON starchart.* TO tls",
        "INSTALL SONAME 'auth_ed25519'",
        "CREATE USER ed IDENTIFIED VIA ed25519 USING PASSWORD('hunter2')",
        "GRANT ALL ON starchart.* TO ed",
    ] {
        database.run(sql).await;
    }
    let url = |user: &str, name: &str| database.url(&format!("{user}:hunter2"), name);
    for (fault, url, words) in [
        (
            "may only read",
            url("reader", "starchart"),
            "INSERT command denied",
        ),
        (
            "may only read, no tables",
            url("reader", "empty"),
            "CREATE command denied",
        ),
        (
            "locked account",
            url("locked", "starchart"),
            "account is locked",
        ),
        ("expired password", url("expired", "starchart"), "password"),
        (
            "account that demands TLS",
            url("tls", "starchart"),
            "refuses this user",
        ),
        ("ed25519", url("ed", "starchart"), "caching_sha2_password"),
        (
            "wrong password",
            database.url("app:hunter2", "starchart"),
            "refuses this user",
        ),
        (
            "no such database",
            database.url("root", "nosuch"),
            "no such database",
        ),
        (
            "no TLS there",
            format!("{root}?ssl-mode=REQUIRED"),
            "ssl-mode",
        ),
        (
            "no URL of a database",
            "postgres://a@b/c".to_owned(),
            "mysql://",
        ),
    ] {
        let begun = Instant::now();
        let mut run = env.command(&["run"]);
        run.env("DATABASE_URL", url)
            .env("PORT", free_port().to_string());
        let ended = ended(run).await;
        let name = ended.all.contains("DATABASE_URL");
        assert!(name && ended.all.contains(words), "{fault}: {}", ended.all);
        assert!(matches!(ended.code, 1 | 2), "{fault}: {}", ended.all);
        assert!(!ended.all.contains("hunter2"), "{fault}: {}", ended.all);
        println!(
            "| {fault} | told after {:.1} s | exit {} | DATABASE_URL |",
            begun.elapsed().as_secs_f64(),
            ended.code
        );
    }
}

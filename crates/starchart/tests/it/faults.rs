//! Faults of servers that the program lives through.

use crate::app::TestEnv;
use crate::truth::signed_in;

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
        for _ in 0..open {
            let id = env
                .db
                .number(&format!("SELECT COALESCE(MIN(id), 0) {ours}"))
                .await;
            if id > 0 {
                env.db.run(&format!("KILL {id}")).await;
            }
        }
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

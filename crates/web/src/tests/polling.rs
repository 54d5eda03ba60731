//! A page that stays open polls for news, and does not keep the session alive by that.

use actix_web::http::StatusCode;
use starchart_store::sessions::IDLE_TIMEOUT_MS;

use super::test_app::{Browser, TestApp};
use crate::route_table;

const MINUTE_MS: i64 = 60 * 1_000;

#[actix_web::test]
async fn polling_alone_does_not_keep_a_session_alive() {
    let polled = route_table().filter(|info| info.is_poll);
    let mut requests: Vec<(&str, bool)> = polled.map(|info| (info.path, true)).collect();
    assert_eq!(
        requests.len(),
        2,
        "the states of the records and of the order"
    );
    requests.extend([
        // Pages that reload themselves without scripts.
        ("/dns-records/1/lookup?reload", true),
        ("/dns-records/1/lookup?reload&q=a", true),
        ("/certificate?reload", true),
        // What a user does.
        ("/dns-records", false),
        ("/dns-records/1/lookup", false),
        ("/certificate", false),
        ("/certificate?x=reload", false),
        ("/dns-records?q=reload", false),
        ("/nowhere", false),
    ]);
    for (path, is_poll) in requests {
        let test_app = TestApp::new().await;
        let mut browser = Browser::signed_in(&test_app, "user1").await;
        let fields = [("subdomain", "www"), ("type", "A"), ("value", "8.8.8.8")];
        browser.post("/dns-records/new", &fields).await;
        // Almost the whole idle time, then again almost the whole: only activity lasts so long.
        test_app.store.set_clock_offset(IDLE_TIMEOUT_MS - MINUTE_MS);
        let reply = browser.get(path).await;
        assert_ne!(
            reply.status,
            StatusCode::SEE_OTHER,
            "{path}: still signed in"
        );
        test_app
            .store
            .set_clock_offset(2 * (IDLE_TIMEOUT_MS - MINUTE_MS));
        let reply = browser.get("/dns-records").await;
        let has_ended = reply.location().starts_with("/login");
        assert_eq!(has_ended, is_poll, "{path}: {}", reply.status);
    }
}

//! The page and its state from the request of a certificate to its deletion.

use actix_web::http::StatusCode;
use starchart_domain::certificate::FailureReason;
use starchart_store::certificates::orders::{self, Postponement};

use super::{DAY, KEY_PATH, PENDING, claim, issue, ordered, state, with_certificate};
use crate::tests::test_app::{Browser, TestApp};

#[actix_web::test]
async fn a_certificate_is_requested_issued_and_deleted() {
    let test_app = TestApp::new().await;
    let mut browser = Browser::signed_in(&test_app, "user1").await;
    let none = browser.get("/certificate").await;
    assert!(
        none.body.contains("Request a Certificate") && none.body.contains("*.user1.starchart.com"),
        "{}",
        none.body
    );
    assert!(browser.get("/").await.body.contains("Create Certificate"));
    assert_eq!(state(&mut browser).await["poll_after_s"], 0);

    assert_eq!(
        browser
            .post("/certificate", &[("intent", "request-certificate")])
            .await
            .location(),
        "/certificate"
    );
    assert_eq!(test_app.queue.wake_ups(), 1, "the worker is woken");
    let pending = browser.get("/certificate").await;
    assert!(pending.body.contains(PENDING) && !pending.body.contains("Request a Certificate"));
    assert!(browser.get("/").await.body.contains("Manage Certificate"));
    let asked = state(&mut browser).await;
    assert_eq!(
        (&asked["poll_after_s"], &asked["steps"][1]["state"]),
        (&1.into(), &"now".into()),
        "{asked}"
    );
    assert!(
        pending.body.contains(&format!(
            "data-page-revision=\"{}\"",
            asked["page_revision"].as_str().unwrap()
        )),
        "the page has the same revision"
    );
    test_app.store.set_clock_offset(120_000);
    assert_eq!(state(&mut browser).await["poll_after_s"], 5);
    test_app.store.set_clock_offset(0);

    let claim = claim(&test_app).await;
    ordered(&test_app, &claim).await;
    assert!(
        orders::save_challenge_values(&test_app.store, &claim, &["one".to_owned()])
            .await
            .unwrap()
    );
    let publishing = state(&mut browser).await;
    assert_eq!(
        publishing["page_revision"], asked["page_revision"],
        "only the steps have changed"
    );
    let step = &publishing["steps"][2];
    assert_eq!(
        (&step["state"], &step["title"]),
        (&"now".into(), &"Publishing the proof in the DNS".into()),
        "{publishing}"
    );
    assert_eq!(
        step["detail"],
        "A TXT record is about to be sent to Route53."
    );
    test_app
        .execute_sql(
            "UPDATE names SET applied_generation = generation, in_sync_at = 1, answered_by = 2, \
             answered_of = 4 WHERE fqdn LIKE '_acme%'",
        )
        .await;
    assert_eq!(
        state(&mut browser).await["steps"][2]["detail"],
        "2 of 4 name servers answer with it."
    );
    assert!(
        browser
            .get("/certificate")
            .await
            .body
            .contains("2 of 4 name servers answer with it.")
    );
    issue(&test_app, &claim, 90).await;

    let issued = state(&mut browser).await;
    assert!(
        issued["page_revision"] != asked["page_revision"]
            && issued["steps"] == serde_json::json!([])
            && issued["poll_after_s"] == 0
    );
    let page = browser.get("/certificate").await;
    let now = test_app.store.now().await.unwrap();
    for words in [
        now.date(),
        now.plus(90 * DAY).date(),
        "disabled>Renew</button>".to_owned(),
        now.plus(60 * DAY).date(),
    ] {
        assert!(page.body.contains(&words), "{words}");
    }
    assert!(
        page.body
            .contains("Are you sure? You can't undo this action afterwards.")
    );

    assert!(
        browser
            .get("/certificate/delete")
            .await
            .body
            .contains("It is not revoked")
    );
    assert!(
        browser
            .get("/certificate")
            .await
            .body
            .contains("Full Chain"),
        "the confirmation page changes nothing"
    );
    assert_eq!(
        browser
            .post("/certificate", &[("intent", "delete-certificate")])
            .await
            .location(),
        "/certificate"
    );
    let deleted = browser.get("/certificate").await;
    assert!(
        deleted
            .body
            .contains("Certificate has been successfully deleted.")
            && deleted.body.contains("Request a Certificate")
    );
    assert_eq!(
        browser.get("/certificate/delete").await.location(),
        "/certificate"
    );
    assert_eq!(
        browser.get_from_site("same-origin", KEY_PATH).await.status,
        StatusCode::NOT_FOUND
    );
}

#[actix_web::test]
async fn polling_the_state_does_not_consume_the_message() {
    let test_app = TestApp::new().await;
    let mut browser = with_certificate(&test_app, "user1", 90).await;
    browser
        .post("/certificate", &[("intent", "delete-certificate")])
        .await;
    state(&mut browser).await;
    assert!(
        browser
            .get("/certificate")
            .await
            .body
            .contains("Certificate has been successfully deleted.")
    );
}

#[actix_web::test]
async fn a_failed_order_shows_its_reason_and_a_new_request() {
    let test_app = TestApp::new().await;
    let mut browser = Browser::signed_in(&test_app, "user1").await;
    browser.post("/certificate", &[]).await;
    let first = claim(&test_app).await;
    assert!(
        orders::fail(
            &test_app.store,
            &first,
            &FailureReason::Refused("The authority found <no> TXT record.".into())
        )
        .await
        .unwrap()
    );
    let page = browser.get("/certificate").await;
    for words in [
        "Request Unsuccessful",
        "The authority found &#60;no&#62; TXT record.",
        "Request a Certificate",
    ] {
        assert!(page.body.contains(words), "{words}");
    }
    assert!(!page.body.contains("http-equiv") && !page.body.contains(PENDING));
    assert_eq!(state(&mut browser).await["poll_after_s"], 0);
    assert!(browser.get("/").await.body.contains("Create Certificate"));
    browser
        .post("/certificate", &[("intent", "request-certificate")])
        .await;
    assert!(browser.get("/certificate").await.body.contains(PENDING));
}

#[actix_web::test]
async fn a_waiting_order_shows_its_reason_and_the_next_attempt() {
    let test_app = TestApp::new().await;
    let mut browser = Browser::signed_in(&test_app, "user1").await;
    browser.post("/certificate", &[]).await;
    let before = state(&mut browser).await;
    let problem = Some("The certificate authority takes no more requests for now.".to_owned());
    let postponement = Postponement {
        for_ms: 3 * 60 * 60 * 1_000,
        problem,
        failed: Some(true),
        show_retry_time: true,
        requested_by_ca: true,
    };
    let at = test_app
        .store
        .now()
        .await
        .unwrap()
        .plus(postponement.for_ms);
    assert!(
        orders::postpone(&test_app.store, &claim(&test_app).await, &postponement)
            .await
            .unwrap()
    );
    let page = browser.get("/certificate").await;
    assert!(
        page.body.contains("takes no more requests for now.")
            && page
                .body
                .contains("The order continues automatically at <strong>")
    );
    assert!(page.body.contains(&at.date()) && page.body.contains(" UTC</strong>"));
    let waiting = state(&mut browser).await;
    assert!(
        waiting["page_revision"] != before["page_revision"],
        "the page reloads"
    );
    assert_eq!(waiting["poll_after_s"], 60, "the next attempt is far away");
}

#[actix_web::test]
async fn the_page_says_when_name_servers_were_not_checked() {
    let test_app = TestApp::new().await;
    let mut browser = Browser::signed_in(&test_app, "user1").await;
    browser.post("/certificate", &[]).await;
    let claim = claim(&test_app).await;
    ordered(&test_app, &claim).await;
    assert!(
        orders::save_challenge_values(&test_app.store, &claim, &["one".to_owned()])
            .await
            .unwrap()
    );
    assert!(
        orders::mark_validating(&test_app.store, &claim, true)
            .await
            .unwrap()
    );
    assert!(
        browser
            .get("/certificate")
            .await
            .body
            .contains("Not checked: this server could not reach the name servers.")
    );
}

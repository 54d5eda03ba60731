//! Request, renewal and deletion: when they are accepted, and what the page says if not.

use actix_web::http::{Method, StatusCode};
use starchart_domain::certificate::FailureReason;
use starchart_store::certificates::orders;
use starchart_store::{certificates, sessions};

use super::{DAY, KEY, KEY_PATH, PENDING, claim, header, owner_id, with_certificate};
use crate::tests::test_app::{Browser, TestApp};
use crate::tokens;

#[actix_web::test]
async fn a_renewal_is_accepted_when_due_and_the_page_shows_both_certificates() {
    let test_app = TestApp::new().await;
    let mut browser = with_certificate(&test_app, "user1", 90).await;
    assert_eq!(
        browser
            .post("/certificate", &[("intent", "renew-certificate")])
            .await
            .location(),
        "/certificate"
    );
    let early = browser.get("/certificate").await;
    let from = test_app.store.now().await.unwrap().plus(60 * DAY);
    assert!(
        early.body.contains(&format!(
            "You can renew your certificate from {} ",
            from.date()
        )),
        "{}",
        early.body
    );

    test_app
        .execute_sql(&format!(
            "UPDATE certificates SET not_before = not_before - {0}, not_after = not_after - {0}",
            61 * DAY
        ))
        .await;
    let due = browser.get("/certificate").await;
    assert!(
        due.body
            .contains("aria-describedby=\"renew-when\">Renew</button>")
            && due.body.contains("You can renew it now.")
    );
    let token = browser.csrf_token().await;
    assert_eq!(
        browser
            .submit(Method::PATCH, "/certificate", &token, &[])
            .await
            .location(),
        "/certificate"
    );
    let both = browser.get("/certificate").await;
    assert!(
        both.body.contains(PENDING)
            && both.body.contains("Full Chain")
            && both.body.contains("disabled>Renew</button>")
    );
    assert_eq!(
        browser.get_from_site("same-origin", KEY_PATH).await.body,
        KEY,
        "the old certificate stays usable"
    );
    let order = claim(&test_app).await;
    assert!(
        orders::fail(
            &test_app.store,
            &order,
            &FailureReason::Refused("The order failed.".into())
        )
        .await
        .unwrap()
    );
    let failed = browser.get("/certificate").await;
    assert!(
        failed.body.contains("Request Unsuccessful") && failed.body.contains("stays usable until")
    );
}

#[actix_web::test]
async fn a_repeated_request_changes_nothing_and_the_daily_limit_says_when_to_retry() {
    let test_app = TestApp::with(|config| config.limits.certificate_requests_per_day = 2).await;
    let mut browser = Browser::signed_in(&test_app, "user1").await;
    for _ in 0..3 {
        assert_eq!(
            browser.post("/certificate", &[]).await.location(),
            "/certificate"
        );
    }
    assert_eq!(
        test_app
            .query_number("SELECT COUNT(*) FROM certificate_orders")
            .await,
        1,
        "one pending order"
    );
    assert!(
        orders::fail(
            &test_app.store,
            &claim(&test_app).await,
            &FailureReason::Refused("x".into())
        )
        .await
        .unwrap()
    );
    browser.post("/certificate", &[]).await;
    assert!(
        orders::fail(
            &test_app.store,
            &claim(&test_app).await,
            &FailureReason::Refused("x".into())
        )
        .await
        .unwrap()
    );
    let limit = "You have reached the limit of certificate requests in 24 hours.";
    let page = browser.get("/certificate").await;
    assert!(
        page.body.contains(limit),
        "before the button is pressed: {}",
        page.body
    );
    let refused = browser.post("/certificate", &[]).await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(!refused.body.contains(limit), "said once");
    let wait: i64 = header(&refused, "retry-after").parse().unwrap();
    assert!((86_000..=86_400).contains(&wait), "{wait}");
    assert!(
        refused
            .body
            .contains("You have requested a certificate 2 times within 24 hours")
    );
    assert!(refused.body.contains("<h1>Certificate</h1>"));
    assert_eq!(
        test_app
            .query_number("SELECT COUNT(*) FROM certificate_orders")
            .await,
        2
    );
}

#[actix_web::test]
async fn the_deletion_page_says_when_no_new_certificate_can_be_requested_yet() {
    let warned = async |daily: u32| {
        let test_app =
            TestApp::with(|config| config.limits.certificate_requests_per_day = daily).await;
        let mut browser = with_certificate(&test_app, "user1", 90).await;
        let mut pages = Vec::new();
        for path in ["/certificate/delete", "/certificate"] {
            pages.push(
                browser
                    .get(path)
                    .await
                    .body
                    .contains("You can request a new certificate at"),
            );
        }
        pages
    };
    assert_eq!(
        (warned(1).await, warned(2).await),
        (vec![true, true], vec![false, false])
    );
}

#[actix_web::test]
async fn when_certificates_are_off_the_page_shows_the_support_contact() {
    let off = |config: &mut crate::WebConfig| {
        config.certificates_off = Some("KEY_ENCRYPTION_KEYS is not set".to_owned())
    };
    let test_app = TestApp::with(off).await;
    let mut browser = Browser::signed_in(&test_app, "user1").await;
    let page = browser.get("/certificate").await;
    assert!(
        page.body.contains("No certificates at the moment")
            && page.body.contains("mailto:help@example.edu")
    );
    assert!(
        !page.body.contains("Request a Certificate") && !page.body.contains("KEY_ENCRYPTION_KEYS")
    );
    assert_eq!(
        browser.post("/certificate", &[]).await.location(),
        "/certificate"
    );
    assert_eq!(
        test_app
            .query_number("SELECT COUNT(*) FROM certificate_orders")
            .await,
        0
    );
    assert_eq!(test_app.queue.wake_ups(), 0);
}

#[actix_web::test]
async fn unknown_intents_and_fields_are_refused() {
    let test_app = TestApp::new().await;
    let mut browser = with_certificate(&test_app, "user1", 90).await;
    let token = browser.csrf_token().await;
    for (method, intent) in [
        (Method::POST, "own-certificate"),
        (Method::PATCH, "delete-certificate"),
        (Method::DELETE, "renew-certificate"),
    ] {
        let reply = browser
            .submit(
                method.clone(),
                "/certificate",
                &token,
                &[("intent", intent)],
            )
            .await;
        assert_eq!(
            reply.status,
            StatusCode::UNPROCESSABLE_ENTITY,
            "{method} {intent}"
        );
    }
    for extra in ["domain", "id", "username", "user_id"] {
        let reply = browser
            .post("/certificate", &[(extra, "user2.starchart.com")])
            .await;
        assert_eq!(reply.status, StatusCode::UNPROCESSABLE_ENTITY, "{extra}");
    }
    assert_eq!(
        browser
            .submit(Method::DELETE, "/certificate", &token, &[])
            .await
            .location(),
        "/certificate"
    );
    assert!(
        browser
            .get("/certificate")
            .await
            .body
            .contains("Certificate has been successfully deleted.")
    );
    assert_eq!(
        browser
            .submit(Method::DELETE, "/certificate", &token, &[])
            .await
            .location(),
        "/certificate"
    );
    assert!(
        browser
            .get("/certificate")
            .await
            .body
            .contains("There was no certificate to delete.")
    );
}

#[actix_web::test]
async fn an_action_after_the_session_ended_asks_again() {
    let test_app = TestApp::new().await;
    let mut browser = with_certificate(&test_app, "user1", 90).await;
    for (intent, back) in [
        ("delete-certificate", "/certificate/delete"),
        ("renew-certificate", "/certificate"),
    ] {
        let token = browser.csrf_token().await;
        sessions::end(
            &test_app.store,
            tokens::hash(&browser.jar["__Host-session"]),
            "request",
        )
        .await
        .unwrap();
        let reply = browser
            .submit(Method::POST, "/certificate", &token, &[("intent", intent)])
            .await;
        let (response, relay) = test_app.saml_response(reply.location(), "user1");
        let posted = test_app.post_saml_response(&response, &relay).await;
        let arrived = browser.get(posted.location()).await;
        assert_eq!(arrived.location(), back, "{intent}");
    }
    let user = owner_id(&test_app, &browser).await;
    assert!(
        certificates::load_overview(&test_app.store, user)
            .await
            .unwrap()
            .active
            .is_some()
    );
}

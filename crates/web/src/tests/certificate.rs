#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use actix_web::HttpResponse;
use actix_web::body::to_bytes;
use actix_web::http::{Method, StatusCode};
use actix_web::test::TestRequest;
use starchart_domain::secret::Secret;
use starchart_domain::user::UserId;
use starchart_store::certificates::orders::{self, Claim, IssuedCertificate, Postponement};
use starchart_store::{certificates, sessions, users};
use std::rc::Rc;

use super::test_app::{Browser, HOST, Reply, TestApp};
use crate::actor::User;
use crate::context::RequestContext;
use crate::error_page;
use crate::errors::Failure;
use crate::forms::Form;
use crate::{routes, tokens};

const DAY: i64 = 24 * 60 * 60 * 1_000;
const KEY: &str = "-----BEGIN PRIVATE KEY-----\nVerySecretIndeed\n-----END PRIVATE KEY-----\n";
const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\nleaf\n-----END CERTIFICATE-----\n";
const CHAIN: &str = "-----BEGIN CERTIFICATE-----\nintermediate\n-----END CERTIFICATE-----\n";
const KEY_PATH: &str = "/certificate/download/privateKey";
const PENDING: &str =
    "We have received your request, and will notify you by email when your certificate is ready.";

async fn owner_id(test_app: &TestApp, browser: &Browser<'_>) -> UserId {
    let token = &browser.jar["__Host-session"];
    sessions::find(&test_app.store, tokens::hash(token))
        .await
        .unwrap()
        .unwrap()
        .user
        .id
}

/// Claims the one due order, as the worker does.
async fn claim(test_app: &TestApp) -> Claim {
    let due = orders::list_due(&test_app.store, 10).await.unwrap();
    assert_eq!(due.len(), 1, "{due:?}");
    orders::claim(&test_app.store, due[0], "test", 600_000)
        .await
        .unwrap()
        .unwrap()
        .claim
}

async fn ordered(test_app: &TestApp, claim: &Claim) {
    assert!(
        orders::save_order_url(&test_app.store, claim, "https://ca.example/order/1")
            .await
            .unwrap()
    );
}

/// Carries an order through to a certificate that is valid for `days` from now.
async fn issue(test_app: &TestApp, claim: &Claim, days: i64) {
    let store = &test_app.store;
    ordered(test_app, claim).await;
    assert!(
        orders::save_challenge_values(store, claim, &["one".to_owned(), "two".to_owned()])
            .await
            .unwrap()
    );
    assert!(orders::mark_validating(store, claim, false).await.unwrap());
    assert!(
        orders::save_key(store, claim, &Secret::new(KEY), b"csr")
            .await
            .unwrap()
    );
    assert!(orders::mark_finalizing(store, claim).await.unwrap());
    let now = store.now().await.unwrap();
    let issued = IssuedCertificate {
        certificate: CERTIFICATE.to_owned(),
        chain: CHAIN.to_owned(),
        not_before: now,
        not_after: now.plus(days * DAY),
    };
    assert!(orders::issue(store, claim, &issued).await.unwrap());
}

/// Signs a user in and issues a certificate that is valid for `days`.
async fn with_certificate<'a>(test_app: &'a TestApp, username: &str, days: i64) -> Browser<'a> {
    let mut browser = Browser::signed_in(test_app, username).await;
    assert_eq!(
        browser.post("/certificate", &[]).await.location(),
        "/certificate"
    );
    issue(test_app, &claim(test_app).await, days).await;
    browser
}

fn header(reply: &Reply, name: &str) -> String {
    reply
        .headers
        .get(name)
        .map(|value| value.to_str().unwrap().to_owned())
        .unwrap_or_default()
}

async fn state(browser: &mut Browser<'_>) -> serde_json::Value {
    let reply = browser.get("/certificate/state").await;
    assert_eq!(reply.status, StatusCode::OK);
    serde_json::from_str(&reply.body).unwrap()
}

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
async fn downloads_have_the_names_of_the_original() {
    let test_app = TestApp::new().await;
    let mut browser = with_certificate(&test_app, "user1", 90).await;
    for (part, file, pem) in [
        (
            "certificate",
            "user1.starchart.com.certificate.pem",
            CERTIFICATE.to_owned(),
        ),
        (
            "privateKey",
            "user1.starchart.com.privkey.pem",
            KEY.to_owned(),
        ),
        ("chain", "user1.starchart.com.chain.pem", CHAIN.to_owned()),
        (
            "fullChain",
            "user1.starchart.com.bundle.pem",
            format!("{CERTIFICATE}{CHAIN}"),
        ),
    ] {
        let reply = browser
            .get_from_site("same-origin", &format!("/certificate/download/{part}"))
            .await;
        assert_eq!(
            (reply.status, reply.body.as_str()),
            (StatusCode::OK, pem.as_str()),
            "{part}"
        );
        assert_eq!(header(&reply, "content-type"), "application/x-pem-file");
        assert_eq!(
            header(&reply, "content-disposition"),
            format!("attachment; filename=\"{file}\"")
        );
        assert_eq!(header(&reply, "cache-control"), "no-store");
        assert_eq!(header(&reply, "x-content-type-options"), "nosniff");
    }
    for part in [
        "privatekey",
        "PRIVATEKEY",
        "key",
        "privkey.pem",
        "fullChain.pem",
    ] {
        let reply = browser.get(&format!("/certificate/download/{part}")).await;
        assert_eq!(reply.status, StatusCode::NOT_FOUND, "{part}");
    }
}

#[actix_web::test]
async fn a_private_key_is_sent_to_its_owner_and_our_own_page_only() {
    let test_app = TestApp::new().await;
    let mut browser = with_certificate(&test_app, "user1", 90).await;
    let audited = || {
        test_app.query_number("SELECT COUNT(*) FROM audit_trail WHERE action = 'certificate.key'")
    };
    for site in ["cross-site", "same-site", "", "same-origin, none"] {
        let reply = browser.get_from_site(site, KEY_PATH).await;
        assert_eq!(reply.status, StatusCode::FORBIDDEN, "{site}");
        assert!(
            reply.body.contains("Download it from the certificate page")
                && !reply.body.contains("VerySecret"),
            "{site}"
        );
    }
    assert_eq!(
        browser.get(KEY_PATH).await.status,
        StatusCode::FORBIDDEN,
        "no Sec-Fetch-Site"
    );
    assert_eq!(audited().await, 0);
    for site in ["same-origin", "none"] {
        assert_eq!(
            browser.get_from_site(site, KEY_PATH).await.body,
            KEY,
            "{site}"
        );
    }
    assert_eq!(audited().await, 2, "each download is in the audit trail");
    let head = TestRequest::with_uri(KEY_PATH)
        .method(Method::HEAD)
        .insert_header(("host", HOST));
    let head = browser
        .send(head.insert_header(("sec-fetch-site", "same-origin")))
        .await;
    assert_eq!(
        (head.status, head.body.as_str(), audited().await),
        (StatusCode::OK, "", 2),
        "HEAD sends no key"
    );
    for path in [
        "/certificate",
        "/certificate/state",
        "/certificate/delete",
        "/certificate/information",
        "/",
    ] {
        let page = browser.get(path).await;
        assert!(
            !page.body.contains("VerySecret") && !page.body.contains("BEGIN PRIVATE"),
            "{path}"
        );
        assert_eq!(header(&page, "cache-control"), "no-store", "{path}");
    }
    let mut other = Browser::signed_in(&test_app, "user2").await;
    for part in ["certificate", "privateKey", "chain", "fullChain"] {
        let reply = other
            .get_from_site("same-origin", &format!("/certificate/download/{part}"))
            .await;
        assert_eq!(reply.status, StatusCode::NOT_FOUND, "{part}");
        let guest = Browser::new(&test_app)
            .get_from_site("same-origin", &format!("/certificate/download/{part}"))
            .await;
        assert_eq!(
            guest.location(),
            format!("/login?redirectTo=/certificate/download/{part}")
        );
    }
    assert!(
        other
            .get("/certificate")
            .await
            .body
            .contains("Request a Certificate")
    );
}

#[actix_web::test]
async fn no_private_key_is_sent_when_the_audit_trail_fails() {
    let test_app = TestApp::new().await;
    let mut browser = with_certificate(&test_app, "user1", 90).await;
    test_app.execute_sql("DROP TABLE audit_trail").await;
    let reply = browser.get_from_site("same-origin", KEY_PATH).await;
    assert_eq!(reply.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(!reply.body.contains("VerySecret"));
}

/// Creates what a handler receives when an admin impersonates a user.
async fn impersonation_context(
    test_app: &TestApp,
    owner: UserId,
    by: UserId,
    path: &str,
) -> (Rc<RequestContext>, User) {
    let request = TestRequest::with_uri(path)
        .insert_header(("host", HOST))
        .insert_header(("sec-fetch-site", "same-origin"));
    let user = users::get(&test_app.store, owner).await.unwrap().unwrap();
    let base = test_app.app.config.root_domain.base(&user.label.unwrap());
    let context = RequestContext::new(
        test_app.app.clone(),
        request.to_http_request(),
        "test".to_owned(),
    );
    (
        Rc::new(context),
        User {
            id: owner,
            base,
            impersonator: Some(by),
        },
    )
}

async fn body_text(response: Result<HttpResponse, Failure>) -> String {
    String::from_utf8(
        to_bytes(response.unwrap().into_body())
            .await
            .ok()
            .unwrap()
            .to_vec(),
    )
    .unwrap()
}

#[actix_web::test]
async fn an_admin_who_impersonates_a_user_gets_no_private_key() {
    let test_app = TestApp::new().await;
    let mut browser = with_certificate(&test_app, "user1", 90).await;
    let id = owner_id(&test_app, &browser).await;
    let by = owner_id(&test_app, &Browser::signed_in(&test_app, "boss").await).await;

    let (context, user) = impersonation_context(&test_app, id, by, "/certificate").await;
    let page = body_text(routes::certificate::show(context, user).await).await;
    assert!(
        page.contains("Full Chain") && page.contains("Only the owner can get the private key"),
        "{page}"
    );
    assert!(!page.contains(KEY_PATH) && !page.contains("VerySecret"));

    let (context, user) = impersonation_context(&test_app, id, by, KEY_PATH).await;
    let failure = routes::certificate::private_key(Rc::clone(&context), user)
        .await
        .unwrap_err();
    let response = error_page::response(&context, &failure);
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
    let page = body_text(Ok(response)).await;
    assert!(
        page.contains("Only the owner can get a private key") && !page.contains("VerySecret"),
        "{page}"
    );
    assert_eq!(
        test_app
            .query_number("SELECT COUNT(*) FROM audit_trail WHERE action = 'certificate.key'")
            .await,
        0
    );

    // Other actions are allowed and audited with both users.
    let (context, user) = impersonation_context(&test_app, id, by, "/certificate").await;
    let mut context = Rc::into_inner(context).unwrap();
    context.form = Form::parse(b"intent=delete-certificate").unwrap();
    assert_eq!(
        routes::certificate::handle_intent(Rc::new(context), user)
            .await
            .unwrap()
            .status(),
        StatusCode::SEE_OTHER
    );
    let condition =
        format!("action = 'certificate.delete' AND actor_id = {by} AND on_behalf_of = {id}");
    assert_eq!(
        test_app
            .query_number(&format!(
                "SELECT COUNT(*) FROM audit_trail WHERE {condition}"
            ))
            .await,
        1
    );
    assert!(
        browser
            .get("/certificate")
            .await
            .body
            .contains("Request a Certificate")
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
            "The authority found <no> TXT record."
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
    let from = test_app.store.now().await.unwrap().plus(60 * DAY).date();
    assert!(
        early
            .body
            .contains(&format!("You can renew your certificate from {from}.")),
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
        orders::fail(&test_app.store, &order, "The order failed.")
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
    let test_app =
        TestApp::with(|config| config.rate_limits.certificate_requests_per_day = 2).await;
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
        "one order in progress"
    );
    assert!(
        orders::fail(&test_app.store, &claim(&test_app).await, "x")
            .await
            .unwrap()
    );
    browser.post("/certificate", &[]).await;
    assert!(
        orders::fail(&test_app.store, &claim(&test_app).await, "x")
            .await
            .unwrap()
    );
    let refused = browser.post("/certificate", &[]).await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
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
            TestApp::with(|config| config.rate_limits.certificate_requests_per_day = daily).await;
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

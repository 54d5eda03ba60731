//! Certificates: the progress of an order, downloads, and what the page's forms do.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

mod actions;
mod downloads;
mod progress;
mod revocation;

use actix_web::http::StatusCode;
use starchart_domain::secret::Secret;
use starchart_domain::user::UserId;
use starchart_store::certificates::orders::{self, Claim, CreatedOrder, IssuedCertificate};
use starchart_store::sessions;

use super::test_app::{Browser, Reply, TestApp};
use crate::tokens;

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
pub(super) async fn claim(test_app: &TestApp) -> Claim {
    let due = orders::list_due(&test_app.store, 10).await.unwrap();
    assert_eq!(due.len(), 1, "{due:?}");
    orders::claim(&test_app.store, due[0], "test", 600_000)
        .await
        .unwrap()
        .unwrap()
        .claim
}

async fn ordered(test_app: &TestApp, claim: &Claim) {
    let created = CreatedOrder {
        url: "https://ca.example/order/1",
        account: "https://ca.example/account/1",
        is_replacement: false,
    };
    assert!(
        orders::save_created(&test_app.store, claim, created)
            .await
            .unwrap()
    );
}

/// Carries an order through to a certificate that is valid for `days` from now.
async fn issue(test_app: &TestApp, claim: &Claim, days: i64) {
    issue_as(test_app, claim, days, [CERTIFICATE, CHAIN, KEY]).await;
}

/// Carries an order through to this certificate, with chain and key.
pub(super) async fn issue_as(test_app: &TestApp, claim: &Claim, days: i64, pem: [&str; 3]) {
    let [certificate, chain, key] = pem;
    let store = &test_app.store;
    ordered(test_app, claim).await;
    assert!(
        orders::save_challenge_values(store, claim, &["one".to_owned(), "two".to_owned()])
            .await
            .unwrap()
    );
    assert!(orders::mark_validating(store, claim, false).await.unwrap());
    assert!(
        orders::save_key(store, claim, &Secret::new(key), b"csr")
            .await
            .unwrap()
    );
    assert!(orders::mark_finalizing(store, claim).await.unwrap());
    let now = store.now().await.unwrap();
    let issued = IssuedCertificate {
        certificate: certificate.to_owned(),
        chain: chain.to_owned(),
        not_before: now,
        not_after: now.plus(days * DAY),
    };
    assert!(orders::issue(store, claim, &issued).await.unwrap());
}

/// Signs a user in and issues a certificate that is valid for `days`.
pub(super) async fn with_certificate<'a>(
    test_app: &'a TestApp,
    username: &str,
    days: i64,
) -> Browser<'a> {
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

//! Sign-in through pysaml2, an independent identity provider that reads our metadata and requests.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use starchart_testkit::http;
use starchart_testkit::pysaml2::PySaml;
use starchart_testkit::simplesamlphp::{Signed, USERS};

use crate::app::{APP_URL, App, ROOT, TestEnv};
use crate::browser::{Browser, Page, path_of};

#[tokio::test]
async fn pysaml2_signs_in_with_each_kind_of_signature() {
    let (idp, _env, app, metadata) = start_all().await;
    let user = &USERS[3];
    for signed in [Signed::Assertion, Signed::Response, Signed::Both] {
        idp.serve(&metadata, signed);
        let mut browser = app.browser();
        let answered = sign_in(&idp, &mut browser, |response| response).await;
        let inside = browser.get(&path_of(answered.location())).await;
        assert_eq!(inside.status, 303, "{signed:?}: {}", inside.body);
        let home = browser.get(&path_of(inside.location())).await;
        assert!(
            home.status == 200 && home.body.contains(user.display_name),
            "{signed:?}: {} {}",
            home.status,
            home.body
        );
        assert!(
            home.body.contains(&format!("hansolo.{ROOT}")),
            "{signed:?}: {}",
            home.body
        );
    }
}

#[tokio::test]
async fn a_changed_response_of_pysaml2_is_refused() {
    let (idp, _env, app, metadata) = start_all().await;
    for signed in [Signed::Assertion, Signed::Response, Signed::Both] {
        idp.serve(&metadata, signed);
        let mut browser = app.browser();
        let refused = sign_in(&idp, &mut browser, |response| {
            response.replace("han.solo", "leia.org")
        })
        .await;
        assert!(refused.status >= 400, "{signed:?}: {}", refused.status);
        assert!(!browser.is_signed_in().await, "{signed:?}");
    }
}

/// Starts the identity provider and the application that trusts it; returns also the application's
/// metadata.
async fn start_all() -> (PySaml, TestEnv, App, String) {
    let idp = PySaml::start().await;
    let env = TestEnv::new()
        .await
        .with_idp_metadata(&idp.metadata_xml().await);
    let app = env.start().await;
    let metadata = app.browser().get("/sp").await.body;
    (idp, env, app, metadata)
}

/// Signs in and returns the answer to the posted response, after `change` has edited its XML.
async fn sign_in(idp: &PySaml, browser: &mut Browser, change: impl Fn(String) -> String) -> Page {
    let page = browser.get("/login").await;
    let sent = browser.submit(&page.form("/login")).await;
    assert_eq!(sent.status, 303, "{}", sent.body);
    let user = &USERS[3];
    let form = idp
        .login(
            &http::client(),
            sent.location(),
            user.username,
            user.password,
        )
        .await;
    assert_eq!(form.action, format!("{APP_URL}/login/callback"));
    let value = |field: &str| form.value(field).unwrap_or_default().to_owned();
    let response = String::from_utf8(STANDARD.decode(value("SAMLResponse")).unwrap()).unwrap();
    browser
        .post_response(&STANDARD.encode(change(response)), &value("RelayState"))
        .await
}

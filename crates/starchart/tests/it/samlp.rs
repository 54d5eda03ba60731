//! Sign-in through samlp, an independent identity provider for Node.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use starchart_testkit::http;
use starchart_testkit::samlp::Samlp;
use starchart_testkit::simplesamlphp::{ServiceProvider, Signed, USERS};

use crate::app::{APP_URL, App, TestEnv};
use crate::browser::{Browser, Page, path_of};

const SIGNED: [Signed; 3] = [Signed::Assertion, Signed::Response, Signed::Both];

#[tokio::test]
async fn samlp_signs_in_with_each_kind_of_signature_and_out() {
    let (idp, _env, app) = start_all().await;
    let user = &USERS[2];
    for signed in SIGNED {
        idp.sign(signed);
        let client = http::client();
        let mut browser = app.browser();
        let answered = sign_in(&idp, &client, &mut browser, |response| response).await;
        assert_eq!(answered.status, 303, "{signed:?}: {}", answered.body);
        let inside = browser.get(&path_of(answered.location())).await;
        let home = browser.get(&path_of(inside.location())).await;
        assert!(
            home.status == 200 && home.body.contains(user.display_name),
            "{signed:?}: {} {}",
            home.status,
            home.body
        );

        // Out here, and then at the identity provider, which asks for the password again.
        assert!(idp.is_signed_in(&client, &login_url(&app).await).await);
        browser.submit(&home.form("/logout")).await;
        let offer = browser.get("/logout").await;
        let leave = browser.submit(&offer.form("/logout")).await;
        let left = client.get(leave.location()).send().await.unwrap();
        let back = left.headers().get("location").unwrap().to_str().unwrap();
        assert!(
            back.starts_with(&format!("{APP_URL}/logout/callback?SAMLResponse=")),
            "{signed:?}: {back} {}",
            idp.log()
        );
        assert!(!idp.is_signed_in(&client, &login_url(&app).await).await);
    }
}

#[tokio::test]
async fn a_changed_response_of_samlp_is_refused() {
    let (idp, _env, app) = start_all().await;
    for signed in SIGNED {
        idp.sign(signed);
        let mut browser = app.browser();
        let refused = sign_in(&idp, &http::client(), &mut browser, |response| {
            response.replace(USERS[2].username, USERS[0].username)
        })
        .await;
        assert_eq!(refused.status, 403, "{signed:?}: {}", refused.body);
        assert!(!browser.is_signed_in().await, "{signed:?}");
    }
}

async fn start_all() -> (Samlp, TestEnv, App) {
    let idp = Samlp::start(&ServiceProvider::at(APP_URL)).await;
    let env = TestEnv::new()
        .await
        .with_idp_metadata(&idp.metadata_xml().await);
    let app = env.start().await;
    (idp, env, app)
}

/// Returns the URL at the identity provider to which a new browser is sent.
async fn login_url(app: &App) -> String {
    let mut browser = app.browser();
    let page = browser.get("/login").await;
    let sent = browser.submit(&page.form("/login")).await;
    sent.location().to_owned()
}

/// Signs in with `client` at the identity provider and returns the answer to the posted response,
/// after `change` has edited its XML.
async fn sign_in(
    idp: &Samlp,
    client: &reqwest::Client,
    browser: &mut Browser,
    change: impl Fn(String) -> String,
) -> Page {
    let page = browser.get("/login").await;
    let sent = browser.submit(&page.form("/login")).await;
    assert_eq!(sent.status, 303, "{}", sent.body);
    let user = &USERS[2];
    let form = idp
        .login(client, sent.location(), user.username, user.password)
        .await;
    assert_eq!(form.action, format!("{APP_URL}/login/callback"));
    let value = |field: &str| form.value(field).unwrap_or_default().to_owned();
    let response = String::from_utf8(STANDARD.decode(value("SAMLResponse")).unwrap()).unwrap();
    browser
        .post_response(&STANDARD.encode(change(response)), &value("RelayState"))
        .await
}

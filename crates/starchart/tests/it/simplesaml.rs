//! Sign-in through SimpleSAMLphp, an independent identity provider.

use starchart_saml::issuer::Issuer;
use starchart_testkit::http;
use starchart_testkit::simplesamlphp::{ServiceProvider, Signed, SimpleSaml, USERS};
use starchart_testkit::wait::{equal, eventually};

use crate::app::{APP_URL, ROOT, TestEnv};
use crate::browser::{Browser, Page, path_of};
use crate::truth::dig;

#[tokio::test]
async fn simplesamlphp_signs_in_with_each_kind_of_signature() {
    let mut provider = ServiceProvider::at(APP_URL);
    let idp = SimpleSaml::start(&provider).await;
    let env = TestEnv::new()
        .await
        .with_idp_metadata(&idp.metadata_xml().await);
    let app = env.start().await;
    let user = &USERS[0];
    for (signed, name) in [
        (Signed::Assertion, "assertion"),
        (Signed::Response, "response"),
        (Signed::Both, "both"),
    ] {
        provider.signed = signed;
        idp.serve(&provider);
        let mut browser = app.browser();
        let answered = sign_in(&idp, &http::client(), &mut browser).await;
        assert_eq!(answered.status, 303, "{signed:?}: {}", answered.body);
        let inside = browser.get(&path_of(answered.location())).await;
        assert_eq!(inside.status, 303, "{signed:?}: {}", inside.body);
        let home = browser.get(&path_of(inside.location())).await;
        assert!(
            home.status == 200 && home.body.contains(user.display_name),
            "{signed:?}: {} {}",
            home.status,
            home.body
        );

        assert_eq!(browser.create(name, "A", "192.168.1.1").await.status, 303);
        let fqdn = format!("{name}.{}.{ROOT}", user.username);
        eventually("in the zone", async || {
            equal(dig(&env, &fqdn, "A").await, ["192.168.1.1"])
        })
        .await;
    }
}

/// Signs in as the first user with `client` at the identity provider, and returns the answer to the
/// response that the browser posts.
async fn sign_in(idp: &SimpleSaml, client: &reqwest::Client, browser: &mut Browser) -> Page {
    let page = browser.get("/login").await;
    let sent = browser.submit(&page.form("/login")).await;
    assert_eq!(sent.status, 303, "{}", sent.body);
    let user = &USERS[0];
    let form = idp
        .login(client, sent.location(), user.username, user.password)
        .await;
    assert_eq!(form.action, format!("{APP_URL}/login/callback"));
    let value = |field: &str| form.value(field).unwrap_or_default().to_owned();
    browser
        .post_response(&value("SAMLResponse"), &value("RelayState"))
        .await
}

/// SimpleSAMLphp encrypts with AES-128-CBC, which is decrypted in a signed response only.
#[tokio::test]
async fn simplesamlphp_signs_in_with_encrypted_assertions_and_out() {
    let mut provider = ServiceProvider::at(APP_URL);
    let idp = SimpleSaml::start(&provider).await;
    let (key, _) = Issuer::generate("key").unwrap().to_pem().unwrap();
    let env = TestEnv::new()
        .await
        .with_idp_metadata(&idp.metadata_xml().await)
        .set("SAML_DECRYPTION_KEY", &key);
    let app = env.start().await;
    let metadata = app.browser().get("/sp").await.body;
    let (_, rest) = metadata.split_once("<ds:X509Certificate>").unwrap();
    let (certificate, _) = rest.split_once('<').unwrap();
    provider.encrypt_for = Some(certificate.to_owned());
    for (signed, is_accepted) in [
        (Signed::Response, true),
        (Signed::Both, true),
        (Signed::Assertion, false),
    ] {
        provider.signed = signed;
        idp.serve(&provider);
        let client = http::client();
        let mut browser = app.browser();
        let answered = sign_in(&idp, &client, &mut browser).await;
        if !is_accepted {
            assert_eq!(answered.status, 403, "{signed:?}: {}", answered.body);
            assert!(!browser.is_signed_in().await, "{signed:?}");
            continue;
        }
        assert_eq!(answered.status, 303, "{signed:?}: {}", answered.body);
        let inside = browser.get(&path_of(answered.location())).await;
        let home = browser.get(&path_of(inside.location())).await;
        assert!(home.body.contains(USERS[0].display_name), "{}", home.body);

        // Out here, and then at the identity provider, which asks for the password again.
        let login = async || {
            let mut other = app.browser();
            let page = other.get("/login").await;
            other
                .submit(&page.form("/login"))
                .await
                .location()
                .to_owned()
        };
        assert!(
            idp.is_signed_in(&client, &login().await).await,
            "{signed:?}"
        );
        browser.submit(&home.form("/logout")).await;
        let offer = browser.get("/logout").await;
        let leave = browser.submit(&offer.form("/logout")).await;
        let left = client.get(leave.location()).send().await.unwrap();
        assert!(
            left.status().is_redirection() || left.status().is_success(),
            "{left:?}"
        );
        assert!(
            !idp.is_signed_in(&client, &login().await).await,
            "{signed:?}"
        );
    }
}

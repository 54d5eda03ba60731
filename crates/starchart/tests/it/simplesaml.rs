//! Sign-in through SimpleSAMLphp, an independent identity provider.

use starchart_testkit::http;
use starchart_testkit::simplesamlphp::{ServiceProvider, Signed, SimpleSaml, USERS};
use starchart_testkit::wait::{equal, eventually};

use crate::app::{APP_URL, ROOT, TestEnv};
use crate::browser::path_of;
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
        let page = browser.get("/login").await;
        let sent = browser.submit(&page.form("/login")).await;
        assert_eq!(sent.status, 303, "{}", sent.body);
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
        let answered = browser
            .post_response(&value("SAMLResponse"), &value("RelayState"))
            .await;
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

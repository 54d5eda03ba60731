//! The downloads of certificate, chain and private key.

use std::rc::Rc;

use actix_web::HttpResponse;
use actix_web::body::to_bytes;
use actix_web::http::{Method, StatusCode};
use actix_web::test::TestRequest;
use starchart_domain::user::UserId;
use starchart_store::users;
use starchart_testkit::tls::Identity;

use super::{
    CERTIFICATE, CHAIN, KEY, KEY_PATH, claim, header, issue_as, owner_id, with_certificate,
};
use crate::actor::User;
use crate::context::RequestContext;
use crate::error_response;
use crate::errors::Failure;
use crate::forms::Form;
use crate::pages::certificate;
use crate::tests::test_app::{Browser, HOST, TestApp};

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

/// The paths of the forms with the private key that a link downloads.
const WITH_KEY: [&str; 3] = ["bundle", "zip", "kubernetes"];

#[actix_web::test]
async fn every_other_form_with_the_key_is_as_protected_as_the_key() {
    let test_app = TestApp::new().await;
    let mut browser = with_certificate(&test_app, "user1", 90).await;
    let audited = || {
        test_app.query_number("SELECT COUNT(*) FROM audit_trail WHERE action = 'certificate.key'")
    };
    for (form, text) in WITH_KEY.into_iter().zip([KEY, KEY, "kubernetes.io/tls"]) {
        let path = format!("/certificate/download/{form}");
        for site in ["cross-site", "same-site", ""] {
            let reply = browser.get_from_site(site, &path).await;
            assert_eq!(reply.status, StatusCode::FORBIDDEN, "{form} {site}");
        }
        let before = audited().await;
        let reply = browser.get_from_site("same-origin", &path).await;
        assert_eq!(reply.status, StatusCode::OK, "{form}");
        assert!(reply.body.contains(text), "{form}: {}", reply.body);
        assert_eq!(header(&reply, "cache-control"), "no-store");
        assert_eq!(audited().await, before + 1, "{form}");
    }
    let by = owner_id(&test_app, &Browser::signed_in(&test_app, "boss").await).await;
    let id = owner_id(&test_app, &browser).await;
    let before = audited().await;
    for form in WITH_KEY {
        let path = format!("/certificate/download/{form}");
        let (context, user) = impersonation_context(&test_app, id, by, &path).await;
        let failure = certificate::download_with_key(context, user).await;
        assert!(matches!(failure, Err(Failure::KeyWithheld)), "{form}");
    }
    assert_eq!(audited().await, before);
}

#[actix_web::test]
async fn a_pkcs12_file_is_posted_for_with_a_password() {
    const PATH: &str = "/certificate/download/p12";
    let test_app = TestApp::new().await;
    let mut browser = with_certificate(&test_app, "user1", 90).await;
    let folder = tempfile::tempdir().unwrap();
    let _ = Identity::generate(folder.path());
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    let pem = [read("cert.pem"), read("root.pem"), read("key.pem")];
    for (password, words) in [
        ("", "Choose a password"),
        ("short", "at least 6 characters"),
        ("pässword", "of ASCII"),
        ("pass word", "without spaces"),
    ] {
        let reply = browser.post(PATH, &[("password", password)]).await;
        assert_eq!(reply.status, StatusCode::UNPROCESSABLE_ENTITY, "{password}");
        assert!(reply.body.contains(words), "{password}: {}", reply.body);
        let shown = format!("value=\"{password}\"");
        assert!(
            password.is_empty() || !reply.body.contains(&shown),
            "{password}"
        );
    }
    assert_eq!(
        browser.get(PATH).await.status,
        StatusCode::METHOD_NOT_ALLOWED
    );
    let mut owner = Browser::signed_in(&test_app, "user3").await;
    owner.post("/certificate", &[]).await;
    let [certificate, chain, key] = &pem;
    issue_as(
        &test_app,
        &claim(&test_app).await,
        90,
        [certificate, chain, key],
    )
    .await;
    let reply = owner.post(PATH, &[("password", "correct-horse")]).await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
    assert_eq!(header(&reply, "content-type"), "application/x-pkcs12");
    assert_eq!(
        header(&reply, "content-disposition"),
        "attachment; filename=\"user3.starchart.com.p12\""
    );
    assert_eq!(header(&reply, "cache-control"), "no-store");
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
            token: None,
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
    let page = body_text(certificate::show(context, user).await).await;
    assert!(
        page.contains("Full Chain") && page.contains("Only the owner can get the private key"),
        "{page}"
    );
    assert!(!page.contains(KEY_PATH) && !page.contains("VerySecret"));

    let (context, user) = impersonation_context(&test_app, id, by, KEY_PATH).await;
    let failure = certificate::download_with_key(Rc::clone(&context), user)
        .await
        .unwrap_err();
    let response = error_response::response(&context, &failure);
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
        certificate::handle_intent(Rc::new(context), user)
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

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use actix_web::http::{Method, StatusCode};

use super::test_app::{Browser, TestApp};

const SESSION: &str = "__Host-session";

#[actix_web::test]
async fn a_user_signs_in_returns_to_the_requested_page_and_signs_out() {
    let test_app = TestApp::new().await;
    let mut browser = Browser::new(&test_app);
    let guest = browser.get("/dns-records/new").await;
    assert_eq!(
        (guest.status, guest.location()),
        (StatusCode::SEE_OTHER, "/login?redirectTo=/dns-records/new")
    );
    let signed_in = browser.sign_in("User1", "/dns-records/new").await;
    assert_eq!(
        (signed_in.status, signed_in.location()),
        (StatusCode::SEE_OTHER, "/dns-records/new")
    );
    let session = signed_in
        .cookies()
        .into_iter()
        .find(|c| c.name() == SESSION)
        .unwrap();
    assert!(
        session.http_only() == Some(true)
            && session.secure() == Some(true)
            && session.path() == Some("/")
    );
    assert!(session.domain().is_none() && session.same_site().is_some_and(|s| s.is_lax()));
    let page = browser.get("/dns-records/new").await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.body.contains(">User1<") && page.body.contains(".user1.starchart.com"));
    assert!(
        page.body.contains("User1 &#60;b&#62;&#38;"),
        "display names are escaped"
    );
    assert_eq!(page.headers.get("cache-control").unwrap(), "no-store");

    let stolen_cookies = browser.jar.clone();
    let out = browser.post("/logout", &[]).await;
    assert_eq!(
        (out.status, out.location()),
        (StatusCode::SEE_OTHER, "/logout")
    );
    let mut thief = Browser {
        test_app: &test_app,
        jar: stolen_cookies,
    };
    assert_eq!(
        thief.get("/").await.location(),
        "/login?redirectTo=/",
        "a cookie stolen before the sign-out is useless"
    );
    let signed_out = browser.get("/logout").await;
    assert!(
        signed_out.body.contains("School Logout"),
        "{}",
        signed_out.body
    );
    let token = signed_out.token();
    let slo = browser
        .submit(
            actix_web::http::Method::POST,
            "/logout",
            &token,
            &[("sloUsername", "User1")],
        )
        .await;
    assert!(
        slo.location().starts_with("https://idp.example.edu/slo?"),
        "{}",
        slo.location()
    );
    assert_eq!(browser.get("/logout").await.location(), "/", "only once");
}

#[actix_web::test]
async fn an_invalid_saml_response_is_refused_and_does_not_end_the_sign_in() {
    let test_app = TestApp::new().await;
    let mut browser = Browser::new(&test_app);
    let redirect = browser.start_sign_in("/").await;
    let (response, relay) = test_app.saml_response(&redirect, "user1");
    let tampered = response.replacen('A', "B", 1);
    for wrong in ["", "x", "<a/>", tampered.as_str()] {
        let refused = test_app.post_saml_response(wrong, &relay).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{wrong:.20}");
        assert_eq!(
            refused.cookies(),
            [],
            "a new browser token would end the sign-in in progress"
        );
        assert!(
            refused
                .body
                .contains("<a class=\"button\" href=\"/login\">Try again</a>"),
            "{}",
            refused.body
        );
        assert!(refused.body.contains("Contact:") && refused.body.contains("help@example.edu"));
        let main = refused.body.split("<main").nth(1).unwrap();
        assert!(
            !["samael", "xml", "base64", "digest", "signature_"]
                .iter()
                .any(|word| main.contains(word)),
            "{main}"
        );
    }
    // None of them used the sign-in request up.
    let posted = test_app.post_saml_response(&response, &relay).await;
    assert_eq!(posted.status, StatusCode::SEE_OTHER);
}

#[actix_web::test]
async fn two_user_names_never_share_a_label() {
    let test_app = TestApp::new().await;
    let mut first = Browser::signed_in(&test_app, "john.smith").await;
    assert!(
        first
            .get("/")
            .await
            .body
            .contains("johnsmith.starchart.com")
    );
    let mut second = Browser::new(&test_app);
    assert_eq!(
        second.sign_in("johnsmith", "/dns-records").await.location(),
        "/label?redirectTo=/dns-records"
    );
    assert_eq!(
        second.get("/dns-records/new?a=b").await.location(),
        "/label?redirectTo=/dns-records/new%3Fa%3Db"
    );
    assert_eq!(second.get("/").await.location(), "/label");
    let page = second.get("/label?redirectTo=/dns-records/new").await;
    assert!(
        page.body
            .contains("name=\"redirectTo\" value=\"/dns-records/new\""),
        "{}",
        page.body
    );
    let hostile = second.get("/label?redirectTo=//evil.example").await;
    assert!(
        hostile.body.contains("name=\"redirectTo\" value=\"/\""),
        "{}",
        hostile.body
    );
    assert!(page.body.contains("is already taken by another user"));
    assert!(!page.body.contains("value=\"johnsmith\""), "{}", page.body);
    let token = page.token();
    for refused in ["johnsmith", "www", "another-user", ""] {
        let reply = second
            .submit(
                actix_web::http::Method::POST,
                "/label",
                &token,
                &[("label", refused), ("redirectTo", "/x")],
            )
            .await;
        assert_eq!(reply.status, StatusCode::UNPROCESSABLE_ENTITY, "{refused}");
        assert!(
            reply.body.contains("name=\"redirectTo\" value=\"/x\""),
            "{refused}"
        );
    }
    let fields = [("label", "johnsmith2"), ("redirectTo", "/dns-records/new")];
    let reply = second
        .submit(actix_web::http::Method::POST, "/label", &token, &fields)
        .await;
    assert_eq!(reply.location(), "/dns-records/new");
    assert!(
        second
            .get("/")
            .await
            .body
            .contains("johnsmith2.starchart.com")
    );
    assert_eq!(second.get("/label").await.location(), "/", "only once");
}

#[actix_web::test]
async fn a_signed_in_user_is_redirected_from_the_sign_in_page() {
    let test_app = TestApp::new().await;
    let mut browser = Browser::signed_in(&test_app, "user1").await;
    assert_eq!(
        browser
            .get("/login?redirectTo=/dns-records")
            .await
            .location(),
        "/dns-records"
    );
    assert_eq!(browser.get("/admin").await.location(), "/");
    let stopped = browser.post("/", &[("intent", "stop-impersonation")]).await;
    assert_eq!(
        (stopped.status, stopped.location()),
        (StatusCode::SEE_OTHER, "/")
    );
    for other in [
        &[("intent", "start-impersonation")][..],
        &[],
        &[("intent", "stop-impersonation"), ("username", "user2")],
    ] {
        assert_eq!(
            browser.post("/", other).await.status,
            StatusCode::UNPROCESSABLE_ENTITY,
            "{other:?}"
        );
    }
}

#[actix_web::test]
async fn a_form_posted_by_a_user_without_a_label_is_reported_as_not_saved() {
    let test_app = TestApp::new().await;
    Browser::signed_in(&test_app, "john.smith").await;
    let mut second = Browser::new(&test_app);
    let fields = [("subdomain", "www"), ("type", "A"), ("value", "192.0.2.1")];
    let started = second
        .submit(
            actix_web::http::Method::POST,
            "/dns-records/new",
            "x",
            &fields,
        )
        .await;
    let (response, relay) = test_app.saml_response(started.location(), "johnsmith");
    let posted = test_app.post_saml_response(&response, &relay).await;
    let signed_in = second.get(posted.location()).await;
    assert_eq!(signed_in.location(), "/label?redirectTo=/dns-records/new");
    let page = second.get(signed_in.location()).await;
    assert!(
        page.body.contains("The form that you sent was not saved"),
        "{}",
        page.body
    );
}

#[actix_web::test]
async fn a_session_of_a_moment_ago_serves_pages_only() {
    let test_app = TestApp::new().await;
    let mut browser = Browser::signed_in(&test_app, "user1").await;
    let fields = [("subdomain", "www"), ("type", "A"), ("value", "192.0.2.1")];
    assert_eq!(browser.get("/dns-records").await.status, StatusCode::OK);
    let token = browser.csrf_token().await;
    test_app
        .execute_sql("UPDATE sessions SET ended_at = created_at")
        .await;
    let asked = browser.get("/certificate/download/privateKey").await;
    assert!(asked.location().starts_with("/login"), "{}", asked.body);
    let path = "/dns-records/new";
    let created = browser.submit(Method::POST, path, &token, &fields).await;
    assert_ne!(created.location(), "/dns-records", "{}", created.body);
}

#[actix_web::test]
async fn a_suspended_user_sees_the_support_contact() {
    let test_app = TestApp::new().await;
    let mut browser = Browser::signed_in(&test_app, "user1").await;
    test_app
        .execute_sql("UPDATE users SET suspended_at = 1")
        .await;
    assert_eq!(browser.get("/").await.location(), "/login?redirectTo=/");
    let refused = browser.sign_in("user1", "/").await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(
        refused
            .body
            .contains("Your account at this service is suspended."),
        "{}",
        refused.body
    );
    assert!(
        refused
            .body
            .contains("Contact: <a href=\"mailto:help@example.edu\">"),
        "{}",
        refused.body
    );
    assert!(!refused.body.contains("did not let you in"));
}

/// Entra ID sends a link in place of the groups of a user who has more than 150.
#[actix_web::test]
async fn groups_that_were_not_sent_are_reported_on_the_home_page_until_they_are() {
    const NOTE: &str = "did not send your groups";
    const LINK: &str = "http://schemas.microsoft.com/claims/groups.link";
    let test_app = TestApp::new().await;
    let sent = |name: &str, values: &[&str]| {
        let values = values.iter().map(|value| (*value).to_owned()).collect();
        (name.to_owned(), values)
    };
    let link = sent(LINK, &["https://graph.example/users/1/getMemberObjects"]);
    let json = sent("_claim_names", &["{\"groups\":\"src1\"}"]);
    let student = sent("group", &["mycustomdomain-students"]);
    for (attributes, is_noted) in [
        (vec![link.clone()], true),
        (vec![json], true),
        (vec![sent("group", &[]), link.clone()], true),
        (vec![student.clone(), link], false),
        (vec![student], false),
        (vec![], false),
    ] {
        let mut browser = Browser::new(&test_app);
        let redirect = browser.start_sign_in("/").await;
        let (response, relay) = test_app.saml_response_with(&redirect, "user1", |response| {
            response.attributes.retain(|(name, _)| name != "group");
            response.attributes.extend(attributes.clone());
        });
        let posted = test_app.post_saml_response(&response, &relay).await;
        browser.get(posted.location()).await;
        let home = browser.get("/").await;
        assert_eq!(home.status, StatusCode::OK, "{attributes:?}");
        assert_eq!(home.body.contains(NOTE), is_noted, "{attributes:?}");
        let mut admin = Browser::signed_in(&test_app, "user3").await;
        let found = admin.get("/admin?searchText=user1").await;
        assert_eq!(
            found.body.contains("groups not sent"),
            is_noted,
            "{attributes:?}"
        );
    }
}

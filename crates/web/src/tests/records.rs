#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use actix_web::http::{Method, StatusCode};
use actix_web::test::TestRequest;
use starchart_domain::user::UserId;
use starchart_store::records::{self, Record};
use starchart_store::sessions;

use super::test_app::{Browser, HOST, Reply, TestApp};
use crate::tokens;

const WWW: &[(&str, &str)] = &[("subdomain", "www"), ("type", "A"), ("value", "192.0.2.1")];

pub(super) async fn owner_id(test_app: &TestApp, browser: &Browser<'_>) -> UserId {
    let token = &browser.jar["__Host-session"];
    sessions::find(&test_app.store, tokens::hash(token))
        .await
        .unwrap()
        .unwrap()
        .user
        .id
}

pub(super) async fn list_records(test_app: &TestApp, browser: &Browser<'_>) -> Vec<Record> {
    records::list(&test_app.store, owner_id(test_app, browser).await)
        .await
        .unwrap()
}

#[actix_web::test]
async fn a_record_is_created_edited_renewed_and_deleted() {
    let test_app = TestApp::new().await;
    let mut browser = Browser::signed_in(&test_app, "user1").await;
    assert_eq!(
        browser.post("/dns-records/new", WWW).await.location(),
        "/dns-records"
    );
    assert_eq!(test_app.queue.wake_ups(), 1, "the worker is woken");
    let list = browser.get("/dns-records").await;
    assert!(
        list.body.contains("www.user1.starchart.com")
            && list.body.contains("<strong>1 / 3</strong>")
    );
    assert!(
        list.body
            .contains("DNS Record &#34;www.user1.starchart.com&#34; has been successfully created")
    );
    assert!(
        list.body.contains("kept for examples"),
        "the note about the address"
    );
    assert!(
        !browser
            .get("/dns-records")
            .await
            .body
            .contains("successfully"),
        "messages are shown once"
    );

    let id = list_records(&test_app, &browser).await[0].id;
    let page = browser.get(&format!("/dns-records/{id}")).await;
    assert!(page.body.contains("Edit DNS Record") && page.body.contains("value=\"192.0.2.1\""));
    let fields = [
        ("subdomain", "www"),
        ("type", "CNAME"),
        ("value", "host.example.org"),
        ("id", "999999"),
    ];
    assert_eq!(
        browser
            .post(&format!("/dns-records/{id}"), &fields)
            .await
            .location(),
        "/dns-records"
    );
    let edited = list_records(&test_app, &browser).await;
    assert_eq!(
        (edited.len(), edited[0].id, edited[0].presentation.as_str()),
        (1, id, "host.example.org.")
    );

    let text = id.to_string();
    let renewed = browser
        .post(
            "/dns-records",
            &[("intent", "renew-dns-record"), ("id", &text)],
        )
        .await;
    assert_eq!(renewed.location(), "/dns-records");
    let list = browser.get("/dns-records").await;
    assert!(
        list.body
            .contains("DNS Record &#34;www.user1.starchart.com&#34; has been successfully renewed")
    );

    let states = browser.get("/dns-records/states").await;
    assert!(
        states
            .body
            .starts_with(&format!("[{{\"id\":{id},\"key\":\"saved\"")),
        "{}",
        states.body
    );
    assert!(
        browser
            .get(&format!("/dns-records/{id}/lookup"))
            .await
            .body
            .contains("dig +short www.user1.starchart.com CNAME")
    );

    assert!(
        browser
            .get(&format!("/dns-records/{id}/delete"))
            .await
            .body
            .contains("Are you sure?")
    );
    assert_eq!(
        list_records(&test_app, &browser).await.len(),
        1,
        "the confirmation page changes nothing"
    );
    browser
        .post(
            "/dns-records",
            &[("intent", "delete-dns-record"), ("id", &text)],
        )
        .await;
    assert!(list_records(&test_app, &browser).await.is_empty());
    assert_eq!(test_app.queue.wake_ups(), 4);
}

#[actix_web::test]
async fn patch_and_delete_of_the_original_work() {
    let test_app = TestApp::new().await;
    let mut browser = Browser::signed_in(&test_app, "user1").await;
    browser.post("/dns-records/new", WWW).await;
    let id = list_records(&test_app, &browser).await[0].id.to_string();
    let token = browser.csrf_token().await;
    let fields = [("id", id.as_str()), ("intent", "renew-dns-record")];
    assert_eq!(
        browser
            .submit(Method::PATCH, "/dns-records", &token, &fields)
            .await
            .location(),
        "/dns-records"
    );
    let wrong = browser
        .submit(Method::DELETE, "/dns-records", &token, &fields)
        .await;
    assert_eq!(
        wrong.status,
        StatusCode::UNPROCESSABLE_ENTITY,
        "the intent contradicts the method"
    );
    assert_eq!(list_records(&test_app, &browser).await.len(), 1);
    let reply = browser
        .submit(Method::DELETE, &format!("/dns-records/{id}"), &token, &[])
        .await;
    assert_eq!(reply.location(), "/dns-records");
    assert!(list_records(&test_app, &browser).await.is_empty());
}

#[actix_web::test]
async fn unknown_intents_are_refused() {
    let test_app = TestApp::new().await;
    let mut browser = Browser::signed_in(&test_app, "user1").await;
    let unknown = browser
        .post("/dns-records", &[("intent", "own-dns-record"), ("id", "1")])
        .await;
    assert_eq!(unknown.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(list_records(&test_app, &browser).await.is_empty());
}

#[actix_web::test]
async fn a_change_in_another_window_is_shown_before_it_is_overwritten() {
    let test_app = TestApp::new().await;
    let mut browser = Browser::signed_in(&test_app, "user1").await;
    browser.post("/dns-records/new", WWW).await;
    let id = list_records(&test_app, &browser).await[0].id;
    let path = format!("/dns-records/{id}");
    let fingerprint_of = |page: &str| {
        page.split("name=\"fingerprint\" value=\"")
            .nth(1)
            .unwrap()
            .split('"')
            .next()
            .unwrap()
            .to_owned()
    };
    let original = fingerprint_of(&browser.get(&path).await.body);
    browser
        .post(
            "/dns-records",
            &[("intent", "renew-dns-record"), ("id", &id.to_string())],
        )
        .await;
    let mut save = async |value: &str, note: &str, fingerprint: &str| {
        let fields = [
            ("subdomain", "www"),
            ("type", "A"),
            ("value", value),
            ("description", note),
            ("fingerprint", fingerprint),
        ];
        let reply = browser.post(&path, &fields).await;
        (
            reply,
            list_records(&test_app, &browser).await[0]
                .presentation
                .clone(),
        )
    };
    let (first, _) = save("192.0.2.8", "kept", &original).await;
    assert_eq!(
        first.location(),
        "/dns-records",
        "a renewal does not change the fingerprint"
    );
    assert_eq!(
        save("192.0.2.8", "kept", &original).await.0.location(),
        "/dns-records"
    );
    assert_eq!(
        test_app
            .query_number("SELECT COUNT(*) FROM record_history WHERE action = 'edit'")
            .await,
        1,
        "saving the same values twice writes once"
    );
    let (second, value) = save("192.0.2.9", "", &original).await;
    assert_eq!(
        (second.status, value.as_str()),
        (StatusCode::UNPROCESSABLE_ENTITY, "192.0.2.8")
    );
    for words in [
        "after you had opened this page",
        ": Value 192.0.2.8; Description kept. What",
        "value=\"192.0.2.9\"",
    ] {
        assert!(second.body.contains(words), "{words}: {}", second.body);
    }
    assert!(!second.body.contains("Please correct"), "{}", second.body);
    let (third, value) = save("192.0.2.9", "", &fingerprint_of(&second.body)).await;
    assert_eq!(
        (third.location(), value.as_str()),
        ("/dns-records", "192.0.2.9")
    );
}

#[actix_web::test]
async fn the_input_for_a_deleted_record_is_kept() {
    let test_app = TestApp::new().await;
    let mut browser = Browser::signed_in(&test_app, "user1").await;
    browser.post("/dns-records/new", WWW).await;
    let id = list_records(&test_app, &browser).await[0].id.to_string();
    browser
        .post(
            "/dns-records",
            &[("intent", "delete-dns-record"), ("id", &id)],
        )
        .await;
    let late = browser
        .post(
            &format!("/dns-records/{id}"),
            &[("subdomain", "www"), ("type", "A"), ("value", "192.0.2.7")],
        )
        .await;
    assert_eq!(late.status, StatusCode::NOT_FOUND);
    for words in [
        "was deleted or has expired",
        "action=\"/dns-records/new\"",
        "value=\"192.0.2.7\"",
    ] {
        assert!(late.body.contains(words), "{words}: {}", late.body);
    }
    assert!(list_records(&test_app, &browser).await.is_empty());
}

/// In a second window the record is still on the page.
#[actix_web::test]
async fn a_request_about_a_deleted_record_shows_the_list_with_a_note() {
    let test_app = TestApp::new().await;
    let mut browser = Browser::signed_in(&test_app, "user1").await;
    let mut other = Browser::signed_in(&test_app, "user2").await;
    other.post("/dns-records/new", WWW).await;
    let foreign = list_records(&test_app, &other).await[0].id.to_string();
    browser.post("/dns-records/new", WWW).await;
    let kept = [("subdomain", "kept"), ("type", "A"), ("value", "192.0.2.7")];
    browser.post("/dns-records/new", &kept).await;
    let www = list_records(&test_app, &browser).await;
    let www = www.iter().find(|record| record.name.starts_with("www."));
    let id = www.unwrap().id.to_string();
    let delete = [("intent", "delete-dns-record"), ("id", id.as_str())];
    let first = browser.post("/dns-records", &delete).await;
    assert_eq!(first.location(), "/dns-records");
    // A record of another user answers like an absent one.
    for id in [id.as_str(), foreign.as_str(), "999999"] {
        let token = browser.csrf_token().await;
        let path = format!("/dns-records/{id}");
        let delete = [("intent", "delete-dns-record"), ("id", id)];
        let renew = [("intent", "renew-dns-record"), ("id", id)];
        for (method, path, fields) in [
            (Method::POST, "/dns-records", &delete[..]),
            (Method::POST, "/dns-records", &renew),
            (Method::DELETE, &path, &[]),
            (Method::PATCH, &path, &[]),
            (Method::GET, &path, &[]),
            (Method::GET, &format!("{path}/delete"), &[]),
            (Method::GET, &format!("{path}/lookup"), &[]),
        ] {
            let case = format!("{method} {path}");
            let reply = match method {
                Method::GET => browser.get(path).await,
                _ => browser.submit(method, path, &token, fields).await,
            };
            assert_eq!(reply.status, StatusCode::NOT_FOUND, "{case}");
            for words in [
                "There is no such record. It was deleted, perhaps in another window",
                "<h1>DNS Records</h1>",
                "kept.user1.starchart.com",
            ] {
                assert!(reply.body.contains(words), "{case} {words}: {}", reply.body);
            }
            assert!(!reply.body.contains("user2"), "{case}");
        }
    }
    let json = TestRequest::with_uri(&format!("/dns-records/{id}"))
        .insert_header(("host", HOST))
        .insert_header(("accept", "application/json"));
    let reply = browser.send(json).await;
    assert_eq!(reply.status, StatusCode::NOT_FOUND);
    let kind = reply.headers.get("content-type").unwrap();
    assert_eq!(kind, "application/problem+json");
    assert_eq!(list_records(&test_app, &other).await.len(), 1);
}

#[actix_web::test]
async fn the_form_at_the_limit_says_so_before_it_is_filled_in() {
    let test_app = TestApp::with(|config| config.limits.records_per_user = Some(1)).await;
    let mut browser = Browser::signed_in(&test_app, "user1").await;
    let says_so = |page: &Reply| {
        page.body.contains("A new record cannot be saved.")
            && page
                .body
                .contains("maximum number of dns records: 1 are allowed")
    };
    assert!(!says_so(&browser.get("/dns-records/new").await));
    browser.post("/dns-records/new", WWW).await;
    let page = browser.get("/dns-records/new").await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(says_so(&page), "{}", page.body);
    // An edit needs no room.
    let id = list_records(&test_app, &browser).await[0].id;
    assert!(!says_so(&browser.get(&format!("/dns-records/{id}")).await));
    let unlimited = TestApp::with(|config| config.limits.records_per_user = None).await;
    let mut browser = Browser::signed_in(&unlimited, "user1").await;
    browser.post("/dns-records/new", WWW).await;
    assert!(!says_so(&browser.get("/dns-records/new").await));
}

#[actix_web::test]
async fn a_deletion_after_the_session_ended_asks_again() {
    let test_app = TestApp::new().await;
    let mut browser = Browser::signed_in(&test_app, "user1").await;
    browser.post("/dns-records/new", WWW).await;
    let id = list_records(&test_app, &browser).await[0].id.to_string();
    let token = browser.csrf_token().await;
    sessions::end(
        &test_app.store,
        tokens::hash(&browser.jar["__Host-session"]),
        "request",
    )
    .await
    .unwrap();
    let fields = [("id", id.as_str()), ("intent", "delete-dns-record")];
    let reply = browser
        .submit(Method::POST, "/dns-records", &token, &fields)
        .await;
    let (response, relay) = test_app.saml_response(reply.location(), "user1");
    let posted = test_app.post_saml_response(&response, &relay).await;
    let arrived = browser.get(posted.location()).await;
    assert_eq!(arrived.location(), format!("/dns-records/{id}/delete"));
    assert!(
        browser
            .get(arrived.location())
            .await
            .body
            .contains("Your session has ended")
    );
    assert_eq!(list_records(&test_app, &browser).await.len(), 1);
}

#[actix_web::test]
async fn a_page_stops_polling_two_minutes_after_the_newest_change() {
    let test_app = TestApp::new().await;
    let mut browser = Browser::signed_in(&test_app, "user1").await;
    browser.post("/dns-records/new", WWW).await;
    let lookup = format!(
        "/dns-records/{}/lookup",
        list_records(&test_app, &browser).await[0].id
    );
    for (later, polls) in [
        (0, true),
        (110_000, true),
        (121_000, false),
        (3_600_000, false),
    ] {
        test_app.store.set_clock_offset(later);
        for path in ["/dns-records", lookup.as_str()] {
            let page = browser.get(path).await;
            // The list has forms that a reload would empty.
            let reloads = polls && path == lookup;
            assert_eq!(
                page.body.contains("http-equiv=\"refresh\""),
                reloads,
                "{path} {later}"
            );
            assert_eq!(
                page.body
                    .contains("id=\"refresh-note\" data-poll-for-s=\"0\">"),
                !polls,
                "{path} {later}"
            );
            assert!(
                page.body
                    .contains(&format!("<a href=\"{path}\">Refresh</a>")),
                "{path} {later}"
            );
        }
    }
}

//! What the record form makes of what users paste, over HTTP.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use actix_web::http::StatusCode;
use starchart_store::records;
use starchart_store::records::Record;
use starchart_store::sessions;

use super::test_app::{Browser, TestApp};
use crate::tokens;

const NEW: &str = "/dns-records/new";

async fn list_records(test_app: &TestApp, browser: &Browser<'_>) -> Vec<Record> {
    let token = &browser.jar["__Host-session"];
    let session = sessions::find(&test_app.store, tokens::hash(token)).await;
    let owner = session.unwrap().unwrap().user.id;
    records::list(&test_app.store, owner).await.unwrap()
}

#[actix_web::test]
async fn pasted_blanks_and_invisible_characters_are_dropped() {
    let test_app = TestApp::new().await;
    let mut browser = Browser::signed_in(&test_app, "user1").await;
    let fields = [
        ("subdomain", "\tWWW\u{a0}"),
        ("type", "A"),
        ("value", "\u{feff}8.8.\u{200b}8.8 "),
        ("ports", " 80 "),
        ("description", "one\r\ntwo\u{200e}"),
    ];
    let reply = browser.post(NEW, &fields).await;
    assert_eq!(reply.location(), "/dns-records", "{}", reply.body);
    let saved = list_records(&test_app, &browser).await.remove(0);
    assert_eq!(saved.name, "www.user1.starchart.com");
    assert_eq!(
        (saved.input.as_str(), saved.presentation.as_str()),
        ("8.8.8.8", "8.8.8.8")
    );
    assert_eq!(saved.ports.as_deref(), Some("80"));
    assert_eq!(saved.description.as_deref(), Some("one\ntwo"));

    // The form shows the lines, and an edit of another field keeps them.
    let path = format!("/dns-records/{}", saved.id);
    let page = browser.get(&path).await.body;
    assert!(page.contains(">\none\ntwo</textarea>"), "{page}");
    let form = starchart_testkit::html::forms(&page)
        .into_iter()
        .find(|form| form.action == path)
        .unwrap();
    assert_eq!(form.value("description"), Some("one\ntwo"));
    let fields = [
        ("subdomain", "www"),
        ("type", "A"),
        ("value", "8.8.4.4"),
        ("ports", "80"),
        ("description", "one\r\ntwo"),
        ("fingerprint", form.value("fingerprint").unwrap()),
    ];
    let reply = browser.post(&path, &fields).await;
    assert_eq!(reply.location(), "/dns-records", "{}", reply.body);
    let edited = list_records(&test_app, &browser).await.remove(0);
    assert_eq!(edited.description, saved.description);
}

#[actix_web::test]
async fn a_field_with_line_breaks_is_shown_with_them() {
    let test_app = TestApp::new().await;
    let mut browser = Browser::signed_in(&test_app, "user1").await;
    for (field, id) in [("value", "value"), ("ports", "ports"), ("course", "course")] {
        let mut fields = vec![("subdomain", "www"), ("type", "TXT"), ("value", "x")];
        fields.retain(|(name, _)| *name != field);
        fields.push((field, "one\ntwo"));
        let reply = browser.post(NEW, &fields).await;
        assert_eq!(reply.status, StatusCode::UNPROCESSABLE_ENTITY, "{field}");
        assert!(
            reply.body.contains("there is a line break; remove it"),
            "{}",
            reply.body
        );
        let kept = format!("<textarea id=\"{id}\"");
        assert!(reply.body.contains(&kept) && reply.body.contains(">\none\ntwo</textarea>"));
    }
}

#[actix_web::test]
async fn a_refused_word_is_named() {
    let test_app = TestApp::new().await;
    let mut browser = Browser::signed_in(&test_app, "user1").await;
    for (name, word) in [
        ("my-sh1t", Some("sh1t")),
        ("hancock", None),
        ("comp-ass", None),
    ] {
        let fields = [("subdomain", name), ("type", "A"), ("value", "8.8.8.8")];
        let reply = browser.post(NEW, &fields).await;
        match word {
            None => assert_eq!(reply.location(), "/dns-records", "{name}"),
            Some(word) => {
                assert_eq!(reply.status, StatusCode::UNPROCESSABLE_ENTITY, "{name}");
                let text = format!("without the word “{word}”");
                assert!(reply.body.contains(&text), "{}", reply.body);
            }
        }
    }
}

#[actix_web::test]
async fn records_that_break_each_other_are_saved_with_a_note_or_refused() {
    let test_app = TestApp::new().await;
    let mut browser = Browser::signed_in(&test_app, "user1").await;
    for (name, rtype, value, priority, words) in [
        ("@", "CNAME", "octocat.github.io", "", None),
        (
            "@",
            "TXT",
            "v=spf1 -all",
            "",
            Some("This name has a CNAME record"),
        ),
        (
            "www",
            "TXT",
            "v=spf1 –all",
            "",
            Some("“–” is a dash and not a hyphen"),
        ),
    ] {
        let fields = [
            ("subdomain", name),
            ("type", rtype),
            ("value", value),
            ("priority", priority),
        ];
        let reply = browser.post(NEW, &fields).await;
        let page = match reply.status {
            StatusCode::SEE_OTHER => browser.get("/dns-records").await.body,
            _ => reply.body,
        };
        if let Some(words) = words {
            assert!(page.contains(words), "{name} {rtype} {words}: {page}");
        }
    }
    let saved = list_records(&test_app, &browser).await;
    assert_eq!(saved.len(), 2);
    let mut other = Browser::signed_in(&test_app, "user2").await;
    for (name, rtype, value, priority, words) in [
        ("mail", "MX", ".", "0", "takes no mail"),
        (
            "mail",
            "MX",
            "mx.example.com",
            "5",
            "edit or delete that one",
        ),
        (
            "alias",
            "CNAME",
            "loop.user2.starchart.com",
            "",
            "has no record yet",
        ),
        (
            "loop",
            "CNAME",
            "alias.user2.starchart.com",
            "",
            "form a ring",
        ),
    ] {
        let fields = [
            ("subdomain", name),
            ("type", rtype),
            ("value", value),
            ("priority", priority),
        ];
        let reply = other.post(NEW, &fields).await;
        let page = match reply.status {
            StatusCode::SEE_OTHER => other.get("/dns-records").await.body,
            _ => reply.body,
        };
        assert!(page.contains(words), "{name} {rtype} {words}: {page}");
    }
}

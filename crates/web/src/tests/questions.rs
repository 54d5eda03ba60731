//! What the form asks before it saves, and what it shows while it is filled in.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use actix_web::http::{Method, StatusCode};

use super::records::list_records;
use super::test_app::{Browser, TestApp};

const NEW: &str = "/dns-records/new";
const CHECK: &str = "/dns-records/new/check";

fn fields<'a>(name: &'a str, rtype: &'a str, value: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("subdomain", name),
        ("type", rtype),
        ("value", value),
        ("port", "443"),
    ]
}

/// Returns the answers that a page offers.
fn answers(page: &str) -> Vec<String> {
    let buttons = page.split("name=\"answer\" value=\"").skip(1);
    buttons
        .map(|button| button.split('"').next().unwrap().to_owned())
        .collect()
}

#[actix_web::test]
async fn half_typed_names_and_targets_are_asked_about() {
    let test_app = TestApp::with(|config| config.limits.records_per_user = None).await;
    let mut browser = Browser::signed_in(&test_app, "user1").await;
    let own = "user1.starchart.com";
    for (name, rtype, value, expected) in [
        // Whole.
        ("c0", "CNAME", "host.example.org", &[][..]),
        ("c1", "CNAME", "www.user1.starchart.com", &[]),
        ("c2", "CNAME", "www.user1.", &[]),
        ("c3", "MX", ".", &[]),
        ("c4", "TXT", "www.user1", &[]),
        ("user", "A", "192.0.2.1", &[]),
        // Targets.
        ("d0", "CNAME", "www", &["value:www.user1.starchart.com."]),
        ("d1", "MX", "@", &["value:user1.starchart.com."]),
        (
            "d2",
            "CNAME",
            "www.user1",
            &[
                "value:www.user1.starchart.com.",
                "value:www.user1.user1.starchart.com.",
                "value:www.user1.",
            ],
        ),
        (
            "d3",
            "MX",
            "Mail.user1.starchart",
            &[
                "value:mail.user1.starchart.com.",
                "value:mail.user1.starchart.user1.starchart.com.",
                "value:mail.user1.starchart.",
            ],
        ),
        (
            "_sip._tcp",
            "SRV",
            "web.dc1",
            &["value:web.dc1.user1.starchart.com.", "value:web.dc1."],
        ),
        // What follows a target is kept.
        (
            "d4",
            "HTTPS",
            "www alpn=h2,h3",
            &["value:www.user1.starchart.com. alpn=h2,h3"],
        ),
        (
            "d5",
            "HTTPS",
            "www.user1 alpn=h2",
            &[
                "value:www.user1.starchart.com. alpn=h2",
                "value:www.user1.user1.starchart.com. alpn=h2",
                "value:www.user1. alpn=h2",
            ],
        ),
        // Names, also with what cannot be seen.
        (
            "www.user1\u{200b}",
            "A",
            "192.0.2.3",
            &["subdomain:www", "subdomain:www.user1"],
        ),
        (
            "user1",
            "A",
            "192.0.2.2",
            &["subdomain:@", "subdomain:user1"],
        ),
        (
            "www.user1",
            "A",
            "192.0.2.3",
            &["subdomain:www", "subdomain:www.user1"],
        ),
        (
            "www.user1.starchart",
            "A",
            "192.0.2.4",
            &["subdomain:www", "subdomain:www.user1.starchart"],
        ),
        // Both.
        (
            "x.user1",
            "CNAME",
            "y.user1",
            &[
                "subdomain:x",
                "subdomain:x.user1",
                "value:y.user1.starchart.com.",
                "value:y.user1.user1.starchart.com.",
                "value:y.user1.",
            ],
        ),
    ] {
        let mut typed = fields(name, rtype, value);
        if value == "." {
            typed.push(("priority", "0"));
        }
        let saved = list_records(&test_app, &browser).await.len();
        let reply = browser.post(NEW, &typed).await;
        let case = format!("{name} {rtype} {value}");
        if expected.is_empty() {
            assert_eq!(reply.location(), "/dns-records", "{case}: {}", reply.body);
            continue;
        }
        assert_eq!(reply.status, StatusCode::UNPROCESSABLE_ENTITY, "{case}");
        assert_eq!(answers(&reply.body), expected, "{case}: {}", reply.body);
        assert_eq!(
            list_records(&test_app, &browser).await.len(),
            saved,
            "{case}"
        );
    }
    // One answer is enough for one question; a name that was confirmed stays so.
    let mut typed = fields("x.user1", "CNAME", "y.user1");
    typed.push(("answer", "subdomain:x.user1"));
    let reply = browser.post(NEW, &typed).await;
    assert!(
        reply.body.contains("name=\"answered\" value=\"x.user1\""),
        "{}",
        reply.body
    );
    typed.pop();
    typed.extend([
        ("answered", "x.user1"),
        ("answer", "value:y.user1.starchart.com."),
    ]);
    let reply = browser.post(NEW, &typed).await;
    assert_eq!(reply.location(), "/dns-records", "{}", reply.body);
    let all = list_records(&test_app, &browser).await;
    let name = format!("x.user1.{own}");
    let saved = all.iter().find(|record| record.name == name).unwrap();
    assert_eq!(saved.presentation, format!("y.{own}."));
    // Another name is asked about again.
    let mut typed = fields("z.user1", "A", "192.0.2.5");
    typed.push(("answered", "x.user1"));
    let reply = browser.post(NEW, &typed).await;
    assert_eq!(answers(&reply.body), ["subdomain:z", "subdomain:z.user1"]);
}

#[actix_web::test]
async fn an_edit_does_not_ask_about_what_it_leaves_alone() {
    let test_app = TestApp::new().await;
    let mut browser = Browser::signed_in(&test_app, "user1").await;
    let mut typed = fields("www.user1", "CNAME", "web.dc1.");
    typed.push(("answered", "www.user1"));
    browser.post(NEW, &typed).await;
    // As rows from before the question have it.
    test_app
        .execute_sql("UPDATE dns_records SET input = 'web.dc1'")
        .await;
    let id = list_records(&test_app, &browser).await[0].id;
    let path = format!("/dns-records/{id}");
    let mut typed = fields("www.user1", "CNAME", "web.dc1");
    typed.push(("course", "OSD600"));
    let saved = browser.post(&path, &typed).await;
    assert_eq!(saved.location(), "/dns-records", "{}", saved.body);
    let asked = browser
        .post(&path, &fields("www.user1", "CNAME", "web.dc2"))
        .await;
    assert_eq!(
        answers(&asked.body),
        ["value:web.dc2.user1.starchart.com.", "value:web.dc2."]
    );
    let asked = browser
        .post(&path, &fields("x.user1", "CNAME", "web.dc1"))
        .await;
    assert_eq!(answers(&asked.body), ["subdomain:x", "subdomain:x.user1"]);
}

/// Returns the preview of a page without its tags.
fn preview(page: &str) -> String {
    let (_, rest) = page.split_once("id=\"preview\"").unwrap();
    let (inner, _) = rest.split_once("</div>").unwrap();
    let texts = inner
        .split('<')
        .filter_map(|piece| Some(piece.split_once('>')?.1.trim()));
    let texts: Vec<&str> = texts.filter(|text| !text.is_empty()).collect();
    starchart_testkit::html::unescape(&texts.join(" | "))
}

#[actix_web::test]
async fn a_check_shows_what_would_be_published_and_saves_nothing() {
    let test_app = TestApp::new().await;
    let mut browser = Browser::signed_in(&test_app, "user1").await;
    browser
        .post(NEW, &fields("taken", "A", "192.168.1.1"))
        .await;
    let id = list_records(&test_app, &browser).await[0].id;
    let edit = format!("/dns-records/{id}/check");
    for (path, typed, shown, hidden) in [
        (
            CHECK,
            fields("www", "A", "192.168.1.2"),
            &[
                "www.user1.starchart.com. 300 IN A 192.168.1.2",
                "dig +short www.user1.starchart.com A",
                "private address",
            ][..],
            "already",
        ),
        (
            CHECK,
            fields("*", "TXT", "a;b"),
            &["IN TXT \"a;b\"", "'*.user1"],
            "enter",
        ),
        (
            CHECK,
            fields("_s._tcp", "SRV", "a.example.com"),
            &["SRV 10 0 443 a.example.com."],
            "enter",
        ),
        (
            CHECK,
            fields("www", "A", "nonsense"),
            &["this is a host name"],
            "300 IN",
        ),
        (CHECK, fields("www", "A", ""), &[], "enter a value"),
        (CHECK, fields("", "", ""), &[], "Choose"),
        (
            CHECK,
            fields("www", "CNAME", "www.user1"),
            &["do you mean www.user1.starchart.com"],
            "300 IN",
        ),
        (
            CHECK,
            fields("taken", "CNAME", "a.example.com"),
            &["300 IN CNAME", "has an A record already"],
            "enter",
        ),
        (
            CHECK,
            fields("taken", "A", "192.168.1.1"),
            &["You already have a record"],
            "enter",
        ),
        // The record does not stand in its own way.
        (
            &edit,
            fields("taken", "A", "192.168.1.1"),
            &["IN A 192.168.1.1"],
            "already",
        ),
        (
            &edit,
            fields("taken", "CNAME", "a.example.com"),
            &["300 IN CNAME"],
            "already",
        ),
    ] {
        let reply = browser.post(path, &typed).await;
        assert_eq!(reply.status, StatusCode::OK, "{typed:?}: {}", reply.body);
        let preview = preview(&reply.body);
        for words in shown {
            assert!(preview.contains(words), "{typed:?}: {words}: {preview}");
        }
        assert!(!preview.contains(hidden), "{typed:?}: {hidden}: {preview}");
        assert!(reply.body.contains("<title>Checked: "), "{}", reply.body);
    }
    assert_eq!(list_records(&test_app, &browser).await.len(), 1);
    assert_eq!(test_app.queue.wake_ups(), 1);
    // It leaves the message of the last action to the page that shows it.
    let token = browser.csrf_token().await;
    for path in [NEW, CHECK] {
        let typed = fields("new", "A", "192.168.1.3");
        browser.submit(Method::POST, path, &token, &typed).await;
    }
    let list = browser.get("/dns-records").await.body;
    assert!(list.contains("has been successfully created"), "{list}");
    let page = browser.get(&format!("/dns-records/{id}")).await.body;
    assert!(
        preview(&page).contains("taken.user1.starchart.com. 300 IN A 192.168.1.1"),
        "{page}"
    );
    let mut other = Browser::signed_in(&test_app, "user2").await;
    let foreign = other.post(&edit, &fields("a", "A", "192.0.2.1")).await;
    assert_eq!(foreign.status, StatusCode::NOT_FOUND);
}

#[actix_web::test]
async fn checks_have_a_limit_of_their_own() {
    let test_app = TestApp::with(|config| config.limits.record_writes_per_minute = 1).await;
    let mut browser = Browser::signed_in(&test_app, "user1").await;
    let mut passed = 0;
    let refused = loop {
        let reply = browser
            .post(CHECK, &fields("www", "A", "192.168.1.1"))
            .await;
        if reply.status != StatusCode::OK {
            break reply;
        }
        passed += 1;
        assert!(passed < 1_000);
    };
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(passed >= 100, "{passed}");
    let saved = browser.post(NEW, &fields("www", "A", "192.168.1.1")).await;
    assert_eq!(saved.location(), "/dns-records", "{}", saved.body);
}

#[actix_web::test]
async fn the_message_says_what_was_deleted_in_place() {
    let test_app = TestApp::new().await;
    let mut browser = Browser::signed_in(&test_app, "user1").await;
    browser.post(NEW, &fields("www", "A", "192.168.1.1")).await;
    browser
        .post(NEW, &fields("www", "TXT", &"x".repeat(200)))
        .await;
    browser.get("/dns-records").await;
    let cname = fields("www", "CNAME", "host.example.org");
    let refused = browser.post(NEW, &cname).await.body;
    let (_, replace) = refused.split_once("name=\"replace\" value=\"").unwrap();
    let replace = replace.split('"').next().unwrap();
    let with_replaced = [cname, vec![("replace", replace)]].concat();
    let saved = browser.post(NEW, &with_replaced).await;
    assert_eq!(saved.location(), "/dns-records", "{}", saved.body);
    let list = browser.get("/dns-records").await.body;
    assert!(
        list.contains(
            "has been successfully created. Deleted in its place: A 192.168.1.1, TXT &#34;xxx"
        ) && list.contains("x\u{2026}"),
        "{list}"
    );
}

#[actix_web::test]
async fn questions_and_faults_are_said_at_once() {
    let test_app = TestApp::new().await;
    let mut browser = Browser::signed_in(&test_app, "user1").await;
    for (name, rtype, value, parts) in [
        (
            "www.user1",
            "A",
            "192.0.2.256",
            &[
                "www.user1 ends in a part of your domain",
                "Record value is invalid",
            ][..],
        ),
        (
            "a b",
            "CNAME",
            "www.user1",
            &[
                "Record name is invalid",
                "www.user1 may not be the whole name of a host",
            ],
        ),
        (
            "shop.user1",
            "CNAME",
            "www.user1",
            &[
                "shop.user1 ends in a part",
                "www.user1 may not be the whole name",
            ],
        ),
    ] {
        for path in [NEW, CHECK] {
            let page = browser.post(path, &fields(name, rtype, value)).await.body;
            for part in parts {
                assert!(page.contains(part), "{path} {name} {value}: {part}\n{page}");
            }
        }
    }
    assert!(list_records(&test_app, &browser).await.is_empty());
}

#[actix_web::test]
async fn a_check_says_what_stops_the_certificate() {
    let test_app = TestApp::new().await;
    let mut browser = Browser::signed_in(&test_app, "user1").await;
    let caa = [
        ("subdomain", "@"),
        ("type", "CAA"),
        ("tag", "issue"),
        ("value", "ca.example.org"),
    ];
    let words = "without it your certificate here can neither be issued nor renewed.";
    let checked = browser.post(CHECK, &caa).await;
    assert_eq!(checked.status, StatusCode::OK);
    assert!(
        checked.body.contains("Nothing was saved, only checked.")
            && checked
                .body
                .contains("Press Create to save it all the same."),
        "{}",
        checked.body
    );
    // Also in the part of the page that a script shows while one types.
    let (_, preview) = checked.body.split_once("id=\"preview\"").unwrap();
    assert!(preview.contains(words), "{preview}");
    assert!(
        !checked.body.contains("The record can be saved"),
        "{}",
        checked.body
    );
    // Whoever saves it after the warning is not asked again.
    let (_, confirm) = checked
        .body
        .split_once("name=\"confirm\" value=\"")
        .unwrap();
    let confirm = starchart_testkit::html::unescape(confirm.split('"').next().unwrap());
    let unconfirmed = browser.post(NEW, &caa).await;
    assert_eq!(unconfirmed.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(unconfirmed.body.contains(words), "{}", unconfirmed.body);
    let confirmed = [&caa[..], &[("confirm", &confirm)]].concat();
    let saved = browser.post(NEW, &confirmed).await;
    assert_eq!(saved.location(), "/dns-records", "{}", saved.body);
    // An edit that stops nothing more has no such warning.
    let id = list_records(&test_app, &browser).await[0].id;
    let checked = browser
        .post(&format!("/dns-records/{id}/check"), &caa)
        .await;
    assert!(!checked.body.contains(words), "{}", checked.body);
}

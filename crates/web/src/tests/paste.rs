//! Pasting records: what the pages show, and that all records are saved or none.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use actix_web::http::StatusCode;
use starchart_store::{records, sessions};

use super::test_app::{Browser, Reply, TestApp};
use crate::tokens;

const TABLE: &str = "Type\tName\tValue\r\nCNAME\twww\toctocat.github.io\r\nTXT\t_verify\tcode=5d20";

async fn values(test_app: &TestApp, browser: &Browser<'_>) -> Vec<String> {
    let token = tokens::hash(&browser.jar["__Host-session"]);
    let session = sessions::find(&test_app.store, token).await.unwrap();
    let owner = session.unwrap().user.id;
    let all = records::list(&test_app.store, owner).await.unwrap();
    let line = |record: &records::Record| format!("{} {}", record.name, record.presentation);
    all.iter().map(line).collect()
}

async fn paste(browser: &mut Browser<'_>, text: &str, fields: &[(&str, &str)]) -> Reply {
    let intent = if fields.is_empty() { "read" } else { "save" };
    let fields = [&[("intent", intent), ("text", text)][..], fields].concat();
    browser.post("/dns-records/paste", &fields).await
}

#[actix_web::test]
async fn pasted_records_are_shown_and_then_saved_together() {
    let test_app = TestApp::new().await;
    let mut browser = Browser::signed_in(&test_app, "user1").await;
    let read = paste(&mut browser, TABLE, &[]).await;
    assert_eq!(read.status, StatusCode::OK);
    for part in [
        "2 records read",
        "name=\"take-1\" value=\"1\" checked",
        "name=\"subdomain-1\" type=\"text\" value=\"www\"",
        "name=\"value-2\" type=\"text\" value=\"code=5d20\"",
    ] {
        assert!(read.body.contains(part), "{part}\n{}", read.body);
    }
    assert!(
        values(&test_app, &browser).await.is_empty(),
        "nothing is saved yet"
    );

    let saved = paste(
        &mut browser,
        TABLE,
        &[
            ("take-1", "1"),
            ("subdomain-1", "www"),
            ("value-1", "octocat.github.io"),
            ("take-2", "1"),
            ("subdomain-2", "_verify.www2"),
            ("value-2", "code=5d20"),
        ],
    )
    .await;
    assert_eq!(saved.location(), "/dns-records", "{}", saved.body);
    assert_eq!(test_app.queue.wake_ups(), 1, "the worker is woken once");
    assert_eq!(
        values(&test_app, &browser).await,
        [
            "_verify.www2.user1.starchart.com \"code=5d20\"",
            "www.user1.starchart.com octocat.github.io.",
        ]
    );
    let list = browser.get("/dns-records").await;
    assert!(
        list.body.contains("2 DNS records were created"),
        "{}",
        list.body
    );

    let again = paste(&mut browser, TABLE, &[]).await;
    assert!(
        again.body.contains("You already have a record"),
        "{}",
        again.body
    );
    assert!(
        again.body.contains("name=\"take-1\" value=\"1\"> <label"),
        "{}",
        again.body
    );
}

#[actix_web::test]
async fn one_refused_record_stops_all() {
    let test_app = TestApp::new().await;
    let mut browser = Browser::signed_in(&test_app, "user1").await;
    let text = "a A 192.0.2.1\nb A 192.0.2.2\nb CNAME host.example.org.\nc A 192.0.2.3\n\
                d A 192.0.2.4\nwww.user1 A 192.0.2.5";
    let all = |taken: &[usize]| -> Vec<(String, String)> {
        let read = starchart_domain::paste::read(text, &base());
        let fields = read.records.iter().enumerate().flat_map(|(at, record)| {
            let number = at + 1;
            let take = taken
                .contains(&number)
                .then(|| (format!("take-{number}"), "1".to_owned()));
            take.into_iter().chain([
                (format!("subdomain-{number}"), record.form.name.clone()),
                (format!("value-{number}"), record.form.input.clone()),
            ])
        });
        fields.collect()
    };
    for (taken, expected) in [
        (&[][..], "Tick at least one record"),
        (&[1, 2, 3], "has an A record already"),
        (
            &[1, 2, 4, 5],
            "These are 4 new records, and 3 more fit: 3 are allowed. Leave 1 out",
        ),
        (&[1, 6], "enter a name"),
    ] {
        let owned = all(taken);
        let fields: Vec<(&str, &str)> = owned
            .iter()
            .map(|(n, v)| (n.as_str(), v.as_str()))
            .collect();
        let reply = paste(&mut browser, text, &fields).await;
        assert_eq!(reply.status, StatusCode::UNPROCESSABLE_ENTITY, "{taken:?}");
        assert!(
            reply.body.contains(expected),
            "{taken:?}: {expected}\n{}",
            reply.body
        );
        assert!(
            reply.body.contains("b CNAME host.example.org."),
            "the text is kept"
        );
        assert!(values(&test_app, &browser).await.is_empty(), "{taken:?}");
    }
    assert_eq!(test_app.queue.wake_ups(), 0);
}

fn base() -> starchart_domain::names::BaseDomain {
    let root = starchart_domain::names::RootDomain::parse("starchart.com").unwrap();
    root.base(&starchart_domain::names::Label::parse("user1").unwrap())
}

#[actix_web::test]
async fn a_question_is_answered_on_the_page() {
    let test_app = TestApp::new().await;
    let mut browser = Browser::signed_in(&test_app, "user1").await;
    let text = "10 mail.example.org.\nnothing to read here";
    let read = paste(&mut browser, text, &[]).await;
    for part in [
        "<select id=\"type-1\" name=\"type-1\"",
        "<code>MX</code>",
        "No record was found in this line",
    ] {
        assert!(read.body.contains(part), "{part}\n{}", read.body);
    }
    let saved = paste(
        &mut browser,
        text,
        &[
            ("take-1", "1"),
            ("subdomain-1", "@"),
            ("type-1", "MX"),
            ("priority-1", "10"),
            ("value-1", "mail.example.org."),
        ],
    )
    .await;
    assert_eq!(saved.location(), "/dns-records", "{}", saved.body);
    assert_eq!(
        values(&test_app, &browser).await,
        ["user1.starchart.com 10 mail.example.org."]
    );
}

#[actix_web::test]
async fn the_zone_file_reads_back_as_it_is() {
    let test_app = TestApp::new().await;
    let mut browser = Browser::signed_in(&test_app, "user1").await;
    let fields = [
        ("subdomain", "www"),
        ("type", "A"),
        ("value", "192.0.2.1"),
        ("course", "Über uns"),
    ];
    browser.post("/dns-records/new", &fields).await;
    let file = browser.get("/dns-records/zone-file").await;
    let header = |name: &str| file.headers.get(name).unwrap().to_str().unwrap();
    assert_eq!(header("content-type"), "text/dns; charset=utf-8");
    assert_eq!(
        header("content-disposition"),
        "attachment; filename=\"user1.starchart.com.zone\""
    );
    assert!(
        file.body.contains("\n; Course: Über uns\n; Expires: ")
            && file.body.ends_with("\nwww 300 IN A 192.0.2.1\n"),
        "{}",
        file.body
    );
    let read = paste(&mut browser, &file.body, &[]).await;
    assert!(
        read.body.contains("You already have a record"),
        "{}",
        read.body
    );
    // Pasted where the record is missing, it comes back with its notes.
    let mut other = Browser::signed_in(&test_app, "user2").await;
    let read = paste(&mut other, &file.body, &[]).await;
    assert!(read.body.contains("Course: Über uns"), "{}", read.body);
    let row = [
        ("take-1", "1"),
        ("subdomain-1", "www"),
        ("value-1", "192.0.2.1"),
    ];
    let saved = paste(&mut other, &file.body, &row).await;
    assert_eq!(saved.location(), "/dns-records", "{}", saved.body);
    let list = other.get("/dns-records").await.body;
    assert!(list.contains("<dd>Über uns</dd>"), "{list}");
}

#[actix_web::test]
async fn a_changed_zone_file_is_compared_and_applied() {
    const PATH: &str = "/dns-records/zone-file/compare";
    let test_app = TestApp::new().await;
    let mut browser = Browser::signed_in(&test_app, "user1").await;
    for (name, value) in [("a", "192.0.2.1"), ("b", "192.0.2.2")] {
        let fields = [("subdomain", name), ("type", "A"), ("value", value)];
        browser.post("/dns-records/new", &fields).await;
    }
    let file = browser.get("/dns-records/zone-file").await.body;
    let same = browser
        .post(PATH, &[("intent", "compare"), ("text", &file)])
        .await;
    assert!(same.body.contains("are the same"), "{}", same.body);

    let text = file
        .replace("a 300 IN A 192.0.2.1", "c IN A 192.0.2.1")
        .replace("192.0.2.2", "192.0.2.9");
    let compared = browser
        .post(PATH, &[("intent", "compare"), ("text", &text)])
        .await;
    let takes: Vec<(String, String)> = compared
        .body
        .split("name=\"take-")
        .skip(1)
        .map(|part| {
            let (number, rest) = part.split_once("\" value=\"").unwrap();
            let value = rest.split('"').next().unwrap().replace("&#62;", ">");
            (format!("take-{number}"), value)
        })
        .collect();
    assert_eq!(takes.len(), 3, "{}", compared.body);
    let before = values(&test_app, &browser).await;
    let mut fields = vec![("intent", "apply"), ("text", text.as_str())];
    fields.extend(
        takes
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str())),
    );

    let mut other = fields.clone();
    other[2].1 = "1:0123456789abcdef>";
    let stale = browser.post(PATH, &other).await;
    assert_eq!(stale.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        stale.body.contains("in another window meanwhile"),
        "{}",
        stale.body
    );
    assert_eq!(values(&test_app, &browser).await, before);

    let applied = browser.post(PATH, &fields).await;
    assert_eq!(applied.location(), "/dns-records", "{}", applied.body);
    assert_eq!(
        values(&test_app, &browser).await,
        [
            "b.user1.starchart.com 192.0.2.9",
            "c.user1.starchart.com 192.0.2.1"
        ]
    );
}

#[actix_web::test]
async fn a_change_of_a_note_alone_is_shown_as_such() {
    const PATH: &str = "/dns-records/zone-file/compare";
    let test_app = TestApp::new().await;
    let mut browser = Browser::signed_in(&test_app, "user1").await;
    let fields = [
        ("subdomain", "a"),
        ("type", "A"),
        ("value", "192.0.2.1"),
        ("course", "CS 101"),
    ];
    browser.post("/dns-records/new", &fields).await;
    let file = browser.get("/dns-records/zone-file").await.body;
    let text = file.replace("; Course: CS 101", "; Course: CS 102");
    let compared = browser
        .post(PATH, &[("intent", "compare"), ("text", &text)])
        .await;
    for (words, count) in [
        (
            "Course: <del class=\"literal\">CS 101</del> → <ins class=\"literal\">CS 102</ins>",
            1,
        ),
        ("a.user1.starchart.com 300 A 192.0.2.1</p>", 1),
        ("<del>", 0),
    ] {
        let found = compared.body.matches(words).count();
        assert_eq!(found, count, "{words}: {}", compared.body);
    }
}

#[actix_web::test]
async fn the_preview_says_all_that_would_be_refused() {
    let test_app = TestApp::new().await;
    let mut browser = Browser::signed_in(&test_app, "user1").await;
    let fields = [("subdomain", "a"), ("type", "A"), ("value", "192.0.2.1")];
    browser.post("/dns-records/new", &fields).await;
    let text = "a CNAME host.example.org.\nb A 192.0.2.1\nb CNAME host.example.org.\n\
                c CNAME host.example.org.\nc CNAME other.example.org.\na A 192.0.2.1";
    let read = paste(&mut browser, text, &[]).await;
    assert_eq!(read.status, StatusCode::OK);
    for (words, count) in [
        ("This name has an A record already", 2),
        ("This name has a CNAME record already", 1),
        ("You already have a record", 1),
        (
            "These are 5 new records, and 2 more fit: 3 are allowed. Leave 3 out",
            1,
        ),
    ] {
        assert_eq!(
            read.body.matches(words).count(),
            count,
            "{words}: {}",
            read.body
        );
    }
    // Saving says all of them at once, too.
    let posted = [
        ("take-1", "1"),
        ("subdomain-1", "a"),
        ("value-1", "host.example.org."),
        ("take-2", "1"),
        ("subdomain-2", "b"),
        ("value-2", "192.0.2.1"),
        ("take-3", "1"),
        ("subdomain-3", "b"),
        ("value-3", "host.example.org."),
    ];
    let refused = paste(&mut browser, text, &posted).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    let faults = refused
        .body
        .matches("This name has an A record already")
        .count();
    assert_eq!(faults, 2, "{}", refused.body);
    assert_eq!(values(&test_app, &browser).await.len(), 1);
}

/// The page that compares says all that would be refused, before anything is applied.
#[actix_web::test]
async fn a_comparison_says_what_would_be_refused() {
    const PATH: &str = "/dns-records/zone-file/compare";
    let test_app = TestApp::new().await;
    let mut browser = Browser::signed_in(&test_app, "user1").await;
    for (name, value) in [("a", "192.0.2.1"), ("b", "192.0.2.2")] {
        let fields = [("subdomain", name), ("type", "A"), ("value", value)];
        browser.post("/dns-records/new", &fields).await;
    }
    let before = values(&test_app, &browser).await;
    let (conflict, way_out, limit) = (
        "This name has an A record already",
        "Tick the deletion of what is in the way too",
        "Not all of these changes can be made.",
    );
    for (text, expected) in [
        // A CNAME in the place of an address: the deletion is on the page, too.
        (
            "a IN CNAME host.example.org.\nb IN A 192.0.2.2",
            [(conflict, 1), (way_out, 1), (limit, 0)],
        ),
        // Two new records that exclude each other: no deletion helps.
        (
            "a IN A 192.0.2.1\nb IN A 192.0.2.2\nc IN A 192.0.2.3\nc IN CNAME host.example.org.",
            [(conflict, 1), (way_out, 0), (limit, 1)],
        ),
        // More than the limit of three.
        (
            "a IN A 192.0.2.1\nb IN A 192.0.2.2\nc IN A 192.0.2.3\nd IN A 192.0.2.4",
            [(conflict, 0), (way_out, 0), (limit, 1)],
        ),
        (
            "a IN A 192.0.2.9\nb IN A 192.0.2.2\nc IN A 192.0.2.3",
            [(conflict, 0), (way_out, 0), (limit, 0)],
        ),
    ] {
        let fields = [("intent", "compare"), ("text", text)];
        let page = browser.post(PATH, &fields).await;
        assert_eq!(page.status, StatusCode::OK, "{text}");
        for (words, count) in expected {
            let found = page.body.matches(words).count();
            assert_eq!(found, count, "{words} {text}: {}", page.body);
        }
    }
    assert_eq!(values(&test_app, &browser).await, before);
}

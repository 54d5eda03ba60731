//! The TTL of an RRset: in the form, the list, the history, pasted texts and zone files.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use actix_web::http::StatusCode;
use starchart_domain::ttl::Ttl;
use starchart_store::records::{self, HistoryAction, HistoryEntry, HistoryFilter};

use super::records::{list_records, owner_id};
use super::test_app::{Browser, Reply, TestApp};

/// The TTLs of the user's records, in seconds.
async fn ttls(test_app: &TestApp, browser: &Browser<'_>) -> Vec<u32> {
    let all = list_records(test_app, browser).await;
    all.iter().map(|record| record.ttl.as_seconds()).collect()
}

async fn post_record(
    browser: &mut Browser<'_>,
    path: &str,
    value: &str,
    more: &[(&str, &str)],
) -> Reply {
    let fields = [("subdomain", "www"), ("type", "A"), ("value", value)];
    browser.post(path, &[&fields[..], more].concat()).await
}

async fn history(test_app: &TestApp, browser: &Browser<'_>) -> Vec<HistoryEntry> {
    let owner = owner_id(test_app, browser).await;
    let all = HistoryFilter::default();
    records::list_history(&test_app.store, owner, all, 100)
        .await
        .unwrap()
}

#[actix_web::test]
async fn the_form_sets_a_ttl_or_keeps_it() {
    let test_app = TestApp::new().await;
    let mut browser = Browser::signed_in(&test_app, "user1").await;
    let form = browser.get("/dns-records/new").await.body;
    for part in [
        "selected>That of other records of this name and type, or 5 minutes</option>",
        "<option value=\"60\">1 minute</option>",
        "<option value=\"300\">5 minutes</option>",
        "<option value=\"3600\">1 hour</option>",
        "<option value=\"86400\">1 day</option>",
        "From 1 minute to 1 day",
    ] {
        assert!(form.contains(part), "{part}\n{form}");
    }
    // Forms and scripts of the original have no such field.
    post_record(&mut browser, "/dns-records/new", "192.0.2.1", &[]).await;
    assert_eq!(ttls(&test_app, &browser).await, [300]);
    let record = list_records(&test_app, &browser).await.remove(0);
    let path = format!("/dns-records/{}", record.id);
    for (fields, expected) in [
        (&[("ttl", "3600")][..], Ok(3_600)),
        (&[], Ok(3_600)),
        (&[("ttl", ""), ("ttlOwn", "")], Ok(3_600)),
        (&[("ttl", "60"), ("ttlOwn", " ")], Ok(60)),
        (&[("ttl", "60"), ("ttlOwn", "1h30m")], Ok(5_400)),
        (&[("ttl", ""), ("ttlOwn", "2 hours")], Ok(7_200)),
        (&[("ttl", "1d")], Ok(86_400)),
        (&[("ttl", "30")], Err("at least 1 minute")),
        (&[("ttlOwn", "1w2d")], Err("at most 1 day")),
        (&[("ttlOwn", "soon")], Err("Enter the TTL as a time")),
    ] {
        let reply = post_record(&mut browser, &path, "192.0.2.1", fields).await;
        match expected {
            Ok(ttl) => {
                assert_eq!(
                    reply.location(),
                    "/dns-records",
                    "{fields:?}: {}",
                    reply.body
                );
                assert_eq!(ttls(&test_app, &browser).await, [ttl], "{fields:?}");
            }
            Err(fault) => {
                assert_eq!(reply.status, StatusCode::UNPROCESSABLE_ENTITY, "{fields:?}");
                let typed = format!("name=\"ttlOwn\" type=\"text\" value=\"{}\"", fields[0].1);
                let is_kept = reply.body.contains(&typed);
                assert!(reply.body.contains(fault) && is_kept, "{}", reply.body);
                assert!(reply.body.contains("As it is (1 day)"), "{}", reply.body);
                assert!(reply.body.contains("href=\"#ttlOwn\""), "{}", reply.body);
            }
        }
    }
    let list = browser.get("/dns-records").await.body;
    assert!(list.contains("TTL 1 day"), "{list}");
}

#[actix_web::test]
async fn operators_limit_what_users_choose() {
    let test_app = TestApp::with(|config| {
        let seconds = |seconds| Ttl::from_seconds(seconds).unwrap();
        config.limits.ttl.min = seconds(300);
        config.limits.ttl.max = seconds(7_200);
        config.limits.ttl.default = seconds(600);
    })
    .await;
    let mut browser = Browser::signed_in(&test_app, "user1").await;
    let form = browser.get("/dns-records/new").await.body;
    assert!(form.contains("name and type, or 10 minutes") && form.contains(">1 hour<"));
    assert!(!form.contains(">1 minute<") && !form.contains(">1 day<"));
    post_record(&mut browser, "/dns-records/new", "192.0.2.1", &[]).await;
    assert_eq!(ttls(&test_app, &browser).await, [600]);
    let short = [("ttl", "60")];
    let refused = post_record(&mut browser, "/dns-records/new", "192.0.2.2", &short).await;
    assert!(refused.body.contains("at least 5 minutes"));
}

#[actix_web::test]
async fn other_records_of_the_rrset_take_the_ttl_and_the_pages_say_so() {
    let test_app = TestApp::new().await;
    let mut browser = Browser::signed_in(&test_app, "user1").await;
    post_record(&mut browser, "/dns-records/new", "192.0.2.1", &[]).await;
    let hour = [("ttl", "3600")];
    post_record(&mut browser, "/dns-records/new", "192.0.2.2", &hour).await;
    assert_eq!(ttls(&test_app, &browser).await, [3_600, 3_600]);
    let list = browser.get("/dns-records").await.body;
    assert!(
        list.contains("The TTL 1 hour is that of all A records of www.user1.starchart.com: 1"),
        "{list}"
    );
    let first = list_records(&test_app, &browser).await.remove(0);
    let path = format!("/dns-records/{}", first.id);
    let form = browser.get(&path).await.body;
    assert!(
        form.contains("As it is (1 hour)")
            && form.contains("1 other record of this name and type gets the same"),
        "{form}"
    );
    // The change of the other record is in the history of this one, and what it replaced is named.
    let page = browser.get("/dns-records/history").await.body;
    let change =
        "TTL: <del class=\"literal\">5 minutes</del> → <ins class=\"literal\">1 hour</ins>";
    assert_eq!(page.matches(change).count(), 1, "{page}");
    let lookup = browser.get(&format!("{path}/lookup")).await.body;
    assert!(
        lookup.contains("TTL: 1 hour") && lookup.contains("the old answer for up to 5 minutes"),
        "{lookup}"
    );
}

#[actix_web::test]
async fn a_window_with_the_former_ttl_does_not_overwrite_it() {
    let test_app = TestApp::new().await;
    let mut browser = Browser::signed_in(&test_app, "user1").await;
    post_record(&mut browser, "/dns-records/new", "192.0.2.1", &[]).await;
    let record = list_records(&test_app, &browser).await.remove(0);
    let path = format!("/dns-records/{}", record.id);
    post_record(&mut browser, &path, "192.0.2.1", &[("ttl", "3600")]).await;
    let seen = record.fingerprint();
    for (value, ttl, says) in [
        ("192.0.2.1", "60", "Now it says: TTL 1 hour"),
        (
            "192.0.2.2",
            "60",
            "Now it says: Value 192.0.2.1; TTL 1 hour",
        ),
        ("192.0.2.2", "", "Now it says: Value 192.0.2.1"),
    ] {
        let fields = [("ttl", ttl), ("fingerprint", seen.as_str())];
        let stale = post_record(&mut browser, &path, value, &fields).await;
        assert_eq!(stale.status, StatusCode::UNPROCESSABLE_ENTITY, "{ttl}");
        assert!(stale.body.contains(says), "{}", stale.body);
        assert!(stale.body.contains("As it is (1 hour)"), "{}", stale.body);
    }
    assert_eq!(ttls(&test_app, &browser).await, [3_600]);
}

#[actix_web::test]
async fn undoing_and_restoring_bring_the_ttl_back() {
    let test_app = TestApp::new().await;
    let mut browser = Browser::signed_in(&test_app, "user1").await;
    post_record(&mut browser, "/dns-records/new", "192.0.2.1", &[]).await;
    post_record(&mut browser, "/dns-records/new", "192.0.2.2", &[]).await;
    let [first, second] = &list_records(&test_app, &browser).await[..] else {
        panic!("two records")
    };
    let undo = async |browser: &mut Browser<'_>, action: HistoryAction, of: i64| {
        let entries = history(&test_app, browser).await;
        let is_it = |entry: &&HistoryEntry| entry.action == action && entry.record_id.0 == of;
        let id = entries.iter().find(is_it).unwrap().id.0.to_string();
        let fields = [("entry", id.as_str())];
        let undone = browser.post("/dns-records/history", &fields).await;
        assert_eq!(undone.location(), "/dns-records", "{}", undone.body);
    };
    let path = format!("/dns-records/{}", first.id);
    post_record(&mut browser, &path, "192.0.2.1", &[("ttl", "3600")]).await;
    undo(&mut browser, HistoryAction::Edit, first.id.0).await;
    assert_eq!(ttls(&test_app, &browser).await, [300, 300]);

    // Through the entry of the other record, which took the TTL.
    post_record(&mut browser, &path, "192.0.2.1", &[("ttl", "3600")]).await;
    undo(&mut browser, HistoryAction::Edit, second.id.0).await;
    assert_eq!(ttls(&test_app, &browser).await, [300, 300]);

    // An edit of the value alone does not bring back the TTL of that time.
    post_record(&mut browser, &path, "192.0.2.9", &[]).await;
    undo(&mut browser, HistoryAction::Edit, first.id.0).await;
    assert_eq!(ttls(&test_app, &browser).await, [300, 300]);

    // One that was moved and given another TTL at once comes back with what it had.
    let moved = [
        ("subdomain", "moved"),
        ("type", "A"),
        ("value", "192.0.2.1"),
        ("ttl", "60"),
    ];
    let alone = [
        ("subdomain", "alone"),
        ("type", "A"),
        ("value", "192.0.2.1"),
        ("ttl", "3600"),
    ];
    browser.post("/dns-records/new", &alone).await;
    let all = list_records(&test_app, &browser).await;
    let lone = all.iter().find(|record| record.name.starts_with("alone"));
    let lone = lone.unwrap().id.0;
    browser.post(&format!("/dns-records/{lone}"), &moved).await;
    undo(&mut browser, HistoryAction::Edit, lone).await;
    let all = list_records(&test_app, &browser).await;
    let back = all.iter().find(|record| record.id.0 == lone).unwrap();
    assert_eq!((&back.name[..5], back.ttl.as_seconds()), ("alone", 3_600));
    let fields = [("intent", "delete-dns-record"), ("id", &lone.to_string())];
    browser.post("/dns-records", &fields).await;

    // A record that comes back into an RRset takes its TTL, and alone its own.
    post_record(&mut browser, &path, "192.0.2.1", &[("ttl", "3600")]).await;
    let delete = async |browser: &mut Browser<'_>, id: i64| {
        let fields = [("intent", "delete-dns-record"), ("id", &id.to_string())];
        browser.post("/dns-records", &fields).await;
    };
    delete(&mut browser, first.id.0).await;
    let other = format!("/dns-records/{}", second.id);
    post_record(&mut browser, &other, "192.0.2.2", &[("ttl", "60")]).await;
    undo(&mut browser, HistoryAction::Delete, first.id.0).await;
    assert_eq!(ttls(&test_app, &browser).await, [60, 60]);
    delete(&mut browser, first.id.0).await;
    delete(&mut browser, second.id.0).await;
    undo(&mut browser, HistoryAction::Delete, first.id.0).await;
    assert_eq!(ttls(&test_app, &browser).await, [60]);
}

#[actix_web::test]
async fn a_pasted_ttl_is_shown_and_taken() {
    let test_app = TestApp::new().await;
    let mut browser = Browser::signed_in(&test_app, "user1").await;
    post_record(&mut browser, "/dns-records/new", "192.0.2.1", &[]).await;
    let text = "www 3600 IN A 192.0.2.2\napi 30 IN A 192.0.2.3";
    let read = [("intent", "read"), ("text", text)];
    let shown = browser.post("/dns-records/paste", &read).await.body;
    for part in [
        "name=\"ttl-1\" type=\"text\" value=\"1 hour\"",
        "Your other records of this name and type have 5 minutes now, and take this TTL too.",
        "name=\"ttl-2\" type=\"text\" value=\"1 minute\"",
        "The TTL 30 seconds is not allowed here: 1 minute, the shortest, is used.",
    ] {
        assert!(shown.contains(part), "{part}\n{shown}");
    }
    let save = async |browser: &mut Browser<'_>, text, rows: &[(&str, &str)]| {
        let fields = [("intent", "save"), ("text", text)];
        let fields = [&fields[..], rows].concat();
        browser.post("/dns-records/paste", &fields).await
    };
    let saved = save(
        &mut browser,
        text,
        &[
            ("take-1", "1"),
            ("subdomain-1", "www"),
            ("value-1", "192.0.2.2"),
            ("ttl-1", "2h"),
            ("take-2", "1"),
            ("subdomain-2", "api"),
            ("value-2", "192.0.2.3"),
        ],
    )
    .await;
    assert_eq!(saved.location(), "/dns-records", "{}", saved.body);
    // The field that is not sent has what was read.
    assert_eq!(ttls(&test_app, &browser).await, [60, 7_200, 7_200]);
}

#[actix_web::test]
async fn two_ttls_for_one_rrset_are_not_saved() {
    let test_app = TestApp::new().await;
    let mut browser = Browser::signed_in(&test_app, "user1").await;
    let text = "www 3600 IN A 192.0.2.1\nwww 300 IN A 192.0.2.2";
    let read = [("intent", "read"), ("text", text)];
    let shown = browser.post("/dns-records/paste", &read).await.body;
    assert_eq!(
        shown
            .matches("The lowest, 5 minutes, is used for all.")
            .count(),
        1,
        "{shown}"
    );
    let fields = |first, second| {
        [
            ("intent", "save"),
            ("text", text),
            ("take-1", "1"),
            ("subdomain-1", "www"),
            ("value-1", "192.0.2.1"),
            ("ttl-1", first),
            ("take-2", "1"),
            ("subdomain-2", "www"),
            ("value-2", "192.0.2.2"),
            ("ttl-2", second),
        ]
    };
    let refused = browser
        .post("/dns-records/paste", &fields("1h", "5m"))
        .await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        refused
            .body
            .contains("another one here has 1 hour: enter the same for both"),
        "{}",
        refused.body
    );
    assert_eq!(ttls(&test_app, &browser).await, [] as [u32; 0]);
    let saved = browser.post("/dns-records/paste", &fields("", "1h")).await;
    assert_eq!(saved.location(), "/dns-records", "{}", saved.body);
    assert_eq!(ttls(&test_app, &browser).await, [3_600, 3_600]);
}

#[actix_web::test]
async fn a_zone_file_carries_ttls_both_ways() {
    let test_app = TestApp::new().await;
    let mut browser = Browser::signed_in(&test_app, "user1").await;
    let hour = [("ttl", "3600")];
    post_record(&mut browser, "/dns-records/new", "192.0.2.1", &hour).await;
    post_record(&mut browser, "/dns-records/new", "192.0.2.2", &[]).await;
    let file = browser.get("/dns-records/zone-file").await.body;
    assert!(file.contains("\nwww 3600 IN A 192.0.2.1\n"), "{file}");
    let path = "/dns-records/zone-file/compare";
    let compare = async |browser: &mut Browser<'_>, text: &str| {
        let fields = [("intent", "compare"), ("text", text)];
        browser.post(path, &fields).await.body
    };
    let same = compare(&mut browser, &file).await;
    assert!(
        same.contains("The text and your records are the same."),
        "{same}"
    );

    let text = file.replace(" 3600 ", " 60 ");
    let page = compare(&mut browser, &text).await;
    for part in [
        "<del>www.user1.starchart.com 3600 A 192.0.2.1</del>",
        "<ins>www.user1.starchart.com 60 A 192.0.2.1</ins>",
        "<ins>www.user1.starchart.com 60 A 192.0.2.2</ins>",
    ] {
        assert!(page.contains(part), "{part}\n{page}");
    }
    let keys = page.split("name=\"take-").skip(1).map(|rest| {
        let (number, rest) = rest.split_once('"').unwrap();
        let key = rest.split('"').nth(1).unwrap();
        (format!("take-{number}"), key.replace("&#62;", ">"))
    });
    let keys: Vec<(String, String)> = keys.collect();
    let ticks = keys.iter().map(|(name, key)| (name.as_str(), key.as_str()));
    let fields = [("intent", "apply"), ("text", text.as_str())];
    let fields: Vec<(&str, &str)> = fields.into_iter().chain(ticks).collect();
    let applied = browser.post(path, &fields).await;
    assert_eq!(applied.location(), "/dns-records", "{}", applied.body);
    assert_eq!(ttls(&test_app, &browser).await, [60, 60]);
}

/// An RRset has one TTL, so each row of a preview says which one its record gets.
#[actix_web::test]
async fn a_preview_says_of_each_row_which_ttl_results() {
    let test_app = TestApp::with(|config| config.limits.records_per_user = None).await;
    let mut browser = Browser::signed_in(&test_app, "user1").await;
    for value in ["192.0.2.1", "192.0.2.2", "192.0.2.3"] {
        post_record(&mut browser, "/dns-records/new", value, &[]).await;
    }
    let others = "Your other records of this name and type have 5 minutes now, and take this TTL \
                  too, also those that are not ticked here.";
    let (taken, new) = (
        "Its TTL becomes 1 hour, ticked or not",
        "It gets the TTL 1 hour with another record of this name and type here.",
    );
    let kept = "If it stays, its TTL becomes 1 hour with another change";
    let three = "www IN A 192.0.2.1\nwww IN A 192.0.2.2\nwww IN A 192.0.2.3\n";
    for (text, expected) in [
        // The TTL of one, another value without a TTL, and one that is missing.
        (
            "www 3600 IN A 192.0.2.1\nwww IN A 192.0.2.9".to_owned(),
            [
                (others, 1),
                (taken, 1),
                (kept, 1),
                (new, 0),
                (" 3600 A 192.0.2.9", 1),
            ],
        ),
        (
            format!("{three}www 3600 IN A 192.0.2.4\nwww IN A 192.0.2.5"),
            [
                (others, 0),
                (taken, 0),
                (kept, 0),
                (new, 1),
                (" 3600 A 192.0.2.5", 1),
            ],
        ),
        // The TTL that the RRset has.
        (
            "www 300 IN A 192.0.2.1\nwww IN A 192.0.2.9".to_owned(),
            [
                (others, 0),
                (taken, 0),
                (kept, 0),
                (new, 0),
                (" 300 A 192.0.2.9", 1),
            ],
        ),
    ] {
        let fields = [("intent", "compare"), ("text", text.as_str())];
        let page = browser
            .post("/dns-records/zone-file/compare", &fields)
            .await;
        for (words, count) in expected {
            let found = page.body.matches(words).count();
            assert_eq!(found, count, "{words} {text}: {}", page.body);
        }
    }
    let text = "api 3600 IN A 192.0.2.4\napi IN A 192.0.2.5";
    let read = [("intent", "read"), ("text", text)];
    let page = browser.post("/dns-records/paste", &read).await.body;
    assert_eq!(page.matches(new).count(), 1, "{page}");
}

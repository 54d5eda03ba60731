#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use actix_web::http::StatusCode;
use starchart_store::records::{self, HistoryAction, HistoryEntry, HistoryFilter, Record};

use super::records::{list_records, owner_id};
use super::test_app::{Browser, Reply, TestApp};

async fn history(test_app: &TestApp, browser: &Browser<'_>) -> Vec<HistoryEntry> {
    let owner = owner_id(test_app, browser).await;
    let all = HistoryFilter::default();
    records::list_history(&test_app.store, owner, all, 100)
        .await
        .unwrap()
}

async fn create(browser: &mut Browser<'_>, name: &str, rtype: &str, value: &str) {
    let fields = [("subdomain", name), ("type", rtype), ("value", value)];
    let created = browser.post("/dns-records/new", &fields).await;
    assert_eq!(created.location(), "/dns-records", "{}", created.body);
}

async fn delete(browser: &mut Browser<'_>, record: &Record) {
    let id = record.id.to_string();
    let fields = [("intent", "delete-dns-record"), ("id", &id)];
    let deleted = browser.post("/dns-records", &fields).await;
    assert_eq!(deleted.location(), "/dns-records");
}

/// Undoes the newest change with this action.
async fn undo(test_app: &TestApp, browser: &mut Browser<'_>, action: HistoryAction) -> Reply {
    let mut entries = history(test_app, browser).await.into_iter();
    let entry = entries.find(|entry| entry.action == action).unwrap();
    let id = entry.id.0.to_string();
    browser
        .post("/dns-records/history", &[("entry", &id)])
        .await
}

#[actix_web::test]
async fn each_change_can_be_undone_from_the_history() {
    let test_app = TestApp::new().await;
    let mut browser = Browser::signed_in(&test_app, "user1").await;
    create(&mut browser, "www", "A", "192.0.2.1").await;
    let first = list_records(&test_app, &browser).await.remove(0);

    let fields = [("subdomain", "api"), ("type", "A"), ("value", "192.0.2.2")];
    let path = format!("/dns-records/{}", first.id);
    browser.post(&path, &fields).await;
    let undone = undo(&test_app, &mut browser, HistoryAction::Edit).await;
    assert_eq!(undone.location(), "/dns-records", "{}", undone.body);
    let now = list_records(&test_app, &browser).await.remove(0);
    assert_eq!(
        (now.id, now.name, now.presentation),
        (first.id, first.name.clone(), first.presentation.clone())
    );

    delete(&mut browser, &first).await;
    let list = browser.get("/dns-records").await.body;
    let newest = history(&test_app, &browser).await[0].id.0;
    assert!(
        list.contains("successfully deleted")
            && list.contains(&format!("name=\"entry\" value=\"{newest}\"")),
        "the message has a button: {list}"
    );
    let restored = undo(&test_app, &mut browser, HistoryAction::Delete).await;
    assert_eq!(restored.location(), "/dns-records", "{}", restored.body);
    let now = list_records(&test_app, &browser).await.remove(0);
    assert_eq!((now.id, now.created_at), (first.id, first.created_at));

    let again = undo(&test_app, &mut browser, HistoryAction::Delete).await;
    assert_eq!(again.location(), "/dns-records/history");
    let page = browser.get("/dns-records/history").await.body;
    assert!(page.contains("it was restored already"), "{page}");

    let gone = undo(&test_app, &mut browser, HistoryAction::Create).await;
    assert_eq!(gone.location(), "/dns-records");
    assert_eq!(list_records(&test_app, &browser).await, []);
    let only = browser
        .get(&format!("/dns-records/history?record={}", first.id))
        .await;
    assert!(
        only.body
            .contains("Changes of <span class=\"literal\">www.user1")
    );
}

#[actix_web::test]
async fn what_cannot_come_back_is_shown_in_the_form() {
    let test_app = TestApp::new().await;
    let mut browser = Browser::signed_in(&test_app, "user1").await;
    create(&mut browser, "www", "A", "192.0.2.1").await;
    let old = list_records(&test_app, &browser).await.remove(0);
    delete(&mut browser, &old).await;
    create(&mut browser, "www", "CNAME", "example.org").await;

    let refused = undo(&test_app, &mut browser, HistoryAction::Delete).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        refused.body.contains("value=\"192.0.2.1\"") && refused.body.contains("CNAME"),
        "{}",
        refused.body
    );
    assert_eq!(list_records(&test_app, &browser).await.len(), 1);
}

#[actix_web::test]
async fn records_can_be_restored_for_30_days() {
    let test_app = TestApp::new().await;
    let mut browser = Browser::signed_in(&test_app, "user1").await;
    create(&mut browser, "www", "A", "192.0.2.1").await;
    let old = list_records(&test_app, &browser).await.remove(0);
    delete(&mut browser, &old).await;
    let age = |days: i64| {
        let by = days * 24 * 60 * 60 * 1_000 + 60_000;
        format!("UPDATE record_history SET at = at - {by} WHERE action = 'delete'")
    };
    test_app.execute_sql(&age(30)).await;
    let late = undo(&test_app, &mut browser, HistoryAction::Delete).await;
    assert_eq!(late.location(), "/dns-records/history");
    let page = browser.get("/dns-records/history").await.body;
    assert!(page.contains("for 30 days after their end"), "{page}");
    assert!(!page.contains("Restore</button>"), "no button: {page}");
    test_app.execute_sql(&age(-1)).await;
    let restored = undo(&test_app, &mut browser, HistoryAction::Delete).await;
    assert_eq!(restored.location(), "/dns-records");
    assert_eq!(list_records(&test_app, &browser).await.len(), 1);
}

#[actix_web::test]
async fn the_history_of_another_user_is_not_found() {
    let test_app = TestApp::new().await;
    let mut owner = Browser::signed_in(&test_app, "user1").await;
    create(&mut owner, "www", "A", "192.0.2.1").await;
    let record = list_records(&test_app, &owner).await.remove(0);
    delete(&mut owner, &record).await;
    let entry = history(&test_app, &owner).await[0].id.0.to_string();

    let mut stranger = Browser::signed_in(&test_app, "user2").await;
    let refused = stranger
        .post("/dns-records/history", &[("entry", &entry)])
        .await;
    assert_eq!(refused.status, StatusCode::NOT_FOUND);
    let page = stranger
        .get(&format!("/dns-records/history?record={}", record.id))
        .await;
    assert_eq!(page.status, StatusCode::NOT_FOUND);
    let all = stranger.get("/dns-records/history").await.body;
    assert!(!all.contains("192.0.2.1") && all.contains("Nothing was changed yet"));
    for entry in ["", "x", "-1", "99999999999999999999"] {
        let refused = owner
            .post("/dns-records/history", &[("entry", entry)])
            .await;
        assert_eq!(refused.status, StatusCode::NOT_FOUND, "{entry}");
    }
}

#[actix_web::test]
async fn what_is_in_the_way_can_be_replaced_and_brought_back() {
    let test_app = TestApp::new().await;
    let mut browser = Browser::signed_in(&test_app, "user1").await;
    create(&mut browser, "www", "A", "192.0.2.1").await;
    create(&mut browser, "www", "TXT", "proof").await;
    let [a, _] = &list_records(&test_app, &browser).await[..] else {
        panic!("two records")
    };
    let cname = [
        ("subdomain", "www"),
        ("type", "CNAME"),
        ("value", "example.org"),
    ];
    let refused = browser.post("/dns-records/new", &cname).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        refused
            .body
            .contains(&format!("href=\"/dns-records/{}\"", a.id)),
        "a link edits the other: {}",
        refused.body
    );
    let (_, button) = refused
        .body
        .split_once("name=\"replace\" value=\"")
        .unwrap();
    let replace = button.split('"').next().unwrap();

    let path = format!("/dns-records/{}", a.id);
    let edit = [("subdomain", "www"), ("type", "A"), ("value", "192.0.2.2")];
    browser.post(&path, &edit).await;
    let with = |replace| [cname[0], cname[1], cname[2], ("replace", replace)];
    let stale = browser.post("/dns-records/new", &with(replace)).await;
    assert_eq!(stale.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(stale.body.contains("192.0.2.2"), "the value as it is now");
    assert_eq!(list_records(&test_app, &browser).await.len(), 2);

    let (_, button) = stale.body.split_once("name=\"replace\" value=\"").unwrap();
    let replace = button.split('"').next().unwrap().to_owned();
    let done = browser.post("/dns-records/new", &with(&replace)).await;
    assert_eq!(done.location(), "/dns-records", "{}", done.body);
    let left = list_records(&test_app, &browser).await;
    assert_eq!((left.len(), left[0].rtype.as_str()), (1, "CNAME"));
    for unreadable in ["x", "1", "x:y", "1:2:3,4"] {
        let refused = browser.post("/dns-records/new", &with(unreadable)).await;
        assert_eq!(
            refused.status,
            StatusCode::UNPROCESSABLE_ENTITY,
            "{unreadable}"
        );
    }
}

#[actix_web::test]
async fn an_older_change_is_undone_together_with_newer_ones() {
    let test_app = TestApp::new().await;
    let mut browser = Browser::signed_in(&test_app, "user1").await;
    create(&mut browser, "www", "A", "192.0.2.1").await;
    let record = list_records(&test_app, &browser).await.remove(0);
    let path = format!("/dns-records/{}", record.id);
    for value in ["192.0.2.2", "192.0.2.3"] {
        let fields = [("subdomain", "www"), ("type", "A"), ("value", value)];
        browser.post(&path, &fields).await;
    }
    let [second, first, created] = &history(&test_app, &browser).await[..] else {
        panic!("two edits and the creation")
    };
    let page = browser.get("/dns-records/history").await.body;
    for label in ["Undo", "Go back to before this", "Delete it"] {
        let button = format!(">{label}</button>");
        assert_eq!(page.matches(&button).count(), 1, "{button} {page}");
    }
    let mut post = async |entry: &HistoryEntry, fingerprint: Option<&str>| {
        let id = entry.id.0.to_string();
        let mut fields = vec![("entry", id.as_str())];
        fields.extend(fingerprint.map(|seen| ("fingerprint", seen)));
        let reply = browser.post("/dns-records/history", &fields).await;
        let values = list_records(&test_app, &browser).await.into_iter();
        let values: Vec<_> = values.map(|record| record.presentation).collect();
        (reply.location().to_owned(), values.join(" "))
    };
    let changed = |value: &str| ("/dns-records".to_owned(), value.to_owned());
    let kept = |value: &str| ("/dns-records/history".to_owned(), value.to_owned());
    // A page that was opened before the last change.
    assert_eq!(post(first, Some("another")).await, kept("192.0.2.3"));
    let seen = first.now.as_deref();
    assert_eq!(post(first, seen).await, changed("192.0.2.1"));
    assert_eq!(post(first, None).await, kept("192.0.2.1"), "done already");
    assert_eq!(post(second, None).await, changed("192.0.2.2"));
    assert_eq!(post(created, None).await, changed(""), "it is deleted");
    let entries = history(&test_app, &browser).await;
    assert_eq!(entries.len(), 6, "every undone change is a change");
    let restored = undo(&test_app, &mut browser, HistoryAction::Delete).await;
    assert_eq!(restored.location(), "/dns-records", "{}", restored.body);
}

#[actix_web::test]
async fn only_what_is_in_the_way_is_replaced() {
    let test_app = TestApp::new().await;
    let mut browser = Browser::signed_in(&test_app, "user1").await;
    create(&mut browser, "www", "A", "192.0.2.1").await;
    let cname = |name| {
        [
            ("subdomain", name),
            ("type", "CNAME"),
            ("value", "example.org"),
        ]
    };
    let refused = browser.post("/dns-records/new", &cname("www")).await;
    let (_, button) = refused
        .body
        .split_once("name=\"replace\" value=\"")
        .unwrap();
    let replace = button.split('"').next().unwrap();
    // The name is another one by the time the button is pressed.
    let fields = [cname("other").as_slice(), &[("replace", replace)]].concat();
    let refused = browser.post("/dns-records/new", &fields).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        refused.body.contains("look at it again"),
        "{}",
        refused.body
    );
    let left = list_records(&test_app, &browser).await;
    assert_eq!((left.len(), left[0].rtype.as_str()), (1, "A"));
}

/// Returns what the button Undo of the list's message posts.
async fn undo_of_message(browser: &mut Browser<'_>) -> [(&'static str, String); 2] {
    let list = browser.get("/dns-records").await.body;
    let entry = list.split_once("name=\"entry\" value=\"");
    let (_, entry) = entry.unwrap_or_else(|| panic!("no button: {list}"));
    let entry = entry.split('"').next().unwrap().to_owned();
    [("entry", entry), ("together", "1".to_owned())]
}

async fn post_undo(browser: &mut Browser<'_>, undo: &[(&'static str, String); 2]) -> Reply {
    let fields: Vec<(&str, &str)> = undo
        .iter()
        .map(|(name, text)| (*name, text.as_str()))
        .collect();
    browser.post("/dns-records/history", &fields).await
}

/// The user's records as they are shown: name, type, value, TTL and notes, by id.
async fn shown(test_app: &TestApp, browser: &Browser<'_>) -> Vec<(i64, String)> {
    let records = list_records(test_app, browser).await;
    let mut all: Vec<(i64, String)> = records
        .iter()
        .map(|record| (record.id.0, record.fingerprint()))
        .collect();
    all.sort();
    all
}

/// Applies all differences between a zone file's text and the records.
async fn apply_zone_file(browser: &mut Browser<'_>, text: &str) -> Reply {
    const PATH: &str = "/dns-records/zone-file/compare";
    let compare = [("intent", "compare"), ("text", text)];
    let page = browser.post(PATH, &compare).await.body;
    let takes = page.split("name=\"take-").skip(1).map(|part| {
        let (number, rest) = part.split_once("\" value=\"").unwrap();
        let value = rest.split('"').next().unwrap().replace("&#62;", ">");
        (format!("take-{number}"), value)
    });
    let takes: Vec<(String, String)> = takes.collect();
    let takes = takes
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()));
    let fields = [("intent", "apply"), ("text", text)];
    let fields: Vec<(&str, &str)> = fields.into_iter().chain(takes).collect();
    browser.post(PATH, &fields).await
}

#[actix_web::test]
async fn what_was_changed_together_is_undone_together() {
    let test_app = TestApp::with(|config| config.limits.records_per_user = None).await;
    let mut browser = Browser::signed_in(&test_app, "user1").await;
    for (name, value) in [
        ("www", "192.0.2.1"),
        ("www", "192.0.2.2"),
        ("a", "192.0.2.3"),
    ] {
        create(&mut browser, name, "A", value).await;
    }
    browser.get("/dns-records").await;
    let before = shown(&test_app, &browser).await;
    let www = list_records(&test_app, &browser).await;
    let www = www.iter().filter(|record| record.name.starts_with("www"));
    let replace: Vec<String> = www
        .map(|record| format!("{}:{}", record.id, record.fingerprint()))
        .collect();
    let replace = replace.join(",");
    let alias = [
        ("subdomain", "www"),
        ("type", "CNAME"),
        ("value", "host.example.org"),
        ("replace", &replace),
    ];
    let a = list_records(&test_app, &browser).await;
    let a = a
        .iter()
        .find(|record| record.name.starts_with("a."))
        .unwrap()
        .id;
    let edit = format!("/dns-records/{a}");
    let pasted = "c A 192.0.2.4\nd TXT text";
    let paste = [
        ("intent", "save"),
        ("text", pasted),
        ("take-1", "1"),
        ("subdomain-1", "c"),
        ("value-1", "192.0.2.4"),
        ("take-2", "1"),
        ("subdomain-2", "d"),
        ("value-2", "text"),
    ];
    for (path, fields) in [
        ("/dns-records/new", &alias[..]),
        (edit.as_str(), &alias),
        ("/dns-records/paste", &paste),
    ] {
        let done = browser.post(path, fields).await;
        assert_eq!(done.location(), "/dns-records", "{path}: {}", done.body);
        assert_ne!(shown(&test_app, &browser).await, before);
        let undo = undo_of_message(&mut browser).await;
        let undone = post_undo(&mut browser, &undo).await;
        assert_eq!(undone.location(), "/dns-records", "{path}: {}", undone.body);
        let list = browser.get("/dns-records").await.body;
        assert!(
            list.contains("changes have been successfully undone"),
            "{list}"
        );
        assert_eq!(shown(&test_app, &browser).await, before, "{path}");
    }
    // A zone file that creates, changes and deletes, with another TTL for what is left of an RRset.
    let text = "www 3600 IN A 192.0.2.1\n; Course: CS 101\nnew 60 IN TXT \"text\"\n\
                www 3600 IN A 192.0.2.9";
    let applied = apply_zone_file(&mut browser, text).await;
    assert_eq!(applied.location(), "/dns-records", "{}", applied.body);
    let undo = undo_of_message(&mut browser).await;
    assert_ne!(shown(&test_app, &browser).await, before);
    let undone = post_undo(&mut browser, &undo).await;
    assert_eq!(undone.location(), "/dns-records", "{}", undone.body);
    browser.get("/dns-records").await;
    assert_eq!(shown(&test_app, &browser).await, before);

    // What was changed since then is left alone, and so is the rest.
    apply_zone_file(&mut browser, text).await;
    let undo = undo_of_message(&mut browser).await;
    let new = list_records(&test_app, &browser).await;
    let new = new
        .iter()
        .find(|record| record.name.starts_with("new"))
        .unwrap();
    let fields = [("subdomain", "new"), ("type", "TXT"), ("value", "other")];
    browser
        .post(&format!("/dns-records/{}", new.id), &fields)
        .await;
    let changed = shown(&test_app, &browser).await;
    browser.get("/dns-records").await;
    let refused = post_undo(&mut browser, &undo).await;
    assert_eq!(
        refused.location(),
        "/dns-records/history",
        "{}",
        refused.body
    );
    let page = browser.get("/dns-records/history").await.body;
    assert!(
        page.contains("Nothing was undone. new.user1.starchart.com: The record was changed"),
        "{page}"
    );
    assert_eq!(shown(&test_app, &browser).await, changed);
}

//! The list of records: what it shows, and what it does to the records that are ticked.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use actix_web::http::StatusCode;
use actix_web::test::TestRequest;
use starchart_store::records::Record;

use super::records::list_records;
use super::test_app::{Browser, HOST, Reply, TestApp, form_body};

const SELECTED: &str = "/dns-records/selected";

/// Creates an application without a record limit.
async fn unlimited() -> TestApp {
    TestApp::with(|config| config.limits.records_per_user = None).await
}

/// Creates these records, each `name type value`.
async fn create(browser: &mut Browser<'_>, records: &[&str]) {
    for record in records {
        let [name, rtype, value] = record.splitn(3, ' ').collect::<Vec<_>>()[..] else {
            panic!("{record}")
        };
        let fields = [("subdomain", name), ("type", rtype), ("value", value)];
        let created = browser.post("/dns-records/new", &fields).await;
        assert_eq!(
            created.location(),
            "/dns-records",
            "{record}: {}",
            created.body
        );
    }
}

/// Returns the first labels of the names that a list shows, in its order.
fn names(page: &str) -> Vec<String> {
    let cells = page.split("id=\"name-").skip(1);
    cells
        .map(|cell| {
            let (_, text) = cell.split_once('>').unwrap();
            text.split('.').next().unwrap().to_owned()
        })
        .collect()
}

#[actix_web::test]
async fn the_list_is_filtered_and_sorted_by_its_url() {
    let test_app = unlimited().await;
    let mut browser = Browser::signed_in(&test_app, "user1").await;
    let records = [
        "www A 192.0.2.1",
        "www TXT proof",
        "api A 192.0.2.7",
        "b CNAME host.example.org",
    ];
    create(&mut browser, &records).await;
    browser.get("/dns-records").await;
    for (query, expected) in [
        ("", &["api", "b", "www", "www"][..]),
        ("?sort=-name", &["www", "www", "b", "api"]),
        ("?sort=type", &["api", "www", "b", "www"]),
        ("?type=A&sort=-value", &["api", "www"]),
        ("?q=PROOF", &["www"]),
        ("?q=example.org&type=CNAME", &["b"]),
        ("?unknown=1", &["api", "b", "www", "www"]),
    ] {
        let page = browser.get(&format!("/dns-records{query}")).await;
        assert_eq!(page.status, StatusCode::OK);
        assert_eq!(names(&page.body), expected, "{query}");
        assert!(
            page.body.contains("<strong>4</strong>"),
            "{query}: all are counted"
        );
    }
    let sorted = browser.get("/dns-records?q=192&sort=-name").await.body;
    for part in [
        "2 of 4 records",
        "aria-sort=\"descending\"><a href=\"/dns-records?q=192\">Name</a>",
        "<a href=\"/dns-records?q=192&#38;sort=value\">Value</a>",
        "name=\"q\" type=\"search\" value=\"192\"",
        "<input type=\"hidden\" name=\"sort\" value=\"-name\">",
        // A page with ticks and a search that are perhaps not sent yet does not reload itself.
        "<a href=\"/dns-records?q=192&#38;sort=-name\">Show the newest state</a>",
    ] {
        assert!(sorted.contains(part), "{part}: {sorted}");
    }
    let page = browser.get("/dns-records").await.body;
    let row = page.find("repeated-name").unwrap();
    assert_eq!(names(&page[row..]), ["www"], "the name again is marked");
    let none = browser.get("/dns-records?q=%3Cb%3Enothing").await.body;
    assert!(
        none.contains("No record matches")
            && none.contains("&#60;b&#62;nothing")
            && none.contains("<a href=\"/dns-records\">Show all 4</a>")
            && !none.contains("<table"),
        "{none}"
    );
    let twice = browser.get("/dns-records?q=a&q=b").await;
    assert_eq!(twice.status, StatusCode::BAD_REQUEST);
}

/// Returns the checkbox of a record: its name and value.
fn take(number: usize, record: &Record) -> (String, String) {
    let value = format!("{}:{}", record.id, record.fingerprint());
    (format!("take-{number}"), value)
}

async fn change(
    browser: &mut Browser<'_>,
    intent: &str,
    taken: &[(String, String)],
    more: &[(&str, &str)],
) -> Reply {
    let taken = taken
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()));
    let fields: Vec<(&str, &str)> = std::iter::once(("intent", intent))
        .chain(taken)
        .chain(more.iter().copied())
        .collect();
    browser.post(SELECTED, &fields).await
}

fn take_all(records: &[Record]) -> Vec<(String, String)> {
    let numbered = records.iter().enumerate();
    numbered.map(|(at, record)| take(at + 1, record)).collect()
}

#[actix_web::test]
async fn ticked_records_are_renewed_together() {
    let test_app = unlimited().await;
    let mut browser = Browser::signed_in(&test_app, "user1").await;
    create(
        &mut browser,
        &["a A 192.0.2.1", "b A 192.0.2.2", "c A 192.0.2.3"],
    )
    .await;
    test_app
        .execute_sql("UPDATE dns_records SET expires_at = expires_at - 1000000000")
        .await;
    let before = list_records(&test_app, &browser).await;
    let wake_ups = test_app.queue.wake_ups();
    let taken = take_all(&before[..2]);
    let page = browser.get("/dns-records").await.body;
    for (name, value) in &taken {
        let checkbox = format!("name=\"{name}\" value=\"{value}\"");
        assert!(page.contains(&checkbox), "{checkbox}: {page}");
    }
    let renewed = change(&mut browser, "renew-selected", &taken, &[]).await;
    assert_eq!(renewed.location(), "/dns-records", "{}", renewed.body);
    assert_eq!(test_app.queue.wake_ups(), wake_ups + 1, "woken once");
    let now = list_records(&test_app, &browser).await;
    let is_later = |at: usize| now[at].expires_at > before[at].expires_at;
    assert_eq!([is_later(0), is_later(1), is_later(2)], [true, true, false]);
    for table in [
        "record_history WHERE action = 'renew'",
        "audit_trail WHERE action = 'record.renew'",
    ] {
        let count = format!("SELECT COUNT(*) FROM {table}");
        assert_eq!(test_app.query_number(&count).await, 2, "{table}");
    }
    let list = browser.get("/dns-records").await.body;
    assert!(
        list.contains("2 DNS records have been successfully renewed: a.user1.starchart.com, b."),
        "{list}"
    );
    let one = take_all(&now[..1]);
    change(&mut browser, "renew-selected", &one, &[]).await;
    let list = browser.get("/dns-records").await.body;
    assert!(
        list.contains("DNS Record &#34;a.user1.starchart.com&#34; has been successfully renewed")
    );
}

#[actix_web::test]
async fn ticked_records_are_deleted_together_and_come_back_together() {
    let test_app = unlimited().await;
    let mut browser = Browser::signed_in(&test_app, "user1").await;
    create(
        &mut browser,
        &["a A 192.0.2.1", "b TXT b\u{fc}cher", "c A 192.0.2.3"],
    )
    .await;
    let before = list_records(&test_app, &browser).await;
    let taken = take_all(&before[..2]);
    let asked = change(&mut browser, "delete-selected", &taken, &[]).await;
    assert_eq!(asked.status, StatusCode::SEE_OTHER, "{}", asked.body);
    let question = asked.location().to_owned();
    let ids = format!("{},{}", before[0].id, before[1].id);
    assert_eq!(question, format!("/dns-records/selected?records={ids}"));
    let asked = browser.get(&question).await;
    assert_eq!(asked.status, StatusCode::OK, "{}", asked.body);
    for part in [
        "Are you sure?",
        "Delete 2 DNS records",
        "a.user1.starchart.com",
        "b\u{fc}cher",
        &taken[0].1,
        &taken[1].1,
    ] {
        assert!(asked.body.contains(part), "{part}: {}", asked.body);
    }
    assert!(!asked.body.contains("c.user1.starchart.com"));
    assert_eq!(
        list_records(&test_app, &browser).await,
        before,
        "nothing was changed yet"
    );

    let wake_ups = test_app.queue.wake_ups();
    let deleted = change(&mut browser, "delete", &taken, &[]).await;
    assert_eq!(deleted.location(), "/dns-records", "{}", deleted.body);
    assert_eq!(test_app.queue.wake_ups(), wake_ups + 1, "woken once");
    assert_eq!(list_records(&test_app, &browser).await, before[2..]);
    for table in [
        "record_history WHERE action = 'delete'",
        "audit_trail WHERE action = 'record.delete'",
    ] {
        let count = format!("SELECT COUNT(*) FROM {table}");
        assert_eq!(test_app.query_number(&count).await, 2, "{table}");
    }
    let list = browser.get("/dns-records").await.body;
    let again = change(&mut browser, "delete", &taken, &[]).await;
    assert_eq!(again.status, StatusCode::NOT_FOUND, "sent twice");
    // The browser's way back leads to the question, which is a page of its own.
    let back = browser.get(&question).await;
    assert_eq!(back.status, StatusCode::NOT_FOUND);
    assert!(
        back.body
            .contains("2 ticked records are not there any more"),
        "{}",
        back.body
    );

    assert!(
        list.contains("2 DNS records have been successfully deleted: a."),
        "{list}"
    );
    let undone = browser
        .post("/dns-records/history", &undo_fields(&list))
        .await;
    assert_eq!(undone.location(), "/dns-records", "{}", undone.body);
    let now = list_records(&test_app, &browser).await;
    let ids = |records: &[Record]| records.iter().map(|record| record.id).collect::<Vec<_>>();
    assert_eq!(ids(&now), ids(&before));
    assert_eq!(now[0].created_at, before[0].created_at);
    let list = browser.get("/dns-records").await.body;
    assert!(
        list.contains("2 DNS records have been successfully restored"),
        "{list}"
    );
}

/// Returns what the button Undo of the message posts.
fn undo_fields(page: &str) -> [(&'static str, &str); 2] {
    let (_, entry) = page.split_once("name=\"entry\" value=\"").unwrap();
    assert!(page.contains("name=\"together\" value=\"1\""));
    [
        ("entry", entry.split('"').next().unwrap()),
        ("together", "1"),
    ]
}

#[actix_web::test]
async fn all_come_back_or_none() {
    let test_app = TestApp::new().await;
    let mut browser = Browser::signed_in(&test_app, "user1").await;
    create(&mut browser, &["a A 192.0.2.1", "b A 192.0.2.2"]).await;
    let before = list_records(&test_app, &browser).await;
    change(&mut browser, "delete", &take_all(&before), &[]).await;
    let list = browser.get("/dns-records").await.body;
    let undo = undo_fields(&list);

    // Another record is at one of the names.
    create(&mut browser, &["b CNAME host.example.org"]).await;
    let refused = browser.post("/dns-records/history", &undo).await;
    assert_eq!(
        refused.location(),
        "/dns-records/history",
        "{}",
        refused.body
    );
    let page = browser.get("/dns-records/history").await.body;
    assert!(
        page.contains("Nothing was undone. b.user1.starchart.com: This name has a CNAME record"),
        "{page}"
    );
    assert_eq!(list_records(&test_app, &browser).await.len(), 1);

    // They are more than the limit of three allows.
    let alias = list_records(&test_app, &browser).await;
    change(&mut browser, "delete", &take_all(&alias), &[]).await;
    create(&mut browser, &["c A 192.0.2.1", "d A 192.0.2.1"]).await;
    browser.get("/dns-records").await;
    browser.post("/dns-records/history", &undo).await;
    let page = browser.get("/dns-records/history").await.body;
    assert!(
        page.contains("Nothing was undone. User has reached the maximum"),
        "{page}"
    );
    assert_eq!(list_records(&test_app, &browser).await.len(), 2);

    // One of them was restored singly.
    let c_and_d = list_records(&test_app, &browser).await;
    change(&mut browser, "delete", &take_all(&c_and_d), &[]).await;
    let entry = [undo[0]];
    let single = browser.post("/dns-records/history", &entry).await;
    assert_eq!(single.location(), "/dns-records", "{}", single.body);
    browser.get("/dns-records").await;
    browser.post("/dns-records/history", &undo).await;
    let page = browser.get("/dns-records/history").await.body;
    assert!(page.contains("it was restored already"), "{page}");
    assert_eq!(list_records(&test_app, &browser).await.len(), 1);
}

#[actix_web::test]
async fn what_cannot_be_changed_changes_nothing() {
    let test_app = unlimited().await;
    let mut other = Browser::signed_in(&test_app, "user2").await;
    create(&mut other, &["foreign A 192.0.2.9"]).await;
    let foreign = take(8, &list_records(&test_app, &other).await[0]);
    let mut browser = Browser::signed_in(&test_app, "user1").await;
    create(&mut browser, &["a A 192.0.2.1", "b A 192.0.2.2"]).await;
    let before = list_records(&test_app, &browser).await;
    let [a, b] = [take(1, &before[0]), take(2, &before[1])];
    let absent = ("take-9".to_owned(), "999999:x".to_owned());
    let stale = ("take-2".to_owned(), format!("{}:stale", before[1].id));
    let unreadable = ("take-2".to_owned(), "x".to_owned());
    let (missing, changed) = ("record is not there any more", "changed in another window");
    for (taken, intent, status, words) in [
        (
            vec![a.clone(), foreign.clone()],
            "renew-selected",
            404,
            missing,
        ),
        (vec![a.clone(), foreign], "delete-selected", 404, missing),
        (vec![a.clone(), absent.clone()], "delete", 404, missing),
        (vec![a.clone(), stale.clone()], "delete", 409, changed),
        (vec![], "renew-selected", 422, "Tick the records first"),
        (vec![], "delete-selected", 422, "Tick the records first"),
        (
            vec![a.clone(), unreadable],
            "delete",
            422,
            "could not process",
        ),
        (vec![a.clone()], "unknown", 422, "could not process"),
    ] {
        let reply = change(&mut browser, intent, &taken, &[]).await;
        assert_eq!(
            reply.status.as_u16(),
            status,
            "{intent} {taken:?}: {}",
            reply.body
        );
        assert!(
            reply.body.contains(words),
            "{intent} {taken:?}: {}",
            reply.body
        );
        assert_eq!(
            list_records(&test_app, &browser).await,
            before,
            "{intent} {taken:?}"
        );
        if words == missing {
            let checked = format!(
                "value=\"{}\" aria-describedby=\"name-{}\" checked",
                a.1, before[0].id
            );
            assert!(
                reply.body.contains(&checked),
                "the others stay ticked: {}",
                reply.body
            );
        }
    }
    let token = browser.csrf_token().await;
    let fields = [("intent", "delete"), ("take-1", &absent.1)];
    let request = TestRequest::with_uri(SELECTED)
        .method(actix_web::http::Method::POST)
        .insert_header(("host", HOST))
        .insert_header(("origin", super::test_app::ORIGIN))
        .insert_header(("accept", "application/json"))
        .insert_header(("content-type", "application/x-www-form-urlencoded"))
        .set_payload(form_body(&token, &fields));
    let problem = browser.send(request).await;
    assert_eq!(problem.status, StatusCode::NOT_FOUND);
    assert!(problem.body.starts_with('{'), "{}", problem.body);
    // A renewal renews whatever the record is now.
    let renewed = change(&mut browser, "renew-selected", &[stale], &[]).await;
    assert_eq!(renewed.location(), "/dns-records", "{}", renewed.body);
    let deleted = change(&mut browser, "delete", &[b], &[]).await;
    assert_eq!(deleted.location(), "/dns-records", "{}", deleted.body);
}

#[actix_web::test]
async fn a_deletion_that_stops_the_certificate_asks_first() {
    let test_app = unlimited().await;
    let mut browser = Browser::signed_in(&test_app, "user1").await;
    create(&mut browser, &["www A 192.0.2.1"]).await;
    for value in ["letsencrypt.org", "ca.example.org"] {
        let caa = [
            ("subdomain", "@"),
            ("type", "CAA"),
            ("tag", "issue"),
            ("value", value),
        ];
        let created = browser.post("/dns-records/new", &caa).await;
        assert_eq!(created.location(), "/dns-records", "{}", created.body);
    }
    let mut wanted = list_records(&test_app, &browser).await;
    wanted.retain(|record| !record.presentation.contains("ca.example.org"));
    let taken = take_all(&wanted);
    let asked = change(&mut browser, "delete-selected", &taken, &[]).await;
    let asked = browser.get(asked.location()).await;
    assert!(
        asked.body.contains("stops your certificate"),
        "{}",
        asked.body
    );
    let refused = change(&mut browser, "delete", &taken, &[]).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(list_records(&test_app, &browser).await.len(), 3);
    let (_, confirm) = refused
        .body
        .split_once("name=\"confirm\" value=\"")
        .unwrap();
    let confirm = confirm.split('"').next().unwrap();
    let confirm = starchart_testkit::html::unescape(confirm);
    let done = change(&mut browser, "delete", &taken, &[("confirm", &confirm)]).await;
    assert_eq!(done.location(), "/dns-records", "{}", done.body);
    assert_eq!(list_records(&test_app, &browser).await.len(), 1);
}

#[actix_web::test]
async fn messages_have_the_letters_of_a_name_beside_its_ascii_form() {
    let test_app = unlimited().await;
    let mut browser = Browser::signed_in(&test_app, "user1").await;
    let both = "b\u{fc}cher.user1.starchart.com (xn--bcher-kva.user1.starchart.com)";
    create(&mut browser, &["b\u{fc}cher A 192.0.2.1"]).await;
    let id = list_records(&test_app, &browser).await[0].id.to_string();
    for (intent, done) in [
        ("", "created"),
        ("renew-dns-record", "renewed"),
        ("delete-dns-record", "deleted"),
    ] {
        if !intent.is_empty() {
            browser
                .post("/dns-records", &[("intent", intent), ("id", &id)])
                .await;
        }
        let list = browser.get("/dns-records").await.body;
        let message = format!("DNS Record &#34;{both}&#34; has been successfully {done}");
        assert!(list.contains(&message), "{done}: {list}");
    }
    let history = browser.get("/dns-records/history").await.body;
    assert!(history.contains(both), "{history}");
}

/// What one does from a filtered list leads back to it, through every page that asks.
#[actix_web::test]
async fn each_action_leads_back_to_the_same_list() {
    const QUERY: &str = "q=192&type=A&sort=-value";
    let test_app = unlimited().await;
    let mut browser = Browser::signed_in(&test_app, "user1").await;
    create(
        &mut browser,
        &["a A 192.0.2.1", "b A 192.0.2.2", "t TXT text"],
    )
    .await;
    browser.get("/dns-records").await;
    let list = format!("/dns-records?{QUERY}");
    let in_html = list.replace('&', "&#38;");
    let query_in_html = QUERY.replace('&', "&#38;");
    let record = list_records(&test_app, &browser).await.remove(0);
    let id = record.id.to_string();
    let page = browser.get(&list).await.body;
    for part in [
        format!("href=\"/dns-records/{id}?{query_in_html}\""),
        format!("href=\"/dns-records/{id}/delete?{query_in_html}\""),
        format!("href=\"/dns-records/{id}/lookup?{query_in_html}\""),
        format!("href=\"/dns-records/new?{query_in_html}\""),
        format!("href=\"/dns-records/paste?{query_in_html}\""),
        format!("href=\"/dns-records/zone-file/compare?{query_in_html}\""),
        format!("action=\"/dns-records/selected?{query_in_html}\""),
        format!("action=\"{in_html}\""),
    ] {
        assert!(page.contains(&part), "{part}\n{page}");
    }
    // Each page has forms that post to a path with the query, and a link back.
    for path in [
        format!("/dns-records/{id}"),
        format!("/dns-records/{id}/delete"),
        format!("/dns-records/{id}/lookup"),
        "/dns-records/new".to_owned(),
        "/dns-records/paste".to_owned(),
        "/dns-records/zone-file/compare".to_owned(),
        "/dns-records/history".to_owned(),
        format!("/dns-records/selected?records={id}"),
    ] {
        let separator = if path.contains('?') { '&' } else { '?' };
        let page = browser.get(&format!("{path}{separator}{QUERY}")).await;
        assert_eq!(page.status, StatusCode::OK, "{path}");
        let back = format!("href=\"{in_html}\"");
        assert!(page.body.contains(&back), "{path}: {}", page.body);
        let posts = page.body.split("method=\"post\" action=\"").skip(1);
        let posts = posts.map(|rest| rest.split('"').next().unwrap());
        let posts: Vec<&str> = posts.filter(|to| to.starts_with("/dns-records")).collect();
        let with_query = |to: &&str| to.ends_with(&query_in_html);
        assert!(
            !posts.is_empty() && posts.iter().all(with_query),
            "{path}: {posts:?}"
        );
    }
    let delete = |id: &str| -> [(&str, String); 2] {
        [
            ("intent", "delete-dns-record".to_owned()),
            ("id", id.to_owned()),
        ]
    };
    let edited = |value: &str| -> [(&str, String); 3] {
        let value = value.to_owned();
        [
            ("subdomain", "a".to_owned()),
            ("type", "A".to_owned()),
            ("value", value),
        ]
    };
    let new = |name: &str, rtype: &str, value: &str| -> [(&str, String); 3] {
        [("subdomain", name), ("type", rtype), ("value", value)]
            .map(|(field, text)| (field, text.to_owned()))
    };
    let renew = [
        ("intent", "renew-dns-record".to_owned()),
        ("id", id.clone()),
    ];
    let ticked = take(1, &record);
    let selected = [
        ("intent", "renew-selected".to_owned()),
        ("take-1", ticked.1),
    ];
    let all = "/dns-records?sort=-value";
    for (path, fields, location) in [
        (list.clone(), renew.to_vec(), &*list),
        (
            format!("/dns-records/selected?{QUERY}"),
            selected.to_vec(),
            &list,
        ),
        (
            format!("/dns-records/{id}?{QUERY}"),
            edited("192.0.2.9").to_vec(),
            &list,
        ),
        // What is new is shown.
        (
            format!("/dns-records/new?{QUERY}"),
            new("c", "A", "192.0.2.3").to_vec(),
            &list,
        ),
        (
            format!("/dns-records/new?{QUERY}"),
            new("d", "A", "198.51.100.1").to_vec(),
            all,
        ),
        (
            format!("/dns-records/new?{QUERY}"),
            new("e", "TXT", "192").to_vec(),
            all,
        ),
        (list.clone(), delete(&id).to_vec(), &list),
    ] {
        let fields: Vec<(&str, &str)> = fields
            .iter()
            .map(|(name, text)| (*name, text.as_str()))
            .collect();
        let done = browser.post(&path, &fields).await;
        assert_eq!(
            done.location(),
            location,
            "{path} {fields:?}: {}",
            done.body
        );
    }
    let page = browser.get(&list).await.body;
    let undo = undo_fields(&page);
    let undone = browser
        .post(&format!("/dns-records/history?{QUERY}"), &undo)
        .await;
    assert_eq!(undone.location(), list, "{}", undone.body);
    // A record that is gone, and ticks that are refused.
    let gone = browser
        .get(&format!("/dns-records/999999/delete?{QUERY}"))
        .await;
    assert_eq!(gone.status, StatusCode::NOT_FOUND);
    let fields = [("intent", "renew-selected")];
    let none = browser
        .post(&format!("/dns-records/selected?{QUERY}"), &fields)
        .await;
    for page in [gone, none] {
        assert!(
            page.body.contains("name=\"sort\" value=\"-value\""),
            "{}",
            page.body
        );
    }
    // Another site's query leads nowhere else.
    let odd = browser.post(
        "/dns-records/new?q=a&q=b&//evil.example",
        &[("subdomain", "f"), ("type", "A"), ("value", "192.0.2.6")],
    );
    assert_eq!(odd.await.location(), "/dns-records");
}

#[actix_web::test]
async fn a_restored_record_says_that_its_ttl_is_another_one() {
    let test_app = unlimited().await;
    let mut browser = Browser::signed_in(&test_app, "user1").await;
    create(
        &mut browser,
        &["www A 192.0.2.1", "www A 192.0.2.2", "www A 192.0.2.3"],
    )
    .await;
    let before = list_records(&test_app, &browser).await;
    change(&mut browser, "delete", &take_all(&before[..2]), &[]).await;
    let list = browser.get("/dns-records").await.body;
    let undo = undo_fields(&list);
    let path = format!("/dns-records/{}", before[2].id);
    let slow = [
        ("subdomain", "www"),
        ("type", "A"),
        ("value", "192.0.2.3"),
        ("ttl", "3600"),
    ];
    browser.post(&path, &slow).await;
    browser.get("/dns-records").await;
    let undone = browser.post("/dns-records/history", &undo).await;
    assert_eq!(undone.location(), "/dns-records", "{}", undone.body);
    let list = browser.get("/dns-records").await.body;
    let note = "Its TTL was 5 minutes and is 1 hour now, that of the A records of www.user1.";
    assert_eq!(list.matches(note).count(), 2, "{list}");
}

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use actix_web::http::StatusCode;
use starchart_store::lookups::{self, Answer, ServerAnswer, ServerKind};

use super::records::list_records;
use super::test_app::{Browser, TestApp};

#[actix_web::test]
async fn the_page_shows_what_each_server_answered_and_until_when_it_is_remembered() {
    let test_app = TestApp::new().await;
    let mut browser = Browser::signed_in(&test_app, "user1").await;
    let www = [("subdomain", "www"), ("type", "A"), ("value", "192.0.2.1")];
    browser.post("/dns-records/new", &www).await;
    let record = list_records(&test_app, &browser).await.remove(0);
    let path = format!("/dns-records/{}/lookup", record.id);
    let page = browser.get(&path).await.body;
    assert!(
        page.contains("Ask them now") && !page.contains("Asking"),
        "{page}"
    );

    let woken = test_app.queue.wake_ups();
    let asked = browser.post(&path, &[]).await;
    assert_eq!(asked.location(), format!("{path}#world"));
    assert_eq!(test_app.queue.wake_ups(), woken + 1);
    assert!(browser.get(&path).await.body.contains("Asking"));

    let due = lookups::list_due(&test_app.store, 10).await.unwrap();
    assert_eq!(due.len(), 1);
    let answer = |server: &str, kind, answer| ServerAnswer {
        server: server.to_owned(),
        kind,
        answer,
        ttl_s: Some(300),
    };
    let values = |value: &str| Answer::Values(vec![value.to_owned()]);
    let answers = [
        answer("ns1", ServerKind::NameServer, values("192.0.2.1")),
        answer("ns2", ServerKind::NameServer, values("192.0.2.2")),
        ServerAnswer {
            ttl_s: Some(600),
            ..answer("ns3", ServerKind::NameServer, values("192.0.2.1"))
        },
        answer("resolver1", ServerKind::Resolver, values("192.0.2.1")),
        answer(
            "resolver2",
            ServerKind::Resolver,
            Answer::Values(Vec::new()),
        ),
        answer(
            "resolver3",
            ServerKind::Resolver,
            Answer::Failed("timed out".to_owned()),
        ),
    ];
    lookups::record(&test_app.store, &due[0], &answers)
        .await
        .unwrap();
    let page = browser.get(&path).await.body;
    let row = |server: &str| {
        let from = page.find(&format!(">{server}<")).unwrap();
        page[from..].split("</tr>").next().unwrap()
    };
    for (server, is_current, is_remembered) in [
        ("ns1", true, false),
        ("ns2", false, false),
        ("ns3", false, false),
        ("resolver1", true, false),
        ("resolver2", false, true),
    ] {
        let row = row(server);
        assert_eq!(row.contains("As saved"), is_current, "{row}");
        assert_eq!(
            row.contains("may remember this answer until"),
            is_remembered,
            "{row}"
        );
    }
    // The TTL of a name server's answer is that of the zone.
    assert!(row("ns3").contains("192.0.2.1 with the TTL 10 minutes"));
    assert!(row("resolver3").contains("no answer: timed out"));

    let again = browser.post(&path, &[]).await;
    assert_eq!(again.status, StatusCode::SEE_OTHER);
    let due = lookups::list_due(&test_app.store, 10).await.unwrap();
    assert!(due.is_empty(), "not twice within seconds");
}

#[actix_web::test]
async fn the_record_of_another_user_is_not_looked_up() {
    let test_app = TestApp::new().await;
    let mut owner = Browser::signed_in(&test_app, "user1").await;
    let www = [("subdomain", "www"), ("type", "A"), ("value", "192.0.2.1")];
    owner.post("/dns-records/new", &www).await;
    let record = list_records(&test_app, &owner).await.remove(0);
    let mut stranger = Browser::signed_in(&test_app, "user2").await;
    let path = format!("/dns-records/{}/lookup", record.id);
    assert_eq!(
        stranger.post(&path, &[]).await.status,
        StatusCode::NOT_FOUND
    );
    assert_eq!(lookups::list_due(&test_app.store, 10).await.unwrap(), []);
}

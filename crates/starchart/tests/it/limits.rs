//! The limit of records, duplicates and CNAME conflicts, in sequence and concurrently.

use starchart_testkit::wait::{equal, eventually};

use crate::app::{ROOT, TestEnv};
use crate::truth::signed_in;

#[tokio::test]
async fn sixty_saves_at_once_with_a_limit_of_twenty_create_twenty_records() {
    let env = TestEnv::new().await;
    let app = env.start().await;
    let other = env.start().await;
    let browser = signed_in(&env, &app, "user1").await;
    let form = browser
        .clone()
        .get("/dns-records/new")
        .await
        .form("/dns-records/new")
        .with("type", "A")
        .with("value", "192.0.2.1");
    let tasks: Vec<_> = (0..60)
        .map(|n| {
            let mut browser = browser.at(if n % 2 == 0 { app.port } else { other.port });
            let form = form.clone().with("subdomain", &format!("n{n}"));
            tokio::spawn(async move { browser.submit(&form).await })
        })
        .collect();
    let mut statuses = Vec::new();
    for task in tasks {
        let page = task.await.unwrap();
        if page.status == 422 {
            assert!(
                page.body
                    .contains("User has reached the maximum number of dns records: 20 are allowed"),
                "{}",
                page.body
            );
        }
        statuses.push(page.status);
    }
    assert_eq!(
        statuses.iter().filter(|status| **status == 303).count(),
        20,
        "{statuses:?}"
    );
    assert_eq!(
        statuses.iter().filter(|status| **status == 422).count(),
        40,
        "{statuses:?}"
    );
    let mut browser = browser;
    assert_eq!(browser.record_ids().await.len(), 20);
    assert!(browser.get("/dns-records").await.body.contains("20 / 20"));
    let sets = || {
        env.zone
            .sets()
            .into_iter()
            .filter(|set| set.name.ends_with(&format!(".user1.{ROOT}")))
            .count()
    };
    eventually("twenty sets", async || equal(sets(), 20)).await;

    // At the limit a record can be edited, and after a deletion another can be created.
    let id = browser.record_ids().await.remove(0);
    assert_eq!(
        browser.change(&id, &[("value", "192.0.2.2")]).await.status,
        303
    );
    assert_eq!(browser.create("more", "A", "192.0.2.1").await.status, 422);
    let gone = browser
        .get(&format!("/dns-records/{id}/delete"))
        .await
        .form("/dns-records");
    assert_eq!(browser.submit(&gone).await.status, 303);
    assert_eq!(browser.create("more", "A", "192.0.2.1").await.status, 303);
    eventually("twenty again", async || equal(sets(), 20)).await;
}

#[tokio::test]
async fn duplicates_and_records_beside_a_cname_are_refused() {
    let env = TestEnv::new().await;
    let app = env.start().await;
    let mut browser = signed_in(&env, &app, "user1").await;
    let duplicate = "You already have a record with this name, type and value";
    let lonely = "has to be alone";
    let mut refused = async |name: &str, rtype: &str, value: &str, words: &str| {
        let page = browser.create(name, rtype, value).await;
        assert_eq!(
            page.status,
            if words.is_empty() { 303 } else { 422 },
            "{name} {rtype} {value}: {}",
            page.body
        );
        assert!(
            page.body.contains(words),
            "{name} {rtype} {value}: {}",
            page.body
        );
    };
    refused("www", "A", "192.0.2.1", "").await;
    refused("www", "A", "192.0.2.1", duplicate).await;
    refused("WWW", "A", "192.0.2.1", duplicate).await;
    refused("www", "A", "192.0.2.2", "").await;
    refused("www", "TXT", "beside", "").await;
    refused("www", "CNAME", "example.com", lonely).await;
    refused("six", "AAAA", "2001:db8::1", "").await;
    refused("six", "AAAA", "2001:0db8:0::0:1", duplicate).await;
    refused("alone", "CNAME", "example.com", "").await;
    refused("alone", "CNAME", "example.com.", duplicate).await;
    refused("alone", "CNAME", "other.example.com", lonely).await;
    for (rtype, value) in [
        ("A", "192.0.2.1"),
        ("AAAA", "2001:db8::1"),
        ("MX", "mx.example.com"),
        ("TXT", "x"),
    ] {
        refused("alone", rtype, value, lonely).await;
    }
    // A user's domain is not the apex of a zone, so it can be an alias too.
    refused("@", "CNAME", "octocat.github.io", "").await;
    refused("@", "TXT", "beside", lonely).await;
    // By an edit: a type beside a CNAME, and a name that has a CNAME.
    let ids = browser.record_ids().await;
    let of = async |typed: &str| {
        env.db
            .number(&format!(
                "SELECT MIN(id) FROM dns_records WHERE input = '{typed}'"
            ))
            .await
            .to_string()
    };
    let first = of("192.0.2.1").await;
    let cname = of("example.com").await;
    let text = of("beside").await;
    for (id, changes) in [
        (&first, vec![("type", "CNAME"), ("value", "example.com")]),
        (&first, vec![("subdomain", "alone")]),
        (&text, vec![("subdomain", "alone")]),
        (&cname, vec![("subdomain", "www")]),
        (&first, vec![("value", "192.0.2.2")]),
    ] {
        let page = browser.change(id, &changes).await;
        assert_eq!(page.status, 422, "{changes:?}: {}", page.body);
        assert!(
            page.body.contains(lonely) || page.body.contains(duplicate),
            "{}",
            page.body
        );
    }
    // The only record at its name can change its type, and back.
    for (rtype, value) in [
        ("A", "192.0.2.9"),
        ("CNAME", "example.com"),
        ("TXT", "words"),
        ("CNAME", "example.net"),
    ] {
        assert_eq!(
            browser
                .change(&cname, &[("type", rtype), ("value", value)])
                .await
                .status,
            303,
            "{rtype}"
        );
    }
    assert_eq!(browser.record_ids().await, ids);
    let zone = |rtype: &str| {
        format!(
            "{}.user1.{ROOT}",
            if rtype == "CNAME" { "alone" } else { "www" }
        )
    };
    env.shows(&zone("CNAME"), "CNAME", Some("example.net."))
        .await;
    env.shows(&zone("A"), "A", Some("192.0.2.1 | 192.0.2.2"))
        .await;
    env.shows(&zone("TXT"), "TXT", Some("\"beside\"")).await;
    assert_eq!(env.zone.set(&zone("CNAME"), "A"), None);
}

#[tokio::test]
async fn a_cname_and_an_address_saved_at_once_never_coexist() {
    let env = TestEnv::new().await;
    let app = env.start().await;
    let other = env.start().await;
    let browser = signed_in(&env, &app, "user1").await;
    let form = browser
        .clone()
        .get("/dns-records/new")
        .await
        .form("/dns-records/new");
    for round in 0..6 {
        let name = format!("race{round}");
        let both = [
            ("A", "192.0.2.1", app.port),
            ("CNAME", "example.com", other.port),
        ];
        let tasks = both.map(|(rtype, value, port)| {
            let mut browser = browser.at(port);
            let form = form
                .clone()
                .with("subdomain", &name)
                .with("type", rtype)
                .with("value", value);
            tokio::spawn(async move { browser.submit(&form).await.status })
        });
        let mut statuses = Vec::new();
        for task in tasks {
            statuses.push(task.await.unwrap());
        }
        statuses.sort_unstable();
        assert_eq!(statuses, [303, 422], "{name}");
    }
    // Fifty saves of the same record create one.
    let form = form
        .with("subdomain", "same")
        .with("type", "TXT")
        .with("value", "same");
    let tasks: Vec<_> = (0..50)
        .map(|n| {
            let mut browser = browser.at(if n % 2 == 0 { app.port } else { other.port });
            let form = form.clone();
            tokio::spawn(async move { browser.submit(&form).await.status })
        })
        .collect();
    let mut made = 0;
    for task in tasks {
        let status = task.await.unwrap();
        assert!(matches!(status, 303 | 422), "{status}");
        made += i32::from(status == 303);
    }
    assert_eq!(made, 1);
    let sets = || {
        env.zone
            .sets()
            .into_iter()
            .filter(|set| set.name.ends_with(&format!(".user1.{ROOT}")))
            .count()
    };
    eventually("seven sets", async || equal(sets(), 7)).await;
}

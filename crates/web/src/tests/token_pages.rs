//! The pages about API tokens: users create, see and end their own.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use actix_web::http::StatusCode;
use actix_web::test::TestRequest;

use super::test_app::{Browser, HOST, Reply, TestApp};

/// The fields of the form for Certbot.
fn certbot(last_day: &str) -> [(&str, &str); 6] {
    [
        ("preset", "certbot"),
        ("tokenName", "My <server>"),
        ("challenges", "@, www"),
        ("lastDay", last_day),
        ("idleDays", "120"),
        ("networks", ""),
    ]
}

async fn in_days(test_app: &TestApp, days: i64) -> String {
    let now = test_app.store.now().await.unwrap();
    now.plus(days * 24 * 60 * 60 * 1_000).date()
}

/// Returns the secret that a page shows.
fn secret(page: &Reply) -> Option<String> {
    let (_, rest) = page.body.split_once("<code id=\"secret\">")?;
    Some(rest.split('<').next()?.to_owned())
}

async fn create(browser: &mut Browser<'_>, fields: &[(&str, &str)]) -> Reply {
    browser.post("/tokens/new", fields).await
}

async fn accepts(test_app: &TestApp, secret: &str) -> bool {
    let request = TestRequest::with_uri("/api/v1/auth/tokens/")
        .insert_header(("host", HOST))
        .insert_header(("authorization", format!("Token {secret}")));
    test_app.send(request).await.status == StatusCode::OK
}

#[actix_web::test]
async fn a_token_is_created_shown_once_and_ended() {
    let test_app = TestApp::new().await;
    let mut browser = Browser::signed_in(&test_app, "user1").await;
    let last_day = in_days(&test_app, 30).await;
    let page = create(&mut browser, &certbot(&last_day)).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    assert_eq!(page.headers.get("cache-control").unwrap(), "no-store");
    let secret = secret(&page).unwrap();
    assert!(accepts(&test_app, &secret).await);
    for words in [
        "My &#60;server&#62;",
        "www.user1.starchart.com",
        "HTTPREQ_ENDPOINT = https://domains.example.edu/httpreq",
        "-d user1.starchart.com -d &#39;*.user1.starchart.com&#39;",
    ] {
        assert!(page.body.contains(words), "{words}: {}", page.body);
    }
    let list = browser.get("/tokens").await;
    assert!(list.body.contains(&secret[..11]) && !list.body.contains(&secret[11..]));
    assert!(list.body.contains("Ends after 120 days without use"));
    for path in ["/tokens/new?preset=certbot", "/", "/dns-records"] {
        let other = browser.get(path).await;
        assert!(!other.body.contains(&secret[11..]), "{path}");
    }
    let sql = "SELECT COUNT(*) FROM audit_trail WHERE action = 'token.create' \
               AND object LIKE 'My <server> (sc_%'";
    assert_eq!(test_app.query_number(sql).await, 1);

    let id = test_app.query_number("SELECT MAX(id) FROM tokens").await;
    let question = format!("/tokens/{id}/end");
    assert!(list.body.contains(&question));
    let mut other = Browser::signed_in(&test_app, "user2").await;
    assert_eq!(other.get(&question).await.status, StatusCode::NOT_FOUND);
    let id = id.to_string();
    other.post("/tokens", &[("id", &id)]).await;
    assert!(accepts(&test_app, &secret).await, "it is another user's");
    let asked = browser.get(&question).await;
    assert!(asked.body.contains("End this token?"), "{}", asked.body);
    let ended = browser.post("/tokens", &[("id", &id)]).await;
    assert_eq!(ended.location(), "/tokens");
    assert!(!accepts(&test_app, &secret).await);
    let list = browser.get("/tokens").await;
    assert!(list.body.contains("has ended. Nobody can use it any more."));
    assert!(list.body.contains("<strong>Ended</strong>"));
    assert_eq!(browser.get(&question).await.location(), "/tokens");
}

#[actix_web::test]
async fn every_preset_has_a_form_that_works_as_it_is() {
    let test_app = TestApp::new().await;
    let mut browser = Browser::signed_in(&test_app, "user1").await;
    let presets = browser.get("/tokens/new").await;
    let last_day = in_days(&test_app, 365).await;
    for (preset, fields, words) in [
        (
            "server",
            &[("certificateKey", "1")][..],
            "/etc/starchart-fetch.conf",
        ),
        ("certbot", &[("challenges", "@")][..], "certbot certonly"),
        ("router", &[("addresses", "home")][..], "login=home.user1"),
        (
            "github",
            &[
                ("access-1", "write"),
                ("recordNames-1", "preview"),
                ("recordBelow-1", "1"),
                ("recordTypes-1", ""),
            ][..],
            "secrets.STARCHART_TOKEN",
        ),
        ("custom", &[("certificateRead", "1")][..], "auth/tokens/"),
    ] {
        let href = format!("/tokens/new?preset={preset}");
        assert!(presets.body.contains(&href), "{preset}");
        let form = browser.get(&href).await;
        let value = format!("inputmode=\"numeric\" value=\"{last_day}\"");
        assert!(form.body.contains(&value), "{preset}: {}", form.body);
        for (name, _) in fields {
            assert!(
                form.body.contains(&format!("name=\"{name}\"")),
                "{preset}: {name}"
            );
        }
        let mut sent = vec![
            ("preset", preset),
            ("tokenName", preset),
            ("lastDay", &last_day),
        ];
        sent.extend_from_slice(fields);
        let created = create(&mut browser, &sent).await;
        assert_eq!(created.status, StatusCode::OK, "{preset}: {}", created.body);
        assert!(created.body.contains(words), "{preset}: {}", created.body);
    }
}

#[actix_web::test]
async fn faults_are_shown_beside_what_was_typed() {
    let test_app = TestApp::new().await;
    let mut browser = Browser::signed_in(&test_app, "user1").await;
    let late = in_days(&test_app, 400).await;
    let fields = [
        ("preset", "custom"),
        ("tokenName", "ci"),
        ("access-2", "write"),
        ("recordNames-2", "*.dev"),
        ("recordTypes-2", "TXT"),
        ("networks", "router"),
        ("lastDay", late.as_str()),
    ];
    let page = create(&mut browser, &fields).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    for words in [
        "href=\"#recordNames-2\"",
        "value=\"*.dev\"",
        "value=\"router\"",
        "a token is valid for at most a year",
        "is neither an address",
    ] {
        assert!(page.body.contains(words), "{words}: {}", page.body);
    }
    let empty = [
        ("preset", "custom"),
        ("tokenName", "ci"),
        ("lastDay", &late[..0]),
    ];
    let page = create(&mut browser, &empty).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    let none = create(&mut browser, &[("preset", "all"), ("tokenName", "ci")]).await;
    assert_eq!(none.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(
        test_app.query_number("SELECT COUNT(*) FROM tokens").await,
        0
    );
}

#[actix_web::test]
async fn an_admin_who_impersonates_creates_no_token_but_can_end_one() {
    let test_app = TestApp::new().await;
    let secret_of_user = test_app
        .token("user1", starchart_domain::token::TokenRights::default())
        .await;
    let mut admin = Browser::signed_in(&test_app, "user3").await;
    let fields = [
        ("intent", "impersonate-user"),
        ("newEffectiveUsername", "user1"),
        ("found", ""),
    ];
    admin.post("/admin", &fields).await;
    let form = admin.get("/tokens/new?preset=certbot").await;
    assert!(form.body.contains("Only the user can create a token"));
    assert!(!form.body.contains("id=\"token-form\""));
    let last_day = in_days(&test_app, 30).await;
    let refused = create(&mut admin, &certbot(&last_day)).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert_eq!(secret(&refused), None);
    let list = admin.get("/tokens").await;
    assert!(list.body.contains(&secret_of_user[..11]));
    let id = test_app.query_number("SELECT MAX(id) FROM tokens").await;
    admin.post("/tokens", &[("id", &id.to_string())]).await;
    assert!(!accepts(&test_app, &secret_of_user).await);
    let sql = "SELECT COUNT(*) FROM audit_trail WHERE action = 'token.end' \
               AND on_behalf_of IS NOT NULL";
    assert_eq!(test_app.query_number(sql).await, 1);
}

#[actix_web::test]
async fn an_admin_sees_and_ends_the_tokens_of_all_users() {
    let test_app = TestApp::new().await;
    let rights = starchart_domain::token::TokenRights::default;
    let one = test_app.token("user1", rights()).await;
    let two = test_app.token("user2", rights()).await;
    let mut admin = Browser::signed_in(&test_app, "user3").await;
    let all = admin.get("/admin/tokens").await;
    assert!(all.body.contains(&one[..11]) && all.body.contains(&two[..11]));
    let of_one = admin.get("/admin/tokens?user=user1").await;
    assert!(of_one.body.contains(&one[..11]) && !of_one.body.contains(&two[..11]));
    let id = test_app.query_number("SELECT MIN(id) FROM tokens").await;
    let fields = [("item", &*id.to_string()), ("username", "user1")];
    let ended = admin.post("/admin/tokens", &fields).await;
    assert_eq!(ended.location(), "/admin/tokens?user=user1");
    assert!(!accepts(&test_app, &one).await && accepts(&test_app, &two).await);
    let list = admin.get("/admin/tokens").await;
    assert!(!list.body.contains(&format!("token-{id}\"")) && list.body.contains("has ended"));
    let again = admin.post("/admin/tokens", &fields).await;
    assert_eq!(again.status, StatusCode::SEE_OTHER);
}

#[actix_web::test]
async fn requests_of_tokens_are_shown_to_owners_and_admins_and_ordered() {
    let test_app = TestApp::new().await;
    let rights = starchart_domain::token::TokenRights::default;
    let mut secrets = Vec::new();
    for user in ["user1", "user2", "user4"] {
        secrets.push(test_app.token(user, rights()).await);
    }
    let send = async |secret: &str, path: &str| {
        let request = TestRequest::with_uri(path)
            .insert_header(("host", HOST))
            .insert_header(("authorization", format!("Token {secret}")));
        test_app.send(request).await.status
    };
    for _ in 0..3 {
        assert_eq!(send(&secrets[0], "/api/v1/domains/").await, StatusCode::OK);
    }
    let refused = send(&secrets[1], "/api/v1/certificate/").await;
    assert_eq!(refused, StatusCode::FORBIDDEN);
    test_app.app.store_token_usage().await;

    let mut admin = Browser::signed_in(&test_app, "user3").await;
    let prefixes: Vec<&str> = secrets.iter().map(|secret| &secret[..11]).collect();
    let listed = |page: &Reply| -> Vec<usize> {
        let mut found: Vec<(usize, usize)> = prefixes
            .iter()
            .enumerate()
            .filter_map(|(at, prefix)| Some((page.body.find(prefix)?, at)))
            .collect();
        found.sort_unstable();
        found.into_iter().map(|(_, at)| at).collect()
    };
    for (path, expected) in [
        ("/admin/tokens", &[2, 1, 0][..]),
        ("/admin/tokens?sort=requests", &[0, 1]),
        ("/admin/tokens?sort=errors", &[1]),
        ("/admin/tokens?sort=requests&user=user2", &[1]),
        ("/admin/tokens?sort=errors&user=user1", &[]),
    ] {
        let page = admin.get(path).await;
        assert_eq!(page.status, StatusCode::OK, "{path}");
        assert_eq!(listed(&page), expected, "{path}");
    }
    let all = admin.get("/admin/tokens").await;
    for words in [
        "Last hour: 3 requests<br>",
        "Last hour: 1 request, 1 not allowed (401, 403)<br>",
        "By REST 3",
        "None within a day",
    ] {
        assert!(all.body.contains(words), "{words}: {}", all.body);
    }
    let mut owner = Browser::signed_in(&test_app, "user1").await;
    let list = owner.get("/tokens").await;
    assert!(list.body.contains("Last day: 3 requests"), "{}", list.body);
    assert!(!list.body.contains("not allowed"), "it is another user's");

    // An hour later they are those of the last day, and a day later they are gone.
    test_app.store.set_clock_offset(2 * 60 * 60 * 1_000);
    let page = admin.get("/admin/tokens?sort=requests").await;
    assert!(page.body.contains("There are none."), "{}", page.body);
    let list = owner.get("/tokens").await;
    assert!(list.body.contains("Last hour: 0 requests"), "{}", list.body);
    test_app.store.set_clock_offset(26 * 60 * 60 * 1_000);
    starchart_store::housekeeping::purge(&test_app.store)
        .await
        .unwrap();
    let rows = "SELECT COUNT(*) FROM token_usage";
    assert_eq!(test_app.query_number(rows).await, 0);
}

#[actix_web::test]
async fn the_list_says_that_the_api_is_off() {
    let off = |config: &mut crate::WebConfig| config.api.protocols.clear();
    let test_app = TestApp::with(off).await;
    let mut browser = Browser::signed_in(&test_app, "user1").await;
    let list = browser.get("/tokens").await;
    assert!(list.body.contains("The API is turned off at the moment"));
}

#[actix_web::test]
async fn the_lines_for_a_server_have_its_names_and_its_minute() {
    let test_app = TestApp::new().await;
    let mut browser = Browser::signed_in(&test_app, "user1").await;
    let last_day = in_days(&test_app, 365).await;
    let sent = [
        ("preset", "server"),
        ("tokenName", "server"),
        ("certificateKey", "1"),
        ("lastDay", &last_day),
    ];
    let page = create(&mut browser, &sent).await;
    for words in [
        "/static/starchart-fetch.sh",
        "/etc/ssl/starchart/user1.starchart.com.bundle.pem",
        "/etc/ssl/starchart/user1.starchart.com.privkey.pem",
        "OnCalendar=hourly",
        "www.user1.starchart.com {",
        "Register-ScheduledTask",
        "Read the certificate with its private key",
    ] {
        assert!(page.body.contains(words), "{words}: {}", page.body);
    }
    assert!(!page.body.contains("@ORIGIN@") && !page.body.contains("@TOKEN@"));
    let cron = page.body.lines().find(|line| line.contains("cron.d"));
    let cron = cron.unwrap_or_default();
    assert!(
        cron.contains(" * * * * root /usr/local/bin/starchart-fetch"),
        "{cron}"
    );
    let script = browser.get("/static/starchart-fetch.sh").await;
    assert_eq!(script.header("content-type"), "text/plain; charset=utf-8");
    assert!(script.body.starts_with("#!/bin/sh\n"));
}

//! API tokens over HTTP: what they open, and that their end counts at once on every process.

use reqwest::{Method, header};
use serde_json::Value;

use crate::admin::admin;
use crate::app::{App, TestEnv};
use crate::browser::{Browser, Page};
use crate::truth::signed_in;

const TOKENS: &str = "/api/v1/auth/tokens/";

/// Creates a token on the page, and returns its id and its secret.
async fn create(env: &TestEnv, browser: &mut Browser, networks: &str) -> (i64, String) {
    let form = browser.get("/tokens/new?preset=certbot").await;
    let form = form.form("/tokens/new").with("networks", networks);
    let page = browser.submit(&form).await;
    assert_eq!(page.status, 200, "{}", page.body);
    let (_, rest) = page.body.split_once("<code id=\"secret\">").unwrap();
    let secret = rest.split('<').next().unwrap().to_owned();
    let id = env.db.number("SELECT MAX(id) FROM tokens").await;
    (id, secret)
}

/// Asks for the token itself, as a program does: without cookies.
async fn ask(app: &App, secret: &str, from: &str) -> Page {
    let mut client = app.browser();
    let request = client
        .request(Method::GET, TOKENS)
        .header("X-Forwarded-For", from)
        .header(header::USER_AGENT, "a client")
        .header(header::AUTHORIZATION, format!("Token {secret}"));
    client.send(request).await
}

/// Returns the statuses of both processes, asked one after the other.
async fn statuses(apps: &[&App; 2], secret: &str) -> [u16; 2] {
    let one = ask(apps[0], secret, "198.51.100.7").await.status;
    [one, ask(apps[1], secret, "198.51.100.7").await.status]
}

#[tokio::test]
async fn the_end_of_a_token_counts_at_once_on_every_process() {
    let env = TestEnv::new().await;
    let one = env.start().await;
    let two = env.start().await;
    let apps = [&one, &two];
    let mut browser = signed_in(&env, &one, "user1").await;
    let mut admin = admin(&env, &two).await;

    // By its owner, on a page.
    let (id, secret) = create(&env, &mut browser, "").await;
    assert_eq!(statuses(&apps, &secret).await, [200, 200]);
    let question = browser.get(&format!("/tokens/{id}/end")).await;
    browser.submit(&question.form("/tokens")).await;
    assert_eq!(statuses(&apps, &secret).await, [401, 401], "ended");

    // By itself.
    let (id, secret) = create(&env, &mut browser, "").await;
    let mut client = two.browser();
    let request = client
        .request(Method::DELETE, &format!("{TOKENS}{id}/"))
        .header(header::AUTHORIZATION, format!("Bearer {secret}"));
    assert_eq!(client.send(request).await.status, 204);
    assert_eq!(
        statuses(&apps, &secret).await,
        [401, 401],
        "ended by itself"
    );

    // By an admin.
    let (id, secret) = create(&env, &mut browser, "").await;
    let all = admin.get("/admin/tokens?user=user1").await;
    let form = all.form("/admin/tokens");
    assert_eq!(form.value("item"), Some(&*id.to_string()));
    admin.submit(&form).await;
    assert_eq!(
        statuses(&apps, &secret).await,
        [401, 401],
        "ended by an admin"
    );

    // By time, and without use.
    for (what, change) in [
        ("expired", "expires_at = 1"),
        ("unused", "idle_ms = 1000, last_used_at = 1"),
    ] {
        let (id, secret) = create(&env, &mut browser, "").await;
        assert_eq!(statuses(&apps, &secret).await, [200, 200]);
        let sql = format!("UPDATE tokens SET {change} WHERE id = {id}");
        env.db.run(&sql).await;
        assert_eq!(statuses(&apps, &secret).await, [401, 401], "{what}");
    }

    // With its owner.
    let (_, secret) = create(&env, &mut browser, "").await;
    let suspend = "UPDATE users SET suspended_at = 1 WHERE subject = 'user1'";
    env.db.run(suspend).await;
    assert_eq!(statuses(&apps, &secret).await, [401, 401], "suspended");
    let release = "UPDATE users SET suspended_at = NULL WHERE subject = 'user1'";
    env.db.run(release).await;
    assert_eq!(statuses(&apps, &secret).await, [200, 200], "and again");
    let question = admin.get("/admin/delete?username=user1").await;
    assert!(
        question.body.contains("1 API token ends at once."),
        "{}",
        question.body
    );
    let deleted = admin.submit(&question.form("/admin")).await;
    assert_eq!(deleted.status, 303, "{}", deleted.body);
    assert_eq!(statuses(&apps, &secret).await, [401, 401], "deleted");
    signed_in(&env, &one, "user1").await;
    assert_eq!(statuses(&apps, &secret).await, [401, 401], "and back");
}

#[tokio::test]
async fn a_token_is_accepted_from_its_networks_as_trusted_proxies_report_them() {
    let env = TestEnv::new().await;
    let app = env.start().await;
    let mut browser = signed_in(&env, &app, "user1").await;
    let (_, secret) = create(&env, &mut browser, "198.51.100.0/24, 2001:db8::7").await;
    for (from, status) in [
        ("198.51.100.7", 200),
        ("198.51.101.7", 401),
        ("2001:db8::7", 200),
        ("2001:db8::8", 401),
        // What a client itself has put in front of its address.
        ("198.51.100.7, 192.0.2.1", 401),
    ] {
        assert_eq!(ask(&app, &secret, from).await.status, status, "{from}");
    }
    // The list names the client of a minute ago at most.
    let list = browser.get("/tokens").await;
    assert!(
        list.body.contains("198.51.100.7") && list.body.contains("a client"),
        "{}",
        list.body
    );

    let refused = ask(&app, &secret, "192.0.2.1").await;
    assert_eq!(refused.header("www-authenticate"), "Token");
    assert_eq!(refused.header("content-type"), "application/problem+json");
    let problem: Value = serde_json::from_str(&refused.body).unwrap();
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.starts_with("Invalid token."), "{problem}");
}

#[tokio::test]
async fn tokens_open_the_api_only_and_cookies_pages_only() {
    let env = TestEnv::new().await;
    let app = env.start().await;
    let mut browser = signed_in(&env, &app, "user3").await;
    let (id, secret) = create(&env, &mut browser, "").await;
    let (other, _) = create(&env, &mut browser, "").await;
    let with_token = async |method: Method, path: &str| {
        let mut client = app.browser();
        let request = client
            .request(method, path)
            .header(header::AUTHORIZATION, format!("Token {secret}"));
        let page = client.send(request).await;
        assert!(
            page.set_cookies().is_empty(),
            "{path}: {:?}",
            page.set_cookies()
        );
        page
    };
    for path in [
        "/",
        "/dns-records",
        "/certificate",
        "/tokens",
        "/admin",
        "/admin/tokens",
    ] {
        let page = with_token(Method::GET, path).await;
        assert!(
            page.location().starts_with("/login"),
            "{path}: {}",
            page.status
        );
    }
    for (method, path) in [
        (Method::POST, "/tokens"),
        (Method::POST, "/tokens/new"),
        (Method::POST, "/dns-records/new"),
        (Method::POST, "/admin/tokens"),
    ] {
        assert_eq!(with_token(method, path).await.status, 403, "{path}");
    }
    let own = with_token(Method::GET, &format!("{TOKENS}{id}/")).await;
    assert_eq!(own.status, 200, "{}", own.body);
    for method in [Method::GET, Method::DELETE] {
        let path = format!("{TOKENS}{other}/");
        assert_eq!(with_token(method, &path).await.status, 404, "another token");
    }
    for method in [Method::GET, Method::DELETE] {
        let request = browser.request(method, &format!("{TOKENS}{id}/"));
        assert_eq!(browser.send(request).await.status, 401, "a cookie");
    }
    // The log names the token by its id, and has no secret.
    let lines = app.log_lines();
    let is_named = |line: &Value| line["token"].as_i64() == Some(id);
    assert!(
        lines.iter().any(is_named),
        "no line of token {id}: {lines:#?}"
    );
    let log = app.server.log();
    assert!(!log.contains(&secret[11..]), "the secret is in {log}");
}

#[tokio::test]
async fn a_protocol_that_is_off_has_no_paths() {
    for (name, value, status) in [
        ("API_PROTOCOLS", "powerdns,dyndns", 404),
        ("API_ENABLED", "0", 404),
        ("API_PROTOCOLS", "rest", 200),
    ] {
        let env = TestEnv::new().await.set(name, value);
        let app = env.start().await;
        let mut browser = signed_in(&env, &app, "user1").await;
        let (_, secret) = create(&env, &mut browser, "").await;
        let page = ask(&app, &secret, "198.51.100.7").await;
        assert_eq!(page.status, status, "{name}={value}: {}", page.body);
        let list = browser.get("/tokens").await;
        let is_off = list.body.contains("The API is turned off");
        assert_eq!(is_off, name == "API_ENABLED", "{name}={value}");
    }
}

#[tokio::test]
async fn a_token_that_hammers_is_throttled_and_pages_are_not() {
    let env = TestEnv::new().await.set("API_REQUESTS_PER_MINUTE", "20");
    let app = env.start().await;
    let mut browser = signed_in(&env, &app, "user1").await;
    let (_, secret) = create(&env, &mut browser, "").await;
    let mut throttled = None;
    for _ in 0..40 {
        let page = ask(&app, &secret, "198.51.100.7").await;
        if page.status == 429 {
            throttled = Some(page);
            break;
        }
    }
    let throttled = throttled.expect("a refusal within 40 requests");
    let wait: u64 = throttled.header("retry-after").parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    assert!(
        throttled
            .body
            .contains(&format!("available in {wait} seconds"))
    );
    assert_eq!(browser.get("/dns-records").await.status, 200);
    assert_eq!(browser.create("www", "A", "192.0.2.1").await.status, 303);
}

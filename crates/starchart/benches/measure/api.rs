//! `script/bench api`: how long the answer to a challenge takes to reach the zone, what updates of
//! dynamic addresses write that change nothing, and what a token that hammers costs a page.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use starchart_domain::token::TokenSecret;
use starchart_testkit::wait::completes;

use crate::app::{App, ROOT, TestEnv};
use crate::browser::{Browser, Page, identity};

/// ACME clients that answer challenges at the same time, each in turn.
const CLIENTS: usize = 16;
const CHALLENGES: usize = 10;
const UNCHANGED: usize = 1_000;
/// The requests a second of the token that hammers.
const HAMMER_PER_SECOND: u64 = 200;
/// The page of a user with this many records.
const RECORDS: usize = 20;
/// What no update that changes nothing changes, as numbers.
const WRITTEN: [(&str, &str); 5] = [
    ("names", "SELECT CAST(SUM(generation) AS SIGNED) FROM names"),
    (
        "records",
        "SELECT CAST(SUM(updated_at + expires_at) AS SIGNED) FROM dns_records",
    ),
    ("history", "SELECT COUNT(*) FROM record_history"),
    ("trail", "SELECT COUNT(*) FROM audit_trail"),
    ("mails", "SELECT COUNT(*) FROM outbox"),
];

pub async fn run(quick: bool) {
    let env = TestEnv::new()
        .await
        .set("ROUTE53_REQUESTS_PER_SECOND", "4")
        .set("LOG_LEVEL", "info")
        .set("API_REQUESTS_PER_MINUTE", "1000000");
    let app = env.start().await;
    present(&env, &app).await;
    unchanged(&env, &app).await;
    let seconds = if quick { 3 } else { 20 };
    hammer("limit raised", &env, seconds).await;
    let env = env.set("API_REQUESTS_PER_MINUTE", "");
    hammer("default limit", &env, seconds).await;
}

/// Creates a user who has signed in, and a token that may do everything.
async fn user(env: &TestEnv, app: &App, name: &str) -> (Browser, String) {
    let mut browser = app.browser();
    browser.sign_in(&env.idp, &identity(name, &[])).await;
    let secret = TokenSecret::from_random(&Sha256::digest(name).into());
    let (prefix, hash) = (secret.prefix(), hex::encode(secret.hash()));
    let rights = r#"{"records":[{"access":"write","names":"all","types":[]}]}"#;
    env.db
        .run(&format!(
            "INSERT INTO tokens \
             (user_id, name, prefix, hash, rights, networks, created_at, expires_at) \
             SELECT id, 'bench', '{prefix}', X'{hash}', '{rights}', '', created_at, \
             created_at + 86400000 FROM users WHERE username = '{name}'"
        ))
        .await;
    (browser, secret.expose().to_owned())
}

async fn send(app: &App, secret: &str, method: Method, path: &str, body: String) -> Page {
    let mut client = app.browser();
    let request = client
        .request(method, path)
        .basic_auth("user", Some(secret))
        .header("Content-Type", "application/json")
        .body(body);
    client.send(request).await
}

fn print(what: &str, mut times: Vec<Duration>) {
    times.sort();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    let (half, most, count) = (at(0.5), at(0.99), times.len());
    println!("{what:<34} p50 {half:.1} ms, p99 {most:.1} ms ({count})");
}

/// A time runs from before the request until the value is in the zone.
async fn present(env: &TestEnv, app: &App) {
    let mut clients = Vec::new();
    for n in 0..CLIENTS {
        let name = format!("acme{n}");
        let (_, secret) = user(env, app, &name).await;
        clients.push(present_in_turn(env, app, name, secret));
    }
    let times = join_all(clients).await.into_iter().flatten().collect();
    print(&format!("present to zone, {CLIENTS} clients"), times);
}

async fn present_in_turn(env: &TestEnv, app: &App, user: String, secret: String) -> Vec<Duration> {
    let mut times = Vec::with_capacity(CHALLENGES);
    for n in 0..CHALLENGES {
        let name = format!("_acme-challenge.n{n}.{user}.{ROOT}");
        let value = format!("{:x<43}", format!("{user}-{n}-"));
        let body = || json!({ "fqdn": format!("{name}."), "value": value }).to_string();
        let begun = Instant::now();
        let page = send(app, &secret, Method::POST, "/httpreq/present", body()).await;
        assert_eq!(page.status, 200, "{}", page.body);
        let published = async {
            while env.zone.set(&name, "TXT").is_none() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        completes(&name, published).await;
        times.push(begun.elapsed());
        let page = send(app, &secret, Method::POST, "/httpreq/cleanup", body()).await;
        assert_eq!(page.status, 200, "{}", page.body);
    }
    times
}

/// Counts what updates write that change nothing.
async fn unchanged(env: &TestEnv, app: &App) {
    let (_, secret) = user(env, app, "router").await;
    let host = format!("home.router.{ROOT}");
    let path = format!("/nic/update?hostname={host}&myip=192.0.2.1");
    let first = send(app, &secret, Method::GET, &path, String::new()).await;
    assert!(first.body.starts_with("good"), "{}", first.body);
    let published = async {
        while env.zone.set(&host, "A").is_none() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    completes(&host, published).await;
    let written = async || {
        let mut numbers = Vec::new();
        for (_, sql) in WRITTEN {
            numbers.push(env.db.number(sql).await);
        }
        numbers
    };
    let (before, calls) = (written().await, env.zone.counts().change);
    let mut times = Vec::with_capacity(UNCHANGED);
    for _ in 0..UNCHANGED {
        let begun = Instant::now();
        let page = send(app, &secret, Method::GET, &path, String::new()).await;
        assert!(page.body.starts_with("nochg"), "{}", page.body);
        times.push(begun.elapsed());
    }
    let after = written().await;
    let differences = WRITTEN.iter().zip(before).zip(after);
    let changed = differences.map(|(((name, _), before), after)| (*name, after - before));
    let changed: Vec<(&str, i64)> = changed.collect();
    let calls = env.zone.counts().change - calls;
    print("update that changes nothing", times);
    println!("  written by all of them: {changed:?}, calls to the zone: {calls}");
}

/// Measures a page while nothing happens, and while a token makes many requests.
async fn hammer(what: &str, env: &TestEnv, seconds: u64) {
    let app = env.start().await;
    let name = format!("hammer{}", what.len());
    let (mut browser, secret) = user(env, &app, &name).await;
    for n in 0..RECORDS {
        let page = browser.create(&format!("n{n}"), "A", "192.0.2.1").await;
        assert_eq!(page.status, 303, "{}", page.body);
    }
    let idle = read_page(&mut browser, seconds).await;
    print(&format!("page, idle ({what})"), idle);
    let path = format!("/api/v1/domains/{name}.{ROOT}/rrsets/");
    let hammering = async {
        let mut every = tokio::time::interval(Duration::from_millis(1_000 / HAMMER_PER_SECOND));
        let mut sent = tokio::task::JoinSet::new();
        for _ in 0..HAMMER_PER_SECOND * seconds {
            every.tick().await;
            let client = app.browser();
            let request = client
                .request(Method::GET, &path)
                .header("Authorization", format!("Token {secret}"));
            sent.spawn(async move { request.send().await.map(|answer| answer.status()) });
        }
        let statuses = sent.join_all().await;
        let is = |status: u16| {
            let all = statuses.iter().flatten();
            all.filter(|found| found.as_u16() == status).count()
        };
        println!(
            "  {} requests: {} × 200, {} × 429",
            statuses.len(),
            is(200),
            is(429)
        );
    };
    let (loaded, ()) = tokio::join!(read_page(&mut browser, seconds), hammering);
    print(
        &format!("page, {HAMMER_PER_SECOND}/s of a token ({what})"),
        loaded,
    );
}

async fn read_page(browser: &mut Browser, seconds: u64) -> Vec<Duration> {
    let (mut times, start) = (Vec::new(), Instant::now());
    while start.elapsed() < Duration::from_secs(seconds) {
        let begun = Instant::now();
        let page = browser.get("/dns-records").await;
        assert_eq!(page.status, 200, "{}", page.body);
        times.push(begun.elapsed());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    times
}

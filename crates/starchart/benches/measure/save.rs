//! `script/bench save`: how long a save takes to reach the zone, and what an idle process costs.

use std::time::{Duration, Instant};

use futures_util::future::join_all;

use crate::app::{self, App, ROOT, TestEnv};
use crate::browser::{Browser, identity};
use crate::process;

/// How many records each user saves.
const SAVES: usize = 10;

pub async fn run() {
    // The default rate of requests to Route53, but no limit of records.
    let env = TestEnv::new()
        .await
        .set("ROUTE53_REQUESTS_PER_SECOND", "4")
        .set("LOG_LEVEL", "info")
        .set("USER_DNS_RECORD_LIMIT", "");
    let size = std::fs::metadata(app::binary()).unwrap().len();
    println!("binary                 {:.1} MB", size as f64 / 1e6);
    drop(env.start().await);
    let begun = Instant::now();
    let app = env.start().await;
    println!(
        "start to ready         {} ms (schema migrated; polled every 20 ms)",
        begun.elapsed().as_millis()
    );
    tokio::time::sleep(Duration::from_secs(5)).await;
    println!(
        "resident, idle         {:.1} MB",
        process::memory(app.pid()).0
    );
    for users in [1, 64] {
        let mut times = save(&env, &app, users).await;
        times.sort();
        let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_millis();
        println!(
            "save to API, {users:>2} users  p50 {} ms, p99 {} ms ({} saves)",
            at(0.5),
            at(0.99),
            times.len()
        );
    }
    println!(
        "resident, after load   {:.1} MB",
        process::memory(app.pid()).0
    );
    let counts = env.zone.counts();
    println!("calls to the zone      {counts:?}");
}

/// Lets all users save at once, each one record after the other. A time runs from before the POST
/// until the RRset is in the zone.
async fn save(env: &TestEnv, app: &App, users: usize) -> Vec<Duration> {
    let mut browsers = Vec::new();
    for user in 0..users {
        let mut browser = app.browser();
        browser
            .sign_in(&env.idp, &identity(&format!("bench{users}x{user}"), &[]))
            .await;
        browsers.push(browser);
    }
    let saves = browsers
        .into_iter()
        .enumerate()
        .map(|(user, browser)| save_in_turn(env, browser, format!("bench{users}x{user}")));
    join_all(saves).await.into_iter().flatten().collect()
}

async fn save_in_turn(env: &TestEnv, mut browser: Browser, user: String) -> Vec<Duration> {
    let mut times = Vec::with_capacity(SAVES);
    for i in 0..SAVES {
        let form = browser
            .get("/dns-records/new")
            .await
            .form("/dns-records/new");
        let form = form
            .with("subdomain", &format!("n{i}"))
            .with("type", "A")
            .with("value", "192.0.2.1");
        let begun = Instant::now();
        let page = browser.submit(&form).await;
        assert_eq!(page.status, 303, "{}", page.body);
        let name = format!("n{i}.{user}.{ROOT}");
        // A shorter interval than that of `eventually`, because the time is the result.
        let published = async {
            while env.zone.set(&name, "A").is_none() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        starchart_testkit::wait::completes(&name, published).await;
        times.push(begun.elapsed());
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    times
}

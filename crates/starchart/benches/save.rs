//! How long a save takes to reach the zone, and what an idle process costs: `script/bench` runs
//! this on the production build.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a program for people who measure"
)]
#![expect(
    unreachable_pub,
    dead_code,
    reason = "the frame is shared with the stories, which use all of it"
)]

#[path = "../tests/it/app.rs"]
mod app;
#[path = "../tests/it/browser.rs"]
mod browser;

use std::time::{Duration, Instant};

use app::{ROOT, TestEnv};
use browser::{Browser, person};
use futures_util::future::join_all;

/// Saves of each person.
const SAVES: usize = 10;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    // The rates of a real installation; the limits of a person are raised.
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
        "start to ready         {} ms (schema migrated; asked every 30 ms)",
        begun.elapsed().as_millis()
    );
    tokio::time::sleep(Duration::from_secs(5)).await;
    println!("resident, idle         {:.1} MB", resident_mb(app.pid()));
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
    println!("resident, after load   {:.1} MB", resident_mb(app.pid()));
    let counts = env.zone.counts();
    println!("calls to the zone      {counts:?}");
}

/// Every person saves in turn; the time runs from before the POST until the zone has it.
async fn save(env: &TestEnv, app: &app::App, users: usize) -> Vec<Duration> {
    let mut people = Vec::new();
    for user in 0..users {
        let mut browser = app.browser();
        browser
            .sign_in(&env.idp, &person(&format!("bench{users}x{user}"), &[]))
            .await;
        people.push(browser);
    }
    let saves = people
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
        // Finer than `eventually` polls, because the time is what is measured.
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

fn resident_mb(pid: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("the process runs");
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .expect("VmRSS");
    line.split_whitespace()
        .nth(1)
        .unwrap()
        .parse::<f64>()
        .unwrap()
        / 1024.0
}

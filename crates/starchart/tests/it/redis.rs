//! `serve` and `work` as two processes with Redis between them: Redis makes work start sooner, and
//! nothing is lost without it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use starchart_testkit::redis::{Redis, TlsRedis};
use starchart_testkit::wait::{equal, eventually};

use crate::app::{App, ROOT, TestEnv};
use crate::browser::Browser;
use crate::truth::{dig, label_of, signed_in, zone_equals_pages};

/// An interval that is so long that only a wake-up explains quick work.
const SLOW_SWEEP_MS: &str = "60000";

async fn env_on(redis: &Redis) -> TestEnv {
    TestEnv::new()
        .await
        .set("REDIS_URL", &redis.url())
        .set("USER_DNS_RECORD_LIMIT", "1000")
}

/// Starts `starchart serve` and `starchart work`, and waits until wake-ups arrive through Redis.
async fn apart(env: &TestEnv) -> (App, App) {
    let mut serve = env.launch("serve");
    let mut work = env.launch("work");
    serve.until_ready().await;
    work.until_ready().await;
    eventually("wake-ups arrive", async || {
        work.server
            .log()
            .contains("wake-ups of other processes arrive through Redis")
    })
    .await;
    (serve, work)
}

#[tokio::test]
async fn a_save_wakes_the_process_that_works() {
    let redis = Redis::start().await;
    let env = env_on(&redis).await.set("SWEEP_MS", SLOW_SWEEP_MS);
    let (serve, _work) = apart(&env).await;
    let mut browser = signed_in(&env, &serve, "user1").await;
    let mut took = Vec::new();
    for n in 0..20 {
        let start = Instant::now();
        assert_eq!(
            browser.create(&label_of(n), "A", "10.0.0.1").await.status,
            303
        );
        let name = format!("{}.user1.{ROOT}", label_of(n));
        eventually("published", async || env.zone.set(&name, "A")).await;
        took.push(start.elapsed());
    }
    took.sort();
    println!(
        "from the click to the zone, over two processes: median {:?}, longest {:?}",
        took[10], took[19]
    );
    eventually("the page shows it", async || {
        let row = browser
            .clone()
            .row(&format!("{}.user1.{ROOT}", label_of(0)), "A")
            .await;
        row.is_some_and(|row| row.key == "answered")
    })
    .await;
}

#[tokio::test]
async fn wake_ups_and_counters_work_over_tls() {
    let redis = TlsRedis::start().await;
    let root = redis.root().display().to_string();
    let env = env_on(&redis.plain)
        .await
        .set("SWEEP_MS", SLOW_SWEEP_MS)
        .set("REDIS_URL", &redis.url())
        .set("SSL_CERT_FILE", &root);
    let (serve, _work) = apart(&env).await;
    eventually("counted in Redis", async || {
        serve
            .server
            .log()
            .contains("rate limits are counted in Redis")
    })
    .await;
    let mut browser = signed_in(&env, &serve, "user1").await;
    assert_eq!(browser.create("www", "A", "10.0.0.1").await.status, 303);
    eventually("published", async || {
        env.zone.set(&format!("www.user1.{ROOT}"), "A")
    })
    .await;
    drop((serve, _work));
    // A certificate of an unknown CA is not accepted.
    let strangers = env.set("SSL_CERT_FILE", "");
    let mut app = strangers.launch("work");
    app.until_ready().await;
    eventually("said", async || {
        app.server.log().contains("REDIS_URL: wake-ups")
    })
    .await;
    assert!(!app.server.log().contains("arrive through Redis"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_save_is_lost_when_redis_fails() {
    let mut redis = Redis::start().await;
    let env = env_on(&redis).await;
    let (serve, work) = apart(&env).await;
    let mut browsers = Vec::new();
    for n in 1..=3 {
        browsers.push(signed_in(&env, &serve, &format!("load{n}")).await);
    }
    let over = AtomicBool::new(false);
    let saving = async {
        let mut n = 0;
        let mut slowest = Duration::ZERO;
        while !over.load(Ordering::Relaxed) {
            n += 1;
            let start = Instant::now();
            let page = browsers[n % 3].create(&label_of(n), "A", "10.0.0.1").await;
            assert_eq!(page.status, 303, "{}", page.body);
            slowest = slowest.max(start.elapsed());
            assert_eq!(
                (health(&serve).await, health(&work).await),
                (200, 200),
                "Redis only makes things quick"
            );
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        (n, slowest)
    };
    let failing = async {
        for fault in ["flush", "restart", "stall", "away"] {
            match fault {
                "flush" => redis.flush().await,
                "restart" => redis.restart().await,
                "stall" => {
                    redis.freeze();
                    tokio::time::sleep(Duration::from_secs(5)).await;
                    redis.thaw();
                }
                _ => {
                    redis.stop();
                    tokio::time::sleep(Duration::from_secs(60)).await;
                    redis.resume().await;
                }
            }
            works_again(&redis, fault).await;
        }
        over.store(true, Ordering::Relaxed);
    };
    let ((saves, slowest), ()) = tokio::join!(saving, failing);
    println!(
        "{saves} saves through a flush, a restart, a stall and an absence; \
         the slowest took {slowest:?}"
    );
    zone_equals_pages(&env, &mut browsers).await;
    for browser in &browsers {
        assert!(browser.is_signed_in().await);
    }
    let messages = async || redis.number(&["SCARD", "starchart:jobs:done"]).await;
    let before = messages().await;
    let page = browsers[0].create("again", "A", "10.0.0.2").await;
    assert_eq!(page.status, 303, "{}", page.body);
    eventually("a wake-up to reach the worker through Redis", async || {
        let done = messages().await - before;
        if done > 0 { Ok(()) } else { Err(done) }
    })
    .await;
}

/// Waits until the worker's pool has written its heartbeat, which it does every three seconds,
/// after the end of the fault.
async fn works_again(redis: &Redis, fault: &str) {
    let back = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs()
        + 1;
    let start = Instant::now();
    let since = format!("{back}");
    eventually(fault, async || {
        redis
            .number(&["ZCOUNT", "starchart:jobs:workers", &since, "+inf"])
            .await
            > 0
    })
    .await;
    println!(
        "{fault}: the worker's pool was back after {:?}",
        start.elapsed()
    );
}

async fn health(app: &App) -> u16 {
    let answer = starchart_testkit::http::client()
        .get(format!("http://127.0.0.1:{}/healthcheck", app.port))
        .send()
        .await;
    answer.map_or(0, |answer| answer.status().as_u16())
}

#[tokio::test]
async fn one_process_publishes_without_redis_and_without_a_sweep() {
    let redis = Redis::absent();
    let env = env_on(&redis).await.set("SWEEP_MS", SLOW_SWEEP_MS);
    let app = env.start().await;
    let mut browser = signed_in(&env, &app, "user1").await;
    // After the first sweep, which finds all pending work at the start of a process.
    for name in ["one", "two", "three"] {
        assert_eq!(browser.create(name, "A", "192.168.1.1").await.status, 303);
        let name = format!("{name}.user1.{ROOT}");
        eventually("published", async || {
            equal(dig(&env, &name, "A").await, ["192.168.1.1"])
        })
        .await;
    }
    tokio::time::sleep(Duration::from_secs(5)).await;
    let lines = app.log_lines();
    let about_redis = |line: &&serde_json::Value| line.to_string().contains("REDIS_URL: ");
    let warnings = lines
        .iter()
        .filter(about_redis)
        .filter(|line| line["level"] == "warn")
        .count();
    assert!(
        (1..=6).contains(&warnings),
        "said, but not at every try: {warnings}\n{}",
        app.server.log()
    );
    assert!(
        !app.server.log().contains("\"target\":\"apalis"),
        "by us, and in one line"
    );
}

#[tokio::test]
async fn limits_hold_over_all_processes_and_without_redis() {
    let mut redis = Redis::start().await;
    let env = env_on(&redis)
        .await
        .set("RATE_LIMIT_RECORD_WRITES_PER_MINUTE", "6");
    let mut one = env.launch("serve");
    let mut two = env.launch("serve");
    one.until_ready().await;
    two.until_ready().await;
    let alone =
        || [&one, &two].map(|app| app.server.log().matches("counted in each process").count());
    let mut n = 0;
    let mut browser = eventually("a round in which Redis is quick", async || {
        n += 1;
        for app in [&one, &two] {
            eventually("counted in Redis", async || counts_in_redis(app)).await;
        }
        let before = alone();
        let mut browser = signed_in(&env, &one, &format!("load{n}")).await;
        let mut at_two = browser.at(two.port);
        let start = Instant::now();
        let taken = saved(&mut browser, "a").await + saved(&mut at_two, "b").await;
        let refused = at_two.create("refused", "A", "10.0.0.1").await;
        // After an answer that took more than 50 ms, as on a busy machine, the process counts by
        // itself for a while.
        if alone() != before || start.elapsed() > Duration::from_secs(9) {
            return None;
        }
        assert!(
            taken <= 7,
            "one allowance for both, and what comes back meanwhile: {taken}"
        );
        assert_eq!(refused.status, 429, "{}", refused.body);
        let wait: u64 = refused.header("retry-after").parse().unwrap();
        assert!((1..=10).contains(&wait), "{wait}");
        Some(browser)
    })
    .await;
    redis.stop();
    let start = Instant::now();
    let taken = saved(&mut browser, "c").await;
    let back = u32::try_from(start.elapsed().as_secs() / 10).unwrap() + 1;
    assert!(
        (1..=6 + back).contains(&taken),
        "each process counts for itself then: {taken}"
    );
}

/// Returns whether the process counts in Redis now, by its last log line about that.
fn counts_in_redis(app: &App) -> bool {
    let log = app.server.log();
    log.rfind("rate limits are counted in Redis")
        > log.rfind("rate limits are counted in each process")
}

/// Saves ten records and returns how many were accepted.
async fn saved(browser: &mut Browser, prefix: &str) -> u32 {
    let mut count = 0;
    for n in 0..10 {
        let page = browser
            .create(&format!("{prefix}-{}", label_of(n)), "A", "10.0.0.1")
            .await;
        assert!(matches!(page.status, 303 | 429), "{}", page.body);
        count += u32::from(page.status == 303);
    }
    count
}

#[tokio::test]
async fn a_stopped_process_leaves_the_queue() {
    let redis = Redis::start().await;
    let env = env_on(&redis).await;
    let (mut serve, mut work) = apart(&env).await;
    for app in [&mut serve, &mut work] {
        app.signal("TERM");
        let status = app.server.wait_for_exit().await;
        assert_eq!(status.code(), Some(0), "{}", app.server.log_tail());
    }
    assert_eq!(
        redis.number(&["ZCARD", "starchart:jobs:workers"]).await,
        0,
        "its pool was taken out of Redis"
    );
}

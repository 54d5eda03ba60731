use std::time::{Duration, Instant};

use starchart_domain::secret::Secret;
use starchart_jobs::{Counters, RateLimit, SharedCounters};
use starchart_testkit::redis::Redis;

use crate::eventually;

const RATE: RateLimit = RateLimit::per_minute(6);

/// Counters that have found their Redis.
async fn connected(redis: &Redis) -> SharedCounters {
    let counters = SharedCounters::new(&Secret::new(redis.url())).unwrap();
    until_counted_in_redis(&counters).await;
    counters
}

async fn until_counted_in_redis(counters: &SharedCounters) {
    eventually("counted in Redis", Duration::from_secs(20), async || {
        counters.is_shared()
    })
    .await;
}

#[tokio::test]
async fn two_processes_share_one_allowance() {
    let redis = Redis::start().await;
    let (one, two) = (connected(&redis).await, connected(&redis).await);
    let mut n = 0;
    let key = loop {
        n += 1;
        assert!(n <= 20, "Redis was too slow in every round");
        let (key, start) = (format!("write:{n}"), Instant::now());
        let mut taken = Vec::new();
        for counters in [&one, &two, &one, &two, &one, &two, &one, &two] {
            taken.push(counters.take(&key, RATE).await);
        }
        // One answer that took more than 50 ms, and a process counts for itself for a second at
        // least.
        if !(one.is_shared() && two.is_shared()) || start.elapsed() > Duration::from_millis(900) {
            tokio::time::sleep(Duration::from_millis(1_200)).await;
            continue;
        }
        assert_eq!(taken[..6], [Ok(()); 6]);
        for refused in &taken[6..] {
            assert!(
                (1..=10).contains(refused.as_ref().unwrap_err()),
                "one every ten seconds: {refused:?}"
            );
        }
        break key;
    };
    assert_eq!(two.take("others have their own", RATE).await, Ok(()));
    let life = redis
        .number(&["PTTL", &format!("starchart:rate:{key}")])
        .await;
    assert!(
        (1..=60_000).contains(&life),
        "a key goes when its allowance is whole again: {life}"
    );
}

#[tokio::test]
async fn an_allowance_comes_back_evenly() {
    let redis = Redis::start().await;
    let counters = connected(&redis).await;
    let rate = RateLimit {
        count: 2,
        window: Duration::from_secs(2),
    };
    assert!(counters.take("a", rate).await.is_ok() && counters.take("a", rate).await.is_ok());
    assert_eq!(counters.take("a", rate).await, Err(1));
    tokio::time::sleep(Duration::from_millis(1_050)).await;
    assert_eq!(counters.take("a", rate).await, Ok(()));
}

#[tokio::test]
async fn without_redis_each_process_counts_for_itself_and_nobody_waits() {
    let mut redis = Redis::absent();
    let counters = SharedCounters::new(&Secret::new(redis.url())).unwrap();
    let used_up = async |key: &str| {
        let start = Instant::now();
        let taken = async |_| counters.take(key, RATE).await.is_ok();
        let mut count = 0;
        for n in 0..20 {
            count += u32::from(taken(n).await);
        }
        assert!(
            start.elapsed() < Duration::from_secs(1),
            "{:?}",
            start.elapsed()
        );
        count
    };
    assert_eq!(used_up("never there").await, 6, "never unlimited");
    redis.come_back().await;
    until_counted_in_redis(&counters).await;
    redis.stall(Duration::from_secs(3)).await;
    assert_eq!(used_up("stalled").await, 6);
    until_counted_in_redis(&counters).await;
    redis.go_away();
    assert_eq!(used_up("gone").await, 6);
    redis.come_back().await;
    until_counted_in_redis(&counters).await;
}

#[tokio::test]
async fn a_redis_that_takes_no_writes_is_not_taken_for_one_that_counts() {
    let redis = Redis::start().await;
    let counters = connected(&redis).await;
    redis.command(&["CONFIG", "SET", "maxmemory", "1"]).await;
    assert_eq!(counters.take("full", RATE).await, Ok(()), "by this process");
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(4) {
        assert!(!counters.is_shared(), "it answers PING, and no more");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    redis.command(&["CONFIG", "SET", "maxmemory", "0"]).await;
    until_counted_in_redis(&counters).await;
}

#[tokio::test]
async fn clearing_removes_what_is_ours_and_nothing_else() {
    let redis = Redis::start().await;
    connected(&redis)
        .await
        .take(
            "write:1",
            RateLimit {
                count: 1,
                window: Duration::from_secs(3_600),
            },
        )
        .await
        .unwrap();
    for n in 0..1_200 {
        redis
            .command(&["SET", &format!("starchart:jobs:test:{n}"), "x"])
            .await;
    }
    let foreign = [
        "starchart:other",
        "starchart",
        "jobs",
        "starchart-dev:jobs:x",
    ];
    for key in foreign {
        redis.command(&["SET", key, "theirs"]).await;
    }
    let removed = starchart_jobs::clear(&Secret::new(redis.url()))
        .await
        .unwrap();
    assert!(removed >= 1_201, "{removed}");
    assert_eq!(
        redis.number(&["DBSIZE"]).await,
        i64::try_from(foreign.len()).unwrap()
    );
    let away = starchart_jobs::clear(&Secret::new(Redis::absent().url())).await;
    assert!(away.is_err_and(|error| error.to_string().starts_with("Redis: ")));
}

use std::time::{Duration, Instant};

use starchart_domain::secret::Secret;
use starchart_jobs::{Counters, RateLimit, SharedCounters};
use starchart_testkit::redis::Redis;
use starchart_testkit::wait::{eventually, holds_for};

const RATE: RateLimit = RateLimit::per_minute(6);

/// Creates counters that are connected to Redis.
async fn connected(redis: &Redis) -> SharedCounters {
    let counters = SharedCounters::new(&Secret::new(redis.url())).unwrap();
    until_counted_in_redis(&counters).await;
    counters
}

async fn until_counted_in_redis(counters: &SharedCounters) {
    eventually("counted in Redis", async || counters.is_shared()).await;
}

/// Runs rounds, each with a key of its own, until all processes counted one in Redis to its end. On
/// a busy machine an answer may take more than the 50 ms for which a process waits; the process
/// then counts for itself for at least a second.
async fn undisturbed<T>(
    processes: &[&SharedCounters],
    round: impl AsyncFn(&str) -> T,
) -> (String, T) {
    let mut n = 0;
    eventually("a round that is counted in Redis", async || {
        n += 1;
        let key = format!("write:{n}");
        let are_shared = || processes.iter().all(|counters| counters.is_shared());
        let start = Instant::now();
        let outcome = are_shared().then_some(round(&key).await);
        match outcome {
            Some(outcome) if are_shared() && start.elapsed() < Duration::from_millis(900) => {
                Ok((key, outcome))
            }
            _ => Err("Redis was too slow"),
        }
    })
    .await
}

#[tokio::test]
async fn two_processes_share_one_limit() {
    let redis = Redis::start().await;
    let one = connected(&redis).await;
    let two = connected(&redis).await;
    let processes = [&one, &two];
    let (key, taken) = undisturbed(&processes, async |key| {
        let mut taken = Vec::new();
        for counters in [&one, &two, &one, &two, &one, &two, &one, &two] {
            taken.push(counters.take(key, RATE).await);
        }
        taken
    })
    .await;
    assert_eq!(taken[..6], [Ok(()); 6]);
    for refused in &taken[6..] {
        assert!(
            (1..=10).contains(refused.as_ref().unwrap_err()),
            "one every ten seconds: {refused:?}"
        );
    }
    assert_eq!(two.take("other keys are independent", RATE).await, Ok(()));
    let life = redis
        .number(&["PTTL", &format!("starchart:rate:{key}")])
        .await;
    assert!(
        (1..=60_000).contains(&life),
        "a key expires when all actions are regained: {life}"
    );
}

#[tokio::test]
async fn actions_are_regained_evenly() {
    let redis = Redis::start().await;
    let counters = connected(&redis).await;
    let rate = RateLimit {
        count: 2,
        window: Duration::from_secs(2),
    };
    let (key, taken) = undisturbed(&[&counters], async |key| {
        [
            counters.take(key, rate).await,
            counters.take(key, rate).await,
            counters.take(key, rate).await,
        ]
    })
    .await;
    assert_eq!(taken, [Ok(()), Ok(()), Err(1)]);
    eventually("one more to be allowed", async || {
        counters.take(&key, rate).await
    })
    .await;
}

#[tokio::test]
async fn without_redis_each_process_counts_for_itself_without_delay() {
    let mut redis = Redis::absent();
    let counters = SharedCounters::new(&Secret::new(redis.url())).unwrap();
    let used_up = async |key: &str| {
        let start = Instant::now();
        let mut count = 0;
        for _ in 0..20 {
            count += u64::from(counters.take(key, RATE).await.is_ok());
        }
        // One comes back every ten seconds, which a slow machine may need for the twenty.
        let returned = start.elapsed().as_secs() / 10;
        assert!((6..=6 + returned).contains(&count), "{key}: {count} taken");
    };
    used_up("never there").await;
    redis.resume().await;
    until_counted_in_redis(&counters).await;
    // It answers nothing until all were taken, so nothing has waited for an answer.
    redis.freeze();
    used_up("frozen").await;
    redis.thaw();
    until_counted_in_redis(&counters).await;
    redis.stop();
    used_up("gone").await;
    redis.resume().await;
    until_counted_in_redis(&counters).await;
}

#[tokio::test]
async fn a_read_only_redis_counts_as_unavailable() {
    let redis = Redis::start().await;
    let counters = connected(&redis).await;
    redis.command(&["CONFIG", "SET", "maxmemory", "1"]).await;
    assert_eq!(counters.take("full", RATE).await, Ok(()), "by this process");
    let what = "a Redis that answers only PING is not used";
    holds_for(Duration::from_secs(4), what, async || !counters.is_shared()).await;
    redis.command(&["CONFIG", "SET", "maxmemory", "0"]).await;
    until_counted_in_redis(&counters).await;
}

#[tokio::test]
async fn clear_deletes_only_keys_of_starchart() {
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

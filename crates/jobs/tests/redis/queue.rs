use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use starchart_domain::secret::Secret;
use starchart_jobs::{Job, PoolEnded, Queue, RedisOptions, RedisQueue};
use starchart_testkit::redis::Redis;
use starchart_testkit::wait::{completes, equal, eventually};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

const WEEK: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// One process of ours, as far as its queue goes.
struct Process {
    queue: Arc<RedisQueue>,
    fetch: CancellationToken,
    end: CancellationToken,
    carrying: JoinHandle<Result<(), PoolEnded>>,
}

impl Process {
    fn start(redis: &Redis, is_worker: bool, keep_finished: Duration) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let process = format!("test-{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let options = RedisOptions {
            url: Secret::new(redis.url()),
            process,
            is_worker,
            keep_finished,
        };
        let queue = Arc::new(RedisQueue::new(options).unwrap());
        let (fetch, end) = (CancellationToken::new(), CancellationToken::new());
        let (carried, until, ended) = (Arc::clone(&queue), fetch.clone(), end.clone());
        let carrying = tokio::spawn(async move { carried.relay(until, ended).await });
        Self {
            queue,
            fetch,
            end,
            carrying,
        }
    }

    fn serves(redis: &Redis) -> Self {
        Self::start(redis, false, WEEK)
    }

    fn works(redis: &Redis) -> Self {
        Self::start(redis, true, WEEK)
    }

    /// Forgets what was woken so far.
    async fn drain(&self) {
        while timeout(Duration::from_millis(20), self.queue.next())
            .await
            .is_ok()
        {}
    }

    async fn stop(self) -> Result<(), PoolEnded> {
        self.fetch.cancel();
        self.end.cancel();
        completes("the pool to end", self.carrying).await.unwrap()
    }
}

/// Whether a wake-up of `from` reaches `to` as a message, three times on end: after a fault `to`
/// also wakes itself, once.
async fn rings(from: &Process, to: &Process) -> bool {
    for _ in 0..3 {
        to.drain().await;
        from.queue.wake(Job::Mail);
        let heard = timeout(Duration::from_secs(2), async {
            while to.queue.next().await != Job::Mail {}
        });
        if heard.await.is_err() {
            return false;
        }
    }
    true
}

async fn until_it_rings(from: &Process, to: &Process) {
    eventually("the bell rings", async || rings(from, to).await).await;
}

/// The pools that Redis knows.
async fn pools(redis: &Redis) -> String {
    redis
        .command(&["ZRANGE", "starchart:jobs:workers", "0", "-1"])
        .await
}

#[tokio::test]
async fn who_serves_wakes_who_works_within_a_moment() {
    let redis = Redis::start().await;
    let (serves, works) = (Process::serves(&redis), Process::works(&redis));
    until_it_rings(&serves, &works).await;
    let mut took = Vec::new();
    for _ in 0..50 {
        works.drain().await;
        let start = Instant::now();
        serves.queue.wake(Job::Publish);
        assert_eq!(
            completes("the wake-up of a process", works.queue.next()).await,
            Job::Publish
        );
        took.push(start.elapsed());
    }
    took.sort();
    println!(
        "from wake in one process to run in another: p50 {:?}, p99 {:?}",
        took[25], took[49]
    );
}

#[tokio::test]
async fn who_works_wakes_itself_and_sends_nothing() {
    let redis = Redis::start().await;
    let works = Process::works(&redis);
    works.queue.wake(Job::Track);
    assert_eq!(
        completes("the wake-up", works.queue.next()).await,
        Job::Track
    );
    assert_eq!(redis.number(&["HLEN", "starchart:jobs:data"]).await, 0);
    // Once it has stopped to work, its last wake-ups are for others.
    works.fetch.cancel();
    let other = Process::works(&redis);
    eventually("others are woken", async || rings(&works, &other).await).await;
    assert!(
        works.stop().await.is_ok() && other.stop().await.is_ok(),
        "asked to end, a pool ends well"
    );
    assert_eq!(
        redis.number(&["ZCARD", "starchart:jobs:workers"]).await,
        0,
        "and is forgotten"
    );
}

#[tokio::test]
async fn redis_is_waited_for_by_nobody() {
    let mut redis = Redis::absent();
    let (serves, works) = (Process::serves(&redis), Process::works(&redis));
    for _ in 0..1_000 {
        serves.queue.wake(Job::Publish);
        works.queue.wake(Job::Publish);
    }
    // Redis is absent until this has been received, so nothing here has waited for it.
    let woken = completes("the wake-up of the own process", works.queue.next()).await;
    assert_eq!(woken, Job::Publish);
    sleep(Duration::from_secs(3)).await;
    assert!(!works.carrying.is_finished() && !serves.carrying.is_finished());
    redis.come_back().await;
    until_it_rings(&serves, &works).await;
}

#[tokio::test]
async fn the_bell_rings_again_after_a_flush_a_restart_a_stall_and_an_absence() {
    let mut redis = Redis::start().await;
    let (serves, works) = (Process::serves(&redis), Process::works(&redis));
    until_it_rings(&serves, &works).await;
    for fault in ["flush", "restart", "stall", "away"] {
        match fault {
            "flush" => redis.flush().await,
            "restart" => redis.restart().await,
            "stall" => {
                redis.freeze();
                serves.queue.wake(Job::Publish);
                sleep(Duration::from_secs(5)).await;
                redis.thaw();
            }
            _ => {
                redis.go_away();
                serves.queue.wake(Job::Publish);
                sleep(Duration::from_secs(8)).await;
                redis.come_back().await;
            }
        }
        let start = Instant::now();
        until_it_rings(&serves, &works).await;
        println!("after {fault}: back in {:?}", start.elapsed());
    }
    assert!(
        !works.carrying.is_finished() && !serves.carrying.is_finished(),
        "nothing of it ends a process"
    );
}

#[tokio::test]
async fn no_message_ends_the_pool() {
    let redis = Redis::start().await;
    let (serves, works) = (Process::serves(&redis), Process::works(&redis));
    until_it_rings(&serves, &works).await;
    let before = pools(&redis).await;
    for (n, text) in [
        "",
        "garbage",
        "\u{0}\u{1}",
        r#"{"v":9,"job":"publish"}"#,
        r#"{"v":1,"job":"dance"}"#,
    ]
    .into_iter()
    .enumerate()
    {
        let (id, meta) = (
            format!("by-hand-{n}"),
            format!("starchart:jobs:meta:by-hand-{n}"),
        );
        redis
            .command(&["HSET", "starchart:jobs:data", &id, text])
            .await;
        redis
            .command(&[
                "HSET",
                &meta,
                "attempts",
                "0",
                "max_attempts",
                "1",
                "status",
                "Pending",
            ])
            .await;
        redis
            .command(&["RPUSH", "starchart:jobs:active", &id])
            .await;
    }
    eventually("all are taken", async || {
        equal(redis.number(&["LLEN", "starchart:jobs:active"]).await, 0)
    })
    .await;
    until_it_rings(&serves, &works).await;
    assert_eq!(pools(&redis).await, before, "the same pool still lives");
}

#[tokio::test]
async fn a_message_without_a_text_costs_one_life_and_does_not_come_back() {
    let redis = Redis::start().await;
    let (serves, works) = (Process::serves(&redis), Process::works(&redis));
    until_it_rings(&serves, &works).await;
    let before = pools(&redis).await;
    works.drain().await;
    redis
        .command(&["RPUSH", "starchart:jobs:active", "nothing-belongs-to-this"])
        .await;
    let mut woken = Vec::new();
    for _ in Job::ALL {
        woken.push(completes("every job to be woken", works.queue.next()).await);
    }
    assert_eq!(
        woken,
        Job::ALL,
        "what the pool held is lost: everything is looked at"
    );
    until_it_rings(&serves, &works).await;
    let after = pools(&redis).await;
    assert_ne!(after, before, "another life");
    assert_eq!(
        redis.command(&["KEYS", "starchart:jobs:inflight:*"]).await,
        "*0",
        "what the first one held is gone"
    );
}

#[tokio::test]
async fn a_thousand_wake_ups_are_a_few_messages() {
    let redis = Redis::start().await;
    let serves = Process::serves(&redis);
    let waiting = async || {
        redis.number(&["LLEN", "starchart:jobs:active"]).await
            + redis.number(&["ZCARD", "starchart:jobs:scheduled"]).await
    };
    for _ in 0..1_000 {
        serves.queue.wake(Job::Publish);
        tokio::task::yield_now().await;
    }
    eventually("one is sent", async || waiting().await > 0).await;
    sleep(Duration::from_millis(500)).await;
    assert_eq!(waiting().await, 1, "nobody took it: it is enough");
    let works = Process::works(&redis);
    until_it_rings(&serves, &works).await;
    let before = redis.number(&["HLEN", "starchart:jobs:data"]).await;
    for _ in 0..1_000 {
        serves.queue.wake(Job::Publish);
        tokio::task::yield_now().await;
    }
    sleep(Duration::from_secs(1)).await;
    let sent = redis.number(&["HLEN", "starchart:jobs:data"]).await - before;
    assert!((1..=20).contains(&sent), "{sent} messages");
}

#[tokio::test]
async fn finished_messages_are_removed() {
    let redis = Redis::start().await;
    let (serves, works) = (
        Process::serves(&redis),
        Process::start(&redis, true, Duration::from_secs(1)),
    );
    until_it_rings(&serves, &works).await;
    redis
        .command(&[
            "HSET",
            "starchart:jobs:data",
            "0000000000001-lost",
            "belongs to nobody",
        ])
        .await;
    eventually("nothing is left", async || {
        let left = async |command, key| redis.number(&[command, key]).await;
        left("HLEN", "starchart:jobs:data").await + left("SCARD", "starchart:jobs:done").await == 0
    })
    .await;
    assert_eq!(
        redis.command(&["KEYS", "starchart:jobs:meta:*"]).await,
        "*0"
    );
    until_it_rings(&serves, &works).await;
}

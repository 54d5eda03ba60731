use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use starchart_domain::secret::Secret;
use starchart_jobs::{PoolEnded, Queue, RedisOptions, RedisQueue, WakeUp};
use starchart_testkit::redis::Redis;
use starchart_testkit::wait::{completes, equal, eventually};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

const WEEK: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// A process of Starchart, reduced to its queue.
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
        let fetch = CancellationToken::new();
        let end = CancellationToken::new();
        let carried = Arc::clone(&queue);
        let until = fetch.clone();
        let ended = end.clone();
        let carrying = tokio::spawn(async move { carried.relay(until, ended).await });
        Self {
            queue,
            fetch,
            end,
            carrying,
        }
    }

    fn pages_only(redis: &Redis) -> Self {
        Self::start(redis, false, WEEK)
    }

    fn worker(redis: &Redis) -> Self {
        Self::start(redis, true, WEEK)
    }

    /// Discards the wake-ups so far.
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

/// Returns whether three wake-ups in a row reach `to` as messages. After a fault `to` also wakes
/// itself, but only once.
async fn wakes(from: &Process, to: &Process) -> bool {
    for _ in 0..3 {
        to.drain().await;
        from.queue.wake(WakeUp::Mail);
        let heard = timeout(Duration::from_secs(2), async {
            while to.queue.next().await != WakeUp::Mail {}
        });
        if heard.await.is_err() {
            return false;
        }
    }
    true
}

async fn until_woken(from: &Process, to: &Process) {
    eventually("a wake-up arrives", async || wakes(from, to).await).await;
}

/// Lists the pools that are registered in Redis.
async fn pools(redis: &Redis) -> String {
    redis
        .command(&["ZRANGE", "starchart:jobs:workers", "0", "-1"])
        .await
}

#[tokio::test]
async fn a_page_process_wakes_a_worker_quickly() {
    let redis = Redis::start().await;
    let pages = Process::pages_only(&redis);
    let worker = Process::worker(&redis);
    until_woken(&pages, &worker).await;
    let mut took = Vec::new();
    for _ in 0..50 {
        worker.drain().await;
        let start = Instant::now();
        pages.queue.wake(WakeUp::Publish);
        assert_eq!(
            completes("the wake-up of a process", worker.queue.next()).await,
            WakeUp::Publish
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
async fn a_worker_wakes_itself_and_sends_nothing() {
    let redis = Redis::start().await;
    let worker = Process::worker(&redis);
    worker.queue.wake(WakeUp::Track);
    assert_eq!(
        completes("the wake-up", worker.queue.next()).await,
        WakeUp::Track
    );
    assert_eq!(redis.number(&["HLEN", "starchart:jobs:data"]).await, 0);
    // After it has stopped running jobs it wakes others.
    worker.fetch.cancel();
    let other = Process::worker(&redis);
    eventually("others are woken", async || wakes(&worker, &other).await).await;
    assert!(
        worker.stop().await.is_ok() && other.stop().await.is_ok(),
        "a stopped pool ends without an error"
    );
    assert_eq!(
        redis.number(&["ZCARD", "starchart:jobs:workers"]).await,
        0,
        "and is no longer registered"
    );
}

#[tokio::test]
async fn nothing_waits_for_an_unavailable_redis() {
    let mut redis = Redis::absent();
    let pages = Process::pages_only(&redis);
    let worker = Process::worker(&redis);
    for _ in 0..1_000 {
        pages.queue.wake(WakeUp::Publish);
        worker.queue.wake(WakeUp::Publish);
    }
    // Redis is absent until this has been received, so nothing here has waited for it.
    let woken = completes("the wake-up of the own process", worker.queue.next()).await;
    assert_eq!(woken, WakeUp::Publish);
    sleep(Duration::from_secs(3)).await;
    assert!(!worker.carrying.is_finished() && !pages.carrying.is_finished());
    redis.resume().await;
    until_woken(&pages, &worker).await;
}

#[tokio::test]
async fn wake_ups_arrive_again_after_each_fault_of_redis() {
    let mut redis = Redis::start().await;
    let pages = Process::pages_only(&redis);
    let worker = Process::worker(&redis);
    until_woken(&pages, &worker).await;
    for fault in ["flush", "restart", "stall", "away"] {
        match fault {
            "flush" => redis.flush().await,
            "restart" => redis.restart().await,
            "stall" => {
                redis.freeze();
                pages.queue.wake(WakeUp::Publish);
                sleep(Duration::from_secs(5)).await;
                redis.thaw();
            }
            _ => {
                redis.stop();
                pages.queue.wake(WakeUp::Publish);
                sleep(Duration::from_secs(8)).await;
                redis.resume().await;
            }
        }
        let start = Instant::now();
        until_woken(&pages, &worker).await;
        println!("after {fault}: back in {:?}", start.elapsed());
    }
    assert!(
        !worker.carrying.is_finished() && !pages.carrying.is_finished(),
        "no fault ends a process"
    );
}

#[tokio::test]
async fn malformed_messages_do_not_end_the_pool() {
    let redis = Redis::start().await;
    let pages = Process::pages_only(&redis);
    let worker = Process::worker(&redis);
    until_woken(&pages, &worker).await;
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
        let id = format!("by-hand-{n}");
        let meta = format!("starchart:jobs:meta:by-hand-{n}");
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
    until_woken(&pages, &worker).await;
    assert_eq!(pools(&redis).await, before, "the same pool still runs");
}

#[tokio::test]
async fn a_message_without_a_text_ends_one_pool_and_is_deleted() {
    let redis = Redis::start().await;
    let pages = Process::pages_only(&redis);
    let worker = Process::worker(&redis);
    until_woken(&pages, &worker).await;
    let before = pools(&redis).await;
    worker.drain().await;
    redis
        .command(&["RPUSH", "starchart:jobs:active", "nothing-belongs-to-this"])
        .await;
    let mut woken = Vec::new();
    for _ in WakeUp::ALL {
        woken.push(completes("every job to be woken", worker.queue.next()).await);
    }
    assert_eq!(
        woken,
        WakeUp::ALL,
        "every job is woken, because the pool's messages are lost"
    );
    until_woken(&pages, &worker).await;
    let after = pools(&redis).await;
    assert_ne!(after, before, "a new pool");
    assert_eq!(
        redis.command(&["KEYS", "starchart:jobs:inflight:*"]).await,
        "*0",
        "the messages of the first pool are deleted"
    );
}

#[tokio::test]
async fn a_thousand_wake_ups_become_few_messages() {
    let redis = Redis::start().await;
    let pages = Process::pages_only(&redis);
    let waiting = async || {
        redis.number(&["LLEN", "starchart:jobs:active"]).await
            + redis.number(&["ZCARD", "starchart:jobs:scheduled"]).await
    };
    for _ in 0..1_000 {
        pages.queue.wake(WakeUp::Publish);
        tokio::task::yield_now().await;
    }
    eventually("one is sent", async || waiting().await > 0).await;
    sleep(Duration::from_millis(500)).await;
    assert_eq!(waiting().await, 1, "one message is pending");
    let worker = Process::worker(&redis);
    until_woken(&pages, &worker).await;
    let before = redis.number(&["HLEN", "starchart:jobs:data"]).await;
    for _ in 0..1_000 {
        pages.queue.wake(WakeUp::Publish);
        tokio::task::yield_now().await;
    }
    sleep(Duration::from_secs(1)).await;
    let sent = redis.number(&["HLEN", "starchart:jobs:data"]).await - before;
    assert!((1..=20).contains(&sent), "{sent} messages");
}

#[tokio::test]
async fn finished_messages_are_deleted() {
    let redis = Redis::start().await;
    let pages = Process::pages_only(&redis);
    let worker = Process::start(&redis, true, Duration::from_secs(1));
    until_woken(&pages, &worker).await;
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
    until_woken(&pages, &worker).await;
}

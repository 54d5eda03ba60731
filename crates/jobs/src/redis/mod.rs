//! What is shared between processes through Redis: wake-ups, and the counters behind rate limits.

mod clear;
mod envelope;
mod keys;
mod link;
mod pool;
mod quiet;
mod trim;

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use apalis_redis::Config;
use async_trait::async_trait;
use redis::aio::ConnectionManager;
use starchart_domain::secret::Secret;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

pub use clear::{ClearError, clear};
pub use link::Error;
pub(crate) use link::Link;

use crate::{InProcessQueue, Job, Queue};
use pool::{Pool, Ring};
use quiet::Quiet;

/// After a message could not be sent.
const SEND_AGAIN: Duration = Duration::from_millis(500);

/// Taking messages came to an end by itself.
#[derive(Debug, thiserror::Error)]
#[error("the pool that takes wake-ups out of Redis ended by itself")]
pub struct PoolEnded;

/// What a queue in Redis has to know.
#[derive(Debug, Clone)]
pub struct RedisOptions {
    /// REDIS_URL.
    pub url: Secret,
    /// This process among all, new at every start.
    pub process: String,
    /// Whether this process works; else it only wakes others.
    pub is_worker: bool,
    /// JOB_REMOVAL_FREQUENCY_S: how long finished messages are kept.
    pub keep_finished: Duration,
}

/// A bell between processes.
///
/// A process that works rings its own bell and sends nothing: its own loop runs at once, and
/// whoever holds the lease instead looks at the rows again before and after giving it up, so that a
/// message would only let a second process look in vain. A process that serves pages only, or that
/// has stopped working, sends.
pub struct RedisQueue {
    local: Arc<InProcessQueue>,
    /// What is to be sent: a job that is woken a thousand times meanwhile is sent once.
    outbox: InProcessQueue,
    is_worker: AtomicBool,
    sender: ConnectionManager,
    pool: Pool,
}

impl RedisQueue {
    /// A queue at this URL. Waits for nothing; needs a tokio runtime.
    ///
    /// # Errors
    /// The URL cannot be used.
    pub fn new(options: RedisOptions) -> Result<Self, Error> {
        let local = Arc::new(InProcessQueue::default());
        let bell = Arc::clone(&local);
        let ring: Ring = Arc::new(move |job| bell.wake(job));
        Self::with_ring(options, local, ring)
    }

    fn with_ring(
        options: RedisOptions,
        local: Arc<InProcessQueue>,
        ring: Ring,
    ) -> Result<Self, Error> {
        let link = Link::open(&options.url)?;
        let sender = link.connection()?;
        let config = keys::config();
        let pool = Pool {
            link,
            config,
            process: options.process,
            ring,
            keep: options.keep_finished,
        };
        Ok(Self {
            local,
            outbox: InProcessQueue::default(),
            is_worker: AtomicBool::new(options.is_worker),
            sender,
            pool,
        })
    }

    /// Sends what is in the outbox. What cannot be sent now waits there; the rows do not.
    async fn send(&self) -> Infallible {
        let (mut redis, mut quiet) = (self.sender.clone(), Quiet::default());
        let config: &Config = &self.pool.config;
        loop {
            let job = self.outbox.next().await;
            if let Err(error) = pool::push(&mut redis, config, job).await {
                if quiet.may_speak() {
                    warn!(%error, "REDIS_URL: others cannot be woken and find the work at their sweep");
                } else {
                    debug!(%error, job = job.as_str(), "a wake-up was not sent");
                }
                self.outbox.wake(job);
                sleep(SEND_AGAIN).await;
            }
        }
    }
}

#[async_trait]
impl Queue for RedisQueue {
    fn wake(&self, job: Job) {
        if self.is_worker.load(Ordering::Relaxed) {
            self.local.wake(job);
        } else {
            self.outbox.wake(job);
        }
    }

    async fn next(&self) -> Job {
        self.local.next().await
    }

    async fn relay(
        &self,
        fetch: CancellationToken,
        end: CancellationToken,
    ) -> Result<(), PoolEnded> {
        let take = async {
            if self.is_worker.load(Ordering::Relaxed) {
                self.pool.run(&fetch).await?;
                // Saves that still come are for others.
                self.is_worker.store(false, Ordering::Relaxed);
            }
            end.cancelled().await;
            Ok(())
        };
        tokio::select! {
            ended = take => ended,
            never = self.send() => match never {},
        }
    }
}

impl std::fmt::Debug for RedisQueue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RedisQueue")
            .field("process", &self.pool.process)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU32;

    use starchart_testkit::redis::Redis;
    use starchart_testkit::wait::eventually;
    use tokio::time::timeout;

    use super::*;

    fn options(redis: &Redis, is_worker: bool) -> RedisOptions {
        let (url, process) = (Secret::new(redis.url()), format!("test-{is_worker}"));
        RedisOptions {
            url,
            process,
            is_worker,
            keep_finished: Duration::from_secs(60),
        }
    }

    #[tokio::test]
    async fn a_panic_costs_one_message_only() {
        let redis = Redis::start().await;
        let (local, count) = (
            Arc::new(InProcessQueue::default()),
            Arc::new(AtomicU32::new(0)),
        );
        let bell = Arc::clone(&local);
        let ring: Ring = Arc::new(move |job| {
            assert!(
                count.fetch_add(1, Ordering::SeqCst) > 0,
                "the first message breaks"
            );
            bell.wake(job);
        });
        let (Ok(works), Ok(serves)) = (
            RedisQueue::with_ring(options(&redis, true), local, ring),
            RedisQueue::new(options(&redis, false)),
        ) else {
            panic!("the URL is good")
        };
        let never = CancellationToken::new();
        let heard = eventually("a wake-up after the panic", async || {
            serves.wake(Job::Mail);
            timeout(Duration::from_secs(1), works.next()).await == Ok(Job::Mail)
        });
        tokio::select! {
            _ = works.relay(never.clone(), never.clone()) => panic!("the pool ended"),
            _ = serves.relay(never.clone(), never.clone()) => panic!("sending ended"),
            () = heard => {}
        }
        assert_eq!(
            redis
                .command(&["ZRANGE", "starchart:jobs:workers", "0", "-1"])
                .await,
            "*1\r\n$11\r\ntest-true-1",
            "its first"
        );
    }
}

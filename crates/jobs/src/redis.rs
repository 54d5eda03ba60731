//! Wake-ups between processes through Redis.

mod cleanup;
mod clear;
mod client;
mod envelope;
mod keys;
mod pool;

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use starchart_domain::error::error_chain;
use starchart_domain::outage::{OutageLog, back_off};
use starchart_domain::secret::Secret;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

pub use clear::{CommandError, clear};
pub use client::Error;
pub(crate) use client::{RedisClient, RenewableConnection};

use crate::{InProcessQueue, Queue, WakeUp};
use pool::{OnMessage, Pool};

/// How long to wait before a failed message is sent again, doubled up to the maximum after each
/// failure.
const SEND_RETRY_AFTER: Duration = Duration::from_millis(500);
const SEND_RETRY_AFTER_MAX: Duration = Duration::from_secs(5);

/// The part of the program that an [`OutageLog`] of sending names.
const SENDING: &str = "sending";

/// Receiving messages ended without a fault and without being stopped.
#[derive(Debug, thiserror::Error)]
#[error("the worker pool that receives wake-ups from Redis ended unexpectedly")]
pub struct PoolEnded;

/// The options of a [`RedisQueue`].
#[derive(Debug, Clone)]
pub struct RedisOptions {
    /// The URL (`REDIS_URL`), which may contain a password.
    pub url: Secret,
    /// A name that is unique to this process and this start.
    pub process: String,
    /// Whether this process runs jobs; otherwise it only wakes others.
    pub is_worker: bool,
    /// How long finished messages are kept (`JOB_REMOVAL_FREQUENCY_S`).
    pub keep_finished: Duration,
}

/// A queue of wake-ups between processes.
///
/// A worker process wakes itself and sends no message: its own loop runs at once, and if another
/// process holds the lease, that one reads the rows again before and after releasing it. A message
/// would only make a second process read the rows in vain. A process that serves pages only, or has
/// stopped running jobs, sends messages.
pub struct RedisQueue {
    local: Arc<InProcessQueue>,
    /// Wake-ups to send; those of one job are merged.
    outbox: InProcessQueue,
    is_worker: AtomicBool,
    sender: RenewableConnection,
    pool: Pool,
}

impl RedisQueue {
    /// Creates a queue at this URL without connecting. Must be called in a tokio runtime.
    ///
    /// # Errors
    /// The URL is invalid.
    pub fn new(options: RedisOptions) -> Result<Self, Error> {
        let local = Arc::new(InProcessQueue::default());
        let woken = Arc::clone(&local);
        let on_message: OnMessage = Arc::new(move |job| woken.wake(job));
        Self::with_on_message(options, local, on_message)
    }

    fn with_on_message(
        options: RedisOptions,
        local: Arc<InProcessQueue>,
        on_message: OnMessage,
    ) -> Result<Self, Error> {
        let client = RedisClient::open(&options.url)?;
        let sender = client.clone().renewable()?;
        let config = keys::config();
        let pool = Pool {
            client,
            config,
            process: options.process,
            on_message,
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

    /// Sends the wake-ups in the outbox, retrying while Redis is unavailable.
    async fn send(&self) -> Infallible {
        let outage = OutageLog::default();
        loop {
            let job = self.outbox.next().await;
            let Err(failure) = pool::push(&mut self.sender.get(), &self.pool.config, job).await
            else {
                if let Some(outage) = outage.worked(SENDING, Instant::now()) {
                    let after_s = outage.as_secs();
                    info!(after_s, "REDIS_URL: other processes are woken again");
                }
                continue;
            };
            self.sender.renew();
            let error = error_chain(&failure);
            let failure = outage.failed(SENDING, &error, Instant::now());
            if failure.is_news {
                warn!(
                    error,
                    "REDIS_URL: other processes cannot be woken and wait for the sweep"
                );
            } else {
                debug!(error, job = job.as_str(), "a wake-up was not sent");
            }
            self.outbox.wake(job);
            let (first, max) = (SEND_RETRY_AFTER, SEND_RETRY_AFTER_MAX);
            sleep(back_off(failure.in_a_row, first, max, rand::random())).await;
        }
    }
}

#[async_trait]
impl Queue for RedisQueue {
    fn wake(&self, job: WakeUp) {
        if self.is_worker.load(Ordering::Relaxed) {
            self.local.wake(job);
        } else {
            self.outbox.wake(job);
        }
    }

    async fn next(&self) -> WakeUp {
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
                // From now on other processes have to run the jobs.
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

    #[tokio::test]
    async fn a_password_that_is_accepted_again_is_taken_up() {
        let redis = Redis::start().await;
        let set_password = async |password: &str| {
            let rule = format!(">{password}");
            let answer = redis
                .command(&[
                    "ACL", "SETUSER", "app", "reset", "on", &rule, "~*", "&*", "+@all",
                ])
                .await;
            assert!(answer.contains("OK"), "{answer}");
            redis.command(&["CLIENT", "KILL", "USER", "app"]).await;
        };
        set_password("right").await;
        let url = redis.url().replace("redis://", "redis://app:right@");
        let options = |is_worker| RedisOptions {
            url: Secret::new(url.clone()),
            ..options(&redis, is_worker)
        };
        let (Ok(worker), Ok(pages), Ok(counters)) = (
            RedisQueue::new(options(true)),
            RedisQueue::new(options(false)),
            crate::SharedCounters::new(&Secret::new(url.clone())),
        ) else {
            panic!("the URL is good")
        };
        let never = CancellationToken::new();
        let wakes = async || {
            pages.wake(WakeUp::Mail);
            timeout(Duration::from_secs(1), worker.next()).await == Ok(WakeUp::Mail)
        };
        let story = async {
            eventually("a wake-up", &wakes).await;
            eventually("shared counters", async || counters.is_shared()).await;
            set_password("other").await;
            let limit = crate::RateLimit::per_minute(1_000);
            eventually("counting in the process", async || {
                let _ = crate::Counters::take(&counters, "key", limit).await;
                pages.wake(WakeUp::Mail);
                !counters.is_shared()
            })
            .await;
            // Long enough for a reconnection that is refused.
            sleep(Duration::from_secs(2)).await;
            set_password("right").await;
            while timeout(Duration::from_millis(100), worker.next())
                .await
                .is_ok()
            {}
            eventually("a wake-up again", &wakes).await;
            eventually("shared counters again", async || counters.is_shared()).await;
        };
        tokio::select! {
            _ = worker.relay(never.clone(), never.clone()) => panic!("the pool ended"),
            _ = pages.relay(never.clone(), never.clone()) => panic!("sending ended"),
            () = story => {}
        }
    }

    fn options(redis: &Redis, is_worker: bool) -> RedisOptions {
        RedisOptions {
            url: Secret::new(redis.url()),
            process: format!("test-{is_worker}"),
            is_worker,
            keep_finished: Duration::from_secs(60),
        }
    }

    #[tokio::test]
    async fn a_panic_loses_one_message_only() {
        let redis = Redis::start().await;
        let local = Arc::new(InProcessQueue::default());
        let count = Arc::new(AtomicU32::new(0));
        let woken = Arc::clone(&local);
        let on_message: OnMessage = Arc::new(move |job| {
            assert!(
                count.fetch_add(1, Ordering::SeqCst) > 0,
                "the first message panics"
            );
            woken.wake(job);
        });
        let (Ok(worker), Ok(pages)) = (
            RedisQueue::with_on_message(options(&redis, true), local, on_message),
            RedisQueue::new(options(&redis, false)),
        ) else {
            panic!("the URL is good")
        };
        let never = CancellationToken::new();
        let heard = eventually("a wake-up after the panic", async || {
            pages.wake(WakeUp::Mail);
            timeout(Duration::from_secs(1), worker.next()).await == Ok(WakeUp::Mail)
        });
        tokio::select! {
            _ = worker.relay(never.clone(), never.clone()) => panic!("the pool ended"),
            _ = pages.relay(never.clone(), never.clone()) => panic!("sending ended"),
            () = heard => {}
        }
        assert_eq!(
            redis
                .command(&["ZRANGE", "starchart:jobs:workers", "0", "-1"])
                .await,
            "*1\r\n$11\r\ntest-true-1",
            "the first pool still runs"
        );
    }
}

//! Counters that all processes share, in Redis.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use redis::aio::ConnectionManager;
use redis::{RedisError, Script};
use starchart_domain::secret::Secret;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tracing::{info, warn};

use super::{Counters, LocalCounters, RateLimit, seconds};
use crate::redis::{Error, Link};

/// A request waits for Redis so long at most.
const PATIENCE: Duration = Duration::from_millis(50);
/// Between two looks whether Redis answers again.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Such a look may take longer than a request may: a connection is made, perhaps with TLS.
const LOOK_LIMIT: Duration = Duration::from_secs(3);
/// What such a look takes: so little that its key lives for a millisecond.
const LOOK_KEY: &str = "look";
const LOOK_ALLOWANCE: RateLimit = RateLimit::per_minute(1_000_000);
/// Before every key of ours.
pub(crate) const PREFIX: &str = "starchart:rate:";

/// The generic cell rate algorithm: the key holds when the whole allowance is there again, by
/// Redis' own clock, and goes away then. Answers 0, or the milliseconds to wait.
const TAKE: &str = r"
local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000
local full_again = math.max(tonumber(redis.call('GET', KEYS[1]) or now), now) + tonumber(ARGV[1])
local wait = full_again - now - tonumber(ARGV[2])
if wait > 0.001 then return math.ceil(wait) end
redis.call('SET', KEYS[1], string.format('%.3f', full_again), 'PX', math.ceil(full_again - now))
return 0
";

/// Counts in Redis; in this process while Redis does not answer.
#[derive(Debug)]
pub struct SharedCounters {
    redis: ConnectionManager,
    script: Script,
    local: LocalCounters,
    state: Arc<State>,
    looking: JoinHandle<()>,
}

/// Whether Redis is asked at all. No request pays for finding out that it is back: one task looks.
#[derive(Debug, Default)]
struct State {
    answers: AtomicBool,
    failed: Notify,
}

impl SharedCounters {
    /// Counters at this URL. Waits for nothing; needs a tokio runtime.
    ///
    /// # Errors
    /// The URL cannot be used.
    pub fn new(url: &Secret) -> Result<Self, Error> {
        let redis = Link::open(url)?.connection()?;
        let state = Arc::new(State::default());
        let script = Script::new(TAKE);
        let looking = tokio::spawn(look(redis.clone(), script.clone(), Arc::clone(&state)));
        Ok(Self {
            redis,
            script,
            local: LocalCounters::default(),
            state,
            looking,
        })
    }

    /// Whether Redis counts at present.
    pub fn is_shared(&self) -> bool {
        self.state.answers.load(Ordering::Relaxed)
    }
}

async fn ask(
    redis: &ConnectionManager,
    script: &Script,
    key: &str,
    allowance: RateLimit,
) -> Result<u64, RedisError> {
    let mut call = script.key(format!("{PREFIX}{key}"));
    let millis = |time: Duration| format!("{:.3}", time.as_secs_f64() * 1_000.0);
    call.arg(millis(allowance.each()))
        .arg(millis(allowance.window));
    call.invoke_async(&mut redis.clone()).await
}

#[async_trait]
impl Counters for SharedCounters {
    fn reaches_redis(&self) -> Option<bool> {
        Some(self.is_shared())
    }

    async fn take(&self, key: &str, allowance: RateLimit) -> Result<(), u64> {
        if self.is_shared() {
            match timeout(PATIENCE, ask(&self.redis, &self.script, key, allowance)).await {
                Ok(Ok(0)) => return Ok(()),
                Ok(Ok(millis)) => return Err(seconds(Duration::from_millis(millis))),
                Ok(Err(error)) => self.state.fail(&error.to_string()),
                Err(_) => self.state.fail("no answer in time"),
            }
        }
        self.local.take(key, allowance).await
    }
}

impl State {
    /// Said once until Redis answers again.
    fn fail(&self, error: &str) {
        if self.answers.swap(false, Ordering::Relaxed) {
            warn!(
                error,
                "REDIS_URL: rate limits are counted in each process until Redis answers again"
            );
            self.failed.notify_one();
        }
    }
}

/// Looks until Redis counts, then rests until a request says that it does not. It asks what
/// requests ask, because a Redis that is full or may not be written answers a PING.
async fn look(redis: ConnectionManager, script: Script, state: Arc<State>) {
    loop {
        if matches!(
            timeout(LOOK_LIMIT, ask(&redis, &script, LOOK_KEY, LOOK_ALLOWANCE)).await,
            Ok(Ok(_))
        ) {
            state.answers.store(true, Ordering::Relaxed);
            info!("rate limits are counted in Redis");
            state.failed.notified().await;
        }
        sleep(LOOK_EVERY).await;
    }
}

impl Drop for SharedCounters {
    fn drop(&mut self) {
        self.looking.abort();
    }
}

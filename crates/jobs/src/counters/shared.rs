//! Counters in Redis, shared by all processes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use redis::{RedisError, Script};
use starchart_domain::error::error_chain;
use starchart_domain::outage::{OutageLog, back_off};
use starchart_domain::secret::Secret;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tracing::{debug, info, warn};

use super::{Counters, LocalCounters, RateLimit, seconds};
use crate::redis::{CommandError, Error, RedisClient, RenewableConnection};

/// How long a request waits for Redis.
const REQUEST_TIMEOUT: Duration = Duration::from_millis(50);
/// The delay between two probes while Redis is unavailable, doubled up to the maximum.
const PROBE_INTERVAL: Duration = Duration::from_secs(1);
const PROBE_INTERVAL_MAX: Duration = Duration::from_secs(5);
/// The part of the program that the [`OutageLog`] names.
const COUNTING: &str = "counting";
/// How long a probe waits: longer than a request, because it connects, perhaps with TLS.
const PROBE_TIMEOUT: Duration = Duration::from_secs(3);
/// The key that probes count; with this limit it expires after a millisecond.
const PROBE_KEY: &str = "probe";
const PROBE_LIMIT: RateLimit = RateLimit::per_minute(1_000_000);
/// The prefix of every key of the counters.
pub(crate) const PREFIX: &str = "starchart:rate:";

/// The generic cell rate algorithm. The key holds the time, by Redis' clock, at which all actions
/// are regained, and expires then. Returns 0, or the milliseconds to wait.
const TAKE: &str = r"
local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000
local full_again = math.max(tonumber(redis.call('GET', KEYS[1]) or now), now) + tonumber(ARGV[1])
local wait = full_again - now - tonumber(ARGV[2])
if wait > 0.001 then return math.ceil(wait) end
redis.call('SET', KEYS[1], string.format('%.3f', full_again), 'PX', math.ceil(full_again - now))
return 0
";

/// Counters in Redis, with counters of this process as a fallback while Redis is unavailable.
#[derive(Debug)]
pub struct SharedCounters {
    redis: RenewableConnection,
    script: Script,
    local: LocalCounters,
    state: Arc<Availability>,
    prober: JoinHandle<()>,
}

/// Whether Redis is available. One task probes it, so that no request waits for its return.
#[derive(Debug, Default)]
struct Availability {
    is_available: AtomicBool,
    failed: Notify,
    outage: OutageLog,
}

impl SharedCounters {
    /// Creates counters at this URL without connecting. Must be called in a tokio runtime.
    ///
    /// # Errors
    /// The URL is invalid.
    pub fn new(url: &Secret) -> Result<Self, Error> {
        let redis = RedisClient::open(url)?.renewable()?;
        let state = Arc::new(Availability::default());
        let script = Script::new(TAKE);
        let prober = tokio::spawn(probe(redis.clone(), script.clone(), Arc::clone(&state)));
        Ok(Self {
            redis,
            script,
            local: LocalCounters::default(),
            state,
            prober,
        })
    }

    /// Returns whether Redis is counting now.
    pub fn is_shared(&self) -> bool {
        self.state.is_available.load(Ordering::Relaxed)
    }
}

/// Connects to Redis once and counts as a request does, for `check-config --online`.
///
/// # Errors
/// The URL is invalid, or Redis is unavailable or refuses the user, the password or the script.
pub async fn check(url: &Secret) -> Result<(), CommandError> {
    let redis = RedisClient::open(url)?.renewable()?;
    take_in_redis(&redis, &Script::new(TAKE), PROBE_KEY, PROBE_LIMIT).await?;
    Ok(())
}

async fn take_in_redis(
    redis: &RenewableConnection,
    script: &Script,
    key: &str,
    limit: RateLimit,
) -> Result<u64, RedisError> {
    let mut call = script.key(format!("{PREFIX}{key}"));
    let millis = |time: Duration| format!("{:.3}", time.as_secs_f64() * 1_000.0);
    call.arg(millis(limit.each())).arg(millis(limit.window));
    call.invoke_async(&mut redis.get()).await
}

#[async_trait]
impl Counters for SharedCounters {
    fn reaches_redis(&self) -> Option<bool> {
        Some(self.is_shared())
    }

    async fn take(&self, key: &str, limit: RateLimit) -> Result<(), u64> {
        if self.is_shared() {
            match timeout(
                REQUEST_TIMEOUT,
                take_in_redis(&self.redis, &self.script, key, limit),
            )
            .await
            {
                Ok(Ok(0)) => return Ok(()),
                Ok(Ok(millis)) => return Err(seconds(Duration::from_millis(millis))),
                Ok(Err(error)) => self.state.mark_unavailable(&error_chain(&error)),
                Err(_) => self.state.mark_unavailable("no answer in time"),
            }
        }
        self.local.take(key, limit).await
    }
}

impl Availability {
    /// Marks Redis as unavailable after a request failed, and lets the prober begin.
    fn mark_unavailable(&self, error: &str) {
        if self.is_available.swap(false, Ordering::Relaxed) {
            self.record_failure(error);
            self.failed.notify_one();
        }
    }

    /// Logs the failure unless the cause is known, and returns the number of failures in a row.
    fn record_failure(&self, error: &str) -> u32 {
        let failure = self.outage.failed(COUNTING, error, Instant::now());
        if failure.is_news {
            warn!(
                error,
                "REDIS_URL: rate limits are counted in each process until Redis answers again"
            );
        } else {
            debug!(error, "rate limits are counted in each process");
        }
        failure.in_a_row
    }

    fn mark_available(&self, is_first: bool) {
        self.is_available.store(true, Ordering::Relaxed);
        let outage = self.outage.worked(COUNTING, Instant::now());
        if outage.is_some() || is_first {
            let after_s = outage.map(|outage| outage.as_secs());
            info!(after_s, "rate limits are counted in Redis");
        } else {
            debug!("rate limits are counted in Redis");
        }
    }
}

/// Probes Redis until it counts, then sleeps until a request fails. A probe runs the same script as
/// requests, because a Redis that is full or read-only still answers a PING.
async fn probe(redis: RenewableConnection, script: Script, state: Arc<Availability>) {
    let mut is_first = true;
    loop {
        let probe = take_in_redis(&redis, &script, PROBE_KEY, PROBE_LIMIT);
        let error = match timeout(PROBE_TIMEOUT, probe).await {
            Ok(Ok(_)) => None,
            Ok(Err(error)) => Some(error_chain(&error)),
            Err(_) => Some("no answer in time".to_owned()),
        };
        let delay = match error {
            None => {
                state.mark_available(is_first);
                is_first = false;
                state.failed.notified().await;
                PROBE_INTERVAL
            }
            Some(error) => {
                redis.renew();
                let failures = state.record_failure(&error);
                back_off(failures, PROBE_INTERVAL, PROBE_INTERVAL_MAX, rand::random())
            }
        };
        sleep(delay).await;
    }
}

impl Drop for SharedCounters {
    fn drop(&mut self) {
        self.prober.abort();
    }
}

//! Counters behind rate limits.
//!
//! All processes share the counters in Redis. While Redis is unavailable each process counts for
//! itself: limits are then wider but still apply, and no request waits for Redis.

mod local;
mod shared;

use std::time::Duration;

use async_trait::async_trait;

pub use local::LocalCounters;
pub(crate) use shared::PREFIX;
pub use shared::{SharedCounters, check};

/// How often an action is allowed: `count` times at once, regained evenly over each `window`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    /// The number of actions; 0 is treated as 1.
    pub count: u32,
    /// The time in which all of them are regained.
    pub window: Duration,
}

impl RateLimit {
    /// Creates a limit of `count` actions a minute.
    pub const fn per_minute(count: u32) -> Self {
        Self {
            count,
            window: Duration::from_secs(60),
        }
    }

    /// Returns the time after which one action is regained.
    fn each(self) -> Duration {
        self.window / self.count.max(1)
    }
}

/// Counts actions against rate limits.
#[async_trait]
pub trait Counters: Send + Sync {
    /// Counts one action of `key`. Returns within about 50 ms even when Redis is unavailable. Keys
    /// contain ids, addresses and hashes, never names of users.
    ///
    /// # Errors
    /// The limit is reached; the error is the number of seconds (at least 1) until the next action.
    async fn take(&self, key: &str, limit: RateLimit) -> Result<(), u64>;

    /// Returns whether Redis is counting now, or `None` if these counters do not use Redis.
    fn reaches_redis(&self) -> Option<bool> {
        None
    }
}

/// Rounds a wait up to whole seconds, at least 1.
fn seconds(wait: Duration) -> u64 {
    u64::try_from(wait.as_millis().div_ceil(1_000))
        .unwrap_or(u64::MAX)
        .max(1)
}

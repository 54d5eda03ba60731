//! Counters behind rate limits.
//!
//! All processes share them through Redis. While it does not answer, each process counts for
//! itself: the limit is then a little wider, but never gone, and no request waits for it.

mod local;
mod shared;

use std::time::Duration;

use async_trait::async_trait;

pub use local::LocalCounters;
pub(crate) use shared::PREFIX;
pub use shared::SharedCounters;

/// How often something may be done: `count` times at once, and as many again in each `window`,
/// evenly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    /// How often; 0 counts as 1.
    pub count: u32,
    /// In how much time.
    pub window: Duration,
}

impl RateLimit {
    /// So many a minute.
    pub const fn per_minute(count: u32) -> Self {
        Self {
            count,
            window: Duration::from_secs(60),
        }
    }

    /// The time that one takes to come back.
    fn each(self) -> Duration {
        self.window / self.count.max(1)
    }
}

/// Counts what is limited.
#[async_trait]
pub trait Counters: Send + Sync {
    /// Takes one of what `key` is allowed, or says in how many seconds there is one (at least 1).
    /// Keys hold no names of people: ids, addresses and hashes only. Answers within some 50 ms,
    /// whatever fails.
    ///
    /// # Errors
    /// The allowance is used up.
    async fn take(&self, key: &str, allowance: RateLimit) -> Result<(), u64>;

    /// Whether Redis counts at present. `None`: it is not meant to.
    fn reaches_redis(&self) -> Option<bool> {
        None
    }
}

/// Whole seconds to wait, never 0.
fn seconds(wait: Duration) -> u64 {
    u64::try_from(wait.as_millis().div_ceil(1_000))
        .unwrap_or(u64::MAX)
        .max(1)
}

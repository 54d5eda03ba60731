//! Wake-ups: what there may be to do, and who is told.
//!
//! A job carries no truth. Rows say what is owed; a job only says "look now". Losing every message
//! makes the work slower, never wrong (invariant I4): the worker looks by itself at every sweep.

mod counters;
mod memory;
mod outcome;
mod redis;

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

pub use self::redis::{ClearError, Error, PoolEnded, RedisOptions, RedisQueue, clear};
pub use counters::{Counters, LocalCounters, RateLimit, SharedCounters};
pub use memory::{InProcessQueue, NullQueue};
pub use outcome::Outcome;

/// Something there may be to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Job {
    /// A name changed: bring the zone up to date.
    Publish,
    /// Something was sent: see how far it has come.
    Track,
    /// An order for a certificate can go on.
    Certificate,
    /// A mail is owed.
    Mail,
}

impl Job {
    /// Every job.
    pub const ALL: [Self; 4] = [Self::Publish, Self::Track, Self::Certificate, Self::Mail];

    /// Its name in logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Publish => "publish",
            Self::Track => "track",
            Self::Certificate => "certificate",
            Self::Mail => "mail",
        }
    }
}

/// Carries wake-ups to whoever works.
#[async_trait]
pub trait Queue: Send + Sync {
    /// Says that there may be something to do; never waits, and may be forgotten.
    fn wake(&self, job: Job);

    /// The next job that somebody woke; the same job woken twice before it is taken comes once.
    async fn next(&self) -> Job;

    /// Carries wake-ups between processes: takes others' until `fetch`, sends ours until `end`.
    /// Does nothing for a queue inside one process.
    ///
    /// # Errors
    /// It ended by itself, so that the process is broken and should end too.
    async fn relay(
        &self,
        _fetch: CancellationToken,
        end: CancellationToken,
    ) -> Result<(), PoolEnded> {
        end.cancelled().await;
        Ok(())
    }
}

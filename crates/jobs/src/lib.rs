//! Wake-ups between processes, and the counters behind rate limits.
//!
//! A wake-up only says that a job may have pending rows. The rows are in the database, and the
//! worker's sweep finds them without any wake-up, so that losing every message costs time and no
//! work (I4). apalis types do not leave this crate (I2).

mod counters;
mod memory;
mod outcome;
mod redis;

use async_trait::async_trait;
use strum::VariantArray;
use tokio_util::sync::CancellationToken;

pub use self::redis::{CommandError, Error, PoolEnded, RedisOptions, RedisQueue, clear};
pub use counters::{Counters, LocalCounters, RateLimit, SharedCounters, check};
pub use memory::{InProcessQueue, NullQueue};
pub use outcome::Outcome;

/// The name of a background job that other parts of the program can start before its period ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, VariantArray)]
pub enum WakeUp {
    /// Publishes names with unpublished changes.
    Publish,
    /// Polls the state of sent changes.
    Track,
    /// Takes the next step of certificate orders.
    Certificate,
    /// Sends the pending mails of the outbox.
    Mail,
    /// Looks records up at name servers and resolvers.
    Lookup,
}

impl WakeUp {
    /// Every wake-up, in the order in which a queue returns them.
    pub const ALL: &'static [Self] = Self::VARIANTS;

    /// Returns the job's name in logs and messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Publish => "publish",
            Self::Track => "track",
            Self::Certificate => "certificate",
            Self::Mail => "mail",
            Self::Lookup => "lookup",
        }
    }
}

/// A queue of wake-ups.
#[async_trait]
pub trait Queue: Send + Sync {
    /// Starts a job soon. Never blocks; the wake-up may be lost.
    fn wake(&self, job: WakeUp);

    /// Waits for the next wake-up. Wake-ups of the same job are merged until one is taken.
    async fn next(&self) -> WakeUp;

    /// Relays wake-ups between processes: receives until `fetch` is cancelled and sends until `end`
    /// is. A queue inside one process has nothing to relay.
    ///
    /// # Errors
    /// Receiving ended unexpectedly; the process should exit.
    async fn relay(
        &self,
        _fetch: CancellationToken,
        end: CancellationToken,
    ) -> Result<(), PoolEnded> {
        end.cancelled().await;
        Ok(())
    }
}

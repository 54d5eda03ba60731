//! How apalis-redis names its keys for our queue, and how we name messages.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use apalis_redis::Config;

use crate::Job;

/// The queue's name.
const QUEUE: &str = "starchart:jobs";
/// Before every key of the queue.
pub(crate) const PREFIX: &str = "starchart:jobs:";
/// A pool says so often that it lives. Its next fetch comes much sooner, so that this only matters
/// to others.
pub(crate) const HEARTBEAT: Duration = Duration::from_secs(3);
/// What a pool held that said nothing for so many heartbeats goes to others.
const MISSED: usize = 10;
/// While a message of a job waits, no second one is needed. Whoever takes it says so; where they
/// died before, this ends it.
const WAITS: Duration = Duration::from_secs(10);

/// The queue, as apalis-redis is told.
pub(crate) fn config() -> Config {
    Config::default()
        .queue(QUEUE)
        .heartbeat_interval(HEARTBEAT)
        .missed_heartbeats(MISSED)
        // Without a time, apalis-redis drops the mark as soon as it is set.
        .idempotency_ttl(Some(WAITS))
        // Handlers take no time: a lock would only be one more thing to lose.
        .lock_tasks(false)
        .emit_events(false)
}

/// The mark that a message of this job waits.
pub(crate) fn waiting(config: &Config, job: Job) -> String {
    format!("{}:{}", config.idempotency_key_set(), job.as_str())
}

/// What the pool of this name took and has not finished.
pub(crate) fn inflight(config: &Config, pool: &str) -> String {
    format!("{}:{pool}", config.inflight_jobs_set())
}

/// What is known about one message beside its text.
pub(crate) fn meta(config: &Config, id: &str) -> String {
    format!("{}:{id}", config.job_meta_hash())
}

/// What is known about the pool of this name.
pub(crate) fn pool_metadata(config: &Config, pool: &str) -> String {
    format!("{}:metadata:{pool}", config.workers_set())
}

/// Milliseconds since 1970, by this machine's clock.
pub(crate) fn now() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// A new message's id; it tells when it was made.
pub(crate) fn new_id() -> String {
    format!("{:013}-{:016x}", now(), rand::random::<u64>())
}

/// When the message of this id was made; the beginning of time for what we did not name.
pub(crate) fn made(id: &str) -> u64 {
    id.split_once('-')
        .and_then(|(millis, _)| millis.parse().ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_tells_when_it_was_made() {
        assert!(now() - made(&new_id()) < 60_000);
        assert!(new_id() != new_id());
        for foreign in ["", "x", "x-1", "01JD2Q3V4W5X6Y7Z8A9B0C1D2E"] {
            assert_eq!(made(foreign), 0, "{foreign}");
        }
    }
}

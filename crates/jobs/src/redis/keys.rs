//! Redis keys of the queue, and message ids.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use apalis_redis::Config;

use crate::WakeUp;

/// The name of the apalis queue.
const QUEUE: &str = "starchart:jobs";
/// The prefix of every key of the queue.
pub(crate) const PREFIX: &str = "starchart:jobs:";
/// How often a pool reports that it is alive, for other processes to see.
pub(crate) const HEARTBEAT: Duration = Duration::from_secs(3);
/// After this many missed heartbeats other pools take over the messages of a pool.
const MISSED_HEARTBEATS: usize = 10;
/// How long the pending mark of a job lasts. While it exists no second message is sent. The
/// receiver deletes it; this limit is for receivers that crash before.
const PENDING_MARK_TTL: Duration = Duration::from_secs(10);

/// Returns the configuration of the apalis queue.
pub(crate) fn config() -> Config {
    Config::default()
        .queue(QUEUE)
        .heartbeat_interval(HEARTBEAT)
        .missed_heartbeats(MISSED_HEARTBEATS)
        // Without a TTL apalis-redis deletes the mark as soon as it is set.
        .idempotency_ttl(Some(PENDING_MARK_TTL))
        // Messages are handled in an instant, so that locks have no use.
        .lock_tasks(false)
        .emit_events(false)
}

/// Returns the key that marks a job as having a pending message.
pub(crate) fn pending_mark(config: &Config, job: WakeUp) -> String {
    format!("{}:{}", config.idempotency_key_set(), job.as_str())
}

/// Returns the key of the messages that a pool has taken and not finished.
pub(crate) fn inflight(config: &Config, pool: &str) -> String {
    format!("{}:{pool}", config.inflight_jobs_set())
}

/// Returns the key of a message's metadata.
pub(crate) fn meta(config: &Config, id: &str) -> String {
    format!("{}:{id}", config.job_meta_hash())
}

/// Returns the key of a pool's metadata.
pub(crate) fn worker_metadata(config: &Config, pool: &str) -> String {
    format!("{}:metadata:{pool}", config.workers_set())
}

/// Returns the milliseconds since the Unix epoch by this machine's clock.
pub(crate) fn now() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Creates a message id that contains its creation time.
pub(crate) fn new_id() -> String {
    format!("{:013}-{:016x}", now(), rand::random::<u64>())
}

/// Returns when a message was created, in milliseconds since the Unix epoch; 0 for a foreign id.
pub(crate) fn created_at(id: &str) -> u64 {
    id.split_once('-')
        .and_then(|(millis, _)| millis.parse().ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_contains_its_creation_time() {
        assert!(now().abs_diff(created_at(&new_id())) < 60_000);
        assert!(new_id() != new_id());
        for foreign in ["", "x", "x-1", "01JD2Q3V4W5X6Y7Z8A9B0C1D2E"] {
            assert_eq!(created_at(foreign), 0, "{foreign}");
        }
    }
}

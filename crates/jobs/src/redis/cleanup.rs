//! Deletes finished messages. apalis-redis keeps them for ever, and its own `vacuum` also deletes
//! pending ones.

use std::collections::BTreeSet;
use std::time::Duration;

use apalis_redis::Config;
use redis::aio::ConnectionManager;
use redis::{RedisError, pipe};

use super::keys;

/// The most finished messages that are kept, whatever their age.
const KEEP_MAX: usize = 1_000;
/// How many messages one call deletes.
const CHUNK: usize = 200;

/// Returns how often to delete finished messages.
pub(crate) fn interval(keep: Duration) -> Duration {
    keep.clamp(Duration::from_secs(1), Duration::from_secs(60))
}

/// Deletes messages that finished more than `keep` ago or that no list refers to. Returns how many.
pub(crate) async fn remove_finished(
    redis: &mut ConnectionManager,
    config: &Config,
    keep: Duration,
) -> Result<usize, RedisError> {
    let mut look = pipe();
    look.smembers(config.done_jobs_set())
        .smembers(config.dead_jobs_set())
        .hkeys(config.job_data_hash());
    let (done, dead, data): (Vec<String>, Vec<String>, Vec<String>) =
        look.query_async(redis).await?;
    let before = keys::now().saturating_sub(u64::try_from(keep.as_millis()).unwrap_or(u64::MAX));
    let old: Vec<String> = select_expired(done.into_iter().chain(dead).collect(), data, before)
        .into_iter()
        .collect();
    for ids in old.chunks(CHUNK) {
        let mut remove = pipe();
        for id in ids {
            remove
                .srem(config.done_jobs_set(), id)
                .ignore()
                .srem(config.dead_jobs_set(), id)
                .ignore();
            // Pending for too long: without its text it must not be taken any more.
            remove
                .lrem(config.active_jobs_list(), 0, id)
                .ignore()
                .zrem(config.scheduled_jobs_set(), id)
                .ignore();
            remove
                .hdel(config.job_data_hash(), id)
                .ignore()
                .del(keys::meta(config, id))
                .ignore();
        }
        remove.exec_async(redis).await?;
    }
    Ok(old.len())
}

/// Selects every old message, and the finished ones beyond the newest [`KEEP_MAX`].
fn select_expired(mut finished: Vec<String>, all: Vec<String>, before: u64) -> BTreeSet<String> {
    finished.sort_by_key(|id| std::cmp::Reverse(keys::created_at(id)));
    let young = finished
        .iter()
        .take_while(|id| keys::created_at(id) >= before)
        .count()
        .min(KEEP_MAX);
    let all = all.into_iter().filter(|id| keys::created_at(id) < before);
    finished.drain(young..).chain(all).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(times: impl IntoIterator<Item = u64>) -> Vec<String> {
        times
            .into_iter()
            .map(|time| format!("{time:013}-0"))
            .collect()
    }

    #[test]
    fn old_surplus_and_lost_messages_are_deleted() {
        let gone = select_expired(
            ids([50, 150, 250]),
            [ids([40, 260]), vec!["foreign".to_owned()]].concat(),
            100,
        );
        assert_eq!(
            gone,
            [ids([40, 50]), vec!["foreign".to_owned()]]
                .concat()
                .into_iter()
                .collect()
        );
        let most = u64::try_from(KEEP_MAX).unwrap_or_default();
        let gone = select_expired(ids(0..most + 3), Vec::new(), 0);
        assert_eq!(
            gone,
            ids([0, 1, 2]).into_iter().collect(),
            "the newest stay"
        );
    }
}

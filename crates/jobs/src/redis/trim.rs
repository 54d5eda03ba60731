//! Removes finished messages. apalis-redis keeps them for ever, and its own `vacuum` also removes
//! what still waits.

use std::collections::BTreeSet;
use std::time::Duration;

use apalis_redis::Config;
use redis::aio::ConnectionManager;
use redis::{RedisError, pipe};

use super::keys;

/// Finished messages say nothing that anybody needs: no more than so many are kept, however young.
const KEEP_MAX: usize = 1_000;
/// Removed in one call.
const CHUNK: usize = 200;

/// How often there may be something to remove.
pub(crate) fn every(keep: Duration) -> Duration {
    keep.clamp(Duration::from_secs(1), Duration::from_secs(60))
}

/// Removes what was finished before `keep`, and what belongs to nobody any more; how many messages
/// that was.
pub(crate) async fn trim(
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
    let old: Vec<String> = outlived(done.into_iter().chain(dead).collect(), data, before)
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
            // Nobody took it for so long: without its text it must not be taken either.
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

/// Of the finished: the old ones and those beyond the newest [`KEEP_MAX`]. Of all: the old ones.
fn outlived(mut finished: Vec<String>, all: Vec<String>, before: u64) -> BTreeSet<String> {
    finished.sort_by_key(|id| std::cmp::Reverse(keys::made(id)));
    let young = finished
        .iter()
        .take_while(|id| keys::made(id) >= before)
        .count()
        .min(KEEP_MAX);
    let all = all.into_iter().filter(|id| keys::made(id) < before);
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
    fn the_old_the_many_and_the_lost_go() {
        let gone = outlived(
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
        let gone = outlived(ids(0..most + 3), Vec::new(), 0);
        assert_eq!(
            gone,
            ids([0, 1, 2]).into_iter().collect(),
            "the newest stay"
        );
    }
}

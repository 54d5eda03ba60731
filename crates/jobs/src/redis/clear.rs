//! Removes everything of ours from Redis: after a wipe, or to start from nothing.

use redis::{RedisError, cmd};
use starchart_domain::secret::Secret;

use super::{Error, Link, keys};
use crate::counters;

/// Keys looked at in one call.
const CHUNK: u32 = 500;

/// Why not everything was removed. Nothing depends on it: what is left goes by time.
#[derive(Debug, thiserror::Error)]
pub enum ClearError {
    /// The URL cannot be used.
    #[error(transparent)]
    Url(#[from] Error),
    /// Redis does not answer, or refuses.
    #[error("Redis: {0}")]
    Redis(#[from] RedisError),
}

/// Removes every key of the queue and of the counters, and no other; says how many there were.
///
/// # Errors
/// Redis is away or refuses; some keys may be gone by then.
pub async fn clear(url: &Secret) -> Result<u64, ClearError> {
    let mut redis = Link::open(url)?.connection().map_err(ClearError::Url)?;
    let mut removed = 0;
    for prefix in [keys::PREFIX, counters::PREFIX] {
        let mut cursor = 0_u64;
        loop {
            let mut scan = cmd("SCAN");
            scan.arg(cursor)
                .arg("MATCH")
                .arg(format!("{prefix}*"))
                .arg("COUNT")
                .arg(CHUNK);
            let (next, found): (u64, Vec<String>) = scan.query_async(&mut redis).await?;
            if !found.is_empty() {
                removed += cmd("UNLINK")
                    .arg(found)
                    .query_async::<u64>(&mut redis)
                    .await?;
            }
            cursor = next;
            if cursor == 0 {
                break;
            }
        }
    }
    Ok(removed)
}

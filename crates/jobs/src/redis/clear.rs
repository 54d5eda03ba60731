//! Deletes all keys of Starchart from Redis, after a wipe.

use redis::{RedisError, cmd};
use starchart_domain::secret::Secret;

use super::{Error, RedisClient, keys};
use crate::counters;

/// How many keys one SCAN call looks at.
const CHUNK: u32 = 500;

/// Why a command was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The URL is invalid.
    #[error(transparent)]
    Url(#[from] Error),
    /// Redis is unavailable or refuses the command.
    #[error("Redis: {0}")]
    Redis(#[from] RedisError),
}

/// Deletes every key of the queue and of the counters, and no others. Returns how many there were.
///
/// # Errors
/// Redis is unavailable or refuses a command; some keys may be deleted already.
pub async fn clear(url: &Secret) -> Result<u64, CommandError> {
    let mut redis = RedisClient::open(url)?
        .connection()
        .map_err(CommandError::Url)?;
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

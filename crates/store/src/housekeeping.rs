//! Rows whose time is over, removed in small batches.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use starchart_domain::time::Timestamp;

use crate::entity::tick;
use crate::tx::Tx;
use crate::{Error, Store, sql};

/// Rows removed by one statement at most.
pub const BATCH: u64 = 500;

const HOUR_MS: i64 = 60 * 60 * 1_000;

/// Table, key, the column of the moment a row is over, and how long it is kept after that. A
/// sign-in's request outlives its result, which needs it.
const OVER: &[(&str, &str, &str, i64)] = &[
    ("login_results", "handle_hash", "expires_at", 0),
    ("login_requests", "request_id", "expires_at", HOUR_MS),
    ("used_assertions", "id_hash", "expires_at", HOUR_MS),
    ("sessions", "id", "expires_at", 24 * HOUR_MS),
    // In sync and a week old; one that is not in sync has no such moment and stays.
    ("zone_changes", "id", "in_sync_at", 7 * 24 * HOUR_MS),
];

/// Ticks are kept this long.
const TICK_MS: i64 = 30 * 24 * HOUR_MS;

/// Removes sign-in requests and results, assertion ids and sessions that ended, zone changes a week
/// after they were in sync, and ticks older than 30 days; at most [`BATCH`] of each. Says how many
/// went: call again while it is not zero.
pub async fn purge(store: &Store) -> Result<u64, Error> {
    let now = store.now().await?;
    let mut removed = 0;
    for (table, key, column, kept) in OVER {
        // As text, because it is the same for every table. Twice derived, because MySQL takes no
        // LIMIT in IN and SQLite none in DELETE.
        let sql = format!(
            "DELETE FROM {table} WHERE {key} IN \
             (SELECT {key} FROM (SELECT {key} FROM {table} WHERE {column} <= ? ORDER BY {column} LIMIT {BATCH}) AS over_now)"
        );
        removed += store
            .write(|tx| remove(tx, sql.clone(), now.plus(-kept)))
            .await?;
    }
    Ok(removed
        + store
            .write(|tx| remove_ticks(tx, now.plus(-TICK_MS)))
            .await?)
}

async fn remove(tx: Tx, sql: String, before: Timestamp) -> Result<u64, Error> {
    sql::touch(tx.db(), &sql, vec![before.as_millis().into()]).await
}

async fn remove_ticks(tx: Tx, before: Timestamp) -> Result<u64, Error> {
    let over = tick::Entity::delete_many().filter(tick::Column::At.lte(before.as_millis()));
    Ok(over.exec(tx.db()).await?.rows_affected)
}

//! Deletes rows that are no longer needed, in small batches.

use sea_orm::sea_query::{Alias, Expr, Query};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, ExprTrait, Order, QueryFilter};
use starchart_domain::time::Timestamp;

use crate::entity::tick;
use crate::{Error, Store, token_usage};

/// The largest number of rows that one statement deletes.
pub const BATCH: u64 = 500;

const HOUR_MS: i64 = 60 * 60 * 1_000;
const DAY_MS: i64 = 24 * HOUR_MS;

/// Rows of a table that can be deleted some time after a moment that one of their columns names.
struct Retention {
    table: &'static str,
    /// The column of the primary key.
    key: &'static str,
    /// The column with the moment in milliseconds; a row with null is kept.
    since: &'static str,
    keep_ms: i64,
}

const fn retention(
    table: &'static str,
    key: &'static str,
    since: &'static str,
    keep_ms: i64,
) -> Retention {
    Retention {
        table,
        key,
        since,
        keep_ms,
    }
}

/// A login request is kept an hour longer than it is valid, because a login result names it and the
/// last step of a sign-in reads both.
const RETENTIONS: [Retention; 10] = [
    retention("login_results", "handle_hash", "expires_at", 0),
    retention("login_requests", "request_id", "expires_at", HOUR_MS),
    retention("used_assertions", "id_hash", "expires_at", HOUR_MS),
    retention("sessions", "id", "expires_at", DAY_MS),
    retention("tokens", "id", "ended_at", 30 * DAY_MS),
    retention("tokens", "id", "expires_at", 30 * DAY_MS),
    // A bucket without a row is full.
    retention("issuance_buckets", "name", "full_at", 0),
    retention("lookups", "id", "requested_at", 30 * DAY_MS),
    retention("machines", "id", "last_seen_at", MACHINE_MS),
    // A change that is not in sync is kept.
    retention("zone_changes", "id", "in_sync_at", 7 * DAY_MS),
];

/// How long a machine that fetches no certificate is kept: longer than any certificate is valid.
const MACHINE_MS: i64 = 400 * DAY_MS;
/// How long ticks are kept.
const TICK_MS: i64 = 30 * DAY_MS;

/// Deletes expired login requests and results, assertion IDs and sessions; zone changes seven days
/// after they were in sync; API tokens 30 days after they ended; full buckets of the issuance
/// budget; lookups 30 days after their last request; machines 400 days after they fetched a
/// certificate; ticks that are 30 days old; and the counts of tokens' requests after a day. Deletes
/// at most [`BATCH`] rows of each table but the last two. Returns the number of deleted rows: call
/// again until it is zero.
pub async fn purge(store: &Store) -> Result<u64, Error> {
    let now = store.now().await?;
    let mut deleted = 0;
    for retention in &RETENTIONS {
        let before = now.plus(-retention.keep_ms);
        deleted += purge_table(store, retention, before).await?;
    }
    let before = now.plus(-TICK_MS).as_millis();
    let ticks = store
        .write(|tx| async move {
            let old = tick::Entity::delete_many().filter(tick::Column::At.lte(before));
            Ok::<_, Error>(old.exec(tx.db()).await?.rows_affected)
        })
        .await?;
    Ok(deleted + ticks + token_usage::purge(store, now).await?)
}

/// Deletes the oldest rows of one table.
async fn purge_table(
    store: &Store,
    retention: &Retention,
    before: Timestamp,
) -> Result<u64, Error> {
    let table = Alias::new(retention.table);
    let key = Alias::new(retention.key);
    let since = Alias::new(retention.since);
    let oldest = Query::select()
        .column(key.clone())
        .from(table.clone())
        .and_where(Expr::col(since.clone()).lte(before.as_millis()))
        .order_by(since, Order::Asc)
        .limit(BATCH)
        .to_owned();
    // Nested twice: MySQL has no LIMIT inside IN, and SQLite has no LIMIT in DELETE.
    let nested = Query::select()
        .column(key.clone())
        .from_subquery(oldest, Alias::new("oldest"))
        .to_owned();
    let delete = Query::delete()
        .from_table(table)
        .and_where(Expr::col(key).in_subquery(nested))
        .to_owned();
    let delete = &delete;
    store
        .write(|tx| async move { Ok(tx.db().execute(delete).await?.rows_affected()) })
        .await
}

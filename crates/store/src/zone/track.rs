//! What follows a send: in sync, answered; and the zone's totals.

use sea_orm::FromQueryResult;
use starchart_domain::rrset::Rrset;
use starchart_domain::time::Timestamp;

use super::work::desired_of;
use crate::tx::Tx;
use crate::{Error, Store, sql};

/// A change that Route53 has not yet called in sync.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentChange {
    /// Route53's id.
    pub id: String,
    /// When it was accepted.
    pub sent_at: Timestamp,
}

/// A name that is in sync and not yet answered by every name server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameToCheck {
    /// The full name.
    pub fqdn: String,
    /// The generation that is in the zone.
    pub generation: i64,
    /// What the servers should answer; types that are missing should be absent.
    pub desired: Vec<Rrset>,
}

/// Totals for `reconcile`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Sets we put into the zone.
    pub owned: u64,
    /// Sets the rows want.
    pub desired: u64,
    /// Names that are not published as wanted.
    pub dirty: u64,
    /// Names that the zone refused.
    pub refused: u64,
}

/// Changes to ask GetChange about, oldest first, at most a thousand.
pub async fn list_unsynced_changes(store: &Store) -> Result<Vec<SentChange>, Error> {
    #[derive(FromQueryResult)]
    struct Row {
        id: String,
        sent_at: i64,
    }
    let sql = "SELECT id, sent_at FROM zone_changes WHERE in_sync_at IS NULL ORDER BY sent_at, id LIMIT 1000";
    let rows: Vec<Row> = sql::all(store.reader(), sql, vec![]).await?;
    Ok(rows
        .into_iter()
        .map(|row| SentChange {
            id: row.id,
            sent_at: Timestamp::from_millis(row.sent_at),
        })
        .collect())
}

/// Notes that Route53 calls the change in sync (or that it knows it no more).
pub async fn mark_in_sync(store: &Store, change_id: &str) -> Result<(), Error> {
    store.write(|tx| mark_within(tx, change_id)).await
}

async fn mark_within(tx: Tx, change_id: &str) -> Result<(), Error> {
    let now = tx.now().await?.as_millis();
    let names = "UPDATE names SET in_sync_at = ? WHERE change_id = ? AND in_sync_at IS NULL";
    sql::touch(tx.db(), names, vec![now.into(), change_id.into()]).await?;
    let change = "UPDATE zone_changes SET in_sync_at = ? WHERE id = ? AND in_sync_at IS NULL";
    sql::touch(tx.db(), change, vec![now.into(), change_id.into()])
        .await
        .map(drop)
}

/// Names are asked about for this long after they came in sync, in milliseconds.
pub(super) const ASK_FOR_MS: i64 = 60 * 60 * 1_000;

/// Names whose answers to ask the name servers for: in sync for less than an hour, and not answered
/// by all; those asked longest ago first.
pub async fn list_names_to_check(store: &Store, limit: u64) -> Result<Vec<NameToCheck>, Error> {
    #[derive(FromQueryResult)]
    struct Row {
        fqdn: String,
        generation: i64,
        refusal_type: Option<String>,
    }
    let snapshot = store.snapshot().await?;
    let sql = format!(
        "SELECT fqdn, generation, refusal_type FROM names WHERE in_sync_at > {} - {ASK_FOR_MS} \
         AND (is_unpublished = 0 OR (refused_generation = generation AND refusal_type IS NOT NULL)) AND (answered_by IS NULL OR answered_by < answered_of) ORDER BY answers_checked_at, fqdn LIMIT {limit}",
        store.now_sql()
    );
    let rows: Vec<Row> = sql::all(&snapshot, &sql, vec![]).await?;
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let fqdns: Vec<String> = rows.iter().map(|row| row.fqdn.clone()).collect();
    let mut desired = desired_of(&snapshot, Some(&fqdns)).await?;
    snapshot.commit().await?;
    let answers = |row: Row| {
        let mut desired = desired.remove(&row.fqdn).unwrap_or_default();
        // The set that was refused is not in the zone.
        desired.retain(|set| row.refusal_type.as_deref() != Some(set.rtype.as_str()));
        NameToCheck {
            fqdn: row.fqdn,
            generation: row.generation,
            desired,
        }
    };
    Ok(rows.into_iter().map(answers).collect())
}

/// Notes that `by` of `of` servers answer rightly, unless the name has moved on from that
/// generation.
pub async fn record_answers(
    store: &Store,
    fqdn: &str,
    generation: i64,
    by: u32,
    of: u32,
) -> Result<(), Error> {
    store
        .write(|tx| answers_within(tx, fqdn, generation, by, of))
        .await
}

async fn answers_within(
    tx: Tx,
    fqdn: &str,
    generation: i64,
    by: u32,
    of: u32,
) -> Result<(), Error> {
    let now = tx.now().await?.as_millis();
    let sql = "UPDATE names SET answered_by = ?, answered_of = ?, answers_checked_at = ? \
         WHERE fqdn = ? AND generation = ? AND (applied_generation = ? OR refused_generation = ?)";
    let values = vec![
        i64::from(by).into(),
        i64::from(of).into(),
        now.into(),
        fqdn.into(),
        generation.into(),
        generation.into(),
        generation.into(),
    ];
    sql::touch(tx.db(), sql, values).await.map(drop)
}

/// Totals.
pub async fn counts(store: &Store) -> Result<Counts, Error> {
    let count = async |sql: &str| -> Result<u64, Error> {
        let n = sql::number(store.reader(), sql, vec![]).await?;
        Ok(n.and_then(|n| u64::try_from(n).ok()).unwrap_or(0))
    };
    Ok(Counts {
        owned: count("SELECT COUNT(*) AS n FROM zone_rrset").await?,
        desired: count(
            "SELECT COUNT(*) AS n FROM (SELECT fqdn, type FROM dns_records UNION SELECT fqdn, 'TXT' FROM challenge_values) \
             AS wanted",
        )
        .await?,
        dirty: count("SELECT COUNT(*) AS n FROM names WHERE is_unpublished = 1").await?,
        refused: count("SELECT COUNT(*) AS n FROM names WHERE is_unpublished = 1 AND refused_generation = generation").await?,
    })
}

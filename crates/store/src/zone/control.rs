//! The pause: while it lasts nothing is sent, whatever is owed.

use sea_orm::{ConnectionTrait, FromQueryResult, Value};
use starchart_domain::time::Timestamp;

use crate::trail::{self, Entry};
use crate::tx::Tx;
use crate::{Error, Store, sql};

/// What a wipe says: the audit lifts this pause by itself where the zone holds nothing.
const WIPED: &str = "wiped";
const WIPED_REASON: &str = "the database was wiped and the zone was left as it is. Where the zone is empty this ends by itself; \
     else `starchart reconcile --adopt` shows what stands there, and `starchart reconcile --approve HASH` with the hash it prints \
     lets publishing go on";

/// A pause of publishing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pause {
    /// Since when.
    pub since: Timestamp,
    /// Why, for people to read.
    pub reason: String,
    /// Whether a wipe made it, so that it ends by itself where the zone holds nothing of anybody.
    pub after_wipe: bool,
}

/// Why publishing is paused, when it is.
pub async fn pause_reason(store: &Store) -> Result<Option<String>, Error> {
    Ok(find_pause(store).await?.map(|pause| pause.reason))
}

/// The pause, when there is one.
pub async fn find_pause(store: &Store) -> Result<Option<Pause>, Error> {
    pause_on(store.reader()).await
}

/// As [`find_pause`], inside a transaction.
pub(crate) async fn pause_on(on: &impl ConnectionTrait) -> Result<Option<Pause>, Error> {
    #[derive(FromQueryResult)]
    struct Row {
        paused_at: i64,
        paused_reason: Option<String>,
        paused_kind: Option<String>,
    }
    let look = "SELECT paused_at, paused_reason, paused_kind FROM zone_control WHERE id = 1 AND paused_at IS NOT NULL";
    let row: Option<Row> = sql::one(on, look, vec![]).await?;
    Ok(row.map(|row| Pause {
        since: Timestamp::from_millis(row.paused_at),
        reason: row.paused_reason.unwrap_or_default(),
        after_wipe: row.paused_kind.as_deref() == Some(WIPED),
    }))
}

/// Stops publishing until a plan is approved ([`resume_from`]) or [`resume`]. An earlier pause gets
/// this reason.
pub async fn pause(store: &Store, reason: &str) -> Result<(), Error> {
    store.write(|tx| pause_within(tx, reason, None)).await
}

/// Stops publishing as [`pause`] does, after a wipe: the audit lifts this one by itself where the
/// zone holds nothing.
pub async fn pause_after_wipe(store: &Store) -> Result<(), Error> {
    store
        .write(|tx| pause_within(tx, WIPED_REASON, Some(WIPED)))
        .await
}

/// Stops publishing unless it is paused already; the pause that holds now.
pub async fn pause_unless_paused(store: &Store, reason: &str) -> Result<Pause, Error> {
    store.write(|tx| pause_once_within(tx, reason)).await
}

pub(super) async fn pause_once_within(tx: Tx, reason: &str) -> Result<Pause, Error> {
    if pause_on(tx.db()).await?.is_none() {
        pause_within(tx.clone(), reason, None).await?;
    }
    pause_on(tx.db())
        .await?
        .ok_or_else(|| Error::Corrupt("a pause that was made is not there".to_owned()))
}

async fn pause_within(tx: Tx, reason: &str, kind: Option<&str>) -> Result<(), Error> {
    let now = tx.now().await?.as_millis();
    let values = vec![now.into(), reason.into(), kind.into()];
    let update =
        "UPDATE zone_control SET paused_at = ?, paused_reason = ?, paused_kind = ? WHERE id = 1";
    if sql::touch(tx.db(), update, values.clone()).await? == 0 {
        let insert = "INSERT INTO zone_control (paused_at, paused_reason, paused_kind, id) VALUES (?, ?, ?, 1)";
        sql::touch(tx.db(), insert, values).await?;
    }
    Ok(())
}

const RESUME: &str = "UPDATE zone_control SET paused_at = NULL, paused_reason = NULL, paused_kind = NULL WHERE id = 1";

/// Lets publishing go on.
pub async fn resume(store: &Store) -> Result<(), Error> {
    store
        .write(|tx| async move { sql::touch(tx.db(), RESUME, vec![]).await.map(drop) })
        .await
}

/// Lets publishing go on if this pause still holds. False: it is over, or another pause, or another
/// reason, came after it.
pub async fn resume_from(store: &Store, seen: &Pause) -> Result<bool, Error> {
    let sql = format!("{RESUME} AND paused_at = ? AND paused_reason = ?");
    let values = [seen.since.as_millis().into(), seen.reason.as_str().into()];
    store
        .write(|tx| touch_within(tx, &sql, values.to_vec()))
        .await
}

/// Lets publishing go on if the pause that holds is a wipe's.
pub async fn resume_after_wipe(store: &Store) -> Result<bool, Error> {
    let sql = format!("{RESUME} AND paused_kind = ?");
    store
        .write(|tx| touch_within(tx, &sql, vec![WIPED.into()]))
        .await
}

async fn touch_within(tx: Tx, sql: &str, values: Vec<Value>) -> Result<bool, Error> {
    Ok(sql::touch(tx.db(), sql, values).await? == 1)
}

/// An operator stops publishing, as [`pause`] does, with a line of the trail; the pause that this
/// one replaced.
pub async fn pause_by_operator(
    store: &Store,
    zone: &str,
    reason: &str,
) -> Result<Option<Pause>, Error> {
    store.write(|tx| pause_told_within(tx, zone, reason)).await
}

async fn pause_told_within(tx: Tx, zone: &str, reason: &str) -> Result<Option<Pause>, Error> {
    let before = pause_on(tx.db()).await?;
    pause_within(tx.clone(), reason, None).await?;
    let instead = before.as_ref().map_or_else(String::new, |pause| {
        format!(", instead of: {}", pause.reason)
    });
    let detail = format!("by an operator: {reason}{instead}");
    trail::write_entry(
        &tx,
        &Entry {
            action: "zone.pause",
            object: zone,
            detail: &detail,
            ..Entry::default()
        },
    )
    .await?;
    Ok(before)
}

/// Adds the audit trail's line about an operator's approval of a plan, before the plan is applied.
pub async fn record_approval(store: &Store, zone: &str, detail: &str) -> Result<(), Error> {
    store
        .write(|tx| async move {
            // An operator with a shell is none of the users: the line has no actor.
            let entry = Entry {
                action: "zone.approve",
                object: zone,
                detail,
                ..Entry::default()
            };
            trail::write_entry(&tx, &entry).await
        })
        .await
}

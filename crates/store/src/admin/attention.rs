//! What waits for an admin's attention, and the two things they can do about it.

use sea_orm::FromQueryResult;
use starchart_domain::time::Timestamp;

use super::{Admin, AdminError, count};
use crate::tx::Tx;
use crate::{Error, Store, audit, sql, zone};

/// Of each kind so many are shown at most; the totals say how many there are.
const SHOWN: u32 = 50;
/// An order that is not done after this long is stuck, in milliseconds.
const STUCK_MS: i64 = 30 * 60 * 1_000;
/// An order with so many starts is stuck, however young.
const STUCK_STARTS: u32 = 20;

/// What does not go by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attention {
    /// Names that the zone refused, oldest first.
    pub refused: Vec<RefusedName>,
    /// How many there are.
    pub refused_total: u64,
    /// Mails that could not be sent, newest first.
    pub failed_mails: Vec<FailedMail>,
    /// How many there are.
    pub failed_mails_total: u64,
    /// Orders for certificates that do not move, oldest first.
    pub stuck_orders: Vec<StuckOrder>,
    /// Certificates of people who are gone that are not revoked yet.
    pub revocations_owed: u64,
    /// Names that wait to be published, without those that were refused.
    pub waiting: u64,
    /// Milliseconds for which the oldest of them has waited.
    pub waited_ms: Option<i64>,
    /// Why publishing is paused, if it is.
    pub paused: Option<String>,
}

/// A name whose change the zone refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedName {
    /// The full name.
    pub fqdn: String,
    /// Whose.
    pub username: String,
    /// In the words that its owner sees.
    pub reason: String,
    /// Since when it differs from what is wanted.
    pub since: Option<Timestamp>,
    /// When it is tried again.
    pub next_try: Option<Timestamp>,
}

/// A mail that could not be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedMail {
    /// The row.
    pub id: i64,
    /// What kind of mail, as it is stored.
    pub kind: String,
    /// To which address.
    pub recipient: String,
    /// What the mail server said.
    pub reason: Option<String>,
    /// Since when it was owed.
    pub since: Timestamp,
}

/// An order that does not move.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StuckOrder {
    /// The row.
    pub id: i64,
    /// Whose.
    pub username: String,
    /// The domain.
    pub domain: String,
    /// How far it has come, as it is stored.
    pub step: String,
    /// How often a step was begun.
    pub starts: u32,
    /// The last problem.
    pub problem: Option<String>,
    /// When it was asked for.
    pub since: Timestamp,
    /// When it is tried again.
    pub next_try: Timestamp,
}

/// Everything that waits for an admin.
pub async fn attention(store: &Store, _: &Admin) -> Result<Attention, Error> {
    const REFUSED: &str = "FROM names n WHERE n.is_dirty = 1 AND n.refused_generation = n.generation";
    const WAITING: &str = "FROM names WHERE is_dirty = 1 AND (refused_generation IS NULL OR refused_generation <> generation)";
    let oldest = sql::number(store.reader(), &format!("SELECT MIN(dirty_since) AS n {WAITING}"), vec![]).await?;
    let now = store.now().await?;
    Ok(Attention {
        refused: refused(store).await?,
        refused_total: count(store, &format!("SELECT COUNT(*) AS n {REFUSED}")).await?,
        failed_mails: failed_mails(store).await?,
        failed_mails_total: count(store, "SELECT COUNT(*) AS n FROM outbox WHERE state = 'failed'").await?,
        stuck_orders: stuck_orders(store, now).await?,
        revocations_owed: count(
            store,
            "SELECT COUNT(*) AS n FROM certificates WHERE revocation_owed_at IS NOT NULL AND revoked_at IS NULL",
        )
        .await?,
        waiting: count(store, &format!("SELECT COUNT(*) AS n {WAITING}")).await?,
        waited_ms: oldest.map(|since| now.since(Timestamp::from_millis(since)).max(0)),
        paused: zone::paused(store).await?,
    })
}

async fn refused(store: &Store) -> Result<Vec<RefusedName>, Error> {
    #[derive(FromQueryResult)]
    struct Row {
        fqdn: String,
        username: String,
        refusal: Option<String>,
        dirty_since: Option<i64>,
        next_attempt_at: Option<i64>,
    }
    let sql = format!(
        "SELECT n.fqdn AS fqdn, u.username AS username, n.refusal AS refusal, n.dirty_since AS dirty_since, \
         n.next_attempt_at AS next_attempt_at FROM names n JOIN users u ON u.id = n.user_id \
         WHERE n.is_dirty = 1 AND n.refused_generation = n.generation ORDER BY n.dirty_since, n.fqdn LIMIT {SHOWN}"
    );
    let rows: Vec<Row> = sql::all(store.reader(), &sql, vec![]).await?;
    let name = |row: Row| RefusedName {
        fqdn: row.fqdn,
        username: row.username,
        reason: row.refusal.unwrap_or_default(),
        since: row.dirty_since.map(Timestamp::from_millis),
        next_try: row.next_attempt_at.map(Timestamp::from_millis),
    };
    Ok(rows.into_iter().map(name).collect())
}

async fn failed_mails(store: &Store) -> Result<Vec<FailedMail>, Error> {
    #[derive(FromQueryResult)]
    struct Row {
        id: i64,
        kind: String,
        recipient: String,
        refusal: Option<String>,
        created_at: i64,
    }
    let sql = format!(
        "SELECT id, kind, recipient, refusal, created_at FROM outbox WHERE state = 'failed' ORDER BY id DESC LIMIT {SHOWN}"
    );
    let rows: Vec<Row> = sql::all(store.reader(), &sql, vec![]).await?;
    let mail = |row: Row| FailedMail {
        id: row.id,
        kind: row.kind,
        recipient: row.recipient,
        reason: row.refusal,
        since: Timestamp::from_millis(row.created_at),
    };
    Ok(rows.into_iter().map(mail).collect())
}

async fn stuck_orders(store: &Store, now: Timestamp) -> Result<Vec<StuckOrder>, Error> {
    #[derive(FromQueryResult)]
    struct Row {
        id: i64,
        username: String,
        domain: String,
        step: String,
        starts: i32,
        problem: Option<String>,
        created_at: i64,
        next_step_at: i64,
    }
    let sql = format!(
        "SELECT o.id AS id, u.username AS username, o.domain AS domain, o.step AS step, o.starts AS starts, \
         o.problem AS problem, o.created_at AS created_at, o.next_step_at AS next_step_at \
         FROM certificate_orders o JOIN users u ON u.id = o.user_id \
         WHERE o.finished_at IS NULL AND (o.created_at < ? OR o.starts >= {STUCK_STARTS}) ORDER BY o.id LIMIT {SHOWN}"
    );
    let rows: Vec<Row> = sql::all(store.reader(), &sql, vec![now.plus(-STUCK_MS).as_millis().into()]).await?;
    let order = |row: Row| StuckOrder {
        id: row.id,
        username: row.username,
        domain: row.domain,
        step: row.step,
        starts: u32::try_from(row.starts).unwrap_or_default(),
        problem: row.problem,
        since: Timestamp::from_millis(row.created_at),
        next_try: Timestamp::from_millis(row.next_step_at),
    };
    Ok(rows.into_iter().map(order).collect())
}

/// Makes a refused name due now. False: it is not refused (any more). Afterwards wake the publisher.
pub async fn retry_name(store: &Store, admin: &Admin, fqdn: &str, request_id: &str) -> Result<bool, AdminError> {
    let sql = "UPDATE names SET next_attempt_at = ? WHERE fqdn = ? AND is_dirty = 1 AND refused_generation = generation";
    store.write(|tx| retry_within(tx, admin, sql, fqdn.into(), ("name.retry", fqdn), request_id)).await
}

/// Owes a mail again that could not be sent. False: there is no such mail (any more). Afterwards wake the sender.
pub async fn retry_mail(store: &Store, admin: &Admin, id: i64, request_id: &str) -> Result<bool, AdminError> {
    let sql = "UPDATE outbox SET state = 'owed', attempts = 0, next_attempt_at = ? WHERE id = ? AND state = 'failed'";
    let object = id.to_string();
    store.write(|tx| retry_within(tx, admin, sql, id.into(), ("mail.retry", &object), request_id)).await
}

async fn retry_within(
    tx: Tx,
    admin: &Admin,
    sql: &str,
    key: sea_orm::Value,
    (action, object): (&str, &str),
    request_id: &str,
) -> Result<bool, AdminError> {
    let now = tx.now().await?;
    if sql::touch(tx.db(), sql, vec![now.as_millis().into(), key]).await? == 0 {
        return Ok(false);
    }
    audit::within(&tx, &admin.act(request_id), action, object, "").await?;
    Ok(true)
}

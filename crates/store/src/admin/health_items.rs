//! What waits for an admin's attention. What failed is tried again from here.

use sea_orm::FromQueryResult;
use starchart_domain::certificate::MAX_STARTS;
use starchart_domain::time::Timestamp;

use super::{Admin, count};
use crate::tx::Tx;
use crate::{Error, Store, outbox, sql, trail, zone};

/// Of each kind so many are shown at most; the totals say how many there are.
const SHOWN: u32 = 50;
/// An order that is not done after this long is stuck, in milliseconds.
const STUCK_MS: i64 = 30 * 60 * 1_000;
/// An order that is about to fail because a step broke so often is stuck, however young.
const STUCK_STARTS: u32 = MAX_STARTS - 1;
/// So is one with which the authority did not help so often in a row.
const STUCK_FAILURES: u32 = 5;

/// What does not go by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthItems {
    /// Names that the zone refused, oldest first.
    pub refused: Vec<RefusedName>,
    /// How many there are.
    pub refused_total: u64,
    /// Mails that could not be sent, newest first.
    pub failed_mails: Vec<outbox::FailedMail>,
    /// How many there are, and how many wait.
    pub mails: outbox::MailCounts,
    /// Orders for certificates that do not move, oldest first.
    pub stuck_orders: Vec<StuckOrder>,
    /// Certificates of people who are gone that still live and are not revoked yet.
    pub pending_revocations: u64,
    /// Names that wait to be published, without those that were refused.
    pub unpublished: u64,
    /// Milliseconds for which the oldest of them has waited.
    pub oldest_unpublished_ms: Option<i64>,
    /// Milliseconds for which the oldest mail has waited.
    pub oldest_mail_ms: Option<i64>,
    /// Why publishing is paused, if it is.
    pub paused: Option<zone::Pause>,
    /// What came of the audits of the zone; none when none was tried yet.
    pub audit: Option<zone::AuditRow>,
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
pub async fn list_health_items(store: &Store, _: &Admin) -> Result<HealthItems, Error> {
    let backlog = zone::count_unpublished(store).await?;
    let now = store.now().await?;
    let mails = outbox::count_mails(store).await?;
    let owed = format!(
        "SELECT COUNT(*) AS n FROM certificates WHERE revocation_owed_at IS NOT NULL AND revoked_at IS NULL AND not_after > {}",
        store.now_sql()
    );
    Ok(HealthItems {
        refused: refused(store).await?,
        refused_total: backlog.refused,
        failed_mails: outbox::failed(store, u64::from(SHOWN)).await?,
        mails,
        stuck_orders: stuck_orders(store, now).await?,
        pending_revocations: count(store, &owed).await?,
        unpublished: backlog.waiting,
        oldest_unpublished_ms: backlog.oldest.map(|since| now.since(since).max(0)),
        oldest_mail_ms: mails.oldest_pending_at.map(|since| now.since(since).max(0)),
        paused: zone::find_pause(store).await?,
        audit: zone::find_audit(store).await?,
    })
}

async fn refused(store: &Store) -> Result<Vec<RefusedName>, Error> {
    #[derive(FromQueryResult)]
    struct Row {
        fqdn: String,
        username: String,
        refusal: Option<String>,
        unpublished_since: Option<i64>,
        next_attempt_at: Option<i64>,
    }
    let sql = format!(
        "SELECT n.fqdn AS fqdn, u.username AS username, n.refusal AS refusal, n.unpublished_since AS unpublished_since, \
         n.next_attempt_at AS next_attempt_at FROM names n JOIN users u ON u.id = n.user_id \
         WHERE n.is_unpublished = 1 AND n.refused_generation = n.generation ORDER BY n.unpublished_since, n.fqdn LIMIT {SHOWN}"
    );
    let rows: Vec<Row> = sql::all(store.reader(), &sql, vec![]).await?;
    let name = |row: Row| RefusedName {
        fqdn: row.fqdn,
        username: row.username,
        reason: row.refusal.unwrap_or_default(),
        since: row.unpublished_since.map(Timestamp::from_millis),
        next_try: row.next_attempt_at.map(Timestamp::from_millis),
    };
    Ok(rows.into_iter().map(name).collect())
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
         WHERE o.finished_at IS NULL AND (o.created_at < ? OR o.starts >= {STUCK_STARTS} \
         OR o.failures >= {STUCK_FAILURES}) ORDER BY o.id LIMIT {SHOWN}"
    );
    let rows: Vec<Row> = sql::all(
        store.reader(),
        &sql,
        vec![now.plus(-STUCK_MS).as_millis().into()],
    )
    .await?;
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

/// Tries a failed mail again from the beginning, to the address that its person has now. False:
/// there is no such failed mail.
pub async fn retry_mail(
    store: &Store,
    admin: &Admin,
    id: i64,
    request_id: &str,
) -> Result<bool, Error> {
    store
        .write(|tx| outbox::retry_within(tx, id, admin, request_id))
        .await
}

/// Makes a refused name due now. False: it is not refused (any more). Afterwards wake the
/// publisher.
pub async fn retry_name(
    store: &Store,
    admin: &Admin,
    fqdn: &str,
    request_id: &str,
) -> Result<bool, Error> {
    store
        .write(|tx| retry_within(tx, admin, fqdn, request_id))
        .await
}

async fn retry_within(tx: Tx, admin: &Admin, fqdn: &str, request_id: &str) -> Result<bool, Error> {
    let now = tx.now().await?;
    let sql = "UPDATE names SET next_attempt_at = ? WHERE fqdn = ? AND is_unpublished = 1 AND refused_generation = generation";
    if sql::touch(tx.db(), sql, vec![now.as_millis().into(), fqdn.into()]).await? == 0 {
        return Ok(false);
    }
    trail::write(
        &tx,
        &admin.audit_context(request_id),
        "name.retry",
        fqdn,
        "",
    )
    .await?;
    Ok(true)
}

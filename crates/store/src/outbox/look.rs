//! What admins see of the mails, and what is cleared away.

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, FromQueryResult, QueryFilter};
use starchart_domain::notice::NoticeKind;
use starchart_domain::time::Timestamp;
use starchart_domain::user::UserId;

use crate::admin::Admin;
use crate::entity::outbox::{self, Column};
use crate::trail;
use crate::tx::Tx;
use crate::{Error, Store, sql};

/// A mail that was refused for good, or given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedMail {
    /// The row.
    pub id: i64,
    /// What it was to say.
    pub kind: NoticeKind,
    /// To whom.
    pub user: Option<UserId>,
    /// Their user name.
    pub username: String,
    /// The address.
    pub address: String,
    /// What the mail server said.
    pub refusal: String,
    /// Attempts that were made.
    pub attempts: u32,
    /// When it was owed.
    pub created_at: Timestamp,
    /// When it was given up.
    pub failed_at: Timestamp,
}

/// How many mails there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MailCounts {
    /// Waiting to be sent, or being sent.
    pub pending: u64,
    /// Refused for good.
    pub failed: u64,
    /// When the oldest that waits was owed.
    pub oldest_pending_at: Option<Timestamp>,
}

/// The mails that failed, latest first.
pub(crate) async fn failed(store: &Store, limit: u64) -> Result<Vec<FailedMail>, Error> {
    #[derive(FromQueryResult)]
    struct Row {
        id: i64,
        kind: String,
        user_id: Option<i64>,
        username: Option<String>,
        recipient: String,
        refusal: Option<String>,
        attempts: i32,
        created_at: i64,
        failed_at: Option<i64>,
    }
    let select = format!(
        "SELECT o.id, o.kind, o.user_id, u.username, o.recipient, o.refusal, o.attempts, o.created_at, o.failed_at \
         FROM outbox o LEFT JOIN users u ON u.id = o.user_id WHERE o.state = 'failed' \
         ORDER BY o.failed_at DESC, o.id DESC LIMIT {limit}"
    );
    let rows: Vec<Row> = sql::all(store.reader(), &select, vec![]).await?;
    let read = |row: Row| {
        Some(FailedMail {
            id: row.id,
            kind: NoticeKind::parse(&row.kind)?,
            user: row.user_id.map(UserId),
            username: row.username.unwrap_or_default(),
            address: row.recipient,
            refusal: row.refusal.unwrap_or_default(),
            attempts: u32::try_from(row.attempts).unwrap_or_default(),
            created_at: Timestamp::from_millis(row.created_at),
            failed_at: Timestamp::from_millis(row.failed_at.unwrap_or(row.created_at)),
        })
    };
    Ok(rows.into_iter().filter_map(read).collect())
}

/// How many mails wait, and how many failed.
pub(crate) async fn count_mails(store: &Store) -> Result<MailCounts, Error> {
    #[derive(FromQueryResult)]
    struct Row {
        state: String,
        n: i64,
        oldest: i64,
    }
    let select = "SELECT state, COUNT(*) AS n, MIN(created_at) AS oldest FROM outbox WHERE state <> 'sent' GROUP BY state";
    let mut counts = MailCounts::default();
    for row in sql::all::<Row>(store.reader(), select, vec![]).await? {
        let n = u64::try_from(row.n).unwrap_or_default();
        if row.state == "failed" {
            counts.failed = n;
            continue;
        }
        let oldest = Timestamp::from_millis(row.oldest);
        counts.pending += n;
        counts.oldest_pending_at = Some(
            counts
                .oldest_pending_at
                .map_or(oldest, |known| known.min(oldest)),
        );
    }
    Ok(counts)
}

/// As [`crate::admin::retry_mail`].
pub(crate) async fn retry_within(
    tx: Tx,
    id: i64,
    admin: &Admin,
    request_id: &str,
) -> Result<bool, Error> {
    let now = tx.now().await?;
    let change = outbox::Entity::update_many()
        .col_expr(Column::State, Expr::value("owed"))
        .col_expr(Column::Attempts, Expr::value(0))
        .col_expr(Column::Unclear, Expr::value(0))
        .col_expr(Column::FailedAt, Expr::value(None::<i64>))
        .col_expr(Column::RefusedAddress, Expr::value(false))
        .col_expr(Column::NextAttemptAt, Expr::value(now.as_millis()))
        .filter(Column::Id.eq(id))
        .filter(Column::State.eq("failed"));
    if change.exec(tx.db()).await?.rows_affected == 0 {
        return Ok(false);
    }
    let address = "UPDATE outbox SET recipient = COALESCE((SELECT email FROM users WHERE users.id = outbox.user_id), recipient) \
         WHERE id = ?";
    sql::touch(tx.db(), address, vec![id.into()]).await?;
    trail::write(
        &tx,
        &admin.audit_context(request_id),
        "mail.retry",
        &format!("mail:{id}"),
        "",
    )
    .await?;
    Ok(true)
}

/// Rows removed by one statement at most.
const BATCH: u64 = 500;
/// Sent mails are kept so long at least: they say that a person had one of the kind today.
const SENT_MS: i64 = 2 * 24 * 60 * 60 * 1_000;
/// FailedMail mails are kept this long.
const FAILED_MS: i64 = 90 * 24 * 60 * 60 * 1_000;

/// Removes mails that were sent `kept_ms` milliseconds ago, and two days at least, that failed 90
/// days ago, and that are owed to people who are gone; never one that a record still refers to as
/// its notice. Says how many went: call again while it is not zero.
pub async fn purge(store: &Store, kept_ms: i64) -> Result<u64, Error> {
    let now = store.now().await?;
    let gone = "user_id IN (SELECT id FROM users WHERE deleted_at IS NOT NULL) AND created_at <= ?";
    let over = [
        (
            "state = 'sent' AND sent_at <= ?",
            now.plus(-kept_ms.max(SENT_MS)),
        ),
        ("state = 'failed' AND failed_at <= ?", now.plus(-FAILED_MS)),
        (&format!("state IN ('owed', 'sending') AND {gone}"), now),
    ];
    let mut removed = 0;
    for (which, before) in over {
        // Derived, because MySQL takes no LIMIT in IN and SQLite none in DELETE.
        let delete = format!(
            "DELETE FROM outbox WHERE id IN (SELECT id FROM (SELECT id FROM outbox WHERE {which} AND NOT EXISTS \
             (SELECT 1 FROM dns_records r WHERE r.notice_id = outbox.id) LIMIT {BATCH}) AS over_now)"
        );
        removed += store.write(|tx| remove(tx, delete.clone(), before)).await?;
    }
    Ok(removed)
}

async fn remove(tx: Tx, delete: String, before: Timestamp) -> Result<u64, Error> {
    sql::touch(tx.db(), &delete, vec![before.as_millis().into()]).await
}

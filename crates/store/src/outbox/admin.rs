//! What admins and monitoring see of the mails, and their removal.

use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, ExprTrait, FromQueryResult, JoinType, QueryFilter,
    QueryOrder, QuerySelect, QueryTrait, RelationTrait, Set,
};
use starchart_domain::notice::NoticeKind;
use starchart_domain::time::Timestamp;
use starchart_domain::user::UserId;

use crate::entity::outbox::{self, Column, Relation, State};
use crate::entity::{dns_record, user};
use crate::trail::{self, Action, AuditContext};
use crate::{Error, Store};

/// A mail that was rejected for good, or given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedMail {
    /// The id of its row.
    pub id: i64,
    /// The kind of notice.
    pub kind: NoticeKind,
    /// The user to notify.
    pub user: Option<UserId>,
    /// The user name of that user.
    pub username: String,
    /// The address of the recipient.
    pub address: String,
    /// What the mail server said.
    pub refusal: String,
    /// Attempts that were made.
    pub attempts: u32,
    /// When it was queued.
    pub created_at: Timestamp,
    /// When it was given up.
    pub failed_at: Timestamp,
}

/// How many mails wait or failed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MailCounts {
    /// Mails that wait to be sent or are being sent.
    pub pending: u64,
    /// Mails that were rejected for good, or given up.
    pub failed: u64,
    /// When the oldest pending mail was queued.
    pub oldest_pending_at: Option<Timestamp>,
}

/// Lists failed mails, latest first.
pub(crate) async fn list_failed(store: &Store, limit: u64) -> Result<Vec<FailedMail>, Error> {
    /// `kind` is text, because a mail of a newer release may have an unknown one.
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
    let rows: Vec<Row> = outbox::Entity::find()
        .select_only()
        .columns([
            Column::Id,
            Column::Kind,
            Column::UserId,
            Column::Recipient,
            Column::Refusal,
            Column::Attempts,
            Column::CreatedAt,
            Column::FailedAt,
        ])
        .column(user::Column::Username)
        .join(JoinType::LeftJoin, Relation::User.def())
        .filter(Column::State.eq(State::Failed))
        .order_by_desc(Column::FailedAt)
        .order_by_desc(Column::Id)
        .limit(limit)
        .into_model()
        .all(store.reader())
        .await?;
    let mail = |row: Row| {
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
    Ok(rows.into_iter().filter_map(mail).collect())
}

/// Counts pending and failed mails.
pub(crate) async fn count_mails(store: &Store) -> Result<MailCounts, Error> {
    let rows: Vec<(State, i64, i64)> = outbox::Entity::find()
        .select_only()
        .column(Column::State)
        .column_as(Column::Id.count(), "mails")
        .column_as(Column::CreatedAt.min(), "oldest")
        .filter(Column::State.ne(State::Sent))
        .group_by(Column::State)
        .into_tuple()
        .all(store.reader())
        .await?;
    let mut counts = MailCounts::default();
    for (state, mails, oldest) in rows {
        let mails = u64::try_from(mails).unwrap_or_default();
        if state == State::Failed {
            counts.failed = mails;
            continue;
        }
        let oldest = Timestamp::from_millis(oldest);
        counts.pending += mails;
        counts.oldest_pending_at = Some(match counts.oldest_pending_at {
            Some(known) => known.min(oldest),
            None => oldest,
        });
    }
    Ok(counts)
}

/// Makes a failed mail pending again, as [`crate::admin::retry_mail`] describes.
pub(crate) async fn retry(
    store: &Store,
    id: i64,
    context: &AuditContext<'_>,
) -> Result<bool, Error> {
    store
        .write(|tx| async move {
            let now = tx.now().await?;
            let addresses: Option<(String, Option<String>)> = outbox::Entity::find_by_id(id)
                .select_only()
                .column(Column::Recipient)
                .column(user::Column::Email)
                .join(JoinType::LeftJoin, Relation::User.def())
                .into_tuple()
                .one(tx.db())
                .await?;
            let Some((recipient, email)) = addresses else {
                return Ok(false);
            };
            let retried = outbox::Entity::update_many()
                .set(outbox::ActiveModel {
                    state: Set(State::Pending),
                    attempts: Set(0),
                    unknown_outcomes: Set(0),
                    failed_at: Set(None),
                    address_rejected: Set(false),
                    next_attempt_at: Set(now.as_millis()),
                    recipient: Set(email.unwrap_or(recipient)),
                    ..Default::default()
                })
                .filter(Column::Id.eq(id))
                .filter(Column::State.eq(State::Failed))
                .exec(tx.db())
                .await?;
            if retried.rows_affected == 0 {
                return Ok(false);
            }
            trail::write(&tx, context, Action::MailRetry, &format!("mail:{id}"), "").await?;
            Ok(true)
        })
        .await
}

/// Rows that one statement removes at most.
const BATCH: u64 = 500;
/// Sent mails are kept at least this long, in milliseconds: [`super::queue_digests`] reads from
/// them whether a user had a mail of the kind today.
const KEEP_SENT_MS: i64 = 2 * 24 * 60 * 60 * 1_000;
/// Failed mails are kept this long, in milliseconds.
const KEEP_FAILED_MS: i64 = 90 * 24 * 60 * 60 * 1_000;

/// Removes mails that were sent `kept_ms` milliseconds ago (and at least two days ago), that failed
/// 90 days ago, and that are pending for deleted users; never one that a record refers to as its
/// notice. Returns how many were removed: call again while it is not zero.
pub async fn purge(store: &Store, kept_ms: i64) -> Result<u64, Error> {
    let now = store.now().await?;
    let sent_before = now.plus(-std::cmp::max(kept_ms, KEEP_SENT_MS)).as_millis();
    let failed_before = now.plus(-KEEP_FAILED_MS).as_millis();
    let deleted_users = user::Entity::find()
        .select_only()
        .column(user::Column::Id)
        .filter(user::Column::DeletedAt.is_not_null());
    let conditions = [
        Condition::all()
            .add(Column::State.eq(State::Sent))
            .add(Column::SentAt.lte(sent_before)),
        Condition::all()
            .add(Column::State.eq(State::Failed))
            .add(Column::FailedAt.lte(failed_before)),
        Condition::all()
            .add(Column::State.is_in([State::Pending, State::Sending]))
            .add(Column::CreatedAt.lte(now.as_millis()))
            .add(Column::UserId.in_subquery(deleted_users.into_query())),
    ];
    let mut removed = 0;
    for condition in conditions {
        let condition = &condition.add(is_no_notice());
        removed += store
            .write(|tx| async move {
                // Read first, because SQLite knows no DELETE with LIMIT.
                let ids: Vec<i64> = outbox::Entity::find()
                    .select_only()
                    .column(Column::Id)
                    .filter(condition.clone())
                    .limit(BATCH)
                    .into_tuple()
                    .all(tx.db())
                    .await?;
                if ids.is_empty() {
                    return Ok(0);
                }
                let deleted = outbox::Entity::delete_many()
                    .filter(Column::Id.is_in(ids))
                    .filter(condition.clone())
                    .exec(tx.db())
                    .await?;
                Ok::<_, Error>(deleted.rows_affected)
            })
            .await?;
    }
    Ok(removed)
}

/// No record refers to the mail as its notice.
fn is_no_notice() -> Expr {
    let refers = Expr::col((dns_record::Entity, dns_record::Column::NoticeId))
        .equals((outbox::Entity, Column::Id));
    let records = dns_record::Entity::find()
        .select_only()
        .column(dns_record::Column::Id)
        .filter(refers);
    Expr::not_exists(records.into_query())
}

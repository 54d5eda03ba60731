//! The sender's side: claim a mail, send it, record the outcome.

use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DerivePartialModel, EntityTrait, ExprTrait,
    QueryFilter, QueryOrder, QuerySelect, QueryTrait, Set, UpdateMany,
};
use starchart_domain::notice::{Notice, NoticeKind};
use starchart_domain::time::Timestamp;

use super::{Detail, items};
use crate::entity::outbox::{self, ActiveModel, Column, State};
use crate::entity::user;
use crate::tx::Tx;
use crate::{Error, Store, sql};

/// Attempts before a mail that is retried again and again is given up; with the waits between them,
/// about five days.
const MAX_ATTEMPTS: i32 = 36;
/// Unknown outcomes before a mail is given up: at worst the user gets one copy too many.
const MAX_UNKNOWN_OUTCOMES: i32 = 2;
/// How long a mail of a kind that this release does not know waits for a newer release, in
/// milliseconds.
const UNKNOWN_KIND_WAIT_MS: i64 = 60 * 60 * 1_000;
/// Characters of a mail server's answer that are stored.
const REFUSAL_LENGTH: usize = 500;

/// A mail that the caller has claimed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimedMail {
    /// The id of its row.
    pub id: i64,
    /// What the mail is about.
    pub notice: Notice,
    /// How many items are not listed.
    pub more: u32,
    /// The user's display name, for the greeting.
    pub name: String,
    /// The address of the recipient.
    pub address: String,
    /// Without angle brackets; the same at every attempt.
    pub message_id: String,
    /// This attempt's number, from 1.
    pub attempt: u32,
    claim: String,
}

/// The outcome of an attempt to send a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SendOutcome {
    /// The mail server took the mail.
    Sent,
    /// The mail server did not take it now.
    Deferred {
        /// When to try again, in milliseconds from now.
        after_ms: i64,
        /// What the mail server answered.
        reason: String,
    },
    /// The mail server received all of it and did not say whether it took it.
    Unknown {
        /// When to try again, in milliseconds from now.
        after_ms: i64,
        /// How the attempt was interrupted.
        reason: String,
    },
    /// Rejected for good, and not because of the address.
    Rejected(String),
    /// The address takes no mail and never will.
    InvalidAddress(String),
    /// Not attempted: the server was unreachable, or refuses us.
    NotAttempted,
}

/// Whether a mail is due.
pub async fn has_due_mail(store: &Store) -> Result<bool, Error> {
    let now = store.now().await?;
    Ok(find_next(store.reader(), now).await?.is_some())
}

/// Claims the mail that is due longest, for `lease_ms` milliseconds. A mail whose claim has expired
/// is due again.
pub async fn claim_next(
    store: &Store,
    holder: &str,
    lease_ms: i64,
) -> Result<Option<ClaimedMail>, Error> {
    loop {
        let claim = format!("{}/{:016x}", sql::cut(holder, 150), rand::random::<u64>());
        let claim = claim.as_str();
        let attempt = store
            .write(|tx| async move {
                let now = tx.now().await?;
                match find_next(tx.db(), now).await? {
                    Some(id) => try_claim(&tx, id, claim, now, lease_ms).await,
                    None => Ok(ClaimAttempt::NothingDue),
                }
            })
            .await?;
        match attempt {
            ClaimAttempt::Claimed(mail) => return Ok(Some(*mail)),
            ClaimAttempt::NothingDue => return Ok(None),
            ClaimAttempt::LookAgain => {}
        }
    }
}

enum ClaimAttempt {
    Claimed(Box<ClaimedMail>),
    NothingDue,
    /// The mail was given up, deleted or postponed, or another sender claimed it.
    LookAgain,
}

/// The columns that a claim reads.
#[derive(DerivePartialModel)]
#[sea_orm(entity = "outbox::Entity")]
struct MailRow {
    id: i64,
    /// As text, because a mail of a newer release may have an unknown one.
    kind: String,
    user_id: Option<i64>,
    recipient: String,
    detail: String,
    message_id: String,
    attempts: i32,
    refusal: Option<String>,
    unknown_outcomes: i32,
}

async fn try_claim(
    tx: &Tx,
    id: i64,
    claim: &str,
    now: Timestamp,
    lease_ms: i64,
) -> Result<ClaimAttempt, Error> {
    let claimed = outbox::Entity::update_many()
        .set(ActiveModel {
            state: Set(State::Sending),
            claimed_by: Set(Some(claim.to_owned())),
            claimed_until: Set(Some(now.plus(lease_ms).as_millis())),
            ..Default::default()
        })
        .col_expr(Column::Attempts, Expr::col(Column::Attempts).add(1))
        .col_expr(
            Column::UnknownOutcomes,
            Expr::col(Column::UnknownOutcomes).add(1),
        )
        .filter(Column::Id.eq(id))
        .filter(
            Condition::any()
                .add(is_due(State::Pending, Column::NextAttemptAt, now))
                .add(is_due(State::Sending, Column::ClaimedUntil, now)),
        )
        .exec(tx.db())
        .await?;
    if claimed.rows_affected == 0 {
        return Ok(ClaimAttempt::LookAgain);
    }
    let row: Option<MailRow> = outbox::Entity::find_by_id(id)
        .into_partial_model()
        .one(tx.db())
        .await?;
    let row = row.ok_or_else(|| Error::Corrupt(format!("mail {id} has no row")))?;
    if row.unknown_outcomes > MAX_UNKNOWN_OUTCOMES || row.attempts > MAX_ATTEMPTS {
        let reason = row
            .refusal
            .as_deref()
            .unwrap_or("its sender ended while it was sending, again and again");
        give_up(tx, id, now, reason).await?;
        return Ok(ClaimAttempt::LookAgain);
    }
    let Some(kind) = NoticeKind::parse(&row.kind) else {
        postpone_unknown_kind(tx, id, now).await?;
        return Ok(ClaimAttempt::LookAgain);
    };
    // Given up, so that it does not block all others.
    let Ok(detail) = Detail::parse(&row.detail, id) else {
        give_up(tx, id, now, "what it is about cannot be read").await?;
        return Ok(ClaimAttempt::LookAgain);
    };
    Ok(match load_mail(tx, row, kind, detail, claim, now).await? {
        Some(mail) => ClaimAttempt::Claimed(Box::new(mail)),
        None => ClaimAttempt::LookAgain,
    })
}

/// Finds the mail that is due longest and whose user was not deleted: first the expired claims.
async fn find_next(on: &impl ConnectionTrait, now: Timestamp) -> Result<Option<i64>, Error> {
    match find_due(on, State::Sending, Column::ClaimedUntil, now).await? {
        Some(id) => Ok(Some(id)),
        None => find_due(on, State::Pending, Column::NextAttemptAt, now).await,
    }
}

async fn find_due(
    on: &impl ConnectionTrait,
    state: State,
    due_at: Column,
    now: Timestamp,
) -> Result<Option<i64>, Error> {
    let of_mail =
        Expr::col((user::Entity, user::Column::Id)).equals((outbox::Entity, Column::UserId));
    let user = user::Entity::find()
        .select_only()
        .column(user::Column::Id)
        .filter(of_mail)
        .filter(user::Column::DeletedAt.is_null());
    Ok(outbox::Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(is_due(state, due_at, now))
        .filter(Expr::exists(user.into_query()))
        .order_by_asc(due_at)
        .into_tuple()
        .one(on)
        .await?)
}

fn is_due(state: State, due_at: Column, now: Timestamp) -> Expr {
    Column::State.eq(state).and(due_at.lte(now.as_millis()))
}

/// Reads what the mail says. Expiring records are read from their rows at this moment: a record
/// that was renewed meanwhile is not mentioned, and a mail without records is deleted. `None`: it
/// was deleted.
async fn load_mail(
    tx: &Tx,
    row: MailRow,
    kind: NoticeKind,
    mut detail: Detail,
    claim: &str,
    now: Timestamp,
) -> Result<Option<ClaimedMail>, Error> {
    if kind == NoticeKind::RecordExpiring {
        detail = items::expiring_records(tx, row.id, now).await?;
        if detail.items.is_empty() {
            outbox::Entity::delete_by_id(row.id).exec(tx.db()).await?;
            return Ok(None);
        }
    }
    let name: Option<String> = user::Entity::find_by_id(row.user_id.unwrap_or_default())
        .select_only()
        .column(user::Column::DisplayName)
        .into_tuple()
        .one(tx.db())
        .await?;
    Ok(Some(ClaimedMail {
        id: row.id,
        more: detail.more,
        notice: Notice {
            kind,
            items: detail.into_items(),
        },
        name: name.unwrap_or_default(),
        address: row.recipient,
        message_id: row.message_id,
        attempt: u32::try_from(row.attempts).unwrap_or(u32::MAX),
        claim: claim.to_owned(),
    }))
}

/// Extends the claim to `lease_ms` milliseconds from now, while the mail server answers slowly.
/// Returns whether the claim still held.
pub async fn extend_claim(store: &Store, mail: &ClaimedMail, lease_ms: i64) -> Result<bool, Error> {
    store
        .write(|tx| async move {
            let until = tx.now().await?.plus(lease_ms).as_millis();
            let extended = update_claimed(mail)
                .set(ActiveModel {
                    claimed_until: Set(Some(until)),
                    ..Default::default()
                })
                .exec(tx.db())
                .await?;
            Ok(extended.rows_affected > 0)
        })
        .await
}

/// Records the outcome of an attempt. Returns whether the claim still held; otherwise the outcome
/// of its next holder counts.
pub async fn record_outcome(
    store: &Store,
    mail: &ClaimedMail,
    outcome: &SendOutcome,
) -> Result<bool, Error> {
    store
        .write(|tx| async move {
            let now = tx.now().await?;
            let update = update_claimed(mail).set(outcome_columns(outcome, now));
            let update = match outcome {
                SendOutcome::Unknown { .. } | SendOutcome::Sent => update,
                _ => decrement(update, Column::UnknownOutcomes),
            };
            let update = match outcome {
                SendOutcome::NotAttempted => decrement(update, Column::Attempts),
                _ => update,
            };
            if update.exec(tx.db()).await?.rows_affected == 0 {
                return Ok(false);
            }
            give_up_after_last_attempt(&tx, mail.id, now).await?;
            Ok(true)
        })
        .await
}

fn outcome_columns(outcome: &SendOutcome, now: Timestamp) -> ActiveModel {
    let refusal = |reason: &str| Set(Some(sql::cut(reason, REFUSAL_LENGTH)));
    match outcome {
        SendOutcome::Sent => ActiveModel {
            state: Set(State::Sent),
            sent_at: Set(Some(now.as_millis())),
            refusal: Set(None),
            ..Default::default()
        },
        SendOutcome::Deferred { after_ms, reason } | SendOutcome::Unknown { after_ms, reason } => {
            ActiveModel {
                state: Set(State::Pending),
                next_attempt_at: Set(now.plus(*after_ms).as_millis()),
                refusal: refusal(reason),
                ..Default::default()
            }
        }
        SendOutcome::Rejected(reason) | SendOutcome::InvalidAddress(reason) => ActiveModel {
            state: Set(State::Failed),
            address_rejected: Set(matches!(outcome, SendOutcome::InvalidAddress(_))),
            failed_at: Set(Some(now.as_millis())),
            refusal: refusal(reason),
            ..Default::default()
        },
        SendOutcome::NotAttempted => ActiveModel {
            state: Set(State::Pending),
            ..Default::default()
        },
    }
}

/// Gives a pending mail up right after its last attempt, rather than when the next would come.
async fn give_up_after_last_attempt(tx: &Tx, id: i64, now: Timestamp) -> Result<(), Error> {
    let used_up = Condition::any()
        .add(Column::UnknownOutcomes.gte(MAX_UNKNOWN_OUTCOMES))
        .add(Column::Attempts.gte(MAX_ATTEMPTS));
    let refusal: Option<Option<String>> = outbox::Entity::find_by_id(id)
        .select_only()
        .column(Column::Refusal)
        .filter(Column::State.eq(State::Pending))
        .filter(used_up)
        .into_tuple()
        .one(tx.db())
        .await?;
    match refusal {
        Some(refusal) => give_up(tx, id, now, refusal.as_deref().unwrap_or_default()).await,
        None => Ok(()),
    }
}

/// An update of the mail's row, as long as the claim holds.
fn update_claimed(mail: &ClaimedMail) -> UpdateMany<outbox::Entity> {
    outbox::Entity::update_many()
        .filter(Column::Id.eq(mail.id))
        .filter(Column::State.eq(State::Sending))
        .filter(Column::ClaimedBy.eq(mail.claim.as_str()))
}

fn decrement(update: UpdateMany<outbox::Entity>, column: Column) -> UpdateMany<outbox::Entity> {
    update.col_expr(column, Expr::col(column).sub(1))
}

/// Releases the claim of a mail whose kind is unknown, as if it had not been attempted.
async fn postpone_unknown_kind(tx: &Tx, id: i64, now: Timestamp) -> Result<(), Error> {
    let next_attempt_at = now.plus(UNKNOWN_KIND_WAIT_MS).as_millis();
    let update = outbox::Entity::update_many()
        .set(ActiveModel {
            state: Set(State::Pending),
            next_attempt_at: Set(next_attempt_at),
            ..Default::default()
        })
        .filter(Column::Id.eq(id));
    let update = decrement(update, Column::Attempts);
    decrement(update, Column::UnknownOutcomes)
        .exec(tx.db())
        .await?;
    Ok(())
}

async fn give_up(tx: &Tx, id: i64, now: Timestamp, reason: &str) -> Result<(), Error> {
    let refusal = format!("Given up: {reason}");
    outbox::Entity::update_many()
        .set(ActiveModel {
            state: Set(State::Failed),
            failed_at: Set(Some(now.as_millis())),
            refusal: Set(Some(sql::cut(&refusal, REFUSAL_LENGTH))),
            ..Default::default()
        })
        .filter(Column::Id.eq(id))
        .exec(tx.db())
        .await?;
    Ok(())
}

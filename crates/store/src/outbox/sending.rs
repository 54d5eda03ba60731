//! The sender's side: claim, send, say what became of it.

use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, ExprTrait, FromQueryResult, QueryFilter, UpdateMany,
};
use starchart_domain::notice::{Notice, NoticeKind};
use starchart_domain::time::Timestamp;

use super::{Detail, told};
use crate::entity::outbox::{self, Column};
use crate::entity::user;
use crate::tx::Tx;
use crate::{Error, Store, sql};

/// Attempts before a mail that is put off again and again is given up; with the pauses between
/// them, about five days.
const ATTEMPTS: i32 = 36;
/// Attempts of unknown outcome before a mail is given up: one copy too many is the worst that may
/// come of them.
const UNCLEAR: i32 = 2;
/// A mail of a kind that this release does not know waits so long: a newer one knows it.
const UNKNOWN_MS: i64 = 60 * 60 * 1_000;
/// Characters kept of what a mail server says.
const REFUSAL: usize = 500;

/// A mail that the caller has claimed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimedMail {
    /// The row.
    pub id: i64,
    /// What it says.
    pub notice: Notice,
    /// Items that are not listed.
    pub more: u32,
    /// The name to greet by.
    pub name: String,
    /// The address.
    pub address: String,
    /// Without angle brackets; the same at every attempt.
    pub message_id: String,
    /// This attempt's number, from 1.
    pub attempt: u32,
    claim: String,
}

/// What became of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SendOutcome {
    /// The server has it.
    Sent,
    /// The server did not take it now.
    Deferred {
        /// When to try again, in milliseconds from now.
        after_ms: i64,
        /// What it said.
        reason: String,
    },
    /// The server had all of it and did not say whether it keeps it.
    Unknown {
        /// When to try again, in milliseconds from now.
        after_ms: i64,
        /// What happened.
        reason: String,
    },
    /// Refused for good, and not because of the address.
    Rejected(String),
    /// The address takes no mail and never will.
    InvalidAddress(String),
    /// It was not this mail's doing: no attempt was made.
    NotAttempted,
}

/// Whether a mail waits to be sent now.
pub async fn has_due_mail(store: &Store) -> Result<bool, Error> {
    let now = store.now().await?;
    Ok(next(store.reader(), now).await?.is_some())
}

/// Takes the mail that waits longest, for `lease_ms` milliseconds. A mail that a dead sender left
/// is taken when its time is over.
pub async fn claim_next(
    store: &Store,
    holder: &str,
    lease_ms: i64,
) -> Result<Option<ClaimedMail>, Error> {
    loop {
        let claim = format!("{}/{:016x}", sql::cut(holder, 150), rand::random::<u64>());
        match store
            .write(|tx| claim_within(tx, claim.clone(), lease_ms))
            .await?
        {
            Claimed::Mail(owed) => return Ok(Some(*owed)),
            Claimed::Nothing => return Ok(None),
            Claimed::Settled => {}
        }
    }
}

enum Claimed {
    Mail(Box<ClaimedMail>),
    Nothing,
    /// A row was done with, or taken by somebody else: look again.
    Settled,
}

async fn claim_within(tx: Tx, claim: String, lease_ms: i64) -> Result<Claimed, Error> {
    let now = tx.now().await?;
    let Some(id) = next(tx.db(), now).await? else {
        return Ok(Claimed::Nothing);
    };
    let take = outbox::Entity::update_many()
        .col_expr(Column::State, Expr::value("sending"))
        .col_expr(Column::ClaimedBy, Expr::value(claim.as_str()))
        .col_expr(
            Column::ClaimedUntil,
            Expr::value(now.plus(lease_ms).as_millis()),
        )
        .col_expr(Column::Attempts, Expr::col(Column::Attempts).add(1))
        .col_expr(Column::Unclear, Expr::col(Column::Unclear).add(1))
        .filter(Column::Id.eq(id))
        .filter(
            Condition::any()
                .add(
                    Column::State
                        .eq("owed")
                        .and(Column::NextAttemptAt.lte(now.as_millis())),
                )
                .add(
                    Column::State
                        .eq("sending")
                        .and(Column::ClaimedUntil.lte(now.as_millis())),
                ),
        );
    if take.exec(tx.db()).await?.rows_affected == 0 {
        return Ok(Claimed::Settled);
    }
    let row = outbox::Entity::find_by_id(id).one(tx.db()).await?;
    let row = row.ok_or_else(|| Error::Corrupt(format!("mail {id} is gone")))?;
    if row.unclear > UNCLEAR || row.attempts > ATTEMPTS {
        let reason = row
            .refusal
            .as_deref()
            .unwrap_or("its sender ended while it was sending, again and again");
        give_up(&tx, &row, now, &format!("Given up: {reason}")).await?;
        return Ok(Claimed::Settled);
    }
    let Some(kind) = NoticeKind::parse(&row.kind) else {
        put_aside(&tx, &row, now).await?;
        return Ok(Claimed::Settled);
    };
    // One that cannot be read must not stand before all others for ever.
    let Ok(detail) = Detail::read(&row.detail, row.id) else {
        give_up(&tx, &row, now, "Given up: what it is about cannot be read").await?;
        return Ok(Claimed::Settled);
    };
    let Some(owed) = open(&tx, row, kind, detail, claim).await? else {
        return Ok(Claimed::Settled);
    };
    Ok(Claimed::Mail(Box::new(owed)))
}

/// The mail that waits longest, to somebody who is not gone.
async fn next(on: &impl sea_orm::ConnectionTrait, now: Timestamp) -> Result<Option<i64>, Error> {
    let alive = "EXISTS (SELECT 1 FROM users u WHERE u.id = o.user_id AND u.deleted_at IS NULL)";
    let left = format!(
        "SELECT o.id AS n FROM outbox o WHERE o.state = 'sending' AND o.claimed_until <= ? AND {alive} \
         ORDER BY o.claimed_until LIMIT 1"
    );
    let owed = format!(
        "SELECT o.id AS n FROM outbox o WHERE o.state = 'owed' AND o.next_attempt_at <= ? AND {alive} \
         ORDER BY o.next_attempt_at LIMIT 1"
    );
    match sql::number(on, &left, vec![now.as_millis().into()]).await? {
        Some(id) => Ok(Some(id)),
        None => sql::number(on, &owed, vec![now.as_millis().into()]).await,
    }
}

/// Reads what the mail says. What ends soon is read from the rows this moment: what was renewed
/// meanwhile is not mentioned, and where nothing is left to say, the mail goes. `None`: it is gone.
async fn open(
    tx: &Tx,
    row: outbox::Model,
    kind: NoticeKind,
    mut detail: Detail,
    claim: String,
) -> Result<Option<ClaimedMail>, Error> {
    if kind == NoticeKind::RecordExpiring {
        detail = told::by(tx, row.id).await?;
        if detail.items.is_empty() {
            outbox::Entity::delete_by_id(row.id).exec(tx.db()).await?;
            return Ok(None);
        }
    }
    #[derive(FromQueryResult)]
    struct Name {
        display_name: String,
    }
    let person = user::Entity::find_by_id(row.user_id.unwrap_or_default())
        .into_model::<Name>()
        .one(tx.db())
        .await?;
    Ok(Some(ClaimedMail {
        id: row.id,
        more: detail.more,
        notice: Notice {
            kind,
            items: detail.into_items(),
        },
        name: person.map(|person| person.display_name).unwrap_or_default(),
        address: row.recipient,
        message_id: row.message_id,
        attempt: u32::try_from(row.attempts).unwrap_or(u32::MAX),
        claim,
    }))
}

/// Makes the claim end `lease_ms` milliseconds from now, while the mail server thinks. False: it
/// was lost.
pub async fn extend_claim(store: &Store, owed: &ClaimedMail, lease_ms: i64) -> Result<bool, Error> {
    store.write(|tx| extend_within(tx, owed, lease_ms)).await
}

async fn extend_within(tx: Tx, owed: &ClaimedMail, lease_ms: i64) -> Result<bool, Error> {
    let until = tx.now().await?.plus(lease_ms).as_millis();
    let change = ours(owed).col_expr(Column::ClaimedUntil, Expr::value(until));
    Ok(change.exec(tx.db()).await?.rows_affected > 0)
}

/// Notes what became of the attempt. False: the claim was lost meanwhile, and what its next holder
/// learns counts.
pub async fn record_outcome(
    store: &Store,
    owed: &ClaimedMail,
    verdict: &SendOutcome,
) -> Result<bool, Error> {
    store.write(|tx| settle_within(tx, owed, verdict)).await
}

async fn settle_within(tx: Tx, owed: &ClaimedMail, verdict: &SendOutcome) -> Result<bool, Error> {
    let now = tx.now().await?;
    let known = Expr::col(Column::Unclear).sub(1);
    let back = |after_ms: i64, reason: &str| {
        ours(owed)
            .col_expr(Column::State, Expr::value("owed"))
            .col_expr(
                Column::NextAttemptAt,
                Expr::value(now.plus(after_ms).as_millis()),
            )
            .col_expr(Column::Refusal, Expr::value(sql::cut(reason, REFUSAL)))
    };
    let change = match verdict {
        SendOutcome::Sent => ours(owed)
            .col_expr(Column::State, Expr::value("sent"))
            .col_expr(Column::SentAt, Expr::value(now.as_millis()))
            .col_expr(Column::Refusal, Expr::value(None::<String>)),
        SendOutcome::Deferred { after_ms, reason } => {
            back(*after_ms, reason).col_expr(Column::Unclear, known)
        }
        SendOutcome::Unknown { after_ms, reason } => back(*after_ms, reason),
        SendOutcome::Rejected(reason) | SendOutcome::InvalidAddress(reason) => ours(owed)
            .col_expr(Column::State, Expr::value("failed"))
            .col_expr(
                Column::RefusedAddress,
                Expr::value(matches!(verdict, SendOutcome::InvalidAddress(_))),
            )
            .col_expr(Column::FailedAt, Expr::value(now.as_millis()))
            .col_expr(Column::Refusal, Expr::value(sql::cut(reason, REFUSAL)))
            .col_expr(Column::Unclear, known),
        SendOutcome::NotAttempted => ours(owed)
            .col_expr(Column::State, Expr::value("owed"))
            .col_expr(Column::Attempts, Expr::col(Column::Attempts).sub(1))
            .col_expr(Column::Unclear, known),
    };
    if change.exec(tx.db()).await?.rows_affected == 0 {
        return Ok(false);
    }
    // Known to be the last attempt now rather than when the next would come.
    if let Some(row) = outbox::Entity::find_by_id(owed.id).one(tx.db()).await?
        && row.state == "owed"
        && (row.unclear >= UNCLEAR || row.attempts >= ATTEMPTS)
    {
        let reason = format!("Given up: {}", row.refusal.as_deref().unwrap_or_default());
        give_up(&tx, &row, now, &reason).await?;
    }
    Ok(true)
}

/// An update of the row, as long as it is the claim's.
fn ours(owed: &ClaimedMail) -> UpdateMany<outbox::Entity> {
    outbox::Entity::update_many()
        .filter(Column::Id.eq(owed.id))
        .filter(Column::State.eq("sending"))
        .filter(Column::ClaimedBy.eq(owed.claim.as_str()))
}

/// Gives the row back untried, to be looked at again later.
async fn put_aside(tx: &Tx, row: &outbox::Model, now: Timestamp) -> Result<(), Error> {
    let change = outbox::Entity::update_many()
        .col_expr(Column::State, Expr::value("owed"))
        .col_expr(
            Column::NextAttemptAt,
            Expr::value(now.plus(UNKNOWN_MS).as_millis()),
        )
        .col_expr(Column::Attempts, Expr::col(Column::Attempts).sub(1))
        .col_expr(Column::Unclear, Expr::col(Column::Unclear).sub(1))
        .filter(Column::Id.eq(row.id));
    change.exec(tx.db()).await?;
    Ok(())
}

async fn give_up(tx: &Tx, row: &outbox::Model, now: Timestamp, reason: &str) -> Result<(), Error> {
    let change = outbox::Entity::update_many()
        .col_expr(Column::State, Expr::value("failed"))
        .col_expr(Column::FailedAt, Expr::value(now.as_millis()))
        .col_expr(Column::Refusal, Expr::value(sql::cut(reason, REFUSAL)))
        .filter(Column::Id.eq(row.id));
    change.exec(tx.db()).await?;
    Ok(())
}

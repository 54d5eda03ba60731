//! The worker's side of orders: which are due, who works at one, and what is saved before each call
//! to the authority.
//!
//! A worker claims an order for some seconds. Each of its writes begins with an UPDATE of the
//! order's row that demands the claim's holder, fence and remaining time (`update_fenced`): a
//! holder that was stopped past its time changes nothing, and neither does one whose order was
//! abandoned meanwhile. A write that touches more than the order's row locks the user first, as all
//! transactions do.
//!
//! Functions that return a `bool` return whether the claim still held; otherwise nothing was
//! written.

use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, ExprTrait, QueryFilter, QueryOrder, QuerySelect,
    SelectExt, Set, UpdateMany,
};
use starchart_domain::certificate::{
    Answers, CHALLENGE_TYPE, FailureReason, ObservedZone, OrderFacts, OrderStep, Validity,
};
use starchart_domain::publish::PublishState;
use starchart_domain::secret::Secret;
use starchart_domain::time::Timestamp;
use starchart_domain::user::UserId;

use super::claim::update_fenced;
use super::rows::{self, OrderRow};
use super::{challenges, ends};
use crate::entity::certificate_order::{ActiveModel, Column, Entity};
use crate::entity::user;
use crate::vault::KeyRow;
use crate::{Error, Store, sql, users};

pub use super::claim::Claim;
pub use super::ends::IssuedCertificate;

/// An order as it was read when it was claimed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimedOrder {
    /// The right to work at it.
    pub claim: Claim,
    /// What its next step depends on.
    pub facts: OrderFacts,
    /// Its URL at the authority.
    pub url: Option<String>,
    /// The validity period of the certificate that it renews.
    pub renewed: Option<Validity>,
    /// Consecutive failures of the authority.
    pub failures: u32,
}

/// An order that the authority created.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CreatedOrder<'a> {
    /// The order's URL at the authority.
    pub url: &'a str,
    /// The ACME account that it belongs to.
    pub account: &'a str,
    /// Whether the authority accepted it as the replacement of a certificate.
    pub is_replacement: bool,
}

/// For how long an order is left alone, and why.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Postponement {
    /// Milliseconds from now until it is due.
    pub for_ms: i64,
    /// The problem to show to the user; `None` when all is well.
    pub problem: Option<String>,
    /// Whether the authority failed (`Some(true)`) or answered (`Some(false)`); `None` when it was
    /// not asked.
    pub failed: Option<bool>,
    /// Whether to show the user when the authority is asked again.
    pub show_retry_time: bool,
    /// Whether the authority asked for this wait: then nothing shortens it, and the order's
    /// deadline moves with it.
    pub requested_by_ca: bool,
}

/// Lists orders that are due and unclaimed, longest due first.
pub async fn list_due(store: &Store, limit: u64) -> Result<Vec<i64>, Error> {
    let now = Expr::cust(store.now_sql());
    Ok(Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::FinishedAt.is_null())
        .filter(Expr::col(Column::NextStepAt).lte(now.clone()))
        .filter(unclaimed(now))
        .order_by_asc(Column::NextStepAt)
        .order_by_asc(Column::Id)
        .limit(limit)
        .into_tuple()
        .all(store.reader())
        .await?)
}

/// No claim, or one whose time is over.
fn unclaimed(now: Expr) -> Condition {
    Condition::any()
        .add(Column::ClaimedUntil.is_null())
        .add(Expr::col(Column::ClaimedUntil).lte(now))
}

/// Milliseconds until the next order is due or its claim expires; zero when one is due now. `None`
/// when no order is pending.
pub async fn next_due_ms(store: &Store) -> Result<Option<i64>, Error> {
    let is_claimed = Expr::col(Column::ClaimedUntil).gt(Expr::col(Column::NextStepAt));
    let due_at = Expr::case(is_claimed, Expr::col(Column::ClaimedUntil))
        .finally(Expr::col(Column::NextStepAt));
    let wait = Expr::expr(due_at).min().sub(Expr::cust(store.now_sql()));
    let wait: Option<Option<i64>> = Entity::find()
        .select_only()
        .column_as(wait, "clamped_retry_ms")
        .filter(Column::FinishedAt.is_null())
        .into_tuple()
        .one(store.reader())
        .await?;
    Ok(wait.flatten().map(|ms| std::cmp::max(ms, 0)))
}

/// Claims the order for `ttl_ms` milliseconds and counts the start. `None` when it is claimed or
/// not due.
pub async fn claim(
    store: &Store,
    order: i64,
    holder: &str,
    ttl_ms: i64,
) -> Result<Option<ClaimedOrder>, Error> {
    store
        .write(|tx| async move {
            let now = tx.now().await?;
            let claimed = Entity::update_many()
                .set(ActiveModel {
                    claimed_by: Set(Some(holder.to_owned())),
                    claimed_until: Set(Some(now.plus(ttl_ms).as_millis())),
                    ..Default::default()
                })
                .col_expr(Column::Fence, Expr::col(Column::Fence).add(1))
                .col_expr(Column::Starts, Expr::col(Column::Starts).add(1))
                .filter(Column::Id.eq(order))
                .filter(Column::FinishedAt.is_null())
                .filter(Column::NextStepAt.lte(now.as_millis()))
                .filter(unclaimed(Expr::value(now.as_millis())))
                .exec(tx.db())
                .await?;
            if claimed.rows_affected == 0 {
                return Ok(None);
            }
            let row = rows::find_order(tx.db(), order)
                .await?
                .ok_or_else(|| Error::Corrupt(format!("order {order} has no row")))?;
            let may_sign_in = user::Entity::find_by_id(row.user_id)
                .filter(user::Column::DeletedAt.is_null())
                .filter(user::Column::SuspendedAt.is_null())
                .exists(tx.db())
                .await?;
            let renewed = match row.replaces_id {
                Some(id) => rows::find_validity(tx.db(), id).await?,
                None => None,
            };
            Ok(Some(claimed_order(row, holder, now, !may_sign_in, renewed)))
        })
        .await
}

fn claimed_order(
    row: OrderRow,
    holder: &str,
    now: Timestamp,
    user_gone: bool,
    renewed: Option<Validity>,
) -> ClaimedOrder {
    let count = |n: i32| u32::try_from(n).unwrap_or(0);
    let facts = OrderFacts {
        step: row.step.into(),
        has_url: row.order_url.is_some(),
        has_key: row.key_id.is_some(),
        // The time that an order waits for its turn is no part of its deadline.
        created_at: row.turn_at.map_or(now, Timestamp::from_millis),
        step_since: Timestamp::from_millis(row.updated_at),
        ca_wait_until: row.ca_wait_until.map(Timestamp::from_millis),
        starts: count(row.starts),
        openings: count(row.openings),
        user_gone,
        automatic: row.automatic,
    };
    let claim = Claim {
        order: row.id,
        owner: UserId(row.user_id),
        domain: row.domain,
        holder: holder.to_owned(),
        fence: row.fence,
    };
    ClaimedOrder {
        claim,
        facts,
        url: row.order_url,
        renewed,
        failures: count(row.failures),
    }
}

/// Extends the claim to `ttl_ms` milliseconds from now.
pub async fn extend_claim(store: &Store, claim: &Claim, ttl_ms: i64) -> Result<bool, Error> {
    store
        .write(|tx| async move {
            let now = tx.now().await?;
            let update = Entity::update_many().set(ActiveModel {
                claimed_until: Set(Some(now.plus(ttl_ms).as_millis())),
                ..Default::default()
            });
            update_fenced(&tx, claim, update, now).await
        })
        .await
}

/// Releases the claim and makes the order due later.
pub async fn postpone(
    store: &Store,
    claim: &Claim,
    postponement: &Postponement,
) -> Result<bool, Error> {
    store
        .write(|tx| async move {
            let now = tx.now().await?;
            update_fenced(&tx, claim, postponed(postponement, now), now).await
        })
        .await
}

fn postponed(postponement: &Postponement, now: Timestamp) -> UpdateMany<Entity> {
    let until = now.plus(postponement.for_ms).as_millis();
    let problem = postponement.problem.as_deref();
    let mut update = Entity::update_many().set(ActiveModel {
        claimed_by: Set(None),
        claimed_until: Set(None),
        starts: Set(0),
        next_step_at: Set(until),
        problem: Set(problem.map(|problem| sql::cut(problem, ends::PROBLEM_LENGTH))),
        retry_at: Set(postponement.show_retry_time.then_some(until)),
        ..Default::default()
    });
    if let Some(failed) = postponement.failed {
        let failures = if failed {
            Expr::col(Column::Failures).add(1)
        } else {
            Expr::value(0)
        };
        update = update.col_expr(Column::Failures, failures);
    }
    if postponement.requested_by_ca {
        let is_later = Expr::col(Column::CaWaitUntil).gt(until);
        let latest = Expr::case(is_later, Expr::col(Column::CaWaitUntil)).finally(until);
        update = update.col_expr(Column::CaWaitUntil, latest.into());
    }
    update
}

/// An update that takes the order to this step, which is begun for the first time.
fn advanced(step: OrderStep, now: Timestamp) -> UpdateMany<Entity> {
    Entity::update_many().set(ActiveModel {
        step: Set(step.into()),
        updated_at: Set(now.as_millis()),
        starts: Set(1),
        problem: Set(None),
        retry_at: Set(None),
        failures: Set(0),
        ..Default::default()
    })
}

/// Saves where the order is at the authority.
pub async fn save_created(
    store: &Store,
    claim: &Claim,
    created: CreatedOrder<'_>,
) -> Result<bool, Error> {
    store
        .write(|tx| async move {
            let now = tx.now().await?;
            let update = advanced(OrderStep::Ordered, now)
                .set(ActiveModel {
                    order_url: Set(Some(created.url.to_owned())),
                    account: Set(Some(created.account.to_owned())),
                    is_replacement: Set(created.is_replacement),
                    ..Default::default()
                })
                .col_expr(Column::Openings, Expr::col(Column::Openings).add(1));
            update_fenced(&tx, claim, update, now).await
        })
        .await
}

/// Saves the values of the pending authorizations, which makes their name unpublished.
pub async fn save_challenge_values(
    store: &Store,
    claim: &Claim,
    values: &[String],
) -> Result<bool, Error> {
    store
        .write(|tx| async move {
            let now = tx.now().await?;
            let owner = claim.owner;
            let domain = &claim.domain;
            if !users::lock(&tx, owner).await? {
                return Ok(false);
            }
            let update = advanced(OrderStep::Publishing, now);
            if !update_fenced(&tx, claim, update, now).await? {
                return Ok(false);
            }
            challenges::replace_values(&tx, owner, domain, claim.order, values, now).await?;
            Ok(true)
        })
        .await
}

/// Reads how far the order's challenge values are published, and the values; `None` when it has
/// none.
pub async fn challenge_progress(
    store: &Store,
    claim: &Claim,
) -> Result<Option<(ObservedZone, Vec<String>)>, Error> {
    let progress = challenges::progress(store.reader(), &claim.domain, claim.order).await?;
    let Some((progress, values)) = progress else {
        return Ok(None);
    };
    let since = progress.in_sync_at.map(Timestamp::from_millis);
    let seen = match (progress.state(CHALLENGE_TYPE), since) {
        (PublishState::Refused { reason }, _) => ObservedZone::Refused(reason),
        (PublishState::InSync, Some(since)) => ObservedZone::InSync {
            since,
            answers: None,
        },
        (PublishState::Answered { by, of }, Some(since)) => ObservedZone::InSync {
            since,
            answers: Some(Answers { by, of }),
        },
        _ => ObservedZone::UnderWay,
    };
    Ok(Some((seen, values)))
}

/// Records that the authority was asked to validate. `unchecked`: no name server could be asked
/// before.
pub async fn mark_validating(store: &Store, claim: &Claim, unchecked: bool) -> Result<bool, Error> {
    store
        .write(|tx| async move {
            let now = tx.now().await?;
            let mut update = advanced(OrderStep::Validating, now);
            if unchecked {
                update = update.set(ActiveModel {
                    dns_not_checked: Set(true),
                    ..Default::default()
                });
            }
            update_fenced(&tx, claim, update, now).await
        })
        .await
}

/// Saves the private key, sealed, and the certificate signing request (DER).
pub async fn save_key(
    store: &Store,
    claim: &Claim,
    key: &Secret,
    csr_der: &[u8],
) -> Result<bool, Error> {
    let key_row = KeyRow::Order(claim.order);
    let sealed = &store.vault().seal(claim.owner, key_row, key)?;
    store
        .write(|tx| async move {
            let now = tx.now().await?;
            let update = advanced(OrderStep::KeySaved, now).set(ActiveModel {
                key_id: Set(Some(sealed.key_id.clone())),
                key_nonce: Set(Some(sealed.nonce.clone())),
                key_ciphertext: Set(Some(sealed.ciphertext.clone())),
                csr: Set(Some(csr_der.to_vec())),
                ..Default::default()
            });
            update_fenced(&tx, claim, update, now).await
        })
        .await
}

/// Reads the saved certificate signing request (DER).
pub async fn load_csr(store: &Store, claim: &Claim) -> Result<Option<Vec<u8>>, Error> {
    let csr: Option<Option<Vec<u8>>> = Entity::find_by_id(claim.order)
        .select_only()
        .column(Column::Csr)
        .into_tuple()
        .one(store.reader())
        .await?;
    Ok(csr.flatten())
}

/// Reads and opens the saved private key.
pub async fn load_key(store: &Store, claim: &Claim) -> Result<Option<Secret>, Error> {
    let Some(sealed) = rows::find_sealed_order_key(store.reader(), claim.order).await? else {
        return Ok(None);
    };
    let key_row = KeyRow::Order(claim.order);
    Ok(Some(store.vault().open(claim.owner, key_row, &sealed)?))
}

/// Records that the certificate signing request was submitted.
pub async fn mark_finalizing(store: &Store, claim: &Claim) -> Result<bool, Error> {
    store
        .write(|tx| async move {
            let now = tx.now().await?;
            update_fenced(&tx, claim, advanced(OrderStep::Finalizing, now), now).await
        })
        .await
}

/// Starts over after the order ended at the authority: forgets its URL, key, signing request and
/// challenge values.
pub async fn restart(store: &Store, claim: &Claim) -> Result<bool, Error> {
    store
        .write(|tx| async move {
            let now = tx.now().await?;
            if !users::lock(&tx, claim.owner).await? {
                return Ok(false);
            }
            let update = advanced(OrderStep::Requested, now).set(ActiveModel {
                order_url: Set(None),
                account: Set(None),
                is_replacement: Set(false),
                key_id: Set(None),
                key_nonce: Set(None),
                key_ciphertext: Set(None),
                csr: Set(None),
                ..Default::default()
            });
            if !update_fenced(&tx, claim, update, now).await? {
                return Ok(false);
            }
            challenges::delete_values(&tx, claim.owner, &claim.domain, now).await?;
            Ok(true)
        })
        .await
}

/// Finishes the order with its certificate in one transaction: the certificate replaces the old
/// one, the challenge values are deleted, and a mail is queued.
pub async fn issue(
    store: &Store,
    claim: &Claim,
    issued: &IssuedCertificate,
) -> Result<bool, Error> {
    store
        .write(|tx| async move { ends::issue(&tx, claim, issued).await })
        .await
}

/// Finishes the order without a certificate.
pub async fn fail(store: &Store, claim: &Claim, reason: &FailureReason) -> Result<bool, Error> {
    store
        .write(|tx| async move { ends::fail(&tx, claim, reason).await })
        .await
}

/// Abandons the order, because its user was deleted or suspended.
pub async fn abandon(store: &Store, claim: &Claim) -> Result<(), Error> {
    store
        .write(|tx| async move {
            let now = tx.now().await?;
            // A suspended user's row is locked here; a deleted user's tombstone is locked by no
            // transaction.
            users::lock(&tx, claim.owner).await?;
            ends::abandon_claimed(&tx, claim, now).await
        })
        .await
}

//! The issuance budget in rows: each order waits for its turn, so that the certificate authority
//! never has to refuse one.

use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, ExprTrait, PaginatorTrait, QueryFilter,
    QueryOrder, QuerySelect, QueryTrait, SelectExt, Set,
};
use starchart_domain::certificate::budget::{Bucket, IssuanceLimits, RateLimit};
use starchart_domain::time::Timestamp;

use super::claim::{Claim, update_fenced};
use super::rows::{self, OrderRow};
use crate::entity::certificate_order::{ActiveModel, Column, Entity, PENDING_SLOT};
use crate::entity::{certificate, issuance_bucket};
use crate::tx::Tx;
use crate::{Error, Store, users};

/// The bucket of the certificates for new names.
const CERTIFICATES: &str = "certificates";
/// The bucket of the account's orders.
const ORDERS: &str = "orders";

/// Whether an order may be opened at the certificate authority.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// It may; what the authority counts is taken from the budget.
    Now,
    /// It has to wait.
    Later {
        /// When its turn comes at the earliest.
        until: Timestamp,
    },
    /// The claim does not hold any more.
    Lost,
}

/// Gives the order its turn, or says when it comes: first come, first served. A renewal that the
/// sweep opened waits for nobody; one that a user asked for waits only for the limit of its names.
pub async fn take_turn(
    store: &Store,
    claim: &Claim,
    limits: &IssuanceLimits,
) -> Result<Turn, Error> {
    store
        .write(|tx| async move {
            if !users::lock(&tx, claim.owner).await? {
                return Ok(Turn::Lost);
            }
            let Some(order) = rows::find_order(tx.db(), claim.order).await? else {
                return Ok(Turn::Lost);
            };
            if order.turn_at.is_some() {
                return Ok(Turn::Now);
            }
            let now = tx.now().await?;
            let is_new = !had_certificate(tx.db(), &order).await?;
            let counted_ms = match is_new {
                true => limits.certificates_at(now).refill_ms,
                false => 0,
            };
            let wanted = wanted(&order, is_new, limits, now);
            let mut taken = Vec::new();
            let mut until = now;
            for (name, limit) in wanted {
                let bucket = lock_bucket(&tx, &name, limit, now).await?;
                let before = match name.as_str() {
                    CERTIFICATES => count_before(tx.db(), Some(order.id)).await?,
                    _ => 0,
                };
                until = until.max(bucket.ready_at(limit, before.saturating_add(1), now));
                taken.push((name, limit, bucket.take(limit, 1, now)));
            }
            if until > now && !order.automatic {
                return Ok(Turn::Later { until });
            }
            let has_turn = Entity::update_many().set(ActiveModel {
                turn_at: Set(Some(now.as_millis())),
                counted_ms: Set(counted_ms),
                ..Default::default()
            });
            if !update_fenced(&tx, claim, has_turn, now).await? {
                return Ok(Turn::Lost);
            }
            for (name, limit, bucket) in taken {
                save_bucket(&tx, &name, limit, bucket).await?;
            }
            Ok(Turn::Now)
        })
        .await
}

/// What the authority counts for the order, in the order in which the rows are locked.
fn wanted(
    order: &OrderRow,
    is_new: bool,
    limits: &IssuanceLimits,
    now: Timestamp,
) -> Vec<(String, RateLimit)> {
    let mut wanted = Vec::new();
    if is_new {
        wanted.push((CERTIFICATES.to_owned(), limits.certificates_at(now)));
    }
    wanted.push((ORDERS.to_owned(), limits.orders));
    wanted.push((format!("names {}", order.domain), limits.same_names));
    wanted
}

/// Whether the domain had a certificate before: then the authority counts a renewal.
async fn had_certificate(on: &impl ConnectionTrait, order: &OrderRow) -> Result<bool, Error> {
    Ok(certificate::Entity::find()
        .filter(certificate::Column::UserId.eq(order.user_id))
        .filter(certificate::Column::Domain.eq(order.domain.as_str()))
        .exists(on)
        .await?)
}

/// Orders for new names that wait for their turn.
fn waiting() -> Condition {
    let earlier = certificate::Entity::find()
        .select_only()
        .column(certificate::Column::Id)
        .filter(
            Expr::col((certificate::Entity, certificate::Column::UserId))
                .equals((Entity, Column::UserId)),
        );
    Condition::all()
        .add(Expr::col((Entity, PENDING_SLOT)).is_not_null())
        .add(Column::TurnAt.is_null())
        .add(Expr::not_exists(earlier.into_query()))
}

/// Counts the orders that have their turn before this one; with `None`, all that wait.
pub(super) async fn count_before(
    on: &impl ConnectionTrait,
    order: Option<i64>,
) -> Result<u32, Error> {
    let before = Entity::find()
        .filter(waiting())
        .filter(Column::Id.lt(order.unwrap_or(i64::MAX)));
    Ok(u32::try_from(before.count(on).await?).unwrap_or(u32::MAX))
}

/// Locks a bucket until the transaction ends, and reads it under this limit.
async fn lock_bucket(
    tx: &Tx,
    name: &str,
    limit: RateLimit,
    now: Timestamp,
) -> Result<Bucket, Error> {
    let new = issuance_bucket::ActiveModel {
        name: Set(name.to_owned()),
        full_at: Set(Bucket::FULL.when_full().as_millis()),
        refill_ms: Set(limit.refill_ms),
    };
    // Locks the row whether it is new or not.
    let keep = OnConflict::column(issuance_bucket::Column::Name)
        .value(
            issuance_bucket::Column::FullAt,
            Expr::col(issuance_bucket::Column::FullAt),
        )
        .to_owned();
    issuance_bucket::Entity::insert(new)
        .on_conflict(keep)
        .exec_without_returning(tx.db())
        .await?;
    let row = issuance_bucket::Entity::find_by_id(name.to_owned())
        .one(tx.db())
        .await?;
    let row = row.ok_or_else(|| Error::Corrupt(format!("the bucket {name} vanished")))?;
    let bucket = Bucket::full_at(Timestamp::from_millis(row.full_at));
    Ok(bucket.under(limit, row.refill_ms, now))
}

async fn save_bucket(tx: &Tx, name: &str, limit: RateLimit, bucket: Bucket) -> Result<(), Error> {
    issuance_bucket::Entity::update_many()
        .set(issuance_bucket::ActiveModel {
            full_at: Set(bucket.when_full().as_millis()),
            refill_ms: Set(limit.refill_ms),
            ..Default::default()
        })
        .filter(issuance_bucket::Column::Name.eq(name))
        .exec(tx.db())
        .await?;
    Ok(())
}

/// Empties the bucket of certificates until then, because the authority said so: it knows better.
pub async fn empty_until(
    store: &Store,
    limits: &IssuanceLimits,
    until: Timestamp,
) -> Result<(), Error> {
    store
        .write(|tx| async move {
            let now = tx.now().await?;
            let limit = limits.certificates_at(now);
            let bucket = lock_bucket(&tx, CERTIFICATES, limit, now).await?;
            save_bucket(&tx, CERTIFICATES, limit, bucket.empty_until(limit, until)).await
        })
        .await
}

/// Gives back what an order took of the certificates for new names and was not issued, and lets the
/// first order that waits look again.
pub(super) async fn give_back(tx: &Tx, order: &OrderRow, now: Timestamp) -> Result<(), Error> {
    if order.counted_ms == 0 {
        return Ok(());
    }
    let limit = RateLimit {
        size: u32::MAX,
        refill_ms: order.counted_ms,
    };
    let bucket = lock_bucket(tx, CERTIFICATES, limit, now).await?;
    let bucket = bucket.give_back(order.counted_ms);
    save_bucket(tx, CERTIFICATES, limit, bucket).await?;
    let first: Option<i64> = Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(waiting())
        .order_by_asc(Column::Id)
        .into_tuple()
        .one(tx.db())
        .await?;
    if let Some(first) = first {
        Entity::update_many()
            .set(ActiveModel {
                next_step_at: Set(now.as_millis()),
                ..Default::default()
            })
            .filter(Column::Id.eq(first))
            .exec(tx.db())
            .await?;
    }
    Ok(())
}

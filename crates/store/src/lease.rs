//! Leases: exclusive, expiring rights to run one kind of work, held by one process at a time.
//!
//! Each new holder gets a larger fence. A transaction that begins with `assert_lease` commits
//! only while its lease is held, so a process that was suspended past its lease writes nothing.

use sea_orm::sea_query::Expr;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, ExprTrait, QueryFilter};
use starchart_domain::time::Timestamp;

use crate::entity::lease::{ActiveModel, Column, Entity};
use crate::error::is_unique_violation;
use crate::tx::Tx;
use crate::{Error, Store};

pub use crate::entity::lease::LeaseName;

/// A lease that was held when this value was made. Every fenced write checks again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// What it gives the right to do.
    pub name: LeaseName,
    /// The process that holds it.
    pub holder: String,
    /// Grows with every new holder.
    pub fence: i64,
    /// When it expires, by the database's clock.
    pub expires_at: Timestamp,
}

/// Acquires the lease for `ttl_ms` milliseconds. Returns none while any process holds it, even one
/// with the same `holder`.
///
/// # Errors
/// The database does not answer or refuses the statements.
pub async fn acquire(
    store: &Store,
    name: LeaseName,
    holder: &str,
    ttl_ms: i64,
) -> Result<Option<Lease>, Error> {
    store
        .write(|tx| async move {
            let now = tx.now().await?;
            let expires_at = now.plus(ttl_ms);
            let taken = Entity::update_many()
                .col_expr(Column::Holder, Expr::value(holder))
                .col_expr(Column::Fence, Expr::col(Column::Fence).add(1))
                .col_expr(Column::ExpiresAt, Expr::value(expires_at.as_millis()))
                .col_expr(Column::TakenAt, Expr::value(now.as_millis()))
                .filter(Column::Name.eq(name))
                .filter(Column::ExpiresAt.lte(now.as_millis()))
                .exec(tx.db())
                .await?
                .rows_affected;
            let row = Entity::find_by_id(name).one(tx.db()).await?;
            let lease = |fence| Lease {
                name,
                holder: holder.to_owned(),
                fence,
                expires_at,
            };
            match row {
                Some(row) => Ok((taken == 1).then(|| lease(row.fence))),
                None => {
                    let first = ActiveModel {
                        name: Set(name),
                        holder: Set(holder.to_owned()),
                        fence: Set(1),
                        expires_at: Set(expires_at.as_millis()),
                        taken_at: Set(Some(now.as_millis())),
                    };
                    match Entity::insert(first).exec_without_returning(tx.db()).await {
                        Ok(_) => Ok(Some(lease(1))),
                        Err(fault) if is_unique_violation(&fault) => Ok(None),
                        Err(fault) => Err(fault.into()),
                    }
                }
            }
        })
        .await
}

/// Makes the lease expire `ttl_ms` milliseconds from now. Returns false when it was lost.
///
/// # Errors
/// The database does not answer or refuses the statements.
pub async fn renew(store: &Store, lease: &mut Lease, ttl_ms: i64) -> Result<bool, Error> {
    let expires_at = expire_after(store, lease, ttl_ms).await?;
    if let Some(expires_at) = expires_at {
        lease.expires_at = expires_at;
    }
    Ok(expires_at.is_some())
}

/// Releases the lease. Does nothing when it was lost.
///
/// # Errors
/// The database does not answer or refuses the statements.
pub async fn release(store: &Store, lease: &Lease) -> Result<(), Error> {
    expire_after(store, lease, 0).await.map(drop)
}

async fn expire_after(
    store: &Store,
    lease: &Lease,
    ttl_ms: i64,
) -> Result<Option<Timestamp>, Error> {
    store
        .write(|tx| async move {
            let Some(now) = assert_lease(&tx, lease, 0).await? else {
                return Ok(None);
            };
            let expires_at = now.plus(ttl_ms);
            Entity::update_many()
                .col_expr(Column::ExpiresAt, Expr::value(expires_at.as_millis()))
                .filter(Column::Name.eq(lease.name))
                .exec(tx.db())
                .await?;
            Ok(Some(expires_at))
        })
        .await
}

/// Locks the row of the lease and returns the database's time, if the lease is still held and more
/// than `margin_ms` milliseconds of it are left. Every fenced transaction begins with this.
///
/// The next holder changes `fence` under the same row lock, so a transaction that passed here
/// commits before the next holder begins.
pub(crate) async fn assert_lease(
    tx: &Tx,
    lease: &Lease,
    margin_ms: i64,
) -> Result<Option<Timestamp>, Error> {
    let now = tx.now().await?;
    let held = Entity::update_many()
        .col_expr(Column::Fence, Expr::col(Column::Fence))
        .filter(Column::Name.eq(lease.name))
        .filter(Column::Holder.eq(lease.holder.as_str()))
        .filter(Column::Fence.eq(lease.fence))
        .filter(Column::ExpiresAt.gt(now.plus(margin_ms).as_millis()))
        .exec(tx.db())
        .await?;
    Ok((held.rows_affected == 1).then_some(now))
}

//! Claims of orders, and the fence that each write of a claim's holder passes.

use sea_orm::{ColumnTrait, QueryFilter, UpdateMany};
use starchart_domain::time::Timestamp;
use starchart_domain::user::UserId;

use crate::Error;
use crate::entity::certificate_order::{Column, Entity};
use crate::tx::Tx;

/// The right to work at an order; every write checks it again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The id of the order.
    pub order: i64,
    /// The owner of the order.
    pub owner: UserId,
    /// The owner's base domain.
    pub domain: String,
    pub(super) holder: String,
    pub(super) fence: i64,
}

impl Claim {
    /// A claim to a finished order. It passes no fence.
    pub(super) fn of_finished(order: i64, owner: UserId, domain: String) -> Self {
        Self {
            order,
            owner,
            domain,
            holder: String::new(),
            fence: -1,
        }
    }
}

/// Runs the update on the claim's order, and returns whether the claim still held: the fence.
pub(super) async fn update_fenced(
    tx: &Tx,
    claim: &Claim,
    update: UpdateMany<Entity>,
    now: Timestamp,
) -> Result<bool, Error> {
    let done = update
        .filter(Column::Id.eq(claim.order))
        .filter(Column::ClaimedBy.eq(claim.holder.as_str()))
        .filter(Column::Fence.eq(claim.fence))
        .filter(Column::ClaimedUntil.gt(now.as_millis()))
        .filter(Column::FinishedAt.is_null())
        .exec(tx.db())
        .await?;
    Ok(done.rows_affected == 1)
}

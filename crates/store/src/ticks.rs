//! One run a tick across all processes: a row decides.

use sea_orm::{EntityTrait, PaginatorTrait, Set};

use crate::entity::tick;
use crate::error::is_taken;
use crate::tx::Tx;
use crate::{Error, Store};

/// Whether somebody has claimed `job` for `slot`.
///
/// A job that may die half-way claims its slot at its end, and holds a lease meanwhile: then a
/// claimed slot is a finished one, and whoever finds neither claim nor lease goes on with it.
pub async fn is_claimed(store: &Store, job: &str, slot: i64) -> Result<bool, Error> {
    let tick = tick::Entity::find_by_id((job.to_owned(), slot));
    Ok(tick.count(store.reader()).await? > 0)
}

/// Whether this caller is the one that runs `job` for `slot` (the number of the period); true once
/// for each pair.
pub async fn claim(store: &Store, job: &str, slot: i64) -> Result<bool, Error> {
    store.write(|tx| claim_within(tx, job, slot)).await
}

async fn claim_within(tx: Tx, job: &str, slot: i64) -> Result<bool, Error> {
    let tick = tick::ActiveModel {
        job: Set(job.to_owned()),
        slot: Set(slot),
        at: Set(tx.now().await?.as_millis()),
    };
    match tick::Entity::insert(tick)
        .exec_without_returning(tx.db())
        .await
    {
        Ok(_) => Ok(true),
        Err(fault) if is_taken(&fault) => Ok(false),
        Err(fault) => Err(fault.into()),
    }
}

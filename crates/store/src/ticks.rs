//! One run a tick across all processes: a row decides.

use sea_orm::{EntityTrait, Set};

use crate::entity::tick;
use crate::error::is_taken;
use crate::tx::Tx;
use crate::{Error, Store};

/// Whether this caller is the one that runs `job` for `slot` (the number of the period); true once for each pair.
pub async fn claim(store: &Store, job: &str, slot: i64) -> Result<bool, Error> {
    store.write(|tx| claim_within(tx, job, slot)).await
}

async fn claim_within(tx: Tx, job: &str, slot: i64) -> Result<bool, Error> {
    let tick = tick::ActiveModel { job: Set(job.to_owned()), slot: Set(slot), at: Set(tx.now().await?.as_millis()) };
    match tick::Entity::insert(tick).exec_without_returning(tx.db()).await {
        Ok(_) => Ok(true),
        Err(fault) if is_taken(&fault) => Ok(false),
        Err(fault) => Err(fault.into()),
    }
}

//! Ticks: the claims of periodic jobs, so that one process runs a job in each period.
//!
//! The process that inserts the row of (job, slot) runs the job; every other process gets a
//! duplicate key.

use sea_orm::{EntityTrait, PaginatorTrait, Set};

use crate::entity::tick;
use crate::error::is_unique_violation;
use crate::{Error, Store};

/// Returns whether a process claimed `job` for `slot`, the number of the period.
///
/// A job that can be interrupted holds a lease while it runs and claims its slot at the end. Then a
/// claimed slot is finished, and a process that finds neither claim nor lease resumes the job.
pub async fn is_claimed(store: &Store, job: &str, slot: i64) -> Result<bool, Error> {
    let tick = tick::Entity::find_by_id((job.to_owned(), slot));
    Ok(tick.count(store.reader()).await? > 0)
}

/// Claims `job` for `slot`, the number of the period. Returns true to one caller for each pair:
/// that one runs the job.
pub async fn claim(store: &Store, job: &str, slot: i64) -> Result<bool, Error> {
    store
        .write(|tx| async move {
            let tick = tick::ActiveModel {
                job: Set(job.to_owned()),
                slot: Set(slot),
                at: Set(tx.now().await?.as_millis()),
            };
            let insert = tick::Entity::insert(tick);
            match insert.exec_without_returning(tx.db()).await {
                Ok(_) => Ok(true),
                Err(fault) if is_unique_violation(&fault) => Ok(false),
                Err(fault) => Err(fault.into()),
            }
        })
        .await
}

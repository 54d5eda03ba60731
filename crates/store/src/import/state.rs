//! The state of the import: pending, in progress, finished or skipped.

use sea_orm::sea_query::{Expr, Func};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, QueryFilter, Set,
};
use starchart_domain::time::Timestamp;

use super::read;
use crate::entity::import::{self, Column};
use crate::tx::Tx;
use crate::{Error, Store, zone};

/// The id of the one row.
const ROW: i32 = 1;

/// The state of the import.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// The database has no tables of the original, and nothing was imported.
    None,
    /// The database has the original's tables, and nothing was imported.
    Pending,
    /// The import began at this time and did not finish.
    Begun(Timestamp),
    /// The import finished at this time.
    Finished(Timestamp),
    /// An operator chose not to import.
    Skipped,
}

/// Reads the state of the import.
pub async fn progress(store: &Store) -> Result<Progress, Error> {
    let row = import::Entity::find_by_id(ROW).one(store.reader()).await?;
    if let Some(row) = row {
        if let Some(at) = row.finished_at {
            return Ok(Progress::Finished(Timestamp::from_millis(at)));
        }
        if let Some(at) = row.started_at {
            return Ok(Progress::Begun(Timestamp::from_millis(at)));
        }
        if row.skipped_at.is_some() {
            return Ok(Progress::Skipped);
        }
    }
    // An import reads MySQL and MariaDB only.
    if store.backend() != DbBackend::Sqlite && read::is_original(store.reader()).await? {
        return Ok(Progress::Pending);
    }
    Ok(Progress::None)
}

/// Returns whether the original's users are not imported yet: a user who signs in now could get the
/// label of one of them.
pub async fn is_awaited(store: &Store) -> Result<bool, Error> {
    Ok(matches!(
        progress(store).await?,
        Progress::Pending | Progress::Begun(_)
    ))
}

/// The reason of the pause while an import is pending.
const PENDING: &str = "the original's tables are in this database and were not imported: run \
     `starchart import`, or `starchart import --skip` to import nothing";
/// The reason of the pause after an import, until an operator approves the changes to the zone.
const IMPORTED: &str = "the original's rows were imported: look at `starchart reconcile \
     --dry-run`, then approve its plan";
const BEGUN: &str = "an import began and did not finish: run `starchart import --apply` again";

/// Pauses publishing if an import is pending or did not finish, and returns the reason.
pub async fn pause_if_pending(store: &Store) -> Result<Option<&'static str>, Error> {
    let reason = match progress(store).await? {
        Progress::Pending => PENDING,
        Progress::Begun(_) => BEGUN,
        Progress::None | Progress::Finished(_) | Progress::Skipped => return Ok(None),
    };
    zone::pause_unless_paused(store, reason).await?;
    Ok(Some(reason))
}

/// Pauses publishing until an operator approves the changes of an import. A pause with another
/// reason stays.
pub(super) async fn pause(store: &Store) -> Result<(), Error> {
    match zone::pause_reason(store).await? {
        Some(reason) if reason != PENDING && reason != BEGUN => Ok(()),
        _ => zone::pause(store, IMPORTED).await,
    }
}

/// Records that nothing is to be imported, and ends the pause of a pending import. Returns false if
/// an import has begun.
pub async fn skip(store: &Store) -> Result<bool, Error> {
    if matches!(
        progress(store).await?,
        Progress::Begun(_) | Progress::Finished(_)
    ) {
        return Ok(false);
    }
    store
        .write(|tx| async move {
            let now = tx.now().await?;
            set_once(&tx, Column::SkippedAt, now).await
        })
        .await?;
    if zone::pause_reason(store)
        .await?
        .is_some_and(|reason| reason == PENDING)
    {
        zone::resume(store).await?;
    }
    Ok(true)
}

/// Sets a time of the one row, unless it is set already.
pub(super) async fn set_once(tx: &Tx, column: Column, at: Timestamp) -> Result<(), Error> {
    let at = at.as_millis();
    let first = Func::coalesce([Expr::col(column), Expr::value(at)]);
    let update = import::Entity::update_many()
        .col_expr(column, first.into())
        .filter(Column::Id.eq(ROW));
    if update.exec(tx.db()).await?.rows_affected == 0 {
        let mut row = import::ActiveModel {
            id: Set(ROW),
            ..Default::default()
        };
        row.set(column, at.into());
        import::Entity::insert(row)
            .exec_without_returning(tx.db())
            .await?;
    }
    Ok(())
}

/// Reads when the import began.
pub(super) async fn started(on: &impl ConnectionTrait) -> Result<Option<Timestamp>, Error> {
    let row = import::Entity::find_by_id(ROW).one(on).await?;
    Ok(row
        .and_then(|row| row.started_at)
        .map(Timestamp::from_millis))
}

//! Whether an import is owed, under way, done, or not wanted.

use sea_orm::{ConnectionTrait, DbBackend, FromQueryResult};
use starchart_domain::time::Timestamp;

use super::read;
use crate::tx::Tx;
use crate::{Error, Store, sql, zone};

/// How far the import has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// The original's tables are not here, and nothing was imported.
    None,
    /// The original's tables stand in our database, and nothing was imported.
    Owed,
    /// It was begun at that moment and did not come to its end.
    Begun(Timestamp),
    /// It came to its end.
    Finished(Timestamp),
    /// An operator wants none.
    Skipped,
}

#[derive(FromQueryResult)]
struct Row {
    started_at: Option<i64>,
    finished_at: Option<i64>,
    skipped_at: Option<i64>,
}

/// How far the import has come.
pub async fn progress(store: &Store) -> Result<Progress, Error> {
    let look = "SELECT started_at, finished_at, skipped_at FROM imports WHERE id = 1";
    let row: Option<Row> = sql::one(store.reader(), look, vec![]).await?;
    Ok(match row {
        Some(Row {
            finished_at: Some(at),
            ..
        }) => Progress::Finished(Timestamp::from_millis(at)),
        Some(Row {
            started_at: Some(at),
            ..
        }) => Progress::Begun(Timestamp::from_millis(at)),
        Some(Row {
            skipped_at: Some(_),
            ..
        }) => Progress::Skipped,
        _ if store.backend() != DbBackend::Sqlite && read::stands_in(store.reader()).await? => {
            Progress::Owed
        }
        _ => Progress::None,
    })
}

/// Whether the original's people and their domains are still to come: who signed in now could be
/// given what belongs to one of them.
pub async fn is_awaited(store: &Store) -> Result<bool, Error> {
    Ok(matches!(
        progress(store).await?,
        Progress::Owed | Progress::Begun(_)
    ))
}

/// Why publishing stands still while an import is owed.
const OWED: &str = "the tables of the original stand in this database and were not imported: run `starchart import`, or \
     `starchart import --skip` if none is wanted";
/// Why publishing stands still after an import, until an operator has seen what it would change.
const IMPORTED: &str = "the original's rows were imported: look at `starchart reconcile --dry-run`, then approve its plan";
const BEGUN: &str =
    "an import was begun and did not come to its end: run `starchart import --apply` again";

/// Pauses publishing where an import is owed or did not come to its end, and says why. None:
/// nothing is owed.
pub async fn hold_back(store: &Store) -> Result<Option<&'static str>, Error> {
    let reason = match progress(store).await? {
        Progress::Owed => OWED,
        Progress::Begun(_) => BEGUN,
        Progress::None | Progress::Finished(_) | Progress::Skipped => return Ok(None),
    };
    zone::pause_unless_paused(store, reason).await?;
    Ok(Some(reason))
}

/// Pauses publishing until an operator has seen what an import would change. A pause of another
/// reason stays.
pub(super) async fn pause(store: &Store) -> Result<(), Error> {
    match zone::pause_reason(store).await? {
        Some(reason) if reason != OWED && reason != BEGUN => Ok(()),
        _ => zone::pause(store, IMPORTED).await,
    }
}

/// Notes that no import is wanted, and lifts the pause that waits for one. False: an import was
/// begun already.
pub async fn skip(store: &Store) -> Result<bool, Error> {
    if matches!(
        progress(store).await?,
        Progress::Begun(_) | Progress::Finished(_)
    ) {
        return Ok(false);
    }
    store.write(|tx| set(tx, "skipped_at")).await?;
    if zone::pause_reason(store)
        .await?
        .is_some_and(|reason| reason == OWED)
    {
        zone::resume(store).await?;
    }
    Ok(true)
}

async fn set(tx: Tx, column: &'static str) -> Result<(), Error> {
    let now = tx.now().await?;
    mark(&tx, column, now).await
}

/// Sets a moment of the one row, unless it is set.
pub(super) async fn mark(tx: &Tx, column: &'static str, at: Timestamp) -> Result<(), Error> {
    let update = format!("UPDATE imports SET {column} = COALESCE({column}, ?) WHERE id = 1");
    if sql::touch(tx.db(), &update, vec![at.as_millis().into()]).await? == 0 {
        let insert = format!("INSERT INTO imports (id, {column}) VALUES (1, ?)");
        sql::touch(tx.db(), &insert, vec![at.as_millis().into()]).await?;
    }
    Ok(())
}

/// When the import was begun.
pub(super) async fn started(on: &impl ConnectionTrait) -> Result<Option<Timestamp>, Error> {
    let at = sql::number(
        on,
        "SELECT started_at AS n FROM imports WHERE id = 1",
        vec![],
    )
    .await?;
    Ok(at.map(Timestamp::from_millis))
}

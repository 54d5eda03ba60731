//! Compares the schema with the migrations of this program, and applies those that are missing.

use std::collections::HashSet;

use migration::{Migrator, MigratorTrait, SchemaManager, pre_release};
use sea_orm::sea_query::{Order, Query};
use sea_orm::{ConnectionTrait, DatabaseConnection};

use crate::error::Error;
use crate::store::Store;
use crate::wipe::mark;
use crate::{entity, sql};

/// How the database's schema compares with this program's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SchemaState {
    /// Every step is applied.
    Fits,
    /// This number of steps is missing: run `starchart migrate`.
    Pending(usize),
    /// A wipe began and did not finish: [`Store::migrate`] finishes it.
    HalfWiped,
    /// Every step is applied, and these steps of a later version. The program can serve: later
    /// steps only add (expand and contract).
    Newer(Vec<String>),
    /// A build before the first release created the tables, and no step upgrades them:
    /// [`Store::wipe`] replaces them.
    PreRelease,
}

/// The table in which sea-orm records the applied steps.
pub(crate) const STEPS_TABLE: &str = "seaql_migrations";

impl Store {
    /// Compares the schema with this program.
    pub async fn schema(&self) -> Result<SchemaState, Error> {
        compare(self.reader().pool()).await
    }
}

/// Returns the name of the newest migration that this program knows.
pub fn schema_version() -> String {
    Migrator::migrations()
        .last()
        .map_or_else(String::new, |step| step.name().to_owned())
}

async fn compare(db: &DatabaseConnection) -> Result<SchemaState, Error> {
    if mark::is_half_done(db).await? {
        return Ok(SchemaState::HalfWiped);
    }
    let applied = list_applied(db).await?;
    if is_pre_release(&applied) {
        return Ok(SchemaState::PreRelease);
    }
    let missing = list_known()
        .iter()
        .filter(|step| !applied.contains(step))
        .count();
    if missing > 0 {
        return Ok(SchemaState::Pending(missing));
    }
    let unknown = list_unknown(db).await?;
    if !unknown.is_empty() {
        return Ok(SchemaState::Newer(unknown));
    }
    // Builds before the first release changed columns without a new step.
    Ok(if has_missing_columns(db).await? {
        SchemaState::PreRelease
    } else {
        SchemaState::Fits
    })
}

/// Whether a table lacks a column that this program uses, although every step is applied.
async fn has_missing_columns(db: &DatabaseConnection) -> Result<bool, Error> {
    let present: HashSet<String> = sql::list_columns(db).await?.into_iter().collect();
    Ok(entity::list_columns()
        .iter()
        .any(|column| !present.contains(column)))
}

/// Whether a build before the first release applied these steps.
pub(crate) fn is_pre_release(applied: &[String]) -> bool {
    applied.iter().any(|step| step == pre_release::FIRST_STEP)
}

/// Lists the applied steps that this program does not know.
pub(crate) async fn list_unknown(db: &DatabaseConnection) -> Result<Vec<String>, Error> {
    let known = list_known();
    Ok(list_applied(db)
        .await?
        .into_iter()
        .filter(|step| !known.contains(step))
        .collect())
}

/// Lists the steps that this program knows.
pub(crate) fn list_known() -> Vec<String> {
    Migrator::migrations()
        .iter()
        .map(|step| step.name().to_owned())
        .collect()
}

/// Lists the steps that were applied to the schema.
pub(crate) async fn list_applied(db: &DatabaseConnection) -> Result<Vec<String>, Error> {
    if !SchemaManager::new(db).has_table(STEPS_TABLE).await? {
        return Ok(Vec::new());
    }
    let select = Query::select()
        .column("version")
        .from(STEPS_TABLE)
        .order_by("version", Order::Asc)
        .to_owned();
    let rows = db.query_all(&select).await?;
    rows.iter()
        .map(|row| Ok(row.try_get::<String>("", "version")?))
        .collect()
}

/// Applies the missing steps and returns their number. The caller holds the migration lock, so that
/// no other process applies them meanwhile.
pub(crate) async fn apply(db: &DatabaseConnection) -> Result<usize, Error> {
    match compare(db).await? {
        SchemaState::Fits | SchemaState::Newer(_) => Ok(0),
        SchemaState::PreRelease => Err(Error::PreReleaseSchema),
        SchemaState::Pending(_) | SchemaState::HalfWiped => {
            let before = list_applied(db).await?.len();
            Migrator::up(db, None).await?;
            Ok(list_known().len().saturating_sub(before))
        }
    }
}

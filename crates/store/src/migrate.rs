//! The schema: compared, and brought up to date by one process at a time.

use std::time::Duration;

use migration::{Migrator, MigratorTrait, SchemaManager};
use sea_orm::{ConnectionTrait, DatabaseConnection, Statement};

use crate::connect::Endpoint;
use crate::error::Error;
use crate::store::Store;

/// How the schema stands to this program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SchemaState {
    /// As this program wants it.
    Fits,
    /// So many steps are missing: run `starchart migrate`.
    Pending(usize),
    /// Every step of ours is there, and these of a later version. Serves: later steps only add (expand and contract).
    Newer(Vec<String>),
}

/// Seconds to wait for another process that migrates.
const LOCK_WAIT_S: u32 = 300;

impl Store {
    /// Compares the schema with this program.
    pub async fn schema(&self) -> Result<SchemaState, Error> {
        compare(self.reader()).await
    }

    /// Applies the missing steps; says how many. Other processes wait meanwhile and then find nothing to do.
    pub async fn migrate(&self) -> Result<usize, Error> {
        let own = self.endpoint().pool(1, Duration::from_secs(30));
        let outcome = match self.endpoint() {
            Endpoint::MySql(_) => migrate_mysql(&own).await,
            #[cfg(feature = "sqlite")]
            Endpoint::Sqlite(options) => {
                let _lock = lock_beside(options.get_filename()).await?;
                apply(&own).await
            }
        };
        own.close().await?;
        outcome
    }
}

async fn compare(db: &DatabaseConnection) -> Result<SchemaState, Error> {
    let mut applied = Vec::new();
    if SchemaManager::new(db).has_table("seaql_migrations").await? {
        let sql = Statement::from_string(db.get_database_backend(), "SELECT version FROM seaql_migrations ORDER BY version");
        for row in db.query_all_raw(sql).await? {
            applied.push(row.try_get::<String>("", "version")?);
        }
    }
    let ours: Vec<String> = Migrator::migrations().iter().map(|step| step.name().to_owned()).collect();
    let missing = ours.iter().filter(|step| !applied.contains(step)).count();
    if missing > 0 {
        return Ok(SchemaState::Pending(missing));
    }
    applied.retain(|step| !ours.contains(step));
    Ok(if applied.is_empty() { SchemaState::Fits } else { SchemaState::Newer(applied) })
}

/// The list of missing steps is read here, that is, under the caller's lock.
async fn apply(db: &DatabaseConnection) -> Result<usize, Error> {
    match compare(db).await? {
        SchemaState::Pending(steps) => {
            Migrator::up(db, None).await?;
            Ok(steps)
        }
        SchemaState::Fits | SchemaState::Newer(_) => Ok(0),
    }
}

/// The lock and the steps share one connection: when it breaks, both end.
async fn migrate_mysql(db: &DatabaseConnection) -> Result<usize, Error> {
    // The lock is the server's, so its name carries the database's.
    let lock = format!("SELECT GET_LOCK(CONCAT('starchart.', LEFT(SHA2(DATABASE(), 256), 40)), {LOCK_WAIT_S}) AS got");
    let row = db.query_one_raw(Statement::from_string(db.get_database_backend(), lock)).await?;
    let got = match row {
        Some(row) => row.try_get::<Option<i64>>("", "got")?,
        None => None,
    };
    if got != Some(1) {
        return Err(Error::Busy("another process has been migrating for five minutes".into()));
    }
    let outcome = apply(db).await;
    let unlock = "SELECT RELEASE_LOCK(CONCAT('starchart.', LEFT(SHA2(DATABASE(), 256), 40)))";
    if let Err(fault) = db.query_one_raw(Statement::from_string(db.get_database_backend(), unlock)).await {
        tracing::debug!(error = %fault, "the migration lock goes with its connection");
    }
    outcome
}

/// Locks `FILE.migrate-lock`; dropping the file gives the lock back.
#[cfg(feature = "sqlite")]
async fn lock_beside(file: &std::path::Path) -> Result<std::fs::File, Error> {
    let mut path = file.as_os_str().to_owned();
    path.push(".migrate-lock");
    let locked = tokio::task::spawn_blocking(move || {
        let file = std::fs::OpenOptions::new().create(true).truncate(false).write(true).open(path)?;
        file.lock()?;
        Ok::<_, std::io::Error>(file)
    });
    match locked.await {
        Ok(Ok(file)) => Ok(file),
        Ok(Err(fault)) => Err(Error::Fault(Box::new(fault))),
        Err(fault) => Err(Error::Fault(Box::new(fault))),
    }
}

/// The newest migration that this program knows.
pub fn schema_version() -> String {
    Migrator::migrations().last().map_or_else(String::new, |step| step.name().to_owned())
}

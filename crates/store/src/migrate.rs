//! The schema: compared, and brought up to date by one process at a time.

use std::time::Duration;

use migration::{Migrator, MigratorTrait, SchemaManager, pre_release};
use sea_orm::{ConnectionTrait, DatabaseConnection, Statement};

use crate::connect::Endpoint;
use crate::error::Error;
use crate::store::Store;
use crate::wipe;

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

/// What [`Store::migrate`] did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migrated {
    /// Steps that were applied.
    pub steps: usize,
    /// A wipe that was cut off was finished, and publishing is paused; the tables that were still
    /// dropped for it.
    pub wiped: Option<Vec<String>>,
}

/// Where sea-orm notes which steps were applied.
pub(crate) const STEPS_TABLE: &str = "seaql_migrations";
/// Seconds between two lines about another process that migrates.
const LOCK_SAY_S: u32 = 10;
/// How often it is waited for so long: five minutes.
const LOCK_TRIES: u32 = 30;

impl Store {
    /// Compares the schema with this program.
    pub async fn schema(&self) -> Result<SchemaState, Error> {
        compare(self.reader()).await
    }

    /// Applies the missing steps. Other processes wait meanwhile and then find nothing to do. A
    /// wipe that was killed comes to its end first.
    pub async fn migrate(&self) -> Result<Migrated, Error> {
        self.locked(async |db| {
            if wipe::is_half_done(db).await? {
                let wipe::Finished { tables, steps } = wipe::finish(self, db).await?;
                return Ok(Migrated {
                    steps,
                    wiped: Some(tables),
                });
            }
            Ok(Migrated {
                steps: apply(db).await?,
                wiped: None,
            })
        })
        .await
    }

    /// Runs `work` as the only process that changes the schema, on a connection of its own.
    pub(crate) async fn locked<T>(
        &self,
        work: impl AsyncFnOnce(&DatabaseConnection) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let own = self.endpoint().pool(1, Duration::from_secs(30));
        let outcome = match self.endpoint() {
            Endpoint::MySql(_) => locked_mysql(&own, work).await,
            #[cfg(feature = "sqlite")]
            Endpoint::Sqlite(options) => {
                let _lock = lock_beside(options.get_filename()).await?;
                work(&own).await
            }
        };
        own.close().await?;
        outcome
    }
}

pub(crate) async fn compare(db: &DatabaseConnection) -> Result<SchemaState, Error> {
    if wipe::is_half_done(db).await? {
        return Ok(SchemaState::HalfWiped);
    }
    let applied = applied(db).await?;
    if is_pre_release(&applied) {
        return Ok(SchemaState::PreRelease);
    }
    let missing = steps()
        .iter()
        .filter(|step| !applied.contains(step))
        .count();
    if missing > 0 {
        return Ok(SchemaState::Pending(missing));
    }
    let unknown = unknown(db).await?;
    Ok(if unknown.is_empty() {
        SchemaState::Fits
    } else {
        SchemaState::Newer(unknown)
    })
}

/// Whether a build before the first release applied these steps.
pub(crate) fn is_pre_release(applied: &[String]) -> bool {
    applied.iter().any(|step| step == pre_release::FIRST_STEP)
}

/// The names of the steps that the schema has seen and this program does not know.
pub(crate) async fn unknown(db: &DatabaseConnection) -> Result<Vec<String>, Error> {
    let ours = steps();
    Ok(applied(db)
        .await?
        .into_iter()
        .filter(|step| !ours.contains(step))
        .collect())
}

/// The names of the steps that this program knows.
pub(crate) fn steps() -> Vec<String> {
    Migrator::migrations()
        .iter()
        .map(|step| step.name().to_owned())
        .collect()
}

/// The names of the steps that the schema has seen.
pub(crate) async fn applied(db: &DatabaseConnection) -> Result<Vec<String>, Error> {
    if !SchemaManager::new(db).has_table(STEPS_TABLE).await? {
        return Ok(Vec::new());
    }
    let select = format!("SELECT version FROM {STEPS_TABLE} ORDER BY version");
    let rows = db
        .query_all_raw(Statement::from_string(db.get_database_backend(), select))
        .await?;
    rows.iter()
        .map(|row| Ok(row.try_get::<String>("", "version")?))
        .collect()
}

/// The list of missing steps is read here, that is, under the caller's lock.
pub(crate) async fn apply(db: &DatabaseConnection) -> Result<usize, Error> {
    match compare(db).await? {
        SchemaState::Fits | SchemaState::Newer(_) => Ok(0),
        SchemaState::PreRelease => Err(Error::PreReleaseSchema),
        SchemaState::Pending(_) | SchemaState::HalfWiped => {
            let before = applied(db).await?.len();
            Migrator::up(db, None).await?;
            Ok(steps().len().saturating_sub(before))
        }
    }
}

/// Waits so long for the lock; whether it is held now. It is the server's, so its name carries the
/// database's.
async fn take_lock(db: &DatabaseConnection, wait_s: u32) -> Result<bool, Error> {
    let lock = format!(
        "SELECT GET_LOCK(CONCAT('starchart.', LEFT(SHA2(DATABASE(), 256), 40)), {wait_s}) AS got"
    );
    let row = db
        .query_one_raw(Statement::from_string(db.get_database_backend(), lock))
        .await?;
    let got = match row {
        Some(row) => row.try_get::<Option<i64>>("", "got")?,
        None => None,
    };
    Ok(got == Some(1))
}

/// The lock and the work share one connection: when it breaks, both end.
async fn locked_mysql<T>(
    db: &DatabaseConnection,
    work: impl AsyncFnOnce(&DatabaseConnection) -> Result<T, Error>,
) -> Result<T, Error> {
    let mut got = take_lock(db, 0).await?;
    for _ in 0..LOCK_TRIES {
        if got {
            break;
        }
        tracing::info!("another process migrates or wipes this database: waiting for its lock");
        got = take_lock(db, LOCK_SAY_S).await?;
    }
    if !got {
        return Err(Error::Busy(
            "another process has held the lock of migrations for five minutes".into(),
        ));
    }
    let outcome = work(db).await;
    let unlock = "SELECT RELEASE_LOCK(CONCAT('starchart.', LEFT(SHA2(DATABASE(), 256), 40)))";
    if let Err(fault) = db
        .query_one_raw(Statement::from_string(db.get_database_backend(), unlock))
        .await
    {
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
        let file = std::fs::OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path)?;
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
    Migrator::migrations()
        .last()
        .map_or_else(String::new, |step| step.name().to_owned())
}

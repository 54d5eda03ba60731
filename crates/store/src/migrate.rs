//! Migrates the schema, in one process at a time.

use std::time::Duration;

use sea_orm::{ConnectionTrait, DatabaseConnection, Statement};

use crate::connect::Endpoint;
use crate::error::Error;
use crate::store::Store;
use crate::wipe::{self, mark};
use crate::{schema, sql};

/// The outcome of [`Store::migrate`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migrated {
    /// Steps that were applied.
    pub steps: usize,
    /// The tables that were still dropped for a wipe that was interrupted; it was finished, and
    /// publishing is paused.
    pub wiped: Option<Vec<String>>,
}

/// Seconds between two log lines while another process holds the migration lock.
const LOCK_LOG_INTERVAL_S: u32 = 60;
/// How many such intervals to wait for the lock: five minutes.
const LOCK_TRIES: u32 = 5;

/// Waits up to the given seconds for the migration lock. A user-level lock belongs to the whole
/// server, so its name contains the database's. sea-query does not know GET_LOCK.
const GET_LOCK: &str =
    "SELECT GET_LOCK(CONCAT('starchart.', LEFT(SHA2(DATABASE(), 256), 40)), ?) AS n";
/// Releases the migration lock. sea-query does not know RELEASE_LOCK.
const RELEASE_LOCK: &str =
    "SELECT RELEASE_LOCK(CONCAT('starchart.', LEFT(SHA2(DATABASE(), 256), 40)))";

impl Store {
    /// Applies the missing steps. Other processes wait meanwhile and then find nothing to do. A
    /// wipe that was interrupted is finished first.
    pub async fn migrate(&self) -> Result<Migrated, Error> {
        self.locked(async |db| {
            if mark::is_half_done(db).await? {
                let wipe::Finished { tables, steps } = wipe::finish(self, db).await?;
                return Ok(Migrated {
                    steps,
                    wiped: Some(tables),
                });
            }
            Ok(Migrated {
                steps: schema::apply(db).await?,
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

/// Waits up to `wait_s` seconds for the lock, and returns whether this connection holds it now.
async fn acquire_lock(db: &DatabaseConnection, wait_s: u32) -> Result<bool, Error> {
    let got = sql::number(db, GET_LOCK, vec![wait_s.into()]).await?;
    Ok(got == Some(1))
}

/// Runs `work` under the lock. Both use one connection: when it breaks, both end.
async fn locked_mysql<T>(
    db: &DatabaseConnection,
    work: impl AsyncFnOnce(&DatabaseConnection) -> Result<T, Error>,
) -> Result<T, Error> {
    let mut got = acquire_lock(db, 0).await?;
    for _ in 0..LOCK_TRIES {
        if got {
            break;
        }
        tracing::info!("another process migrates or wipes this database: waiting for its lock");
        got = acquire_lock(db, LOCK_LOG_INTERVAL_S).await?;
    }
    if !got {
        return Err(Error::Busy(
            "another process has held the lock of migrations for five minutes".into(),
        ));
    }
    let outcome = work(db).await;
    if let Err(fault) = db
        .query_one_raw(Statement::from_string(
            db.get_database_backend(),
            RELEASE_LOCK,
        ))
        .await
    {
        tracing::debug!(error = %fault, "the migration lock ends with its connection");
    }
    outcome
}

/// Locks `FILE.migrate-lock`; dropping the file releases the lock.
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

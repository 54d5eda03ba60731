//! Connections: read the URL, try once by hand so that the reason of a refusal is known, then make
//! the pools.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use sea_orm::sqlx::{self, ConnectOptions as _, Connection as _};
use sea_orm::{DatabaseConnection, SqlxMySqlConnector};
use starchart_domain::secret::Secret;
use tokio::time::timeout;

use crate::error::ConnectError;
use crate::vault::Vault;

/// How to reach the database.
#[derive(Debug, Clone)]
pub struct ConnectOptions {
    /// `mysql://user:password@host:port/database` or, with feature `sqlite`, `sqlite://path`.
    pub url: Secret,
    /// Connections at most; `None`: 16.
    pub max_connections: Option<u32>,
    /// How long to wait for a connection: 5 seconds unless said otherwise.
    pub timeout: Duration,
    /// KEY_ENCRYPTION_KEYS: id and base64 of 32 bytes; the first encrypts private keys, all
    /// decrypt. Empty: no private key can be kept.
    pub key_encryption_keys: Vec<(String, Secret)>,
    /// The part after the `@` in the Message-IDs of mails: the sender's domain.
    pub message_host: String,
}

impl Default for ConnectOptions {
    fn default() -> Self {
        Self {
            url: Secret::new(""),
            max_connections: None,
            timeout: Duration::from_secs(5),
            key_encryption_keys: Vec::new(),
            message_host: "localhost".to_owned(),
        }
    }
}

impl ConnectOptions {
    /// Checks what [`crate::Store::connect`] parses, without connecting.
    ///
    /// # Errors
    /// [`ConnectError::Invalid`] or [`ConnectError::Keys`].
    pub fn check(&self) -> Result<(), ConnectError> {
        Endpoint::read(&self.url)?;
        Vault::new(&self.key_encryption_keys)?;
        Ok(())
    }

    /// The usual number of connections and time to wait.
    pub fn new(url: Secret) -> Self {
        Self {
            url,
            ..Self::default()
        }
    }
}

/// Where the database is, once the URL was read.
#[derive(Clone)]
pub(crate) enum Endpoint {
    MySql(sqlx::mysql::MySqlConnectOptions),
    #[cfg(feature = "sqlite")]
    Sqlite(sqlx::sqlite::SqliteConnectOptions),
}

/// A connection that was idle for longer is pinged before it is used, because the server or a
/// proxy may have closed it: a request must not be the one that finds out. A busy connection, whose
/// last statement has just succeeded, is not.
pub(crate) const PING_AFTER_IDLE: Duration = Duration::from_millis(10);
/// Unused connections are closed after this time.
const IDLE_TIMEOUT: Duration = Duration::from_secs(10 * 60);

/// The session of every MySQL connection. Strict, so that nothing is cut short silently; sqlx sets
/// utf8mb4 and +00:00.
const MYSQL_SESSION: &str = "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED; \
     SET SESSION innodb_lock_wait_timeout = 5; \
     SET SESSION sql_mode = CONCAT(@@sql_mode, ',STRICT_ALL_TABLES')";

impl Endpoint {
    pub(crate) fn read(url: &Secret) -> Result<Self, ConnectError> {
        let url = url.expose();
        if url.starts_with("mysql://") || url.starts_with("mariadb://") {
            return read_mysql(url);
        }
        if url.starts_with("sqlite:") {
            return read_sqlite(url);
        }
        Err(ConnectError::Invalid(
            "it must begin with mysql:// (or sqlite:// where that is built in)".to_owned(),
        ))
    }

    /// One connection by hand: its failure says why.
    pub(crate) async fn probe(&self, wait: Duration) -> Result<(), ConnectError> {
        let outcome = match self {
            Self::MySql(options) => {
                timeout(wait, async { options.connect().await?.close().await }).await
            }
            #[cfg(feature = "sqlite")]
            Self::Sqlite(options) => {
                timeout(wait, async { options.connect().await?.close().await }).await
            }
        };
        match outcome {
            Ok(Ok(())) => Ok(()),
            Ok(Err(fault)) => Err(fault.into()),
            Err(_) => Err(ConnectError::Unreachable(
                format!("no answer within {} s", wait.as_secs_f64()).into(),
            )),
        }
    }

    /// A pool of at most `size` connections; the first is made when it is needed.
    pub(crate) fn pool(&self, size: u32, wait: Duration) -> DatabaseConnection {
        self.pool_without(size, wait, &OutdatedConnections::default())
    }

    /// A pool that uses none of the outdated connections.
    pub(crate) fn pool_without(
        &self,
        size: u32,
        wait: Duration,
        outdated: &OutdatedConnections,
    ) -> DatabaseConnection {
        match self {
            Self::MySql(options) => {
                let pool = pool_options(size, wait, outdated).after_connect(|connection, _| {
                    Box::pin(async move {
                        sqlx::raw_sql(MYSQL_SESSION)
                            .execute(connection)
                            .await
                            .map(drop)
                    })
                });
                SqlxMySqlConnector::from_sqlx_mysql_pool(pool.connect_lazy_with(options.clone()))
            }
            #[cfg(feature = "sqlite")]
            Self::Sqlite(options) => sea_orm::SqlxSqliteConnector::from_sqlx_sqlite_pool(
                pool_options(size, wait, outdated).connect_lazy_with(options.clone()),
            ),
        }
    }
}

/// The connections that were opened before the server refused what every process needs; see
/// [`crate::Store::check_access`].
#[derive(Debug, Clone)]
pub(crate) struct OutdatedConnections {
    start: Instant,
    /// Milliseconds from the start; connections opened before are outdated.
    before_ms: Arc<AtomicU64>,
}

impl Default for OutdatedConnections {
    fn default() -> Self {
        Self {
            start: Instant::now(),
            before_ms: Arc::default(),
        }
    }
}

impl OutdatedConnections {
    /// Adds every connection that is open now.
    pub(crate) fn add_all(&self) {
        let now_ms = millis(self.start.elapsed());
        self.before_ms.store(now_ms, Ordering::Relaxed);
    }

    fn includes(&self, age: Duration) -> bool {
        let opened_at = self.start.elapsed().saturating_sub(age);
        millis(opened_at) < self.before_ms.load(Ordering::Relaxed)
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn pool_options<DB: sqlx::Database>(
    size: u32,
    wait: Duration,
    outdated: &OutdatedConnections,
) -> sqlx::pool::PoolOptions<DB> {
    let outdated = outdated.clone();
    sqlx::pool::PoolOptions::<DB>::new()
        .max_connections(size)
        .acquire_timeout(wait)
        .idle_timeout(IDLE_TIMEOUT)
        .test_before_acquire(false)
        .before_acquire(move |connection, seen| {
            let is_outdated = outdated.includes(seen.age);
            Box::pin(async move {
                let is_idle = seen.idle_for > PING_AFTER_IDLE;
                // A broken connection is replaced without a line in the log.
                Ok(!is_outdated && (!is_idle || connection.ping().await.is_ok()))
            })
        })
}

fn read_mysql(url: &str) -> Result<Endpoint, ConnectError> {
    let wanted = "it must look like mysql://user:password@host:3306/database, \
         with special characters percent-encoded";
    let options: sqlx::mysql::MySqlConnectOptions = url
        .parse()
        .map_err(|_| ConnectError::Invalid(wanted.to_owned()))?;
    if options.get_database().is_none() {
        return Err(ConnectError::Invalid(format!(
            "it names no database; {wanted}"
        )));
    }
    Ok(Endpoint::MySql(
        options
            .timezone(Some("+00:00".to_owned()))
            .charset("utf8mb4")
            .disable_statement_logging(),
    ))
}

#[cfg(feature = "sqlite")]
fn read_sqlite(url: &str) -> Result<Endpoint, ConnectError> {
    use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
    if url.contains(":memory:") || url.contains("mode=memory") {
        return Err(ConnectError::Invalid(
            "a database in memory is not shared between connections: name a file".to_owned(),
        ));
    }
    let options: SqliteConnectOptions = url.parse().map_err(|_| {
        ConnectError::Invalid("it must look like sqlite:///path/to/file".to_owned())
    })?;
    Ok(Endpoint::Sqlite(
        options
            .create_if_missing(true)
            .foreign_keys(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(Duration::from_secs(5))
            .disable_statement_logging(),
    ))
}

#[cfg(not(feature = "sqlite"))]
fn read_sqlite(_: &str) -> Result<Endpoint, ConnectError> {
    Err(ConnectError::Invalid(
        "SQLite is not built into this binary: use mysql://".to_owned(),
    ))
}

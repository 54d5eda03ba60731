//! The handle to the database that everything else here works through.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use sea_orm::sea_query::{Expr, Query};
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, IsolationLevel,
    TransactionTrait,
};
use starchart_domain::time::Timestamp;
use tokio::time::timeout;

use crate::connect::{ConnectOptions, Endpoint, OutdatedConnections};
use crate::error::{ConnectError, Error};
use crate::reader::{Reader, repeat_if_broken};
use crate::rights;
use crate::sessions::RecentSessions;
use crate::vault::Vault;

/// The time limit of the statements that try the database.
const TRIAL_TIMEOUT: Duration = Duration::from_secs(4);
/// The time limit of the connection that finds out why they failed.
const PROBE_TIMEOUT: Duration = Duration::from_secs(2);

/// A handle to the database; clones share the connections.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    endpoint: Endpoint,
    reader: Reader,
    writer: DatabaseConnection,
    outdated: OutdatedConnections,
    offset: AtomicI64,
    recent_sessions: RecentSessions,
    message_host: String,
    vault: Vault,
}

/// The numbers of connections of a handle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pool {
    /// The number of open connections.
    pub open: u32,
    /// The number of open connections that are idle.
    pub idle: u32,
    /// The maximum number of connections.
    pub max: u32,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store")
            .field("backend", &self.backend())
            .finish_non_exhaustive()
    }
}

impl Store {
    /// Connects; the schema may still be missing. Tries once: the caller waits on
    /// [`ConnectError::Unreachable`].
    pub async fn connect(options: &ConnectOptions) -> Result<Self, ConnectError> {
        let endpoint = Endpoint::read(&options.url)?;
        let vault = Vault::new(&options.key_encryption_keys)?;
        endpoint.probe(options.timeout).await?;
        let outdated = OutdatedConnections::default();
        let size = options.max_connections.unwrap_or(16);
        let reader = endpoint.pool_without(size, options.timeout, &outdated);
        let writer = match &endpoint {
            Endpoint::MySql(_) => reader.clone(),
            // SQLite has one writer; a queue for one connection is fairer and faster than its busy
            // handler.
            #[cfg(feature = "sqlite")]
            Endpoint::Sqlite(_) => {
                let wait = options.timeout.max(Duration::from_secs(30));
                endpoint.pool_without(1, wait, &outdated)
            }
        };
        let message_host = options.message_host.clone();
        let offset = AtomicI64::new(0);
        Ok(Self {
            inner: Arc::new(Inner {
                endpoint,
                reader: Reader::new(reader),
                writer,
                outdated,
                offset,
                recent_sessions: RecentSessions::default(),
                vault,
                message_host,
            }),
        })
    }

    /// The database's clock, plus the offset that tests set.
    pub async fn now(&self) -> Result<Timestamp, Error> {
        self.now_on(&self.inner.reader).await
    }

    /// Shifts [`Store::now`] by so many milliseconds, for this handle and its clones. For tests of
    /// what time brings.
    pub fn set_clock_offset(&self, millis: i64) {
        self.inner.offset.store(millis, Ordering::SeqCst);
        self.recent_sessions().forget();
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), Error> {
        self.now().await.map(drop)
    }

    /// Whether pages can be read: the database answers with rows of our tables.
    ///
    /// # Errors
    /// The database does not answer, or refuses the statement.
    pub async fn check_reading(&self) -> Result<(), Error> {
        rights::check_reading(self).await
    }

    /// Whether pages and jobs can work: the database answers, and lets its user read and write.
    /// Changes nothing.
    ///
    /// # Errors
    /// The database does not answer, or refuses a statement; with the reason why it does not answer
    /// in place of a timeout of the pool.
    pub async fn check_access(&self) -> Result<(), Error> {
        let trial = timeout(TRIAL_TIMEOUT, rights::check_access(self)).await;
        let fault = match trial {
            Ok(Err(Error::Unreachable(fault))) => fault,
            Ok(outcome) => {
                if matches!(outcome, Err(Error::ReadOnly(_) | Error::Denied(_))) {
                    self.replace_connections();
                }
                return outcome;
            }
            Err(_) => format!("no answer within {} s", TRIAL_TIMEOUT.as_secs()).into(),
        };
        match self.inner.endpoint.probe(PROBE_TIMEOUT).await {
            Ok(()) => Err(Error::Unreachable(fault)),
            Err(reason) => Err(reason.into()),
        }
    }

    /// How many connections there are. On SQLite those that read.
    pub fn pool(&self) -> Pool {
        let (open, idle, max) = match self.backend() {
            #[cfg(feature = "sqlite")]
            DbBackend::Sqlite => {
                let pool = self.inner.reader.pool().get_sqlite_connection_pool();
                (
                    pool.size(),
                    pool.num_idle(),
                    pool.options().get_max_connections(),
                )
            }
            _ => {
                let pool = self.inner.reader.pool().get_mysql_connection_pool();
                (
                    pool.size(),
                    pool.num_idle(),
                    pool.options().get_max_connections(),
                )
            }
        };
        Pool {
            open,
            idle: u32::try_from(idle).unwrap_or(u32::MAX),
            max,
        }
    }

    /// Closes the connections once running statements are done.
    pub async fn close(self) {
        let writer = self.inner.writer.clone().close().await;
        let reader = self.inner.reader.pool().clone().close().await;
        for fault in [writer, reader].into_iter().filter_map(Result::err) {
            tracing::warn!(error = %fault, "a connection did not close cleanly");
        }
    }

    pub(crate) async fn now_on(&self, on: &impl ConnectionTrait) -> Result<Timestamp, Error> {
        let select = Query::select()
            .expr_as(Expr::cust(self.now_sql()), "now")
            .to_owned();
        let row = on.query_one(&select).await?;
        let row = row.ok_or_else(|| Error::Corrupt("the database returned no time".to_owned()))?;
        Ok(Timestamp::from_millis(row.try_get("", "now")?))
    }

    /// The database's clock with the offset, as an expression inside a statement.
    pub(crate) fn now_sql(&self) -> String {
        let clock = match self.backend() {
            DbBackend::Sqlite => "CAST(ROUND(unixepoch('subsec') * 1000) AS INTEGER)",
            _ => "CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS SIGNED)",
        };
        format!("({clock} + ({}))", self.inner.offset.load(Ordering::SeqCst))
    }

    pub(crate) fn backend(&self) -> DbBackend {
        self.inner.reader.get_database_backend()
    }

    /// What follows the `@` of a Message-ID.
    pub(crate) fn message_host(&self) -> &str {
        &self.inner.message_host
    }

    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.inner.endpoint
    }

    /// Seals and opens private keys.
    pub(crate) fn vault(&self) -> &Vault {
        &self.inner.vault
    }

    /// Sessions that were read a moment ago.
    pub(crate) fn recent_sessions(&self) -> &RecentSessions {
        &self.inner.recent_sessions
    }

    /// For single reading statements.
    pub(crate) fn reader(&self) -> &Reader {
        &self.inner.reader
    }

    /// Replaces every open connection before its next use: after a failover, new ones may lead to
    /// a server that writes; and MariaDB keeps the rights of a user for as long as a connection is
    /// open.
    pub(crate) fn replace_connections(&self) {
        self.inner.outdated.add_all();
    }

    /// For writing transactions; see [`crate::tx`].
    pub(crate) fn writer(&self) -> &DatabaseConnection {
        &self.inner.writer
    }

    /// A reading transaction in which every statement sees what the first one saw.
    pub(crate) async fn snapshot(&self) -> Result<DatabaseTransaction, Error> {
        let isolation =
            (self.backend() != DbBackend::Sqlite).then_some(IsolationLevel::RepeatableRead);
        let pool = self.inner.reader.pool();
        Ok(repeat_if_broken(|| pool.begin_with_config(isolation, None)).await?)
    }
}

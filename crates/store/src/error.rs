//! What can go wrong with the database, and what to do about it.

use sea_orm::{DbErr, RuntimeErr, sqlx};

use crate::vault::VaultError;

/// The cause below an error, for the log; never for a browser.
pub type Source = Box<dyn std::error::Error + Send + Sync>;

/// Why a statement or a transaction failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Locks were in the way five times in a row. Try again in a second.
    #[error("the database is busy")]
    Busy(#[source] Source),
    /// No connection, or it broke; nothing was written. Try again when the database is back.
    #[error("the database does not answer")]
    Unreachable(#[source] Source),
    /// The server takes no writes now, for example during a failover; nothing was written. Reading
    /// works. Try again later.
    #[error("the database is read-only (read_only, or a replica)")]
    ReadOnly(#[source] Source),
    /// The server refuses the user, or a right is missing; nothing was written. An operator has to
    /// mend DATABASE_URL or grant the right; later attempts then succeed.
    #[error("the database refuses its user: correct user and password, or grant the right")]
    Denied(#[source] Source),
    /// The connection broke during COMMIT: written or not. Read again before anything else.
    #[error("the database did not say whether it committed")]
    OutcomeUnknown(#[source] Source),
    /// A private key cannot be sealed or opened. Broken: the reason tells the operator which
    /// setting to mend.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// A row holds what this version cannot read. Broken: tell the operator.
    #[error("unreadable row: {0}")]
    Corrupt(String),
    /// A build before the first release created the tables, and no step upgrades them. Broken:
    /// the operator wipes the database.
    #[error(
        "an unreleased build of Starchart created the tables of this database, and this version \
         cannot upgrade them: run `starchart wipe`, which drops and recreates them and leaves the \
         zone as it is (for the demo: `script/demo --fresh`)"
    )]
    PreReleaseSchema,
    /// Anything else. Broken: tell the operator.
    #[error("database fault")]
    Fault(#[source] Source),
}

impl Error {
    /// Whether the same call may succeed later, because it failed for the state of the server and
    /// not for what it does.
    pub fn is_temporary(&self) -> bool {
        matches!(self, Self::Busy(_) | Self::OutcomeUnknown(_)) || self.is_outage()
    }

    /// Whether the server can at present not be used, for any call or for those that write.
    pub fn is_outage(&self) -> bool {
        matches!(
            self,
            Self::Unreachable(_) | Self::ReadOnly(_) | Self::Denied(_)
        )
    }
}

/// Why no connection could be made at start.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The server does not answer: wait and try again.
    #[error("the database does not answer: {0}")]
    Unreachable(#[source] Source),
    /// User or password are wrong, or this user may not use the database: DATABASE_URL must be
    /// mended.
    #[error(
        "the database refuses this user; correct the user or the password, or grant access: {0}"
    )]
    Denied(#[source] Source),
    /// The server asks this user to sign in with a plugin that the driver lacks.
    #[error(
        "the database asks this user to sign in in a way that is not built in; let it sign in with \
         caching_sha2_password or mysql_native_password: {0}"
    )]
    UnknownPlugin(#[source] Source),
    /// TLS is not offered, or the certificate is not accepted: `ssl-mode` or `ssl-ca` in
    /// DATABASE_URL, or the server, must be mended.
    #[error(
        "no TLS connection to the database; correct `ssl-mode` and `ssl-ca`, or the server's \
         certificate: {0}"
    )]
    Tls(#[source] Source),
    /// There is no such database: it must be created or DATABASE_URL mended.
    #[error("no such database; create it, or correct the name: {0}")]
    UnknownDatabase(#[source] Source),
    /// The URL cannot be read, or its kind is not built in.
    #[error("unusable database URL: {0}")]
    Invalid(String),
    /// KEY_ENCRYPTION_KEYS must be mended.
    #[error(transparent)]
    Keys(#[from] VaultError),
}

impl From<DbErr> for Error {
    fn from(fault: DbErr) -> Self {
        let class = match &fault {
            DbErr::ConnectionAcquire(_) => FaultClass::NoConnection,
            fault => driver_error(fault).map_or(FaultClass::Other, classify),
        };
        match class {
            FaultClass::LockConflict => Self::Busy(Box::new(fault)),
            FaultClass::NoConnection
            | FaultClass::ConnectionLost
            | FaultClass::UnknownDatabase
            | FaultClass::Tls => Self::Unreachable(Box::new(fault)),
            FaultClass::ReadOnly => Self::ReadOnly(Box::new(fault)),
            FaultClass::Denied | FaultClass::UnknownPlugin => Self::Denied(Box::new(fault)),
            FaultClass::Other => Self::Fault(Box::new(fault)),
        }
    }
}

impl From<sqlx::Error> for ConnectError {
    fn from(fault: sqlx::Error) -> Self {
        let class = classify(&fault);
        match fault {
            sqlx::Error::Configuration(_) => Self::Invalid(fault.to_string()),
            // SQLite.
            sqlx::Error::Database(said) if mysql_number(&*said).is_none() => {
                Self::Invalid(format!("the file cannot be opened: {said}"))
            }
            fault => {
                let cause: Source = match fault {
                    sqlx::Error::Io(cause) => Box::new(cause),
                    sqlx::Error::Database(said) => said.into_error(),
                    other => Box::new(other),
                };
                match class {
                    FaultClass::Denied => Self::Denied(cause),
                    FaultClass::UnknownPlugin => Self::UnknownPlugin(cause),
                    FaultClass::UnknownDatabase => Self::UnknownDatabase(cause),
                    FaultClass::Tls => Self::Tls(cause),
                    _ => Self::Unreachable(cause),
                }
            }
        }
    }
}

/// Why a store in use cannot connect any more.
impl From<ConnectError> for Error {
    fn from(reason: ConnectError) -> Self {
        match reason {
            ConnectError::Denied(cause) | ConnectError::UnknownPlugin(cause) => Self::Denied(cause),
            ConnectError::Unreachable(cause)
            | ConnectError::UnknownDatabase(cause)
            | ConnectError::Tls(cause) => Self::Unreachable(cause),
            ConnectError::Invalid(reason) => Self::Unreachable(reason.into()),
            ConnectError::Keys(reason) => reason.into(),
        }
    }
}

/// What a fault of the database means, at the start and later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FaultClass {
    LockConflict,
    /// The pool had no connection in time.
    NoConnection,
    ConnectionLost,
    ReadOnly,
    Denied,
    UnknownPlugin,
    UnknownDatabase,
    Tls,
    Other,
}

/// Whether an established connection turned out to be broken.
pub(crate) fn is_broken_connection(fault: &DbErr) -> bool {
    driver_error(fault).is_some_and(|cause| classify(cause) == FaultClass::ConnectionLost)
}

fn driver_error(fault: &DbErr) -> Option<&sqlx::Error> {
    match fault {
        DbErr::Conn(RuntimeErr::SqlxError(cause))
        | DbErr::Exec(RuntimeErr::SqlxError(cause))
        | DbErr::Query(RuntimeErr::SqlxError(cause)) => Some(&**cause),
        _ => None,
    }
}

fn classify(cause: &sqlx::Error) -> FaultClass {
    match cause {
        sqlx::Error::Database(said) => match mysql_number(&**said) {
            Some(number) => classify_number(number),
            None => classify_sqlite(&**said),
        },
        // What rustls says about a certificate.
        sqlx::Error::Io(cause) if cause.kind() == std::io::ErrorKind::InvalidData => {
            FaultClass::Tls
        }
        sqlx::Error::Tls(_) => FaultClass::Tls,
        sqlx::Error::Protocol(text) if text.contains("authentication plugin") => {
            FaultClass::UnknownPlugin
        }
        sqlx::Error::Io(_) | sqlx::Error::Protocol(_) | sqlx::Error::WorkerCrashed => {
            FaultClass::ConnectionLost
        }
        sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed => FaultClass::NoConnection,
        _ => FaultClass::Other,
    }
}

fn mysql_number(said: &dyn sqlx::error::DatabaseError) -> Option<u16> {
    said.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>()
        .map(sqlx::mysql::MySqlDatabaseError::number)
}

/// Classifies an error number of MySQL or MariaDB.
const fn classify_number(number: u16) -> FaultClass {
    match number {
        // Lock wait timeout, deadlock.
        1205 | 1213 => FaultClass::LockConflict,
        // Too many connections, of the server or of the user.
        1040 | 1203 | 1226 => FaultClass::NoConnection,
        // Shutdown in progress, connection killed, server gone.
        1053 | 1077 | 1079 | 1927 | 2006 | 2013 => FaultClass::ConnectionLost,
        // read_only and super_read_only, and a replica's own mode.
        1290 | 1836 => FaultClass::ReadOnly,
        // No access for the user, to the database, without a password, from this host; no right to
        // the statement, a table, a column, a routine; expired password, locked account (MySQL,
        // MariaDB), TLS demanded of the account.
        1044 | 1045 | 1698 | 1130 | 1142 | 1143 | 1227 | 1370 | 1820 | 1862 | 3118 | 3159
        | 4151 => FaultClass::Denied,
        // An old protocol, or a plugin that the server has not loaded.
        1251 | 1275 | 1524 => FaultClass::UnknownPlugin,
        1049 => FaultClass::UnknownDatabase,
        _ => FaultClass::Other,
    }
}

/// SQLITE_BUSY 5, SQLITE_LOCKED 6, SQLITE_READONLY 8 and their extended codes, which keep the plain
/// code in the low byte.
fn classify_sqlite(said: &dyn sqlx::error::DatabaseError) -> FaultClass {
    let code = said.code().and_then(|code| code.parse::<u32>().ok());
    match code.map(|code| code & 0xff) {
        Some(5 | 6) => FaultClass::LockConflict,
        Some(8) => FaultClass::ReadOnly,
        _ => FaultClass::Other,
    }
}

/// An error of a transaction's body: a reason of the caller not to write, which rolls back, or an
/// error of the database.
pub(crate) trait TransactionError: From<Error> + Send {
    /// Returns the error of the database, if it is one.
    fn store_error(&self) -> Option<&Error>;
}

impl TransactionError for Error {
    fn store_error(&self) -> Option<&Error> {
        Some(self)
    }
}

/// Maps a violated UNIQUE constraint to [`Error::Busy`], so that the whole transaction runs again.
/// For constraints that only a concurrent transaction can violate.
pub(crate) fn busy_if_duplicate(fault: DbErr) -> Error {
    if is_unique_violation(&fault) {
        Error::Busy(Box::new(fault))
    } else {
        fault.into()
    }
}

/// Whether a UNIQUE constraint or a primary key was violated.
pub(crate) fn is_unique_violation(fault: &DbErr) -> bool {
    matches!(
        fault.sql_err(),
        Some(sea_orm::SqlErr::UniqueConstraintViolation(_))
    )
}

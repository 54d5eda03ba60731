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
    /// Whether the same call may succeed a little later.
    pub fn is_temporary(&self) -> bool {
        matches!(
            self,
            Self::Busy(_) | Self::Unreachable(_) | Self::OutcomeUnknown(_)
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
        match classify(&fault) {
            FaultClass::LockConflict => Self::Busy(Box::new(fault)),
            FaultClass::ConnectionLost => Self::Unreachable(Box::new(fault)),
            FaultClass::Other => Self::Fault(Box::new(fault)),
        }
    }
}

/// What a fault of the database means for the transaction.
#[derive(PartialEq, Eq)]
enum FaultClass {
    LockConflict,
    ConnectionLost,
    Other,
}

fn classify(fault: &DbErr) -> FaultClass {
    let cause = match fault {
        DbErr::ConnectionAcquire(_) => return FaultClass::ConnectionLost,
        DbErr::Conn(RuntimeErr::SqlxError(cause))
        | DbErr::Exec(RuntimeErr::SqlxError(cause))
        | DbErr::Query(RuntimeErr::SqlxError(cause)) => cause,
        _ => return FaultClass::Other,
    };
    match &**cause {
        sqlx::Error::Database(error) => classify_code(&**error),
        sqlx::Error::Io(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => FaultClass::ConnectionLost,
        sqlx::Error::Protocol(_) => FaultClass::ConnectionLost,
        _ => FaultClass::Other,
    }
}

fn classify_code(error: &dyn sqlx::error::DatabaseError) -> FaultClass {
    if let Some(error) = error.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>() {
        return match error.number() {
            // Lock wait timeout, deadlock.
            1205 | 1213 => FaultClass::LockConflict,
            // Shutdown in progress, connection killed, server gone, read-only during a failover.
            1053 | 1077 | 1079 | 1927 | 2006 | 2013 | 1290 | 1836 => FaultClass::ConnectionLost,
            _ => FaultClass::Other,
        };
    }
    // SQLite: SQLITE_BUSY 5, SQLITE_LOCKED 6 and their extended codes, which keep the plain code in
    // the low byte.
    let code = error.code().and_then(|code| code.parse::<u32>().ok());
    if matches!(code.map(|code| code & 0xff), Some(5 | 6)) {
        FaultClass::LockConflict
    } else {
        FaultClass::Other
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

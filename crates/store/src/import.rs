//! Imports users, records and certificates from the database of the original application, once.
//!
//! [`preview`] reads the original's database and reports what would happen to each row; [`apply`]
//! imports. The original's database is read in one read-only transaction and never written. Each
//! imported row is recorded in `import_rows` in the same transaction, so that an interrupted import
//! continues and a second one changes nothing. [`starchart_domain::import`] makes the decisions.
//!
//! Publishing is paused before the first name is written, because the zone already holds what the
//! rows will want, and the registry is still empty. Imported names count as published; ownership of
//! their RRsets is adopted from the zone afterwards.

mod apply;
mod ledger;
mod plan;
mod read;
mod report;
mod state;
mod write_certificates;
mod write_notices;
mod write_records;
mod write_users;

use starchart_domain::names::{ReservedLabels, RootDomain};
use starchart_domain::plural::pluralize;
use starchart_domain::secret::Secret;
use starchart_domain::user::GroupNames;

use crate::{ConnectError, Error};

pub use crate::certificates::orders::IssuedCertificate;
pub use apply::{apply, preview};
pub use read::Original;
pub use report::{Counts, Line, Report, Topic};
pub use state::{Progress, is_awaited, pause_if_pending, progress, skip};

/// Settings and functions that an import needs beside the rows.
pub struct Options<'a> {
    /// ROOT_DOMAIN, the same as the original's.
    pub root: &'a RootDomain,
    /// The names of the groups.
    pub groups: &'a GroupNames,
    /// The labels that no user gets.
    pub reserved: &'a ReservedLabels,
    /// Parses a private key, a certificate and its chain (PEM each) for each certificate; the
    /// error is a message.
    pub certificate: &'a (dyn Fn(&Secret, &str, &str) -> Result<IssuedCertificate, String> + Sync),
}

/// Errors of an import.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The original's database cannot be reached.
    #[error("the original's database cannot be used: {0}")]
    Connect(#[source] ConnectError),
    /// The database lacks a table or column of the original.
    #[error(
        "the database lacks {0}: this is not the original's database; \
         give the file with the original's DATABASE_URL"
    )]
    NotTheOriginal(String),
    /// The original's database failed during a read.
    #[error("the original's database: {0}")]
    Read(#[source] Error),
    /// An original's row cannot be read.
    #[error("the original's database has a row that cannot be read: {0}")]
    Row(String),
    /// This database is SQLite; an import needs MySQL or MariaDB.
    #[error("an import needs MySQL or MariaDB: set DATABASE_URL to mysql://…")]
    Embedded,
    /// The schema of this database is not up to date.
    #[error("the schema is not up to date: run `starchart migrate` first; nothing was changed")]
    Schema,
    /// Records were created here before any import, with ids that the original's records need.
    #[error(
        "{} of a record that was made here before any import, and numbers are kept: \
         import into a database without records (`starchart wipe` makes one)",
        pluralize(
            *.0,
            "of the original's records has the number",
            "of the original's records have the number"
        )
    )]
    NotEmpty(usize),
    /// A transaction holds the table of records for too long.
    #[error(
        "the table dns_records is in use by a transaction that takes long; try again in a moment"
    )]
    InUse,
    /// Another import is running.
    #[error("another import is running: wait for its end; it is safe to run this again")]
    Running,
    /// Starchart's own database failed.
    #[error(transparent)]
    Db(#[from] Error),
}

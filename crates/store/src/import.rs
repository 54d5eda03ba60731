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
mod certificates;
mod ledger;

mod plan;
mod read;
mod report;
mod state;
mod users;
mod write_records;
mod write_users;

use starchart_domain::names::RootDomain;
use starchart_domain::plural::pluralize;
use starchart_domain::secret::Secret;
use starchart_domain::user::GroupNames;

use crate::{ConnectError, Error};

pub use crate::certificates::orders::IssuedCertificate;
pub use apply::{apply, preview};
pub use read::Original;
pub use report::{Counts, Line, Report, Topic};
pub use state::{Progress, hold_back, is_awaited, progress, skip};

/// Settings and functions that an import needs beside the rows.
pub struct Options<'a> {
    /// ROOT_DOMAIN, the same as the original's.
    pub root: &'a RootDomain,
    /// The names of the groups.
    pub groups: &'a GroupNames,
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
    /// It is another database.
    #[error(
        "the database lacks {0}: this is not the original's database; give the file with the original's DATABASE_URL"
    )]
    NotTheOriginal(String),
    /// The original's database failed.
    #[error("the original's database: {0}")]
    Read(#[source] Error),
    /// An original's row cannot be read.
    #[error("the original's database has a row that cannot be read: {0}")]
    Row(String),
    /// Rows go into MySQL or MariaDB only.
    #[error("an import needs MySQL or MariaDB: set DATABASE_URL to mysql://…")]
    Embedded,
    /// The schema here is not this program's.
    #[error("the schema is not up to date: run `starchart migrate` first; nothing was changed")]
    Schema,
    /// Somebody has made records here before any import, whose ids the original's records need.
    #[error(
        "{} of a record that was made here before any import, and numbers are kept: import into a database without records \
         (`starchart wipe` makes one)",
        pluralize(*.0, "of the original's records has the number", "of the original's records have the number")
    )]
    NotEmpty(usize),
    /// Somebody else holds the table of records for long.
    #[error(
        "the table dns_records is in use by a transaction that takes long; try again in a moment"
    )]
    InUse,
    /// One import at a time.
    #[error("another import is running: wait for its end; it is safe to run this again")]
    Running,
    /// Our own database failed.
    #[error(transparent)]
    Db(#[from] Error),
}

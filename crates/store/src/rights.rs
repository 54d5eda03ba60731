//! Tries what the database user may do.

use sea_orm::ConnectionTrait as _;

use crate::reader::repeat_if_broken;
use crate::{Error, Store, sql};

/// Why the rights of the database user are not complete, or could not be tried.
#[derive(Debug, thiserror::Error)]
pub enum RightsError {
    /// A right that the user lacks.
    #[error(
        "the database user lacks the right {right}: {refusal}; grant SELECT, INSERT, UPDATE, \
         DELETE, CREATE, ALTER, DROP, INDEX and REFERENCES on the database"
    )]
    Missing {
        /// The right by its name in GRANT.
        right: &'static str,
        /// What the server says.
        refusal: String,
    },
    /// Another fault: nothing is known about the rights.
    #[error(transparent)]
    Database(#[from] Error),
}

impl RightsError {
    fn new(right: &'static str, fault: Error) -> Self {
        match fault {
            Error::Denied(refusal) => Self::Missing {
                right,
                refusal: refusal.to_string(),
            },
            fault => Self::Database(fault),
        }
    }
}

/// A statement that finds no row, because no job has an empty name, and needs the right to read.
const READ: &str = "SELECT COUNT(*) AS n FROM ticks WHERE job = ''";
/// Statements that change no row and need the rights to write. They fail on a read-only server too.
const WRITES: [&str; 3] = [
    "INSERT INTO ticks (job, slot, at) SELECT job, slot, at FROM ticks WHERE job = ''",
    "UPDATE ticks SET at = 0 WHERE job = ''",
    "DELETE FROM ticks WHERE job = ''",
];

pub(crate) async fn check_reading(store: &Store) -> Result<(), Error> {
    sql::number(store.reader(), READ, vec![]).await.map(drop)
}

/// Tries the rights that pages and jobs need, without any effect. Our tables must exist.
pub(crate) async fn check_access(store: &Store) -> Result<(), Error> {
    check_reading(store).await?;
    for write in WRITES {
        // They change nothing, so they may run twice.
        repeat_if_broken(|| store.writer().execute_unprepared(write)).await?;
    }
    Ok(())
}

const DROP: &str = "DROP TABLE IF EXISTS starchart_rights_check";

/// Each right with a statement that needs it, on a table that exists only meanwhile. The table of
/// grants is not read instead, because rights also come from roles and from patterns of names.
const TRIALS: &[(&str, &str)] = &[
    ("DROP", DROP),
    (
        "CREATE or REFERENCES",
        "CREATE TABLE starchart_rights_check (id BIGINT PRIMARY KEY, parent BIGINT, \
         FOREIGN KEY (parent) REFERENCES starchart_rights_check (id))",
    ),
    (
        "ALTER",
        "ALTER TABLE starchart_rights_check ADD COLUMN note VARCHAR(10)",
    ),
    (
        "INDEX",
        "CREATE INDEX starchart_rights_check_note ON starchart_rights_check (note)",
    ),
    (
        "INSERT",
        "INSERT INTO starchart_rights_check (id, note) VALUES (1, 'a')",
    ),
    (
        "UPDATE",
        "UPDATE starchart_rights_check SET note = 'b' WHERE id = 1",
    ),
    ("SELECT", "SELECT id FROM starchart_rights_check"),
    ("DELETE", "DELETE FROM starchart_rights_check WHERE id = 1"),
];

impl Store {
    /// Creates, changes and drops a table of its own, to try every right that the program needs.
    ///
    /// # Errors
    /// The first right that is missing, or the reason why nothing could be tried.
    pub async fn check_rights(&self) -> Result<(), RightsError> {
        let mut outcome = Ok(());
        for (right, sql) in TRIALS {
            if let Err(source) = self.writer().execute_unprepared(sql).await {
                outcome = Err(RightsError::new(right, source.into()));
                break;
            }
        }
        // Fails only where DROP has failed before, and then there is no table.
        let dropped = self.writer().execute_unprepared(DROP).await;
        match (outcome, dropped) {
            (Ok(()), Err(source)) => Err(RightsError::new("DROP", source.into())),
            (outcome, _) => outcome,
        }
    }
}

//! Tries what the database user may do, for `check-config --online`.

use sea_orm::ConnectionTrait as _;

use crate::{Error, Store};

/// A right that the database user lacks.
#[derive(Debug, thiserror::Error)]
#[error("the database user lacks the right {right}: {source}")]
pub struct MissingRight {
    right: &'static str,
    source: Error,
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
    pub async fn check_rights(&self) -> Result<(), MissingRight> {
        let mut outcome = Ok(());
        for (right, sql) in TRIALS {
            if let Err(source) = self.writer().execute_unprepared(sql).await {
                let source = source.into();
                outcome = Err(MissingRight { right, source });
                break;
            }
        }
        // Fails only where DROP has failed before, and then there is no table.
        let dropped = self.writer().execute_unprepared(DROP).await;
        match (outcome, dropped) {
            (Ok(()), Err(source)) => Err(MissingRight {
                right: "DROP",
                source: source.into(),
            }),
            (outcome, _) => outcome,
        }
    }
}

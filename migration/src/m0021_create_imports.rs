//! The `imports` table: one row with the state of the import from the original's database.

use crate::table::Table;

/// `started_at` decides which rows have expired; it does not change when an import is resumed.
/// `skipped_at` is set if an operator chose not to import.
pub(crate) const STEP: Table = Table {
    step: "m0021_create_imports",
    table: "imports",
    columns: "
        id INT NOT NULL PRIMARY KEY,
        started_at BIGINT NULL,
        finished_at BIGINT NULL,
        skipped_at BIGINT NULL,
        CONSTRAINT imports_one_ck CHECK (id = 1)
    ",
    indexes: &[],
};

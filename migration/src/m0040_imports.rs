//! One row: whether the rows of the application before this one were taken over.

use crate::table::Table;

/// `started_at` is the moment by which the import judges what has ended; it stays the same when an
/// import is taken up again. `skipped_at`: an operator wants none.
pub(crate) const STEP: Table = Table {
    step: "m0040_imports",
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

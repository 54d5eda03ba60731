//! Rows of the application before this one that an import has dealt with, so that another leaves
//! them alone.

use crate::table::Table;

/// `kind` and `source` name the row there, `target` the one here; null: it was left out. `notes` is
/// what the report says of it: a JSON array of topics and texts.
pub(crate) const STEP: Table = Table {
    step: "m0041_import_rows",
    table: "import_rows",
    columns: "
        kind VARCHAR(16) NOT NULL,
        source VARCHAR(191) NOT NULL,
        target BIGINT NULL,
        notes {text} NOT NULL,
        PRIMARY KEY (kind, source)
    ",
    indexes: &[],
};

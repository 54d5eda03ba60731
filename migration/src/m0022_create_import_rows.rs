//! The `import_rows` table: rows of the original's database that were imported or left out.

use crate::table::Table;

/// `kind` and `source` identify the original's row, `target` the row created for it; a null
/// `target` means that the row was left out. `notes` is a JSON array of topics and texts for the
/// report.
pub(crate) const STEP: Table = Table {
    step: "m0022_create_import_rows",
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

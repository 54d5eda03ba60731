//! The `listed_words` table: words and labels that admins added to the lists of names.

use crate::table::Table;

/// `kind` is `refused`, `allowed` or `reserved`. A word is on one of the first two lists at most,
/// which share a scope.
pub(crate) const STEP: Table = Table {
    step: "m0024_create_listed_words",
    table: "listed_words",
    columns: "
        id {id},
        scope VARCHAR(5) NOT NULL,
        kind VARCHAR(8) NOT NULL,
        entry VARCHAR(253) NOT NULL,
        added_by BIGINT NOT NULL,
        added_at BIGINT NOT NULL,
        CONSTRAINT listed_words_entry_uq UNIQUE (scope, entry),
        CONSTRAINT listed_words_user_fk FOREIGN KEY (added_by) REFERENCES users (id),
        CONSTRAINT listed_words_scope_ck CHECK ((scope = 'label') = (kind = 'reserved'))
    ",
    indexes: &[],
};

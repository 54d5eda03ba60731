//! The `lookups` table: what the world answered for a record, and what is to be asked.

use crate::table::Table;

/// `due_at` is since when the servers are to be asked (again); null when they were. `answers` is
/// JSON.
pub(crate) const STEP: Table = Table {
    step: "m0023_create_lookups",
    table: "lookups",
    columns: "
        id {id},
        fqdn VARCHAR(253) NOT NULL,
        type VARCHAR(10) NOT NULL,
        requested_at BIGINT NOT NULL,
        due_at BIGINT NULL,
        asked_at BIGINT NULL,
        answers {text} NULL,
        CONSTRAINT lookups_rrset_uq UNIQUE (fqdn, type)
    ",
    indexes: &[
        ("lookups_due_ix", "due_at"),
        ("lookups_requested_ix", "requested_at"),
    ],
};

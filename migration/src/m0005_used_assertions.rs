//! Assertions that signed somebody in, until they could not be used again anyway.

use crate::table::Table;

pub(crate) const STEP: Table = Table {
    step: "m0005_used_assertions",
    table: "used_assertions",
    columns: "
        id_hash {hash} NOT NULL PRIMARY KEY,
        expires_at BIGINT NOT NULL
    ",
    indexes: &[("used_assertions_expires_ix", "expires_at")],
};

//! The `used_assertions` table: IDs of accepted SAML assertions, which prevent a replay.

use crate::table::Table;

/// A row can be deleted once its assertion has expired.
pub(crate) const STEP: Table = Table {
    step: "m0005_create_used_assertions",
    table: "used_assertions",
    columns: "
        id_hash {hash} NOT NULL PRIMARY KEY,
        expires_at BIGINT NOT NULL
    ",
    indexes: &[("used_assertions_expires_ix", "expires_at")],
};

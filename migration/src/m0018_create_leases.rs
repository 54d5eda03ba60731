//! The `leases` table: named locks that one process holds at a time.

use crate::table::Table;

/// `fence` is incremented for each new holder; writes of an earlier holder are rejected by it.
/// `taken_at` is when the holder acquired the lease; a renewal does not change it.
pub(crate) const STEP: Table = Table {
    step: "m0018_create_leases",
    table: "leases",
    columns: "
        name VARCHAR(64) NOT NULL PRIMARY KEY,
        holder VARCHAR(191) NOT NULL,
        fence BIGINT NOT NULL,
        expires_at BIGINT NOT NULL,
        taken_at BIGINT NULL
    ",
    indexes: &[],
};

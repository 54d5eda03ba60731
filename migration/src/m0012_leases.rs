//! Leases: one process at a time. `fence` grows with every new holder, so that a late one can be
//! told.

use crate::table::Table;

pub(crate) const STEP: Table = Table {
    step: "m0012_leases",
    table: "leases",
    columns: "
        name VARCHAR(64) NOT NULL PRIMARY KEY,
        holder VARCHAR(191) NOT NULL,
        fence BIGINT NOT NULL,
        expires_at BIGINT NOT NULL
    ",
    indexes: &[],
};

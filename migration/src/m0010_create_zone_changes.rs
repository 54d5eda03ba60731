//! The `zone_changes` table: changes that the DNS provider accepted, until they are in sync.

use crate::table::Table;

pub(crate) const STEP: Table = Table {
    step: "m0010_create_zone_changes",
    table: "zone_changes",
    columns: "
        id VARCHAR(64) NOT NULL PRIMARY KEY,
        sent_at BIGINT NOT NULL,
        in_sync_at BIGINT NULL
    ",
    indexes: &[("zone_changes_in_sync_ix", "in_sync_at, sent_at")],
};

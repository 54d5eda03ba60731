//! Changes that Route53 accepted, until all its servers have them.

use crate::table::Table;

pub(crate) const STEP: Table = Table {
    step: "m0010_zone_changes",
    table: "zone_changes",
    columns: "
        id VARCHAR(64) NOT NULL PRIMARY KEY,
        sent_at BIGINT NOT NULL,
        in_sync_at BIGINT NULL,
        attempts INT NOT NULL DEFAULT 0,
        next_check_at BIGINT NULL
    ",
    indexes: &[("zone_changes_in_sync_ix", "in_sync_at, sent_at")],
};

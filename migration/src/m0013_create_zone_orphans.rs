//! The `zone_orphans` table: RRsets below users' labels without a row and not in the registry.

use crate::table::Table;

pub(crate) const STEP: Table = Table {
    step: "m0013_create_zone_orphans",
    table: "zone_orphans",
    columns: "
        fqdn VARCHAR(253) NOT NULL,
        type VARCHAR(10) NOT NULL,
        target {text} NOT NULL,
        first_seen_at BIGINT NOT NULL,
        PRIMARY KEY (fqdn, type)
    ",
    indexes: &[],
};

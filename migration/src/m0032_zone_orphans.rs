//! Sets under people's labels that no row explains and that are not ours: when each was first seen.

use crate::table::Table;

pub(crate) const STEP: Table = Table {
    step: "m0032_zone_orphans",
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

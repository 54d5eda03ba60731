//! The `zone_rrset` table, the ownership registry: RRsets that Starchart wrote or is writing.

use crate::table::Table;

/// `ttl` and `values` (a JSON array of strings) are what the provider confirmed, null before the
/// first confirmation. `pending` is a JSON array of sends without an outcome, `[]` if there is
/// none. `look_at` is when to read the zone for a send that may still arrive. There is no foreign
/// key: the zone keeps its RRsets even when other rows are lost.
pub(crate) const STEP: Table = Table {
    step: "m0009_create_zone_rrset",
    table: "zone_rrset",
    columns: "
        fqdn VARCHAR(253) NOT NULL,
        type VARCHAR(10) NOT NULL,
        ttl INT NULL,
        `values` {text} NULL,
        pending {text} NOT NULL,
        look_at BIGINT NULL,
        updated_at BIGINT NOT NULL,
        PRIMARY KEY (fqdn, type),
        CONSTRAINT zone_rrset_body_ck CHECK ((ttl IS NULL) = (`values` IS NULL)),
        CONSTRAINT zone_rrset_something_ck CHECK (ttl IS NOT NULL OR pending <> '[]')
    ",
    indexes: &[("zone_rrset_look_ix", "look_at")],
};

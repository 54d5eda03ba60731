//! The ownership registry: every set that we put into the zone, or are about to.

use crate::table::Table;

/// `ttl` and `values` (a JSON array of texts) are what Route53 confirmed, null while it confirmed
/// nothing. `pending` is a JSON array of what is on its way, `[]` when nothing is; `look_at`: when
/// to read the zone for a send that may still come. No foreign key: what stands in the zone is true
/// whether or not our other rows were lost.
pub(crate) const STEP: Table = Table {
    step: "m0009_zone_rrset",
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

//! The `zone_control` table: one row with the pause of publishing.

use crate::table::Table;

/// `paused_kind` is null for an operator's pause and `wiped` for a pause after a wipe, which the
/// audit lifts if the zone is empty.
pub(crate) const STEP: Table = Table {
    step: "m0011_create_zone_control",
    table: "zone_control",
    columns: "
        id INT NOT NULL PRIMARY KEY,
        paused_at BIGINT NULL,
        paused_reason TEXT NULL,
        paused_kind VARCHAR(16) NULL,
        CONSTRAINT zone_control_one_ck CHECK (id = 1),
        CONSTRAINT zone_control_paused_ck CHECK ((paused_at IS NULL) = (paused_reason IS NULL))
    ",
    indexes: &[],
};

//! One row: whether publishing is paused, and which plan an operator has approved.

use crate::table::Table;

pub(crate) const STEP: Table = Table {
    step: "m0011_zone_control",
    table: "zone_control",
    columns: "
        id INT NOT NULL PRIMARY KEY,
        paused_at BIGINT NULL,
        paused_reason TEXT NULL,
        approved_hash VARCHAR(64) NULL,
        approved_at BIGINT NULL,
        CONSTRAINT zone_control_one_ck CHECK (id = 1),
        CONSTRAINT zone_control_paused_ck CHECK ((paused_at IS NULL) = (paused_reason IS NULL))
    ",
    indexes: &[],
};

//! Ticks: who inserts the row of a job's period runs it.

use crate::table::Table;

pub(crate) const STEP: Table = Table {
    step: "m0013_ticks",
    table: "ticks",
    columns: "
        job VARCHAR(64) NOT NULL,
        slot BIGINT NOT NULL,
        at BIGINT NOT NULL,
        PRIMARY KEY (job, slot)
    ",
    indexes: &[("ticks_at_ix", "at")],
};

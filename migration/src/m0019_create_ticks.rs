//! The `ticks` table: one row per job and period; the process that inserts it runs the job.

use crate::table::Table;

pub(crate) const STEP: Table = Table {
    step: "m0019_create_ticks",
    table: "ticks",
    columns: "
        job VARCHAR(64) NOT NULL,
        slot BIGINT NOT NULL,
        at BIGINT NOT NULL,
        PRIMARY KEY (job, slot)
    ",
    indexes: &[("ticks_at_ix", "at")],
};

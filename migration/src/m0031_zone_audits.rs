//! One row: what came of the last audit of the zone.

use crate::table::Table;

/// `at` is null until an audit came to its end; `problem` says why the last try did not. `creates`,
/// `deletes` and `replaces` make up the plan; those `unclaimed` stand as wanted.
pub(crate) const STEP: Table = Table {
    step: "m0031_zone_audits",
    table: "zone_audits",
    columns: "
        id INT NOT NULL PRIMARY KEY,
        at BIGINT NULL,
        outcome VARCHAR(16) NULL,
        plan_hash VARCHAR(64) NULL,
        listed BIGINT NOT NULL DEFAULT 0,
        owned BIGINT NOT NULL DEFAULT 0,
        creates BIGINT NOT NULL DEFAULT 0,
        deletes BIGINT NOT NULL DEFAULT 0,
        replaces BIGINT NOT NULL DEFAULT 0,
        unclaimed BIGINT NOT NULL DEFAULT 0,
        foreign_sets BIGINT NOT NULL DEFAULT 0,
        orphans BIGINT NOT NULL DEFAULT 0,
        repaired BIGINT NOT NULL DEFAULT 0,
        repaired_total BIGINT NOT NULL DEFAULT 0,
        refused_total BIGINT NOT NULL DEFAULT 0,
        refused_since BIGINT NULL,
        refused_because TEXT NULL,
        problem TEXT NULL,
        problem_at BIGINT NULL,
        CONSTRAINT zone_audits_one_ck CHECK (id = 1)
    ",
    indexes: &[],
};

//! The `zone_audits` table: one row with the result of the last zone audit.

use crate::table::Table;

/// `at` is null until an audit finished; `problem` is why the last attempt failed. The plan
/// consists of `creates`, `deletes` and `replaces`; `unclaimed` RRsets match the rows but are not
/// in the registry.
pub(crate) const STEP: Table = Table {
    step: "m0012_create_zone_audits",
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
        needing_approval_total BIGINT NOT NULL DEFAULT 0,
        needs_approval_since BIGINT NULL,
        approval_reason TEXT NULL,
        problem TEXT NULL,
        problem_at BIGINT NULL,
        CONSTRAINT zone_audits_one_ck CHECK (id = 1)
    ",
    indexes: &[],
};

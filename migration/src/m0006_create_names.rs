//! The `names` table: owner, class and publish state of each fqdn.

use crate::table::Table;

/// `generation > applied_generation` means that the zone does not show the name's current sets;
/// `is_unpublished` puts that condition into an index. Records reference `UNIQUE (fqdn, class)`, so
/// a name cannot have records of both classes.
pub(crate) const STEP: Table = Table {
    step: "m0006_create_names",
    table: "names",
    columns: "
        fqdn VARCHAR(253) NOT NULL PRIMARY KEY,
        user_id BIGINT NOT NULL,
        class VARCHAR(5) NOT NULL,
        generation BIGINT NOT NULL DEFAULT 0,
        applied_generation BIGINT NOT NULL DEFAULT 0,
        is_unpublished BOOLEAN GENERATED ALWAYS AS
            (CASE WHEN generation > applied_generation THEN 1 ELSE 0 END) STORED,
        unpublished_since BIGINT NULL,
        refused_generation BIGINT NULL,
        refusal TEXT NULL,
        refusal_type VARCHAR(10) NULL,
        attempts INT NOT NULL DEFAULT 0,
        next_attempt_at BIGINT NULL,
        change_id VARCHAR(64) NULL,
        sent_at BIGINT NULL,
        in_sync_at BIGINT NULL,
        answered_by INT NULL,
        answered_of INT NULL,
        answers_checked_at BIGINT NULL,
        created_at BIGINT NOT NULL,
        updated_at BIGINT NOT NULL,
        CONSTRAINT names_fqdn_class_uq UNIQUE (fqdn, class),
        CONSTRAINT names_user_fk FOREIGN KEY (user_id) REFERENCES users (id),
        CONSTRAINT names_class_ck CHECK (class IN ('cname', 'other')),
        CONSTRAINT names_generation_ck CHECK (applied_generation <= generation)
    ",
    indexes: &[
        ("names_user_ix", "user_id"),
        ("names_unpublished_ix", "is_unpublished, unpublished_since"),
        ("names_change_ix", "change_id"),
        ("names_in_sync_ix", "in_sync_at"),
    ],
};

//! The `audit_trail` table: who did what. Append-only.

use crate::table::Table;

pub(crate) const STEP: Table = Table {
    step: "m0020_create_audit_trail",
    table: "audit_trail",
    columns: "
        id {id},
        at BIGINT NOT NULL,
        actor_id BIGINT NULL,
        on_behalf_of BIGINT NULL,
        action VARCHAR(64) NOT NULL,
        object VARCHAR(255) NOT NULL,
        detail TEXT NOT NULL,
        request_id VARCHAR(64) NOT NULL,
        CONSTRAINT audit_trail_actor_fk FOREIGN KEY (actor_id) REFERENCES users (id),
        CONSTRAINT audit_trail_behalf_fk FOREIGN KEY (on_behalf_of) REFERENCES users (id)
    ",
    indexes: &[
        ("audit_trail_at_ix", "at"),
        ("audit_trail_actor_ix", "actor_id, at"),
        ("audit_trail_behalf_ix", "on_behalf_of, at"),
    ],
};

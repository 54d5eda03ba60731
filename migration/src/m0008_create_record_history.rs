//! The `record_history` table: earlier versions of records. Append-only.

use crate::table::Table;

/// `reason` is why the version ended: edit, delete or expiry. `actor_id` is null when the owner did
/// it.
pub(crate) const STEP: Table = Table {
    step: "m0008_create_record_history",
    table: "record_history",
    columns: "
        id {id},
        record_id BIGINT NOT NULL,
        user_id BIGINT NOT NULL,
        fqdn VARCHAR(253) NOT NULL,
        type VARCHAR(10) NOT NULL,
        input TEXT NOT NULL,
        presentation TEXT NOT NULL,
        ttl INT NOT NULL,
        ports VARCHAR(191) NULL,
        course VARCHAR(191) NULL,
        description TEXT NULL,
        created_at BIGINT NOT NULL,
        updated_at BIGINT NOT NULL,
        expires_at BIGINT NOT NULL,
        notified_at BIGINT NULL,
        reason VARCHAR(16) NOT NULL,
        actor_id BIGINT NULL,
        archived_at BIGINT NOT NULL,
        CONSTRAINT record_history_user_fk FOREIGN KEY (user_id) REFERENCES users (id)
    ",
    indexes: &[
        ("record_history_user_ix", "user_id, archived_at"),
        ("record_history_record_ix", "record_id"),
        ("record_history_name_ix", "fqdn, archived_at"),
    ],
};

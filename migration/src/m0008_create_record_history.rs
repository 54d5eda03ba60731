//! The `record_history` table: every change of a record. Append-only.

use crate::table::Table;

/// A row holds the version of the record that the change made, if `action` is create or restore,
/// and else the version that it ended. `actor_id` is null when the owner did it, or time.
/// `token` names the API token by which the owner did it; it is null for a page. Changes of one
/// request have one `request_id`; it is empty for changes that no request made.
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
        expires_at BIGINT NOT NULL,
        action VARCHAR(16) NOT NULL,
        actor_id BIGINT NULL,
        token VARCHAR(100) NULL,
        request_id VARCHAR(64) NOT NULL,
        at BIGINT NOT NULL,
        CONSTRAINT record_history_user_fk FOREIGN KEY (user_id) REFERENCES users (id)
    ",
    indexes: &[
        ("record_history_user_ix", "user_id, id"),
        ("record_history_record_ix", "record_id, id"),
        ("record_history_name_ix", "fqdn, id"),
    ],
};

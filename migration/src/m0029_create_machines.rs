//! The `machines` table: machines that fetch the certificate of their user with an API token.

use crate::table::Table;

/// `name` is what the machine calls itself. `certificate_id` is the certificate that it fetched
/// last, which may be over. `is_regular` is set when it was seen on a second day. A machine goes
/// with its token.
pub(crate) const STEP: Table = Table {
    step: "m0029_create_machines",
    table: "machines",
    columns: "
        id {id},
        user_id BIGINT NOT NULL,
        token_id BIGINT NOT NULL,
        name VARCHAR(64) NOT NULL,
        certificate_id BIGINT NOT NULL,
        first_seen_at BIGINT NOT NULL,
        last_seen_at BIGINT NOT NULL,
        is_regular BOOLEAN NOT NULL DEFAULT 0,
        notified_at BIGINT NULL,
        CONSTRAINT machines_name_uq UNIQUE (token_id, name),
        CONSTRAINT machines_user_fk FOREIGN KEY (user_id) REFERENCES users (id),
        CONSTRAINT machines_token_fk FOREIGN KEY (token_id) REFERENCES tokens (id)
            ON DELETE CASCADE
    ",
    indexes: &[
        ("machines_user_ix", "user_id"),
        ("machines_seen_ix", "is_regular, notified_at, last_seen_at"),
        ("machines_last_seen_ix", "last_seen_at"),
    ],
};

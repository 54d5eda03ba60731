//! The `tokens` table: API tokens, found by the first characters of their secret.

use crate::table::Table;

/// `hash` is the SHA-256 of the secret, `prefix` its first characters; the secret itself is not
/// stored. `rights` is JSON, `networks` a list with commas. `last_used_by` is what the client calls
/// itself.
pub(crate) const STEP: Table = Table {
    step: "m0025_create_tokens",
    table: "tokens",
    columns: "
        id {id},
        user_id BIGINT NOT NULL,
        name VARCHAR(64) NOT NULL,
        prefix VARCHAR(11) NOT NULL,
        hash {hash} NOT NULL,
        rights {text} NOT NULL,
        networks {text} NOT NULL,
        created_at BIGINT NOT NULL,
        expires_at BIGINT NOT NULL,
        idle_ms BIGINT NULL,
        last_used_at BIGINT NULL,
        last_used_from VARCHAR(45) NULL,
        last_used_by VARCHAR(255) NULL,
        ended_at BIGINT NULL,
        CONSTRAINT tokens_prefix_uq UNIQUE (prefix),
        CONSTRAINT tokens_user_fk FOREIGN KEY (user_id) REFERENCES users (id)
    ",
    indexes: &[
        ("tokens_user_ix", "user_id"),
        ("tokens_expires_ix", "expires_at"),
        ("tokens_ended_ix", "ended_at"),
    ],
};

//! Mails that are owed: one of a kind for a thing and a day.

use crate::table::Table;

/// `claimed_until` is a lease: a sender that dies gives the row back. `message_id` stays the same
/// at every attempt.
pub(crate) const STEP: Table = Table {
    step: "m0019_outbox",
    table: "outbox",
    columns: "
        id {id},
        kind VARCHAR(64) NOT NULL,
        thing VARCHAR(191) NOT NULL,
        day VARCHAR(10) NOT NULL,
        user_id BIGINT NULL,
        recipient VARCHAR(320) NOT NULL,
        detail {text} NOT NULL,
        message_id VARCHAR(191) NOT NULL,
        state VARCHAR(8) NOT NULL DEFAULT 'owed',
        claimed_by VARCHAR(191) NULL,
        claimed_until BIGINT NULL,
        attempts INT NOT NULL DEFAULT 0,
        next_attempt_at BIGINT NOT NULL,
        refusal TEXT NULL,
        created_at BIGINT NOT NULL,
        sent_at BIGINT NULL,
        CONSTRAINT outbox_thing_uq UNIQUE (kind, thing, day),
        CONSTRAINT outbox_message_uq UNIQUE (message_id),
        CONSTRAINT outbox_user_fk FOREIGN KEY (user_id) REFERENCES users (id),
        CONSTRAINT outbox_state_ck CHECK (state IN ('owed', 'sending', 'sent', 'failed'))
    ",
    indexes: &[
        ("outbox_due_ix", "state, next_attempt_at"),
        ("outbox_user_ix", "user_id"),
    ],
};

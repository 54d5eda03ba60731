//! The `outbox` table: mails to send, one per kind, topic and day.

use crate::table::Table;

/// `claimed_until` is a lease: a mail whose sender died can be claimed again. `message_id` is the
/// same in every attempt. `unknown_outcomes` counts attempts with an unknown outcome: it is
/// incremented before each attempt and decremented when the outcome is known. `failed_at` is when
/// the mail was refused for good; `address_rejected` is true if the server refused the address
/// permanently.
pub(crate) const STEP: Table = Table {
    step: "m0017_create_outbox",
    table: "outbox",
    columns: "
        id {id},
        kind VARCHAR(64) NOT NULL,
        topic VARCHAR(191) NOT NULL,
        day VARCHAR(10) NOT NULL,
        user_id BIGINT NULL,
        recipient VARCHAR(320) NOT NULL,
        detail {text} NOT NULL,
        message_id VARCHAR(191) NOT NULL,
        state VARCHAR(8) NOT NULL DEFAULT 'pending',
        claimed_by VARCHAR(191) NULL,
        claimed_until BIGINT NULL,
        attempts INT NOT NULL DEFAULT 0,
        unknown_outcomes INT NOT NULL DEFAULT 0,
        next_attempt_at BIGINT NOT NULL,
        refusal TEXT NULL,
        created_at BIGINT NOT NULL,
        sent_at BIGINT NULL,
        failed_at BIGINT NULL,
        address_rejected BOOLEAN NOT NULL DEFAULT 0,
        CONSTRAINT outbox_topic_uq UNIQUE (kind, topic, day),
        CONSTRAINT outbox_message_uq UNIQUE (message_id),
        CONSTRAINT outbox_user_fk FOREIGN KEY (user_id) REFERENCES users (id),
        CONSTRAINT outbox_state_ck CHECK (state IN ('pending', 'sending', 'sent', 'failed'))
    ",
    indexes: &[
        ("outbox_due_ix", "state, next_attempt_at"),
        ("outbox_user_ix", "user_id"),
    ],
};

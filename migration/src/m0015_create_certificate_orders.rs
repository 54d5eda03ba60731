//! The `certificate_orders` table: ACME orders, resumable after every step.

use crate::table::Table;

/// `pending_slot` admits one pending order per user. `starts` is incremented before a step runs, so
/// that a step that kills its process is limited; `fence` rejects writes of an earlier claim.
/// `account` is the ACME account of the order at `order_url`, and `is_replacement` whether the CA
/// accepted it as the replacement of a certificate (RFC 9773). `automatic` orders come from the
/// renewal job and do not count against the user's daily limit. `turn_at` is when the issuance
/// budget had something for it, and `counted_ms` how long one of the certificates for new names
/// takes to come back, if it took one. `failures` counts consecutive CA failures for the back-off;
/// `openings` counts orders opened at the CA. `ca_wait_until` is the latest time until which the
/// CA asked to wait; it extends the order's deadline, whereas `retry_at` is for display and is
/// cleared by the next step.
pub(crate) const STEP: Table = Table {
    step: "m0015_create_certificate_orders",
    table: "certificate_orders",
    columns: "
        id {id},
        user_id BIGINT NOT NULL,
        domain VARCHAR(253) NOT NULL,
        step VARCHAR(32) NOT NULL,
        order_url VARCHAR(512) NULL,
        account VARCHAR(512) NULL,
        is_replacement BOOLEAN NOT NULL DEFAULT 0,
        key_id VARCHAR(64) NULL,
        key_nonce {bytes} NULL,
        key_ciphertext {bytes} NULL,
        csr {bytes} NULL,
        replaces_id BIGINT NULL,
        turn_at BIGINT NULL,
        counted_ms BIGINT NOT NULL DEFAULT 0,
        certificate_id BIGINT NULL,
        starts INT NOT NULL DEFAULT 0,
        automatic BOOLEAN NOT NULL DEFAULT 0,
        failures INT NOT NULL DEFAULT 0,
        openings INT NOT NULL DEFAULT 0,
        next_step_at BIGINT NOT NULL,
        claimed_by VARCHAR(191) NULL,
        claimed_until BIGINT NULL,
        fence BIGINT NOT NULL DEFAULT 0,
        problem TEXT NULL,
        retry_at BIGINT NULL,
        ca_wait_until BIGINT NULL,
        dns_not_checked BOOLEAN NOT NULL DEFAULT 0,
        created_at BIGINT NOT NULL,
        updated_at BIGINT NOT NULL,
        finished_at BIGINT NULL,
        pending_slot BIGINT GENERATED ALWAYS AS
            (CASE WHEN finished_at IS NULL THEN user_id ELSE NULL END) STORED,
        CONSTRAINT certificate_orders_pending_uq UNIQUE (pending_slot),
        CONSTRAINT certificate_orders_user_fk FOREIGN KEY (user_id) REFERENCES users (id),
        CONSTRAINT certificate_orders_replaces_fk FOREIGN KEY (replaces_id)
            REFERENCES certificates (id),
        CONSTRAINT certificate_orders_certificate_fk FOREIGN KEY (certificate_id)
            REFERENCES certificates (id)
    ",
    indexes: &[
        ("certificate_orders_user_ix", "user_id, created_at"),
        ("certificate_orders_due_ix", "finished_at, next_step_at"),
        ("certificate_orders_replaces_ix", "replaces_id"),
        ("certificate_orders_certificate_ix", "certificate_id"),
    ],
};

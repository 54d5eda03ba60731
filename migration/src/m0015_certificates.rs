//! Certificates that were issued. The private key is encrypted before it comes here.

use crate::table::Table;

/// One active certificate a person (`active_slot`). `key_id` names the key that encrypted
/// `key_ciphertext`; user and certificate are its associated data. `revocation_owed_at` waits for a
/// person to be gone.
pub(crate) const STEP: Table = Table {
    step: "m0015_certificates",
    table: "certificates",
    columns: "
        id {id},
        user_id BIGINT NOT NULL,
        domain VARCHAR(253) NOT NULL,
        state VARCHAR(16) NOT NULL,
        certificate {text} NOT NULL,
        chain {text} NOT NULL,
        key_id VARCHAR(64) NULL,
        key_nonce {bytes} NULL,
        key_ciphertext {bytes} NULL,
        not_before BIGINT NOT NULL,
        not_after BIGINT NOT NULL,
        renew_at BIGINT NULL,
        active_slot BIGINT GENERATED ALWAYS AS (CASE WHEN state = 'active' THEN user_id ELSE NULL END) STORED,
        created_at BIGINT NOT NULL,
        ended_at BIGINT NULL,
        revocation_owed_at BIGINT NULL,
        revoked_at BIGINT NULL,
        notified_at BIGINT NULL,
        CONSTRAINT certificates_active_uq UNIQUE (active_slot),
        CONSTRAINT certificates_user_fk FOREIGN KEY (user_id) REFERENCES users (id),
        CONSTRAINT certificates_state_ck CHECK (state IN ('active', 'replaced', 'deleted', 'expired')),
        CONSTRAINT certificates_key_ck CHECK ((key_id IS NULL) = (key_ciphertext IS NULL))
    ",
    indexes: &[
        ("certificates_user_ix", "user_id"),
        ("certificates_not_after_ix", "not_after"),
        ("certificates_owed_ix", "revocation_owed_at"),
    ],
};

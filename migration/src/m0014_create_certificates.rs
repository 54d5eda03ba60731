//! The `certificates` table: issued certificates with sealed private keys.

use crate::table::Table;

/// `active_slot` admits one active certificate per user. `key_id` names the key that sealed
/// `key_ciphertext`; user and certificate are its associated data. `renew_at` is when the renewal
/// job renews it, and `next_renewal_at` the earliest next attempt after a failed one. `account` is
/// the ACME account that it was issued to. The columns `ari_*` hold the authority's renewal
/// information (RFC 9773): the next question, the last answer with its window, and the failures
/// since. `revocation_requested_at` marks a certificate to revoke for `revocation_reason` (a word
/// of RFC 5280); `next_revocation_at` is the earliest next attempt and `revocation_attempts` the
/// number of attempts, for the back-off.
pub(crate) const STEP: Table = Table {
    step: "m0014_create_certificates",
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
        renew_at BIGINT NOT NULL,
        next_renewal_at BIGINT NULL,
        account VARCHAR(512) NULL,
        ari_check_at BIGINT NULL,
        ari_answered_at BIGINT NULL,
        ari_window_start BIGINT NULL,
        ari_window_end BIGINT NULL,
        ari_explanation_url VARCHAR(512) NULL,
        ari_failures INT NOT NULL DEFAULT 0,
        ari_problem TEXT NULL,
        active_slot BIGINT GENERATED ALWAYS AS
            (CASE WHEN state = 'active' THEN user_id ELSE NULL END) STORED,
        created_at BIGINT NOT NULL,
        ended_at BIGINT NULL,
        revocation_requested_at BIGINT NULL,
        revocation_reason VARCHAR(32) NULL,
        next_revocation_at BIGINT NULL,
        revocation_attempts INT NOT NULL DEFAULT 0,
        revoked_at BIGINT NULL,
        notified_at BIGINT NULL,
        CONSTRAINT certificates_active_uq UNIQUE (active_slot),
        CONSTRAINT certificates_user_fk FOREIGN KEY (user_id) REFERENCES users (id),
        CONSTRAINT certificates_state_ck
            CHECK (state IN ('active', 'replaced', 'deleted', 'expired')),
        CONSTRAINT certificates_key_ck CHECK ((key_id IS NULL) = (key_ciphertext IS NULL))
    ",
    indexes: &[
        ("certificates_user_ix", "user_id"),
        ("certificates_not_after_ix", "not_after"),
        ("certificates_renew_at_ix", "state, renew_at"),
        ("certificates_ari_check_at_ix", "ari_check_at"),
        ("certificates_revocation_ix", "revocation_requested_at"),
    ],
};

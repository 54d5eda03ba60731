//! The `sessions` table: sessions found by the SHA-256 of their token.

use crate::table::Table;

/// `user_id` is the user who signed in; `impersonated_id` is the user whose pages an admin sees
/// until `impersonation_until`.
pub(crate) const STEP: Table = Table {
    step: "m0002_create_sessions",
    table: "sessions",
    columns: "
        id {id},
        token_hash {hash} NOT NULL,
        user_id BIGINT NOT NULL,
        created_at BIGINT NOT NULL,
        last_seen_at BIGINT NOT NULL,
        expires_at BIGINT NOT NULL,
        ended_at BIGINT NULL,
        saml_name_id TEXT NULL,
        saml_name_id_format TEXT NULL,
        saml_name_qualifier TEXT NULL,
        saml_sp_name_qualifier TEXT NULL,
        saml_sp_provided_id TEXT NULL,
        saml_session_index TEXT NULL,
        impersonated_id BIGINT NULL,
        impersonation_until BIGINT NULL,
        CONSTRAINT sessions_token_uq UNIQUE (token_hash),
        CONSTRAINT sessions_user_fk FOREIGN KEY (user_id) REFERENCES users (id),
        CONSTRAINT sessions_impersonated_fk FOREIGN KEY (impersonated_id) REFERENCES users (id),
        CONSTRAINT sessions_impersonation_ck CHECK
            ((impersonated_id IS NULL) = (impersonation_until IS NULL))
    ",
    indexes: &[
        ("sessions_user_ix", "user_id"),
        ("sessions_impersonated_ix", "impersonated_id"),
        ("sessions_expires_ix", "expires_at"),
    ],
};

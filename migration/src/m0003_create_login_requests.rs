//! The `login_requests` table: SAML requests sent to the identity provider.

use crate::table::Table;

/// `browser_hash` binds the request to the pre-login cookie, `relay_hash` to the relay state.
/// `saved_form` is the form to submit after the sign-in.
pub(crate) const STEP: Table = Table {
    step: "m0003_create_login_requests",
    table: "login_requests",
    columns: "
        request_id VARCHAR(128) NOT NULL PRIMARY KEY,
        browser_hash {hash} NOT NULL,
        relay_hash {hash} NOT NULL,
        return_to TEXT NOT NULL,
        saved_form {text} NULL,
        created_at BIGINT NOT NULL,
        expires_at BIGINT NOT NULL,
        consumed_at BIGINT NULL,
        CONSTRAINT login_requests_relay_uq UNIQUE (relay_hash)
    ",
    indexes: &[("login_requests_expires_ix", "expires_at")],
};

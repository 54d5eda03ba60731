//! The `login_results` table: validated SAML identities that their browser has not fetched yet.

use crate::table::Table;

/// Has no foreign key to `login_requests`: both tables are purged by age, in separate batches.
pub(crate) const STEP: Table = Table {
    step: "m0004_create_login_results",
    table: "login_results",
    columns: "
        handle_hash {hash} NOT NULL PRIMARY KEY,
        request_id VARCHAR(128) NOT NULL,
        identity {text} NOT NULL,
        created_at BIGINT NOT NULL,
        expires_at BIGINT NOT NULL,
        CONSTRAINT login_results_request_uq UNIQUE (request_id)
    ",
    indexes: &[("login_results_expires_ix", "expires_at")],
};

//! The `login_results` table: validated SAML identities that their browser has not fetched yet.

use crate::table::Table;

/// No foreign key to `login_requests`, because housekeeping deletes the expired rows of both tables
/// in separate batches. It keeps a request longer than its result.
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

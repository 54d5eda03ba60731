//! Checked answers of the identity provider, until their browser fetches them.

use crate::table::Table;

/// No foreign key: both sides are purged by age, each in its own batches.
pub(crate) const STEP: Table = Table {
    step: "m0004_login_results",
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

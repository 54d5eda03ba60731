//! The `token_usage` table: how many requests API tokens made, and what came of them.

use crate::table::Table;

/// A row counts the requests of one token by one protocol in ten minutes; `slot` is when they
/// begin. A process adds what it has counted once a minute. There is no key to `tokens`: a token
/// may be deleted in between, and rows are deleted after a day anyway.
pub(crate) const STEP: Table = Table {
    step: "m0027_create_token_usage",
    table: "token_usage",
    columns: "
        token_id BIGINT NOT NULL,
        protocol VARCHAR(16) NOT NULL,
        slot BIGINT NOT NULL,
        requests BIGINT NOT NULL,
        refused BIGINT NOT NULL,
        throttled BIGINT NOT NULL,
        faulty BIGINT NOT NULL,
        failed BIGINT NOT NULL,
        CONSTRAINT token_usage_pk PRIMARY KEY (token_id, protocol, slot)
    ",
    indexes: &[("token_usage_slot_ix", "slot")],
};

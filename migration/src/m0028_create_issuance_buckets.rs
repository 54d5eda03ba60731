//! The `issuance_buckets` table: what is left of the certificate authority's rate limits.

use crate::table::Table;

/// `name` is a limit, with the domain where it counts for one; `full_at` is when it is full again,
/// as counted with one more in each `refill_ms`.
pub(crate) const STEP: Table = Table {
    step: "m0028_create_issuance_buckets",
    table: "issuance_buckets",
    columns: "
        name VARCHAR(255) NOT NULL PRIMARY KEY,
        full_at BIGINT NOT NULL,
        refill_ms BIGINT NOT NULL
    ",
    indexes: &[("issuance_buckets_full_at_ix", "full_at")],
};

//! When a revocation that was not taken is tried again.

use crate::column::Columns;

/// `revoke_at`: not before then. `revoke_tries`: how often it was tried, for growing waits.
pub(crate) const STEP: Columns = Columns {
    step: "m0025_revocation_tries",
    table: "certificates",
    columns: &[
        ("revoke_at", "BIGINT NULL"),
        ("revoke_tries", "INT NOT NULL DEFAULT 0"),
    ],
    indexes: &[],
};

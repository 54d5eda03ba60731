//! What an order counts beside its starts.

use crate::column::Columns;

/// `automatic`: opened by the renewal sweep, so that no person's daily limit counts it. `failures`:
/// how often in a row the authority did not help, for growing waits. `openings`: orders opened at
/// the authority for it, since each may end there.
pub(crate) const STEP: Columns = Columns {
    step: "m0022_order_counts",
    table: "certificate_orders",
    columns: &[
        ("automatic", "BOOLEAN NOT NULL DEFAULT 0"),
        ("failures", "INT NOT NULL DEFAULT 0"),
        ("openings", "INT NOT NULL DEFAULT 0"),
    ],
    indexes: &[],
};

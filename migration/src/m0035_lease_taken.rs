//! Since when a lease is held.

use crate::column::Columns;

/// `taken_at`: when its holder took it; an extension does not change it.
pub(crate) const STEP: Columns = Columns {
    step: "m0035_lease_taken",
    table: "leases",
    columns: &[("taken_at", "BIGINT NULL")],
    indexes: &[],
};

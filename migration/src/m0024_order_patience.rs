//! How long the authority asked an order to wait.

use crate::column::Columns;

/// `patient_until`: the latest moment up to which the authority asked us to wait, kept across
/// steps, because it moves the order's deadline. `retry_at` is what the page shows, and goes with
/// the next step.
pub(crate) const STEP: Columns = Columns {
    step: "m0024_order_patience",
    table: "certificate_orders",
    columns: &[("patient_until", "BIGINT NULL")],
    indexes: &[],
};

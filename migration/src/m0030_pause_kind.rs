//! Of what kind a pause is: null as an operator's, or `wiped`, which the audit lifts by itself
//! where the zone holds nothing.

use crate::column::Columns;

pub(crate) const STEP: Columns = Columns {
    step: "m0030_pause_kind",
    table: "zone_control",
    columns: &[("paused_kind", "VARCHAR(16) NULL")],
    indexes: &[],
};

//! How long things live.

use crate::time::Timestamp;

/// Calendar months a record lives from its creation, its last edit or its last renewal.
pub const RECORD_LIFE_MONTHS: u32 = 6;

/// When a record that is created, edited or renewed at `now` ends.
pub fn record_expires_at(now: Timestamp) -> Timestamp {
    now.plus_months(RECORD_LIFE_MONTHS)
}

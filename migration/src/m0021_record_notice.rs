//! Which mail told a person that a record ends.

use crate::column::Columns;

/// The row of `outbox`; not a foreign key: where that row is gone, nobody was told, and the record
/// waits for another notice.
pub(crate) const STEP: Columns = Columns {
    step: "m0021_record_notice",
    table: "dns_records",
    columns: &[("notice_id", "BIGINT NULL")],
    indexes: &[("dns_records_notice_ix", "notice_id")],
};

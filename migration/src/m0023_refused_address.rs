//! Why a mail failed: its address, or anything else.

use crate::column::Columns;

/// True only when the mail server said for good that the address takes no mail, or it is none: that
/// counts as told.
pub(crate) const STEP: Columns = Columns {
    step: "m0023_refused_address",
    table: "outbox",
    columns: &[("refused_address", "BOOLEAN NOT NULL DEFAULT 0")],
    indexes: &[],
};

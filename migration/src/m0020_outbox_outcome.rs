//! What became of a mail that was tried.

use crate::column::Columns;

/// `unclear` counts attempts of which nobody knows whether the mail went out: one more before each
/// attempt, one less when its outcome is known. `failed_at` is when it was refused for good.
pub(crate) const STEP: Columns = Columns {
    step: "m0020_outbox_outcome",
    table: "outbox",
    columns: &[
        ("unclear", "INT NOT NULL DEFAULT 0"),
        ("failed_at", "BIGINT NULL"),
    ],
    indexes: &[],
};

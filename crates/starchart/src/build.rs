//! What was built, and when.

use starchart_domain::time::Timestamp;

/// The version, as Cargo.toml has it.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");
/// The commit; empty when it is not known.
pub(crate) const COMMIT: &str = env!("STARCHART_COMMIT");

/// When it was built: RFC 3339, UTC.
pub(crate) fn built() -> String {
    let seconds: i64 = env!("STARCHART_BUILT").parse().unwrap_or_default();
    Timestamp::from_millis(seconds.saturating_mul(1_000)).rfc3339()
}

/// All of it for a person.
pub(crate) fn line() -> String {
    let commit = if COMMIT.is_empty() { "unknown" } else { COMMIT };
    format!("starchart {VERSION} (commit {commit}, built {})", built())
}

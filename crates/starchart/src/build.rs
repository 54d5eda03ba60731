//! The version, commit and build date of the binary.

use starchart_domain::time::Timestamp;

/// The version in Cargo.toml.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");
/// The commit; empty when unknown.
pub(crate) const COMMIT: &str = env!("STARCHART_COMMIT");

/// Returns the build time in RFC 3339, UTC.
pub(crate) fn built() -> String {
    let seconds: i64 = env!("STARCHART_BUILT").parse().unwrap_or_default();
    Timestamp::from_millis(seconds.saturating_mul(1_000)).rfc3339()
}

/// Formats version, commit and build time as one line.
pub(crate) fn line() -> String {
    let commit = if COMMIT.is_empty() { "unknown" } else { COMMIT };
    format!("starchart {VERSION} (commit {commit}, built {})", built())
}

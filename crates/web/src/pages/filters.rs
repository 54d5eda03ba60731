//! Filters of the templates: how times and publish states are written.

#![expect(unreachable_pub, reason = "`filter_fn` generates public methods")]

use askama::{Result, Values};
use starchart_domain::publish::PublishState;
use starchart_domain::time::Timestamp;

/// Formats a day in UTC: `2026-11-21 UTC`.
#[askama::filter_fn]
pub(crate) fn day(at: &Timestamp, _: &dyn Values) -> Result<String> {
    Ok(at.to_day())
}

/// Formats a day in UTC for the attribute `datetime`: `2026-11-21`.
#[askama::filter_fn]
pub(crate) fn day_attribute(at: &Timestamp, _: &dyn Values) -> Result<String> {
    Ok(at.date())
}

/// Formats the end of something to the minute: `2026-11-21 09:30 UTC`.
#[askama::filter_fn]
pub(crate) fn minute(at: &Timestamp, _: &dyn Values) -> Result<String> {
    Ok(at.to_minute())
}

/// Formats the begin of something to the minute, rounded up: from then on it has begun.
#[askama::filter_fn]
pub(crate) fn minute_from(at: &Timestamp, _: &dyn Values) -> Result<String> {
    Ok(at.ceil_minute().to_minute())
}

/// Formats date and time in UTC to the second: `2026-11-21 09:30:00 UTC`.
#[askama::filter_fn]
pub(crate) fn second(at: &Timestamp, _: &dyn Values) -> Result<String> {
    Ok(at.rfc3339().replacen('T', " ", 1).replacen('Z', " UTC", 1))
}

/// Formats date and time for machines (RFC 3339): `2026-11-21T09:30:00Z`.
#[askama::filter_fn]
pub(crate) fn rfc3339(at: &Timestamp, _: &dyn Values) -> Result<String> {
    Ok(at.rfc3339())
}

/// Writes the key of a state for the stylesheet and the script: `saved`, `answered`.
#[askama::filter_fn]
pub(crate) fn state_key(state: &PublishState, _: &dyn Values) -> Result<&'static str> {
    Ok(state.key())
}

//! Points in time with millisecond precision, as the database stores them.

use chrono::{DateTime, Months, Utc};
use serde::{Deserialize, Serialize};

/// A point in time: milliseconds since 1970-01-01T00:00:00Z without leap seconds (Unix time).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Timestamp(i64);

impl Timestamp {
    /// Creates a timestamp from milliseconds since the Unix epoch.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Returns the milliseconds since the Unix epoch.
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// Adds `millis` milliseconds, which may be negative; saturates at the ends of the range.
    #[must_use]
    pub const fn plus(self, millis: i64) -> Self {
        Self(self.0.saturating_add(millis))
    }

    /// Returns the milliseconds from `earlier` to `self`; negative when `earlier` is the later one.
    pub const fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Adds calendar months. A day that the resulting month does not have becomes its last day.
    #[must_use]
    pub fn plus_months(self, months: u32) -> Self {
        self.utc()
            .and_then(|t| t.checked_add_months(Months::new(months)))
            .map_or(Self(i64::MAX), |t| Self(t.timestamp_millis()))
    }

    /// Formats the date in UTC as mails and pages show it: `YYYY-MM-DD`.
    pub fn date(self) -> String {
        self.utc()
            .map_or_else(String::new, |t| t.format("%Y-%m-%d").to_string())
    }

    /// Formats date and time in UTC to the second (RFC 3339): `2026-11-21T09:30:00Z`.
    pub fn rfc3339(self) -> String {
        self.utc()
            .map_or_else(String::new, |t| t.format("%Y-%m-%dT%H:%M:%SZ").to_string())
    }

    /// Formats date and time in UTC to the minute, for reading: `2026-11-21 09:30 UTC`.
    pub fn to_minute(self) -> String {
        self.utc()
            .map_or_else(String::new, |t| t.format("%Y-%m-%d %H:%M UTC").to_string())
    }

    fn utc(self) -> Option<DateTime<Utc>> {
        DateTime::from_timestamp_millis(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp(
            text.parse::<DateTime<Utc>>()
                .map_or(0, |t| t.timestamp_millis()),
        )
    }

    #[test]
    fn months_are_added_by_the_calendar() {
        assert_eq!(
            at("2026-01-15T10:00:00Z").plus_months(6),
            at("2026-07-15T10:00:00Z")
        );
        assert_eq!(
            at("2026-08-31T23:59:59Z").plus_months(6),
            at("2027-02-28T23:59:59Z")
        );
        assert_eq!(at("2026-11-21T09:30:00Z").date(), "2026-11-21");
        assert_eq!(at("2026-11-21T09:30:00Z").rfc3339(), "2026-11-21T09:30:00Z");
        assert_eq!(
            at("2026-11-21T09:30:59Z").to_minute(),
            "2026-11-21 09:30 UTC"
        );
    }

    #[test]
    fn additions_saturate() {
        assert_eq!(Timestamp(i64::MAX).plus(1), Timestamp(i64::MAX));
        assert_eq!(Timestamp(i64::MAX).plus_months(6), Timestamp(i64::MAX));
    }
}

//! Moments, as the database compares them.

use chrono::{DateTime, Months, Utc};

/// A moment: milliseconds since 1970-01-01T00:00:00Z, leap seconds ignored (Unix time).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The moment `millis` milliseconds after the Unix epoch.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the Unix epoch.
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// `millis` milliseconds later (earlier, when negative); stops at the ends of the range.
    #[must_use]
    pub const fn plus(self, millis: i64) -> Self {
        Self(self.0.saturating_add(millis))
    }

    /// Milliseconds from `earlier` to `self`; negative when `earlier` is the later one.
    pub const fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// The same day and time `months` calendar months later; the last day of a shorter month where
    /// that day does not exist.
    #[must_use]
    pub fn plus_months(self, months: u32) -> Self {
        self.utc()
            .and_then(|t| t.checked_add_months(Months::new(months)))
            .map_or(Self(i64::MAX), |t| Self(t.timestamp_millis()))
    }

    /// The date in UTC, as mails and pages show it: `YYYY-MM-DD`.
    pub fn date(self) -> String {
        self.utc()
            .map_or_else(String::new, |t| t.format("%Y-%m-%d").to_string())
    }

    /// Date and time in UTC as RFC 3339 writes it, to the second: `2026-11-21T09:30:00Z`.
    pub fn rfc3339(self) -> String {
        self.utc()
            .map_or_else(String::new, |t| t.format("%Y-%m-%dT%H:%M:%SZ").to_string())
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
    fn months_are_calendar_months() {
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
    }

    #[test]
    fn the_end_of_time_does_not_wrap() {
        assert_eq!(Timestamp(i64::MAX).plus(1), Timestamp(i64::MAX));
        assert_eq!(Timestamp(i64::MAX).plus_months(6), Timestamp(i64::MAX));
    }
}

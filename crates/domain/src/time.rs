//! Points in time with millisecond precision, as the database stores them.

use chrono::{DateTime, Months, NaiveDate, NaiveTime, Utc};
use serde::{Deserialize, Serialize};

const MINUTE_MS: i64 = 60 * 1_000;
const DAY_MS: i64 = 24 * 60 * MINUTE_MS;

/// A point in time: milliseconds since 1970-01-01T00:00:00Z without leap seconds (Unix time).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Timestamp(i64);

impl Timestamp {
    /// Creates a timestamp from milliseconds since the Unix epoch.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Parses the start of a day in UTC: `2026-11-21`.
    pub fn from_date(text: &str) -> Option<Self> {
        let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
        let start = day.and_time(NaiveTime::MIN).and_utc();
        Some(Self(start.timestamp_millis()))
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

    /// Returns the start of the day in UTC.
    #[must_use]
    pub const fn start_of_day(self) -> Self {
        Self(self.0.saturating_sub(self.0.rem_euclid(DAY_MS)))
    }

    /// Returns the start of the next minute, or the time itself when it is one. What is possible
    /// from some time on is shown as possible from then on.
    #[must_use]
    pub const fn ceil_minute(self) -> Self {
        match self.0.rem_euclid(MINUTE_MS) {
            0 => self,
            since => Self(self.0.saturating_add(MINUTE_MS - since)),
        }
    }

    /// Formats the date in UTC, for keys and machines: `2026-11-21`.
    pub fn date(self) -> String {
        self.utc()
            .map_or_else(String::new, |t| t.format("%Y-%m-%d").to_string())
    }

    /// Formats the day in UTC, for reading: `2026-11-21 UTC`.
    pub fn to_day(self) -> String {
        self.utc()
            .map_or_else(String::new, |t| t.format("%Y-%m-%d UTC").to_string())
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
    fn dates_are_read_as_they_are_written() {
        let day = at("2026-11-21T00:00:00Z");
        assert_eq!(Timestamp::from_date(&day.date()), Some(day));
        for wrong in [
            "",
            "2026-13-01",
            "2026-02-30",
            "21.11.2026",
            "2026-11-21 UTC",
        ] {
            assert_eq!(Timestamp::from_date(wrong), None, "{wrong}");
        }
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
    fn days_and_minutes_are_those_of_utc() {
        for (time, day, start, minute, next) in [
            (
                "2026-11-21T00:00:00Z",
                "2026-11-21 UTC",
                "2026-11-21T00:00:00Z",
                "00:00",
                "00:00",
            ),
            (
                "2026-11-21T00:00:00.001Z",
                "2026-11-21 UTC",
                "2026-11-21T00:00:00Z",
                "00:00",
                "00:01",
            ),
            (
                "2026-11-21T23:59:59.999Z",
                "2026-11-21 UTC",
                "2026-11-21T00:00:00Z",
                "23:59",
                "00:00",
            ),
            (
                "1969-12-31T23:59:30Z",
                "1969-12-31 UTC",
                "1969-12-31T00:00:00Z",
                "23:59",
                "00:00",
            ),
        ] {
            let at = at(time);
            assert_eq!(at.to_day(), day, "{time}");
            assert_eq!(at.start_of_day().rfc3339(), start, "{time}");
            assert!(
                at.to_minute().ends_with(&format!(" {minute} UTC")),
                "{time}"
            );
            let ceiled = at.ceil_minute().to_minute();
            assert!(ceiled.ends_with(&format!(" {next} UTC")), "{time} {ceiled}");
        }
    }

    #[test]
    fn additions_saturate() {
        assert_eq!(Timestamp(i64::MAX).plus(1), Timestamp(i64::MAX));
        assert_eq!(Timestamp(i64::MAX).plus_months(6), Timestamp(i64::MAX));
    }
}

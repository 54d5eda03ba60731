//! When a certificate is renewed and its owner is notified. Lives differ (90, 64, 45 and 6 days are
//! in use, and authorities shorten them), so every time is a share of the certificate's own life.

use super::renewal_retry_ms;
use crate::time::Timestamp;

const HOUR_MS: i64 = 60 * 60 * 1_000;
const DAY_MS: i64 = 24 * HOUR_MS;

/// A certificate whose life is shorter than this is renewed earlier in its life: a third of six
/// days would not outlast an authority that is away over a weekend.
const SHORT_LIFE_MS: i64 = 10 * DAY_MS;

/// The owner is notified when a quarter of the life is left.
pub const NOTICE_SHARE: i64 = 4;

/// Operators are alarmed when a sixth of the life is left.
pub const ALARM_SHARE: i64 = 6;

/// The validity period of a certificate (RFC 5280 section 4.1.2.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    /// The start of the period.
    pub not_before: Timestamp,
    /// The end of the period.
    pub not_after: Timestamp,
}

impl Validity {
    /// Creates the period between two times.
    pub const fn new(not_before: Timestamp, not_after: Timestamp) -> Self {
        Self {
            not_before,
            not_after,
        }
    }

    /// Returns the length of the period in milliseconds; 0 when its times are in the wrong order.
    pub fn life_ms(self) -> i64 {
        self.not_after.since(self.not_before).max(0)
    }

    /// Returns when the certificate is renewed if the authority does not suggest a time: with a
    /// third of its life left, or half of a life shorter than ten days, as Let's Encrypt advises.
    pub fn renewal_at(self) -> Timestamp {
        let share = if self.life_ms() < SHORT_LIFE_MS { 2 } else { 3 };
        self.with_share_left(share)
    }

    /// Returns when the owner is notified of the end. Renewal is due earlier, so the notice is sent
    /// only when renewal has failed for a while.
    pub fn notice_at(self) -> Timestamp {
        self.with_share_left(NOTICE_SHARE)
    }

    /// Returns how long to wait after a renewal that failed, in milliseconds: 1 h after the first
    /// failure, doubled up to 32 h or [`Validity::retry_limit_ms`].
    pub fn renewal_retry_ms(self, failed_before: u32) -> i64 {
        renewal_retry_ms(failed_before).min(self.retry_limit_ms())
    }

    /// Returns the longest wait between two attempts to renew it, in milliseconds: a fortieth of
    /// its life, at least an hour. An authority that comes back in time is then asked in time, too.
    pub fn retry_limit_ms(self) -> i64 {
        (self.life_ms() / 40).max(HOUR_MS)
    }

    fn with_share_left(self, share: i64) -> Timestamp {
        self.not_after.plus(-(self.life_ms() / share))
    }

    /// Describes the length of the period: `64 days`, `160 hours`.
    pub fn describe_life(self) -> String {
        // Some authorities count the last second as a part of the period, and some do not.
        let hours = (self.life_ms() + HOUR_MS / 2) / HOUR_MS;
        match hours {
            ..=1 => "an hour".to_owned(),
            _ if hours % 24 == 0 && hours > 24 => format!("{} days", hours / 24),
            _ if self.life_ms() < SHORT_LIFE_MS => format!("{hours} hours"),
            _ => format!("{} days", (hours + 12) / 24),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::from_millis(1_800_000_000_000);

    fn hours(hours: i64) -> Validity {
        Validity::new(START, START.plus(hours * HOUR_MS))
    }

    /// The length of a life in hours, and how many hours are left at each time.
    #[test]
    fn every_time_is_a_share_of_the_life() {
        for (life, renewal, notice) in [
            (90 * 24, 30 * 24, 540),
            (64 * 24, 512, 384),
            (45 * 24, 15 * 24, 270),
            (160, 80, 40),
            (6 * 24, 3 * 24, 36),
            (398 * 24, 3_184, 2_388),
        ] {
            let validity = hours(life);
            let left = |at: Timestamp| validity.not_after.since(at) / HOUR_MS;
            let times = (left(validity.renewal_at()), left(validity.notice_at()));
            assert_eq!(times, (renewal, notice), "{life} hours");
        }
    }

    #[test]
    fn attempts_fit_into_the_life_that_is_left() {
        for (life, waits) in [
            (90 * 24, [1, 2, 4, 8, 16, 32, 32]),
            (160, [1, 2, 4, 4, 4, 4, 4]),
            (6, [1, 1, 1, 1, 1, 1, 1]),
        ] {
            let hours: Vec<i64> = (0..7)
                .map(|failed| hours(life).renewal_retry_ms(failed) / HOUR_MS)
                .collect();
            assert_eq!(hours, waits, "{life}");
        }
    }

    #[test]
    fn times_in_the_wrong_order_are_a_life_that_has_ended() {
        let validity = hours(-24);
        assert_eq!(validity.life_ms(), 0);
        assert_eq!(validity.renewal_at(), validity.not_after);
        assert_eq!(validity.notice_at(), validity.not_after);
    }

    #[test]
    fn a_life_is_described_in_days_or_hours() {
        for (validity, words) in [
            (hours(90 * 24), "90 days"),
            (
                Validity::new(START, START.plus(64 * DAY_MS - 1_000)),
                "64 days",
            ),
            (hours(45 * 24), "45 days"),
            (hours(160), "160 hours"),
            (hours(6 * 24), "6 days"),
            (hours(30), "30 hours"),
            (hours(24), "24 hours"),
            (hours(1), "an hour"),
            (hours(-3), "an hour"),
            (hours(100 * 24 + 13), "101 days"),
        ] {
            assert_eq!(validity.describe_life(), words);
        }
    }
}

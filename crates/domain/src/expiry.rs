//! How long records live, and when users are notified before records and certificates expire.

use crate::time::Timestamp;

/// Calendar months from a record's creation, last edit or last renewal until it expires.
pub const RECORD_LIFE_MONTHS: u32 = 6;

const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

/// How long before a record expires its owner is notified, in milliseconds.
pub const NOTICE_MS: i64 = 30 * DAY_MS;

/// How long a record is kept after its notice was sent, in milliseconds, even past its expiry.
pub const GRACE_MS: i64 = 7 * DAY_MS;

/// Returns when a record that is created, edited or renewed at `now` expires.
pub fn record_expires_at(now: Timestamp) -> Timestamp {
    now.plus_months(RECORD_LIFE_MONTHS)
}

/// Returns when a user is notified that a certificate expires.
///
/// A certificate is renewed automatically with a third of its lifetime left (30 of 90 days). No
/// mail is needed when that worked, so the notice is due later: with 28 ninetieths of the lifetime
/// left, and at the earliest 28 days before the expiry.
pub fn certificate_notice_at(not_before: Timestamp, not_after: Timestamp) -> Timestamp {
    let life = not_after.since(not_before).max(0);
    let left = (life / 90).saturating_mul(28).min(28 * DAY_MS);
    not_after.plus(-left)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_notice_is_due_after_the_automatic_renewal() {
        let from = Timestamp::from_millis(1_800_000_000_000);
        for (life_days, before_days) in [(90, 28.0), (180, 28.0), (45, 14.0), (6, 1.867)] {
            let end = from.plus(life_days * DAY_MS);
            let notice = certificate_notice_at(from, end);
            let before = end.since(notice) as f64 / DAY_MS as f64;
            assert!((before - before_days).abs() < 0.01, "{life_days}: {before}");
            assert!(
                end.since(notice) < life_days * DAY_MS / 3,
                "the renewal comes first"
            );
        }
        assert_eq!(certificate_notice_at(from, from.plus(-1)), from.plus(-1));
    }
}

//! How long things live, and when people are told.

use crate::time::Timestamp;

/// Calendar months a record lives from its creation, its last edit or its last renewal.
pub const RECORD_LIFE_MONTHS: u32 = 6;

const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

/// A person is told so long before a record ends, in milliseconds.
pub const NOTICE_MS: i64 = 30 * DAY_MS;

/// A record stays at least so long after its notice was sent, in milliseconds, also where that is
/// beyond its end.
pub const GRACE_MS: i64 = 7 * DAY_MS;

/// When a record that is created, edited or renewed at `now` ends.
pub fn record_expires_at(now: Timestamp) -> Timestamp {
    now.plus_months(RECORD_LIFE_MONTHS)
}

/// When a person is told that a certificate ends.
///
/// It renews by itself when a third of its life is left, 30 of 90 days. If that worked nobody needs
/// a mail; so the mail goes a little later, with 28 ninetieths of its life left, and 28 days before
/// its end at the earliest.
pub fn certificate_notice_at(not_before: Timestamp, not_after: Timestamp) -> Timestamp {
    let life = not_after.since(not_before).max(0);
    let left = (life / 90).saturating_mul(28).min(28 * DAY_MS);
    not_after.plus(-left)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mail_comes_after_the_renewal_should_have() {
        let from = Timestamp::from_millis(1_800_000_000_000);
        for (life_days, before_days) in [(90, 28.0), (180, 28.0), (45, 14.0), (6, 1.867)] {
            let end = from.plus(life_days * DAY_MS);
            let told = certificate_notice_at(from, end);
            let before = end.since(told) as f64 / DAY_MS as f64;
            assert!((before - before_days).abs() < 0.01, "{life_days}: {before}");
            assert!(
                end.since(told) < life_days * DAY_MS / 3,
                "the renewal comes first"
            );
        }
        assert_eq!(certificate_notice_at(from, from.plus(-1)), from.plus(-1));
    }
}

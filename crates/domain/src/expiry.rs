//! How long records live, and when users are notified before they expire.

use crate::time::Timestamp;

/// Calendar months from a record's creation, last edit or last renewal until it expires.
pub const RECORD_LIFE_MONTHS: u32 = 6;

const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

/// How long before a record expires its owner is notified, in milliseconds.
pub const NOTICE_MS: i64 = 30 * DAY_MS;

/// How long a record is kept after its notice was sent, in milliseconds, even past its expiry.
const GRACE_MS: i64 = 7 * DAY_MS;

/// For how long after its end a record can be restored, in milliseconds.
pub const RESTORE_MS: i64 = 30 * DAY_MS;

/// Returns when a record that is created, edited or renewed at `now` expires.
pub fn record_expires_at(now: Timestamp) -> Timestamp {
    now.plus_months(RECORD_LIFE_MONTHS)
}

/// Which records are removed: those that expired, and whose owner was notified, before these times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RemovalDue {
    /// The record has expired before this time.
    pub expired_before: Timestamp,
    /// Its notice was sent before this time.
    pub notified_before: Timestamp,
}

/// Returns which records are removed at `now`: those whose [`last_day`] is over.
pub fn removal_due(now: Timestamp) -> RemovalDue {
    let today = now.start_of_day();
    RemovalDue {
        expired_before: today,
        notified_before: today.plus(-GRACE_MS),
    }
}

/// Returns when a record is due for removal if its owner does not renew it: when it expires, or
/// when the grace period after its expiry notice ends, whichever is later. The record is kept until
/// the end of that day in UTC, so pages and mails show the date only.
///
/// `notified_at` is when the notice was sent. Without it the notice is sent at `now` at the
/// earliest, and the record may exist longer.
pub fn last_day(
    expires_at: Timestamp,
    notified_at: Option<Timestamp>,
    now: Timestamp,
) -> Timestamp {
    let grace_ends = notified_at.unwrap_or(now).plus(GRACE_MS);
    expires_at.max(grace_ends)
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    fn at(text: &str) -> Timestamp {
        let time = DateTime::parse_from_rfc3339(&format!("{text}Z"));
        Timestamp::from_millis(time.map_or(0, |time| time.timestamp_millis()))
    }

    /// The times in a record's row, the last day that mails and pages name, and the first moment at
    /// which it is removed.
    #[test]
    fn a_record_exists_all_of_the_day_that_is_named() {
        for (expires, notified, shown, removed) in [
            // Announced 30 days before.
            (
                "2027-02-28T10:00:00",
                "2027-01-29T10:00:00",
                "2027-02-28 UTC",
                "2027-03-01T00:00:00",
            ),
            (
                "2027-02-28T00:00:00",
                "2027-01-29T00:00:00",
                "2027-02-28 UTC",
                "2027-03-01T00:00:00",
            ),
            (
                "2027-02-28T23:59:59",
                "2027-01-29T23:59:59",
                "2027-02-28 UTC",
                "2027-03-01T00:00:00",
            ),
            // Announced just in time, and too late.
            (
                "2027-02-28T10:00:00",
                "2027-02-21T00:00:00",
                "2027-02-28 UTC",
                "2027-03-01T00:00:00",
            ),
            (
                "2027-02-28T10:00:00",
                "2027-02-21T23:59:59",
                "2027-02-28 UTC",
                "2027-03-01T00:00:00",
            ),
            (
                "2027-02-28T10:00:00",
                "2027-02-22T00:00:00",
                "2027-03-01 UTC",
                "2027-03-02T00:00:00",
            ),
            // Overdue: the mail server was away for weeks.
            (
                "2027-02-28T10:00:00",
                "2027-03-20T08:00:00",
                "2027-03-27 UTC",
                "2027-03-28T00:00:00",
            ),
        ] {
            let case = format!("{expires} {notified}");
            let (expires_at, notified_at) = (at(expires), at(notified));
            let named = last_day(expires_at, Some(notified_at), notified_at);
            assert_eq!(named.to_day(), shown, "{case}");
            let unsent = last_day(expires_at, None, notified_at);
            assert_eq!(unsent, named, "{case}: while the mail is written");
            let is_removed = |now: Timestamp| {
                let due = removal_due(now);
                expires_at < due.expired_before && notified_at < due.notified_before
            };
            let removed = at(removed);
            assert!(is_removed(removed), "{case}");
            assert!(!is_removed(removed.plus(-1)), "{case}");
            assert_eq!(removed.plus(-1).to_day(), shown, "{case}");
        }
    }
}

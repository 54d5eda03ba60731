//! The steps of an order for a certificate, and when the next one is taken.

mod next;

use std::fmt;

use crate::time::Timestamp;

pub use next::{
    Answers, FailureReason, MAX_ORDERS, MAX_STARTS, NextStep, Observations, ObservedOrder,
    ObservedZone, OrderFacts, back_off_ms, clamped_retry_ms, deadline, next_step, poll_ms,
};

/// Thirty days, in milliseconds.
const THIRTY_DAYS_MS: i64 = 30 * 24 * 60 * 60 * 1_000;

/// From when on a person may renew: 30 days before the end, or its last third where that is later
/// (a certificate may live for six days).
pub fn renewable_from(not_before: Timestamp, not_after: Timestamp) -> Timestamp {
    automatic_renewal_at(not_before, not_after).max(not_after.plus(-THIRTY_DAYS_MS))
}

/// When it is renewed by itself: with one third of its life left. Lives differ (90, 45, 6 days), so
/// nothing counts but the two dates in the certificate.
pub fn automatic_renewal_at(not_before: Timestamp, not_after: Timestamp) -> Timestamp {
    not_after.plus(-(not_after.since(not_before).max(0) / 3))
}

/// When a renewal that failed, or a revocation that was not taken, is tried again by itself: after
/// 1 h, 2 h, 4 h and so on to 32 h, in milliseconds.
pub fn renewal_retry_ms(failed_before: u32) -> i64 {
    (60 * 60 * 1_000) << failed_before.min(5)
}

/// Where the values of an order for `domain` and `*.domain` stand (RFC 8555 section 8.4): one name
/// for both.
pub fn challenge_name(domain: &str) -> String {
    format!("_acme-challenge.{domain}")
}

/// The names in the certificate for a person's base domain.
pub fn certificate_names(domain: &str) -> [String; 2] {
    [format!("*.{domain}"), domain.to_owned()]
}

/// How far an order has come; each is saved before the next outside call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OrderStep {
    /// Asked for by the person; the authority knows nothing yet.
    Requested,
    /// The order's URL is saved.
    Ordered,
    /// The values of the pending authorizations are rows, and on their way into the zone.
    Publishing,
    /// The authority was asked to look at them.
    Validating,
    /// All names are proven and the private key is saved; the certificate request is handed in
    /// next.
    KeySaved,
    /// The certificate request was handed in.
    Finalizing,
    /// The certificate is there.
    Issued,
    /// It failed; the person may ask again.
    Failed,
    /// Given up, because its person or its purpose is gone.
    Abandoned,
}

impl OrderStep {
    /// Every step, in order.
    pub const ALL: [Self; 9] = [
        Self::Requested,
        Self::Ordered,
        Self::Publishing,
        Self::Validating,
        Self::KeySaved,
        Self::Finalizing,
        Self::Issued,
        Self::Failed,
        Self::Abandoned,
    ];

    /// The word that is stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Ordered => "ordered",
            Self::Publishing => "publishing",
            Self::Validating => "validating",
            Self::KeySaved => "key_saved",
            Self::Finalizing => "finalizing",
            Self::Issued => "issued",
            Self::Failed => "failed",
            Self::Abandoned => "abandoned",
        }
    }

    /// The step of that word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|step| step.as_str() == text)
    }

    /// Whether nothing follows.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Issued | Self::Failed | Self::Abandoned)
    }
}

impl fmt::Display for OrderStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 24 * 60 * 60 * 1_000;

    #[test]
    fn renewal_is_open_for_thirty_days_or_the_last_third() {
        let from = |days: i64| {
            renewable_from(
                Timestamp::from_millis(0),
                Timestamp::from_millis(days * DAY),
            )
            .as_millis()
                / DAY
        };
        assert_eq!((from(90), from(365), from(45), from(6)), (60, 335, 30, 4));
    }

    #[test]
    fn a_certificate_renews_itself_with_a_third_of_its_life_left() {
        let at = |days: i64| {
            automatic_renewal_at(
                Timestamp::from_millis(0),
                Timestamp::from_millis(days * DAY),
            )
            .as_millis()
                / DAY
        };
        assert_eq!((at(90), at(45), at(6)), (60, 30, 4));
        let (early, late) = (Timestamp::from_millis(0), Timestamp::from_millis(DAY));
        assert_eq!(
            automatic_renewal_at(late, early),
            early,
            "dates in the wrong order break nothing"
        );
    }

    #[test]
    fn renewals_that_fail_wait_longer_each_time() {
        let hours: Vec<i64> = (0..8).map(|n| renewal_retry_ms(n) / 3_600_000).collect();
        assert_eq!(hours, [1, 2, 4, 8, 16, 32, 32, 32]);
    }
}

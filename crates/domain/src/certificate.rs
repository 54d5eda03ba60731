//! The steps of an order for a certificate, and when the next one is taken.

use std::fmt;

use crate::time::Timestamp;

/// Thirty days, in milliseconds.
const THIRTY_DAYS_MS: i64 = 30 * 24 * 60 * 60 * 1_000;

/// From when on a person may renew: 30 days before the end, or its last third where that is later (a certificate may live for
/// six days).
pub fn renewable_from(not_before: Timestamp, not_after: Timestamp) -> Timestamp {
    let last_third = not_after.plus(-not_after.since(not_before) / 3);
    last_third.max(not_after.plus(-THIRTY_DAYS_MS))
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
    /// All names are proven and the private key is saved; the certificate request is handed in next.
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
        let from = |days: i64| renewable_from(Timestamp::from_millis(0), Timestamp::from_millis(days * DAY)).as_millis() / DAY;
        assert_eq!((from(90), from(365), from(45), from(6)), (60, 335, 30, 4));
    }
}

//! Certificate orders: their steps, and when certificates are renewed.

pub mod budget;
pub mod caa;
mod challenge;
mod lifetime;
mod next;
pub mod renewal_info;
mod revocation;

use std::fmt;

use strum::VariantArray;

use crate::record::RecordType;
use crate::time::Timestamp;

pub use challenge::{
    CLIENT_VALUE_KEPT_MS, CLIENT_VALUE_TTL, CLIENT_VALUES_MAX, ChallengeName, ChallengeValue,
};
pub use lifetime::{ALARM_SHARE, NOTICE_SHARE, Validity};
pub use next::{
    Answers, FailureReason, MAX_ORDERS, MAX_STARTS, NextStep, Observations, ObservedOrder,
    ObservedZone, OrderFacts, back_off_ms, clamped_retry_ms, deadline, next_step, poll_ms,
};
pub use revocation::RevocationReason;

/// Returns from when a user may renew a certificate: once its renewal is due, at `renew_at` or at
/// [`Validity::renewal_at`], whichever is earlier.
pub fn renewable_from(validity: Validity, renew_at: Timestamp) -> Timestamp {
    validity.renewal_at().min(renew_at)
}

/// Returns the back-off before a failed revocation or renewal is retried, in milliseconds: 1 h
/// after the first failure, doubled up to 32 h.
pub fn renewal_retry_ms(failed_before: u32) -> i64 {
    (60 * 60 * 1_000) << failed_before.min(5)
}

/// The label of a DNS challenge (RFC 8555 section 8.4).
pub(crate) const CHALLENGE_LABEL: &str = "_acme-challenge";

/// Returns the name of the DNS challenge for both `domain` and `*.domain` (RFC 8555 section 8.4).
pub fn challenge_name(domain: &str) -> String {
    format!("{CHALLENGE_LABEL}.{domain}")
}

/// The type of the RRset that answers a DNS challenge (RFC 8555 section 8.4).
pub const CHALLENGE_TYPE: RecordType = RecordType::Txt;

/// Returns the names in a certificate for a user's base domain.
pub fn certificate_names(domain: &str) -> [String; 2] {
    [format!("*.{domain}"), domain.to_owned()]
}

/// The persisted state of an order. Each step is saved before the next call to the CA or the zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, VariantArray)]
pub enum OrderStep {
    /// Requested by the user; the CA has no order yet.
    Requested,
    /// The CA has an order, whose URL is saved.
    Ordered,
    /// The TXT values of the pending authorizations are saved and being published.
    Publishing,
    /// The CA was asked to validate the challenges.
    Validating,
    /// All authorizations are valid and the private key is saved; finalizing comes next.
    KeySaved,
    /// The certificate signing request was sent.
    Finalizing,
    /// The certificate was issued and saved.
    Issued,
    /// The order failed; the user may request another one.
    Failed,
    /// Given up, because the user was deleted or suspended, or no longer needs it.
    Abandoned,
}

impl OrderStep {
    /// Every step, in the order they are taken.
    pub const ALL: &'static [Self] = Self::VARIANTS;

    /// Returns the word that the database stores.
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

    /// Parses the word that the database stores.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|step| step.as_str() == text)
    }

    /// Returns whether no step follows.
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

    #[test]
    fn the_back_off_of_failed_renewals_grows() {
        let hours: Vec<i64> = (0..8).map(|n| renewal_retry_ms(n) / 3_600_000).collect();
        assert_eq!(hours, [1, 2, 4, 8, 16, 32, 32, 32]);
    }
}

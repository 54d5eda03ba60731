//! ACME Renewal Information (RFC 9773): when a certificate is renewed and when the authority is
//! asked again, after an answer or a failure. The caller draws the random number.

use super::Validity;
use crate::time::Timestamp;

const MINUTE_MS: i64 = 60 * 1_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;

/// The limits of the time between two questions (RFC 9773 section 4.3.2).
const CHECK_MIN_MS: i64 = MINUTE_MS;
const CHECK_MAX_MS: i64 = DAY_MS;

/// The time until the next question after a failure that does not pass by itself soon (section
/// 4.3.3), and the longest back-off after one that does.
const LONG_TERM_MS: i64 = 6 * HOUR_MS;

/// The time until the next question to an authority without renewal information: it may offer some
/// one day.
pub const UNSUPPORTED_MS: i64 = DAY_MS;

/// The period in which the authority suggests to renew a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RenewalWindow {
    /// The start of the period.
    pub start: Timestamp,
    /// The end of the period.
    pub end: Timestamp,
}

impl RenewalWindow {
    /// Returns the instant at this fraction of the window: 0 is the start, and the largest number
    /// just before the end.
    fn at(self, fraction: u32) -> Timestamp {
        let length = i128::from(self.end.since(self.start));
        let offset = (length * i128::from(fraction)) >> u32::BITS;
        self.start.plus(i64::try_from(offset).unwrap_or(i64::MAX))
    }
}

/// What is known about a certificate's renewal before an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RenewalState {
    /// The certificate's validity period.
    pub validity: Validity,
    /// When it is renewed so far.
    pub renew_at: Timestamp,
    /// The window of the last answer.
    pub window: Option<RenewalWindow>,
    /// Failed questions since the last answer.
    pub failures: u32,
}

/// What an answer of the authority changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RenewalPlan {
    /// When the certificate is renewed.
    pub renew_at: Timestamp,
    /// When the authority is asked again.
    pub check_at: Timestamp,
    /// Whether the authority wants the renewal earlier than by its last answer.
    pub is_brought_forward: bool,
}

/// Why there is no usable answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RenewalInfoFailure {
    /// A timeout, an error of the server or a rate limit.
    Temporary {
        /// How long the authority asks to wait, in milliseconds (Retry-After).
        retry_after_ms: Option<i64>,
    },
    /// Any other failure: no connection, a refusal, an answer that cannot be read.
    LongTerm,
}

/// Decides when to renew a certificate and when to ask again, after the authority answered with
/// this window and Retry-After (RFC 9773 section 4.2). `draw` is a random number; it decides only
/// when the window is not the one of the last answer, so that the chosen instant does not wander.
///
/// # Errors
/// A window that does not end after its start is no answer: [`RenewalInfoFailure::LongTerm`].
pub fn plan(
    state: &RenewalState,
    window: RenewalWindow,
    retry_after_ms: i64,
    draw: u32,
    now: Timestamp,
) -> Result<RenewalPlan, RenewalInfoFailure> {
    if window.end <= window.start {
        return Err(RenewalInfoFailure::LongTerm);
    }
    let chosen = if state.window == Some(window) {
        state.renew_at
    } else {
        // No window may move the renewal behind the notice to the owner. An instant that has passed
        // means now, but not for a certificate that was just issued: an authority whose windows are
        // always in the past would be asked for another one every minute.
        let chosen = window.at(draw).min(state.validity.notice_at());
        chosen.max(now).max(earliest_renewal(state.validity))
    };
    Ok(RenewalPlan {
        renew_at: chosen,
        check_at: now.plus(retry_after_ms.clamp(CHECK_MIN_MS, CHECK_MAX_MS)),
        is_brought_forward: state.window.is_some_and(|last| window.start < last.start),
    })
}

/// Returns the earliest time of a renewal that the authority suggests: some hours after the issue.
fn earliest_renewal(validity: Validity) -> Timestamp {
    let age = validity.retry_limit_ms().min(LONG_TERM_MS);
    validity.not_before.plus(age)
}

/// Returns when to ask again after a failure (RFC 9773 section 4.3.3). The time of the renewal
/// stays as it is: what the last answer led to, or the certificate's own share of life.
pub fn check_after(failure: RenewalInfoFailure, failures: u32, now: Timestamp) -> Timestamp {
    now.plus(match failure {
        RenewalInfoFailure::Temporary { retry_after_ms } => {
            let back_off = (MINUTE_MS << failures.min(10)).min(LONG_TERM_MS);
            let asked = retry_after_ms.unwrap_or_default().min(CHECK_MAX_MS);
            back_off.max(asked)
        }
        RenewalInfoFailure::LongTerm => LONG_TERM_MS,
    })
}

#[cfg(test)]
mod tests;

//! Decides the next step of an order from its saved state and what was observed outside.

use super::{OrderStep, Validity};
use crate::plural::pluralize;
use crate::time::Timestamp;

/// How often one step may be started. A step that was started more often than this has probably
/// crashed its worker each time, so the order fails.
pub const MAX_STARTS: u32 = 5;
/// How many orders are created at the CA for one request of a user.
pub const MAX_ORDERS: u32 = 4;

const SECOND_MS: i64 = 1_000;
const MINUTE_MS: i64 = 60 * SECOND_MS;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;

/// How long after its creation an unfinished order fails.
const DEADLINE_MS: i64 = 3 * DAY_MS;
/// How long after its creation an order fails in any case, even if the CA asked us to wait longer.
const MAX_DEADLINE_MS: i64 = 8 * DAY_MS;
/// How long after INSYNC to wait when no name server answers at all.
const NO_ANSWER_MS: i64 = MINUTE_MS;
/// How long after INSYNC every name server must return the values.
const PROPAGATION_TIMEOUT_MS: i64 = HOUR_MS;
/// How long to wait for a validation before requesting it again.
const REVALIDATE_AFTER_MS: i64 = MINUTE_MS;

/// The saved state of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderFacts {
    /// The step that the order has reached.
    pub step: OrderStep,
    /// Whether the order's URL at the CA is saved.
    pub has_url: bool,
    /// Whether the private key and the certificate signing request are saved.
    pub has_key: bool,
    /// When its turn in the issuance budget came, or now while it waits.
    pub created_at: Timestamp,
    /// When the order reached this step.
    pub step_since: Timestamp,
    /// Until when the CA asked us to wait (Retry-After); the latest such time of all steps.
    pub ca_wait_until: Option<Timestamp>,
    /// How often this step was started, including now.
    pub starts: u32,
    /// How many orders were created at the CA.
    pub openings: u32,
    /// Whether the user is deleted or suspended.
    pub user_gone: bool,
    /// Whether it renews a certificate without a request, so that no user waits for it.
    pub automatic: bool,
}

/// What was observed outside since the last step; everything is `None` at first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Observations {
    /// The state of the order at the CA.
    pub order: Option<ObservedOrder>,
    /// How far the TXT values have been published.
    pub zone: Option<ObservedZone>,
    /// Whether no name server answered when all were queried just now.
    pub all_silent: Option<bool>,
}

/// The state of an order at the CA (RFC 8555 section 7.1.6).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ObservedOrder {
    /// This many authorizations are pending.
    Pending(usize),
    /// All authorizations are valid; the order can be finalized.
    Ready,
    /// The CA is issuing the certificate.
    Processing,
    /// The certificate was issued and can be downloaded.
    Valid,
    /// The order failed for this reason, or expired when there is none.
    Invalid(Option<String>),
    /// The CA does not know the order.
    Gone,
}

/// How far the TXT values of an order have been published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ObservedZone {
    /// Not in the zone, or not in sync yet (`PENDING`).
    UnderWay,
    /// Refused by the zone, with the reason.
    Refused(String),
    /// On all name servers according to the DNS provider.
    InSync {
        /// When the provider reported it.
        since: Timestamp,
        /// The last answers of the name servers; `None` before the first query.
        answers: Option<Answers>,
    },
}

/// How many name servers return the values: `by` of `of`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answers {
    /// Servers that return the values.
    pub by: u32,
    /// Servers that were queried.
    pub of: u32,
}

/// What the worker does next with an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NextStep {
    /// Create an order at the CA and save its URL.
    Open,
    /// Read the order at the CA.
    ReadOrder,
    /// Save the TXT values of the pending authorizations, so that they are published.
    Publish,
    /// Read how far the TXT values have been published.
    ReadZone,
    /// Query the name servers to see whether any answers at all.
    AskServers,
    /// Ask the CA to validate the challenges.
    Validate {
        /// Whether no name server could be queried before.
        unchecked: bool,
    },
    /// Create and save the private key and the certificate signing request.
    SaveKey,
    /// Send the certificate signing request.
    Finalize,
    /// Record that the certificate signing request was sent.
    NoteFinalizing,
    /// Download the certificate and finish the order.
    Fetch,
    /// Poll again later. The text tells the user why.
    Wait(Option<String>),
    /// Create another order, because the CA ended this one.
    Reopen,
    /// Mark the order as failed.
    Fail(FailureReason),
    /// Give the order up, because the user is deleted or suspended.
    Abandon,
    /// Do nothing, because the order is finished.
    Nothing,
}

/// Why an order failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FailureReason {
    /// The CA refused it, with its explanation.
    Refused(String),
    /// The order was not finished in time.
    TooLong,
    /// Not every name server returned the values.
    NotAnswered(Answers),
    /// One step was started [`MAX_STARTS`] times without finishing.
    Broken,
    /// The CA ended [`MAX_ORDERS`] orders early.
    OrdersEnded,
}

impl FailureReason {
    /// Returns whether the owner may be able to mend it: a CAA record of their own, a delegation.
    pub const fn concerns_owner(&self) -> bool {
        match self {
            Self::Refused(_) | Self::NotAnswered(_) => true,
            Self::TooLong | Self::Broken | Self::OrdersEnded => false,
        }
    }

    /// Returns a sentence for the user.
    pub fn message(&self) -> String {
        match self {
            Self::Refused(detail) => format!("The certificate authority refused it: {detail}"),
            Self::TooLong => "It could not be done in time. Please request it again.".to_owned(),
            Self::NotAnswered(Answers { by, of }) => {
                let of = pluralize(*of, "name server", "name servers");
                format!(
                    "Only {by} of {of} answered with the proof within an hour. Please request it \
                     again."
                )
            }
            Self::Broken => "A step failed again and again on our side. Please tell the \
                administrators."
                .to_owned(),
            Self::OrdersEnded => {
                "The certificate authority ended every order before it was done. Please request it \
                 again later."
                    .to_owned()
            }
        }
    }
}

/// Returns when an unfinished order fails. A wait that the CA asked for extends the time, up to a
/// maximum.
pub fn deadline(created_at: Timestamp, ca_wait_until: Option<Timestamp>) -> Timestamp {
    let usual = created_at.plus(DEADLINE_MS);
    let asked = ca_wait_until.map_or(usual, |at| at.plus(DAY_MS));
    usual.max(asked).min(created_at.plus(MAX_DEADLINE_MS))
}

/// Returns how many milliseconds to wait when the CA asks for `asked` (Retry-After): at least
/// `usual`, so that no answer causes a busy loop, and no longer than until the order fails for lack
/// of time.
pub fn clamped_retry_ms(
    created_at: Timestamp,
    now: Timestamp,
    usual: i64,
    asked: Option<i64>,
) -> i64 {
    let left = created_at.plus(MAX_DEADLINE_MS).since(now).max(0);
    asked.unwrap_or(usual).max(usual).min(left)
}

/// Decides the next step of an order from its saved state and the observations since the last step.
pub fn next_step(facts: &OrderFacts, seen: &Observations, now: Timestamp) -> NextStep {
    if facts.step.is_final() {
        return NextStep::Nothing;
    }
    if facts.user_gone {
        return NextStep::Abandon;
    }
    if facts.starts > MAX_STARTS {
        return NextStep::Fail(FailureReason::Broken);
    }
    // The CA may already have issued the certificate, or no user waits: then it gets more time.
    let end = if facts.step >= OrderStep::KeySaved || facts.automatic {
        facts.created_at.plus(MAX_DEADLINE_MS)
    } else {
        deadline(facts.created_at, facts.ca_wait_until)
    };
    if now >= end {
        return NextStep::Fail(FailureReason::TooLong);
    }
    if !facts.has_url {
        return if facts.openings >= MAX_ORDERS {
            NextStep::Fail(FailureReason::OrdersEnded)
        } else {
            NextStep::Open
        };
    }
    if facts.step == OrderStep::Publishing {
        return after_publishing(seen, now);
    }
    let Some(order) = &seen.order else {
        return NextStep::ReadOrder;
    };
    match order {
        ObservedOrder::Invalid(Some(problem)) => {
            NextStep::Fail(FailureReason::Refused(problem.clone()))
        }
        ObservedOrder::Invalid(None) | ObservedOrder::Gone => reopen(facts),
        _ if facts.step >= OrderStep::KeySaved => after_key_saved(facts, order, now),
        // No key is saved, so the certificate of this order could not be used.
        ObservedOrder::Processing | ObservedOrder::Valid => reopen(facts),
        ObservedOrder::Ready => NextStep::SaveKey,
        // All authorizations are valid; the order becomes ready shortly.
        ObservedOrder::Pending(0) => NextStep::Wait(None),
        ObservedOrder::Pending(_) if facts.step < OrderStep::Validating => NextStep::Publish,
        ObservedOrder::Pending(_) if now.since(facts.step_since) >= REVALIDATE_AFTER_MS => {
            NextStep::Validate { unchecked: false }
        }
        ObservedOrder::Pending(_) => NextStep::Wait(None),
    }
}

/// Waits until every name server returns the TXT values, or until none has answered for a while.
fn after_publishing(seen: &Observations, now: Timestamp) -> NextStep {
    let (since, answers) = match &seen.zone {
        None => return NextStep::ReadZone,
        Some(ObservedZone::UnderWay) => return NextStep::Wait(None),
        Some(ObservedZone::Refused(reason)) => return NextStep::Wait(Some(reason.clone())),
        Some(ObservedZone::InSync { since, answers }) => (*since, *answers),
    };
    let heard = answers.unwrap_or(Answers { by: 0, of: 0 });
    if heard.of > 0 && heard.by >= heard.of {
        return NextStep::Validate { unchecked: false };
    }
    let waited = now.since(since);
    if heard.by == 0 && waited >= NO_ANSWER_MS {
        match seen.all_silent {
            None => return NextStep::AskServers,
            Some(true) => return NextStep::Validate { unchecked: true },
            Some(false) => {}
        }
    }
    if waited >= PROPAGATION_TIMEOUT_MS {
        return NextStep::Fail(FailureReason::NotAnswered(heard));
    }
    NextStep::Wait(None)
}

/// Decides the steps from finalizing the order to downloading the certificate.
fn after_key_saved(facts: &OrderFacts, order: &ObservedOrder, now: Timestamp) -> NextStep {
    if !facts.has_key {
        return reopen(facts);
    }
    match (facts.step, order) {
        (OrderStep::KeySaved, ObservedOrder::Ready) => NextStep::Finalize,
        (OrderStep::KeySaved, ObservedOrder::Processing | ObservedOrder::Valid) => {
            NextStep::NoteFinalizing
        }
        (_, ObservedOrder::Valid) => NextStep::Fetch,
        // The CA never got the certificate signing request.
        (_, ObservedOrder::Ready) => NextStep::Finalize,
        _ if now >= deadline(facts.created_at, facts.ca_wait_until) => {
            NextStep::Fail(FailureReason::TooLong)
        }
        _ => NextStep::Wait(None),
    }
}

fn reopen(facts: &OrderFacts) -> NextStep {
    if facts.openings >= MAX_ORDERS {
        NextStep::Fail(FailureReason::OrdersEnded)
    } else {
        NextStep::Reopen
    }
}

/// Returns the poll interval in milliseconds, by how long the order has been waiting. It is longer
/// for automatic renewals, because no user is watching.
pub fn poll_ms(waited_ms: i64, automatic: bool) -> i64 {
    let usual = match waited_ms {
        ..=9_999 => 250,
        10_000..=59_999 => 500,
        60_000..=599_999 => SECOND_MS,
        _ => 10 * SECOND_MS,
    };
    if automatic {
        usual.max(SECOND_MS)
    } else {
        usual
    }
}

/// Returns the back-off in milliseconds after consecutive failures of the CA: for automatic
/// renewals 1, 10 and 100 minutes, then a day, or a share of the life of the certificate that is
/// renewed; for users, who wait for the page, 3 s doubled up to 10 minutes.
pub fn back_off_ms(failures: u32, automatic: bool, renewed: Option<Validity>) -> i64 {
    if automatic {
        let usual = match failures {
            0 | 1 => MINUTE_MS,
            2 => 10 * MINUTE_MS,
            3 => 100 * MINUTE_MS,
            _ => DAY_MS,
        };
        return usual.min(renewed.map_or(DAY_MS, Validity::retry_limit_ms));
    }
    ((3 * SECOND_MS) << failures.saturating_sub(1).min(10)).min(10 * MINUTE_MS)
}

#[cfg(test)]
mod tests;

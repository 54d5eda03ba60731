//! What follows: a function of what is saved and what was just seen.

use super::OrderStep;
use crate::plural::pluralize;
use crate::time::Timestamp;

/// Starts of one step after which it is not tried again: it breaks whoever runs it.
pub const MAX_STARTS: u32 = 5;
/// Orders opened at the authority for one request.
pub const MAX_ORDERS: u32 = 4;

const SECOND_MS: i64 = 1_000;
const MINUTE_MS: i64 = 60 * SECOND_MS;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;

/// An order that is not done by then has failed.
const DEADLINE_MS: i64 = 3 * DAY_MS;
/// A wait that the authority asks for moves the deadline, but never past this; then it is over,
/// whatever is made already.
const LATEST_MS: i64 = 8 * DAY_MS;
/// How long after INSYNC silent name servers are waited for.
const SILENT_FOR_MS: i64 = MINUTE_MS;
/// How long after INSYNC all name servers must have answered.
const ANSWERED_WITHIN_MS: i64 = HOUR_MS;
/// A validation that has not moved for so long is asked for again.
const ASK_AGAIN_MS: i64 = MINUTE_MS;

/// What the rows say of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderFacts {
    /// How far it has come.
    pub step: OrderStep,
    /// Whether its URL at the authority is saved.
    pub has_url: bool,
    /// Whether its private key and certificate request are saved.
    pub has_key: bool,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When it came to this step.
    pub step_since: Timestamp,
    /// Until when the authority asked us to wait, at whatever step; the latest of these moments.
    pub patient_until: Option<Timestamp>,
    /// How often this step was begun, this time included.
    pub starts: u32,
    /// Orders opened at the authority.
    pub openings: u32,
    /// Whether its person is deleted or suspended.
    pub user_gone: bool,
}

/// What was seen outside since the last step; nothing at first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Observations {
    /// The order at the authority.
    pub order: Option<ObservedOrder>,
    /// The way of the values to the name servers.
    pub zone: Option<ObservedZone>,
    /// Whether every name server stayed silent when it was asked just now.
    pub all_silent: Option<bool>,
}

/// An order as the authority tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ObservedOrder {
    /// Names are to be proven; so many authorizations are pending.
    Pending(usize),
    /// All names are proven.
    Ready,
    /// The certificate is being made.
    Processing,
    /// The certificate is there.
    Valid,
    /// It failed, and why; without a reason it expired.
    Invalid(Option<String>),
    /// The authority does not know it.
    Gone,
}

/// Where the values are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ObservedZone {
    /// Not in the zone, or not in sync yet.
    UnderWay,
    /// The zone did not take them.
    Refused(String),
    /// In sync since then, with what the name servers answered last.
    InSync {
        /// Since when.
        since: Timestamp,
        /// What was answered; none: nobody was asked yet.
        answers: Option<Answers>,
    },
}

/// `by` of `of` name servers answer with the values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answers {
    /// Servers that answer rightly.
    pub by: u32,
    /// Servers asked.
    pub of: u32,
}

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NextStep {
    /// Open an order at the authority and save its URL.
    Open,
    /// Ask how the order stands.
    ReadOrder,
    /// Make the values of the pending authorizations rows, and so bring them into the zone.
    Publish,
    /// See how far the values have come.
    ReadZone,
    /// See whether any name server answers at all.
    AskServers,
    /// Ask the authority to look at the values.
    Validate {
        /// Nobody could ask the name servers.
        unchecked: bool,
    },
    /// Make the private key and the certificate request, and save both.
    SaveKey,
    /// Hand in the certificate request.
    Finalize,
    /// Note that it was handed in.
    NoteFinalizing,
    /// Fetch the certificate and end the order with it.
    Fetch,
    /// Nothing to do yet: look again soon. The words are for its person.
    Wait(Option<String>),
    /// The order ended at the authority: begin with a new one.
    Reopen,
    /// It cannot be done.
    Fail(FailureReason),
    /// Its person is gone.
    Abandon,
    /// It has ended.
    Nothing,
}

/// Why there is no certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FailureReason {
    /// The authority says no, in its words.
    Refused(String),
    /// Too much time went by.
    TooLong,
    /// Not every name server answered.
    NotAnswered(Answers),
    /// A step broke its process again and again.
    Broken,
    /// Orders ended before they were done, again and again.
    OrdersEnded,
}

impl FailureReason {
    /// The reason in plain words, for its person.
    pub fn words(&self) -> String {
        match self {
            Self::Refused(detail) => format!("The certificate authority refused it: {detail}"),
            Self::TooLong => "It could not be done in time. Please request it again.".to_owned(),
            Self::NotAnswered(Answers { by, of }) => {
                let of = pluralize(*of, "name server", "name servers");
                format!("Only {by} of {of} answered with the proof within an hour. Please request it again.")
            }
            Self::Broken => "A step failed again and again on our side. Please tell the administrators.".to_owned(),
            Self::OrdersEnded => {
                "The certificate authority ended every order before it was done. Please request it again later.".to_owned()
            }
        }
    }
}

/// When an order has failed for want of time. A wait that the authority asked for does not count,
/// within reason.
pub fn deadline(created_at: Timestamp, patient_until: Option<Timestamp>) -> Timestamp {
    let usual = created_at.plus(DEADLINE_MS);
    let asked = patient_until.map_or(usual, |at| at.plus(DAY_MS));
    usual.max(asked).min(created_at.plus(LATEST_MS))
}

/// Milliseconds to wait where the authority asks for `asked`: never less than `usual`, so that no
/// answer makes us ask again and again, and never past the order's last moment, so that it ends
/// then.
pub fn clamped_retry_ms(
    created_at: Timestamp,
    now: Timestamp,
    usual: i64,
    asked: Option<i64>,
) -> i64 {
    let left = created_at.plus(LATEST_MS).since(now).max(0);
    asked.unwrap_or(usual).max(usual).min(left)
}

/// What to do next with an order, from what is saved and what was seen since.
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
    // What is made already is taken late, but nobody waits for ever for an authority that does not
    // hand it out.
    let made = facts.step >= OrderStep::KeySaved;
    let end = if made {
        facts.created_at.plus(LATEST_MS)
    } else {
        deadline(facts.created_at, facts.patient_until)
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
        return proven_in_zone(seen, now);
    }
    let Some(order) = &seen.order else {
        return NextStep::ReadOrder;
    };
    match order {
        ObservedOrder::Invalid(Some(problem)) => {
            NextStep::Fail(FailureReason::Refused(problem.clone()))
        }
        ObservedOrder::Invalid(None) | ObservedOrder::Gone => reopen(facts),
        _ if facts.step >= OrderStep::KeySaved => certified(facts, order, now),
        // Its certificate would be for a key that nobody has.
        ObservedOrder::Processing | ObservedOrder::Valid => reopen(facts),
        ObservedOrder::Ready => NextStep::SaveKey,
        // All are proven, and the order is about to say so.
        ObservedOrder::Pending(0) => NextStep::Wait(None),
        ObservedOrder::Pending(_) if facts.step < OrderStep::Validating => NextStep::Publish,
        ObservedOrder::Pending(_) if now.since(facts.step_since) >= ASK_AGAIN_MS => {
            NextStep::Validate { unchecked: false }
        }
        ObservedOrder::Pending(_) => NextStep::Wait(None),
    }
}

/// The values are rows: whether everybody who may be asked for them answers.
fn proven_in_zone(seen: &Observations, now: Timestamp) -> NextStep {
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
    if heard.by == 0 && waited >= SILENT_FOR_MS {
        match seen.all_silent {
            None => return NextStep::AskServers,
            Some(true) => return NextStep::Validate { unchecked: true },
            Some(false) => {}
        }
    }
    if waited >= ANSWERED_WITHIN_MS {
        return NextStep::Fail(FailureReason::NotAnswered(heard));
    }
    NextStep::Wait(None)
}

/// The key is saved: from the certificate request to the certificate.
fn certified(facts: &OrderFacts, order: &ObservedOrder, now: Timestamp) -> NextStep {
    if !facts.has_key {
        return reopen(facts);
    }
    match (facts.step, order) {
        (OrderStep::KeySaved, ObservedOrder::Ready) => NextStep::Finalize,
        (OrderStep::KeySaved, ObservedOrder::Processing | ObservedOrder::Valid) => {
            NextStep::NoteFinalizing
        }
        (_, ObservedOrder::Valid) => NextStep::Fetch,
        // It never arrived.
        (_, ObservedOrder::Ready) => NextStep::Finalize,
        _ if now >= deadline(facts.created_at, facts.patient_until) => {
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

/// Milliseconds until the next look at something that moves by itself, by how long it has taken.
/// Nobody waits for an automatic one.
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

/// Milliseconds until an authority that did not help is asked again, by how often in a row it did
/// not. Nobody waits for an automatic renewal, so it is patient: 1, 10, 100 minutes, then a day. A
/// person waits: 3 s, doubled to 10 minutes.
pub fn back_off_ms(failures: u32, automatic: bool) -> i64 {
    if automatic {
        return match failures {
            0 | 1 => MINUTE_MS,
            2 => 10 * MINUTE_MS,
            3 => 100 * MINUTE_MS,
            _ => DAY_MS,
        };
    }
    ((3 * SECOND_MS) << failures.saturating_sub(1).min(10)).min(10 * MINUTE_MS)
}

#[cfg(test)]
#[path = "next_tests.rs"]
mod tests;

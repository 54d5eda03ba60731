//! Checks everything but the signatures of a parsed response (SAML profiles 4.1.4.3).

use crate::gate::ParsedResponse;
use crate::refusal::Refusal;

/// Maximum age of a response and its assertion, in milliseconds, to which the clock skew is added.
pub(crate) const MAX_AGE_MS: i64 = 300_000;

const BEARER: &str = "urn:oasis:names:tc:SAML:2.0:cm:bearer";

/// Values that a response must match, and the clock skew that is tolerated.
#[derive(Debug)]
pub(crate) struct Expected {
    pub(crate) entity_id: String,
    pub(crate) acs_url: String,
    pub(crate) idp_entity_id: String,
    pub(crate) skew_ms: i64,
}

/// Fields of a response that passed the checks.
#[derive(Debug)]
pub(crate) struct CheckedFields {
    pub(crate) in_response_to: String,
    /// From this time on the assertion fails the checks, in Unix milliseconds.
    pub(crate) valid_until: i64,
    pub(crate) session_index: Option<String>,
}

/// Checks addressees, times, conditions and statements. `now` is in Unix milliseconds.
pub(crate) fn check(
    response: &ParsedResponse,
    expected: &Expected,
    now: i64,
) -> Result<CheckedFields, Refusal> {
    let assertion = &response.assertion;
    if response.version != "2.0" || assertion.version != "2.0" {
        return Err(Refusal::Structure("version"));
    }
    let in_response_to = check_addressees(response, expected)?;
    for (issue_instant, in_future, too_old) in [
        (
            response.issue_instant,
            "response_issued_in_future",
            "response_too_old",
        ),
        (
            assertion.issue_instant,
            "assertion_issued_in_future",
            "assertion_too_old",
        ),
    ] {
        if issue_instant > now + expected.skew_ms {
            return Err(Refusal::Clock(in_future));
        }
        if issue_instant + MAX_AGE_MS + expected.skew_ms < now {
            return Err(Refusal::Clock(too_old));
        }
    }
    let expiries = [
        check_conditions(response, expected, now)?,
        check_subject_confirmation(response, expected, now)?,
    ];
    let session_index = check_authn_statements(response, expected, now)?;
    let first_expiry = expiries
        .into_iter()
        .fold(assertion.issue_instant + MAX_AGE_MS, i64::min);
    Ok(CheckedFields {
        in_response_to,
        valid_until: first_expiry + expected.skew_ms,
        session_index,
    })
}

fn check_addressees(response: &ParsedResponse, expected: &Expected) -> Result<String, Refusal> {
    match response.issuer.as_deref() {
        None => return Err(Refusal::NotForUs("response_issuer_absent")),
        Some(issuer) if issuer != expected.idp_entity_id => {
            return Err(Refusal::NotForUs("response_issuer"));
        }
        Some(_) => {}
    }
    if response.assertion.issuer != expected.idp_entity_id {
        return Err(Refusal::NotForUs("assertion_issuer"));
    }
    match response.destination.as_deref() {
        None => return Err(Refusal::NotForUs("destination_absent")),
        Some(destination) if destination != expected.acs_url => {
            return Err(Refusal::NotForUs("destination"));
        }
        Some(_) => {}
    }
    let confirmed = response.assertion.confirmation.in_response_to.as_deref();
    match (response.in_response_to.as_deref(), confirmed) {
        (Some(outer), Some(inner)) if outer == inner && !outer.is_empty() => Ok(outer.to_owned()),
        (Some(_), Some(_)) => Err(Refusal::NotForUs("in_response_to_differs")),
        _ => Err(Refusal::Unsolicited),
    }
}

/// Checks the Conditions element (SAML core 2.5.1) and returns its NotOnOrAfter.
fn check_conditions(
    response: &ParsedResponse,
    expected: &Expected,
    now: i64,
) -> Result<i64, Refusal> {
    let conditions = response
        .assertion
        .conditions
        .as_ref()
        .ok_or(Refusal::Structure("conditions_absent"))?;
    let not_before = conditions
        .not_before
        .ok_or(Refusal::Structure("not_before_absent"))?;
    let not_on_or_after = conditions
        .not_on_or_after
        .ok_or(Refusal::Structure("not_on_or_after_absent"))?;
    if not_before >= not_on_or_after {
        return Err(Refusal::Structure("conditions_never_valid"));
    }
    if now + expected.skew_ms < not_before {
        return Err(Refusal::Clock("not_yet_valid"));
    }
    if now - expected.skew_ms >= not_on_or_after {
        return Err(Refusal::Clock("expired"));
    }
    if conditions.audiences.is_empty() {
        return Err(Refusal::NotForUs("audience_absent"));
    }
    // All restrictions must hold; one audience is enough in each (SAML core 2.5.1.4).
    if !conditions
        .audiences
        .iter()
        .all(|audiences| audiences.contains(&expected.entity_id))
    {
        return Err(Refusal::NotForUs("audience"));
    }
    Ok(not_on_or_after)
}

/// Checks the SubjectConfirmation element (SAML core 2.4.1.1, bearer method) and returns its
/// NotOnOrAfter.
fn check_subject_confirmation(
    response: &ParsedResponse,
    expected: &Expected,
    now: i64,
) -> Result<i64, Refusal> {
    let confirmation = &response.assertion.confirmation;
    if confirmation.method != BEARER {
        return Err(Refusal::Structure("not_bearer"));
    }
    match confirmation.recipient.as_deref() {
        None => return Err(Refusal::NotForUs("recipient_absent")),
        Some(recipient) if recipient != expected.acs_url => {
            return Err(Refusal::NotForUs("recipient"));
        }
        Some(_) => {}
    }
    if confirmation.has_not_before {
        return Err(Refusal::Structure("confirmation_not_before"));
    }
    let not_on_or_after = confirmation
        .not_on_or_after
        .ok_or(Refusal::Structure("confirmation_not_on_or_after"))?;
    if now - expected.skew_ms >= not_on_or_after {
        return Err(Refusal::Clock("confirmation_expired"));
    }
    Ok(not_on_or_after)
}

/// Checks the AuthnStatement elements (SAML core 2.7.2), of which at least one is required, and
/// returns the first SessionIndex.
fn check_authn_statements(
    response: &ParsedResponse,
    expected: &Expected,
    now: i64,
) -> Result<Option<String>, Refusal> {
    let statements = &response.assertion.authn_statements;
    if statements.is_empty() {
        return Err(Refusal::Structure("authn_statement_absent"));
    }
    for statement in statements {
        if statement.authn_instant > now + expected.skew_ms {
            return Err(Refusal::Clock("authn_instant_in_future"));
        }
        if statement
            .session_not_on_or_after
            .is_some_and(|end| now - expected.skew_ms >= end)
        {
            return Err(Refusal::Clock("session_over"));
        }
    }
    Ok(statements
        .iter()
        .find_map(|statement| statement.session_index.clone()))
}

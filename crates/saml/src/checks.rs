//! Checks everything but the signatures of a parsed response (SAML profiles 4.1.4.3).

use crate::gate::{Confirmation, NOT_BEARER, ParsedAssertion, ParsedResponse};
use crate::refusal::Refusal;

/// Maximum age of a response and its assertion by this machine's clock, in milliseconds. Browsers
/// post a response as soon as they receive it, so the largest clock skew leaves a minute.
const MAX_AGE_MS: i64 = 180_000;

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
    assertion: &ParsedAssertion,
    expected: &Expected,
    now: i64,
) -> Result<CheckedFields, Refusal> {
    if response.version != "2.0" || assertion.version != "2.0" {
        return Err(Refusal::Structure("version"));
    }
    let in_response_to = check_addressees(response, assertion, expected)?;
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
        if issue_instant + MAX_AGE_MS < now {
            return Err(Refusal::Clock(too_old));
        }
    }
    let conditions_end = check_conditions(assertion, expected, now)?;
    let confirmation_end = check_confirmations(assertion, expected, &in_response_to, now)?;
    let session_index = check_authn_statements(assertion, expected, now)?;
    let expiry = conditions_end.min(confirmation_end) + expected.skew_ms;
    Ok(CheckedFields {
        in_response_to,
        valid_until: expiry.min(assertion.issue_instant + MAX_AGE_MS),
        session_index,
    })
}

fn check_addressees(
    response: &ParsedResponse,
    assertion: &ParsedAssertion,
    expected: &Expected,
) -> Result<String, Refusal> {
    match response.issuer.as_deref() {
        // Optional where only an assertion in clear is signed (SAML profiles 4.1.4.2).
        None if response.signature.is_some() || response.is_encrypted => {
            return Err(Refusal::NotForUs("response_issuer_absent"));
        }
        None => {}
        Some(issuer) if issuer != expected.idp_entity_id => {
            return Err(Refusal::NotForUs("response_issuer"));
        }
        Some(_) => {}
    }
    if assertion.issuer != expected.idp_entity_id {
        return Err(Refusal::NotForUs("assertion_issuer"));
    }
    // Required even in a response that is not signed itself, where it is optional: see SECURITY.md.
    match response.destination.as_deref() {
        None => return Err(Refusal::NotForUs("destination_absent")),
        Some(destination) if destination != expected.acs_url => {
            return Err(Refusal::NotForUs("destination"));
        }
        Some(_) => {}
    }
    response
        .in_response_to
        .clone()
        .filter(|id| !id.is_empty())
        .ok_or(Refusal::Unsolicited)
}

/// Checks the Conditions element (SAML core 2.5.1) and returns its NotOnOrAfter, which is required,
/// unlike NotBefore.
fn check_conditions(
    assertion: &ParsedAssertion,
    expected: &Expected,
    now: i64,
) -> Result<i64, Refusal> {
    let conditions = assertion
        .conditions
        .as_ref()
        .ok_or(Refusal::Structure("conditions_absent"))?;
    let not_on_or_after = conditions
        .not_on_or_after
        .ok_or(Refusal::Structure("not_on_or_after_absent"))?;
    if let Some(not_before) = conditions.not_before {
        if not_before >= not_on_or_after {
            return Err(Refusal::Structure("conditions_never_valid"));
        }
        if now + expected.skew_ms < not_before {
            return Err(Refusal::Clock("not_yet_valid"));
        }
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

/// Checks the SubjectConfirmation elements, of which one must hold (SAML core 2.4.1.1), and returns
/// the NotOnOrAfter of the first that does.
fn check_confirmations(
    assertion: &ParsedAssertion,
    expected: &Expected,
    in_response_to: &str,
    now: i64,
) -> Result<i64, Refusal> {
    let mut refusal = Refusal::Structure("confirmation_absent");
    for confirmation in &assertion.confirmations {
        let checked = confirmation
            .as_ref()
            .map_err(|fault| *fault)
            .and_then(|bearer| check_bearer(bearer, expected, in_response_to, now));
        match checked {
            Ok(not_on_or_after) => return Ok(not_on_or_after),
            // A bearer's reason says more than that there is another method too.
            Err(NOT_BEARER) if refusal != Refusal::Structure("confirmation_absent") => {}
            Err(reason) => refusal = reason,
        }
    }
    Err(refusal)
}

/// Checks a SubjectConfirmation by the bearer method (SAML profiles 4.1.4.2) and returns its
/// NotOnOrAfter.
fn check_bearer(
    confirmation: &Confirmation,
    expected: &Expected,
    in_response_to: &str,
    now: i64,
) -> Result<i64, Refusal> {
    match confirmation.recipient.as_deref() {
        None => return Err(Refusal::NotForUs("recipient_absent")),
        Some(recipient) if recipient != expected.acs_url => {
            return Err(Refusal::NotForUs("recipient"));
        }
        Some(_) => {}
    }
    match confirmation.in_response_to.as_deref() {
        None => return Err(Refusal::Unsolicited),
        Some(id) if id != in_response_to => {
            return Err(Refusal::NotForUs("in_response_to_differs"));
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
    assertion: &ParsedAssertion,
    expected: &Expected,
    now: i64,
) -> Result<Option<String>, Refusal> {
    let statements = &assertion.authn_statements;
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

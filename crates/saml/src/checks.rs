//! What a response must say before it can sign somebody in (SAML profiles 4.1.4.3), on what the
//! gate read.

use crate::gate::SeenResponse;
use crate::refusal::Refusal;

/// The oldest response that is taken, in milliseconds, before the clock skew.
pub(crate) const MAX_AGE_MS: i64 = 300_000;

const BEARER: &str = "urn:oasis:names:tc:SAML:2.0:cm:bearer";

/// What "for us" means.
#[derive(Debug)]
pub(crate) struct Expected {
    pub(crate) entity_id: String,
    pub(crate) acs_url: String,
    pub(crate) idp_entity_id: String,
    pub(crate) skew_ms: i64,
}

/// What the checks establish beside "yes".
#[derive(Debug)]
pub(crate) struct Accepted {
    pub(crate) in_response_to: String,
    /// After this nobody would take the assertion again, milliseconds since 1970.
    pub(crate) valid_until: i64,
    pub(crate) session_index: Option<String>,
}

/// Checks everything but the signature. `now` is milliseconds since 1970.
pub(crate) fn check(
    seen: &SeenResponse,
    expected: &Expected,
    now: i64,
) -> Result<Accepted, Refusal> {
    let assertion = &seen.assertion;
    if seen.version != "2.0" || assertion.version != "2.0" {
        return Err(Refusal::Shape("version"));
    }
    let in_response_to = addressed_to_us(seen, expected)?;
    for (issued, early, late) in [
        (seen.issued, "response_issued_in_future", "response_too_old"),
        (
            assertion.issued,
            "assertion_issued_in_future",
            "assertion_too_old",
        ),
    ] {
        if issued > now + expected.skew_ms {
            return Err(Refusal::Clock(early));
        }
        if issued + MAX_AGE_MS + expected.skew_ms < now {
            return Err(Refusal::Clock(late));
        }
    }
    let expiries = [
        conditions(seen, expected, now)?,
        confirmation(seen, expected, now)?,
    ];
    let session_index = session(seen, expected, now)?;
    let last = expiries
        .into_iter()
        .fold(assertion.issued + MAX_AGE_MS, i64::min);
    Ok(Accepted {
        in_response_to,
        valid_until: last + expected.skew_ms,
        session_index,
    })
}

fn addressed_to_us(seen: &SeenResponse, expected: &Expected) -> Result<String, Refusal> {
    match seen.issuer.as_deref() {
        None => return Err(Refusal::NotForUs("response_issuer_absent")),
        Some(issuer) if issuer != expected.idp_entity_id => {
            return Err(Refusal::NotForUs("response_issuer"));
        }
        Some(_) => {}
    }
    if seen.assertion.issuer != expected.idp_entity_id {
        return Err(Refusal::NotForUs("assertion_issuer"));
    }
    match seen.destination.as_deref() {
        None => return Err(Refusal::NotForUs("destination_absent")),
        Some(destination) if destination != expected.acs_url => {
            return Err(Refusal::NotForUs("destination"));
        }
        Some(_) => {}
    }
    let confirmed = seen.assertion.confirmation.in_response_to.as_deref();
    match (seen.in_response_to.as_deref(), confirmed) {
        (Some(outer), Some(inner)) if outer == inner && !outer.is_empty() => Ok(outer.to_owned()),
        (Some(_), Some(_)) => Err(Refusal::NotForUs("in_response_to_differs")),
        _ => Err(Refusal::Unsolicited),
    }
}

/// Returns NotOnOrAfter.
fn conditions(seen: &SeenResponse, expected: &Expected, now: i64) -> Result<i64, Refusal> {
    let conditions = seen
        .assertion
        .conditions
        .as_ref()
        .ok_or(Refusal::Shape("conditions_absent"))?;
    let not_before = conditions
        .not_before
        .ok_or(Refusal::Shape("not_before_absent"))?;
    let not_on_or_after = conditions
        .not_on_or_after
        .ok_or(Refusal::Shape("not_on_or_after_absent"))?;
    if not_before >= not_on_or_after {
        return Err(Refusal::Shape("conditions_never_valid"));
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
    // Every restriction must hold, any audience inside one will do (SAML core 2.5.1.4).
    if !conditions
        .audiences
        .iter()
        .all(|audiences| audiences.contains(&expected.entity_id))
    {
        return Err(Refusal::NotForUs("audience"));
    }
    Ok(not_on_or_after)
}

/// Returns NotOnOrAfter.
fn confirmation(seen: &SeenResponse, expected: &Expected, now: i64) -> Result<i64, Refusal> {
    let confirmation = &seen.assertion.confirmation;
    if confirmation.method != BEARER {
        return Err(Refusal::Shape("not_bearer"));
    }
    match confirmation.recipient.as_deref() {
        None => return Err(Refusal::NotForUs("recipient_absent")),
        Some(recipient) if recipient != expected.acs_url => {
            return Err(Refusal::NotForUs("recipient"));
        }
        Some(_) => {}
    }
    if confirmation.has_not_before {
        return Err(Refusal::Shape("confirmation_not_before"));
    }
    let last = confirmation
        .not_on_or_after
        .ok_or(Refusal::Shape("confirmation_not_on_or_after"))?;
    if now - expected.skew_ms >= last {
        return Err(Refusal::Clock("confirmation_expired"));
    }
    Ok(last)
}

/// At least one sign-in, none of them in the future or over; the first session index.
fn session(seen: &SeenResponse, expected: &Expected, now: i64) -> Result<Option<String>, Refusal> {
    let statements = &seen.assertion.statements;
    if statements.is_empty() {
        return Err(Refusal::Shape("authn_statement_absent"));
    }
    for statement in statements {
        if statement.instant > now + expected.skew_ms {
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

//! What an authority's refusal means (RFC 8555 section 6.7): whose fault it is, when to ask again,
//! and how to say it.

use std::time::Duration;

use instant_acme::{Error, Problem};

use crate::authority::AuthorityError;

/// Longest part of an authority's text that is kept.
const DETAIL: usize = 600;
const URN: &str = "urn:ietf:params:acme:error:";

/// Why a request got no useful answer; travels through instant-acme and is taken out again by
/// [`authority_error`].
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// No connection, no answer in time, or half of one.
    #[error("{0}")]
    Silent(String),
    /// An address away from the authority's host.
    #[error("{0} is not the host of the directory")]
    Foreign(String),
    /// An answer that says no.
    #[error("{}", .0.detail)]
    Refused(Answer),
}

/// An answer that says no.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    status: u16,
    /// What follows `urn:ietf:params:acme:error:`.
    kind: String,
    detail: String,
    retry_after: Option<Duration>,
}

impl Answer {
    pub(crate) fn new(
        status: u16,
        problem: Option<&Problem>,
        retry_after: Option<Duration>,
    ) -> Self {
        let kind = problem
            .and_then(|problem| problem.r#type.as_deref())
            .and_then(|urn| urn.strip_prefix(URN));
        let detail = problem.map(detail_of).filter(|detail| !detail.is_empty());
        Self {
            status,
            kind: kind.unwrap_or_default().to_owned(),
            detail: detail.unwrap_or_else(|| format!("HTTP status {status}")),
            retry_after,
        }
    }

    pub(crate) fn is(&self, kind: &str) -> bool {
        self.kind == kind
    }

    /// Whether the same may be answered differently at once: a nonce, or another process that did
    /// it at the same moment.
    pub(crate) fn may_pass(&self) -> bool {
        self.status == 409 || self.is("serverInternal") || self.is("badNonce")
    }
}

/// What was asked for; the same refusal means different things.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum About {
    Account,
    NewOrder,
    /// An order, by its URL.
    Order,
    Finalize,
    Revoke,
}

/// The refusal behind an error, if there is one.
pub(crate) fn answer(error: &Error) -> Option<Answer> {
    match error {
        Error::Api(problem) => Some(Answer::new(
            problem.status.unwrap_or(400),
            Some(problem),
            None,
        )),
        Error::Other(inner) => match inner.downcast_ref::<Failure>()? {
            Failure::Refused(answer) => Some(answer.clone()),
            Failure::Silent(_) | Failure::Foreign(_) => None,
        },
        _ => None,
    }
}

/// In the port's terms.
pub(crate) fn authority_error(error: &Error, about: About) -> AuthorityError {
    if let Some(answer) = answer(error) {
        return refusal(answer, about);
    }
    match error {
        Error::Crypto | Error::KeyRejected => {
            AuthorityError::Account("the account's private key cannot be used".to_owned())
        }
        Error::Other(inner) => match inner.downcast_ref::<Failure>() {
            Some(Failure::Foreign(_)) => AuthorityError::Refused(format!(
                "The certificate authority points away from itself: {inner}."
            )),
            _ => AuthorityError::unavailable(inner.to_string()),
        },
        // Not the JSON or the headers that RFC 8555 wants: something else answers there, for now.
        _ => AuthorityError::unavailable(error.to_string()),
    }
}

fn refusal(answer: Answer, about: About) -> AuthorityError {
    let words = || in_words(&answer.kind, None, &answer.detail);
    match (answer.status, answer.kind.as_str(), about) {
        (429, ..) | (_, "rateLimited", _) => AuthorityError::RateLimited {
            retry_after: answer.retry_after,
            detail: answer.detail,
        },
        (500.., ..) | (_, "serverInternal" | "badNonce", _) => AuthorityError::Unavailable {
            retry_after: answer.retry_after,
            detail: answer.detail,
        },
        (
            _,
            "accountDoesNotExist"
            | "externalAccountRequired"
            | "userActionRequired"
            | "badPublicKey"
            | "badSignatureAlgorithm",
            _,
        )
        | (.., About::Account)
        | (_, "unauthorized", About::NewOrder) => AuthorityError::Account(answer.detail),
        // Another account's order: that account's key is gone, and so is the order for us.
        (404, ..) | (_, "orderNotReady", _) | (_, "malformed" | "unauthorized", About::Order) => {
            AuthorityError::Gone(answer.detail)
        }
        _ => AuthorityError::Refused(words()),
    }
}

/// Why the name that is proven at `fqdn` was not, or an order failed, for somebody who does not
/// know RFC 8555; the authority's words behind it.
pub(crate) fn told(problem: &Problem, fqdn: Option<&str>) -> String {
    let kind = problem
        .r#type
        .as_deref()
        .and_then(|urn| urn.strip_prefix(URN))
        .unwrap_or_default();
    in_words(kind, fqdn, &detail_of(problem))
}

fn in_words(kind: &str, fqdn: Option<&str>, detail: &str) -> String {
    let words = match kind {
        "unauthorized" | "incorrectResponse" => {
            "The certificate authority did not find the TXT record that proves the name"
        }
        "dns" => "The certificate authority could not look up the TXT record that proves the name",
        "connection" | "tls" => "The certificate authority could not reach the name servers",
        "caa" => "A CAA record of the domain forbids this certificate authority to issue",
        "rejectedIdentifier" | "unsupportedIdentifier" => {
            "The certificate authority gives no certificates for this name"
        }
        "badCSR" => "The certificate authority did not take the certificate request",
        "rateLimited" => "The certificate authority was asked too often",
        _ => "The certificate authority refused",
    };
    let at = fqdn.map_or_else(String::new, |fqdn| format!(" ({fqdn})"));
    if detail.is_empty() {
        format!("{words}{at}.")
    } else {
        format!("{words}{at}. It says: {detail}")
    }
}

/// The text of a problem and its parts, without control characters, cut where it gets long.
fn detail_of(problem: &Problem) -> String {
    let own = problem.detail.iter().cloned();
    let parts = problem.subproblems.iter().map(ToString::to_string);
    let all: Vec<String> = own.chain(parts).collect();
    all.join("; ")
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(DETAIL)
        .collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests fail by panicking")]
    use super::*;

    fn said(status: u16, kind: &str, about: About) -> AuthorityError {
        let json = format!(
            r#"{{"type":"{URN}{kind}","detail":"Some\u001b[31m words","status":{status}}}"#
        );
        let problem: Problem = serde_json::from_str(&json).unwrap();
        let answer = Answer::new(status, Some(&problem), Some(Duration::from_secs(7)));
        authority_error(&Error::Other(Box::new(Failure::Refused(answer))), about)
    }

    #[test]
    fn refusals_say_what_to_do_next() {
        use AuthorityError::{Account, Gone, RateLimited, Refused};
        let words = "Some [31m words".to_owned();
        let limited = RateLimited {
            retry_after: Some(Duration::from_secs(7)),
            detail: words.clone(),
        };
        let later = AuthorityError::Unavailable {
            retry_after: Some(Duration::from_secs(7)),
            detail: words.clone(),
        };
        for (status, kind, about, meaning) in [
            (429, "rateLimited", About::NewOrder, limited.clone()),
            (400, "rateLimited", About::Finalize, limited.clone()),
            (429, "malformed", About::Order, limited),
            (500, "serverInternal", About::Order, later.clone()),
            (503, "", About::Finalize, later.clone()),
            (400, "badNonce", About::NewOrder, later),
            (404, "malformed", About::Order, Gone(words.clone())),
            (400, "malformed", About::Order, Gone(words.clone())),
            (403, "unauthorized", About::Order, Gone(words.clone())),
            (403, "orderNotReady", About::Finalize, Gone(words.clone())),
            (403, "unauthorized", About::NewOrder, Account(words.clone())),
            (
                400,
                "accountDoesNotExist",
                About::Order,
                Account(words.clone()),
            ),
            (
                403,
                "userActionRequired",
                About::NewOrder,
                Account(words.clone()),
            ),
            (400, "malformed", About::Account, Account(words.clone())),
        ] {
            assert_eq!(
                said(status, kind, about),
                meaning,
                "{status} {kind} {about:?}"
            );
        }
        for (status, kind, about, plain) in [
            (
                400,
                "rejectedIdentifier",
                About::NewOrder,
                "gives no certificates for this name",
            ),
            (403, "caa", About::Finalize, "CAA record"),
            (400, "badCSR", About::Finalize, "certificate request"),
            (
                403,
                "unauthorized",
                About::Finalize,
                "did not find the TXT record",
            ),
            (400, "malformed", About::NewOrder, "refused"),
        ] {
            let Refused(text) = said(status, kind, about) else {
                panic!("{status} {kind}")
            };
            assert!(
                text.contains(plain) && text.ends_with(&format!("It says: {words}")),
                "{text}"
            );
        }
    }

    #[test]
    fn an_answer_without_a_problem_document_is_told_by_its_status() {
        let answer =
            |status| Error::Other(Box::new(Failure::Refused(Answer::new(status, None, None))));
        assert_eq!(
            authority_error(&answer(502), About::Order),
            AuthorityError::unavailable("HTTP status 502")
        );
        let limited = AuthorityError::RateLimited {
            retry_after: None,
            detail: "HTTP status 429".to_owned(),
        };
        assert_eq!(authority_error(&answer(429), About::Order), limited);
    }
}

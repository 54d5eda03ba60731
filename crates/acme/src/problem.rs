//! Maps error responses (RFC 8555 section 6.7) to [`AuthorityError`]: what to do next, and a text
//! for the user.

use std::time::Duration;

use instant_acme::{Error, Problem};

use crate::authority::AuthorityError;

/// Characters kept of an authority's text.
const MAX_DETAIL_CHARS: usize = 600;
const ERROR_URN: &str = "urn:ietf:params:acme:error:";

/// Why a request failed. It passes through instant-acme as `Error::Other`; [`authority_error`] and
/// [`error_response`] read it back.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RequestFailure {
    /// No connection, or a response that is cut off or too large.
    #[error("{0}")]
    NoResponse(String),
    /// No complete response in time.
    #[error("{0}")]
    TimedOut(String),
    /// The URL has another origin than the directory URL.
    #[error("{0} is not the host of the directory")]
    OtherOrigin(String),
    /// A response with an error status.
    #[error("{}", .0.detail)]
    Refused(ErrorResponse),
}

/// A response with an error status.
#[derive(Debug, Clone)]
pub(crate) struct ErrorResponse {
    status: u16,
    /// The problem's `type` after `urn:ietf:params:acme:error:`; may be empty.
    error_type: String,
    detail: String,
    retry_after: Option<Duration>,
}

impl ErrorResponse {
    pub(crate) fn new(
        status: u16,
        problem: Option<&Problem>,
        retry_after: Option<Duration>,
    ) -> Self {
        let error_type = problem.and_then(error_type_of);
        let detail = problem.map(detail_of).filter(|detail| !detail.is_empty());
        Self {
            status,
            error_type: error_type.unwrap_or_default().to_owned(),
            detail: detail.unwrap_or_else(|| format!("HTTP status {status}")),
            retry_after,
        }
    }

    /// Whether the problem has this type (RFC 8555 section 6.7).
    pub(crate) fn is_type(&self, error_type: &str) -> bool {
        self.error_type == error_type
    }

    /// Whether the failure may pass by itself soon: an error of the server, or a rate limit.
    pub(crate) fn is_temporary(&self) -> bool {
        matches!(self.status, 429 | 500..) || self.is_type("rateLimited")
    }

    /// Returns how long the authority asks to wait (Retry-After).
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// Whether the authority may have refused a new order because of the certificate that it
    /// replaces (RFC 9773 section 5): that one is replaced already, or unknown, or not ours.
    pub(crate) fn may_concern_replaced(&self) -> bool {
        const TYPES: [&str; 3] = ["alreadyReplaced", "malformed", "unauthorized"];
        matches!(self.status, 404 | 409) || TYPES.iter().any(|it| self.is_type(it))
    }

    /// Whether the same request may succeed at once: after a rejected nonce, or when another
    /// process made it at the same time. Never when the authority asks to wait.
    pub(crate) fn is_retryable(&self) -> bool {
        let may_succeed =
            self.status == 409 || self.is_type("serverInternal") || self.is_type("badNonce");
        may_succeed && self.retry_after.is_none()
    }
}

/// The kind of request, on which the meaning of an error type depends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RequestKind {
    Account,
    NewOrder,
    /// A request about an existing order.
    Order,
    Finalize,
    Revoke,
}

/// Returns the error response behind an error of instant-acme, if there is one.
pub(crate) fn error_response(error: &Error) -> Option<ErrorResponse> {
    match error {
        Error::Api(problem) => Some(ErrorResponse::new(
            problem.status.unwrap_or(400),
            Some(problem),
            None,
        )),
        Error::Other(inner) => match inner.downcast_ref::<RequestFailure>()? {
            RequestFailure::Refused(response) => Some(response.clone()),
            RequestFailure::NoResponse(_)
            | RequestFailure::TimedOut(_)
            | RequestFailure::OtherOrigin(_) => None,
        },
        _ => None,
    }
}

/// Maps an error of instant-acme to the port's error.
pub(crate) fn authority_error(error: &Error, request: RequestKind) -> AuthorityError {
    if let Some(response) = error_response(error) {
        return refusal(response, request);
    }
    match error {
        Error::Crypto | Error::KeyRejected => {
            AuthorityError::Account("the account's private key cannot be used".to_owned())
        }
        Error::Other(inner) => match inner.downcast_ref::<RequestFailure>() {
            Some(RequestFailure::OtherOrigin(_)) => AuthorityError::Refused(format!(
                "The certificate authority refers to another host: {inner}."
            )),
            _ => AuthorityError::unavailable(inner.to_string()),
        },
        // The response is not one of RFC 8555: a proxy or another server may have sent it.
        _ => AuthorityError::unavailable(error.to_string()),
    }
}

fn refusal(response: ErrorResponse, request: RequestKind) -> AuthorityError {
    let explanation = || explain(&response.error_type, None, &response.detail);
    match (response.status, response.error_type.as_str(), request) {
        (429, ..) | (_, "rateLimited", _) => AuthorityError::RateLimited {
            retry_after: response.retry_after,
            detail: response.detail,
        },
        (500.., ..) | (_, "serverInternal" | "badNonce", _) => AuthorityError::Unavailable {
            retry_after: response.retry_after,
            detail: response.detail,
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
        | (.., RequestKind::Account)
        | (_, "unauthorized", RequestKind::NewOrder) => AuthorityError::Account(response.detail),
        (_, "invalidProfile", _) => AuthorityError::Profile(response.detail),
        // `unauthorized` for an order: it belongs to an account whose key was replaced.
        (404, ..)
        | (_, "orderNotReady", _)
        | (_, "malformed" | "unauthorized", RequestKind::Order) => {
            AuthorityError::Gone(response.detail)
        }
        _ => AuthorityError::Refused(explanation()),
    }
}

/// Explains to a user why an order failed, or why the validation at `fqdn` failed. The authority's
/// own text follows.
pub(crate) fn problem_text(problem: &Problem, fqdn: Option<&str>) -> String {
    let error_type = error_type_of(problem).unwrap_or_default();
    explain(error_type, fqdn, &detail_of(problem))
}

fn error_type_of(problem: &Problem) -> Option<&str> {
    problem.r#type.as_deref()?.strip_prefix(ERROR_URN)
}

fn explain(error_type: &str, fqdn: Option<&str>, detail: &str) -> String {
    let explanation = match error_type {
        "unauthorized" | "incorrectResponse" => {
            "The certificate authority did not find the TXT record that proves the name"
        }
        "dns" => "The certificate authority could not look up the TXT record that proves the name",
        "connection" | "tls" => "The certificate authority could not reach the name servers",
        "caa" => "A CAA record of the domain forbids this certificate authority to issue",
        "rejectedIdentifier" | "unsupportedIdentifier" => {
            "The certificate authority does not issue certificates for this name"
        }
        "badCSR" => "The certificate authority did not accept the certificate request",
        "rateLimited" => "The certificate authority received too many requests",
        _ => "The certificate authority refused",
    };
    let at = fqdn.map_or_else(String::new, |fqdn| format!(" ({fqdn})"));
    if detail.is_empty() {
        format!("{explanation}{at}.")
    } else {
        format!("{explanation}{at}. It says: {detail}")
    }
}

/// The text of a problem and its subproblems, without control characters, shortened.
fn detail_of(problem: &Problem) -> String {
    let own = problem.detail.iter().cloned();
    let parts = problem.subproblems.iter().map(ToString::to_string);
    let all: Vec<String> = own.chain(parts).collect();
    all.join("; ")
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(MAX_DETAIL_CHARS)
        .collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests fail by panicking")]
    use super::*;

    /// JSON with an escaped control character.
    const DETAIL: &str = r"Some\u001b[31m words";

    fn mapped(status: u16, error_type: &str, request: RequestKind) -> AuthorityError {
        let json = format!(
            r#"{{"type":"{ERROR_URN}{error_type}","detail":"{DETAIL}","status":{status}}}"#
        );
        let problem: Problem = serde_json::from_str(&json).unwrap();
        let response = ErrorResponse::new(status, Some(&problem), Some(Duration::from_secs(7)));
        let failure = RequestFailure::Refused(response);
        authority_error(&Error::Other(Box::new(failure)), request)
    }

    #[test]
    fn an_error_response_is_mapped_by_status_type_and_request() {
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
        for (status, error_type, request, expected) in [
            (429, "rateLimited", RequestKind::NewOrder, limited.clone()),
            (400, "rateLimited", RequestKind::Finalize, limited.clone()),
            (429, "malformed", RequestKind::Order, limited),
            (500, "serverInternal", RequestKind::Order, later.clone()),
            (503, "", RequestKind::Finalize, later.clone()),
            (400, "badNonce", RequestKind::NewOrder, later),
            (404, "malformed", RequestKind::Order, Gone(words.clone())),
            (400, "malformed", RequestKind::Order, Gone(words.clone())),
            (403, "unauthorized", RequestKind::Order, Gone(words.clone())),
            (
                403,
                "orderNotReady",
                RequestKind::Finalize,
                Gone(words.clone()),
            ),
            (
                403,
                "unauthorized",
                RequestKind::NewOrder,
                Account(words.clone()),
            ),
            (
                400,
                "accountDoesNotExist",
                RequestKind::Order,
                Account(words.clone()),
            ),
            (
                403,
                "userActionRequired",
                RequestKind::NewOrder,
                Account(words.clone()),
            ),
            (
                400,
                "malformed",
                RequestKind::Account,
                Account(words.clone()),
            ),
        ] {
            assert_eq!(
                mapped(status, error_type, request),
                expected,
                "{status} {error_type} {request:?}"
            );
        }
        for (status, error_type, request, explanation) in [
            (
                400,
                "rejectedIdentifier",
                RequestKind::NewOrder,
                "does not issue certificates for this name",
            ),
            (403, "caa", RequestKind::Finalize, "CAA record"),
            (400, "badCSR", RequestKind::Finalize, "certificate request"),
            (
                403,
                "unauthorized",
                RequestKind::Finalize,
                "did not find the TXT record",
            ),
            (400, "malformed", RequestKind::NewOrder, "refused"),
        ] {
            let Refused(text) = mapped(status, error_type, request) else {
                panic!("{status} {error_type}")
            };
            assert!(
                text.contains(explanation) && text.ends_with(&format!("It says: {words}")),
                "{text}"
            );
        }
    }

    #[test]
    fn a_response_without_a_problem_document_is_mapped_by_its_status() {
        let response = |status| {
            let response = ErrorResponse::new(status, None, None);
            Error::Other(Box::new(RequestFailure::Refused(response)))
        };
        assert_eq!(
            authority_error(&response(502), RequestKind::Order),
            AuthorityError::unavailable("HTTP status 502")
        );
        let limited = AuthorityError::RateLimited {
            retry_after: None,
            detail: "HTTP status 429".to_owned(),
        };
        assert_eq!(authority_error(&response(429), RequestKind::Order), limited);
    }
}

//! Tests of the classification of failed requests. Codes and statuses are those of the Route53 API
//! reference.

use aws_sdk_route53::error::ConnectorError;

use super::*;

/// The variants of [`ProviderError`] without their texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Throttled,
    Busy,
    NoAnswer,
    Unavailable,
    Denied,
    Rejected,
}

fn kind_of(error: &ProviderError) -> Kind {
    match error {
        ProviderError::Throttled => Kind::Throttled,
        ProviderError::Busy => Kind::Busy,
        ProviderError::NoAnswer(_) => Kind::NoAnswer,
        ProviderError::Unavailable(_) => Kind::Unavailable,
        ProviderError::Denied(_) => Kind::Denied,
        ProviderError::Rejected(_) => Kind::Rejected,
    }
}

#[test]
fn each_code_and_status_has_its_error_and_advice() {
    use Kind::{Busy, Denied, NoAnswer, Rejected, Throttled, Unavailable};
    let key = "AWS_SECRET_ACCESS_KEY are not accepted";
    let policy = "policy of AWS_ACCESS_KEY_ID lacks a permission";
    for (status, code, kind, advice) in [
        (400, Some("Throttling"), Throttled, ""),
        (400, Some("ThrottlingException"), Throttled, ""),
        (503, Some("RequestLimitExceeded"), Throttled, ""),
        (400, Some("TooManyRequestsException"), Throttled, ""),
        (503, Some("SlowDown"), Throttled, ""),
        (429, None, Throttled, ""),
        (429, Some("Unknown"), Throttled, ""),
        (400, Some("PriorRequestNotComplete"), Busy, ""),
        (
            404,
            Some("NoSuchHostedZone"),
            Denied,
            "HOSTED_ZONE_ID is no hosted zone",
        ),
        (403, Some("AccessDenied"), Denied, policy),
        (403, Some("AccessDeniedException"), Denied, policy),
        (400, Some("NotAuthorized"), Denied, policy),
        (403, Some("OptInRequired"), Denied, policy),
        (
            403,
            Some("ExpiredToken"),
            Denied,
            "AWS_SESSION_TOKEN has expired",
        ),
        (
            400,
            Some("ExpiredTokenException"),
            Denied,
            "AWS_SESSION_TOKEN has expired",
        ),
        (400, Some("RequestExpired"), Denied, "clock is wrong"),
        (400, Some("AuthFailure"), Denied, key),
        (400, Some("IncompleteSignature"), Denied, key),
        (403, Some("InvalidAccessKeyId"), Denied, key),
        (403, Some("InvalidClientTokenId"), Denied, key),
        (400, Some("InvalidSignatureException"), Denied, key),
        (400, Some("MissingAuthenticationToken"), Denied, key),
        (400, Some("SignatureDoesNotMatch"), Denied, key),
        (400, Some("UnrecognizedClientException"), Denied, key),
        (401, None, Denied, key),
        (403, None, Denied, key),
        (
            500,
            Some("InternalFailure"),
            NoAnswer,
            "InternalFailure (HTTP 500): said",
        ),
        (503, Some("ServiceUnavailable"), NoAnswer, "said"),
        (
            502,
            None,
            NoAnswer,
            "HTTP 502 without an error code, perhaps from a proxy",
        ),
        (400, Some("InvalidInput"), Rejected, "said"),
        (499, Some("Unknown"), Rejected, "said"),
        (400, None, Unavailable, "HTTP 400 without an error code"),
        (
            404,
            None,
            Unavailable,
            "check the network, and AWS_ENDPOINT_URL if set",
        ),
        (302, Some("Moved"), Unavailable, "Moved (HTTP 302): said"),
        (200, None, NoAnswer, "HTTP 200"),
    ] {
        let error = response_error(status, code, Some("said"));
        assert_eq!(kind_of(&error), kind, "{status} {code:?}: {error}");
        assert!(
            error.to_string().contains(advice),
            "{status} {code:?}: {error}"
        );
    }
    let without_message = response_error(400, Some("InvalidInput"), None);
    let expected = ProviderError::Rejected("InvalidInput (HTTP 400)".to_owned());
    assert_eq!(without_message, expected);
}

#[test]
fn a_missing_permission_is_named() {
    let denied = |code| response_error(403, Some(code), Some("said"));
    let error = denied_without(denied("AccessDenied"), "route53:GetChange");
    assert_eq!(kind_of(&error), Kind::Denied);
    let text = error.to_string();
    assert!(
        text.contains("allow route53:GetChange: the IAM policy"),
        "{text}"
    );
    for other in [denied("InvalidAccessKeyId"), ProviderError::Busy] {
        assert_eq!(denied_without(other.clone(), "route53:GetChange"), other);
    }
}

type Failed = SdkError<ChangeResourceRecordSetsError, HttpResponse>;

fn dispatch(kind: io::ErrorKind) -> Failed {
    SdkError::dispatch_failure(ConnectorError::io(io::Error::from(kind).into()))
}

fn io_message(message: &str) -> Failed {
    SdkError::dispatch_failure(ConnectorError::io(message.into()))
}

/// What was certainly never sent is unavailable; anything else may have taken effect.
#[test]
fn a_failure_before_the_connection_is_unavailable() {
    use io::ErrorKind;
    for (failure, kind) in [
        (dispatch(ErrorKind::ConnectionRefused), Kind::Unavailable),
        (dispatch(ErrorKind::HostUnreachable), Kind::Unavailable),
        (dispatch(ErrorKind::NetworkUnreachable), Kind::Unavailable),
        (dispatch(ErrorKind::AddrNotAvailable), Kind::Unavailable),
        (dispatch(ErrorKind::ConnectionReset), Kind::NoAnswer),
        (dispatch(ErrorKind::BrokenPipe), Kind::NoAnswer),
        (dispatch(ErrorKind::UnexpectedEof), Kind::NoAnswer),
        (io_message("dns error: no such host"), Kind::Unavailable),
        (
            io_message("failed to perform DNS lookup"),
            Kind::Unavailable,
        ),
        (
            io_message("HTTP connect timeout after 2s"),
            Kind::Unavailable,
        ),
        (io_message("HTTP read timeout after 5s"), Kind::NoAnswer),
        (
            SdkError::dispatch_failure(ConnectorError::user("bad header".into())),
            Kind::Unavailable,
        ),
        (
            SdkError::construction_failure("bad request"),
            Kind::Unavailable,
        ),
        (SdkError::timeout_error("five seconds"), Kind::NoAnswer),
    ] {
        let error = provider_error(&failure);
        assert_eq!(kind_of(&error), kind, "{failure:?}: {error}");
        let change = change_error(&failure, &[]);
        let is_unknown = matches!(change, ChangeError::OutcomeUnknown(_));
        assert_eq!(is_unknown, kind == Kind::NoAnswer, "{failure:?}: {change}");
    }
}

#[derive(Debug, thiserror::Error)]
#[error("handshake failed")]
struct Handshake(#[source] io::Error);

#[test]
fn the_cause_is_told_without_the_wrappers_of_the_sdk() {
    let error = provider_error(&dispatch(io::ErrorKind::ConnectionRefused));
    assert_eq!(
        error.to_string(),
        "the DNS provider cannot be reached (check the network, and AWS_ENDPOINT_URL if set: \
         connection refused)"
    );
    let handshake = Handshake(io::ErrorKind::ConnectionReset.into());
    let failure: Failed = SdkError::dispatch_failure(ConnectorError::io(handshake.into()));
    let expected = "the DNS provider gave no clear answer: handshake failed: connection reset";
    assert_eq!(provider_error(&failure).to_string(), expected);
    let error = provider_error(&dispatch(io::ErrorKind::ConnectionReset));
    let expected = "the DNS provider gave no clear answer: connection reset";
    assert_eq!(error.to_string(), expected);
}

#[test]
fn the_messages_of_a_bare_refusal_are_read() {
    let batch = |messages: &str| {
        format!("<?xml version=\"1.0\"?>\n<InvalidChangeBatch>{messages}</InvalidChangeBatch>")
    };
    for (body, expected) in [
        (
            batch("<Messages><Message>one</Message></Messages>"),
            vec!["one"],
        ),
        (
            batch("<Messages><Message> one </Message>\n<Message>two</Message></Messages>"),
            vec!["one", "two"],
        ),
        (
            batch("<Message>&lt;a&gt; &quot;b&quot; &apos;c&#39; &amp;lt;</Message>"),
            vec!["<a> \"b\" 'c' &lt;"],
        ),
        (batch(""), vec!["the change batch is invalid"]),
        (
            "<ErrorResponse><Message>one</Message></ErrorResponse>".to_owned(),
            vec![],
        ),
        (String::new(), vec![]),
    ] {
        assert_eq!(messages_in(&body), expected, "{body}");
    }
}

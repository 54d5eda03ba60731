//! Classifies failed Route53 requests as [`ZoneError`]s.

use std::error::Error;
use std::io;

use aws_sdk_route53::config::http::HttpResponse;
use aws_sdk_route53::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_route53::operation::change_resource_record_sets::ChangeResourceRecordSetsError;

use starchart_domain::error::error_chain;

use crate::zone::ZoneError;

/// Classifies a failed change and extracts the messages of a refusal.
pub(super) fn change_error(
    error: &SdkError<ChangeResourceRecordSetsError, HttpResponse>,
) -> ZoneError {
    let mut messages = Vec::new();
    if let SdkError::ServiceError(service) = error {
        if let ChangeResourceRecordSetsError::InvalidChangeBatch(invalid) = service.err() {
            messages.extend(invalid.messages().iter().cloned());
            if messages.is_empty() {
                messages.extend(invalid.message().map(str::to_owned));
            }
        }
        if messages.is_empty() {
            messages = bare_messages(service.raw());
        }
    }
    zone_error(error, messages)
}

/// Classifies a failed request. `messages` are those of a refusal, if the caller found any.
pub(super) fn zone_error<E>(error: &SdkError<E, HttpResponse>, messages: Vec<String>) -> ZoneError
where
    E: ProvideErrorMetadata + Error + 'static,
{
    if !messages.is_empty() {
        return ZoneError::Refused { messages };
    }
    match error {
        SdkError::ConstructionFailure(_) => ZoneError::Unavailable(root_cause(error)),
        SdkError::DispatchFailure(failure) if failure.is_user() || never_connected(error) => {
            ZoneError::Unavailable(root_cause(error))
        }
        SdkError::ServiceError(service) => response_error(
            service.raw().status().as_u16(),
            service.err().code(),
            service.err().message(),
        ),
        SdkError::ResponseError(response) => {
            match response_error(response.raw().status().as_u16(), None, None) {
                // A success status with a body that the SDK cannot parse.
                ZoneError::Unavailable(_) | ZoneError::OutcomeUnknown(_) => {
                    ZoneError::OutcomeUnknown(root_cause(error))
                }
                known => known,
            }
        }
        // Timeouts, connections lost after sending, and variants that the SDK may add.
        _ => ZoneError::OutcomeUnknown(root_cause(error)),
    }
}

/// Classifies an error response by status and code ("Common errors" and the operations' own errors
/// in the Route53 API reference).
fn response_error(status: u16, code: Option<&str>, message: Option<&str>) -> ZoneError {
    let description = || match (code, message) {
        (Some(code), Some(message)) => format!("{code} (HTTP {status}): {message}"),
        (Some(code), None) => format!("{code} (HTTP {status})"),
        (None, _) => {
            format!("HTTP {status} without an error code, perhaps from a proxy or another server")
        }
    };
    let denied = |advice: &str| ZoneError::Denied(format!("{advice}: {}", description()));
    match (status, code) {
        (
            _,
            Some(
                "Throttling"
                | "ThrottlingException"
                | "RequestLimitExceeded"
                | "TooManyRequestsException"
                | "SlowDown",
            ),
        )
        | (429, _) => ZoneError::Throttled,
        (_, Some("PriorRequestNotComplete")) => ZoneError::Busy,
        (_, Some("NoSuchHostedZone")) => {
            denied("AWS_ROUTE53_HOSTED_ZONE_ID is no hosted zone of this account; correct it")
        }
        (_, Some("AccessDenied" | "AccessDeniedException" | "NotAuthorized" | "OptInRequired")) => {
            denied("the IAM policy of AWS_ACCESS_KEY_ID lacks a permission; complete the policy")
        }
        (_, Some("ExpiredToken" | "ExpiredTokenException")) => {
            denied("AWS_SESSION_TOKEN has expired; renew the credentials")
        }
        (_, Some("RequestExpired")) => denied("this machine's clock is wrong; set it by NTP"),
        (
            _,
            Some(
                "AuthFailure"
                | "IncompleteSignature"
                | "InvalidAccessKeyId"
                | "InvalidClientTokenId"
                | "InvalidSignatureException"
                | "MissingAuthenticationToken"
                | "SignatureDoesNotMatch"
                | "UnrecognizedClientException",
            ),
        )
        | (401 | 403, _) => {
            denied("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not accepted; correct them")
        }
        (500.., _) => ZoneError::OutcomeUnknown(description()),
        (400..=499, Some(_)) => ZoneError::Refused {
            messages: vec![message.map_or_else(description, str::to_owned)],
        },
        // Route53 always sends an error code, so this is a proxy or another server.
        _ => ZoneError::Unavailable(description()),
    }
}

/// Returns whether the request was certainly never sent; false when in doubt.
fn never_connected(error: &(dyn Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(io) = error.downcast_ref::<io::Error>() {
            use io::ErrorKind::{
                AddrNotAvailable, ConnectionRefused, HostUnreachable, NetworkUnreachable,
            };
            if matches!(
                io.kind(),
                AddrNotAvailable | ConnectionRefused | HostUnreachable | NetworkUnreachable
            ) {
                return true;
            }
        }
        // The SDK does not export these error types, so compare their messages.
        let message = error.to_string();
        if [
            "dns error",
            "failed to perform DNS lookup",
            "HTTP connect timeout",
        ]
        .iter()
        .any(|sign| message.contains(sign))
        {
            return true;
        }
        next = error.source();
    }
    false
}

/// Formats the error without the generic wrappers of the SDK's layers.
fn root_cause(error: &(dyn Error + 'static)) -> String {
    let is_wrapper = |message: &str| {
        [
            "dispatch failure",
            "io error",
            "other",
            "unhandled error",
            "service error",
        ]
        .contains(&message)
            || message.starts_with("client error (")
    };
    let mut next = Some(error);
    while let Some(error) = next {
        next = error.source();
        if next.is_none() || !is_wrapper(&error.to_string()) {
            return error_chain(error);
        }
    }
    String::new()
}

/// Extracts the messages of an `<InvalidChangeBatch><Messages><Message>…` body. Route53 uses this
/// form besides the usual `<ErrorResponse>`, and the SDK finds neither code nor message in it.
fn bare_messages(response: &HttpResponse) -> Vec<String> {
    let body = response
        .body()
        .bytes()
        .map(String::from_utf8_lossy)
        .unwrap_or_default();
    let Some((_, batch)) = body.split_once("<InvalidChangeBatch") else {
        return Vec::new();
    };
    let messages: Vec<_> = batch
        .split("<Message>")
        .skip(1)
        .filter_map(|rest| rest.split_once("</Message>"))
        .map(|(message, _)| unescape(message.trim()))
        .collect();
    if messages.is_empty() {
        vec!["the change batch is invalid".to_owned()]
    } else {
        messages
    }
}

fn unescape(xml: &str) -> String {
    xml.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&apos;", "'")
        .replace("&#39;", "'")
        .replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_responses_are_classified() {
        assert_eq!(
            response_error(400, Some("Throttling"), Some("Rate exceeded")),
            ZoneError::Throttled
        );
        assert_eq!(
            response_error(400, Some("PriorRequestNotComplete"), None),
            ZoneError::Busy
        );
        for (status, code, setting) in [
            (403, Some("AccessDenied"), "policy of AWS_ACCESS_KEY_ID"),
            (
                404,
                Some("NoSuchHostedZone"),
                "AWS_ROUTE53_HOSTED_ZONE_ID is no hosted zone",
            ),
            (
                403,
                Some("SignatureDoesNotMatch"),
                "AWS_SECRET_ACCESS_KEY are not accepted",
            ),
            (403, Some("ExpiredToken"), "AWS_SESSION_TOKEN has expired"),
            (403, None, "AWS_SECRET_ACCESS_KEY are not accepted"),
        ] {
            let error = response_error(status, code, Some("said"));
            assert!(
                matches!(&error, ZoneError::Denied(text) if text.contains(setting)),
                "{error}"
            );
        }
        assert!(matches!(
            response_error(503, Some("ServiceUnavailable"), None),
            ZoneError::OutcomeUnknown(_)
        ));
        assert!(matches!(
            response_error(502, None, None),
            ZoneError::OutcomeUnknown(_)
        ));
        assert!(matches!(
            response_error(404, None, None),
            ZoneError::Unavailable(_)
        ));
        assert_eq!(
            response_error(400, Some("InvalidInput"), Some("Missing field")),
            ZoneError::Refused {
                messages: vec!["Missing field".to_owned()]
            }
        );
    }
}

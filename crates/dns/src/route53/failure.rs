//! What a failed request says about the zone.

use std::error::Error;
use std::io;

use aws_sdk_route53::config::http::HttpResponse;
use aws_sdk_route53::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_route53::operation::change_resource_record_sets::ChangeResourceRecordSetsError;

use starchart_domain::error::error_chain;

use crate::zone::ZoneError;

/// A failed change, with the sentences of a refusal.
pub(super) fn of_change(
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
    of(error, messages)
}

/// A failed request. `messages` are those of a refusal where the caller found some.
pub(super) fn of<E>(error: &SdkError<E, HttpResponse>, messages: Vec<String>) -> ZoneError
where
    E: ProvideErrorMetadata + Error + 'static,
{
    if !messages.is_empty() {
        return ZoneError::Refused { messages };
    }
    match error {
        SdkError::ConstructionFailure(_) => ZoneError::Unavailable(chain_without_sdk_layers(error)),
        SdkError::DispatchFailure(failure) if failure.is_user() || never_connected(error) => {
            ZoneError::Unavailable(chain_without_sdk_layers(error))
        }
        SdkError::ServiceError(service) => answered(
            service.raw().status().as_u16(),
            service.err().code(),
            service.err().message(),
        ),
        SdkError::ResponseError(response) => {
            match answered(response.raw().status().as_u16(), None, None) {
                // An answer that says yes and cannot be read.
                ZoneError::Unavailable(_) | ZoneError::OutcomeUnknown(_) => {
                    ZoneError::OutcomeUnknown(chain_without_sdk_layers(error))
                }
                known => known,
            }
        }
        // Timeouts, connections lost after sending, and whatever the SDK adds.
        _ => ZoneError::OutcomeUnknown(chain_without_sdk_layers(error)),
    }
}

/// By status and code ("Common errors" and the operations' own in the Route53 API reference).
fn answered(status: u16, code: Option<&str>, message: Option<&str>) -> ZoneError {
    let told = || match (code, message) {
        (Some(code), Some(message)) => format!("{code} (HTTP {status}): {message}"),
        (Some(code), None) => format!("{code} (HTTP {status})"),
        (None, _) => {
            format!("HTTP {status} without a reason, perhaps from a proxy or another server")
        }
    };
    let denied = |advice: &str| ZoneError::Denied(format!("{advice}: {}", told()));
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
            denied("AWS_ROUTE53_HOSTED_ZONE_ID names no zone of this account: correct it")
        }
        (_, Some("AccessDenied" | "AccessDeniedException" | "NotAuthorized" | "OptInRequired")) => {
            denied("the key in AWS_ACCESS_KEY_ID may not do this in the zone: complete its policy")
        }
        (_, Some("ExpiredToken" | "ExpiredTokenException")) => {
            denied("AWS_SESSION_TOKEN has expired: renew the credentials")
        }
        (_, Some("RequestExpired")) => denied("this machine's clock is wrong: set it by NTP"),
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
            denied("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not accepted: correct them")
        }
        (500.., _) => ZoneError::OutcomeUnknown(told()),
        (400..=499, Some(_)) => ZoneError::Refused {
            messages: vec![message.map_or_else(told, str::to_owned)],
        },
        // Not Route53's way to answer: a proxy or another server stands in between.
        _ => ZoneError::Unavailable(told()),
    }
}

/// Whether the request was certainly never sent. A doubt counts as sent.
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
        // The SDK keeps these types to itself, so only their words are left.
        let words = error.to_string();
        if [
            "dns error",
            "failed to perform DNS lookup",
            "HTTP connect timeout",
        ]
        .iter()
        .any(|sign| words.contains(sign))
        {
            return true;
        }
        next = error.source();
    }
    false
}

/// Formats an error with its causes, leaving out the layers that say nothing but where in the SDK.
fn chain_without_sdk_layers(error: &(dyn Error + 'static)) -> String {
    let layer = |words: &str| {
        [
            "dispatch failure",
            "io error",
            "other",
            "unhandled error",
            "service error",
        ]
        .contains(&words)
            || words.starts_with("client error (")
    };
    let mut next = Some(error);
    while let Some(error) = next {
        next = error.source();
        if next.is_none() || !layer(&error.to_string()) {
            return error_chain(error);
        }
    }
    String::new()
}

/// The sentences of an `<InvalidChangeBatch><Messages><Message>…` answer. Route53 has used this
/// form beside the usual `<ErrorResponse>`; the SDK finds neither code nor message in it.
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
    fn answers_say_what_became_of_the_change() {
        assert_eq!(
            answered(400, Some("Throttling"), Some("Rate exceeded")),
            ZoneError::Throttled
        );
        assert_eq!(
            answered(400, Some("PriorRequestNotComplete"), None),
            ZoneError::Busy
        );
        for (status, code, setting) in [
            (
                403,
                Some("AccessDenied"),
                "AWS_ACCESS_KEY_ID may not do this",
            ),
            (
                404,
                Some("NoSuchHostedZone"),
                "AWS_ROUTE53_HOSTED_ZONE_ID names no zone",
            ),
            (
                403,
                Some("SignatureDoesNotMatch"),
                "AWS_SECRET_ACCESS_KEY are not accepted",
            ),
            (403, Some("ExpiredToken"), "AWS_SESSION_TOKEN has expired"),
            (403, None, "AWS_SECRET_ACCESS_KEY are not accepted"),
        ] {
            let told = answered(status, code, Some("said"));
            assert!(
                matches!(&told, ZoneError::Denied(text) if text.contains(setting)),
                "{told}"
            );
        }
        assert!(matches!(
            answered(503, Some("ServiceUnavailable"), None),
            ZoneError::OutcomeUnknown(_)
        ));
        assert!(matches!(
            answered(502, None, None),
            ZoneError::OutcomeUnknown(_)
        ));
        assert!(matches!(
            answered(404, None, None),
            ZoneError::Unavailable(_)
        ));
        assert_eq!(
            answered(400, Some("InvalidInput"), Some("Missing field")),
            ZoneError::Refused {
                messages: vec!["Missing field".to_owned()]
            }
        );
    }
}

//! Classifies failed Route53 requests as errors of the port.

use std::error::Error;
use std::io;

use aws_sdk_route53::config::http::HttpResponse;
use aws_sdk_route53::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_route53::operation::change_resource_record_sets::ChangeResourceRecordSetsError;

use starchart_domain::error::error_chain;

use super::attribution::attribute;
use crate::provider::{Change, ChangeError, ProviderError};

const LACKS_PERMISSION: &str =
    "the IAM policy of AWS_ACCESS_KEY_ID lacks a permission; complete the policy";

/// Classifies a failed change and attributes a refusal to the RRsets of the batch.
pub(super) fn change_error(
    error: &SdkError<ChangeResourceRecordSetsError, HttpResponse>,
    changes: &[Change],
) -> ChangeError {
    let messages = refusal_messages(error);
    if !messages.is_empty() {
        return refusal(&messages, changes);
    }
    match provider_error(error) {
        ProviderError::Rejected(message) => refusal(&[message], changes),
        ProviderError::NoAnswer(cause) => ChangeError::OutcomeUnknown(cause),
        error => error.into(),
    }
}

/// Returns the refusal of a batch for these messages.
pub(super) fn refusal(messages: &[String], changes: &[Change]) -> ChangeError {
    ChangeError::Refused(attribute(messages, changes))
}

/// Extracts the messages of a refusal; empty when the change failed for another reason.
fn refusal_messages(error: &SdkError<ChangeResourceRecordSetsError, HttpResponse>) -> Vec<String> {
    let SdkError::ServiceError(service) = error else {
        return Vec::new();
    };
    let mut messages = Vec::new();
    if let ChangeResourceRecordSetsError::InvalidChangeBatch(invalid) = service.err() {
        messages.extend(invalid.messages().iter().cloned());
        if messages.is_empty() {
            messages.extend(invalid.message().map(str::to_owned));
        }
    }
    if messages.is_empty() {
        let body = service.raw().body().bytes().unwrap_or_default();
        messages = messages_in(&String::from_utf8_lossy(body));
    }
    messages
}

/// Names the permission that an access key needs, if the request was denied for lack of one.
pub(super) fn denied_without(error: ProviderError, permission: &str) -> ProviderError {
    match error {
        ProviderError::Denied(cause) if cause.starts_with(LACKS_PERMISSION) => {
            ProviderError::Denied(format!("allow {permission}: {cause}"))
        }
        error => error,
    }
}

/// Classifies a failed request.
pub(super) fn provider_error<E>(error: &SdkError<E, HttpResponse>) -> ProviderError
where
    E: ProvideErrorMetadata + Error + 'static,
{
    match error {
        SdkError::ConstructionFailure(_) => unreachable(&root_cause(error)),
        SdkError::DispatchFailure(failure) if failure.is_user() || never_connected(error) => {
            unreachable(&root_cause(error))
        }
        SdkError::ServiceError(service) => response_error(
            service.raw().status().as_u16(),
            service.err().code(),
            service.err().message(),
        ),
        SdkError::ResponseError(response) => {
            match response_error(response.raw().status().as_u16(), None, None) {
                // A success status with a body that the SDK cannot parse.
                ProviderError::Unavailable(_) | ProviderError::NoAnswer(_) => {
                    ProviderError::NoAnswer(root_cause(error))
                }
                known => known,
            }
        }
        // Timeouts, connections lost after sending, and variants that the SDK may add.
        _ => ProviderError::NoAnswer(root_cause(error)),
    }
}

fn unreachable(cause: &str) -> ProviderError {
    ProviderError::Unavailable(format!(
        "check the network, and AWS_ENDPOINT_URL if set: {cause}"
    ))
}

/// Classifies an error response by status and code ("Common errors" and the operations' own errors
/// in the Route53 API reference).
fn response_error(status: u16, code: Option<&str>, message: Option<&str>) -> ProviderError {
    let description = || match (code, message) {
        (Some(code), Some(message)) => format!("{code} (HTTP {status}): {message}"),
        (Some(code), None) => format!("{code} (HTTP {status})"),
        (None, _) => {
            format!("HTTP {status} without an error code, perhaps from a proxy or another server")
        }
    };
    let denied = |advice: &str| ProviderError::Denied(format!("{advice}: {}", description()));
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
        | (429, _) => ProviderError::Throttled,
        (_, Some("PriorRequestNotComplete")) => ProviderError::Busy,
        (_, Some("NoSuchHostedZone")) => {
            denied("AWS_ROUTE53_HOSTED_ZONE_ID is no hosted zone of this account; correct it")
        }
        (_, Some("AccessDenied" | "AccessDeniedException" | "NotAuthorized" | "OptInRequired")) => {
            denied(LACKS_PERMISSION)
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
        // A success whose body the SDK cannot read may have taken effect.
        (200..=299 | 500.., _) => ProviderError::NoAnswer(description()),
        (400..=499, Some(_)) => {
            ProviderError::Rejected(message.map_or_else(description, str::to_owned))
        }
        // Route53 always sends an error code, so this is a proxy or another server.
        _ => unreachable(&description()),
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
fn messages_in(body: &str) -> Vec<String> {
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
mod tests;

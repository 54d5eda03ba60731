//! How each protocol says that a request failed.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, HttpResponseBuilder};
use serde_json::json;

use super::channel::Channel;
use crate::actions::ActionError;
use crate::errors::Failure;

/// Renders a failure in the words of a protocol with words of its own; `None` for one that takes
/// problem details (RFC 9457).
pub(crate) fn render(
    builder: &mut HttpResponseBuilder,
    channel: Channel,
    failure: &Failure,
) -> Option<HttpResponse> {
    match channel {
        Channel::Page | Channel::Rest | Channel::Httpreq => None,
        Channel::PowerDns => Some(builder.json(json!({ "error": detail(failure) }))),
        Channel::AcmeDns => Some(builder.json(json!({ "error": acme_dns_word(failure) }))),
        Channel::DynDns => {
            let word = format!("{}\n", dyndns_word(failure));
            Some(builder.content_type("text/plain; charset=utf-8").body(word))
        }
    }
}

/// Says what happened, in deSEC's sentences where its clients compare them or read a number.
pub(crate) fn detail(failure: &Failure) -> String {
    match failure {
        Failure::NotFound => "Not found.".to_owned(),
        Failure::TooMany { retry_after } => {
            format!("Request was throttled. Expected available in {retry_after} seconds.")
        }
        Failure::Unauthorized(reason) => (*reason).to_owned(),
        Failure::BadRequest(reason) => format!("Bad request: {reason}."),
        Failure::UnsupportedMediaType(reason) => format!("Unsupported media type: {reason}."),
        Failure::MethodNotAllowed(_) => "The method is not offered here.".to_owned(),
        Failure::TooLarge => "The body is too large. Nothing was changed.".to_owned(),
        Failure::Action(ActionError::Denied(denial)) => denial.to_string(),
        other => format!("{}. {}", other.title(), other.advice()),
    }
}

/// Returns the error code of acme-dns that is nearest.
fn acme_dns_word(failure: &Failure) -> &'static str {
    match failure.status() {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::NOT_FOUND => "forbidden",
        StatusCode::BAD_REQUEST | StatusCode::UNSUPPORTED_MEDIA_TYPE => "malformed_json_payload",
        StatusCode::UNPROCESSABLE_ENTITY => "bad_txt",
        StatusCode::TOO_MANY_REQUESTS => "rate_limited",
        _ => "db_error",
    }
}

/// Returns the return code of dyndns2 that is nearest.
fn dyndns_word(failure: &Failure) -> &'static str {
    match failure.status() {
        StatusCode::UNAUTHORIZED => "badauth",
        StatusCode::FORBIDDEN | StatusCode::NOT_FOUND => "nohost",
        StatusCode::BAD_REQUEST => "notfqdn",
        StatusCode::TOO_MANY_REQUESTS => "abuse",
        status if status.is_client_error() => "dnserr",
        _ => "911",
    }
}

//! How each protocol says that a request failed.

use actix_web::{HttpResponse, HttpResponseBuilder};
use serde_json::json;

use super::channel::Channel;
use super::{acme_dns, dyndns};
use crate::actions::ActionError;
use crate::api::rest::certificate::PKCS12_PASSWORD;
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
        // acme-dns has the word only; clients print the whole.
        Channel::AcmeDns => {
            let error = acme_dns::error_word(failure);
            let detail = format!("{}{}", detail(failure), acme_dns::advice(failure));
            Some(builder.json(json!({ "error": error, "detail": detail })))
        }
        Channel::DynDns => {
            let line = dyndns::failure_line(failure);
            Some(builder.content_type("text/plain; charset=utf-8").body(line))
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
        Failure::BadRequest(reason) => format!("{}: {reason}.", failure.title()),
        Failure::UnsupportedMediaType(reason) => format!("Unsupported media type: {reason}."),
        Failure::MethodNotAllowed(_) => "The method is not offered here.".to_owned(),
        Failure::TooLarge => "The body is too large. Nothing was changed.".to_owned(),
        Failure::Action(ActionError::Denied(denial)) => denial.to_string(),
        Failure::Action(ActionError::Password(fault)) => {
            format!("Header {PKCS12_PASSWORD}: {fault}")
        }
        other => format!("{}. {}", other.title(), other.advice()),
    }
}

//! The one map from a failure to an HTTP response: a page, or problem details (RFC 9457) for a
//! client that prefers JSON. Logs the cause once; no cause reaches a client.

use std::collections::BTreeMap;

use actix_web::http::Method;
use actix_web::http::header::{ACCEPT, ALLOW, CONNECTION, RETRY_AFTER, VARY, WWW_AUTHENTICATE};
use actix_web::{HttpResponse, HttpResponseBuilder};
use askama::Template;
use starchart_domain::error::error_chain;
use starchart_domain::fault::Field;

use crate::accept::prefers_json;
use crate::api::channel::Channel;
use crate::api::errors::{self as api_errors, detail};
use crate::context::RequestContext;
use crate::errors::Failure;
use crate::pages::ErrorPage;
use crate::pages::sign_in::SignInRefusedPage;
use crate::problem::{FieldProblem, NON_FIELD_ERRORS, PROBLEM_TYPE, Problem};
use crate::typed::typed_fields;

/// Below this path, also where no route is, every failure is problem details, whatever the client
/// accepts.
pub(crate) const API_PREFIX: &str = "/api/";

/// Logs the failure and returns it with status, advice and request id.
pub(crate) fn response(context: &RequestContext, failure: &Failure) -> HttpResponse {
    log(failure);
    let mut builder = HttpResponse::build(failure.status());
    match failure {
        Failure::MethodNotAllowed(methods) => {
            let list = methods
                .iter()
                .map(Method::as_str)
                .collect::<Vec<_>>()
                .join(", ");
            builder.insert_header((ALLOW, list));
        }
        // Reading the rest of the body would only cost time.
        Failure::TooLarge => {
            builder.insert_header((CONNECTION, "close")).force_close();
        }
        Failure::Unauthorized(_) => {
            builder.insert_header((WWW_AUTHENTICATE, context.channel.challenge()));
        }
        _ => {}
    }
    if let Some(retry_after_s) = failure.retry_after_s() {
        builder.insert_header((RETRY_AFTER, retry_after_s));
    }
    builder.append_header((VARY, ACCEPT.as_str()));
    if let Some(response) = api_errors::render(&mut builder, context.channel, failure) {
        return response;
    }
    let is_api = context.channel != Channel::Page || context.req.path().starts_with(API_PREFIX);
    if is_api {
        send_problem(&mut builder, context, failure, detail(failure))
    } else if prefers_json(&context.req) {
        let detail = format!("{}. {}", failure.title(), failure.advice());
        send_problem(&mut builder, context, failure, detail)
    } else {
        send_page(&mut builder, render(context, failure), &context.request_id)
    }
}

fn log(failure: &Failure) {
    match failure {
        // The watch of the database logs an outage, once for all requests.
        Failure::Store(error) if error.is_outage() => {
            tracing::debug!(error = error_chain(error), "request failed");
        }
        Failure::Store(_) | Failure::Render(_) | Failure::Internal(_) => {
            tracing::error!(error = error_chain(failure), "request failed");
        }
        Failure::KeyWithheld | Failure::CrossSiteDownload => {
            tracing::warn!(reason = %failure, "private key download refused");
        }
        Failure::CsrfRejected(reason) => {
            tracing::warn!(reason, "form refused: it does not come from our own page");
        }
        // The sign-in logs its own line with the reason.
        Failure::SignIn(_) => {}
        other => tracing::debug!(error = %other, "request refused"),
    }
}

/// Renders the page. Sets no cookie: at the assertion consumer service the browser sends none of
/// ours, and a new one would end a sign-in that another tab has in progress.
fn render(context: &RequestContext, failure: &Failure) -> Result<String, askama::Error> {
    let layout = context.error_layout();
    let request_id = context.request_id.clone();
    let typed = typed_fields(&context.posted);
    if let Failure::SignIn(refusal) = failure {
        return SignInRefusedPage {
            layout,
            refusal: *refusal,
            typed,
            can_repeat: failure.is_worth_repeating(),
            request_id,
        }
        .render();
    }
    ErrorPage {
        layout,
        failure,
        typed,
        app_url: context.app.origin(),
        request_id,
    }
    .render()
}

fn send_page(
    builder: &mut HttpResponseBuilder,
    html: Result<String, askama::Error>,
    request_id: &str,
) -> HttpResponse {
    match html {
        Ok(html) => builder.content_type("text/html; charset=utf-8").body(html),
        Err(error) => {
            tracing::error!(error = error_chain(&error), "error page not rendered");
            builder
                .content_type("text/plain; charset=utf-8")
                .body(format!("Something went wrong. Request ID: {request_id}\n"))
        }
    }
}

fn send_problem(
    builder: &mut HttpResponseBuilder,
    context: &RequestContext,
    failure: &Failure,
    detail: String,
) -> HttpResponse {
    let status = failure.status();
    let errors = failure.faults().into_iter().map(|(field, fault)| {
        let name = match context.channel {
            Channel::Rest => member_name(field),
            _ => field_name(field),
        };
        let is_member = context.channel == Channel::Rest && field != Field::Form;
        FieldProblem {
            field: name,
            pointer: is_member.then(|| format!("/{name}")),
            detail: fault.to_string(),
        }
    });
    let problem = Problem {
        r#type: PROBLEM_TYPE,
        title: status.canonical_reason().unwrap_or_default(),
        status: status.as_u16(),
        detail,
        request_id: &context.request_id,
        confirm: failure.confirmation(),
        errors: errors.collect(),
        by_field: BTreeMap::new(),
    };
    builder
        .content_type("application/problem+json")
        .json(problem)
}

/// Returns the member of a record in the REST API.
fn member_name(field: Field) -> &'static str {
    match field {
        Field::Name => "subname",
        Field::Part(_) => "value",
        Field::Form => NON_FIELD_ERRORS,
        other => field_name(other),
    }
}

fn field_name(field: Field) -> &'static str {
    match field {
        Field::Name => "name",
        Field::Type => "type",
        Field::Value => "value",
        Field::Part(name) => name,
        Field::Ttl => "ttl",
        Field::Ports => "ports",
        Field::Course => "course",
        Field::Description => "description",
        Field::Form => "record",
    }
}

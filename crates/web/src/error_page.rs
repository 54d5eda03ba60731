//! The one map from a failure to an HTTP response. Logs the cause once; no cause reaches a browser.

use actix_web::http::header::{ALLOW, CONNECTION, RETRY_AFTER};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpResponse, HttpResponseBuilder};
use askama::Template;
use starchart_domain::error::error_chain;

use crate::context::RequestContext;
use crate::errors::Failure;
use crate::views::{ErrorKind, ErrorPage, SignInRefusal, SignInRefusedPage};

/// Seconds after which a user may retry to sign in while an import is pending.
const IMPORT_RETRY_AFTER_S: u64 = 900;

/// Logs the failure and returns its page with status, advice and request id.
pub(crate) fn response(context: &RequestContext, failure: &Failure) -> HttpResponse {
    log(failure);
    if let Failure::SignIn(refusal) = failure {
        return sign_in_refused(context, *refusal);
    }
    let kind = failure.kind();
    let page = ErrorPage {
        layout: context.error_layout(),
        kind,
        app_url: context.app.origin(),
        request_id: context.request_id.clone(),
    };
    let status = StatusCode::from_u16(kind.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut builder = HttpResponse::build(status);
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
        _ => {}
    }
    if let ErrorKind::TooMany { retry_after } | ErrorKind::Unavailable { retry_after } = kind {
        builder.insert_header((RETRY_AFTER, retry_after));
    }
    send(&mut builder, page.render(), &context.request_id)
}

fn log(failure: &Failure) {
    match failure {
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

/// Sets no cookie: at the assertion consumer service the browser sends none of ours, and a new
/// one would end a sign-in that another tab has in progress.
fn sign_in_refused(context: &RequestContext, refusal: SignInRefusal) -> HttpResponse {
    let page = SignInRefusedPage {
        layout: context.error_layout(),
        refusal,
        request_id: context.request_id.clone(),
    };
    let mut builder = match refusal {
        SignInRefusal::ImportPending => HttpResponse::ServiceUnavailable(),
        _ => HttpResponse::Forbidden(),
    };
    if refusal == SignInRefusal::ImportPending {
        builder.insert_header((RETRY_AFTER, IMPORT_RETRY_AFTER_S));
    }
    send(&mut builder, page.render(), &context.request_id)
}

fn send(
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

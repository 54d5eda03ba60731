//! Logs, traces and counts every request. Never logs queries, client addresses or names of users.

use std::time::Instant;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::HeaderValue;
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, web};
use starchart_domain::token::TokenId;
use starchart_domain::user::UserId;
use tracing::Instrument;

use crate::app::App;
use crate::headers::X_REQUEST_ID;
use crate::unread_body;

/// The request id, as an extension of the request.
#[derive(Debug, Clone)]
pub(crate) struct RequestId(pub(crate) String);

/// The user of a request for the log, as an extension of the request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LoggedUser {
    /// The user who signed in.
    pub(crate) signed_in: UserId,
    /// The user whom that admin impersonates.
    pub(crate) on_behalf_of: Option<UserId>,
    /// The API token of the request.
    pub(crate) token: Option<TokenId>,
}

/// Characters of a path in the log at most.
const MAX_PATH_CHARS: usize = 200;

/// The outermost middleware: assigns a request id, logs and counts the request, and adds the
/// headers that every response has.
pub(crate) async fn observe(
    req: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let request_id = new_request_id();
    let method = req.method().clone();
    let path = loggable_path(req.path());
    let app = req.app_data::<web::Data<App>>().cloned();
    req.extensions_mut().insert(RequestId(request_id.clone()));
    let span = tracing::info_span!("request", request_id = %request_id);
    let started = Instant::now();
    let result = next.call(req).instrument(span.clone()).await;
    let took = started.elapsed();
    let ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    let mut response = result.inspect_err(|error| {
        if let Some(app) = &app {
            let status = error.as_response_error().status_code();
            app.metrics.count(&method, None, status, took);
        }
        span.in_scope(|| tracing::warn!(%method, %path, ms, %error, "request aborted"));
    })?;
    let logged_user = response.request().extensions().get::<LoggedUser>().copied();
    let user = logged_user.map(|user| user.signed_in.0);
    let on_behalf_of = logged_user
        .and_then(|user| user.on_behalf_of)
        .map(|impersonated| impersonated.0);
    let token = logged_user.and_then(|user| user.token).map(|token| token.0);
    let status = response.status().as_u16();
    // Load balancers ask every few seconds.
    if matches!(path.as_str(), "/healthcheck" | "/alive") {
        span.in_scope(|| tracing::debug!(%method, %path, status, ms, "answered"));
    } else {
        span.in_scope(
            || tracing::info!(%method, %path, status, ms, user, on_behalf_of, token, "answered"),
        );
    }
    if let Some(app) = app {
        app.metrics.count(
            &method,
            response.request().match_pattern().as_deref(),
            response.status(),
            took,
        );
        app.security_headers.apply(response.headers_mut());
    }
    if let Ok(value) = HeaderValue::from_str(&request_id) {
        response.headers_mut().insert(X_REQUEST_ID, value);
    }
    Ok(unread_body::attach(response))
}

/// Generates 80 random bits in hex, short enough to be dictated over the telephone.
fn new_request_id() -> String {
    hex::encode(rand::random::<[u8; 10]>())
}

fn loggable_path(path: &str) -> String {
    path.chars()
        .take(MAX_PATH_CHARS)
        .map(|c| if c.is_control() { '?' } else { c })
        .collect()
}

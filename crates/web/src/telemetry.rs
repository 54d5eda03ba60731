//! A number, a span and a line in the log for every request. No query, no address, no name of a
//! person goes into them.

use std::time::Instant;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::HeaderValue;
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, web};
use starchart_domain::user::UserId;
use tracing::Instrument;

use crate::config::App;
use crate::headers::X_REQUEST_ID;
use crate::unread;

/// The number of a request, in its extensions.
#[derive(Debug, Clone)]
pub(crate) struct RequestId(pub(crate) String);

/// Who made a request, in its extensions, for the log.
#[derive(Debug, Clone, Copy)]
pub(crate) struct By {
    /// Who signed in.
    pub(crate) user: UserId,
    /// Whom that admin impersonates.
    pub(crate) in_place_of: Option<UserId>,
}

/// Characters of a path in the log at most.
const PATH_MAX: usize = 200;

/// Around everything else: numbers the request, writes its line, adds the headers that every answer
/// carries.
pub(crate) async fn around(
    req: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let id = new_id();
    let (method, path) = (req.method().clone(), short(req.path()));
    let app = req.app_data::<web::Data<App>>().cloned();
    req.extensions_mut().insert(RequestId(id.clone()));
    let span = tracing::info_span!("request", request_id = %id);
    let started = Instant::now();
    let result = next.call(req).instrument(span.clone()).await;
    let took = started.elapsed();
    let ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    let mut response = result.inspect_err(|fault| {
        if let Some(app) = &app {
            app.metrics
                .count(&method, None, fault.as_response_error().status_code(), took);
        }
        span.in_scope(
            || tracing::warn!(%method, %path, ms, error = %fault, "a request was not answered"),
        );
    })?;
    let by = response.request().extensions().get::<By>().copied();
    let (user, in_place_of) = (
        by.map(|by| by.user.0),
        by.and_then(|by| by.in_place_of).map(|other| other.0),
    );
    let status = response.status().as_u16();
    // Asked every few seconds by others than people.
    if matches!(path.as_str(), "/healthcheck" | "/alive") {
        span.in_scope(|| tracing::debug!(%method, %path, status, ms, "answered"));
    } else {
        span.in_scope(|| tracing::info!(%method, %path, status, ms, user, in_place_of, "answered"));
    }
    if let Some(app) = app {
        app.metrics.count(
            &method,
            response.request().match_pattern().as_deref(),
            response.status(),
            took,
        );
        app.policy.apply(response.headers_mut());
    }
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(X_REQUEST_ID, value);
    }
    Ok(unread::attach(response))
}

/// 80 random bits, written in a way that can be read out over the telephone.
fn new_id() -> String {
    rand::random::<[u8; 10]>()
        .iter()
        .map(|octet| format!("{octet:02x}"))
        .collect()
}

fn short(path: &str) -> String {
    path.chars()
        .take(PATH_MAX)
        .map(|c| if c.is_control() { '?' } else { c })
        .collect()
}

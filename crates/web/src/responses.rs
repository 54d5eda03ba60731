//! Responses of handlers: pages and redirects.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::LOCATION;
use askama::Template;

use crate::errors::Failure;

/// Renders a page with this status.
pub(crate) fn page(status: StatusCode, template: &impl Template) -> Result<HttpResponse, Failure> {
    let html = template.render()?;
    Ok(HttpResponse::build(status)
        .content_type("text/html; charset=utf-8")
        .body(html))
}

/// Renders a page with status 200.
pub(crate) fn ok(template: &impl Template) -> Result<HttpResponse, Failure> {
    page(StatusCode::OK, template)
}

/// Redirects with 303 See Other.
pub(crate) fn see_other(location: &str) -> HttpResponse {
    HttpResponse::SeeOther()
        .insert_header((LOCATION, location))
        .finish()
}

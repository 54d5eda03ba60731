//! HTML responses of the demo's pages.

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY};
use tracing::warn;

/// The Content-Security-Policy of pages whose forms stay on this server.
pub(crate) const SELF_ONLY_CSP: &str = "default-src 'none'; style-src 'self'; form-action 'self'";

/// Responds with a rendered page, or with status 500 when its template failed.
pub(crate) fn html_response(page: askama::Result<String>, csp: &str) -> HttpResponse {
    match page {
        Ok(body) => HttpResponse::Ok()
            .content_type("text/html; charset=utf-8")
            .insert_header((CACHE_CONTROL, "no-store"))
            .insert_header((CONTENT_SECURITY_POLICY, csp))
            .body(body),
        Err(error) => {
            warn!(%error, "a page of the demo could not be rendered");
            HttpResponse::InternalServerError().finish()
        }
    }
}

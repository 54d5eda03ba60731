//! What machines ask for.

use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use actix_web::HttpResponse;
use serde_json::json;
use starchart_store::SchemaState;

use crate::config::{App, Readiness};
use crate::errors::Failure;
use crate::visit::Visit;

/// A health check that takes longer says no.
const HEALTH_TIMEOUT: Duration = Duration::from_secs(3);

/// `GET /healthcheck`: the database answers, the schema fits, and we are not about to stop.
pub(crate) async fn health(visit: Rc<Visit>) -> Result<HttpResponse, Failure> {
    let ready = tokio::time::timeout(HEALTH_TIMEOUT, is_ready(&visit.app))
        .await
        .unwrap_or(false);
    Ok(match ready {
        true => HttpResponse::Ok().json(json!({ "status": "ok" })),
        false => HttpResponse::InternalServerError().json(json!({ "status": "error" })),
    })
}

/// `GET /alive`.
pub(crate) async fn alive(visit: Rc<Visit>) -> Result<HttpResponse, Failure> {
    Ok(alive_answer(&visit.app.readiness))
}

/// What `GET /alive` says: the start is over and this process answers. One that only waits for its
/// database is not to be replaced.
pub fn alive_answer(readiness: &Readiness) -> HttpResponse {
    match readiness.is_alive() {
        true => HttpResponse::Ok().json(json!({ "status": "alive" })),
        false => HttpResponse::ServiceUnavailable().json(json!({ "status": "starting" })),
    }
}

async fn is_ready(app: &App) -> bool {
    let readiness = &app.readiness;
    let Ok(store) = app.store() else { return false };
    if readiness.draining.load(Ordering::SeqCst) {
        return false;
    }
    if readiness.schema_fits.load(Ordering::SeqCst) {
        return store.ping().await.is_ok();
    }
    let fits = matches!(
        store.schema().await,
        Ok(SchemaState::Fits | SchemaState::Newer(_))
    );
    readiness.schema_fits.store(fits, Ordering::SeqCst);
    fits
}

/// `GET /version`.
pub(crate) async fn version(visit: Rc<Visit>) -> Result<HttpResponse, Failure> {
    Ok(HttpResponse::Ok().json(&visit.app.config.version))
}

/// `GET /sp`: our SAML metadata.
pub(crate) async fn service_provider(visit: Rc<Visit>) -> Result<HttpResponse, Failure> {
    Ok(HttpResponse::Ok()
        .content_type("text/xml; charset=utf-8")
        .body(visit.app.saml.metadata_xml()))
}

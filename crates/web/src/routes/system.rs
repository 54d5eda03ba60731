//! Routes for machines: health, version and SAML metadata.

use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use actix_web::HttpResponse;
use serde_json::json;
use starchart_store::SchemaState;

use crate::app::App;
use crate::context::RequestContext;
use crate::errors::Failure;
use crate::readiness::Readiness;

/// A health check that takes longer fails.
const HEALTH_TIMEOUT: Duration = Duration::from_secs(3);

/// `GET /healthcheck`: succeeds when the database answers, the schema fits and the process is not
/// draining.
pub(crate) async fn health(context: Rc<RequestContext>) -> Result<HttpResponse, Failure> {
    let is_ready = tokio::time::timeout(HEALTH_TIMEOUT, check_readiness(&context.app))
        .await
        .unwrap_or(false);
    Ok(if is_ready {
        HttpResponse::Ok().json(json!({ "status": "ok" }))
    } else {
        HttpResponse::InternalServerError().json(json!({ "status": "error" }))
    })
}

/// Answers the liveness probe (`GET /alive`); see [`alive_response`].
pub(crate) async fn alive(context: Rc<RequestContext>) -> Result<HttpResponse, Failure> {
    Ok(alive_response(&context.app.readiness))
}

/// Returns the response to `GET /alive`: 200 once the start has finished, before that 503. It does
/// not look at the database, because restarting the process would not bring the database back.
pub fn alive_response(readiness: &Readiness) -> HttpResponse {
    if readiness.is_alive() {
        HttpResponse::Ok().json(json!({ "status": "alive" }))
    } else {
        HttpResponse::ServiceUnavailable().json(json!({ "status": "starting" }))
    }
}

async fn check_readiness(app: &App) -> bool {
    let readiness = &app.readiness;
    let Ok(store) = app.store() else { return false };
    if readiness.draining.load(Ordering::SeqCst) {
        return false;
    }
    if readiness.schema_fits.load(Ordering::SeqCst) {
        return store.check_reading().await.is_ok();
    }
    let fits = matches!(
        store.schema().await,
        Ok(SchemaState::Fits | SchemaState::Newer(_))
    );
    readiness.schema_fits.store(fits, Ordering::SeqCst);
    fits
}

/// Returns version and commit of the build as JSON (`GET /version`).
pub(crate) async fn version(context: Rc<RequestContext>) -> Result<HttpResponse, Failure> {
    Ok(HttpResponse::Ok().json(&context.app.config.version))
}

/// `GET /sp`: our SAML metadata.
pub(crate) async fn saml_metadata(context: Rc<RequestContext>) -> Result<HttpResponse, Failure> {
    Ok(HttpResponse::Ok()
        .content_type("text/xml; charset=utf-8")
        .body(context.app.saml.metadata_xml()))
}

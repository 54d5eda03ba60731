//! What certificates are and how to install one.

use std::rc::Rc;

use actix_web::HttpResponse;
use askama::Template;
use starchart_store::certificates::{self, Certificate, Overview};

use crate::actor::User;
use crate::context::RequestContext;
use crate::errors::Failure;
use crate::pages::{Layout, filters};
use crate::responses;

/// `GET /certificate/information`. Its examples use the user's own domain.
#[derive(Debug, Clone, Template)]
#[template(path = "certificate/information.html")]
pub(crate) struct InformationPage {
    pub(crate) layout: Layout,
    /// The user's certificate, whose own dates the page names.
    pub(crate) active: Option<Certificate>,
    /// The domains by which the authority is known in CAA records; empty without certificates.
    pub(crate) caa_identities: Vec<String>,
    /// Certificate requests that a user may make in 24 hours.
    pub(crate) daily_limit: u32,
}

/// Explains certificates and how to install one (`GET /certificate/information`).
pub(crate) async fn information(
    context: Rc<RequestContext>,
    user: User,
) -> Result<HttpResponse, Failure> {
    let config = &context.app.config;
    let store = context.app.store()?;
    let Overview { active, .. } = certificates::load_overview(store, user.id).await?;
    responses::ok(&InformationPage {
        layout: context.layout(),
        active,
        caa_identities: config.caa_identities.clone(),
        daily_limit: config.limits.certificate_requests_per_day,
    })
}

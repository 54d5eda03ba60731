//! What certificates are and how to install one.

use std::rc::Rc;

use actix_web::HttpResponse;
use askama::Template;

use crate::actor::User;
use crate::context::RequestContext;
use crate::errors::Failure;
use crate::pages::Layout;
use crate::responses;

/// `GET /certificate/information`. Its examples use the user's own domain.
#[derive(Debug, Clone, Template)]
#[template(path = "certificate/information.html")]
pub(crate) struct InformationPage {
    pub(crate) layout: Layout,
    /// Certificate requests that a user may make in 24 hours.
    pub(crate) daily_limit: u32,
}

/// Explains certificates and how to install one (`GET /certificate/information`).
pub(crate) async fn information(
    context: Rc<RequestContext>,
    _: User,
) -> Result<HttpResponse, Failure> {
    responses::ok(&InformationPage {
        layout: context.layout(),
        daily_limit: context.app.config.limits.certificate_requests_per_day,
    })
}

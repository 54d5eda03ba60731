//! The page that asks before the certificate is deleted.

use std::rc::Rc;

use actix_web::HttpResponse;
use askama::Template;
use starchart_store::certificates::{self, Overview};

use super::PAGE;
use super::active::{ActiveCertificate, active_certificate};
use crate::actor::User;
use crate::context::RequestContext;
use crate::errors::Failure;
use crate::pages::{Layout, filters};
use crate::responses::{self, see_other};

/// `GET /certificate/delete`: asks before it posts `intent=delete-certificate` to `/certificate`.
#[derive(Debug, Clone, Template)]
#[template(path = "certificate/delete.html")]
pub(crate) struct DeletePage {
    pub(crate) layout: Layout,
    pub(crate) active: ActiveCertificate,
}

/// Asks for confirmation before the certificate is deleted (`GET /certificate/delete`).
pub(crate) async fn confirm_delete(
    context: Rc<RequestContext>,
    user: User,
) -> Result<HttpResponse, Failure> {
    let Overview { active, order } =
        certificates::load_overview(context.app.store()?, user.id).await?;
    let Some(active) = active else {
        return Ok(see_other(PAGE));
    };
    let active = active_certificate(
        &context,
        &user,
        active,
        order.as_ref(),
        context.app.store()?.now().await?,
    )
    .await?;
    responses::ok(&DeletePage {
        layout: context.layout(),
        active,
    })
}

//! Choosing a label when the label of the user name is taken, reserved or invalid.

use std::rc::Rc;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use starchart_domain::names::{Label, LabelFault};
use starchart_store::users;

use crate::actions::{self, ActionError, candidate_labels};
use crate::actor::UserWithoutLabel;
use crate::context::RequestContext;
use crate::errors::Failure;
use crate::forms::Form;
use crate::redirects::safe_return_path;
use crate::responses::{self, see_other};
use crate::routes::acs;
use crate::views::{LabelPage, LabelReason};

const MAX_OFFERED: usize = 6;

/// Offers free labels to a user without one (`GET /label`).
pub(crate) async fn show(
    context: Rc<RequestContext>,
    user: UserWithoutLabel,
) -> Result<HttpResponse, Failure> {
    page(&context, &user, None).await
}

/// `POST /label`: claims one of the offered labels.
pub(crate) async fn choose(
    context: Rc<RequestContext>,
    user: UserWithoutLabel,
) -> Result<HttpResponse, Failure> {
    acs::refuse_during_import(&context).await?;
    let chosen = context.form.get("label").unwrap_or_default();
    match actions::claim_label(context.app.store()?, context.caller(&user), chosen).await {
        Ok(()) => Ok(see_other(&redirect_to(&context)?)),
        Err(ActionError::Conflict(conflict)) => {
            page(&context, &user, Some(conflict.to_string())).await
        }
        Err(error) => Err(error.into()),
    }
}

/// Returns the page to continue with, from the form or, before it is posted, from the query.
fn redirect_to(context: &RequestContext) -> Result<String, Failure> {
    let query = Form::parse(context.req.query_string().as_bytes())?;
    Ok(safe_return_path(
        context
            .form
            .get("redirectTo")
            .or_else(|| query.get("redirectTo"))
            .unwrap_or("/"),
    ))
}

async fn page(
    context: &RequestContext,
    user: &UserWithoutLabel,
    fault: Option<String>,
) -> Result<HttpResponse, Failure> {
    let free = users::filter_free_labels(context.app.store()?, &candidate_labels(user)).await?;
    let reason = match Label::from_username(&user.username) {
        Ok(_) => LabelReason::Taken,
        Err(LabelFault::Reserved) => LabelReason::Reserved,
        Err(LabelFault::Invalid) => LabelReason::Invalid,
    };
    let status = if fault.is_some() {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::OK
    };
    let content = LabelPage {
        layout: context.layout(),
        root_domain: context.app.config.root_domain.to_string(),
        default_label: user.username.replace('.', "").to_lowercase(),
        reason,
        choices: free
            .iter()
            .take(MAX_OFFERED)
            .map(ToString::to_string)
            .collect(),
        fault,
        redirect_to: redirect_to(context)?,
    };
    responses::page(status, &content)
}

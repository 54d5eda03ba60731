//! Choosing a label when the label of the user name is taken, reserved or invalid.

use std::rc::Rc;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use starchart_domain::names::{Label, LabelFault, label_candidates};
use starchart_store::users::{self, ClaimError};

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
    let candidate = candidates(&user)
        .into_iter()
        .find(|label| label.as_str() == chosen);
    let Some(label) = candidate else {
        return page(&context, &user, Some("Choose one of the domains below.")).await;
    };
    match users::claim_label(context.app.store()?, user.id, &label).await {
        Ok(()) => {
            context
                .record_audit(Some(user.id), "label.claim", label.as_str(), "chosen")
                .await;
            Ok(see_other(&redirect_to(&context)?))
        }
        Err(ClaimError::AlreadyHas) => Ok(see_other(&redirect_to(&context)?)),
        Err(ClaimError::Taken) => {
            page(
                &context,
                &user,
                Some("This domain was taken a moment ago. Choose another one."),
            )
            .await
        }
        Err(ClaimError::Db(fault)) => Err(fault.into()),
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

/// Returns the label of the user name, in case it has become free, and labels similar to it.
fn candidates(user: &UserWithoutLabel) -> Vec<Label> {
    let mut labels: Vec<Label> = Label::from_username(&user.username).into_iter().collect();
    for label in label_candidates(&user.username) {
        if !labels.contains(&label) {
            labels.push(label);
        }
    }
    labels
}

async fn page(
    context: &RequestContext,
    user: &UserWithoutLabel,
    fault: Option<&str>,
) -> Result<HttpResponse, Failure> {
    let free = users::filter_free_labels(context.app.store()?, &candidates(user)).await?;
    let reason = match Label::from_username(&user.username) {
        Ok(_) => LabelReason::Taken,
        Err(LabelFault::Reserved) => LabelReason::Reserved,
        Err(LabelFault::Invalid) => LabelReason::Invalid,
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
        fault: fault.map(str::to_owned),
        redirect_to: redirect_to(context)?,
    };
    let status = if fault.is_some() {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::OK
    };
    responses::page(status, &content)
}

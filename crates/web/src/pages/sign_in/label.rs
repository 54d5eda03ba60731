//! Choosing a label when the label of the user name is taken, reserved or invalid.

use std::rc::Rc;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;
use starchart_domain::names::{Label, LabelFault, RootDomain};
use starchart_store::users;

use super::acs;
use crate::actions::{self, ActionError, candidate_labels};
use crate::actor::UserWithoutLabel;
use crate::context::RequestContext;
use crate::errors::Failure;
use crate::forms::Form;
use crate::pages::Layout;
use crate::redirects::safe_return_path;
use crate::responses::{self, see_other};

/// `GET /label`; posts `label` and `redirectTo` to `/label`.
#[derive(Debug, Clone, Template)]
#[template(path = "sign_in/label.html")]
pub(crate) struct LabelPage {
    pub(crate) layout: Layout,
    pub(crate) root_domain: RootDomain,
    /// The label that the user name would have, if it were available.
    pub(crate) default_label: String,
    /// Why the user name is no label; `None` when another user has that label.
    pub(crate) invalid: Option<LabelFault>,
    /// The free labels to choose from, best first.
    pub(crate) choices: Vec<Label>,
    /// Why the last choice failed.
    pub(crate) fault: Option<String>,
    /// The local path to continue with; posted as `redirectTo`.
    pub(crate) redirect_to: String,
}

impl LabelPage {
    /// Returns why the default label is not available.
    fn reason(&self) -> &'static str {
        match self.invalid {
            None => "is already taken by another user",
            Some(LabelFault::Reserved) => "is reserved for the service",
            Some(LabelFault::Invalid) => "is not a valid name in the DNS",
        }
    }
}

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
    let (store, caller) = (context.app.store()?, context.caller(&user));
    let names = context.app.name_rules().await?;
    match actions::claim_label(store, caller, chosen, &names.reserved).await {
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
    let reserved = &context.app.name_rules().await?.reserved;
    let candidates = candidate_labels(user, reserved);
    let free = users::filter_free_labels(context.app.store()?, &candidates).await?;
    let status = if fault.is_some() {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::OK
    };
    let content = LabelPage {
        layout: context.layout(),
        root_domain: context.app.config.root_domain.clone(),
        default_label: user.username.replace('.', "").to_lowercase(),
        invalid: Label::from_username(&user.username, reserved).err(),
        choices: free.into_iter().take(MAX_OFFERED).collect(),
        fault,
        redirect_to: redirect_to(context)?,
    };
    responses::page(status, &content)
}

//! The choice of a label, when the one of the user name does not do.

use std::rc::Rc;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use starchart_domain::names::{Label, LabelFault, label_candidates};
use starchart_store::users::{self, ClaimError};

use crate::actor::Newcomer;
use crate::errors::Failure;
use crate::forms::Form;
use crate::redirects::{return_path, see_other};
use crate::routes::acs;
use crate::views::{LabelPage, LabelReason};
use crate::visit::{self, Visit};

/// Labels offered at once.
const OFFERED: usize = 6;

/// `GET /label`.
pub(crate) async fn show(visit: Rc<Visit>, newcomer: Newcomer) -> Result<HttpResponse, Failure> {
    page(&visit, &newcomer, None).await
}

/// `POST /label`: one of those that are offered.
pub(crate) async fn choose(visit: Rc<Visit>, newcomer: Newcomer) -> Result<HttpResponse, Failure> {
    acs::all_here(&visit).await?;
    let chosen = visit.form.get("label").unwrap_or_default();
    let offered = offers(&newcomer)
        .into_iter()
        .find(|label| label.as_str() == chosen);
    let Some(label) = offered else {
        return page(&visit, &newcomer, Some("Choose one of the names below.")).await;
    };
    match users::claim_label(visit.app.store()?, newcomer.id, &label).await {
        Ok(()) => {
            visit
                .audit(Some(newcomer.id), "label.claim", label.as_str(), "chosen")
                .await;
            Ok(see_other(&redirect_to(&visit)?))
        }
        Err(ClaimError::AlreadyHas) => Ok(see_other(&redirect_to(&visit)?)),
        Err(ClaimError::Taken) => {
            page(
                &visit,
                &newcomer,
                Some("Somebody was faster: choose another one."),
            )
            .await
        }
        Err(ClaimError::Db(fault)) => Err(fault.into()),
    }
}

/// Where the person wanted to go: in the address of the page, then in its form.
fn redirect_to(visit: &Visit) -> Result<String, Failure> {
    let query = Form::parse(visit.req.query_string().as_bytes())?;
    Ok(return_path(
        visit
            .form
            .get("redirectTo")
            .or_else(|| query.get("redirectTo"))
            .unwrap_or("/"),
    ))
}

/// What may be chosen: the label of the user name itself, should it have become free, and what is
/// like it.
fn offers(newcomer: &Newcomer) -> Vec<Label> {
    let mut labels: Vec<Label> = Label::from_username(&newcomer.username)
        .into_iter()
        .collect();
    for label in label_candidates(&newcomer.username) {
        if !labels.contains(&label) {
            labels.push(label);
        }
    }
    labels
}

async fn page(
    visit: &Visit,
    newcomer: &Newcomer,
    fault: Option<&str>,
) -> Result<HttpResponse, Failure> {
    let free = users::free_of(visit.app.store()?, &offers(newcomer)).await?;
    let reason = match Label::from_username(&newcomer.username) {
        Ok(_) => LabelReason::Taken,
        Err(LabelFault::Reserved) => LabelReason::Reserved,
        Err(LabelFault::Invalid) => LabelReason::Invalid,
    };
    let content = LabelPage {
        shell: visit.shell(),
        root_domain: visit.app.config.root_domain.to_string(),
        wanted: newcomer.username.replace('.', "").to_lowercase(),
        reason,
        choices: free.iter().take(OFFERED).map(ToString::to_string).collect(),
        fault: fault.map(str::to_owned),
        redirect_to: redirect_to(visit)?,
    };
    let status = if fault.is_some() {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::OK
    };
    visit::page(status, &content)
}

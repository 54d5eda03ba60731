//! The machines that fetch the certificate.

use std::rc::Rc;

use actix_web::HttpResponse;

use super::PAGE;
use crate::actions::{self, ActionError};
use crate::actor::User;
use crate::context::RequestContext;
use crate::errors::Failure;
use crate::pages::FlashKind;
use crate::responses::see_other;

/// Removes a machine from the list (`POST /certificate/machines`).
pub(crate) async fn remove_machine(
    context: Rc<RequestContext>,
    user: User,
) -> Result<HttpResponse, Failure> {
    let id = context.form.get("id").and_then(|id| id.parse().ok());
    let id = id.ok_or(Failure::Unprocessable("invalid id"))?;
    let removed = actions::remove_machine(context.app.store()?, context.caller(&user), id).await;
    let message = match removed {
        Ok(name) => (
            FlashKind::Done,
            format!("{name} was removed from the list. It is listed again when it fetches."),
        ),
        Err(ActionError::NotFound) => (
            FlashKind::Note,
            "This machine was removed before.".to_owned(),
        ),
        Err(error) => return Err(error.into()),
    };
    context.set_flash(&[message]);
    Ok(see_other(PAGE))
}

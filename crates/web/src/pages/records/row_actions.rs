//! What the buttons of the list's rows post: renewing and deleting a record.

use std::rc::Rc;

use actix_web::HttpResponse;
use actix_web::http::{Method, StatusCode};
use starchart_domain::record::RecordId;
use starchart_store::records::{self, HistoryFilter};

use super::caa_check;
use super::delete::delete_page;
use super::list::missing_record;
use crate::actions::{self, ActionError, Conflict};
use crate::actor::User;
use crate::context::RequestContext;
use crate::errors::Failure;
use crate::responses::see_other;

/// `POST`, `PATCH`, `DELETE` on `/dns-records` and `PATCH`, `DELETE` on `/dns-records/{id}`: renews
/// or deletes a record. The intent decides; without an intent the method does.
pub(crate) async fn renew_or_delete(
    context: Rc<RequestContext>,
    user: User,
) -> Result<HttpResponse, Failure> {
    let store = context.app.store()?;
    let form = &context.form;
    let id = context
        .req
        .match_info()
        .get("id")
        .or_else(|| form.get("id"));
    let id = id
        .ok_or(Failure::Unprocessable("missing id"))?
        .parse()
        .map(RecordId)
        .map_err(|_| Failure::NotFound)?;
    let method_intent = match *context.req.method() {
        Method::PATCH => Some("renew-dns-record"),
        Method::DELETE => Some("delete-dns-record"),
        _ => None,
    };
    let intent = form.get("intent").or(method_intent).unwrap_or_default();
    if method_intent.is_some_and(|wanted| wanted != intent) {
        return Err(Failure::Unprocessable("method and intent differ"));
    }
    let queue = &*context.app.queue;
    let caller = context.caller(&user);
    let (record, done) = match intent {
        "renew-dns-record" => match actions::renew_record(store, queue, caller, id).await {
            Ok(record) => (record, "renewed"),
            Err(ActionError::NotFound) => return missing_record(&context, &user).await,
            Err(error) => return Err(error.into()),
        },
        "delete-dns-record" => {
            let caa = caa_check(&context);
            match actions::delete_record(store, queue, caller, (id, None), caa).await {
                Ok(record) => (record, "deleted"),
                Err(ActionError::Conflict(Conflict::IssuanceForbidden(_))) => {
                    let status = StatusCode::UNPROCESSABLE_ENTITY;
                    return delete_page(&context, &user, id, status).await;
                }
                Err(ActionError::NotFound) => return missing_record(&context, &user).await,
                Err(error) => return Err(error.into()),
            }
        }
        _ => return Err(Failure::Unprocessable("unknown intent")),
    };
    let text = format!(
        "DNS Record \"{}\" has been successfully {done}",
        record.shown_name()
    );
    let undo = match intent {
        "delete-dns-record" => newest_change(&context, &user, id).await,
        _ => None,
    };
    context.set_done_flash(text, undo, std::iter::empty());
    Ok(see_other(&context.list_query().href()))
}

/// Returns the newest entry of the record's history, which the button Undo of a message posts. The
/// change is made: without the entry only the button is missing.
pub(super) async fn newest_change(
    context: &RequestContext,
    user: &User,
    id: RecordId,
) -> Option<i64> {
    let filter = HistoryFilter {
        record: Some(id),
        ..HistoryFilter::default()
    };
    let store = context.app.store().ok()?;
    let newest = records::list_history(store, user.id, filter, 1).await;
    let newest = newest.ok()?;
    newest.first().map(|entry| entry.id.0)
}

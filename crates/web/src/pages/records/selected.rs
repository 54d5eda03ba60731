//! Renewing and deleting the records that are ticked in the list: all of them, or none.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use starchart_domain::plural::pluralize;
use starchart_domain::record::RecordId;
use starchart_store::records::{self, Record};

use super::delete::delete_selected_page;
use super::list::refuse_selected;
use super::row_actions::newest_change;
use super::{list_names, record_rules};
use crate::accept::prefers_json;
use crate::actions::{self, ActionError, BatchError, Conflict, PlannedChange, SeenRecord};
use crate::actor::User;
use crate::context::RequestContext;
use crate::errors::Failure;
use crate::forms::Form;
use crate::responses::see_other;

/// How many records the URL of the page that asks can name: proxies refuse long ones. More are
/// asked about in the answer itself.
const MAX_IN_URL: usize = 500;

/// What the list says when a ticked record is another one by now.
const CHANGED: &str = "Nothing was changed: one of these records was changed in another window \
                       meanwhile. Look at them again.";

/// Asks before the records of the field `records` are deleted (`GET /dns-records/selected`): a page
/// that the browser can show again after the deletion, when it goes back.
pub(crate) async fn confirm_selected(
    context: Rc<RequestContext>,
    user: User,
) -> Result<HttpResponse, Failure> {
    let query = Form::parse(context.req.query_string().as_bytes())?;
    let ids = query.text("records");
    let ids: Option<BTreeSet<RecordId>> = ids
        .split(',')
        .map(|id| id.parse().ok().map(RecordId))
        .collect();
    let ids = ids.ok_or(Failure::NotFound)?;
    let all = records::list(context.app.store()?, user.id).await?;
    let is_wanted = |record: &&Record| ids.contains(&record.id);
    let found: Vec<Record> = all.iter().filter(is_wanted).cloned().collect();
    match ids.len() - found.len() {
        0 => delete_selected_page(&context, &user, found, StatusCode::OK).await,
        missing => refuse_missing(&context, all, &found, missing).await,
    }
}

/// Renews the ticked records, leads to the page that asks before they are deleted, or deletes them
/// (`POST /dns-records/selected` with the intent `renew-selected`, `delete-selected` or `delete`).
pub(crate) async fn change_selected(
    context: Rc<RequestContext>,
    user: User,
) -> Result<HttpResponse, Failure> {
    let wanted = selected(&context.form)?;
    let intent = context.form.get("intent").unwrap_or_default();
    if !["renew-selected", "delete-selected", "delete"].contains(&intent) {
        return Err(Failure::Unprocessable("unknown intent"));
    }
    let all = records::list(context.app.store()?, user.id).await?;
    let is_wanted = |record: &&Record| wanted.contains_key(&record.id);
    let found: Vec<Record> = all.iter().filter(is_wanted).cloned().collect();
    let missing = wanted.len() - found.len();
    if wanted.is_empty() || missing > 0 {
        return refuse_missing(&context, all, &found, missing).await;
    }
    if intent == "delete-selected" && found.len() > MAX_IN_URL {
        return delete_selected_page(&context, &user, found, StatusCode::OK).await;
    }
    if intent == "delete-selected" {
        let ids: Vec<String> = wanted.keys().map(ToString::to_string).collect();
        let page = format!("/dns-records/selected?records={}", ids.join(","));
        return Ok(see_other(&context.list_query().href_of(&page)));
    }
    let changes: Vec<PlannedChange> = wanted
        .into_iter()
        .map(|(id, fingerprint)| match intent {
            "delete" => PlannedChange::Delete(SeenRecord { id, fingerprint }),
            _ => PlannedChange::Renew(id),
        })
        .collect();
    let app = &context.app;
    let (store, caller) = (app.store()?, context.caller(&user));
    let names = context.app.name_rules().await?;
    let rules = record_rules(&context, &names);
    let done = actions::change_records(store, &*app.queue, caller, &changes, &all, rules).await;
    match done {
        Ok(records) => done_response(&context, &user, intent, &records).await,
        Err(BatchError::ChangedMeanwhile) => {
            let all = records::list(store, user.id).await?;
            let ids = found.iter().map(|record| record.id).collect();
            let status = StatusCode::CONFLICT;
            refuse_selected(&context, status, all, ids, CHANGED.to_owned()).await
        }
        Err(BatchError::Refused(ActionError::Conflict(Conflict::IssuanceForbidden(_)))) => {
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            delete_selected_page(&context, &user, found, status).await
        }
        Err(BatchError::Refused(error)) => Err(error.into()),
        Err(BatchError::Invalid(_)) => Err(Failure::Internal("a deletion or a renewal has faults")),
    }
}

/// Reads the ticked records: the fields `take-{number}` with the id of a record and its
/// fingerprint.
fn selected(form: &Form) -> Result<BTreeMap<RecordId, String>, Failure> {
    let parse = |text: &str| {
        let (id, fingerprint) = text.split_once(':')?;
        Some((RecordId(id.parse().ok()?), fingerprint.to_owned()))
    };
    let selected = form.numbered("take").map(parse);
    selected
        .collect::<Option<_>>()
        .ok_or(Failure::Unprocessable("unreadable field take"))
}

async fn refuse_missing(
    context: &RequestContext,
    all: Vec<Record>,
    found: &[Record],
    missing: usize,
) -> Result<HttpResponse, Failure> {
    let (status, problem) = match missing {
        0 => (
            StatusCode::UNPROCESSABLE_ENTITY,
            "Tick the records first.".to_owned(),
        ),
        _ if prefers_json(&context.req) => return Err(Failure::NotFound),
        _ => (
            StatusCode::NOT_FOUND,
            format!(
                "Nothing was changed: {} not there any more, deleted in another window or \
                 expired.{}",
                pluralize(missing as u64, "ticked record is", "ticked records are"),
                if found.is_empty() {
                    ""
                } else {
                    " The others are still ticked."
                }
            ),
        ),
    };
    let ids = found.iter().map(|record| record.id).collect();
    refuse_selected(context, status, all, ids, problem).await
}

/// Redirects to the list, which says what was done; a deletion has a button that undoes it whole.
async fn done_response(
    context: &RequestContext,
    user: &User,
    intent: &str,
    records: &[Record],
) -> Result<HttpResponse, Failure> {
    let (done, undo) = match (intent, records.first()) {
        ("delete", Some(first)) => ("deleted", newest_change(context, user, first.id).await),
        _ => ("renewed", None),
    };
    let text = match records {
        [only] => format!(
            "DNS Record \"{}\" has been successfully {done}",
            only.shown_name()
        ),
        _ => format!(
            "{} DNS records have been successfully {done}: {}",
            records.len(),
            list_names(records.iter())
        ),
    };
    context.set_done_flash(text, undo, std::iter::empty());
    Ok(see_other(&context.list_query().href()))
}

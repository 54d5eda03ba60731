//! The history of the user's records, and undoing a change.

use std::rc::Rc;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;
use starchart_domain::fault::sentence;
use starchart_domain::names::idn::with_letters;
use starchart_domain::record::RecordId;
use starchart_domain::time::Timestamp;
use starchart_store::records::{
    self, HistoryAction, HistoryEntry, HistoryFilter, HistoryId, RecordVersion,
};

use super::delete::delete_page;
use super::form::{FormMode, confirm_page, faults_page, saved_response};
use super::{list_names, record_rules};
use crate::actions::{
    self, ActionError, Conflict, UndoRefusal, UndoStep, UndoTogetherError, Undone, UndoneTogether,
    form_of_change, undo_step,
};
use crate::actor::User;
use crate::context::RequestContext;
use crate::errors::Failure;
use crate::forms::Form;
use crate::pages::{FlashKind, Layout, filters};
use crate::responses::{self, see_other};

/// Changes on one page.
const PAGE_ROWS: u64 = 50;

/// `GET /dns-records/history`: the changes of the user's records, the newest first. Its rows post
/// `entry` to the same path.
#[derive(Debug, Clone, Template)]
#[template(path = "records/history.html")]
pub(crate) struct HistoryPage {
    pub(crate) layout: Layout,
    pub(crate) lines: Vec<HistoryLine>,
    /// The name of the record when only its changes are shown.
    pub(crate) of: Option<String>,
    /// Whether this is not the newest page.
    pub(crate) is_older: bool,
    /// URL of the next, older page.
    pub(crate) older_href: Option<String>,
}

/// A change on the page.
#[derive(Debug, Clone)]
pub(crate) struct HistoryLine {
    pub(crate) entry: HistoryEntry,
    /// The text of the button that undoes it, or why there is none.
    pub(crate) undo: Result<&'static str, UndoRefusal>,
}

/// A field that a change changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FieldChange {
    pub(crate) label: &'static str,
    pub(crate) before: String,
    pub(crate) after: String,
}

impl HistoryLine {
    pub(crate) fn new(entry: HistoryEntry, now: Timestamp) -> Self {
        let undo = undo_step(&entry, now).map(|step| match step {
            UndoStep::Delete => "Delete it",
            UndoStep::Edit(_) if entry.was_followed() => "Go back to before this",
            UndoStep::Edit(_) => "Undo",
            UndoStep::Restore(_) => "Restore",
        });
        Self { entry, undo }
    }

    /// What happened, as the beginning of a sentence about the record.
    fn verb(&self) -> &'static str {
        match self.entry.action {
            HistoryAction::Create => "Created",
            HistoryAction::Restore => "Restored",
            HistoryAction::Edit => "Edited",
            HistoryAction::Renew => "Renewed",
            HistoryAction::Delete => "Deleted",
            HistoryAction::Expiry => "Expired",
            HistoryAction::UserDeleted => "Deleted with the account",
        }
    }

    /// The record before the change or, if the change created it, after it.
    fn version(&self) -> Option<&RecordVersion> {
        self.entry.before.as_ref().or(self.entry.after.as_ref())
    }

    fn name(&self) -> String {
        let version = self.version();
        version.map_or_else(String::new, |version| with_letters(&version.name))
    }

    /// The page with the changes of its record only.
    fn href(&self) -> String {
        format!("/dns-records/history?record={}", self.entry.record_id)
    }

    /// The fields that an edit changed.
    fn changes(&self) -> Vec<FieldChange> {
        let (Some(before), Some(after)) = (&self.entry.before, &self.entry.after) else {
            return Vec::new();
        };
        let text = |note: &Option<String>| note.clone().unwrap_or_default();
        let fields = [
            (
                "Name",
                with_letters(&before.name),
                with_letters(&after.name),
            ),
            ("Type", before.rtype.to_string(), after.rtype.to_string()),
            (
                "Value",
                before.presentation.clone(),
                after.presentation.clone(),
            ),
            ("TTL", before.ttl.to_string(), after.ttl.to_string()),
            ("Ports", text(&before.ports), text(&after.ports)),
            ("Course", text(&before.course), text(&after.course)),
            (
                "Description",
                text(&before.description),
                text(&after.description),
            ),
            ("Expires", before.expires_at.date(), after.expires_at.date()),
        ];
        fields
            .into_iter()
            .filter(|(_, before, after)| before != after)
            .map(|(label, before, after)| FieldChange {
                label,
                before,
                after,
            })
            .collect()
    }
}

/// Lists the changes of the user's records, or of one of them (`GET /dns-records/history`).
pub(crate) async fn history(
    context: Rc<RequestContext>,
    user: User,
) -> Result<HttpResponse, Failure> {
    let store = context.app.store()?;
    let query = Form::parse(context.req.query_string().as_bytes())?;
    let id = |name| {
        let text: Option<&str> = query.get(name);
        text.map(|text| text.parse::<i64>().map_err(|_| Failure::NotFound))
            .transpose()
    };
    let (record, up_to) = (id("record")?, id("upTo")?);
    let filter = HistoryFilter {
        record: record.map(RecordId),
        up_to: up_to.map(HistoryId),
    };
    let mut entries = records::list_history(store, user.id, filter, PAGE_ROWS + 1).await?;
    let older = entries
        .get(PAGE_ROWS as usize)
        .map(|first_of_next| first_of_next.id.0);
    entries.truncate(PAGE_ROWS as usize);
    if record.is_some() && entries.is_empty() {
        return Err(Failure::NotFound);
    }
    let now = store.now().await?;
    let lines: Vec<HistoryLine> = entries
        .into_iter()
        .map(|entry| HistoryLine::new(entry, now))
        .collect();
    let of = record.and_then(|_| Some(with_letters(&lines.first()?.version()?.name)));
    responses::ok(&HistoryPage {
        layout: context.layout(),
        lines,
        of,
        is_older: up_to.is_some(),
        older_href: older.map(|id| history_href(record, id)),
    })
}

fn history_href(record: Option<i64>, up_to: i64) -> String {
    match record {
        Some(record) => format!("/dns-records/history?record={record}&upTo={up_to}"),
        None => format!("/dns-records/history?upTo={up_to}"),
    }
}

/// Undoes a change (`POST /dns-records/history`). When the former record is not allowed any more,
/// shows it in the form with its faults.
pub(crate) async fn undo(context: Rc<RequestContext>, user: User) -> Result<HttpResponse, Failure> {
    let app = &context.app;
    let store = app.store()?;
    let id = context
        .form
        .get("entry")
        .ok_or(Failure::Unprocessable("missing entry"))?
        .parse()
        .map(HistoryId)
        .map_err(|_| Failure::NotFound)?;
    let seen = context.form.get("fingerprint").map(str::to_owned);
    // The message after changes undoes all that were made together.
    if context.form.get("together").is_some() {
        let changed = records::list_changed_together(store, user.id, id).await?;
        if changed.len() > 1 {
            return undo_together(&context, &user, &changed).await;
        }
    }
    let entry = actions::find_change(store, &user, id).await?;
    let names = app.name_rules().await?;
    let done = actions::undo_change(
        store,
        &*app.queue,
        context.caller(&user),
        &entry,
        seen.as_deref(),
        record_rules(&context, &names),
    )
    .await;
    let error = match done {
        Ok(Undone::Saved(saved)) => {
            let list = context.list_query();
            let (done, list) = match entry.exists() {
                true => ("changed back", list),
                false => ("restored", list.showing([&saved.record])),
            };
            return Ok(saved_response(&context, &user, saved, done, list).await);
        }
        Ok(Undone::Deleted(record)) => {
            let text = format!(
                "DNS Record \"{}\" has been successfully deleted",
                record.shown_name()
            );
            context.set_flash(&[(FlashKind::Done, text)]);
            return Ok(see_other(&context.list_query().href()));
        }
        Err(ActionError::Conflict(Conflict::NotUndoable(refusal))) => {
            context.set_flash(&[(FlashKind::Note, refusal.to_string())]);
            return Ok(see_other(
                &context.list_query().href_of("/dns-records/history"),
            ));
        }
        Err(error) => error,
    };
    refused_undo(&context, &user, &entry, error).await
}

/// Shows why a change was not undone: in the form of the record as it would have been, or on the
/// page that deletes it.
async fn refused_undo(
    context: &RequestContext,
    user: &User,
    entry: &HistoryEntry,
    error: ActionError,
) -> Result<HttpResponse, Failure> {
    let Some(before) = &entry.before else {
        return match error {
            // The page that deletes the record asks for the confirmation.
            ActionError::Conflict(Conflict::IssuanceForbidden(_)) => {
                let status = StatusCode::UNPROCESSABLE_ENTITY;
                delete_page(context, user, entry.record_id, status).await
            }
            error => Err(error.into()),
        };
    };
    let present = records::get(context.app.store()?, user.id, entry.record_id).await?;
    let form = form_of_change(user, entry, before, present.as_ref());
    let mode = if entry.exists() {
        FormMode::Edit {
            id: entry.record_id.0,
            fingerprint: None,
        }
    } else {
        FormMode::Create
    };
    match error {
        ActionError::Conflict(Conflict::IssuanceForbidden(forbidden)) => {
            confirm_page(context, user, mode, form, Vec::new(), forbidden).await
        }
        error => {
            let faults = error.into_form_faults()?;
            faults_page(context, user, mode, form, faults).await
        }
    }
}

/// Undoes changes that were made together, all of them or none.
async fn undo_together(
    context: &RequestContext,
    user: &User,
    changed: &[HistoryEntry],
) -> Result<HttpResponse, Failure> {
    let app = &context.app;
    let (store, caller) = (app.store()?, context.caller(user));
    let names = context.app.name_rules().await?;
    let rules = record_rules(context, &names);
    let list = context.list_query();
    let undone = actions::undo_together(store, &*app.queue, caller, changed, rules).await;
    let why = match undone {
        Ok(UndoneTogether { records, notes }) => {
            let count = records.len();
            let names = list_names(records.iter());
            let text = match changed.iter().all(|entry| entry.action.is_end()) {
                true => format!("{count} DNS records have been successfully restored: {names}"),
                false => format!("{count} changes have been successfully undone: {names}"),
            };
            let notes = notes.iter().map(ToString::to_string);
            context.set_done_flash(text, None, notes);
            return Ok(see_other(&list.href()));
        }
        Err(UndoTogetherError::Refused { name, why }) => format!("{name}: {why}"),
        Err(UndoTogetherError::Action(
            error @ (ActionError::Conflict(_) | ActionError::Limit(_)),
        )) => error.to_string(),
        Err(UndoTogetherError::Action(error)) => return Err(error.into()),
    };
    let text = format!(
        "Nothing was undone. {} Here you can undo the changes singly.",
        sentence(why)
    );
    context.set_flash(&[(FlashKind::Failed, text)]);
    Ok(see_other(&list.href_of("/dns-records/history")))
}

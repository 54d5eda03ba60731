//! All records as a zone file: the download, and a page that compares a text with the records and
//! applies the differences.

use std::collections::BTreeSet;
use std::rc::Rc;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION};
use askama::Template;
use starchart_domain::certificate::caa::IssuanceForbidden;
use starchart_domain::fault::{Fault, sentence};
use starchart_domain::paste::Doubt;
use starchart_domain::plural::pluralize;
use starchart_domain::record::{NewRecord, RecordType};
use starchart_domain::ttl::Ttl;
use starchart_domain::zone_file::{self, FaultyLine, ZoneRecord};
use starchart_store::records::{self, Record};

use super::history::FieldChange;
use super::{record_rules, rrset_ttl, ttl_of_others};
use crate::actions::{
    self, ActionError, BatchError, Conflict, PlannedChange, RecordRules, SeenRecord,
};
use crate::actor::User;
use crate::context::RequestContext;
use crate::errors::Failure;
use crate::pages::{FlashKind, Layout};
use crate::responses::{self, see_other};

/// `GET /dns-records/zone-file/compare`, and the responses to its posts.
#[derive(Debug, Clone, Template)]
#[template(path = "records/zone-file.html")]
pub(crate) struct ZoneFilePage {
    pub(crate) layout: Layout,
    /// The zone file as typed.
    pub(crate) text: String,
    /// Whether the text was compared.
    pub(crate) is_compared: bool,
    pub(crate) rows: Vec<DiffRow>,
    pub(crate) faulty: Vec<(usize, String, Vec<String>)>,
    /// What is wrong with the whole, as a sentence.
    pub(crate) problem: Option<String>,
    /// What to confirm before the changes are made.
    pub(crate) to_confirm: Option<IssuanceForbidden>,
}

/// A difference between the text and the records.
#[derive(Debug, Clone)]
pub(crate) struct DiffRow {
    /// Its number in the page's fields, from 1.
    pub(crate) number: usize,
    pub(crate) change: PlannedChange,
    /// The record as it is now, unless one is created.
    pub(crate) before: Option<String>,
    /// The record as it will be, unless one is deleted.
    pub(crate) after: Option<String>,
    /// The TTL of other records of its name and type, if it gives them another one.
    pub(crate) ttl_of_others: Option<Ttl>,
    /// The notes that change with it.
    pub(crate) notes: Vec<FieldChange>,
    /// How the line was read.
    pub(crate) doubts: Vec<Doubt>,
    pub(crate) is_taken: bool,
    pub(crate) faults: Vec<Fault>,
}

impl ZoneFilePage {
    fn new(context: &RequestContext, text: String) -> Self {
        Self {
            layout: context.layout(),
            text,
            is_compared: false,
            rows: Vec::new(),
            faulty: Vec::new(),
            problem: None,
            to_confirm: None,
        }
    }
}

impl DiffRow {
    /// Returns what the change does, for its heading.
    fn verb(&self) -> &'static str {
        match self.change {
            PlannedChange::Create(_) => "Create",
            PlannedChange::Replace { .. } => "Change",
            PlannedChange::Delete(_) => "Delete",
            PlannedChange::Renew(_) => "Renew",
        }
    }

    /// Identifies the change as the user saw it.
    fn key(&self) -> String {
        let old = self.change.old_record();
        let old = old.map_or_else(String::new, |old| format!("{}:{}", old.id, old.fingerprint));
        let new = self.change.new_record().map(|new| new.fingerprint(None));
        format!("{old}>{}", new.unwrap_or_default())
    }
}

/// Sends the user's records as a zone file (`GET /dns-records/zone-file`).
pub(crate) async fn zone_file(
    context: Rc<RequestContext>,
    user: User,
) -> Result<HttpResponse, Failure> {
    let present = records::list(context.app.store()?, user.id).await?;
    let file = format!("attachment; filename=\"{}.zone\"", user.base);
    Ok(HttpResponse::Ok()
        // RFC 4027
        .content_type("text/dns; charset=utf-8")
        .insert_header((CONTENT_DISPOSITION, file))
        .insert_header((CACHE_CONTROL, "no-store"))
        .body(write(&context, &user, &present).await?))
}

async fn write(
    context: &RequestContext,
    user: &User,
    present: &[Record],
) -> Result<String, Failure> {
    let records: Vec<ZoneRecord> = present.iter().map(ZoneRecord::from).collect();
    let now = context.app.store()?.now().await?.to_minute();
    let heading = format!("The DNS records of {} at {now}", user.base);
    Ok(zone_file::write(&user.base, &heading, &records))
}

/// Shows the user's zone file in a box (`GET /dns-records/zone-file/compare`).
pub(crate) async fn zone_file_form(
    context: Rc<RequestContext>,
    user: User,
) -> Result<HttpResponse, Failure> {
    let present = records::list(context.app.store()?, user.id).await?;
    let text = write(&context, &user, &present).await?;
    responses::ok(&ZoneFilePage::new(&context, text))
}

/// Shows how the text differs from the records, or applies the differences that are ticked
/// (`POST /dns-records/zone-file/compare` with the intent `compare` or `apply`).
pub(crate) async fn compare_zone_file(
    context: Rc<RequestContext>,
    user: User,
) -> Result<HttpResponse, Failure> {
    let text = context.form.text("text");
    if text.trim().is_empty() {
        let page = ZoneFilePage::new(&context, text);
        return refuse(page, "The box is empty: nothing was compared.");
    }
    let present = records::list(context.app.store()?, user.id).await?;
    let names = context.app.name_rules().await?;
    let rules = record_rules(&context, &names);
    let page = compare(&context, &user, text, &present, &rules);
    match context.form.get("intent") {
        Some("compare") => responses::ok(&page),
        Some("apply") => apply(&context, &user, page, &present).await,
        _ => Err(Failure::Unprocessable("unknown intent")),
    }
}

fn compare(
    context: &RequestContext,
    user: &User,
    text: String,
    present: &[Record],
    rules: &RecordRules<'_>,
) -> ZoneFilePage {
    let records: Vec<ZoneRecord> = present.iter().map(ZoneRecord::from).collect();
    let diff = zone_file::diff(&text, &user.base, rules.words, &rules.ttls, &records);
    let line_of = |name: &str, ttl: Ttl, rtype: RecordType, presentation: &str| {
        format!("{name} {} {rtype} {presentation}", ttl.as_seconds())
    };
    let line = |known: &Record| {
        let Record { name, rtype, .. } = known;
        line_of(name, known.ttl, *rtype, &known.presentation)
    };
    let line_of_new = |new: &NewRecord| {
        let (name, rtype) = (new.name.fqdn(), new.value.rtype());
        let kept = rrset_ttl(present, name, rtype);
        line_of(name, new.ttl.beside(kept), rtype, new.value.presentation())
    };
    let changes = diff.change.into_iter().map(|changed| {
        let old = &present[changed.at];
        let notes = changed_notes(Some(old), &changed.record);
        let after = line_of_new(&changed.record);
        let change = PlannedChange::Replace {
            old: seen(old),
            new: changed.record,
        };
        (change, Some(line(old)), Some(after), notes, changed.doubts)
    });
    let creates = diff.create.into_iter().map(|created| {
        let after = line_of_new(&created.record);
        let notes = changed_notes(None, &created.record);
        let change = PlannedChange::Create(created.record);
        (change, None, Some(after), notes, created.doubts)
    });
    let deletes = diff.delete.into_iter().map(|at| {
        let old = &present[at];
        let change = PlannedChange::Delete(seen(old));
        (change, Some(line(old)), None, Vec::new(), Vec::new())
    });
    // One that is missing may be in a line that was not read.
    let is_complete = diff.faulty.is_empty();
    let rows = changes.chain(creates).chain(deletes).enumerate();
    ZoneFilePage {
        is_compared: true,
        rows: rows
            .map(|(at, (change, before, after, notes, doubts))| DiffRow {
                number: at + 1,
                ttl_of_others: change.new_record().and_then(|new| {
                    let id = change.old_record().map(|old| old.id);
                    ttl_of_others(new, id, present)
                }),
                // A text with some of the records deletes none of the others.
                is_taken: is_complete && after.is_some(),
                change,
                before,
                after,
                notes,
                doubts,
                faults: Vec::new(),
            })
            .collect(),
        faulty: diff.faulty.into_iter().map(faulty_line).collect(),
        ..ZoneFilePage::new(context, text)
    }
}

/// Returns the notes that a record gets and did not have.
fn changed_notes(old: Option<&Record>, new: &NewRecord) -> Vec<FieldChange> {
    let was = |note: fn(&Record) -> &Option<String>| old.and_then(|old| note(old).clone());
    let notes = [
        ("Ports", was(|old| &old.ports), &new.ports),
        ("Course", was(|old| &old.course), &new.course),
        ("Description", was(|old| &old.description), &new.description),
    ];
    let changed = notes.into_iter().map(|(label, before, after)| FieldChange {
        label,
        before: before.unwrap_or_default(),
        after: after.clone().unwrap_or_default(),
    });
    changed
        .filter(|change| change.before != change.after)
        .collect()
}

fn faulty_line(line: FaultyLine) -> (usize, String, Vec<String>) {
    let reasons = line.reasons.into_iter().map(sentence).collect();
    (line.line, line.source, reasons)
}

async fn apply(
    context: &RequestContext,
    user: &User,
    mut page: ZoneFilePage,
    present: &[Record],
) -> Result<HttpResponse, Failure> {
    let app = &context.app;
    let mut wanted: BTreeSet<&str> = context.form.numbered("take").collect();
    for row in &mut page.rows {
        row.is_taken = wanted.remove(row.key().as_str());
    }
    if !wanted.is_empty() {
        return refuse(page, CHANGED);
    }
    let taken: Vec<usize> = (0..page.rows.len())
        .filter(|at| page.rows[*at].is_taken)
        .collect();
    if taken.is_empty() {
        return refuse(page, "Tick at least one change to apply.");
    }
    let changes: Vec<PlannedChange> = taken
        .iter()
        .map(|at| page.rows[*at].change.clone())
        .collect();
    let caller = context.caller(user);
    let names = app.name_rules().await?;
    let (store, rules) = (app.store()?, record_rules(context, &names));
    match actions::change_records(store, &*app.queue, caller, &changes, present, rules).await {
        Ok(changed) => {
            let count = u32::try_from(changed.len()).unwrap_or(u32::MAX);
            let done = pluralize(count, "change was made", "changes were made");
            context.set_flash(&[(FlashKind::Done, format!("{done} to your DNS records"))]);
            Ok(see_other("/dns-records"))
        }
        Err(BatchError::Invalid(faulty)) => {
            for (at, faults) in faulty {
                let faults = faults.into_iter().map(|(_, fault)| fault);
                page.rows[taken[at]].faults = faults.collect();
            }
            refuse(page, "Nothing was changed: see the changes below.")
        }
        Err(BatchError::ChangedMeanwhile) => refuse(page, CHANGED),
        Err(BatchError::Refused(ActionError::Conflict(Conflict::IssuanceForbidden(forbidden)))) => {
            page.to_confirm = Some(forbidden);
            responses::page(StatusCode::UNPROCESSABLE_ENTITY, &page)
        }
        Err(BatchError::Refused(error)) => {
            let faults = error.into_form_faults()?;
            let texts: Vec<String> = faults.iter().map(|(_, fault)| fault.to_string()).collect();
            refuse(page, &format!("Nothing was changed: {}.", texts.join(". ")))
        }
    }
}

/// What the page says when the records are others than those that were compared.
const CHANGED: &str = "Nothing was changed: your records were changed in another window meanwhile. \
                       Look at the differences again.";

fn refuse(mut page: ZoneFilePage, problem: &str) -> Result<HttpResponse, Failure> {
    page.problem = Some(problem.to_owned());
    responses::page(StatusCode::UNPROCESSABLE_ENTITY, &page)
}

/// Remembers a record as the user sees it.
fn seen(record: &Record) -> SeenRecord {
    SeenRecord {
        id: record.id,
        fingerprint: record.fingerprint(),
    }
}

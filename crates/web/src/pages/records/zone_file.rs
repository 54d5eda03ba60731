//! All records as a zone file: the download, and a page that compares a text with the records and
//! applies the differences.

use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION};
use askama::Template;
use starchart_domain::certificate::caa::IssuanceForbidden;
use starchart_domain::fault::{Fault, sentence};
use starchart_domain::paste::Doubt;
use starchart_domain::plural::pluralize;
use starchart_domain::record::{NewRecord, RecordId};
use starchart_domain::ttl::Ttl;
use starchart_domain::zone_file::{self, FaultyLine, ZoneRecord};
use starchart_store::records::{self, Record};

use super::history::FieldChange;
use super::record_rules;
use super::row_actions::newest_change;
use super::rrset::ChangedTtls;
use crate::actions::{
    self, ActionError, BatchError, Conflict, PlannedChange, RecordRules, SeenRecord,
};
use crate::actor::User;
use crate::context::RequestContext;
use crate::errors::Failure;
use crate::pages::Layout;
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
    /// Why not all changes can be made, which the page says before.
    pub(crate) limit_exceeded: Option<Fault>,
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
    /// What becomes of the TTL of its RRset.
    pub(crate) ttl_note: Option<String>,
    /// The notes that change with it.
    pub(crate) notes: Vec<FieldChange>,
    /// How the line was read.
    pub(crate) doubts: Vec<Doubt>,
    pub(crate) is_taken: bool,
    pub(crate) faults: Vec<Fault>,
    /// Whether the faults go away when deletions on the page are ticked too.
    pub(crate) needs_deletion: bool,
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
            limit_exceeded: None,
        }
    }

    /// Says before the changes are made what would be refused of those that `is_wanted` returns.
    fn check(
        &mut self,
        present: &[Record],
        limit: Option<u32>,
        is_wanted: impl Fn(&DiffRow) -> bool,
    ) {
        let refusals_of = |places: &[usize]| {
            let changes = places.iter().map(|at| self.rows[*at].change.clone());
            actions::find_refusals(&changes.collect::<Vec<_>>(), present, limit)
        };
        let places = |is_one: &dyn Fn(&DiffRow) -> bool| -> Vec<usize> {
            let places = self.rows.iter().enumerate();
            let places = places.filter(|(_, row)| is_one(row));
            places.map(|(at, _)| at).collect()
        };
        let wanted = places(&is_wanted);
        let with_deletions = places(&|row| is_wanted(row) || row.after.is_none());
        let refusals = refusals_of(&wanted);
        let rest = refusals_of(&with_deletions).faulty;
        let rest: BTreeSet<usize> = rest.iter().map(|(at, _)| with_deletions[*at]).collect();
        self.limit_exceeded = refusals.limit.and_then(|limit| limit.record_fault());
        for (at, faults) in refusals.faulty {
            let row = &mut self.rows[wanted[at]];
            row.faults = faults.into_iter().map(|(_, fault)| fault).collect();
            row.needs_deletion = !rest.contains(&wanted[at]);
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
    let mut page = compare(&context, &user, text, &present, &rules);
    match context.form.get("intent") {
        Some("compare") => {
            page.check(&present, rules.limit, |row| row.after.is_some());
            responses::ok(&page)
        }
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
    // One that is missing may be in a line that was not read.
    let is_complete = diff.faulty.is_empty();
    let mut changes = Vec::new();
    let mut doubts = Vec::new();
    for changed in diff.change {
        changes.push(PlannedChange::Replace {
            old: seen(&present[changed.at]),
            new: changed.record,
        });
        doubts.push(changed.doubts);
    }
    for created in diff.create {
        changes.push(PlannedChange::Create(created.record));
        doubts.push(created.doubts);
    }
    for at in diff.delete {
        changes.push(PlannedChange::Delete(seen(&present[at])));
        doubts.push(Vec::new());
    }
    let by_id: HashMap<RecordId, &Record> = present.iter().map(|known| (known.id, known)).collect();
    let ttls = ChangedTtls::new(&changes, present);
    let rows = changes.iter().zip(doubts).enumerate();
    let rows = rows.map(|(at, (change, doubts))| {
        let old = change
            .old_record()
            .and_then(|old| by_id.get(&old.id).copied());
        let new = change.new_record();
        DiffRow {
            number: at + 1,
            change: change.clone(),
            before: old.map(line),
            after: new.map(|new| line_of_new(new, ttls.result(new))),
            ttl_note: ttls.note(change),
            notes: new.map_or_else(Vec::new, |new| changed_notes(old, new)),
            doubts,
            // A text with some of the records deletes none of the others.
            is_taken: is_complete && new.is_some(),
            faults: Vec::new(),
            needs_deletion: false,
        }
    });
    ZoneFilePage {
        is_compared: true,
        rows: rows.collect(),
        faulty: diff.faulty.into_iter().map(faulty_line).collect(),
        ..ZoneFilePage::new(context, text)
    }
}

/// Writes a record as a line of the page.
fn line(known: &Record) -> String {
    let (name, ttl) = (&known.name, known.ttl.as_seconds());
    format!("{name} {ttl} {} {}", known.rtype, known.presentation)
}

/// Writes a new record, with the TTL that its RRset gets.
fn line_of_new(new: &NewRecord, ttl: Ttl) -> String {
    let (name, value, ttl) = (new.name.fqdn(), &new.value, ttl.as_seconds());
    format!("{name} {ttl} {} {}", value.rtype(), value.presentation())
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
    page.check(present, app.config.limits.records_per_user, |row| {
        row.is_taken
    });
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
            let undo = match changed.first() {
                Some(first) => newest_change(context, user, first.id).await,
                None => None,
            };
            let text = format!("{done} to your DNS records");
            context.set_done_flash(text, undo, std::iter::empty());
            Ok(see_other(&context.list_query().href()))
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
            page.limit_exceeded = None;
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

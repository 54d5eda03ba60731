//! Records from a pasted text: the box, what was read from it with what is doubtful, and saving.

use std::rc::Rc;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;
use starchart_domain::certificate::caa::IssuanceForbidden;
use starchart_domain::fault::{Fault, Field};
use starchart_domain::paste::{self, Doubt, PastedRecord, UnreadLine};
use starchart_domain::plural::pluralize;
use starchart_domain::record::{RecordForm, RecordType};
use starchart_domain::ttl::TtlLimits;
use starchart_domain::zone_file::Notes;
use starchart_store::records::{self, Record};

use super::row_actions::newest_change;
use super::rrset::ChangedTtls;
use super::{list_names, record_rules};
use crate::actions::{
    self, ActionError, BatchError, Conflict, Limit, PlannedChange, RecordRules, SavedRecord,
};
use crate::actor::User;
use crate::context::RequestContext;
use crate::errors::Failure;
use crate::forms::Form;
use crate::pages::Layout;
use crate::responses::{self, see_other};

/// How many warnings follow the message after saving: a cookie carries them.
const NOTES_IN_MESSAGE: usize = 4;

/// `GET /dns-records/paste`, and the responses to its posts: what was read, or what is wrong.
#[derive(Debug, Clone, Template)]
#[template(path = "records/paste.html")]
pub(crate) struct PastePage {
    pub(crate) layout: Layout,
    /// The text as pasted.
    pub(crate) text: String,
    pub(crate) rows: Vec<PastedRow>,
    pub(crate) unread: Vec<UnreadLine>,
    /// The TTLs that the user may choose.
    pub(crate) ttls: TtlLimits,
    /// What is wrong with the whole, as a sentence.
    pub(crate) problem: Option<String>,
    /// What to confirm before the records are saved.
    pub(crate) to_confirm: Option<IssuanceForbidden>,
    /// Why not all records that are ticked can be saved, which the page says before.
    pub(crate) limit_exceeded: Option<Fault>,
}

/// A record that was read, with what the user made of it.
#[derive(Debug, Clone)]
pub(crate) struct PastedRow {
    /// Its number in the page's fields, from 1.
    pub(crate) number: usize,
    pub(crate) record: PastedRecord,
    pub(crate) is_taken: bool,
    pub(crate) faults: Vec<(Field, Fault)>,
    /// What becomes of the TTL of its RRset.
    pub(crate) ttl_note: Option<String>,
}

impl PastePage {
    fn new(context: &RequestContext, text: String) -> Self {
        Self {
            layout: context.layout(),
            text,
            rows: Vec::new(),
            unread: Vec::new(),
            ttls: context.app.config.limits.ttl,
            problem: None,
            to_confirm: None,
            limit_exceeded: None,
        }
    }

    fn base(&self) -> &str {
        self.layout.base_domain.as_deref().unwrap_or_default()
    }

    fn has_read(&self) -> bool {
        !self.rows.is_empty() || !self.unread.is_empty()
    }

    /// Returns what was read, for the heading.
    fn count(&self) -> String {
        pluralize(
            u32::try_from(self.rows.len()).unwrap_or(u32::MAX),
            "record",
            "records",
        )
    }
}

/// A field of a record before its value, as the template shows it.
struct PartField<'a> {
    name: &'static str,
    label: &'static str,
    input: &'a str,
    placeholder: &'static str,
    field: Field,
}

impl PastedRow {
    /// Returns the name of one of its fields on the page.
    fn name_of(&self, field: &str) -> String {
        format!("{field}-{}", self.number)
    }

    fn faults_of(&self, of: Field) -> impl Iterator<Item = &Fault> {
        let of_field = self.faults.iter().filter(move |(field, _)| *field == of);
        of_field.map(|(_, fault)| fault)
    }

    fn has_fault(&self, field: Field) -> bool {
        self.faults_of(field).next().is_some()
    }

    fn doubts_of(&self, of: Field) -> impl Iterator<Item = &Doubt> {
        self.record.doubts.iter().filter(move |d| d.field == of)
    }

    /// Returns what may have been meant in a field.
    fn options_of(&self, of: Field) -> Vec<&str> {
        let options = self.doubts_of(of).flat_map(|doubt| &doubt.options);
        options.map(String::as_str).collect()
    }

    /// Returns label and text of the notes that a zone file has as comments.
    fn notes(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let form = &self.record.form;
        let notes = [
            ("Ports", form.ports.as_str()),
            ("Course", form.course.as_str()),
            ("Description", form.description.as_str()),
        ];
        notes.into_iter().filter(|(_, text)| !text.is_empty())
    }

    /// Returns whether the text did not say the type.
    fn asks_type(&self) -> bool {
        self.doubts_of(Field::Type).next().is_some()
    }

    fn types(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let specs = RecordType::ALL.iter().map(|rtype| rtype.spec());
        specs.map(|spec| (spec.mnemonic, spec.title))
    }

    /// Returns the fields before the value of its type.
    fn parts(&self) -> Vec<PartField<'_>> {
        let form = &self.record.form;
        let rtype = RecordType::parse(&form.rtype);
        let parts = rtype.map_or(&[][..], |rtype| rtype.spec().parts);
        let to_field = |part: &&'static starchart_domain::record::spec::Part| PartField {
            name: part.name,
            label: part.label,
            input: form.parts.get(part.name).map_or("", String::as_str),
            placeholder: part.default.unwrap_or_default(),
            field: Field::Part(part.name),
        };
        parts.iter().map(to_field).collect()
    }

    /// Returns the faults that belong to no field of the row.
    fn other_faults(&self) -> impl Iterator<Item = &Fault> {
        let is_shown = |field: &Field| {
            matches!(
                field,
                Field::Name | Field::Type | Field::Part(_) | Field::Value | Field::Ttl
            )
        };
        let others = self
            .faults
            .iter()
            .filter(move |(field, _)| !is_shown(field));
        others.map(|(_, fault)| fault)
    }
}

/// Shows the empty box (`GET /dns-records/paste`).
pub(crate) async fn paste_form(
    context: Rc<RequestContext>,
    _: User,
) -> Result<HttpResponse, Failure> {
    responses::ok(&PastePage::new(&context, String::new()))
}

/// Shows what was read from the text, or saves the records that are ticked
/// (`POST /dns-records/paste` with the intent `read` or `save`).
pub(crate) async fn paste(
    context: Rc<RequestContext>,
    user: User,
) -> Result<HttpResponse, Failure> {
    let text = context.form.text("text");
    if text.trim().is_empty() {
        let problem = "Paste the records first: the box is empty.";
        return refuse(PastePage::new(&context, text), problem.to_owned());
    }
    let mut read = paste::read(&text, &user.base);
    let names = context.app.name_rules().await?;
    let rules = record_rules(&context, &names);
    for record in &mut read.records {
        record.limit_ttl(&rules.ttls);
        let notes = Notes::read(&record.comments);
        record.form.ports = notes.ports.unwrap_or_default();
        record.form.course = notes.course.unwrap_or_default();
        record.form.description = notes.description.unwrap_or_default();
    }
    let rows = read.records.into_iter().enumerate();
    let mut page = PastePage {
        rows: rows
            .map(|(at, record)| PastedRow {
                number: at + 1,
                record,
                is_taken: true,
                faults: Vec::new(),
                ttl_note: None,
            })
            .collect(),
        unread: read.unread,
        ..PastePage::new(&context, text)
    };
    match context.form.get("intent") {
        Some("read") => {
            let present = records::list(context.app.store()?, user.id).await?;
            page.check(&user, &present, rules);
            responses::ok(&page)
        }
        Some("save") => save(&context, &user, page).await,
        _ => Err(Failure::Unprocessable("unknown intent")),
    }
}

impl PastePage {
    /// Says before the records are saved what would be refused: of each alone, beside the present
    /// records and those above it, and that they are too many.
    fn check(&mut self, user: &User, present: &[Record], rules: RecordRules<'_>) {
        let mut places = Vec::new();
        let mut creates = Vec::new();
        for (at, row) in self.rows.iter_mut().enumerate() {
            if row.record.has_question() {
                continue;
            }
            match row.record.form.check(&user.base, rules.words, &rules.ttls) {
                Ok(new) => {
                    places.push(at);
                    creates.push(PlannedChange::Create(new));
                }
                Err(faults) => row.faults = faults,
            }
        }
        let refusals = actions::find_refusals(&creates, present, None);
        for (at, faults) in refusals.faulty {
            let row = &mut self.rows[places[at]];
            row.is_taken = !faults.contains(&(Field::Value, Fault::Duplicate));
            row.faults = faults;
        }
        let ttls = ChangedTtls::new(&creates, present);
        for (place, create) in places.iter().zip(&creates) {
            self.rows[*place].ttl_note = ttls.note(create);
        }
        let taken = self.rows.iter().filter(|row| row.is_taken).count();
        let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let (present, wanted) = (count(present.len()), count(taken));
        self.limit_exceeded = rules.limit.and_then(|limit| {
            let is_exceeded = wanted > limit.saturating_sub(present);
            let reached = || Limit::of_records(limit, present, wanted).record_fault();
            is_exceeded.then(reached).flatten()
        });
    }
}

impl PastedRow {
    /// Takes the fields of the page in the place of what was read.
    fn correct(&mut self, posted: &Form) {
        self.is_taken = posted.get(&self.name_of("take")).is_some();
        let form: &mut RecordForm = &mut self.record.form;
        let number = self.number;
        let of = |field: &str| posted.get(&format!("{field}-{number}")).map(str::to_owned);
        form.name = of("subdomain").unwrap_or_default();
        form.rtype = of("type").unwrap_or_else(|| form.rtype.clone());
        // A browser ends the lines of a text in its own way.
        form.input = of("value").unwrap_or_default().replace("\r\n", "\n");
        if let Some(ttl) = of("ttl") {
            form.ttl = ttl;
        }
        let rtype = RecordType::parse(&form.rtype);
        for part in rtype.map_or(&[][..], |rtype| rtype.spec().parts) {
            if let Some(text) = of(part.name) {
                form.parts.insert(part.name, text);
            }
        }
    }
}

async fn save(
    context: &RequestContext,
    user: &User,
    mut page: PastePage,
) -> Result<HttpResponse, Failure> {
    let app = &context.app;
    for row in &mut page.rows {
        row.correct(&context.form);
    }
    let taken: Vec<usize> = (0..page.rows.len())
        .filter(|at| page.rows[*at].is_taken)
        .collect();
    if taken.is_empty() {
        return refuse(page, "Tick at least one record to save.".to_owned());
    }
    let forms: Vec<RecordForm> = taken
        .iter()
        .map(|at| page.rows[*at].record.form.clone())
        .collect();
    let names = app.name_rules().await?;
    let saved = actions::create_records(
        app.store()?,
        &*app.queue,
        context.caller(user),
        &forms,
        record_rules(context, &names),
    )
    .await;
    match saved {
        Ok(saved) => Ok(saved_response(context, user, &saved).await),
        Err(BatchError::Invalid(faulty)) => {
            for (at, faults) in faulty {
                page.rows[taken[at]].faults = faults;
            }
            refuse(
                page,
                "Nothing was saved: correct the records below, or untick them.".to_owned(),
            )
        }
        Err(BatchError::ChangedMeanwhile) => Err(Failure::NotFound),
        Err(BatchError::Refused(ActionError::Conflict(Conflict::IssuanceForbidden(forbidden)))) => {
            page.to_confirm = Some(forbidden);
            responses::page(StatusCode::UNPROCESSABLE_ENTITY, &page)
        }
        Err(BatchError::Refused(error)) => {
            let faults = error.into_form_faults()?;
            let texts: Vec<String> = faults.iter().map(|(_, fault)| fault.to_string()).collect();
            refuse(page, format!("Nothing was saved: {}.", texts.join(". ")))
        }
    }
}

fn refuse(mut page: PastePage, problem: String) -> Result<HttpResponse, Failure> {
    page.problem = Some(problem);
    responses::page(StatusCode::UNPROCESSABLE_ENTITY, &page)
}

/// Redirects to the list, which says what was saved and what is doubtful about it, with a button
/// that undoes all.
async fn saved_response(
    context: &RequestContext,
    user: &User,
    saved: &[SavedRecord],
) -> HttpResponse {
    let count = u32::try_from(saved.len()).unwrap_or(u32::MAX);
    let done = format!(
        "{} created: {}",
        pluralize(count, "DNS record was", "DNS records were"),
        list_names(saved.iter().map(|saved| &saved.record))
    );
    let notes = saved.iter().flat_map(|saved| {
        let name = saved.record.shown_name();
        let texts = saved.notes.iter();
        texts.map(move |note| format!("{name}: {note}"))
    });
    let undo = match saved.first() {
        Some(first) => newest_change(context, user, first.record.id).await,
        None => None,
    };
    context.set_done_flash(done, undo, notes.take(NOTES_IN_MESSAGE));
    let list = context.list_query();
    let list = list.showing(saved.iter().map(|saved| &saved.record));
    see_other(&list.href())
}

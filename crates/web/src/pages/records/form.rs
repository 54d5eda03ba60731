//! The form that creates or edits a record.

use std::rc::Rc;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;
use starchart_domain::certificate::caa::ShutOut;
use starchart_domain::fault::{Fault, Field};
use starchart_domain::record::spec::TypeSpec;
use starchart_domain::record::{self, RecordForm, RecordId, RecordType, form_parts};
use starchart_store::records::{self, Record};

use super::{caa_check, find_own, path_id, to_confirm};
use crate::actions::{self, ActionError, Conflict, RecordEdit, SavedRecord};
use crate::actor::User;
use crate::context::RequestContext;
use crate::errors::Failure;
use crate::forms::Form;
use crate::pages::{FlashKind, Layout};
use crate::responses::{self, see_other};

/// Purpose of the signature in the field `owner`.
const OWNER_PURPOSE: &str = "form";

/// Characters of a value that a message quotes at most.
const MAX_QUOTED_CHARS: usize = 80;

/// Whether the form creates or edits a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum FormMode {
    /// The form posts to `/dns-records/new`.
    Create,
    /// The form posts to `/dns-records/{id}`.
    Edit {
        id: i64,
        /// Fingerprint of the record that the form was filled with; posted as `fingerprint`, to
        /// detect changes by another window.
        fingerprint: Option<String>,
    },
}

/// `GET /dns-records/new` and `GET /dns-records/{id}`, and the response to a post with faults.
#[derive(Debug, Clone, Template)]
#[template(path = "records/form.html")]
pub(crate) struct FormPage {
    pub(crate) layout: Layout,
    pub(crate) mode: FormMode,
    /// The input in the fields, as typed.
    pub(crate) form: RecordForm,
    pub(crate) faults: Vec<(Field, Fault)>,
    /// The signed id of the user, posted as `owner`, so that a kept form is shown to no other user.
    pub(crate) owner: String,
    /// What to confirm before the record is saved, and the text that is posted as `confirm`.
    pub(crate) to_confirm: Option<(String, String)>,
    /// Whether the form was posted after the session had ended and is shown again after the
    /// sign-in.
    pub(crate) is_kept: bool,
}

/// A field before the value, as the template shows it.
struct PartField {
    field: Field,
    name: &'static str,
    label: String,
    hint: String,
    placeholder: &'static str,
    choices: &'static [(&'static str, &'static str)],
    /// The stylesheet shows the field while one of these types is chosen.
    classes: String,
}

/// Returns the class by which the stylesheet shows an element while the type is chosen: the types
/// are counted from 1 in the order of the list.
fn shown_for(rtype: RecordType) -> String {
    let at = RecordType::ALL.iter().position(|known| *known == rtype);
    format!("for-{}", at.unwrap_or_default() + 1)
}

impl FormPage {
    /// Creates the page for the signed-in user, without faults.
    fn new(context: &RequestContext, mode: FormMode, form: RecordForm) -> Self {
        let user = context.session.as_ref().map(|session| session.user.id.0);
        let owner = user
            .and_then(|id| context.app.keys.sign(OWNER_PURPOSE, &id))
            .unwrap_or_default();
        Self {
            layout: context.layout(),
            mode,
            form,
            faults: Vec::new(),
            owner,
            to_confirm: None,
            is_kept: false,
        }
    }

    fn title(&self) -> &'static str {
        match &self.mode {
            FormMode::Create => "Create new DNS Record",
            FormMode::Edit { .. } => "Edit DNS Record",
        }
    }

    fn action(&self) -> String {
        match &self.mode {
            FormMode::Create => "/dns-records/new".to_owned(),
            FormMode::Edit { id, .. } => format!("/dns-records/{id}"),
        }
    }

    fn submit_text(&self) -> &'static str {
        match &self.mode {
            FormMode::Create => "Create",
            FormMode::Edit { .. } => "Update",
        }
    }

    fn fingerprint(&self) -> Option<&str> {
        match &self.mode {
            FormMode::Create => None,
            FormMode::Edit { fingerprint, .. } => fingerprint.as_deref(),
        }
    }

    /// Returns whether a field has to be corrected. A fault of the whole form says what to do.
    fn has_field_faults(&self) -> bool {
        self.faults.iter().any(|(field, _)| *field != Field::Form)
    }

    fn base(&self) -> &str {
        self.layout.base_domain.as_deref().unwrap_or_default()
    }

    /// Returns value and text of the options for the type.
    fn types(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let specs = RecordType::ALL.iter().map(|rtype| rtype.spec());
        specs.map(|spec| (spec.mnemonic, spec.title))
    }

    /// Returns the fields before the value, which not every type has.
    fn parts(&self) -> Vec<PartField> {
        let fields = record::form_parts().into_iter();
        let to_field = |field: record::FormPart| PartField {
            field: Field::Part(field.part.name),
            name: field.part.name,
            label: match field.part.default {
                Some(_) => field.part.label.to_owned(),
                None => format!("{}*", field.part.label),
            },
            hint: field.hint(),
            placeholder: field.part.default.unwrap_or_default(),
            choices: field.part.choices,
            classes: field
                .types
                .iter()
                .map(|rtype| shown_for(*rtype))
                .collect::<Vec<_>>()
                .join(" "),
        };
        fields.map(to_field).collect()
    }

    /// Returns whether an option of a list is chosen: its value, or the default of an empty one.
    fn is_chosen(&self, field: &PartField, choice: &str) -> bool {
        match self.input_of(field) {
            "" => choice == field.placeholder,
            input => choice == input,
        }
    }

    /// Returns what the field Value takes for each type.
    fn value_hint(&self) -> String {
        record::value_hint()
    }

    /// Returns class and text of the hints that are shown while their type is chosen.
    fn type_hints(&self) -> impl Iterator<Item = (String, &'static TypeSpec)> {
        let with_hint = RecordType::ALL
            .iter()
            .filter(|rtype| !rtype.spec().hint.is_empty());
        with_hint.map(|rtype| (shown_for(*rtype), rtype.spec()))
    }

    /// Returns the input of a field before the value.
    fn input_of(&self, field: &PartField) -> &str {
        part_of(&self.form, field.name)
    }

    /// Returns field, label and value of the fields that are not published.
    fn notes(&self) -> [(Field, &'static str, &str); 3] {
        let RecordForm {
            ports,
            course,
            description,
            ..
        } = &self.form;
        [
            (Field::Ports, "Ports", ports),
            (Field::Course, "Course", course),
            (Field::Description, "Description", description),
        ]
    }

    /// Lists every fault with the name of its field; a fault of the whole form has none.
    fn summary(&self) -> impl Iterator<Item = (Option<&'static str>, &Fault)> {
        self.faults.iter().map(|(field, fault)| {
            let name = (*field != Field::Form).then(|| self.name_of(*field));
            (name, fault)
        })
    }

    fn faults_of(&self, of: Field) -> impl Iterator<Item = &Fault> {
        let of_field = self.faults.iter().filter(move |(field, _)| *field == of);
        of_field.map(|(_, fault)| fault)
    }

    fn has_fault(&self, field: Field) -> bool {
        self.faults_of(field).next().is_some()
    }

    /// Returns the name of a field in the form, which users of the original know.
    fn name_of(&self, field: Field) -> &'static str {
        match field {
            Field::Name => "subdomain",
            Field::Type => "type",
            Field::Value => "value",
            Field::Part(name) => name,
            Field::Ports => "ports",
            Field::Course => "course",
            Field::Description => "description",
            Field::Form => "form",
        }
    }
}

/// Shows the empty form (`GET /dns-records/new`).
pub(crate) async fn new_form(
    context: Rc<RequestContext>,
    _: User,
) -> Result<HttpResponse, Failure> {
    let page = FormPage::new(&context, FormMode::Create, RecordForm::default());
    responses::ok(&page)
}

/// Creates a record, or shows the form with its faults (`POST /dns-records/new`).
pub(crate) async fn create(
    context: Rc<RequestContext>,
    user: User,
) -> Result<HttpResponse, Failure> {
    let app = &context.app;
    let form = record_form(&context.form);
    let caller = context.caller(&user);
    let limit = app.config.record_limit;
    let caa = caa_check(&context);
    match actions::create_record(app.store()?, &*app.queue, caller, &form, limit, caa).await {
        Ok(saved) => Ok(saved_response(&context, saved, "created")),
        Err(ActionError::Conflict(Conflict::ShutsOut(shut_out))) => {
            confirm_page(&context, FormMode::Create, form, &shut_out)
        }
        Err(error) => faults_page(&context, FormMode::Create, form, error.into_form_faults()?),
    }
}

/// Shows the form with the fields of one of the user's records (`GET /dns-records/{id}`).
pub(crate) async fn edit_form(
    context: Rc<RequestContext>,
    user: User,
) -> Result<HttpResponse, Failure> {
    let record = find_own(&context, &user).await?;
    let mode = FormMode::Edit {
        id: record.id.0,
        fingerprint: Some(record.fingerprint()),
    };
    let form = form_of_record(&user, record);
    responses::ok(&FormPage::new(&context, mode, form))
}

/// Changes a record, or shows the form with its faults (`POST /dns-records/{id}`).
pub(crate) async fn update(
    context: Rc<RequestContext>,
    user: User,
) -> Result<HttpResponse, Failure> {
    let form = record_form(&context.form);
    match update_own(&context, &user, form.clone()).await {
        // The record was deleted meanwhile, or belongs to another user. The input is not lost: the
        // form shows it again, for a new record.
        Err(Failure::NotFound) if !form.name.is_empty() || !form.input.is_empty() => {
            let mut page = FormPage::new(&context, FormMode::Create, form);
            page.faults = vec![(Field::Form, Fault::Gone)];
            responses::page(StatusCode::NOT_FOUND, &page)
        }
        other => other,
    }
}

async fn update_own(
    context: &RequestContext,
    user: &User,
    form: RecordForm,
) -> Result<HttpResponse, Failure> {
    let app = &context.app;
    let id = path_id(context)?;
    let mut fingerprint = form_fingerprint(&context.form);
    let edit = RecordEdit {
        id,
        form: &form,
        seen: fingerprint.as_deref(),
    };
    let (store, caller) = (app.store()?, context.caller(user));
    let faults =
        match actions::edit_record(store, &*app.queue, caller, edit, caa_check(context)).await {
            Ok(saved) => return Ok(saved_response(context, saved, "updated")),
            Err(ActionError::Conflict(Conflict::ShutsOut(shut_out))) => {
                let mode = FormMode::Edit {
                    id: id.0,
                    fingerprint,
                };
                return confirm_page(context, mode, form, &shut_out);
            }
            Err(ActionError::Conflict(Conflict::RecordChanged { current })) => {
                // The user sees the change now; the next save overwrites it.
                fingerprint = Some(current.fingerprint());
                let now = describe_differences(&form, &form_of_record(user, *current));
                vec![(Field::Form, Fault::ChangedMeanwhile { now })]
            }
            Err(error) => error.into_form_faults()?,
        };
    let mode = FormMode::Edit {
        id: id.0,
        fingerprint,
    };
    faults_page(context, mode, form, faults)
}

/// Shows a form again that was posted after the session had ended. Does not save it.
pub(crate) async fn show_kept_form(
    context: &RequestContext,
    user: &User,
    path: &str,
    kept_form: &str,
) -> Result<HttpResponse, Failure> {
    let form = Form::parse(kept_form.as_bytes())?;
    if context
        .app
        .keys
        .verify::<i64>(OWNER_PURPOSE, &form.text("owner"))
        != Some(user.id.0)
    {
        // Another user has signed in, perhaps on a shared computer.
        return Ok(see_other("/dns-records"));
    }
    let mode = match path
        .strip_prefix("/dns-records/")
        .and_then(|rest| rest.parse().ok())
    {
        // The record may have been deleted meanwhile.
        Some(id) => match records::get(context.app.store()?, user.id, RecordId(id)).await? {
            Some(_) => FormMode::Edit {
                id,
                fingerprint: form_fingerprint(&form),
            },
            None => return Err(Failure::NotFound),
        },
        None => FormMode::Create,
    };
    let page = FormPage {
        is_kept: true,
        ..FormPage::new(context, mode, record_form(&form))
    };
    responses::ok(&page)
}

/// Redirects to the list, which says what was saved and what is doubtful about it.
fn saved_response(context: &RequestContext, saved: SavedRecord, done: &str) -> HttpResponse {
    let SavedRecord { record, note } = saved;
    let message = (
        FlashKind::Done,
        format!(
            "DNS Record \"{}\" has been successfully {done}",
            record.name
        ),
    );
    let note = note.map(|note| (FlashKind::Note, note.to_string()));
    context.set_flash(&std::iter::once(message).chain(note).collect::<Vec<_>>());
    see_other("/dns-records")
}

/// Shows the form again and asks for a confirmation.
fn confirm_page(
    context: &RequestContext,
    mode: FormMode,
    form: RecordForm,
    shut_out: &ShutOut,
) -> Result<HttpResponse, Failure> {
    let page = FormPage {
        to_confirm: Some(to_confirm(shut_out)),
        ..FormPage::new(context, mode, form)
    };
    responses::page(StatusCode::UNPROCESSABLE_ENTITY, &page)
}

/// Shows the form again with its faults.
fn faults_page(
    context: &RequestContext,
    mode: FormMode,
    form: RecordForm,
    faults: Vec<(Field, Fault)>,
) -> Result<HttpResponse, Failure> {
    let page = FormPage {
        faults,
        ..FormPage::new(context, mode, form)
    };
    responses::page(StatusCode::UNPROCESSABLE_ENTITY, &page)
}

fn record_form(form: &Form) -> RecordForm {
    RecordForm {
        name: form.text("subdomain"),
        rtype: form.text("type"),
        input: form.text("value"),
        parts: form_parts()
            .into_iter()
            .map(|field| (field.part.name, form.text(field.part.name)))
            .collect(),
        ports: form.text("ports"),
        course: form.text("course"),
        description: form.text("description"),
    }
}

/// Returns the fingerprint of the record that the form was filled with. Scripts that send only the
/// original's fields have none.
fn form_fingerprint(form: &Form) -> Option<String> {
    form.get("fingerprint")
        .filter(|fingerprint| !fingerprint.is_empty())
        .map(str::to_owned)
}

/// Fills the form with a stored record.
fn form_of_record(user: &User, record: Record) -> RecordForm {
    RecordForm {
        name: match user.base.relative(&record.name) {
            Some("") => "@".to_owned(),
            Some(relative) => relative.to_owned(),
            None => record.name.clone(),
        },
        rtype: record.rtype.to_string(),
        input: record.input,
        parts: record
            .rtype
            .parts_of(&record.presentation)
            .into_iter()
            .map(|(part, text)| (part.name, text))
            .collect(),
        ports: record.ports.unwrap_or_default(),
        course: record.course.unwrap_or_default(),
        description: record.description.unwrap_or_default(),
    }
}

/// Describes in one line the fields in which `now` differs from what was typed.
fn describe_differences(typed: &RecordForm, now: &RecordForm) -> String {
    let mut fields = vec![
        ("Name", typed.name.as_str(), now.name.as_str()),
        ("Type", typed.rtype.as_str(), now.rtype.as_str()),
        ("Value", typed.input.as_str(), now.input.as_str()),
    ];
    for field in form_parts() {
        let part = field.part;
        // The other types' fields have no meaning.
        if field.types.iter().any(|rtype| rtype.as_str() == now.rtype) {
            fields.push((
                part.label,
                part_of(typed, part.name),
                part_of(now, part.name),
            ));
        }
    }
    fields.extend([
        ("Ports", typed.ports.as_str(), now.ports.as_str()),
        ("Course", typed.course.as_str(), now.course.as_str()),
        (
            "Description",
            typed.description.as_str(),
            now.description.as_str(),
        ),
    ]);
    let differ = fields
        .iter()
        .filter(|(_, typed, now)| typed.trim() != now.trim());
    let descriptions = differ.map(|(label, _, now)| match now.chars().count() {
        0 => format!("{label} empty"),
        1..=MAX_QUOTED_CHARS => format!("{label} {now}"),
        _ => format!(
            "{label} {}…",
            now.chars().take(MAX_QUOTED_CHARS).collect::<String>()
        ),
    });
    descriptions.collect::<Vec<_>>().join("; ")
}

/// Returns the input of a field before the value.
fn part_of<'a>(form: &'a RecordForm, name: &str) -> &'a str {
    form.parts.get(name).map_or("", String::as_str)
}

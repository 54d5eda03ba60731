//! The form that creates or edits a DNS record.

use std::collections::BTreeMap;

use askama::Template;
use starchart_domain::fault::{Fault, Field};
use starchart_domain::record::spec::TypeSpec;
use starchart_domain::record::{self, RecordType};

use crate::views::layout::Layout;

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

/// The input in the fields, as typed. The form also posts `csrf_token`.
#[derive(Debug, Clone, Default)]
pub(crate) struct FormValues {
    /// Field `subdomain`: the name before the base domain; `@` for the base domain itself.
    pub(crate) subdomain: String,
    /// Field `type`: the mnemonic, or empty before one is chosen.
    pub(crate) rtype: String,
    pub(crate) value: String,
    /// The fields before the value that some types have, by their names.
    pub(crate) parts: BTreeMap<&'static str, String>,
    pub(crate) ports: String,
    pub(crate) course: String,
    pub(crate) description: String,
}

/// Characters of a value that a message quotes at most.
const MAX_QUOTED_CHARS: usize = 80;

impl FormValues {
    /// Describes in one line the fields in which `now` differs from these values.
    pub(crate) fn describe_differences(&self, now: &Self) -> String {
        let mut fields = vec![
            ("Name", self.subdomain.as_str(), now.subdomain.as_str()),
            ("Type", self.rtype.as_str(), now.rtype.as_str()),
            ("Value", self.value.as_str(), now.value.as_str()),
        ];
        for field in record::form_parts() {
            let part = field.part;
            // The other types' fields have no meaning.
            if field.types.iter().any(|rtype| rtype.as_str() == now.rtype) {
                fields.push((part.label, self.part(part.name), now.part(part.name)));
            }
        }
        fields.extend([
            ("Ports", self.ports.as_str(), now.ports.as_str()),
            ("Course", self.course.as_str(), now.course.as_str()),
            (
                "Description",
                self.description.as_str(),
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
    fn part(&self, name: &str) -> &str {
        self.parts.get(name).map_or("", String::as_str)
    }
}

/// A fault and its field.
#[derive(Debug, Clone)]
pub(crate) struct FieldFault {
    /// Name of the field in the form (`subdomain`, `type`, …), or `form` for the whole form.
    pub(crate) field: &'static str,
    pub(crate) text: String,
}

impl FieldFault {
    /// Creates the fault as the page shows it beside its field.
    pub(crate) fn new(field: Field, fault: &Fault) -> Self {
        let field = match field {
            Field::Name => "subdomain",
            Field::Type => "type",
            Field::Value => "value",
            Field::Part(name) => name,
            Field::Ports => "ports",
            Field::Course => "course",
            Field::Description => "description",
            Field::Form => "form",
        };
        Self {
            field,
            text: fault.to_string(),
        }
    }
}

/// `GET /dns-records/new` and `GET /dns-records/{id}`, and the response to a post with faults.
#[derive(Debug, Clone, Template)]
#[template(path = "record-form.html")]
pub(crate) struct FormPage {
    pub(crate) layout: Layout,
    pub(crate) mode: FormMode,
    pub(crate) values: FormValues,
    pub(crate) faults: Vec<FieldFault>,
    /// The signed id of the user, posted as `owner`, so that a kept form is shown to no other user.
    pub(crate) owner: String,
    /// What to confirm before the record is saved, and the text that is posted as `confirm`.
    pub(crate) to_confirm: Option<(String, String)>,
    /// Whether the form was posted after the session had ended and is shown again after the
    /// sign-in.
    pub(crate) kept: bool,
}

/// A field before the value, as the template shows it.
struct PartField {
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
        self.faults.iter().any(|fault| fault.field != "form")
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
        match self.values.part(field.name) {
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

    /// Returns name, label and value of the fields that are not published.
    fn notes(&self) -> [(&'static str, &'static str, &str); 3] {
        let FormValues {
            ports,
            course,
            description,
            ..
        } = &self.values;
        [
            ("ports", "Ports", ports),
            ("course", "Course", course),
            ("description", "Description", description),
        ]
    }

    fn faults_of<'a>(&'a self, field: &str) -> impl Iterator<Item = &'a FieldFault> {
        self.faults.iter().filter(move |fault| fault.field == field)
    }

    fn has_fault(&self, field: &str) -> bool {
        self.faults_of(field).next().is_some()
    }
}

//! The form that creates or edits a DNS record.

use askama::Template;
use starchart_domain::fault::{Fault, Field};

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
    /// Field `type`: `A`, `AAAA`, `CNAME`, `MX`, `TXT`, or empty before one is chosen.
    pub(crate) rtype: String,
    pub(crate) value: String,
    /// Field `priority`, for MX only.
    pub(crate) priority: String,
    pub(crate) ports: String,
    pub(crate) course: String,
    pub(crate) description: String,
}

/// Characters of a value that a message quotes at most.
const MAX_QUOTED_CHARS: usize = 80;

impl FormValues {
    /// Describes in one line the fields in which `now` differs from these values.
    pub(crate) fn describe_differences(&self, now: &Self) -> String {
        let fields = [
            ("Name", &self.subdomain, &now.subdomain),
            ("Type", &self.rtype, &now.rtype),
            ("Value", &self.value, &now.value),
            ("Priority", &self.priority, &now.priority),
            ("Ports", &self.ports, &now.ports),
            ("Course", &self.course, &now.course),
            ("Description", &self.description, &now.description),
        ];
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
            Field::Preference => "priority",
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
    /// Whether the form was posted after the session had ended and is shown again after the
    /// sign-in.
    pub(crate) kept: bool,
}

/// Value and text of the options for the type.
const TYPES: [(&str, &str); 5] = [
    ("A", "A Record (IPv4 Address)"),
    ("AAAA", "AAAA Record (IPv6 Address)"),
    ("CNAME", "CNAME Record (Domain Name)"),
    ("MX", "MX Record (Mail Server)"),
    ("TXT", "TXT Record (Text Value)"),
];

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

    fn types(&self) -> &'static [(&'static str, &'static str)] {
        &TYPES
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

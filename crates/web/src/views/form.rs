//! The form that makes or changes a DNS record.

use askama::Template;

use starchart_domain::fault::{Fault, Field};

use super::Shell;

/// What the form is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FormMode {
    /// Posts to `/dns-records/new`.
    Create,
    /// Posts to `/dns-records/{id}`.
    Edit {
        /// The record.
        id: i64,
        /// The fingerprint of what it says as far as the form knows; comes back with the form.
        seen: Option<String>,
    },
}

/// What stands in the fields, as typed. The form posts these names, and `csrf_token`.
#[derive(Debug, Clone, Default)]
pub struct FormValues {
    /// Field `subdomain`: the part before the base domain; `@` for the base itself.
    pub subdomain: String,
    /// Field `type`: `A`, `AAAA`, `CNAME`, `MX`, `TXT`, or empty before one is chosen.
    pub rtype: String,
    /// Field `value`.
    pub value: String,
    /// Field `priority`, of MX only.
    pub priority: String,
    /// Field `ports`.
    pub ports: String,
    /// Field `course`.
    pub course: String,
    /// Field `description`.
    pub description: String,
}

/// Characters of a value that is told in a sentence.
const TOLD: usize = 80;

impl FormValues {
    /// The fields in which `now` differs from these, with what it says, on one line.
    pub fn told_apart_from(&self, now: &Self) -> String {
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
        let told = differ.map(|(label, _, now)| match now.chars().count() {
            0 => format!("{label} empty"),
            1..=TOLD => format!("{label} {now}"),
            _ => format!("{label} {}…", now.chars().take(TOLD).collect::<String>()),
        });
        told.collect::<Vec<_>>().join("; ")
    }
}

/// One thing wrong, and where.
#[derive(Debug, Clone)]
pub struct FieldFault {
    /// The field's name in the form (`subdomain`, `type`, …), or `form` for the whole.
    pub field: &'static str,
    /// What to do, in words.
    pub text: String,
}

impl FieldFault {
    /// The fault as the page shows it, beside the field that it belongs to.
    pub fn new(field: Field, fault: &Fault) -> Self {
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

/// `GET /dns-records/new` and `GET /dns-records/{id}`, and the answer to a post with faults.
#[derive(Debug, Clone, Template)]
#[template(path = "form.html")]
pub struct FormPage {
    /// Around it; [`Shell::base_domain`] stands behind the name.
    pub shell: Shell,
    /// Whether it makes or changes a record.
    pub mode: FormMode,
    /// What was typed.
    pub values: FormValues,
    /// Empty at first.
    pub faults: Vec<FieldFault>,
    /// Whose form it is, sealed; comes back with the form.
    pub owner: String,
    /// Whether the form was posted after the session had ended, and is shown again after signing
    /// in.
    pub kept: bool,
}

/// The types and the words of the select, in its order.
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

    fn submit(&self) -> &'static str {
        match &self.mode {
            FormMode::Create => "Create",
            FormMode::Edit { .. } => "Update",
        }
    }

    fn seen(&self) -> Option<&str> {
        match &self.mode {
            FormMode::Create => None,
            FormMode::Edit { seen, .. } => seen.as_deref(),
        }
    }

    /// Whether a field has to be corrected; what concerns the whole says itself what to do.
    fn is_to_be_corrected(&self) -> bool {
        self.faults.iter().any(|fault| fault.field != "form")
    }

    fn base(&self) -> &str {
        self.shell.base_domain.as_deref().unwrap_or_default()
    }

    fn types(&self) -> &'static [(&'static str, &'static str)] {
        &TYPES
    }

    /// Name, label and value of the fields that stay out of the DNS.
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

    fn faulty(&self, field: &str) -> bool {
        self.faults_of(field).next().is_some()
    }
}

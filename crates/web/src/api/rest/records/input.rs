//! The fields of a record in the JSON of a request.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};
use starchart_domain::fault::{Fault, Field};
use starchart_domain::names::BaseDomain;
use starchart_domain::record::{RecordForm, RecordType};

use crate::actions::Record;

type Faults = Vec<(Field, Fault)>;

/// A record to create.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NewRecord")]
pub(super) struct NewBody {
    /// The name before the domain; empty or `@` for the domain itself.
    subname: String,
    /// The type, such as `AAAA`.
    r#type: String,
    /// The value in presentation format: names with a final dot, texts in quotation marks.
    value: String,
    /// The TTL in seconds. Left out, that of the other records of the name and type, or the
    /// default.
    ttl: Option<u32>,
    /// Your note about ports.
    ports: Option<String>,
    /// Your note about a course.
    course: Option<String>,
    /// Your note about its purpose.
    description: Option<String>,
}

/// What changes of a record.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "RecordChange")]
pub(super) struct EditBody {
    /// The name before the domain; empty or `@` for the domain itself.
    subname: Option<String>,
    /// The type, such as `AAAA`.
    r#type: Option<String>,
    /// The value in presentation format.
    value: Option<String>,
    /// The TTL in seconds, for all records of the name and type.
    ttl: Option<u32>,
    /// Your note about ports; null removes it.
    #[serde(deserialize_with = "present")]
    #[schemars(with = "Option<String>")]
    ports: Option<Option<String>>,
    /// Your note about a course; null removes it.
    #[serde(deserialize_with = "present")]
    #[schemars(with = "Option<String>")]
    course: Option<Option<String>>,
    /// Your note about its purpose; null removes it.
    #[serde(deserialize_with = "present")]
    #[schemars(with = "Option<String>")]
    description: Option<Option<String>>,
}

/// Tells a member that is null from one that is left out.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// Fills the form with a name, a type and a value. An unknown type is a fault of the form.
fn form_of(subname: &str, rtype: &str, value: &str) -> Result<RecordForm, Faults> {
    let name = if subname.is_empty() { "@" } else { subname };
    let rtype = rtype.to_ascii_uppercase();
    match RecordType::parse(&rtype) {
        Some(known) => RecordForm::of_presentation(name, known, value).map_err(|fault| vec![fault]),
        None => Ok(RecordForm {
            name: name.to_owned(),
            rtype,
            input: value.to_owned(),
            ..RecordForm::default()
        }),
    }
}

impl NewBody {
    /// Returns the form that has these fields.
    pub(super) fn form(self) -> Result<RecordForm, Faults> {
        Ok(RecordForm {
            ttl: self.ttl.map(|ttl| ttl.to_string()).unwrap_or_default(),
            ports: self.ports.unwrap_or_default(),
            course: self.course.unwrap_or_default(),
            description: self.description.unwrap_or_default(),
            ..form_of(&self.subname, &self.r#type, &self.value)?
        })
    }
}

impl EditBody {
    /// Returns the form of a record with these changes.
    pub(super) fn form(self, base: &BaseDomain, old: &Record) -> Result<RecordForm, Faults> {
        let notes = [&old.ports, &old.course, &old.description];
        let former = RecordForm::of_stored(
            base,
            &old.name,
            old.rtype,
            &old.input,
            &old.presentation,
            notes,
        );
        // A value that stays is shown as its owner typed it.
        let mut form = match (&self.r#type, &self.value) {
            (None, None) => former.clone(),
            (rtype, value) => {
                let rtype = rtype.as_deref().unwrap_or(old.rtype.as_str());
                let value = value.as_deref().unwrap_or(&old.presentation);
                form_of(&former.name, rtype, value)?
            }
        };
        if let Some(subname) = self.subname {
            form.name = if subname.is_empty() {
                "@".to_owned()
            } else {
                subname
            };
        }
        form.ttl = self.ttl.map(|ttl| ttl.to_string()).unwrap_or_default();
        let note = |given: Option<Option<String>>, former: String| match given {
            Some(note) => note.unwrap_or_default(),
            None => former,
        };
        form.ports = note(self.ports, former.ports);
        form.course = note(self.course, former.course);
        form.description = note(self.description, former.description);
        Ok(form)
    }
}

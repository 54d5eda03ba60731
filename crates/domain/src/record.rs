//! Records: parses a user's input into values that the zone accepts.
//!
//! Each record type is a file of this folder with one [`TypeSpec`](spec::TypeSpec), and a line in
//! `rtype`. Everything else iterates over [`RecordType::ALL`].

pub mod a;
mod aaaa;
pub mod address;
mod beside;
mod binding;
pub mod caa;
mod class;
mod cname;
mod conflict;
mod digits;
mod form;
mod host;
mod https;
pub mod mx;
mod note;
pub(crate) mod presented;
mod rtype;
pub mod spec;
pub mod srv;
mod sshfp;
mod svcb;
mod tlsa;
pub mod txt;
mod value;

use std::collections::BTreeMap;
use std::fmt;

use sha2::{Digest, Sha256};

use crate::fault::advice::Columns;
use crate::fault::{Fault, Field, NameFault, ValueFault};
use crate::input::typed::{Typed, ZoneLine};
use crate::input::{OddChar, clean_note};
use crate::names::idn::to_unicode;
use crate::names::{BaseDomain, OwnedName};
use crate::ttl::{Ttl, TtlChoice, TtlLimits};
use crate::words::WordFilter;

pub use beside::{Neighbour, notes_beside};
pub use class::NameClass;
pub use conflict::conflict_with;
pub use form::{FormPart, form_parts, value_hint};
pub use note::ValueNote;
pub use rtype::{RecordType, exclude_each_other, list};
pub use value::RecordValue;

/// The key of a row in `dns_records`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordId(pub i64);

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Returns the hash by which the database finds equal values of one name and type.
pub fn value_hash(presentation: &str) -> [u8; 32] {
    Sha256::digest(presentation.as_bytes()).into()
}

/// The longest ports or course note, in characters.
pub const NOTE_MAX: usize = 191;
/// The longest description, in characters.
pub const DESCRIPTION_MAX: usize = 2_000;

/// A user's input for a record, unchecked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RecordForm {
    /// The name relative to the base domain, or `@`.
    pub name: String,
    /// The mnemonic of the record type.
    pub rtype: String,
    /// The value as input.
    pub input: String,
    /// The fields before the value, by the names of their form fields. Those of other types are
    /// ignored.
    pub parts: BTreeMap<&'static str, String>,
    /// The TTL of the RRset; empty to keep the one that it has.
    pub ttl: String,
    /// The user's note of ports.
    pub ports: String,
    /// The user's note of a course.
    pub course: String,
    /// The user's own description.
    pub description: String,
}

impl RecordForm {
    /// Fills the form with a stored record, so that its TTL is kept. `notes` are those of ports, a
    /// course and its purpose.
    pub fn of_stored(
        base: &BaseDomain,
        name: &str,
        rtype: RecordType,
        input: &str,
        presentation: &str,
        notes: [&Option<String>; 3],
    ) -> Self {
        let [ports, course, description] = notes.map(|note| note.clone().unwrap_or_default());
        Self {
            name: match base.relative(name) {
                Some("") => "@".to_owned(),
                Some(relative) => to_unicode(relative).unwrap_or_else(|| relative.to_owned()),
                None => name.to_owned(),
            },
            rtype: rtype.to_string(),
            input: input.to_owned(),
            parts: rtype
                .parts_of(presentation)
                .into_iter()
                .map(|(part, text)| (part.name, text))
                .collect(),
            ttl: String::new(),
            ports,
            course,
            description,
        }
    }
}

/// A valid record that can be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRecord {
    /// The name, under the owner's base domain.
    pub name: OwnedName,
    /// The value, which also has the type.
    pub value: RecordValue,
    /// The TTL that its RRset gets.
    pub ttl: TtlChoice,
    /// The user's note of ports.
    pub ports: Option<String>,
    /// The user's note of a course.
    pub course: Option<String>,
    /// The user's own description.
    pub description: Option<String>,
}

/// Returns a short hash over all fields of a record. The edit form carries it to detect changes
/// made in between.
pub fn fingerprint(
    name: &str,
    rtype: RecordType,
    presentation: &str,
    ttl: Ttl,
    notes: [Option<&str>; 3],
) -> String {
    let mut hash = Sha256::new();
    let seconds = ttl.as_seconds().to_string();
    for text in [name, rtype.as_str(), presentation, &seconds]
        .into_iter()
        .map(Some)
        .chain(notes)
    {
        // The length keeps the texts apart.
        hash.update(
            text.map_or(u64::MAX, |text| text.len() as u64)
                .to_be_bytes(),
        );
        hash.update(text.unwrap_or_default());
    }
    hex::encode(&hash.finalize()[..8])
}

impl NewRecord {
    /// Returns the [`fingerprint`] of the record in an RRset that has the TTL `present`, or in a
    /// new one.
    pub fn fingerprint(&self, present: Option<Ttl>) -> String {
        let notes = [&self.ports, &self.course, &self.description].map(Option::as_deref);
        fingerprint(
            self.name.fqdn(),
            self.value.rtype(),
            self.value.presentation(),
            self.ttl.beside(present),
            notes,
        )
    }
}

/// A form whose fields were checked, each by itself.
#[derive(Debug)]
pub struct CheckedForm {
    /// The name, if it is valid.
    pub name: Option<OwnedName>,
    /// The value, if it is valid.
    pub value: Option<RecordValue>,
    /// Every fault with its field, in the order of the form.
    pub faults: Vec<(Field, Fault)>,
    ttl: Option<TtlChoice>,
    /// Ports, course and description.
    notes: [Option<String>; 3],
}

impl CheckedForm {
    /// Returns the record, if all fields are valid.
    ///
    /// # Errors
    /// Every fault with its field, in the order of the form.
    pub fn into_record(self) -> Result<NewRecord, Vec<(Field, Fault)>> {
        let [ports, course, description] = self.notes;
        match (self.name, self.value, self.ttl) {
            (Some(name), Some(value), Some(ttl)) if self.faults.is_empty() => Ok(NewRecord {
                name,
                value,
                ttl,
                ports,
                course,
                description,
            }),
            _ => Err(self.faults),
        }
    }
}

impl RecordForm {
    /// Checks all fields for the user with this base domain; `words` are those that no name has,
    /// `ttls` the TTLs that users may choose.
    ///
    /// # Errors
    /// Every fault with its field, in the order of the form.
    pub fn check(
        &self,
        base: &BaseDomain,
        words: &WordFilter,
        ttls: &TtlLimits,
    ) -> Result<NewRecord, Vec<(Field, Fault)>> {
        self.check_fields(base, words, ttls).into_record()
    }

    /// Checks each field as [`Self::check`] does, and returns also what is valid beside a fault.
    pub fn check_fields(
        &self,
        base: &BaseDomain,
        words: &WordFilter,
        ttls: &TtlLimits,
    ) -> CheckedForm {
        let mut faults = Vec::new();
        let mut note = |field, text: &str, max| match check_note(field, text, max) {
            Ok(note) => note,
            Err(fault) => {
                faults.push((field, fault));
                None
            }
        };
        let notes = [
            note(Field::Ports, &self.ports, NOTE_MAX),
            note(Field::Course, &self.course, NOTE_MAX),
            note(Field::Description, &self.description, DESCRIPTION_MAX),
        ];
        let ttl = ttls
            .check(&self.ttl)
            .map_err(|fault| faults.push((Field::Ttl, Fault::Ttl(fault))));
        let (mut name, mut value) = (None, None);
        match RecordType::parse(&self.rtype) {
            None => faults.extend(self.faults_without_type()),
            Some(rtype) => {
                match self.check_name(rtype, base, words) {
                    Ok(valid) => name = Some(valid),
                    Err(fault) => faults.push((Field::Name, Fault::Name(fault))),
                }
                let part = |name: &str| self.parts.get(name).map_or("", String::as_str);
                match RecordValue::parse(rtype, &self.input, part) {
                    Ok(valid) => value = Some(valid),
                    Err(found) => {
                        faults.extend(found.into_iter().map(|fault| complete(fault, base)))
                    }
                }
            }
        }
        if let (Some(name), Some(value)) = (&name, &value)
            && value.points_to(name)
        {
            faults.push((Field::Value, Fault::Value(ValueFault::PointsToItself)));
        }
        faults.sort_by_key(|(field, _)| field.position());
        CheckedForm {
            name,
            value,
            faults,
            ttl: ttl.ok(),
            notes,
        }
    }

    /// Returns the faults of a form without a type. Empty fields are faults for every type.
    fn faults_without_type(&self) -> Vec<(Field, Fault)> {
        let mut faults = vec![(Field::Type, Fault::UnknownType)];
        if self.name.trim().is_empty() {
            faults.push((Field::Name, Fault::Name(NameFault::Empty)));
        }
        if self.input.trim().is_empty() {
            faults.push((Field::Value, Fault::Value(ValueFault::Empty)));
        }
        faults
    }

    fn check_name(
        &self,
        rtype: RecordType,
        base: &BaseDomain,
        words: &WordFilter,
    ) -> Result<OwnedName, NameFault> {
        let name = rtype.parse_name(&self.name, base)?;
        words.check(&name.shown())?;
        Ok(name)
    }
}

/// Lets a fault of the value name the user's domain and the other fields.
fn complete((field, mut fault): (Field, Fault), base: &BaseDomain) -> (Field, Fault) {
    if let Fault::Value(ValueFault::Mistyped(mistyped)) = &mut fault {
        mistyped.base = Some(base.as_str().to_owned());
        if let Typed::ZoneLine(line) = &mistyped.typed {
            mistyped.columns = columns_of(line);
        }
    }
    (field, fault)
}

/// Assigns the value of a zone file's line to the fields of its type.
fn columns_of(line: &ZoneLine) -> Columns {
    let rtype = RecordType::parse(&line.rtype);
    let split = rtype.and_then(|rtype| Some((rtype, rtype.spec().split(&line.value)?)));
    let (parts, value) = match &split {
        Some((rtype, (texts, rest))) => {
            let labels = rtype.spec().parts.iter().map(|part| part.label);
            (labels.zip(texts.iter().cloned()).collect(), *rest)
        }
        None => (Vec::new(), line.value.as_str()),
    };
    Columns {
        value: without_quotes(value).to_owned(),
        parts,
        is_offered: rtype.is_some(),
    }
}

/// Returns a text without the quotation marks around it.
fn without_quotes(text: &str) -> &str {
    let inner = text
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    inner.unwrap_or(text)
}

fn check_note(field: Field, text: &str, max: usize) -> Result<Option<String>, Fault> {
    let text = clean_note(text);
    let lines_allowed = field == Field::Description;
    let is_refused = |c: &char| c.is_control() && !(lines_allowed && *c == '\n');
    if let Some(c) = text.chars().find(is_refused) {
        return Err(Fault::ControlCharacter(OddChar::Control(c)));
    }
    if text.chars().count() > max {
        return Err(Fault::TooLong { max });
    }
    Ok(Some(text).filter(|text| !text.is_empty()))
}

#[cfg(test)]
mod tests;

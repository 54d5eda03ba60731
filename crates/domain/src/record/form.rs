//! What the form says about all types together.

use crate::record::rtype::{RecordType, list};
use crate::record::spec::Part;

/// A field before the value, with the types that have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormPart {
    /// The field and its texts.
    pub part: &'static Part,
    /// The types that have the field.
    pub types: Vec<RecordType>,
}

impl FormPart {
    /// Returns the hint beside the field, which names the types.
    pub fn hint(&self) -> String {
        format!(
            "For {} records only: {}",
            list(self.types.iter()),
            self.part.hint
        )
    }
}

/// Lists the fields before the value of all types, each once.
pub fn form_parts() -> Vec<FormPart> {
    let mut fields: Vec<FormPart> = Vec::new();
    for rtype in RecordType::ALL {
        for part in rtype.spec().parts.iter().copied() {
            match fields.iter_mut().find(|known| known.part.name == part.name) {
                Some(known) => known.types.push(*rtype),
                None => fields.push(FormPart {
                    part,
                    types: vec![*rtype],
                }),
            }
        }
    }
    fields
}

/// Returns a sentence that says what the field Value takes for each type.
pub fn value_hint() -> String {
    let mut groups: Vec<(&str, Vec<RecordType>)> = Vec::new();
    for rtype in RecordType::ALL {
        let takes = rtype.spec().takes;
        match groups.iter_mut().find(|(known, _)| *known == takes) {
            Some((_, types)) => types.push(*rtype),
            None => groups.push((takes, vec![*rtype])),
        }
    }
    let clauses = groups
        .iter()
        .map(|(takes, types)| format!("{takes} for {}", list(types.iter())));
    let sentence = clauses.collect::<Vec<_>>().join(", ");
    let mut letters = sentence.chars();
    let first = letters.next().map(|letter| letter.to_ascii_uppercase());
    first.into_iter().chain(letters).chain(['.']).collect()
}

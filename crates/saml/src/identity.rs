//! Which person the attributes name.

use crate::gate::SeenAttribute;
use crate::provider::AttributeNames;
use crate::refusal::Refusal;
use crate::xml::is_space;

/// Longer is no real user name.
const MAX_SUBJECT_BYTES: usize = 256;

/// What the attributes say.
#[derive(Debug)]
pub(crate) struct Person {
    pub(crate) subject: String,
    pub(crate) display_name: String,
    pub(crate) email: String,
    pub(crate) groups: Vec<String>,
}

/// Reads the used attributes, by exact name. The subject must be there once, with one value.
pub(crate) fn read(
    attributes: &[SeenAttribute],
    names: &AttributeNames,
) -> Result<Person, Refusal> {
    Ok(Person {
        subject: subject(attributes, &names.subject)?,
        display_name: values(attributes, &names.display_name)
            .into_iter()
            .next()
            .unwrap_or_default(),
        email: values(attributes, &names.email)
            .into_iter()
            .next()
            .unwrap_or_default(),
        groups: values(attributes, &names.group),
    })
}

/// The values of every attribute element of this name, trimmed, without empty ones.
pub(crate) fn values(attributes: &[SeenAttribute], name: &str) -> Vec<String> {
    attributes
        .iter()
        .filter(|attribute| attribute.name == name)
        .flat_map(|attribute| &attribute.values)
        .filter_map(|value| tidy(value))
        .collect()
}

/// Without white space around it; nothing if nothing is left.
pub(crate) fn tidy(value: &str) -> Option<String> {
    let trimmed = value.trim_matches(is_space);
    (!trimmed.is_empty()).then(|| trimmed.to_owned())
}

fn subject(attributes: &[SeenAttribute], name: &str) -> Result<String, Refusal> {
    let mut named = attributes.iter().filter(|attribute| attribute.name == name);
    let attribute = named.next().ok_or(Refusal::Attributes("subject_absent"))?;
    if named.next().is_some() {
        return Err(Refusal::Attributes("subject_attribute_twice"));
    }
    let [value] = attribute.values.as_slice() else {
        return Err(Refusal::Attributes("subject_not_single_valued"));
    };
    if value.is_empty() {
        return Err(Refusal::Attributes("subject_empty"));
    }
    if value.len() > MAX_SUBJECT_BYTES {
        return Err(Refusal::Attributes("subject_too_long"));
    }
    // As it is or not at all: "admin " must not become "admin".
    if value.trim() != value || value.chars().any(char::is_control) {
        return Err(Refusal::Attributes("subject_characters"));
    }
    Ok(value.clone())
}

//! Reads the user from the attributes of an assertion.

use starchart_domain::user::AttributeNames;

use crate::gate::{AttributeValue, ParsedAttribute};
use crate::refusal::Refusal;
use crate::xml::is_xml_space;

const MAX_SUBJECT_BYTES: usize = 256;
/// Attributes that Entra ID sends in place of the groups of a user who has more than 150. They hold
/// a link to a directory, which is not followed.
const GROUPS_ELSEWHERE: [&str; 2] = [
    "http://schemas.microsoft.com/claims/groups.link",
    "_claim_names",
];

/// The values of the attributes that [`AttributeNames`] lists.
#[derive(Debug)]
pub(crate) struct UserAttributes {
    pub(crate) subject: String,
    pub(crate) display_name: String,
    pub(crate) email: String,
    pub(crate) groups: Vec<String>,
    /// Whether the groups are elsewhere, and not in the assertion.
    pub(crate) groups_not_sent: bool,
}

/// Reads the attributes by exact name. The subject must occur once, with one value.
pub(crate) fn read_user_attributes(
    attributes: &[ParsedAttribute],
    names: &AttributeNames,
) -> Result<UserAttributes, Refusal> {
    let groups = attribute_values(attributes, &names.group);
    let elsewhere =
        |attribute: &ParsedAttribute| GROUPS_ELSEWHERE.contains(&attribute.name.as_str());
    Ok(UserAttributes {
        subject: subject(attributes, &names.subject)?,
        display_name: attribute_values(attributes, &names.display_name)
            .into_iter()
            .next()
            .unwrap_or_default(),
        email: attribute_values(attributes, &names.email)
            .into_iter()
            .next()
            .unwrap_or_default(),
        groups_not_sent: groups.is_empty() && attributes.iter().any(elsewhere),
        groups,
    })
}

/// Returns the texts of every attribute element with this name, trimmed and without empty ones.
fn attribute_values(attributes: &[ParsedAttribute], name: &str) -> Vec<String> {
    attributes
        .iter()
        .filter(|attribute| attribute.name == name)
        .flat_map(|attribute| &attribute.values)
        .filter_map(|value| match value {
            AttributeValue::Text(text) => trim_to_option(text),
            AttributeValue::Elements => None,
        })
        .collect()
}

/// Trims white space; `None` when nothing is left.
fn trim_to_option(value: &str) -> Option<String> {
    let trimmed = value.trim_matches(is_xml_space);
    (!trimmed.is_empty()).then(|| trimmed.to_owned())
}

fn subject(attributes: &[ParsedAttribute], name: &str) -> Result<String, Refusal> {
    let mut named = attributes.iter().filter(|attribute| attribute.name == name);
    let attribute = named.next().ok_or(Refusal::Attributes("subject_absent"))?;
    if named.next().is_some() {
        return Err(Refusal::Attributes("subject_attribute_twice"));
    }
    let value = match attribute.values.as_slice() {
        [AttributeValue::Text(text)] => text,
        [AttributeValue::Elements] => return Err(Refusal::Attributes("subject_not_text")),
        _ => return Err(Refusal::Attributes("subject_not_single_valued")),
    };
    if value.is_empty() {
        return Err(Refusal::Attributes("subject_empty"));
    }
    if value.len() > MAX_SUBJECT_BYTES {
        return Err(Refusal::Attributes("subject_too_long"));
    }
    // Refused rather than trimmed: "admin " must not become "admin".
    if value.trim() != value || value.chars().any(char::is_control) {
        return Err(Refusal::Attributes("subject_characters"));
    }
    Ok(value.clone())
}

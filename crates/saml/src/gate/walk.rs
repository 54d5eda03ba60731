//! Helpers to read an element's children in the order of the schema.

use std::collections::HashSet;

use chrono::DateTime;

use crate::refusal::Refusal;
use crate::xml::{Element, Ns};

/// The children of an element without text, in document order.
pub(super) struct Children<'a> {
    rest: std::slice::Iter<'a, Element>,
}

impl<'a> Children<'a> {
    pub(super) fn of(parent: &'a Element, code: &'static str) -> Result<Self, Refusal> {
        if !parent.has_no_text() {
            return Err(Refusal::Structure(code));
        }
        Ok(Self {
            rest: parent.children.iter(),
        })
    }

    pub(super) fn next(&mut self) -> Option<&'a Element> {
        self.rest.next()
    }

    /// Takes the next child if it has this name.
    pub(super) fn optional(&mut self, ns: Ns, local: &str) -> Option<&'a Element> {
        let next = self
            .rest
            .as_slice()
            .first()
            .filter(|next| next.is(ns, local))?;
        self.rest.next();
        Some(next)
    }

    pub(super) fn required(
        &mut self,
        ns: Ns,
        local: &str,
        code: &'static str,
    ) -> Result<&'a Element, Refusal> {
        self.optional(ns, local).ok_or(Refusal::Structure(code))
    }

    pub(super) fn end(&self, code: &'static str) -> Result<(), Refusal> {
        if self.rest.as_slice().is_empty() {
            Ok(())
        } else {
            Err(Refusal::Structure(code))
        }
    }
}

/// Refuses attributes that are not listed, and all that have a namespace.
pub(super) fn only_attributes(
    element: &Element,
    allowed: &[&str],
    code: &'static str,
) -> Result<(), Refusal> {
    let known = element
        .attributes
        .iter()
        .all(|attribute| attribute.ns == Ns::None && allowed.contains(&attribute.local.as_str()));
    if known {
        Ok(())
    } else {
        Err(Refusal::Structure(code))
    }
}

/// Returns the text of an element without children.
pub(super) fn leaf_text<'a>(element: &'a Element, code: &'static str) -> Result<&'a str, Refusal> {
    if element.children.is_empty() {
        Ok(&element.text)
    } else {
        Err(Refusal::Structure(code))
    }
}

/// Returns the text of an element without children, without white space around it.
pub(super) fn trimmed_text(element: &Element, code: &'static str) -> Result<String, Refusal> {
    Ok(leaf_text(element, code)?
        .trim_matches(crate::xml::is_xml_space)
        .to_owned())
}

/// Parses an `xs:dateTime` attribute, which must be in UTC (SAML core 1.3.3), to Unix milliseconds.
pub(super) fn instant(
    element: &Element,
    name: &str,
    code: &'static str,
) -> Result<Option<i64>, Refusal> {
    let Some(text) = element.attribute(name) else {
        return Ok(None);
    };
    if !text.ends_with('Z') || text.len() > 40 {
        return Err(Refusal::Structure(code));
    }
    let parsed = DateTime::parse_from_rfc3339(text).map_err(|_| Refusal::Structure(code))?;
    Ok(Some(parsed.timestamp_millis()))
}

/// Parses an Issuer, whose format may only be "entity" (SAML profiles 4.1.4.2).
pub(super) fn parse_issuer(element: &Element) -> Result<String, Refusal> {
    only_attributes(element, &["Format"], "issuer_attribute")?;
    let entity = "urn:oasis:names:tc:SAML:2.0:nameid-format:entity";
    if element
        .attribute("Format")
        .is_some_and(|format| format != entity)
    {
        return Err(Refusal::Structure("issuer_format"));
    }
    trimmed_text(element, "issuer_child")
}

/// Parses the ID attribute. Only ASCII letters, digits, `_`, `-` and `.` are allowed, so that every
/// XML parser resolves `#ID` to the same element.
pub(super) fn parse_id<'a>(element: &'a Element, code: &'static str) -> Result<&'a str, Refusal> {
    let id = element.attribute("ID").ok_or(Refusal::Structure(code))?;
    let plain = id
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'));
    let starts_plain = id
        .bytes()
        .next()
        .is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_');
    if plain && starts_plain && id.len() <= 256 {
        Ok(id)
    } else {
        Err(Refusal::Structure(code))
    }
}

/// All values of attributes named `id` in any case, to find duplicates.
#[derive(Default)]
pub(super) struct IdSet<'a> {
    seen: HashSet<&'a str>,
}

impl<'a> IdSet<'a> {
    pub(super) fn insert_all(&mut self, element: &'a Element) -> Result<(), Refusal> {
        for attribute in &element.attributes {
            if attribute.local.eq_ignore_ascii_case("id") {
                if attribute.ns != Ns::None {
                    return Err(Refusal::Structure("foreign_id"));
                }
                if !self.seen.insert(&attribute.value) {
                    return Err(Refusal::Structure("duplicate_id"));
                }
            }
        }
        element
            .children
            .iter()
            .try_for_each(|child| self.insert_all(child))
    }
}

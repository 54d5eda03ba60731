//! Going through an element's children in the order of the schema.

use std::collections::HashSet;

use crate::refusal::Refusal;
use crate::xml::{Element, Ns};

/// The children of an element that holds no text, one after the other.
pub(super) struct Children<'a> {
    rest: std::slice::Iter<'a, Element>,
}

impl<'a> Children<'a> {
    pub(super) fn of(parent: &'a Element, code: &'static str) -> Result<Self, Refusal> {
        if !parent.has_no_text() {
            return Err(Refusal::Shape(code));
        }
        Ok(Self {
            rest: parent.children.iter(),
        })
    }

    pub(super) fn next(&mut self) -> Option<&'a Element> {
        self.rest.next()
    }

    /// The next child, if it is this one.
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
        self.optional(ns, local).ok_or(Refusal::Shape(code))
    }

    pub(super) fn end(&self, code: &'static str) -> Result<(), Refusal> {
        if self.rest.as_slice().is_empty() {
            Ok(())
        } else {
            Err(Refusal::Shape(code))
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
        Err(Refusal::Shape(code))
    }
}

/// The text of an element without children.
pub(super) fn leaf<'a>(element: &'a Element, code: &'static str) -> Result<&'a str, Refusal> {
    if element.children.is_empty() {
        Ok(&element.text)
    } else {
        Err(Refusal::Shape(code))
    }
}

/// The same, without the white space around it.
pub(super) fn trimmed(element: &Element, code: &'static str) -> Result<String, Refusal> {
    Ok(leaf(element, code)?
        .trim_matches(crate::xml::is_space)
        .to_owned())
}

/// An Issuer: an entity, so without another format (SAML profiles 4.1.4.2).
pub(super) fn issuer(element: &Element) -> Result<String, Refusal> {
    only_attributes(element, &["Format"], "issuer_attribute")?;
    let entity = "urn:oasis:names:tc:SAML:2.0:nameid-format:entity";
    if element
        .attribute("Format")
        .is_some_and(|format| format != entity)
    {
        return Err(Refusal::Shape("issuer_format"));
    }
    trimmed(element, "issuer_child")
}

/// The ID attribute: an NCName of plain characters, so that `#ID` can mean nothing else.
pub(super) fn id_of<'a>(element: &'a Element, code: &'static str) -> Result<&'a str, Refusal> {
    let id = element.attribute("ID").ok_or(Refusal::Shape(code))?;
    let plain = id
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'));
    let starts = id
        .bytes()
        .next()
        .is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_');
    if plain && starts && id.len() <= 256 {
        Ok(id)
    } else {
        Err(Refusal::Shape(code))
    }
}

/// Every identifier of the document, whatever its attribute is called.
#[derive(Default)]
pub(super) struct Ids<'a> {
    seen: HashSet<&'a str>,
}

impl<'a> Ids<'a> {
    pub(super) fn take_all(&mut self, element: &'a Element) -> Result<(), Refusal> {
        for attribute in &element.attributes {
            if attribute.local.eq_ignore_ascii_case("id") {
                if attribute.ns != Ns::None {
                    return Err(Refusal::Shape("foreign_id"));
                }
                if !self.seen.insert(&attribute.value) {
                    return Err(Refusal::Shape("duplicate_id"));
                }
            }
        }
        element
            .children
            .iter()
            .try_for_each(|child| self.take_all(child))
    }
}

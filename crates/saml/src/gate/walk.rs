//! Helpers to read an element's children in the order of the schema.

use std::collections::HashSet;

use crate::refusal::Refusal;
use crate::xml::{self, Attribute, Element, Ns};

/// Elements that are refused even where everything else is ignored: another message or assertion,
/// which an attack would have read in place of the signed one, a second signature, which the
/// signature checker would verify, and whatever refers to content elsewhere.
const NEVER_NESTED: [&str; 9] = [
    "Assertion",
    "CipherReference",
    "EncryptedAssertion",
    "KeyInfoReference",
    "Manifest",
    "Object",
    "Response",
    "RetrievalMethod",
    "Signature",
];

/// The attributes of a NameID or an Issuer (SAML core 2.2.2).
pub(super) const NAME_ID_ATTRIBUTES: [&str; 4] =
    ["Format", "NameQualifier", "SPNameQualifier", "SPProvidedID"];

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

    /// Passes over the next child if it has this name, which may then contain what it likes.
    pub(super) fn skip(&mut self, ns: Ns, local: &str) -> Result<(), Refusal> {
        self.optional(ns, local).map_or(Ok(()), ignored)
    }

    pub(super) fn end(&self, code: &'static str) -> Result<(), Refusal> {
        if self.rest.as_slice().is_empty() {
            Ok(())
        } else {
            Err(Refusal::Structure(code))
        }
    }
}

/// Refuses attributes that are not listed, those of other namespaces, and declarations of
/// namespaces that the message does not need.
pub(super) fn only_attributes(
    element: &Element,
    allowed: &[&str],
    code: &'static str,
) -> Result<(), Refusal> {
    if element.declares_unknown {
        return Err(Refusal::Structure("namespace_unknown"));
    }
    let known = element.attributes.iter().all(|attribute| {
        is_annotation(attribute)
            || (attribute.ns == Ns::None && allowed.contains(&attribute.local.as_str()))
    });
    if known {
        Ok(())
    } else {
        Err(Refusal::Structure(code))
    }
}

/// Whether an attribute may be on any element and means nothing here: the type of the element,
/// where its schema is, its language, its white space.
fn is_annotation(attribute: &Attribute) -> bool {
    let name = attribute.local.as_str();
    match attribute.ns {
        Ns::Xsi => matches!(
            name,
            "type" | "schemaLocation" | "noNamespaceSchemaLocation"
        ),
        Ns::Xml => matches!(name, "lang" | "space"),
        _ => false,
    }
}

/// Accepts an element that is not read, with any attributes and content that the schema allows.
pub(super) fn ignored(element: &Element) -> Result<(), Refusal> {
    if NEVER_NESTED.contains(&element.local.as_str()) {
        return Err(Refusal::Structure("nested_message"));
    }
    // The signature checker looks up references by any attribute of this name.
    if element.attribute("ID").is_some_and(|id| !is_plain_id(id)) {
        return Err(Refusal::Structure("nested_id"));
    }
    element.children.iter().try_for_each(ignored)
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
        .trim_matches(xml::is_xml_space)
        .to_owned())
}

/// Parses an `xs:dateTime` attribute to Unix milliseconds.
pub(super) fn instant(
    element: &Element,
    name: &str,
    code: &'static str,
) -> Result<Option<i64>, Refusal> {
    element
        .attribute(name)
        .map(|text| xml::parse_date_time(text).ok_or(Refusal::Structure(code)))
        .transpose()
}

/// Returns an attribute of type `xs:anyURI` or `xs:NCName`, in which white space around the value
/// does not count (XML Schema part 2, 4.3.6).
pub(super) fn collapsed(element: &Element, name: &str) -> Option<String> {
    element
        .attribute(name)
        .map(|value| value.trim_matches(xml::is_xml_space).to_owned())
}

/// Parses an Issuer. Its format may only be "entity" (SAML profiles 4.1.4.2), or "unspecified",
/// which says nothing else; qualifiers are not read.
pub(super) fn parse_issuer(element: &Element) -> Result<String, Refusal> {
    only_attributes(element, &NAME_ID_ATTRIBUTES, "issuer_attribute")?;
    let fits = collapsed(element, "Format").is_none_or(|format| {
        matches!(
            format.as_str(),
            "urn:oasis:names:tc:SAML:2.0:nameid-format:entity"
                | "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified"
        )
    });
    if !fits {
        return Err(Refusal::Structure("issuer_format"));
    }
    trimmed_text(element, "issuer_child")
}

/// Parses the ID attribute. Only ASCII letters, digits, `_`, `-` and `.` are allowed, so that every
/// XML parser resolves `#ID` to the same element.
pub(super) fn parse_id<'a>(element: &'a Element, code: &'static str) -> Result<&'a str, Refusal> {
    element
        .attribute("ID")
        .filter(|id| is_plain_id(id))
        .ok_or(Refusal::Structure(code))
}

fn is_plain_id(id: &str) -> bool {
    let starts_plain = id
        .bytes()
        .next()
        .is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_');
    let plain = id
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'));
    starts_plain && plain && id.len() <= 256
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

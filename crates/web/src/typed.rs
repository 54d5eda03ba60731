//! What was typed into a form that is refused: the page that refuses it shows it to be copied.
//!
//! Shown is only what the form's user typed or chose, never a token, and only for a request of our
//! own origin: a page of another site must not make ours show its text.

use starchart_domain::record::{RecordType, form_parts};

use crate::forms::MAX_FIELDS;

/// Lines that a field shows at most without scrolling.
const MAX_ROWS: usize = 8;
/// Characters that fit into a line of a field, about.
const ROW_CHARS: usize = 60;

/// A field of a refused form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TypedField {
    /// The label that the field has in its form.
    pub(crate) label: &'static str,
    /// The text as typed.
    pub(crate) text: String,
}

impl TypedField {
    /// Returns how many lines the field needs, within limits.
    pub(crate) fn rows(&self) -> usize {
        let rows = |line: &str| line.chars().count() / ROW_CHARS + 1;
        self.text
            .lines()
            .map(rows)
            .sum::<usize>()
            .clamp(1, MAX_ROWS)
    }
}

/// Returns the label of a field that users fill in; `None` for any other field, and for one that
/// records of the chosen type do not have.
fn label(name: &str, rtype: Option<RecordType>) -> Option<&'static str> {
    let name = without_number(name);
    let label = match name {
        "subdomain" => "Name",
        "type" => "Type",
        "value" => "Value",
        "ttl" => "TTL",
        "ttlOwn" => "Another TTL",
        "ports" => "Ports",
        "course" => "Course",
        "description" => "Description",
        "label" => "Domain",
        "searchText" => "Search text",
        "text" => "Text",
        "word" => "Word",
        "tokenName" => "Name of the token",
        "recordNames" => "Names of records",
        "recordTypes" => "Types of records",
        "challenges" => "Get certificates for",
        "addresses" => "Set the addresses of",
        "lastDay" => "Last day",
        "idleDays" => "Days without use",
        "networks" => "Addresses",
        _ => {
            let mut parts = form_parts().into_iter();
            let field = parts.find(|field| field.part.name == name)?;
            let is_used = rtype.is_none_or(|rtype| field.types.contains(&rtype));
            return is_used.then_some(field.part.label);
        }
    };
    Some(label)
}

/// Returns the name of a field without the number of its row: `value` for `value-3`.
fn without_number(name: &str) -> &str {
    match name.rsplit_once('-') {
        Some((stem, number)) if number.bytes().all(|byte| byte.is_ascii_digit()) => stem,
        _ => name,
    }
}

/// Returns what was typed, in the order of the form, from a body in the format
/// `application/x-www-form-urlencoded` that need not be a form that we accept.
pub(crate) fn typed_fields(body: &[u8]) -> Vec<TypedField> {
    let fields: Vec<_> = url::form_urlencoded::parse(body).take(MAX_FIELDS).collect();
    let rtype = fields.iter().find(|(name, _)| name == "type");
    let rtype = rtype.and_then(|(_, text)| {
        let mut types = RecordType::ALL.iter().copied();
        types.find(|rtype| rtype.as_str() == text)
    });
    let typed = fields.into_iter().filter_map(|(name, text)| {
        let label = label(&name, rtype)?;
        let text = text.into_owned();
        (!text.trim().is_empty()).then_some(TypedField { label, text })
    });
    typed.collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::route_table;

    /// Fields that a page fills in: buttons, ids and tokens, and passwords, which no page shows.
    /// What users type otherwise is not among them.
    const NOT_TYPED: &[&str] = &[
        "RelayState",
        "SAMLResponse",
        "answer",
        "answered",
        "certificate",
        "certificateKey",
        "certificateRead",
        "certificateRequest",
        "challengesBelow",
        "confirm",
        "entry",
        "fingerprint",
        "found",
        "id",
        "intent",
        "item",
        "kind",
        "newEffectiveUsername",
        "owner",
        "password",
        "preset",
        "reason",
        "redirectTo",
        "replace",
        "sloUsername",
        "sort",
        "together",
        "username",
    ];

    #[test]
    fn every_field_of_every_route_is_typed_or_known_not_to_be() {
        let names: BTreeSet<_> = route_table().flat_map(|info| info.fields).collect();
        for name in names {
            let is_typed = label(name, None).is_some();
            assert_ne!(is_typed, NOT_TYPED.contains(name), "{name}");
        }
        assert_eq!(label("csrf_token", None), None);
    }

    #[test]
    fn the_fields_are_read_from_any_body() {
        let read = |body: &str| -> Vec<(&'static str, String)> {
            let fields = typed_fields(body.as_bytes()).into_iter();
            fields.map(|field| (field.label, field.text)).collect()
        };
        let one = |label, text: &str| vec![(label, text.to_owned())];
        for (body, fields) in [
            ("", Vec::new()),
            ("csrf_token=s&owner=o&fingerprint=f&id=1", Vec::new()),
            ("value=+%0A&ports=", Vec::new()),
            ("value=a+%26%3Cb%3E&csrf_token=s", one("Value", "a &<b>")),
            ("description=one%0D%0Atwo", one("Description", "one\r\ntwo")),
            ("priority=ten", one("Priority", "ten")),
            ("priority=10&type=A&flag=0&tag=issue", one("Type", "A")),
            (
                "type=MX&priority=10&flag=0",
                [one("Type", "MX"), one("Priority", "10")].concat(),
            ),
            ("value=%FF", one("Value", "\u{fffd}")),
            (
                "value=1&value=2",
                [one("Value", "1"), one("Value", "2")].concat(),
            ),
        ] {
            assert_eq!(read(body), fields, "{body}");
        }
        let many = "value=x&".repeat(MAX_FIELDS + 1);
        assert_eq!(read(&many).len(), MAX_FIELDS);
    }

    #[test]
    fn a_field_has_as_many_lines_as_its_text() {
        for (text, rows) in [
            ("x", 1),
            ("one\r\ntwo\nthree", 3),
            (&"x".repeat(ROW_CHARS * 2), 3),
            (&"x\n".repeat(100), MAX_ROWS),
        ] {
            let field = TypedField {
                label: "Value",
                text: text.to_owned(),
            };
            assert_eq!(field.rows(), rows, "{text}");
        }
    }
}

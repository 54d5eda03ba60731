//! A record in the words of the text, before its name and value are read.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::fault::{Fault, Field, ValueFault};
use crate::input::typed::{Typed, is_zone_type};
use crate::record::{RecordType, RecordValue};

use super::Unread;

/// A record in the words of the text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Raw {
    /// The owner name; `None` when the text has none.
    pub name: Option<String>,
    /// The name that relative names end in (`$ORIGIN`), if the text says so.
    pub origin: Option<String>,
    /// The type as a mnemonic in upper case; `None` when the text has none.
    pub rtype: Option<String>,
    /// The value, with the fields before it unless they are in `parts`.
    pub value: String,
    /// What follows the value from a `;` on, with the blanks before it.
    pub tail: Option<String>,
    /// The fields before the value that have columns of their own.
    pub parts: BTreeMap<&'static str, String>,
    /// The time to live, in seconds.
    pub ttl: Option<u32>,
    /// Whether the line gives the class, which makes it one of a zone file for certain.
    pub has_class: bool,
    /// Whether the value is written as zone files have it, with quotation marks around texts.
    pub is_zone_line: bool,
    /// A number beside the value that was taken for this field.
    pub number_read_as: Option<(&'static str, String)>,
}

/// What a line turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The words of a record.
    Record(Box<Raw>),
    /// Nothing that anyone would miss: a comment, a heading, a button.
    Nothing,
    /// Something that could not be read.
    Unread(Unread),
}

impl Outcome {
    pub(super) fn record(raw: Raw) -> Self {
        Self::Record(Box::new(raw))
    }

    /// Returns whether this is a record whose value is a text without quotation marks, in which a
    /// semicolon need not begin a comment.
    pub(super) fn is_unquoted_text(&self) -> bool {
        let Self::Record(raw) = self else {
            return false;
        };
        let rtype = raw.rtype.as_deref().and_then(RecordType::parse);
        rtype.is_some_and(|rtype| rtype.spec().is_text) && !raw.value.starts_with('"')
    }
}

/// Returns the mnemonic in a word, if it is one of any type.
pub(super) fn type_word(word: &str) -> Option<String> {
    let upper = word.to_ascii_uppercase();
    let is_number = upper
        .strip_prefix("TYPE")
        .is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()));
    (is_zone_type(&upper) || is_number).then_some(upper)
}

/// Returns the mnemonic in a cell such as `CNAME`, `CNAME record` or `A (IPv4)`.
pub(super) fn type_cell(cell: &str) -> Option<String> {
    let (first, rest) = cell.split_once(' ').unwrap_or((cell, ""));
    let rest = rest.trim().to_ascii_lowercase();
    let is_decoration =
        rest.is_empty() || rest == "record" || (rest.starts_with('(') && rest.ends_with(')'));
    let word = first.trim_end_matches([':', '-']);
    type_word(word).filter(|_| is_decoration)
}

/// How a text fits the value of a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fit {
    /// It does not fit at all.
    No,
    /// A host in the place of a target that is not the whole name.
    Relative,
    /// Without its fields before the value.
    WithoutParts,
    /// With all its fields.
    Whole,
}

/// Returns how a text with its fields before the value fits a type.
pub(super) fn fit(rtype: RecordType, value: &str) -> Fit {
    let spec = rtype.spec();
    let (parts, rest, best) = match spec.split(value) {
        Some((parts, rest)) => (parts, rest, Fit::Whole),
        None => (Vec::new(), value.trim(), Fit::WithoutParts),
    };
    let names = spec.parts.iter().map(|part| part.name);
    let given: BTreeMap<&str, String> = names.zip(parts).collect();
    let part = |name: &str| given.get(name).map_or("", String::as_str);
    let rest = if spec.is_text { rest } else { unquoted(rest) };
    let is_address = matches!(rtype, RecordType::A | RecordType::Aaaa);
    match RecordValue::parse(rtype, rest, part) {
        Ok(_) => best,
        Err(faults) if !is_address && faults.iter().all(is_relative) => Fit::Relative.min(best),
        Err(_) => Fit::No,
    }
}

/// Returns whether the only fault is that a target is not the whole name.
fn is_relative((field, fault): &(Field, Fault)) -> bool {
    match (field, fault) {
        (Field::Part(_), _) => true,
        (Field::Value, Fault::Value(ValueFault::Mistyped(mistyped))) => {
            matches!(mistyped.typed, Typed::Relative(_))
        }
        _ => false,
    }
}

/// Returns whether a text is a list of tags such as `v=DMARC1; p=none`, whose semicolons begin no
/// comment.
pub(super) fn is_tag_list(text: &str) -> bool {
    let mut tags = text.split(';').map(str::trim).filter(|tag| !tag.is_empty());
    let is_tag = |tag: &str| {
        tag.split_once('=')
            .is_some_and(|(name, _)| !name.is_empty() && !name.contains(' '))
    };
    tags.clone().count() > 1 && tags.all(is_tag)
}

/// Returns the type of an address.
pub(super) fn type_of_address(value: &str) -> Option<String> {
    let rtype = match value.trim().parse().ok()? {
        IpAddr::V4(_) => RecordType::A,
        IpAddr::V6(_) => RecordType::Aaaa,
    };
    Some(rtype.as_str().to_owned())
}

/// Splits a value that consists of several addresses of the type.
pub(super) fn addresses(rtype: RecordType, value: &str) -> Option<Vec<String>> {
    let is_between = |c: char| c.is_whitespace() || matches!(c, ',' | ';');
    let words: Vec<String> = value
        .split(is_between)
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect();
    let is_address =
        |word: &String| type_of_address(word).is_some_and(|found| found == rtype.as_str());
    (words.len() > 1 && words.iter().all(is_address)).then_some(words)
}

/// Returns what is between the quotation marks of a text that is one quoted string.
pub(super) fn unquoted(text: &str) -> &str {
    let inner = text.strip_prefix('"').and_then(|t| t.strip_suffix('"'));
    inner
        .filter(|inner| !inner.contains(['"', '\\']))
        .unwrap_or(text)
}

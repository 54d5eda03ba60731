//! Reads lines that people write and pages show: `type name value`, values alone, arrows.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::Unread;
use super::lexer::{Line, words};
use super::raw::{Fit, Outcome, Raw, addresses, fit, type_word, unquoted};
use super::rows::is_of_page;
use super::ttl::{self, TtlCell};
use crate::names::HostName;
use crate::record::RecordType;

/// Words that people write between a name and its value.
const ARROWS: [&str; 8] = ["->", "-->", "=>", "→", "➜", "⟶", ":", "="];

/// Reads `type name value`, with a TTL and a priority before or after the value.
pub(super) fn type_first(line: &Line) -> Option<Outcome> {
    let words: Vec<&str> = words(&line.content).iter().map(|word| word.text).collect();
    let (first, rest) = words.split_first()?;
    let mnemonic = type_word(first.trim_end_matches(':'))?;
    let Some(rtype) = RecordType::parse(&mnemonic) else {
        let is_record = first.chars().all(|c| !c.is_ascii_lowercase()) && rest.len() > 1;
        return is_record.then_some(Outcome::Unread(Unread::NotOffered(mnemonic)));
    };
    let (typed, value) = match rest {
        [name, value @ ..] if !value.is_empty() && is_name(unquoted(name)) => (*name, value),
        _ => return None,
    };
    let name = unquoted(typed);
    if typed != name && rtype.spec().is_text && !is_name_for_certain(name) {
        // Two texts, or a name and a text.
        return Some(Outcome::Unread(Unread::TwoReadings));
    }
    if rtype.spec().is_text {
        let is_text_of_name = is_name_for_certain(name) || value.iter().any(|w| is_code(w));
        if name.contains('=') || !is_text_of_name {
            return None;
        }
    }
    let (value, ttl) = trim(rtype, value)?;
    Some(Outcome::record(Raw {
        name: Some(name.to_owned()),
        rtype: Some(mnemonic),
        value,
        tail: line.tail(),
        ttl,
        is_zone_line: true,
        ..Raw::default()
    }))
}

/// What the program `host` prints between a name and its value, with the type.
const HOST_PHRASES: [(&str, &str); 5] = [
    (" has address ", " A "),
    (" has IPv6 address ", " AAAA "),
    (" is an alias for ", " CNAME "),
    (" mail is handled by ", " MX "),
    (" descriptive text ", " TXT "),
];

/// Writes a line with arrows, or one that the program `host` printed, as a zone file would have it.
/// Returns `None` for another line.
pub(super) fn simplify(line: &str) -> Option<String> {
    let phrase = HOST_PHRASES
        .iter()
        .find(|(phrase, _)| line.contains(phrase));
    match phrase {
        Some((phrase, rtype)) => Some(line.replacen(phrase, rtype, 1)),
        None => without_arrows(line).or_else(|| without_remark(line)),
    }
}

/// Cuts off what scripts have as a comment.
fn without_remark(line: &str) -> Option<String> {
    let end = [" # ", " // "]
        .iter()
        .filter_map(|mark| line.find(mark))
        .min()?;
    Some(line[..end].trim_end().to_owned())
}

fn without_arrows(line: &str) -> Option<String> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let has_arrow = words
        .iter()
        .enumerate()
        .any(|(at, word)| ARROWS.contains(word) || at < 2 && word.len() > 1 && word.ends_with(':'));
    let kept = words.iter().enumerate().filter_map(|(at, word)| {
        let word = match at {
            0 | 1 => word.trim_end_matches(':'),
            _ => word,
        };
        (!ARROWS.contains(&word) && !word.is_empty()).then_some(word)
    });
    has_arrow.then(|| kept.collect::<Vec<_>>().join(" "))
}

/// Reads a value without a type, as `dig +short` prints it, with or without a name before it.
pub(super) fn value_alone(line: &str) -> Option<Outcome> {
    let words: Vec<&str> = words(line).iter().map(|word| word.text).collect();
    let (name, value) = match words.as_slice() {
        [value] => (None, *value),
        [name, value] if is_name(name) && value.parse::<IpAddr>().is_ok() => {
            (Some((*name).to_owned()), *value)
        }
        _ => (None, line.trim()),
    };
    let rtype = match value.parse::<IpAddr>() {
        Ok(IpAddr::V4(_)) => Some(RecordType::A),
        Ok(IpAddr::V6(_)) => Some(RecordType::Aaaa),
        Err(_) => [RecordType::A, RecordType::Aaaa]
            .into_iter()
            .find(|rtype| addresses(*rtype, value).is_some()),
    };
    let is_text = value.starts_with('"') && value.ends_with('"') && value.len() > 1;
    let last = words.last()?;
    let is_host = last.ends_with('.') && HostName::parse(last).is_ok() && last.len() > 4;
    let is_target = is_host
        && words[..words.len() - 1]
            .iter()
            .all(|word| word.bytes().all(|b| b.is_ascii_digit()));
    if rtype.is_none() && !is_text && !is_target && whole_types(value).is_empty() {
        return None;
    }
    Some(Outcome::record(Raw {
        name,
        rtype: rtype.map(|rtype| rtype.as_str().to_owned()),
        value: value.to_owned(),
        is_zone_line: true,
        ..Raw::default()
    }))
}

/// Reads a name and a host between which there was an arrow, without a type.
pub(super) fn name_and_host(line: &str) -> Option<Outcome> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [name, host] = words.as_slice() else {
        return None;
    };
    let is_host = host.contains('.') && HostName::parse(host).is_ok();
    (is_name(name) && is_host).then(|| {
        Outcome::record(Raw {
            name: Some((*name).to_owned()),
            value: (*host).to_owned(),
            ..Raw::default()
        })
    })
}

/// Lists the types with fields before the value that a value has all of: few texts do by accident.
fn whole_types(value: &str) -> Vec<RecordType> {
    types_of(value, &BTreeMap::new())
        .into_iter()
        .filter(|rtype| !rtype.spec().parts.is_empty())
        .collect()
}

/// Lists the types that a value can be of, beside fields that have columns of their own. A text in
/// quotation marks is one of TXT.
pub(super) fn types_of(value: &str, parts: &BTreeMap<&'static str, String>) -> Vec<RecordType> {
    let wanted = match parts.is_empty() {
        true => Fit::Whole,
        false => Fit::WithoutParts,
    };
    let has_parts = |rtype: &RecordType| {
        let has = |name: &str| rtype.spec().parts.iter().any(|part| part.name == name);
        parts.keys().all(|name| has(name))
    };
    let fits = |rtype: &RecordType| match rtype.spec().is_text {
        true => value.starts_with('"'),
        false => !value.starts_with('"') && has_parts(rtype) && fit(*rtype, value) >= wanted,
    };
    RecordType::ALL.iter().copied().filter(fits).collect()
}

/// Returns the words of a value that fits its type, without a TTL around it and with the numbers
/// after a host before it.
fn trim(rtype: RecordType, words: &[&str]) -> Option<(String, Option<u32>)> {
    let mut words = words.to_vec();
    let mut ttl = None;
    let is_text = rtype.spec().is_text;
    // A text may well end in such a word.
    while words.len() > 1 && !is_text {
        let last = words.last().copied().unwrap_or_default();
        if !is_of_page(last) && ttl::parse_cell(last) != Some(TtlCell::Automatic) {
            break;
        }
        words.pop();
    }
    if let [value @ .., number, unit] = words.as_slice()
        && !is_text
        && !value.is_empty()
        && let Some(TtlCell::Seconds(seconds)) = ttl::parse_cell(&format!("{number} {unit}"))
    {
        ttl = Some(seconds);
        words.truncate(words.len() - 2);
    }
    loop {
        if is_fit(rtype, &words.join(" ")) {
            return Some((words.join(" "), ttl));
        }
        if let Some(value) = numbers_first(rtype, &words) {
            return Some((value, ttl));
        }
        if let [first, rest @ ..] = words.as_slice()
            && let Some(seconds) = ttl::parse_word(first)
            && is_fit(rtype, &rest.join(" "))
        {
            return Some((rest.join(" "), Some(seconds)));
        }
        let seconds = ttl::parse_word(words.pop()?)?;
        if is_text || words.is_empty() || ttl.replace(seconds).is_some() {
            return None;
        }
    }
}

/// Returns whether a value fits with all its fields, or is alone.
fn is_fit(rtype: RecordType, value: &str) -> bool {
    match fit(rtype, value) {
        Fit::Whole => true,
        Fit::No => false,
        Fit::WithoutParts => !value.contains(' '),
        Fit::Relative => {
            let count = value.split_whitespace().count();
            count == 1 || count == rtype.spec().parts.len() + 1
        }
    }
}

/// Moves numbers after a host before it: `mail.example.com 10`.
fn numbers_first(rtype: RecordType, words: &[&str]) -> Option<String> {
    let (host, numbers) = words.split_first()?;
    if numbers.is_empty() || numbers.len() != rtype.spec().parts.len() {
        return None;
    }
    let value = [numbers, &[*host]].concat().join(" ");
    (fit(rtype, &value) == Fit::Whole).then_some(value)
}

/// Returns whether a word can be a name.
fn is_name(word: &str) -> bool {
    let is_allowed = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '*' | '@');
    word.chars().all(is_allowed) && word.parse::<IpAddr>().is_err()
}

/// Returns whether a word is a name rather than the first of a text.
fn is_name_for_certain(word: &str) -> bool {
    word == "@" || word.starts_with('_') || word.contains("._") || word.contains('.')
}

/// Returns whether a word is a text for programs, or in quotation marks.
fn is_code(word: &str) -> bool {
    word.contains('=') || word.starts_with('"')
}

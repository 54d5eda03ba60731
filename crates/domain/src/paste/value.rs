//! Reads the value of a record into the fields of its form, or asks.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::doubt::{Doubt, DoubtKind};
use super::raw::{Raw, is_tag_list, unquoted};
use super::suffix;
use crate::fault::Field;
use crate::name_text::unescape_name;
use crate::names::BaseDomain;
use crate::record::RecordType;
use crate::record::presented::typed_text;
use crate::record::spec::{Part, TypeSpec};
use crate::txt;

/// The fields of a value, some empty when they have to be asked for.
#[derive(Debug, Default)]
pub(super) struct Value {
    pub input: String,
    pub parts: BTreeMap<&'static str, String>,
    pub doubts: Vec<Doubt>,
}

/// Reads the value of a record of this type.
pub(super) fn read(rtype: RecordType, raw: &Raw, base: &BaseDomain) -> Value {
    let mut value = Value::default();
    let spec = rtype.spec();
    let rest = value.take_parts(spec, raw);
    if spec.is_text {
        value.read_text(rest, raw);
    } else if rtype.points_to_host() {
        value.read_target(rest, raw, base);
    } else {
        value.input = unquoted(rest.trim()).to_owned();
    }
    if spec.is_text {
        value.input = typed_text(rtype, value.input);
    }
    value
}

impl Value {
    fn ask(&mut self, field: Field, kind: DoubtKind, options: Vec<String>) {
        self.doubts.push(Doubt::question(field, kind, options));
    }

    fn remark(&mut self, field: Field, kind: DoubtKind) {
        self.doubts.push(Doubt::remark(field, kind));
    }

    /// Takes the fields before the value from their columns and from the value, and returns the
    /// rest of the value.
    fn take_parts<'a>(&mut self, spec: &TypeSpec, raw: &'a Raw) -> &'a str {
        // A column Priority is the one that the type has, whatever its whole name.
        let is_named = |part: &Part, column: &str| {
            let rest = part.name.strip_suffix(column);
            rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('_'))
        };
        let given = raw.parts.iter().filter_map(|(column, text)| {
            let part = spec.parts.iter().find(|part| is_named(part, column))?;
            Some((part.name, text.clone()))
        });
        self.parts = given.collect();
        if spec.parts.is_empty() {
            return &raw.value;
        }
        if let Some((texts, rest)) = spec.split(&raw.value) {
            for (part, text) in spec.parts.iter().zip(texts) {
                self.set_part(part, text);
            }
            return rest;
        }
        let absent: Vec<&'static Part> = spec
            .parts
            .iter()
            .copied()
            .filter(|part| !self.parts.contains_key(part.name))
            .collect();
        let (texts, rest) = split(&absent, &raw.value).unwrap_or((Vec::new(), &raw.value));
        for (part, text) in absent.iter().zip(texts) {
            self.set_part(part, text);
        }
        for part in absent {
            if let Some(default) = part.default
                && !self.parts.contains_key(part.name)
            {
                let label = part.label;
                self.remark(
                    Field::Part(part.name),
                    DoubtKind::PartDefault { label, default },
                );
            }
        }
        if let Some((name, number)) = &raw.number_read_as
            && let Some(part) = spec.parts.iter().find(|part| part.name == *name)
        {
            let kind = DoubtKind::NumberReadAs {
                label: part.label,
                number: number.clone(),
            };
            self.remark(Field::Part(part.name), kind);
        }
        rest
    }

    /// Sets a field, unless its column has something else.
    fn set_part(&mut self, part: &'static Part, text: String) {
        let column = self.parts.get(part.name);
        let same = column.is_none_or(|column| part.wire.canonicalize(column) == Some(text.clone()));
        if same {
            self.parts.insert(part.name, text);
            return;
        }
        let options = column.cloned().into_iter().chain([text]).collect();
        // No input fits, so that an empty field does not stand for the default.
        self.parts.insert(part.name, "?".to_owned());
        self.ask(
            Field::Part(part.name),
            DoubtKind::PartTwice { label: part.label },
            options,
        );
    }

    fn read_text(&mut self, value: &str, raw: &Raw) {
        let value = value.trim();
        if value.starts_with('"') {
            return self.read_quoted(value, raw);
        }
        let other_marks = value
            .strip_prefix(['“', '„', '”', '\''])
            .and_then(|rest| rest.strip_suffix(['”', '“', '\'']));
        if let Some(inner) = other_marks {
            self.remark(Field::Value, DoubtKind::QuotesLeftOut);
            self.input = inner.to_owned();
            return;
        }
        if value.ends_with('"') && value.matches('"').count() == 1 {
            return self.ask_for_text(value);
        }
        let plain = value.replace("\\;", ";");
        let is_escaped = plain != value;
        match &raw.tail {
            Some(tail) if is_tag_list(&format!("{plain}{tail}")) => {
                self.remark(Field::Value, DoubtKind::TextUnquoted);
                self.input = format!("{plain}{tail}").trim_end().to_owned();
            }
            Some(tail) if !is_escaped => {
                let whole = format!("{plain}{tail}").trim_end().to_owned();
                self.ask(Field::Value, DoubtKind::TextOrComment, vec![whole, plain]);
            }
            _ => {
                if raw.is_zone_line && (plain.contains([' ', ';']) || is_escaped) {
                    self.remark(Field::Value, DoubtKind::TextUnquoted);
                }
                self.input = plain;
            }
        }
    }

    fn read_quoted(&mut self, value: &str, raw: &Raw) {
        match quoted_text(value) {
            Some(text) => {
                if !raw.is_zone_line {
                    self.remark(Field::Value, DoubtKind::QuotesLeftOut);
                }
                self.input = text;
            }
            None => self.ask_for_text(value),
        }
    }

    fn ask_for_text(&mut self, value: &str) {
        let bare = value.replace(['"', '\\'], "");
        let kind = DoubtKind::QuotesUnbalanced {
            typed: value.to_owned(),
        };
        self.ask(Field::Value, kind, vec![bare]);
    }

    /// Reads the name of a host, which has to be whole.
    fn read_target(&mut self, value: &str, raw: &Raw, base: &BaseDomain) {
        let typed = unquoted(value.trim());
        let host = match typed.contains('\\') {
            true => unescape_name(typed),
            false => typed.to_lowercase(),
        };
        let is_whole = typed.ends_with('.') || typed.parse::<IpAddr>().is_ok();
        let below = |origin: &str| format!("{host}.{origin}");
        let origin = raw.origin.as_deref();
        let has_label = !host.is_empty() && host.chars().all(|c| c == '.' || is_label(c));
        match origin {
            _ if host == "@" => {
                let full = origin.unwrap_or(base.as_str()).to_owned();
                self.complete(typed, full);
            }
            // Anything else than a name is for the check of the form.
            _ if is_whole || !has_label => self.input = typed.to_owned(),
            Some(origin) if !host.contains('.') => self.complete(typed, below(origin)),
            Some(origin) => {
                let kind = DoubtKind::TargetWithoutDot {
                    typed: typed.to_owned(),
                };
                self.ask(Field::Value, kind, vec![host.clone(), below(origin)]);
            }
            None if is_relative(&host, base) => {
                let kind = DoubtKind::TargetRelative {
                    typed: typed.to_owned(),
                };
                self.ask(Field::Value, kind, completions(&host, base));
            }
            None => self.input = typed.to_owned(),
        }
    }

    fn complete(&mut self, typed: &str, full: String) {
        let kind = DoubtKind::TargetCompleted {
            typed: typed.to_owned(),
            full: full.clone(),
        };
        self.remark(Field::Value, kind);
        self.input = full;
    }
}

fn is_label(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '-' | '_')
}

/// Returns whether a host without a final dot is not the whole name: it has one label, ends in a
/// part of the user's domain, or its last label is no top-level domain.
fn is_relative(host: &str, base: &BaseDomain) -> bool {
    if base.relative(host).is_some() {
        return false;
    }
    let labels: Vec<&str> = base.as_str().split('.').collect();
    let ends_in_part = (1..labels.len()).any(|count| {
        let part = labels[..count].join(".");
        host == part || host.ends_with(&format!(".{part}"))
    });
    let last = host.rsplit('.').next().unwrap_or_default();
    ends_in_part || !host.contains('.') || !suffix::is_top_level(last)
}

/// Returns what a target that a user typed may stand for, if it is perhaps not the whole name of a
/// host. One with a dot at its end is.
pub fn target_options(typed: &str, base: &BaseDomain) -> Option<Vec<String>> {
    let host = typed.trim().to_lowercase();
    let is_name = host.chars().all(|c| c == '.' || is_label(c)) && !host.is_empty();
    let is_open = is_name && !host.ends_with('.') && host.parse::<IpAddr>().is_err();
    let is_asked = is_open && is_relative(&host, base);
    // Of several labels, the last option is the host as it is.
    is_asked.then(|| {
        let mut options = completions(&host, base);
        options.retain(|option| *option != host);
        options
    })
}

/// Lists what a relative host may stand for.
fn completions(host: &str, base: &BaseDomain) -> Vec<String> {
    let labels: Vec<&str> = base.as_str().split('.').collect();
    let ending = (1..labels.len()).rev().find(|count| {
        let part = labels[..*count].join(".");
        host == part || host.ends_with(&format!(".{part}"))
    });
    let mut options = Vec::new();
    if let Some(count) = ending {
        options.push(format!("{host}.{}", labels[count..].join(".")));
    }
    options.push(format!("{host}.{base}"));
    if host.contains('.') {
        options.push(host.to_owned());
    }
    options
}

/// Splits a value into these fields and the rest, with the numbers before the value or after it.
fn split<'a>(parts: &[&'static Part], value: &'a str) -> Option<(Vec<String>, &'a str)> {
    let value = value.trim();
    let before = || {
        let mut rest = value;
        let mut texts = Vec::with_capacity(parts.len());
        for part in parts {
            let (text, after) = rest.split_once([' ', '\t'])?;
            texts.push(part.wire.canonicalize(text)?);
            rest = after.trim_start();
        }
        Some((texts, rest))
    };
    let after = || {
        let mut rest = value;
        let mut texts = Vec::with_capacity(parts.len());
        for part in parts.iter().rev() {
            let (before, text) = rest.rsplit_once([' ', '\t'])?;
            texts.push(part.wire.canonicalize(text)?);
            rest = before.trim_end();
        }
        texts.reverse();
        Some((texts, rest)).filter(|(_, rest)| !rest.contains([' ', '\t']))
    };
    (!parts.is_empty()).then_some(())?;
    before().or_else(after)
}

/// Decodes a text that consists of quoted strings and blanks between them.
fn quoted_text(value: &str) -> Option<String> {
    let is_quoted = super::lexer::words(value).iter().all(|word| {
        let inner = word
            .text
            .strip_prefix('"')
            .and_then(|t| t.strip_suffix('"'));
        inner.is_some()
    });
    let octets = txt::decode(value).filter(|_| is_quoted)?;
    String::from_utf8(octets).ok()
}

//! Reads the owner name of a record as one below the user's domain, or asks.

use super::doubt::{Doubt, DoubtKind};
use super::suffix;
use crate::fault::Field;
use crate::names::BaseDomain;

/// Words for the user's domain itself.
const BASE_WORDS: [&str; 6] = ["(root)", "root", "apex", "@ (root)", "@ (apex)", "(apex)"];

/// Returns the name for the form, empty when it has to be asked for, and what is doubtful about it.
/// `origin` is what relative names end in by the text.
pub(super) fn read(
    typed: Option<&str>,
    origin: Option<&str>,
    base: &BaseDomain,
) -> (String, Option<Doubt>) {
    let typed = typed.unwrap_or_default().trim();
    let lower = typed.to_lowercase();
    let reader = Reader { typed, base };
    match (lower.as_str(), origin) {
        (name, _) if is_ambiguous(name) => reader.escaped(name),
        ("", _) => ask(DoubtKind::NameAbsent, vec!["@".to_owned()]),
        (word, _) if BASE_WORDS.contains(&word) => reader.at_base(),
        ("@", None) => reader.at_base(),
        ("@", Some(origin)) => reader.whole(origin),
        (name, _) if name.ends_with('.') => reader.whole(name.trim_end_matches('.')),
        (name, Some(origin)) if base.relative(name).is_none() => {
            reader.whole(&format!("{name}.{origin}"))
        }
        (name, _) => reader.relative(name),
    }
}

/// An escape that is a wildcard where Amazon writes octal numbers, and a digit by RFC 1035.
const AMBIGUOUS_ESCAPE: &str = "\\052";

/// Returns whether a name has an escape that programs read differently.
pub(super) fn is_ambiguous(name: &str) -> bool {
    name.contains(AMBIGUOUS_ESCAPE)
}

/// Returns what is before a part of the user's domain in which a name ends, `@` for nothing; `None`
/// for any other name.
pub fn before_part_of_base(typed: &str, base: &BaseDomain) -> Option<String> {
    let name = typed.trim().to_lowercase();
    let reader = Reader { typed, base };
    if base.relative(&name).is_some() {
        return None;
    }
    let front = reader.before_part_of_base(&name)?;
    Some(if front.is_empty() { "@" } else { front }.to_owned())
}

struct Reader<'a> {
    typed: &'a str,
    base: &'a BaseDomain,
}

impl Reader<'_> {
    fn at_base(&self) -> (String, Option<Doubt>) {
        let kind = DoubtKind::AtIsBase {
            base: self.base.to_string(),
        };
        ("@".to_owned(), Some(Doubt::remark(Field::Name, kind)))
    }

    /// Asks about an escape that programs read differently.
    fn escaped(&self, name: &str) -> (String, Option<Doubt>) {
        let readings = ["*", "4"].map(|c| name.replace(AMBIGUOUS_ESCAPE, c));
        let options = readings.iter().map(|reading| {
            let absolute = reading.trim_end_matches('.');
            let relative = self.base.relative(absolute).filter(|name| !name.is_empty());
            relative.unwrap_or(absolute).to_owned()
        });
        let kind = DoubtKind::NameEscaped {
            typed: self.typed.to_owned(),
        };
        ask(kind, options.collect())
    }

    /// Reads a name that is whole for certain.
    fn whole(&self, name: &str) -> (String, Option<Doubt>) {
        match self.base.relative(name) {
            Some("") => ("@".to_owned(), None),
            Some(relative) => (relative.to_owned(), None),
            None => self.not_below(name),
        }
    }

    /// Reads a name without a final dot, which may be whole or not.
    fn relative(&self, name: &str) -> (String, Option<Doubt>) {
        if name.contains(['/', ':']) {
            // Not a name: the check of the form says what to do.
            return (self.typed.to_owned(), None);
        }
        if let Some(relative) = self.base.relative(name) {
            let kind = DoubtKind::NameWithBase {
                typed: self.typed.to_owned(),
            };
            let relative = if relative.is_empty() { "@" } else { relative };
            return (relative.to_owned(), Some(Doubt::remark(Field::Name, kind)));
        }
        if let Some(front) = self.before_part_of_base(name) {
            let kind = DoubtKind::NameHalfTyped {
                typed: self.typed.to_owned(),
                base: self.base.to_string(),
            };
            let front = if front.is_empty() { "@" } else { front };
            return ask(kind, vec![front.to_owned(), name.to_owned()]);
        }
        let root = self.base.as_str().split_once('.').map(|(_, root)| root);
        if root.is_some_and(|root| name == root || name.ends_with(&format!(".{root}"))) {
            return self.not_below(name);
        }
        let Some((front, last)) = name.rsplit_once('.') else {
            let is_number = name.bytes().all(|b| b.is_ascii_digit());
            let kind = DoubtKind::NameIsNumber {
                typed: self.typed.to_owned(),
            };
            return match is_number {
                true => ask(kind, vec!["@".to_owned(), name.to_owned()]),
                false => (name.to_owned(), None),
            };
        };
        // No domain that anyone can register begins with an underscore, or is a wildcard.
        let is_domain = !front
            .rsplit('.')
            .next()
            .is_some_and(|label| label.starts_with(['_', '*']));
        match last {
            _ if last.starts_with('_') => (name.to_owned(), None),
            _ if is_domain && suffix::is_top_level(last) => self.not_below(name),
            _ => {
                let kind = DoubtKind::NameReadBelow {
                    full: format!("{name}.{}", self.base),
                };
                (name.to_owned(), Some(Doubt::remark(Field::Name, kind)))
            }
        }
    }

    fn not_below(&self, name: &str) -> (String, Option<Doubt>) {
        let labels: Vec<&str> = name.split('.').collect();
        let front = match labels.as_slice() {
            [front @ .., _, _] if !front.is_empty() => front.join("."),
            [only] => (*only).to_owned(),
            _ => "@".to_owned(),
        };
        let mut options = vec![front];
        if !self.typed.ends_with('.') && self.typed != "@" {
            options.push(name.to_owned());
        }
        options.dedup();
        let kind = DoubtKind::NameNotBelow {
            typed: name.to_owned(),
            base: self.base.to_string(),
        };
        ask(kind, options)
    }

    /// Returns what is before the first labels of the user's domain, with which the name ends.
    fn before_part_of_base<'n>(&self, name: &'n str) -> Option<&'n str> {
        let labels: Vec<&str> = self.base.as_str().split('.').collect();
        (1..labels.len()).rev().find_map(|count| {
            let front = name.strip_suffix(&labels[..count].join("."))?;
            match front {
                "" => Some(front),
                _ => front.strip_suffix('.'),
            }
        })
    }
}

fn ask(kind: DoubtKind, options: Vec<String>) -> (String, Option<Doubt>) {
    let doubt = Doubt::question(Field::Name, kind, options);
    (String::new(), Some(doubt))
}

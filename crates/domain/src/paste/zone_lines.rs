//! Reads lines as zone files and `dig` have them (RFC 1035 section 5.1).

use std::net::IpAddr;

use super::Unread;
use super::lexer::{Line, Word, words};
use super::raw::{Fit, Outcome, Raw, addresses, fit, type_word};
use super::{owner, ttl};
use crate::name_text::unescape_name;
use crate::record::RecordType;

/// What the lines before say about the next one.
#[derive(Debug, Default)]
pub(super) struct ZoneState {
    /// The name that relative names end in, without a final dot.
    pub origin: Option<String>,
    default_ttl: Option<u32>,
    last_name: Option<String>,
    section: Section,
    /// The targets of the aliases in the answer section.
    aliased: Vec<String>,
}

/// The section of `dig`'s output.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Section {
    /// No output of `dig`.
    #[default]
    None,
    Answer,
    /// What accompanies the answer; with its name.
    Beside(&'static str),
}

/// The columns of a line after its name.
#[derive(Debug)]
struct Columns<'a> {
    ttl: Option<u32>,
    class: Option<String>,
    rtype: String,
    /// Whether the type is in capital letters, which hardly any other word is.
    is_upper: bool,
    value: &'a str,
}

const CLASSES: [&str; 4] = ["IN", "CH", "HS", "CS"];

/// How the first column of a zone file's line is to be understood.
enum Owner<'a> {
    Named(&'a str),
    /// The name of the line before.
    Same,
}

impl ZoneState {
    /// Reads a line of comments only: the headings of `dig` are some.
    pub(super) fn comment(&mut self, comment: &str) {
        let comment = comment.trim_start_matches(';').trim();
        let upper = comment.to_ascii_uppercase();
        if upper.starts_with("<<>> DIG") || upper.starts_with("->>HEADER") {
            self.section = Section::None;
            self.aliased.clear();
        } else if upper.starts_with("ANSWER SECTION") {
            self.section = Section::Answer;
        } else if upper.starts_with("AUTHORITY SECTION") {
            self.section = Section::Beside("authority");
        } else if upper.starts_with("ADDITIONAL SECTION") {
            self.section = Section::Beside("additional");
        } else if upper.starts_with("QUERY TIME") {
            self.section = Section::None;
        }
    }

    /// Reads a line; `None` unless it is one of a zone file.
    pub(super) fn read(&mut self, line: &Line) -> Option<Outcome> {
        if line.content.starts_with('$') {
            return Some(self.directive(line));
        }
        let words = words(&line.content);
        let (owner, columns) = columns(line, &words)?;
        let has_class = columns.class.is_some();
        if let Some(class) = columns.class.filter(|class| class != "IN") {
            return Some(Outcome::Unread(Unread::Class(class)));
        }
        let name = match owner {
            Owner::Named(name) => Some(self.remember(name)),
            Owner::Same if line.is_indented => self.last_name.clone(),
            Owner::Same => None,
        };
        if let Section::Beside(section) = self.section {
            return Some(Outcome::Unread(Unread::Section(section)));
        }
        let mut ttl = columns.ttl.or(self.default_ttl);
        if self.section == Section::Answer {
            // What dig prints is how long its server still remembers the answer.
            ttl = None;
            let owner = name.as_deref().map(absolute);
            if owner.is_some_and(|owner| self.aliased.contains(&owner)) {
                return Some(Outcome::Unread(Unread::AnswerOfTarget));
            }
            if columns.rtype == RecordType::Cname.as_str() {
                self.aliased.push(absolute(columns.value));
            }
        }
        Some(Outcome::record(Raw {
            name,
            origin: self.origin.clone(),
            rtype: Some(columns.rtype),
            value: columns.value.to_owned(),
            tail: line.tail(),
            ttl,
            has_class,
            is_zone_line: true,
            ..Raw::default()
        }))
    }

    /// Keeps the name for lines that have none.
    fn remember(&mut self, name: &str) -> String {
        let name = match name.contains('\\') && !owner::is_ambiguous(name) {
            true if name.ends_with('.') => format!("{}.", unescape_name(name)),
            true => unescape_name(name),
            false => name.to_owned(),
        };
        self.last_name = Some(name.clone());
        name
    }

    fn directive(&mut self, line: &Line) -> Outcome {
        let mut words = line.content.split_whitespace();
        let directive = words.next().unwrap_or_default().to_ascii_uppercase();
        let argument = words.next();
        match (directive.as_str(), argument) {
            ("$ORIGIN", Some(origin)) => {
                self.origin = Some(match (&self.origin, origin.ends_with('.')) {
                    (Some(before), false) if !origin.contains('.') => {
                        format!("{}.{before}", absolute(origin))
                    }
                    _ => absolute(origin),
                });
                self.last_name = None;
                Outcome::Nothing
            }
            ("$TTL", Some(word)) => match ttl::parse_word(word) {
                Some(ttl) => {
                    self.default_ttl = Some(ttl);
                    Outcome::Nothing
                }
                None => Outcome::Unread(Unread::Directive(directive)),
            },
            _ => Outcome::Unread(Unread::Directive(directive)),
        }
    }
}

/// Returns whether a line gives the class before the type, which makes it one of a zone file
/// whatever else is in it.
pub(super) fn has_class(line: &str) -> bool {
    let words = words(line);
    let is_type = |at: usize| {
        let word = words.get(at);
        word.is_some_and(|word| type_word(word.text).is_some())
    };
    let mut first = words.iter().take(3).enumerate();
    first.any(|(at, word)| word.text == "IN" && (is_type(at + 1) || is_type(at + 2)))
}

/// Returns a name in lower case without its final dot.
fn absolute(name: &str) -> String {
    unescape_name(name)
}

/// Finds the columns of a line and whether it begins with a name.
fn columns<'a>(line: &'a Line, words: &[Word<'a>]) -> Option<(Owner<'a>, Columns<'a>)> {
    let named = || {
        let owner = words.first()?.text;
        let is_class = CLASSES.contains(&owner.to_ascii_uppercase().as_str());
        let is_none = is_class || owner.ends_with(':') || owner.parse::<IpAddr>().is_ok();
        let columns = columns_at(&line.content, words, 1)?;
        ((!is_none || columns.class.is_some()) && is_plausible(&columns))
            .then_some((Owner::Named(owner), columns))
    };
    let same = || {
        let columns = columns_at(&line.content, words, 0)?;
        is_plausible(&columns).then_some((Owner::Same, columns))
    };
    if line.is_indented {
        same().or_else(named)
    } else {
        named().or_else(same)
    }
}

/// Reads `[TTL] [class] type value` from the word at an index.
fn columns_at<'a>(content: &'a str, words: &[Word<'a>], from: usize) -> Option<Columns<'a>> {
    let mut ttl = None;
    let mut class = None;
    let mut at = from;
    loop {
        let word = words.get(at)?.text;
        let upper = word.to_ascii_uppercase();
        if class.is_none() && CLASSES.contains(&upper.as_str()) {
            class = Some(upper);
        } else if ttl.is_none()
            && let Some(seconds) = ttl::parse_word(word)
        {
            ttl = Some(seconds);
        } else {
            break;
        }
        at += 1;
    }
    let word = words.get(at)?;
    let value = content[word.start + word.text.len()..].trim();
    Some(Columns {
        ttl,
        class,
        rtype: type_word(word.text).filter(|_| !value.is_empty())?,
        is_upper: !word.text.contains(|c: char| c.is_ascii_lowercase()),
        value,
    })
}

/// Returns whether a line is meant as one of a zone file: prose has types among its words too.
fn is_plausible(columns: &Columns<'_>) -> bool {
    if columns.class.is_some() {
        return true;
    }
    let Some(rtype) = RecordType::parse(&columns.rtype) else {
        return columns.is_upper && columns.value.contains(['.', ':', '"']);
    };
    if rtype.spec().is_text {
        let first = columns.value.split_whitespace().next().unwrap_or_default();
        let is_prose = ["record", "records", "value", "is", "with", "for", "to"]
            .contains(&first.to_ascii_lowercase().as_str());
        return first.starts_with('"') || (columns.is_upper && !is_prose);
    }
    match fit(rtype, columns.value) {
        Fit::Whole => true,
        Fit::Relative => columns.is_upper && rtype.points_to_host(),
        Fit::WithoutParts => columns.is_upper,
        Fit::No => {
            columns.is_upper
                && (is_single_value(rtype, columns.value)
                    || addresses(rtype, columns.value).is_some())
        }
    }
}

/// Returns whether a text has as many words as a value of the type, one of them with a dot or a
/// colon.
fn is_single_value(rtype: RecordType, value: &str) -> bool {
    let count = value.split_whitespace().count();
    let parts = rtype.spec().parts.len();
    (count == 1 || count == parts + 1) && value.contains(['.', ':'])
}

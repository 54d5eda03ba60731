//! Reads a text line by line, asking the layouts in turn.

use std::collections::BTreeSet;

use super::doubt::{Doubt, DoubtKind};
use super::lexer::{self, Separator, line_at, separator_of};
use super::raw::{self, Outcome, Raw};
use super::rows::{self, Table};
use super::ttl::TextTtls;
use super::zone_lines::{ZoneState, has_class};
use super::{Limits, Paste, PastedRecord, Unread, UnreadLine, cards, columns, loose, owner, value};
use crate::fault::Field;
use crate::names::BaseDomain;
use crate::record::{RecordForm, RecordType};
use crate::ttl::Ttl;

/// Reads the records in a text.
pub(super) fn read(text: &str, base: &BaseDomain, limits: Limits) -> Paste {
    let mut lines = lexer::lines(text);
    let rest = lines.split_off(lines.len().min(limits.lines));
    let mut reader = Reader {
        base,
        limits,
        lines: &lines,
        zone: ZoneState::default(),
        table: None,
        comments: Vec::new(),
        ttls: TextTtls::default(),
        paste: Paste::default(),
    };
    let mut at = 0;
    while at < lines.len() {
        at += reader.read_at(at).max(1);
    }
    if let Some(line) = rest.into_iter().find(|line| !line.trim().is_empty()) {
        reader.paste.unread.push(UnreadLine {
            line: limits.lines + 1,
            source: line,
            reason: Unread::TooMany(limits),
        });
    }
    reader.ttls.settle(&mut reader.paste.records);
    ask_for_targets_in_the_text(&mut reader.paste.records, base);
    reader.paste
}

struct Reader<'a> {
    base: &'a BaseDomain,
    limits: Limits,
    lines: &'a [String],
    zone: ZoneState,
    /// The table that the present line belongs to.
    table: Option<Table>,
    /// The comments directly above the present line.
    comments: Vec<String>,
    /// The TTLs of the records so far, also of those that are in the text twice.
    ttls: TextTtls,
    paste: Paste,
}

impl Reader<'_> {
    /// Reads what begins at a line and returns how many lines it takes.
    fn read_at(&mut self, at: usize) -> usize {
        let Some(text) = self.lines.get(at) else {
            return 1;
        };
        if text.trim().is_empty() {
            self.comments.clear();
            return 1;
        }
        if is_frame(text) {
            return 1;
        }
        let is_zone_line = has_class(text);
        if let Some(table) = table_at(text).filter(|_| !is_zone_line) {
            self.table = Some(table);
            return 1;
        }
        if let Some(outcome) = self.table.as_ref().and_then(|table| table.read(text)) {
            self.add(at, 1, outcome);
            return 1;
        }
        if is_zone_line {
            return self.read_line(at);
        }
        if let Some(cards) = cards::read(self.lines, at) {
            let mut starts: Vec<usize> = cards.outcomes.iter().map(|(first, _)| *first).collect();
            starts.push(cards.taken);
            for (index, (first, outcome)) in cards.outcomes.into_iter().enumerate() {
                self.add(at + first, starts[index + 1].saturating_sub(first), outcome);
            }
            return cards.taken;
        }
        self.read_line(at)
    }

    fn read_line(&mut self, at: usize) -> usize {
        let Some(line) = line_at(self.lines, at) else {
            return 1;
        };
        if line.content.is_empty() {
            let comment = line.comment.unwrap_or_default();
            self.zone.comment(&comment);
            self.comments.push(comment.trim().to_owned());
            return line.taken;
        }
        let outcome = self.outcome_of(&line);
        if let Some(comment) = line.comment.clone() {
            self.comments.push(comment.trim().to_owned());
        }
        self.add(at, line.taken, outcome);
        line.taken
    }

    fn outcome_of(&mut self, line: &lexer::Line) -> Outcome {
        let text = self.lines[line.number - 1].trim();
        let separator = separator_of(text);
        let by_cells = || {
            let cells = separator.or_else(|| comma_of(text))?.split(text);
            rows::without_headings(&cells).filter(|_| line.taken == 1 && !line.is_indented)
        };
        let has_class = line.content.split_whitespace().any(|word| word == "IN");
        let by_cells = by_cells();
        let is_whole = |outcome: &Outcome| line.comment.is_none() || outcome.is_unquoted_text();
        if !has_class && let Some(outcome) = by_cells.clone().filter(is_whole) {
            return outcome;
        }
        if let Some(outcome) = self.either(line) {
            return outcome;
        }
        if let Some(outcome) = by_cells {
            return outcome;
        }
        let plain = lexer::Line {
            content: unmarked(&line.content),
            ..line.clone()
        };
        let simplified = loose::simplify(&plain.content);
        let simpler = lexer::Line {
            content: simplified.clone().unwrap_or_else(|| plain.content.clone()),
            ..line.clone()
        };
        if simpler.content != line.content
            && let Some(outcome) = self.either(&simpler)
        {
            return outcome;
        }
        if let Some(outcome) = simplified.as_deref().and_then(loose::name_and_host) {
            return outcome;
        }
        match loose::value_alone(&plain.content) {
            Some(outcome) => outcome,
            None if rows::is_of_page(text) => Outcome::Nothing,
            None => Outcome::Unread(Unread::NoRecord),
        }
    }

    /// Reads a line as one of a zone file or as `type name value`; both for a line of the second
    /// form whose name is that of a type.
    fn either(&mut self, line: &lexer::Line) -> Option<Outcome> {
        let by_type = loose::type_first(line);
        let by_zone = self.zone.read(line);
        match (by_zone, by_type) {
            (Some(Outcome::Record(zone)), Some(_)) if zone.has_class => Some(Outcome::Record(zone)),
            (Some(Outcome::Record(_)), Some(Outcome::Unread(Unread::TwoReadings))) => {
                Some(Outcome::Unread(Unread::TwoReadings))
            }
            (Some(Outcome::Record(zone)), Some(Outcome::Record(loose))) => {
                Some(choose(zone, loose))
            }
            (Some(Outcome::Record(zone)), None) if is_text_first(&zone, line) => {
                Some(Outcome::Unread(Unread::TwoReadings))
            }
            (by_zone, by_type) => by_zone.or(by_type),
        }
    }

    fn add(&mut self, at: usize, taken: usize, outcome: Outcome) {
        let source = self.lines[at..(at + taken).min(self.lines.len())].join("\n");
        let comments = std::mem::take(&mut self.comments);
        let line = at + 1;
        let reason = match outcome {
            Outcome::Nothing => return,
            Outcome::Unread(reason) => reason,
            Outcome::Record(_) if self.paste.records.len() >= self.limits.records => {
                Unread::TooMany(self.limits)
            }
            Outcome::Record(raw) => match self.resolve(&raw) {
                Err(reason) => reason,
                Ok(records) => {
                    let mut is_full = false;
                    for mut record in records {
                        record.line = line;
                        record.source.clone_from(&source);
                        record.comments.clone_from(&comments);
                        is_full = self.paste.records.len() >= self.limits.records;
                        if is_full {
                            break;
                        }
                        self.ttls.add(&record);
                        let is_known = |known: &PastedRecord| known.form == record.form;
                        if record.has_question() || !self.paste.records.iter().any(is_known) {
                            self.paste.records.push(record);
                        }
                    }
                    if !is_full {
                        return;
                    }
                    Unread::TooMany(self.limits)
                }
            },
        };
        let is_told = self
            .paste
            .unread
            .last()
            .is_some_and(|last| last.reason == reason);
        if is_told && matches!(reason, Unread::TooMany(_)) {
            return;
        }
        self.paste.unread.push(UnreadLine {
            line,
            source,
            reason,
        });
    }

    /// Reads the words of a record into forms: one for each address, where a cell has several.
    fn resolve(&self, raw: &Raw) -> Result<Vec<PastedRecord>, Unread> {
        let implied = || raw::type_of_address(&raw.value).or_else(|| type_of_parts(raw));
        let Some(mnemonic) = raw.rtype.clone().or_else(implied) else {
            return Ok(vec![self.without_type(raw)]);
        };
        let Some(rtype) = RecordType::parse(&mnemonic) else {
            return Err(Unread::NotOffered(mnemonic));
        };
        let values = raw::addresses(rtype, &raw.value).unwrap_or_else(|| vec![raw.value.clone()]);
        let records = values.into_iter().map(|text| {
            let raw = Raw {
                value: text,
                ..raw.clone()
            };
            let (name, doubt) = owner::read(raw.name.as_deref(), raw.origin.as_deref(), self.base);
            let value = value::read(rtype, &raw, self.base);
            record(&raw, rtype.as_str(), name, doubt, value)
        });
        Ok(records.collect())
    }

    fn without_type(&self, raw: &Raw) -> PastedRecord {
        let (name, doubt) = owner::read(raw.name.as_deref(), raw.origin.as_deref(), self.base);
        let types = loose::types_of(&raw.value, &raw.parts);
        let read = match types.as_slice() {
            [only] => value::read(*only, raw, self.base),
            _ => value::Value {
                input: raw.value.clone(),
                parts: raw.parts.clone(),
                doubts: Vec::new(),
            },
        };
        let mut record = record(raw, "", name, doubt, read);
        let kind = DoubtKind::TypeAbsent {
            value: raw.value.clone(),
        };
        let options = types.iter().map(ToString::to_string).collect();
        record
            .doubts
            .push(Doubt::question(Field::Type, kind, options));
        record
    }
}

fn record(
    raw: &Raw,
    rtype: &str,
    name: String,
    doubt: Option<Doubt>,
    value: value::Value,
) -> PastedRecord {
    PastedRecord {
        line: 0,
        source: String::new(),
        form: RecordForm {
            name,
            rtype: rtype.to_owned(),
            input: value.input,
            parts: value.parts,
            ..RecordForm::default()
        },
        ttl: raw
            .ttl
            .and_then(|seconds| Ttl::from_seconds(seconds.min(Ttl::MAX_S))),
        presentation: presentation(raw),
        comments: Vec::new(),
        doubts: doubt.into_iter().chain(value.doubts).collect(),
    }
}

/// Returns the value of a zone file's line in canonical form.
fn presentation(raw: &Raw) -> Option<String> {
    let rtype = RecordType::parse(raw.rtype.as_deref()?)?;
    let canonical = rtype.canonicalize(&raw.value);
    canonical.filter(|_| raw.is_zone_line)
}

/// Returns the separator of a line that consists of words with commas between them.
fn comma_of(line: &str) -> Option<Separator> {
    let is_row = line.matches(',').count() > 1 && !line.contains(' ');
    is_row.then_some(Separator::Comma)
}

/// Returns whether a line begins with the type of a text in capital letters, so that what was read
/// as another type may be the text.
fn is_text_first(zone: &Raw, line: &lexer::Line) -> bool {
    let first = line.content.split_whitespace().next();
    let rtype = first.and_then(RecordType::parse);
    !zone.has_class && zone.name.is_some() && rtype.is_some_and(|rtype| rtype.spec().is_text)
}

/// Chooses between two readings of a line: as one of a zone file, and as `type name value`.
fn choose(zone: Box<Raw>, loose: Box<Raw>) -> Outcome {
    let rtype = zone.rtype.as_deref().and_then(RecordType::parse);
    let is_whole = rtype.is_some_and(|rtype| raw::fit(rtype, &zone.value) == raw::Fit::Whole);
    let is_text = rtype.is_some_and(|rtype| rtype.spec().is_text);
    let lower = |name: &Option<String>| name.as_deref().map(str::to_lowercase);
    let is_same = lower(&zone.name) == lower(&loose.name) && zone.rtype == loose.rtype;
    // `a CNAME www`: of two words that are types, the type is the one in capital letters.
    let is_capital = |name: &Option<String>| {
        let name = name.as_deref().unwrap_or_default();
        raw::type_word(name).is_some() && !name.contains(|c: char| c.is_ascii_lowercase())
    };
    let is_named_by_type = is_capital(&loose.name) && !is_capital(&zone.name);
    match &zone.name {
        // A text can begin with a name, and numbers that come first belong to a value.
        None if is_whole && !is_text => Outcome::Record(zone),
        None => Outcome::Record(loose),
        Some(_) if is_same || is_named_by_type => Outcome::Record(zone),
        Some(name) if raw::type_word(name) != loose.rtype => Outcome::Record(zone),
        Some(_) if is_whole => Outcome::Unread(Unread::TwoReadings),
        Some(_) => Outcome::Record(loose),
    }
}

/// Returns the table whose headings are in this line.
fn table_at(line: &str) -> Option<Table> {
    if line.contains('"') && !line.starts_with('"') {
        return None;
    }
    // A card such as `Host: server` has two words of headings too.
    if line.contains(": ") {
        return None;
    }
    if let Some(headings) = columns::headings_of_words(line) {
        let separator = separator_of(line).unwrap_or(Separator::Words);
        if separator == Separator::Words {
            return Some(Table {
                headings,
                separator,
            });
        }
    }
    Separator::ALL.iter().copied().find_map(|separator| {
        let cells = separator.split(line);
        let headings = columns::headings(&cells).filter(|_| cells.len() > 1)?;
        Some(Table {
            headings,
            separator,
        })
    })
}

/// Returns whether a line only frames others: a fence or a rule of Markdown, a comment of a script.
fn is_frame(line: &str) -> bool {
    let line = line.trim();
    let is_rule = line.len() > 2
        && line
            .chars()
            .all(|c| matches!(c, '-' | '=' | '|' | ':' | '+' | ' ' | '_' | '─'));
    let is_comment = line.starts_with("# ") || line.starts_with("//") || line == "#";
    let is_command = line.starts_with("$ ") || line.starts_with("dig ") && line.contains(" +");
    is_rule || is_comment || is_command || line.starts_with("```")
}

/// Removes the marks of a list and of code around a line.
fn unmarked(line: &str) -> String {
    let line = line.trim();
    let mark = ["- ", "• ", "– "];
    let numbered = |line: &str| {
        let rest = line.trim_start_matches(|c: char| c.is_ascii_digit());
        (rest.len() < line.len()).then_some(())?;
        let after = rest
            .strip_prefix(". ")
            .or_else(|| rest.strip_prefix(") "))?;
        Some(line.len() - after.len())
    };
    let start = mark.iter().find(|mark| line.starts_with(**mark));
    let start = start.map(|mark| mark.len()).or_else(|| numbered(line));
    let line = &line[start.unwrap_or_default()..];
    lexer::cell(line).replace('`', "")
}

/// Returns the only type that has all of several columns, such as weight and port.
fn type_of_parts(raw: &Raw) -> Option<String> {
    let has_all = |rtype: &&RecordType| {
        let parts = rtype.spec().parts;
        parts.len() == raw.parts.len() && parts.iter().all(|part| raw.parts.contains_key(part.name))
    };
    let mut types = RecordType::ALL.iter().filter(has_all);
    let only = types
        .next()
        .filter(|_| types.next().is_none() && raw.parts.len() > 1);
    only.map(ToString::to_string)
}

/// Asks about a target that is the name of another record of the text when it is read below the
/// user's domain.
fn ask_for_targets_in_the_text(records: &mut [PastedRecord], base: &BaseDomain) {
    let names: BTreeSet<String> = records
        .iter()
        .map(|record| record.form.name.clone())
        .collect();
    for record in records {
        let is_host = RecordType::parse(&record.form.rtype).is_some_and(RecordType::points_to_host);
        let target = record.form.input.clone();
        if is_host && !target.is_empty() && names.contains(&target) {
            let options = vec![format!("{target}.{base}"), target.clone()];
            let kind = DoubtKind::TargetRelative { typed: target };
            record
                .doubts
                .push(Doubt::question(Field::Value, kind, options));
            record.form.input.clear();
        }
    }
}

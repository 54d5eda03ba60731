//! Reads rows of tables, with headings and without.

use std::collections::BTreeMap;

use super::Unread;
use super::columns::{Column, Heading};
use super::lexer::Separator;
use super::raw::{Fit, Outcome, Raw, fit, is_tag_list, type_cell};
use super::ttl::{self, TtlCell};
use crate::record::RecordType;

/// A table: its headings and what separates its cells.
#[derive(Debug)]
pub(super) struct Table {
    pub headings: Vec<Heading>,
    pub separator: Separator,
}

/// Cells that belong to the page and not to the record.
const PAGE_CELLS: [&str; 26] = [
    "proxied",
    "dns only",
    "active",
    "pending",
    "verified",
    "unverified",
    "valid",
    "invalid",
    "copy",
    "copied",
    "edit",
    "delete",
    "remove",
    "edit delete",
    "enabled",
    "disabled",
    "simple",
    "in",
    "success",
    "ok",
    "not verified",
    "pending verification",
    "yes",
    "no",
    "more",
    "…",
];

/// Returns whether a cell or line belongs to the page and not to a record.
pub(super) fn is_of_page(text: &str) -> bool {
    let text = text.trim().trim_end_matches(['!', '.']).to_lowercase();
    PAGE_CELLS.contains(&text.as_str())
}

impl Table {
    /// Reads a row below the headings; `None` if it has other cells than the headings.
    pub(super) fn read(&self, line: &str) -> Option<Outcome> {
        let cells = self.separator.split(line);
        let headings = self.headings_for(&cells)?;
        let cells = self.fit(&headings, cells)?;
        if cells.iter().all(|cell| cell.is_empty()) {
            return None;
        }
        let mut fields = Fields::default();
        for (heading, cell) in headings.iter().zip(cells) {
            fields.rtype_of_heading = fields.rtype_of_heading.or(heading.rtype);
            fields.set(heading.column, cell);
        }
        fields.finish()
    }

    /// Returns the headings whose cells a row has. Without tabs or bars an empty cell leaves no
    /// trace, so the fields that other types have count only if the row is long enough.
    fn headings_for(&self, cells: &[String]) -> Option<Vec<Heading>> {
        let is_loose = matches!(self.separator, Separator::Words | Separator::Blanks);
        if !is_loose {
            return Some(self.headings.clone());
        }
        let types = |heading: &Heading| heading.column == Column::Type;
        let Some(at) = self.headings.iter().position(types) else {
            return Some(self.headings.clone());
        };
        // Other lines than rows are prose below the table.
        let rtype = cells.get(at).and_then(|cell| type_cell(cell))?;
        if self.separator == Separator::Blanks && cells.len() == self.headings.len() {
            return Some(self.headings.clone());
        }
        let parts = RecordType::parse(&rtype).map_or(&[][..], |rtype| rtype.spec().parts);
        let has_field = |heading: &&Heading| match heading.column {
            Column::Part(name) => parts.iter().any(|part| part.name == name),
            _ => true,
        };
        Some(self.headings.iter().filter(has_field).copied().collect())
    }

    fn fit(&self, headings: &[Heading], cells: Vec<String>) -> Option<Vec<String>> {
        let wanted = headings.len();
        let fits =
            cells.len() == wanted || self.separator == Separator::Tab && cells.len() + 2 >= wanted;
        let cells = match self.separator {
            Separator::Words if cells.len() > wanted => spread(headings, &cells)?,
            _ if fits && cells.len() > 1 => cells,
            _ => return None,
        };
        let is_sound = |(heading, cell): (&Heading, &String)| match heading.column {
            Column::Ttl => ttl::parse_cell(cell).is_some(),
            Column::Part(_) => !cell.contains(['=', ':', '~']),
            _ => true,
        };
        let is_loose = self.separator == Separator::Words;
        (!is_loose || headings.iter().zip(&cells).all(is_sound)).then_some(cells)
    }
}

/// Gives the column of the value all words that the other columns leave.
fn spread(headings: &[Heading], words: &[String]) -> Option<Vec<String>> {
    let at = |heading: &Heading| heading.column == Column::Value;
    let value = headings.iter().position(at)?;
    let after = headings.len() - value - 1;
    let end = words.len() - after;
    let mut cells = words[..value].to_vec();
    cells.push(words[value..end].join(" "));
    cells.extend_from_slice(&words[end..]);
    Some(cells)
}

/// The fields of a record, as they are found under headings.
#[derive(Debug, Default)]
pub(super) struct Fields {
    pub rtype: Option<String>,
    /// The type that a heading names.
    pub rtype_of_heading: Option<RecordType>,
    pub name: Option<String>,
    pub domain: Option<String>,
    pub value: Option<String>,
    /// What a second column of values has, such as the parameters of a target.
    pub second_value: Option<String>,
    pub ttl: Option<u32>,
    pub service: Option<String>,
    pub protocol: Option<String>,
    pub parts: BTreeMap<&'static str, String>,
}

impl Fields {
    /// Returns whether a column was set before.
    pub(super) fn has(&self, column: Column) -> bool {
        match column {
            Column::Type => self.rtype.is_some(),
            Column::Name => self.name.is_some(),
            Column::Domain => self.domain.is_some(),
            Column::Value => self.value.is_some(),
            Column::Ttl => self.ttl.is_some(),
            Column::Service => self.service.is_some(),
            Column::Protocol => self.protocol.is_some(),
            Column::Part(name) => self.parts.contains_key(name),
            Column::Other => false,
        }
    }

    pub(super) fn set(&mut self, column: Column, cell: String) {
        match column {
            Column::Type => self.rtype = Some(cell),
            // The first of several: some pages show the whole name in a further column.
            Column::Name => self.name = self.name.take().or(Some(cell)),
            Column::Domain => self.domain = self.domain.take().or(Some(cell)),
            Column::Value => match &self.value {
                Some(value) if !is_blank(value) && !is_blank(&cell) && *value != cell => {
                    self.second_value = Some(cell);
                }
                Some(value) if !is_blank(value) => {}
                _ => self.value = Some(cell),
            },
            Column::Ttl => self.ttl = ttl::parse_cell(&cell).and_then(TtlCell::seconds),
            Column::Service => self.service = Some(cell).filter(|cell| !cell.is_empty()),
            Column::Protocol => self.protocol = Some(cell).filter(|cell| !cell.is_empty()),
            Column::Part(name) => {
                if !is_blank(&cell) {
                    self.parts.insert(name, cell);
                }
            }
            Column::Other => {}
        }
    }

    /// Makes a record of the fields; `None` when there is neither type nor value.
    pub(super) fn finish(self) -> Option<Outcome> {
        let mut value = self.value.filter(|value| !is_blank(value))?;
        let rtype = match self.rtype {
            Some(cell) if !cell.is_empty() => match type_cell(&cell) {
                Some(rtype) => Some(rtype),
                None => return Some(Outcome::Unread(Unread::NotOffered(cell))),
            },
            _ => self.rtype_of_heading.map(|rtype| rtype.as_str().to_owned()),
        };
        if let Some(second) = self.second_value {
            value = format!("{value} {second}");
            let known = rtype.as_deref().and_then(RecordType::parse);
            let is_value = known.is_some_and(|rtype| {
                !rtype.spec().is_text && fit(rtype, &value) >= Fit::WithoutParts
            });
            if !is_value {
                return Some(Outcome::Unread(Unread::TwoReadings));
            }
        }
        let own_name = self.name.or(self.domain);
        let name = match (self.service, self.protocol) {
            (Some(service), Some(protocol)) => Some(service_name(
                &service,
                &protocol,
                own_name.as_deref().unwrap_or_default(),
            )),
            _ => own_name,
        };
        Some(Outcome::record(Raw {
            name: name.map(|name| if is_blank(&name) { String::new() } else { name }),
            rtype,
            value,
            parts: self.parts,
            ttl: self.ttl,
            ..Raw::default()
        }))
    }
}

/// Returns whether a cell stands for nothing.
fn is_blank(cell: &str) -> bool {
    matches!(cell, "" | "-" | "–" | "—" | "n/a" | "N/A" | "\"\"" | "''")
}

/// Joins the service, the protocol and the name of an SRV record.
fn service_name(service: &str, protocol: &str, name: &str) -> String {
    let label = |text: &str| format!("_{}", text.trim_start_matches('_').to_ascii_lowercase());
    let front = format!("{}.{}", label(service), label(protocol));
    match name {
        _ if is_blank(name) || name == "@" => front,
        _ if name.starts_with(&front) => name.to_owned(),
        _ => format!("{front}.{name}"),
    }
}

/// Reads a row without headings: a cell with a type, then a name and a value in this order, and
/// numbers and a TTL anywhere.
pub(super) fn without_headings(cells: &[String]) -> Option<Outcome> {
    let mut types = cells.iter().enumerate().filter_map(|(at, cell)| {
        let rtype = type_cell(cell)?;
        Some((at, rtype))
    });
    let (type_at, rtype) = types.next().filter(|_| types.next().is_none())?;
    let before_type = |at: usize| at < type_at;
    let mut others = cells
        .iter()
        .enumerate()
        .filter(|(at, cell)| *at != type_at && !is_of_page(cell));
    let (_, first) = others.next()?;
    let mut row = Row::default();
    let parts = RecordType::parse(&rtype).map_or(0, |rtype| rtype.spec().parts.len());
    let is_first_number = first.bytes().all(|b| b.is_ascii_digit());
    let (name, others) = if parts > 0 && is_first_number && !first.is_empty() {
        // `MX 10 mail.example.com` has no name.
        row.numbers.push(first.clone());
        row.before_value = 1;
        ("", others)
    } else {
        (first.as_str(), others)
    };
    for (at, cell) in others.filter(|(_, cell)| !is_blank(cell)) {
        let is_number = cell.bytes().all(|b| b.is_ascii_digit());
        match ttl::parse_cell(cell) {
            Some(ttl) if before_type(at) => row.ttl = Some(ttl),
            Some(_) if is_number => {
                row.before_value += usize::from(row.values.is_empty());
                row.numbers.push(cell.clone());
            }
            Some(ttl) => row.ttl = Some(ttl),
            None => row.values.push(cell.clone()),
        }
    }
    row.finish(name, rtype)
}

/// The cells of a row without headings, after its name.
#[derive(Debug, Default)]
struct Row {
    values: Vec<String>,
    numbers: Vec<String>,
    /// How many of the numbers are before the value.
    before_value: usize,
    ttl: Option<TtlCell>,
}

impl Row {
    fn finish(mut self, name: &str, rtype: String) -> Option<Outcome> {
        let known = RecordType::parse(&rtype);
        let fields = known.map_or(&[][..], |rtype| rtype.spec().parts);
        if self.values.is_empty() && known.is_some_and(|rtype| rtype.spec().is_text) {
            // A text can be a number.
            self.values
                .extend((!self.numbers.is_empty()).then(|| self.numbers.remove(0)));
        }
        let [value] = self.values.as_slice() else {
            return None;
        };
        let is_text = known.is_some_and(|rtype| rtype.spec().is_text);
        let is_in_value =
            known.is_some_and(|rtype| rtype.spec().split(value).is_some() && !fields.is_empty());
        let (value, tail) = match value.split_once(';') {
            Some((text, _)) if is_text && !value.starts_with('"') && !is_tag_list(value) => (
                text.trim_end().to_owned(),
                Some(value[text.trim_end().len()..].to_owned()),
            ),
            _ => (value.clone(), None),
        };
        let mut raw = Raw {
            name: Some(if is_blank(name) {
                String::new()
            } else {
                name.to_owned()
            }),
            rtype: Some(rtype),
            is_zone_line: value.starts_with('"') || tail.is_some(),
            value,
            tail,
            ttl: self.ttl.and_then(TtlCell::seconds),
            ..Raw::default()
        };
        let names: Vec<&'static str> = fields.iter().map(|part| part.name).collect();
        match (self.numbers.as_slice(), names.as_slice()) {
            ([], _) => {}
            ([ttl], names) if names.is_empty() || is_in_value => raw.ttl = ttl.parse().ok(),
            (numbers, names) if numbers.len() == names.len() => {
                raw.parts = names.iter().copied().zip(numbers.iter().cloned()).collect();
            }
            ([fields @ .., ttl], names)
                if fields.len() == names.len() && self.before_value == names.len() =>
            {
                raw.parts = names.iter().copied().zip(fields.iter().cloned()).collect();
                raw.ttl = ttl.parse().ok();
            }
            ([one, other], [name]) => {
                let Some((part, ttl)) = part_and_ttl(one, other) else {
                    return Some(Outcome::Unread(Unread::TwoReadings));
                };
                raw.parts.insert(name, part.clone());
                raw.number_read_as = Some((name, part));
                raw.ttl = Some(ttl);
            }
            // Some of the fields are numbers, and which is not certain.
            ([first], [name, ..]) => {
                raw.parts.insert(name, first.clone());
                raw.number_read_as = Some((name, first.clone()));
            }
            _ => return Some(Outcome::Unread(Unread::TwoReadings)),
        }
        Some(Outcome::record(raw))
    }
}

/// Tells the priority from the TTL by their size, if that is clear.
fn part_and_ttl(one: &str, other: &str) -> Option<(String, u32)> {
    let [one_number, other_number] = [one.parse::<u32>().ok()?, other.parse().ok()?];
    match (one_number, other_number) {
        (0..60, 60..) => Some((one.to_owned(), other_number)),
        (60.., 0..60) => Some((other.to_owned(), one_number)),
        _ => None,
    }
}

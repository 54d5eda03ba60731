//! Reads records of which every field has a line, as hosts' cards are copied.

use super::columns::{Column, Heading, heading, is_of_record};
use super::lexer::cell;
use super::raw::{Fit, Outcome, fit, type_cell, type_word};
use super::rows::{Fields, is_of_page, without_headings};
use super::{Unread, ttl};
use crate::record::RecordType;

/// Records that begin at a line, and how many lines they take.
pub(super) struct Cards {
    /// Each with the number of lines from the first to its own first.
    pub outcomes: Vec<(usize, Outcome)>,
    pub taken: usize,
}

/// How many lines a card without headings has after its type, at most.
const MAX_CARD_LINES: usize = 6;

/// What a line of a card is.
enum Part {
    /// A heading and its value on one line.
    Pair(Heading, String),
    /// A heading whose value is on the next line.
    Heading(Heading),
    /// A type alone, as the title of a card.
    Title(String),
    Blank,
    /// Something of the page around.
    Page,
    /// Anything else: a value, if a heading is before it.
    Text(String),
}

impl Part {
    fn of(line: &str) -> Self {
        let text = line.trim();
        if text.is_empty() {
            return Self::Blank;
        }
        if let Some(pair) = pair(text) {
            return pair;
        }
        if let Some(heading) = heading(text).filter(is_of_record) {
            return Self::Heading(heading);
        }
        match type_cell(&cell(text)) {
            Some(rtype) => Self::Title(rtype),
            None if is_of_page(text) => Self::Page,
            None => Self::Text(cell(text)),
        }
    }
}

/// Splits `Type: CNAME`, `Type = CNAME` and `Type<tab>CNAME`.
fn pair(text: &str) -> Option<Part> {
    let text = text.trim_start_matches(['-', '•', '*']).trim_start();
    for separator in ["\t", ": ", ":", " = "] {
        let Some((before, after)) = text.split_once(separator) else {
            continue;
        };
        if separator == "\t" && is_row(after) {
            continue;
        }
        let Some(heading) =
            heading(&cell(before)).filter(|h| !before.trim().is_empty() && is_named(h))
        else {
            continue;
        };
        let value = cell(after.trim_start_matches([':', '*']));
        return Some(match value.is_empty() {
            true => Part::Heading(heading),
            false => Part::Pair(heading, value),
        });
    }
    None
}

/// Returns whether the text after a tab makes the line a row of a table or of a zone file.
fn is_row(after: &str) -> bool {
    let mut words = after.split_whitespace();
    let is_type = words.next().is_some_and(|word| type_word(word).is_some());
    after.contains('\t') || is_type && words.next().is_some()
}

fn is_named(heading: &Heading) -> bool {
    // `Status: pending` belongs to a card too.
    is_of_record(heading) || heading.column == Column::Other
}

/// Reads the cards that begin at this line; `None` if none does.
pub(super) fn read(lines: &[String], at: usize) -> Option<Cards> {
    let first = Part::of(lines.get(at)?);
    if !matches!(first, Part::Pair(..) | Part::Heading(_) | Part::Title(_)) {
        return None;
    }
    if let Part::Title(rtype) = &first
        && let Some(card) = unlabelled(rtype, &lines[at + 1..])
    {
        return Some(card);
    }
    let mut others = lines[at + 1..].iter().map(|line| Part::of(line));
    let begins = match &first {
        Part::Pair(heading, _) => is_of_record(heading),
        Part::Heading(_) => true,
        _ => matches!(
            others.find(|part| !matches!(part, Part::Blank)),
            Some(Part::Pair(..) | Part::Heading(_))
        ),
    };
    if !begins {
        return None;
    }
    // Read one by one: the lines after the last card are not looked at, or a long text of many
    // cards would take quadratic time.
    let parts = || lines[at..].iter().map(|line| Part::of(line));
    let leading = parts().map_while(|part| match part {
        Part::Heading(heading) => Some(heading),
        _ => None,
    });
    let leading: Vec<Heading> = leading.collect();
    let mut cards = match leading.len() {
        0 | 1 => Reader::default().read(parts()),
        _ => grid(&leading, parts()),
    };
    if cards.outcomes.is_empty() {
        // Headings without a value, which are not read a second time.
        cards.outcomes.push((0, Outcome::Unread(Unread::NoRecord)));
    }
    Some(cards)
}

/// Reads a type, a name and a value below each other, with a TTL and numbers after them.
fn unlabelled(rtype: &str, lines: &[String]) -> Option<Cards> {
    let texts = lines.iter().map_while(|line| match Part::of(line) {
        Part::Text(text) => Some(text),
        Part::Page => Some(String::new()),
        _ => None,
    });
    let texts: Vec<String> = texts.take(MAX_CARD_LINES).collect();
    let [name, value, ..] = texts.as_slice() else {
        return None;
    };
    let known = RecordType::parse(rtype)?;
    if name.contains(char::is_whitespace) || fit(known, value) == Fit::No {
        return None;
    }
    let mut cells = vec![rtype.to_owned(), name.clone(), value.clone()];
    let more = texts[2..].iter();
    cells.extend(more.take_while(|text| is_extra(text)).cloned());
    let taken = cells.len();
    let outcome = without_headings(&cells)?;
    Some(Cards {
        outcomes: vec![(0, outcome)],
        taken,
    })
}

/// Returns whether a line after the value is a TTL, a number or a button.
fn is_extra(text: &str) -> bool {
    text.is_empty() || ttl::parse_cell(text).is_some()
}

/// Reads headings below each other and then the values in the same order, once or more.
fn grid(headings: &[Heading], parts: impl Iterator<Item = Part>) -> Cards {
    let width = headings.len();
    let mut cards = Cards {
        outcomes: Vec::new(),
        taken: width,
    };
    let mut cells: Vec<String> = Vec::new();
    let mut first = width;
    for (at, part) in parts.enumerate().skip(width) {
        match part {
            Part::Text(text) | Part::Title(text) => {
                if cells.is_empty() {
                    first = at;
                }
                cells.push(text);
            }
            Part::Page => {}
            Part::Blank if cells.is_empty() => {}
            _ => break,
        }
        if cells.len() == width {
            let mut fields = Fields::default();
            for (heading, cell) in headings.iter().zip(cells.drain(..)) {
                fields.rtype_of_heading = fields.rtype_of_heading.or(heading.rtype);
                fields.set(heading.column, cell);
            }
            cards
                .outcomes
                .extend(fields.finish().map(|outcome| (first, outcome)));
            cards.taken = at + 1;
        }
    }
    cards
}

/// Reads one card after the other.
#[derive(Default)]
struct Reader {
    fields: Fields,
    /// Where the present card begins.
    first: usize,
    /// A heading whose value comes next.
    open: Option<Heading>,
    /// The type in the title of the present card.
    title: Option<String>,
    outcomes: Vec<(usize, Outcome)>,
}

impl Reader {
    fn read(mut self, parts: impl Iterator<Item = Part>) -> Cards {
        let mut taken = 0;
        for (at, part) in parts.enumerate() {
            match (part, self.open) {
                (Part::Text(text) | Part::Title(text), Some(open)) => {
                    self.open = None;
                    self.set(at, open, text);
                }
                (Part::Pair(heading, value), _) => {
                    self.open = None;
                    self.set(at, heading, value);
                }
                (Part::Heading(heading), _) => self.open = Some(heading),
                (Part::Title(rtype), None) => {
                    self.end(at);
                    self.title = Some(rtype);
                }
                (Part::Blank | Part::Page, _) => continue,
                (Part::Text(_), None) => break,
            }
            taken = at + 1;
        }
        self.end(taken);
        Cards {
            outcomes: self.outcomes,
            taken,
        }
    }

    fn set(&mut self, at: usize, heading: Heading, value: String) {
        if self.fields.has(heading.column) && heading.column != Column::Other {
            self.end(at);
        }
        if heading.rtype.is_some() {
            self.fields.rtype_of_heading = heading.rtype;
        }
        self.fields.set(heading.column, value);
    }

    /// Ends the present card; the next one begins at this line.
    fn end(&mut self, at: usize) {
        let mut fields = std::mem::take(&mut self.fields);
        if fields.value.is_some() {
            let title = self.title.take();
            fields.rtype = fields.rtype.or(title);
            self.outcomes
                .extend(fields.finish().map(|outcome| (self.first, outcome)));
        }
        self.first = at;
    }
}

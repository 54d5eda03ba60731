//! Splits a pasted text into lines, words and cells.
//!
//! The lexical rules are those of zone files (RFC 1035 section 5.1): quotation marks, escapes,
//! parentheses over several lines, comments. They are applied leniently, because most pasted texts
//! are none: a parenthesis counts only at the edge of a word and when it is closed.

use strum::VariantArray;

use crate::input::{OddChar, is_invisible};

/// How many lines a record in parentheses may have.
const MAX_CONTINUED_LINES: usize = 200;

/// A line of the text, or several that parentheses join.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    /// The number of its first line, from 1.
    pub number: usize,
    /// How many lines of the text it takes.
    pub taken: usize,
    /// Whether it begins with white space, which in a zone file stands for the name before.
    pub is_indented: bool,
    /// The text without parentheses and comments.
    pub content: String,
    /// What follows the first `;` outside quotation marks.
    pub comment: Option<String>,
    /// The blanks before the `;`.
    pub gap: String,
}

/// A word with its position in the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Word<'a> {
    pub text: &'a str,
    pub start: usize,
}

/// Returns the lines of a text, without what cannot be seen and with ordinary blanks.
pub(super) fn lines(text: &str) -> Vec<String> {
    let clean = |line: &str| -> String {
        let visible = line.chars().filter(|c| !is_invisible(*c));
        let plain = visible.map(|c| match OddChar::of(c) {
            Some(OddChar::Blank(_)) => ' ',
            _ => c,
        });
        plain.collect::<String>().trim_end().to_owned()
    };
    text.replace("\r\n", "\n")
        .split(['\n', '\r', '\u{2028}', '\u{2029}'])
        .map(clean)
        .collect()
}

/// Returns the line at an index, with those that its parentheses continue.
pub(super) fn line_at(lines: &[String], at: usize) -> Option<Line> {
    let first = lines.get(at)?;
    let mut scan = Scan::default();
    let mut taken = 0;
    for line in lines.iter().skip(at).take(MAX_CONTINUED_LINES) {
        scan.line(if taken == 0 { line } else { line.trim_start() });
        taken += 1;
        if scan.depth == 0 {
            break;
        }
    }
    if scan.depth > 0 {
        // Nothing closes the parenthesis: it is a part of the text.
        scan = Scan {
            is_flat: true,
            ..Scan::default()
        };
        scan.line(first);
        taken = 1;
    }
    Some(Line {
        number: at + 1,
        taken,
        is_indented: first.starts_with([' ', '\t']),
        content: scan.content.trim().to_owned(),
        comment: scan.comment,
        gap: scan.gap,
    })
}

impl Line {
    /// Returns what follows the content: the blanks, the `;` and the comment.
    pub(super) fn tail(&self) -> Option<String> {
        let comment = self.comment.as_ref()?;
        Some(format!("{};{comment}", self.gap))
    }
}

/// The state of a scan over the lines of one record.
#[derive(Default)]
struct Scan {
    content: String,
    comment: Option<String>,
    gap: String,
    depth: usize,
    /// Whether parentheses are ordinary characters.
    is_flat: bool,
}

impl Scan {
    fn line(&mut self, line: &str) {
        let mut is_quoted = false;
        let mut is_escaped = false;
        let mut is_edge = true;
        for (at, c) in line.char_indices() {
            let next = line[at..].chars().nth(1);
            let is_end = next.is_none_or(|next| next.is_whitespace() || next == ';');
            match c {
                _ if is_escaped => is_escaped = false,
                '\\' => is_escaped = true,
                '"' => is_quoted = !is_quoted,
                _ if is_quoted => {}
                ';' => {
                    if self.comment.is_none() {
                        let end = self.content.trim_end().len();
                        self.gap = self.content[end..].to_owned();
                        self.comment = Some(line[at + 1..].to_owned());
                    }
                    break;
                }
                '(' if is_edge && !self.is_flat => {
                    self.depth += 1;
                    self.content.push(' ');
                    continue;
                }
                ')' if self.depth > 0 && (is_end || is_edge) => {
                    self.depth -= 1;
                    self.content.push(' ');
                    continue;
                }
                _ => {}
            }
            is_edge = c.is_whitespace() && !is_quoted;
            self.content.push(c);
        }
        self.content.push(' ');
    }
}

/// Splits a line into words; blanks in quotation marks do not separate.
pub(super) fn words(line: &str) -> Vec<Word<'_>> {
    let mut words = Vec::new();
    let mut start = None;
    let mut is_quoted = false;
    let mut is_escaped = false;
    for (at, c) in line.char_indices() {
        if c.is_whitespace() && !is_quoted {
            if let Some(start) = start.take() {
                words.push(word(line, start, at));
            }
            is_escaped = false;
            continue;
        }
        start = start.or(Some(at));
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '"' => is_quoted = !is_quoted,
            _ => {}
        }
    }
    words.extend(start.map(|start| word(line, start, line.len())));
    words
}

fn word(line: &str, start: usize, end: usize) -> Word<'_> {
    Word {
        text: &line[start..end],
        start,
    }
}

/// What separates the cells of a table's rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, VariantArray)]
pub(super) enum Separator {
    /// Tabs, as browsers copy tables.
    Tab,
    /// `|`, as Markdown has it.
    Pipe,
    /// Commas, with quotation marks around cells that hold some.
    Comma,
    /// Two blanks or more.
    Blanks,
    /// One blank: every word is a cell.
    Words,
}

impl Separator {
    /// Every separator, the clearest first.
    pub(super) const ALL: &'static [Self] = Self::VARIANTS;

    /// Splits a line into its cells.
    pub(super) fn split(self, line: &str) -> Vec<String> {
        match self {
            Self::Tab => line.split('\t').map(cell).collect(),
            Self::Pipe => {
                let line = line.trim();
                let line = line.strip_prefix('|').unwrap_or(line);
                let line = line.strip_suffix('|').unwrap_or(line);
                line.split('|').map(cell).collect()
            }
            Self::Comma => commas(line),
            Self::Blanks => blanks(line),
            Self::Words => words(line).iter().map(|word| cell(word.text)).collect(),
        }
    }
}

/// Returns the separator of a line that consists of cells for certain; `None` for another line.
pub(super) fn separator_of(line: &str) -> Option<Separator> {
    let inner = line.trim();
    if inner.contains('\t') {
        return Some(Separator::Tab);
    }
    if inner.starts_with('|') && inner.matches('|').count() > 2 || inner.matches(" | ").count() > 1
    {
        return Some(Separator::Pipe);
    }
    (blanks(inner).len() > 1).then_some(Separator::Blanks)
}

/// Returns a cell without blanks and the marks that say in Markdown how it looks.
pub(super) fn cell(text: &str) -> String {
    let text = text.trim();
    let pairs = [("**", "**"), ("`", "`"), ("<code>", "</code>")];
    let inner = pairs.iter().find_map(|(open, close)| {
        let inner = text.strip_prefix(open)?.strip_suffix(close)?;
        (!inner.contains(open)).then_some(inner)
    });
    inner.unwrap_or(text).trim().to_owned()
}

fn blanks(line: &str) -> Vec<String> {
    let mut cells: Vec<String> = Vec::new();
    let mut end = None;
    for word in words(line.trim()) {
        let is_next = end.is_some_and(|end| word.start > end + 1);
        match cells.last_mut() {
            Some(cell) if !is_next => {
                cell.push(' ');
                cell.push_str(word.text);
            }
            _ => cells.push(word.text.to_owned()),
        }
        end = Some(word.start + word.text.len());
    }
    cells.iter().map(|text| cell(text)).collect()
}

/// Splits a line of comma-separated values (RFC 4180).
fn commas(line: &str) -> Vec<String> {
    let mut cells = vec![String::new()];
    let mut is_quoted = false;
    let mut rest = line.trim().chars().peekable();
    while let Some(c) = rest.next() {
        let Some(current) = cells.last_mut() else {
            break;
        };
        match c {
            '"' if is_quoted && rest.next_if_eq(&'"').is_some() => current.push('"'),
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => cells.push(String::new()),
            _ => current.push(c),
        }
    }
    cells.iter().map(|text| cell(text)).collect()
}

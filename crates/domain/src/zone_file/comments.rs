//! Notes of a record as comments of a zone file.

use crate::input::{OddChar, is_invisible};

/// A user's notes about a record.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Notes {
    /// The note of ports.
    pub ports: Option<String>,
    /// The note of a course.
    pub course: Option<String>,
    /// The description, which may have several lines.
    pub description: Option<String>,
}

/// What begins each further line of a note.
const CONTINUED: &str = "| ";

impl Notes {
    /// Each note with what begins its comment.
    fn each(&self) -> [(&'static str, &Option<String>); 3] {
        [
            ("Ports: ", &self.ports),
            ("Course: ", &self.course),
            ("Description: ", &self.description),
        ]
    }

    pub(super) fn write(&self, out: &mut String) {
        for (label, note) in self.each() {
            let Some(note) = note else {
                continue;
            };
            let mut lines = note.split('\n');
            write_line(
                out,
                &format!("{label}{}", escape(lines.next().unwrap_or_default())),
            );
            for line in lines {
                write_line(out, &format!("{CONTINUED}{}", escape(line)));
            }
        }
    }

    /// Reads the notes in the comments of a record; other comments are left out.
    pub fn read(comments: &[String]) -> Self {
        let mut notes = Self::default();
        let mut last: Option<usize> = None;
        let mut found: [Option<String>; 3] = Default::default();
        let labels = notes.each().map(|(label, _)| label.trim_end());
        for comment in comments {
            let continued = match comment.as_str() {
                "|" => Some(""),
                text => text.strip_prefix(CONTINUED),
            };
            if let (Some(line), Some(note)) = (continued, last.and_then(|at| found[at].as_mut())) {
                note.push('\n');
                note.push_str(&unescape(line));
                continue;
            }
            last = labels.iter().position(|label| {
                comment
                    .strip_prefix(label)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
            });
            if let Some(at) = last {
                let text = comment[labels[at].len()..].trim_start();
                found[at] = Some(unescape(text));
            }
        }
        let [ports, course, description] = found;
        notes.ports = ports;
        notes.course = course;
        notes.description = description;
        notes
    }

    /// Returns these notes with those of `other` where there are none.
    pub(super) fn or(self, other: &Self) -> Self {
        Self {
            ports: self.ports.or_else(|| other.ports.clone()),
            course: self.course.or_else(|| other.course.clone()),
            description: self.description.or_else(|| other.description.clone()),
        }
    }
}

/// Appends a line that is a comment.
pub(super) fn write_line(out: &mut String, text: &str) {
    out.push_str("; ");
    out.push_str(text);
    out.push('\n');
}

/// Writes what a comment could lose as `\u{…}`: characters that cannot be seen, white space of
/// other kinds, and blanks at the end.
fn escape(line: &str) -> String {
    let end = line.trim_end().len();
    let mut out = String::with_capacity(line.len());
    for (at, c) in line.char_indices() {
        let is_lost = at >= end
            || is_invisible(c)
            || matches!(
                OddChar::of(c),
                Some(OddChar::Blank(_) | OddChar::Control(_))
            );
        match c {
            '\\' => out.push_str("\\\\"),
            _ if is_lost => out.push_str(&format!("\\u{{{:x}}}", u32::from(c))),
            _ => out.push(c),
        }
    }
    out
}

fn unescape(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let tail = &rest[at..];
        if let Some(after) = tail.strip_prefix("\\\\") {
            out.push('\\');
            rest = after;
        } else if let Some((c, after)) = code_point(tail) {
            out.push(c);
            rest = after;
        } else {
            out.push('\\');
            rest = &tail[1..];
        }
    }
    out.push_str(rest);
    out
}

fn code_point(text: &str) -> Option<(char, &str)> {
    let (code, after) = text.strip_prefix("\\u{")?.split_once('}')?;
    let c = char::from_u32(u32::from_str_radix(code, 16).ok()?)?;
    Some((c, after))
}

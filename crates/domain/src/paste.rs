//! Reads records from a text that a user pastes: lines of a zone file, output of `dig`, a table or
//! cards copied from a host's page, lines such as `CNAME www example.github.io`.
//!
//! What a line means is seldom certain. A field whose content is not certain stays empty, with a
//! question and what may have been meant; how anything else was read is said in a remark. So a
//! record without doubts means what the text says, and one with an unanswered question fails the
//! check of [`RecordForm`], as an empty field does.
//!
//! - `reader` asks the layouts in turn, line by line;
//! - `lexer` splits the text into lines, words and cells;
//! - `rows`, `cards`, `zone_lines` and `loose` each know a layout and find a record's words;
//! - `owner` and `value` read these words into the fields of a form.
//!
//! No library reads such texts. hickory-proto parses zone files, but refuses the whole text at the
//! first error, without the line, and opens files for `$INCLUDE`; a test of crate `dns` uses it as
//! a second opinion on what [`crate::zone_file`] writes.

mod cards;
mod columns;
mod doubt;
mod lexer;
mod loose;
mod owner;
mod raw;
mod reader;
mod rows;
mod suffix;
mod ttl;
mod value;
mod zone_lines;

use std::fmt;

use crate::names::BaseDomain;
use crate::record::RecordForm;
use crate::ttl::Ttl;

pub use doubt::{Doubt, DoubtKind};
pub use owner::before_part_of_base;
pub use value::target_options;

/// How much of a text is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The most lines that are read.
    pub lines: usize,
    /// The most records that are read.
    pub records: usize,
}

/// How much [`read`] reads.
pub const LIMITS: Limits = Limits {
    lines: 3_000,
    records: 200,
};

/// What was read from a text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Paste {
    /// The records, in the order of the text, each once.
    pub records: Vec<PastedRecord>,
    /// The lines that are no record.
    pub unread: Vec<UnreadLine>,
}

/// A record that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastedRecord {
    /// The number of its first line, from 1.
    pub line: usize,
    /// Its lines, as they are in the text.
    pub source: String,
    /// Its fields; empty where [`Self::doubts`] has a question.
    pub form: RecordForm,
    /// The TTL that the text gives to its RRset.
    pub ttl: Option<Ttl>,
    /// Its value in canonical form, if it is a zone file's line whose value is well-formed.
    pub presentation: Option<String>,
    /// The comment lines directly above it, and the comment after it.
    pub comments: Vec<String>,
    /// What is doubtful about it.
    pub doubts: Vec<Doubt>,
}

/// A line that is no record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnreadLine {
    /// The number of the line, from 1.
    pub line: usize,
    /// The line, as it is in the text.
    pub source: String,
    /// Why it is no record.
    pub reason: Unread,
}

/// Why a line is no record. Displays as a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unread {
    /// There is no type and nothing like a value.
    NoRecord,
    /// Users may not create records of this type.
    NotOffered(String),
    /// The class is not the Internet's.
    Class(String),
    /// A directive of zone files that is not carried out.
    Directive(String),
    /// A section of `dig`'s output beside the answer.
    Section(&'static str),
    /// What `dig` found at the target of an alias.
    AnswerOfTarget,
    /// The line could mean two different records.
    TwoReadings,
    /// The text has more lines or records than are read.
    TooMany(Limits),
}

impl Unread {
    /// Returns a short name, for tests and logs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoRecord => "no-record",
            Self::NotOffered(_) => "not-offered",
            Self::Class(_) => "class",
            Self::Directive(_) => "directive",
            Self::Section(_) => "section",
            Self::AnswerOfTarget => "answer-of-target",
            Self::TwoReadings => "two-readings",
            Self::TooMany(_) => "too-many",
        }
    }
}

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRecord => f.write_str("No record was found in this line"),
            Self::NotOffered(rtype) => write!(f, "Records of type {rtype} are not offered"),
            Self::Class(class) => write!(f, "Only records of class IN are offered, not {class}"),
            Self::Directive(word) => {
                write!(f, "{word} is not carried out: paste the lines it means")
            }
            Self::Section(section) => {
                write!(
                    f,
                    "This is in the {section} section, which is no part of the answer"
                )
            }
            Self::AnswerOfTarget => {
                f.write_str("This belongs to the host that the CNAME above points to")
            }
            Self::TwoReadings => f.write_str(
                "This line can mean two different records: write the name first, then the type, \
                 then the value",
            ),
            Self::TooMany(Limits { lines, records }) => write!(
                f,
                "From here on nothing was read: a text has at most {records} records and {lines} \
                 lines"
            ),
        }
    }
}

/// Reads the records in a text for the user with this base domain.
pub fn read(text: &str, base: &BaseDomain) -> Paste {
    read_up_to(LIMITS, text, base)
}

/// Reads the records in a text within other limits than [`read`] does.
pub fn read_up_to(limits: Limits, text: &str, base: &BaseDomain) -> Paste {
    reader::read(text, base, limits)
}

impl PastedRecord {
    /// Returns whether a field has to be filled in before the record can be saved.
    pub fn has_question(&self) -> bool {
        self.doubts.iter().any(Doubt::is_question)
    }
}

#[cfg(test)]
mod tests;

//! The lists of words and labels that names may not have, and the form of their entries.

use std::collections::BTreeSet;
use std::fmt;

use strum::VariantArray;
use unicode_normalization::UnicodeNormalization as _;

use super::letter_of;
use crate::input::clean_line;
use crate::names::idn::{self, IdnFault};
use crate::names::{LABEL_MAX, Label};

/// The fewest letters of a refused word. Shorter ones come up by chance in names that machines
/// make, and in names of places and people.
const MIN_LETTERS: usize = 3;

/// The longest entry, in characters: what a name can have (RFC 1035 section 2.3.4).
const ENTRY_MAX: usize = 253;

/// What a list is about, in the order of the admin page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, VariantArray)]
pub enum ListKind {
    /// Words that no name may contain.
    Refused,
    /// Phrases in which a refused word is harmless, and words that are not refused at all.
    Allowed,
    /// Labels under the root domain that no user may choose.
    Reserved,
}

/// Where an entry comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The list that comes with the program (`config/words`).
    BuiltIn,
    /// The operator's file in `WORD_LISTS_PATH`, which replaces that list.
    File,
    /// An admin added it.
    Admin,
}

/// Why a text is no entry of a list. Displays as what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryFault {
    /// Nothing was entered into the form.
    Empty(ListKind),
    /// Has white space inside.
    Blank(ListKind, String),
    /// A refused word with a separator, which is several words.
    Separator(String),
    /// A refused word with digits, which are read as letters.
    Digits {
        /// The text as entered.
        text: String,
        /// What it is read as.
        read: String,
    },
    /// A number, which no name is refused for.
    Number(String),
    /// A refused word with fewer than three letters.
    TooShort(String),
    /// Longer than a name.
    TooLong,
    /// Has a character that no name has.
    Character(char),
    /// Has letters that no name has together.
    Idn(IdnFault),
    /// An allowed phrase with a separator too many.
    Phrase(String),
    /// No label under the root domain.
    Label(String),
}

/// A faulty line of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineFault {
    /// The number of the line, from 1.
    pub line: usize,
    /// What is wrong with its entry.
    pub fault: EntryFault,
}

/// The entries of one list.
#[derive(Debug, Clone, PartialEq, Eq)]
struct List {
    source: Source,
    entries: BTreeSet<String>,
}

/// The three lists that hold for everyone, before an admin adds to them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameLists {
    allowed: List,
    refused: List,
    reserved: List,
}

impl ListKind {
    /// Every kind of list, in the order of the admin page.
    pub const ALL: &'static [Self] = Self::VARIANTS;

    /// Returns the word for the kind, as forms, the table and the audit trail have it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Refused => "refused",
            Self::Reserved => "reserved",
        }
    }

    /// Parses a word that [`ListKind::as_str`] returns.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == text)
    }

    /// Returns the name of the list's file in `config/words` and in `WORD_LISTS_PATH`.
    pub const fn file_name(self) -> &'static str {
        match self {
            Self::Allowed => "allowed-phrases.txt",
            Self::Refused => "refused-words.txt",
            Self::Reserved => "reserved-labels.txt",
        }
    }

    pub(super) const fn built_in(self) -> &'static str {
        match self {
            Self::Allowed => include_str!("../../../../config/words/allowed-phrases.txt"),
            Self::Refused => include_str!("../../../../config/words/refused-words.txt"),
            Self::Reserved => include_str!("../../../../config/words/reserved-labels.txt"),
        }
    }

    /// Parses an entry, lower-casing it.
    ///
    /// # Errors
    /// The text is no entry of such a list.
    pub fn parse_entry(self, text: &str) -> Result<String, EntryFault> {
        // As a name is written when it is compared with the list (UTS 46).
        let text: String = clean_line(text).to_lowercase().nfkc().collect();
        if text.is_empty() {
            return Err(EntryFault::Empty(self));
        }
        if self == Self::Reserved {
            let label = Label::parse(&text).map(|label| label.as_str().to_owned());
            return label.map_err(|_| EntryFault::Label(text));
        }
        if text.contains(char::is_whitespace) {
            return Err(EntryFault::Blank(self, text));
        }
        if text.chars().count() > ENTRY_MAX {
            return Err(EntryFault::TooLong);
        }
        let is_known = |c: &char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
        if let Some(c) = text.chars().find(|c| !is_known(c)) {
            return Err(EntryFault::Character(c));
        }
        match self {
            Self::Allowed if text.contains(['-', '_', '.']) => check_phrase(&text)?,
            _ => check_word(&text)?,
        }
        match idn::check_letters(&text) {
            Ok(()) => Ok(text),
            Err(fault) => Err(EntryFault::Idn(fault)),
        }
    }

    /// Parses a list with one entry a line. Lines that begin with `#` are comments.
    fn parse_list(self, text: &str) -> (BTreeSet<String>, Vec<LineFault>) {
        let mut entries = BTreeSet::new();
        let mut faults = Vec::new();
        for (at, line) in text.lines().enumerate() {
            if line.trim().is_empty() || line.trim().starts_with('#') {
                continue;
            }
            match self.parse_entry(line) {
                Ok(entry) => {
                    entries.insert(entry);
                }
                Err(fault) => faults.push(LineFault {
                    line: at + 1,
                    fault,
                }),
            }
        }
        (entries, faults)
    }
}

/// Checks the words of an allowed phrase, which are compared as they are.
fn check_phrase(text: &str) -> Result<(), EntryFault> {
    let is_joined = !text.contains(['_', '.']) && text.split('-').all(|word| !word.is_empty());
    match is_joined {
        true => Ok(()),
        false => Err(EntryFault::Phrase(text.to_owned())),
    }
}

/// Checks a single word, in which digits would be read as letters.
fn check_word(text: &str) -> Result<(), EntryFault> {
    if text.contains(['-', '_', '.']) {
        return Err(EntryFault::Separator(text.to_owned()));
    }
    if !text.contains(char::is_alphabetic) {
        return Err(EntryFault::Number(text.to_owned()));
    }
    if text.contains(char::is_numeric) {
        let letters = text.trim_end_matches(|c: char| c.is_ascii_digit());
        return Err(EntryFault::Digits {
            read: letters.chars().map(|c| letter_of(c, 'i')).collect(),
            text: text.to_owned(),
        });
    }
    match text.chars().count() {
        ..MIN_LETTERS => Err(EntryFault::TooShort(text.to_owned())),
        MIN_LETTERS..=LABEL_MAX => Ok(()),
        _ => Err(EntryFault::TooLong),
    }
}

impl NameLists {
    /// Returns the lists that come with the program.
    pub fn built_in() -> Self {
        let list = |kind: ListKind| List {
            source: Source::BuiltIn,
            entries: kind.parse_list(kind.built_in()).0,
        };
        Self {
            allowed: list(ListKind::Allowed),
            refused: list(ListKind::Refused),
            reserved: list(ListKind::Reserved),
        }
    }

    /// Replaces a list by an operator's file.
    ///
    /// # Errors
    /// Every faulty line; the list is then as it was.
    pub fn replace(&mut self, kind: ListKind, text: &str) -> Result<(), Vec<LineFault>> {
        let (entries, faults) = kind.parse_list(text);
        if !faults.is_empty() {
            return Err(faults);
        }
        let source = Source::File;
        *self.list_mut(kind) = List { source, entries };
        Ok(())
    }

    /// Returns where a list comes from.
    pub fn source(&self, kind: ListKind) -> Source {
        self.list(kind).source
    }

    /// Iterates over the entries of a list, in their order.
    pub fn entries(&self, kind: ListKind) -> impl ExactSizeIterator<Item = &str> {
        self.list(kind).entries.iter().map(String::as_str)
    }

    fn list(&self, kind: ListKind) -> &List {
        match kind {
            ListKind::Allowed => &self.allowed,
            ListKind::Refused => &self.refused,
            ListKind::Reserved => &self.reserved,
        }
    }

    fn list_mut(&mut self, kind: ListKind) -> &mut List {
        match kind {
            ListKind::Allowed => &mut self.allowed,
            ListKind::Refused => &mut self.refused,
            ListKind::Reserved => &mut self.reserved,
        }
    }
}

impl fmt::Display for EntryFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty(ListKind::Reserved) => f.write_str("enter a label"),
            Self::Empty(_) => f.write_str("enter a word"),
            Self::Blank(ListKind::Allowed, text) => {
                let words: Vec<&str> = text.split_whitespace().collect();
                write!(
                    f,
                    "“{text}” has a blank; join the words of a phrase with -: {}",
                    words.join("-")
                )
            }
            Self::Blank(_, text) => write!(f, "“{text}” has a blank; enter one word at a time"),
            Self::Separator(text) => write!(
                f,
                "“{text}” is more than one word, because - _ and . separate words; enter one word \
                 at a time"
            ),
            Self::Digits { text, read } if read.contains(char::is_numeric) => {
                write!(f, "“{text}” has digits; enter a word of letters")
            }
            Self::Digits { text, read } => write!(
                f,
                "“{text}” has digits, which are read as letters or ignored at the end; enter \
                 “{read}”"
            ),
            Self::Number(text) => write!(
                f,
                "“{text}” is a number, and no name is refused for a number; enter a word of letters"
            ),
            Self::TooShort(text) => write!(
                f,
                "“{text}” is too short; words of one or two letters are part of names that \
                 machines make"
            ),
            Self::TooLong => f.write_str("this is longer than any name; enter a shorter word"),
            Self::Character(c) => write!(f, "no name contains “{c}”; enter a word of letters"),
            Self::Idn(fault) => fault.fmt(f),
            Self::Phrase(text) => write!(
                f,
                "“{text}” is no phrase; join its words with one - each, as in moby-dick"
            ),
            Self::Label(text) => write!(
                f,
                "“{text}” is no label; it has 1 to 63 of a-z, 0-9 and -, with no - at an end and \
                 not as third and fourth character"
            ),
        }
    }
}

impl fmt::Display for LineFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.fault)
    }
}

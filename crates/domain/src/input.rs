//! Reads what users type and paste, alike in every field.
//!
//! What a one-line field does not show means nothing: white space at its ends and invisible
//! characters are dropped. Other characters that look like those of a keyboard are named, because
//! what was meant by them is not certain.

pub mod typed;

use std::fmt;

/// Returns the text of a one-line field as it is meant: without white space at its ends and without
/// invisible characters.
pub fn clean_line(text: &str) -> String {
    let visible: String = text
        .chars()
        .filter(|c| !is_invisible(*c) && !is_joiner(*c))
        .collect();
    visible.trim().to_owned()
}

/// Returns a note as it is meant: as [`clean_line`] does, but with joiners, which emoji and some
/// scripts need, and with the line breaks between its lines.
pub fn clean_note(text: &str) -> String {
    let visible: String = text.chars().filter(|c| !is_invisible(*c)).collect();
    visible.trim().replace("\r\n", "\n").replace('\r', "\n")
}

/// Returns whether a character shows nothing, in any context: soft hyphens, zero-width spaces, byte
/// order marks, directional controls and further ones of Unicode's General_Category Cf.
pub fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}'
        | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// Returns whether a character joins or separates its neighbours and shows nothing itself
/// (ZWJ and ZWNJ).
pub fn is_joiner(c: char) -> bool {
    matches!(c, '\u{200c}' | '\u{200d}')
}

/// Replaces look-alike characters (full-width digits, typographic dashes and dots) by their ASCII
/// characters, and removes quotation marks, blanks and control characters: the text that the user
/// gets by following the advice of [`OddChar`].
pub fn mend(text: &str) -> String {
    text.chars().filter_map(mend_char).collect()
}

/// Returns what [`mend`] makes of a character.
fn mend_char(c: char) -> Option<char> {
    match OddChar::of(c) {
        Some(OddChar::FullWidth(_, ascii)) => Some(ascii),
        Some(OddChar::Dash(_)) => Some('-'),
        Some(OddChar::Dot(_)) => Some('.'),
        Some(OddChar::Quote(_) | OddChar::Blank(_) | OddChar::Control(_)) => None,
        _ => Some(c).filter(|c| *c != ' '),
    }
}

/// A character that is not what it looks like or cannot be seen, and is not dropped. Displays as
/// what to do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OddChar {
    /// A full-width form, with the ordinary character.
    FullWidth(char, char),
    /// A dash or minus sign other than `-`.
    Dash(char),
    /// A typographic quotation mark, an accent or a prime.
    Quote(char),
    /// A full stop other than `.`.
    Dot(char),
    /// White space other than a blank.
    Blank(char),
    /// A digit of another script.
    Digit(char),
    /// A letter that a name in its ASCII form cannot have.
    Letter(char),
    /// A control character, such as a tab.
    Control(char),
    /// Any other character that is not allowed.
    Other(char),
}

impl OddChar {
    /// Classifies a character; `None` for printable ASCII.
    pub fn of(c: char) -> Option<Self> {
        let odd = match c {
            ' '..='~' => return None,
            '\u{ff01}'..='\u{ff5e}' => Self::FullWidth(c, ascii_of(c)),
            '\u{2010}'..='\u{2015}' | '\u{2043}' | '\u{2212}' | '\u{fe58}' | '\u{fe63}' => {
                Self::Dash(c)
            }
            '\u{2018}'..='\u{201f}'
            | '\u{2032}'..='\u{2037}'
            | '\u{2039}'
            | '\u{203a}'
            | '\u{ab}'
            | '\u{bb}'
            | '\u{b4}'
            | '\u{300c}'..='\u{300f}' => Self::Quote(c),
            '\u{3002}' | '\u{ff61}' | '\u{2024}' | '\u{2026}' | '\u{b7}' | '\u{2022}' => {
                Self::Dot(c)
            }
            _ if c.is_control() => Self::Control(c),
            _ if c.is_whitespace() => Self::Blank(c),
            _ if c.is_alphabetic() => Self::Letter(c),
            _ if c.is_numeric() => Self::Digit(c),
            _ => Self::Other(c),
        };
        Some(odd)
    }

    /// Classifies a character that no name can have.
    pub fn in_name(c: char) -> Self {
        match Self::of(c) {
            Some(odd) => odd,
            None if c == ' ' => Self::Blank(c),
            None => Self::Other(c),
        }
    }

    /// Returns the first odd character of a text.
    pub fn find(text: &str) -> Option<Self> {
        text.chars().find_map(Self::of)
    }

    /// Returns whether the character stands for one of the keyboard.
    pub fn is_lookalike(self) -> bool {
        matches!(
            self,
            Self::FullWidth(..) | Self::Dash(_) | Self::Quote(_) | Self::Dot(_) | Self::Blank(_)
        )
    }
}

/// Returns the ordinary character of a full-width form.
fn ascii_of(full_width: char) -> char {
    char::from_u32(u32::from(full_width) - 0xfee0).unwrap_or(full_width)
}

impl fmt::Display for OddChar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FullWidth(c, ascii) => {
                write!(f, "“{c}” is a full-width character; type {ascii} instead")
            }
            Self::Dash(c) => write!(f, "“{c}” is a dash and not a hyphen; type - instead"),
            Self::Quote(c) => write!(f, "“{c}” is a typographic mark; leave it out"),
            Self::Dot(c) => write!(f, "“{c}” is not the dot of a name; type . instead"),
            Self::Blank(' ') => f.write_str("there is a blank in the middle; remove it"),
            Self::Blank(c) => write!(
                f,
                "there is {} (U+{:04X}) in the middle; remove it",
                blank_name(*c),
                u32::from(*c)
            ),
            Self::Digit(c) => write!(f, "“{c}” is not one of the digits 0 to 9"),
            Self::Letter(c) => write!(f, "“{c}” is not one of the letters a to z"),
            Self::Control(c) => write!(f, "there is {}; remove it", control_name(*c)),
            Self::Other(c) => write!(f, "“{c}” is not allowed here"),
        }
    }
}

fn blank_name(c: char) -> &'static str {
    match c {
        '\u{a0}' | '\u{202f}' => "a no-break space",
        '\u{3000}' => "a full-width space",
        '\u{2028}' | '\u{2029}' => "a line break",
        _ => "a space of another kind",
    }
}

fn control_name(c: char) -> String {
    match c {
        '\t' => "a tab".to_owned(),
        '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' => "a line break".to_owned(),
        _ => format!("a control character (U+{:04X})", u32::from(c)),
    }
}

#[cfg(test)]
mod tests;

//! What describes a record type: its fields, texts and spellings.

use crate::fault::{Fault, ValueFault};
use crate::input::{OddChar, clean_line, mend};
use crate::names::NameRule;
use crate::record::class::NameClass;
use crate::record::note::ValueNote;

/// A record type as data. Each type fills one in a file of its own.
pub struct TypeSpec {
    /// The mnemonic, such as `AAAA`.
    pub mnemonic: &'static str,
    /// The number in messages (RFC 1035 section 3.2.2, assigned by IANA).
    pub code: u16,
    /// The text in the form's list of types.
    pub title: &'static str,
    /// Which class a name must have to hold a record of this type.
    pub class: NameClass,
    /// Which names a record of this type may have.
    pub names: NameRule,
    /// The fields before the value, in the order of the presentation format.
    pub parts: &'static [&'static Part],
    /// What the field Value takes, with its article: `a host name`.
    pub takes: &'static str,
    /// A further hint on the field Value, shown while the type is chosen; empty for none.
    pub hint: &'static str,
    /// Whether the value is a text of any characters, of which blanks at its ends and invisible
    /// characters are parts. From other values [`clean_line`] drops them.
    pub is_text: bool,
    /// Parses the input of the field Value. `parts` holds the checked fields before it,
    /// an empty text for one that was refused.
    pub parse: fn(input: &str, parts: &[String]) -> Result<Parsed, ValueFault>,
    /// The spellings of the value without its parts.
    pub codec: &'static Codec,
    /// The section of the instructions page.
    pub guide: Guide,
}

/// A value without its parts, in canonical presentation format, with warnings about it.
pub struct Parsed {
    /// The canonical presentation format.
    pub text: String,
    /// The input that the edit form shows again, if it is simpler than the present one.
    pub input: Option<String>,
    /// Warnings about an allowed value that may not be what the user meant.
    pub notes: Vec<ValueNote>,
}

impl Parsed {
    /// Makes a parsed value without a warning.
    pub fn plain(text: String) -> Self {
        Self {
            text,
            input: None,
            notes: Vec::new(),
        }
    }

    /// Adds a warning, if there is one.
    pub fn with_note(mut self, note: Option<ValueNote>) -> Self {
        self.notes.extend(note);
        self
    }
}

/// Converts a value without its parts between its spellings.
pub struct Codec {
    /// Returns the canonical presentation format of any spelling; `None` when it is malformed.
    pub canonicalize: fn(&str) -> Option<String>,
    /// Encodes a presentation value for a message; `None` when it does not fit.
    pub to_wire: fn(&str) -> Option<Vec<u8>>,
    /// Decodes octets of a message into the canonical presentation format.
    pub from_wire: fn(&[u8]) -> Option<String>,
}

/// A field before the value, such as the preference of an MX record.
#[derive(Debug, PartialEq, Eq)]
pub struct Part {
    /// The name of the form's field.
    pub name: &'static str,
    /// The label of the form's field.
    pub label: &'static str,
    /// What to enter, as the end of a sentence that begins with the types: `For MX records: …`.
    pub hint: &'static str,
    /// What is wrong with an input that is refused.
    pub fault: &'static str,
    /// What an empty input means; `None` when an input is required.
    pub default: Option<&'static str>,
    /// The only inputs allowed, each with its meaning; empty for any that fits [`Self::wire`].
    pub choices: &'static [(&'static str, &'static str)],
    /// The form in messages.
    pub wire: PartWire,
}

/// How a message carries a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartWire {
    /// A number from 0 to 255.
    Octet,
    /// A number from 0 to 65535, most significant octet first.
    Number,
    /// Letters and digits, preceded by their count in one octet.
    Word,
}

impl Part {
    /// Checks an input, as [`clean_line`] reads it, and returns it in canonical form.
    ///
    /// # Errors
    /// What the field takes, or which character is not what it looks like.
    pub fn check(&self, input: &str) -> Result<String, Fault> {
        let input = clean_line(input);
        let input = match self.default {
            Some(default) if input.is_empty() => default,
            _ => &input,
        };
        let is_offered = |text: &str| {
            self.choices.is_empty() || self.choices.iter().any(|(choice, _)| *choice == text)
        };
        let canonical = |text: &str| {
            let text = self.wire.canonicalize(text);
            text.filter(|text| is_offered(text))
        };
        canonical(input).ok_or_else(|| match OddChar::find(input) {
            Some(odd) if canonical(&mend(input)).is_some() => Fault::Odd(odd),
            _ => Fault::Part(self.fault),
        })
    }
}

impl PartWire {
    /// Returns the canonical form: numbers without leading zeros, words in lower case.
    pub fn canonicalize(self, text: &str) -> Option<String> {
        match self {
            Self::Octet => text.parse().ok().map(|number: u8| number.to_string()),
            Self::Number => text.parse().ok().map(|number: u16| number.to_string()),
            Self::Word => {
                let is_word = (1..=255).contains(&text.len())
                    && text.bytes().all(|octet| octet.is_ascii_alphanumeric());
                is_word.then(|| text.to_ascii_lowercase())
            }
        }
    }

    /// Appends a canonical part to a message.
    fn write(self, text: &str, message: &mut Vec<u8>) -> Option<()> {
        match self {
            Self::Octet => message.push(text.parse().ok()?),
            Self::Number => message.extend(text.parse::<u16>().ok()?.to_be_bytes()),
            Self::Word => {
                message.push(u8::try_from(text.len()).ok()?);
                message.extend(text.as_bytes());
            }
        }
        Some(())
    }

    /// Reads a part from the beginning of a message and returns it with the rest.
    fn read(self, message: &[u8]) -> Option<(String, &[u8])> {
        match self {
            Self::Octet => {
                let (octet, rest) = message.split_first()?;
                Some((octet.to_string(), rest))
            }
            Self::Number => {
                let (octets, rest) = message.split_first_chunk()?;
                Some((u16::from_be_bytes(*octets).to_string(), rest))
            }
            Self::Word => {
                let (length, rest) = message.split_first()?;
                let (word, rest) = rest.split_at_checked(usize::from(*length))?;
                let word = std::str::from_utf8(word).ok()?;
                Some((self.canonicalize(word)?, rest))
            }
        }
    }
}

/// A section of the instructions page. Text between backticks is shown as code; `{base}` stands for
/// the user's domain.
pub struct Guide {
    /// What the type is for, after its mnemonic in the heading.
    pub title: &'static str,
    /// The paragraph before the example.
    pub intro: &'static str,
    /// The name in the example.
    pub name: &'static str,
    /// The parts in the example, in their order.
    pub parts: &'static [&'static str],
    /// The value in the example.
    pub value: &'static str,
    /// The paragraph after the example; empty when there is none.
    pub remark: &'static str,
}

impl TypeSpec {
    /// Splits a presentation value into its parts and the rest; `None` when parts are missing or
    /// malformed.
    pub fn split<'a>(&self, value: &'a str) -> Option<(Vec<String>, &'a str)> {
        let mut rest = value.trim();
        let mut parts = Vec::with_capacity(self.parts.len());
        for part in self.parts {
            let (text, after) = rest.split_once([' ', '\t'])?;
            parts.push(part.wire.canonicalize(text)?);
            rest = after.trim_start();
        }
        Some((parts, rest))
    }

    /// Returns whether an input of the field Value is a whole value: the parts with it.
    pub fn is_whole(&self, input: &str) -> bool {
        self.split(input).is_some_and(|(texts, rest)| {
            let mut parts = self.parts.iter().zip(&texts);
            let is_rest = (self.codec.canonicalize)(rest).is_some();
            parts.all(|(part, text)| part.check(text).is_ok()) && is_rest
        })
    }

    /// Joins parts and the rest of a value.
    pub fn join(parts: &[String], rest: &str) -> String {
        let mut value = String::new();
        for part in parts {
            value.push_str(part);
            value.push(' ');
        }
        value.push_str(rest);
        value
    }

    /// Returns the canonical spelling of a presentation value; `None` when it is malformed.
    pub fn canonicalize(&self, value: &str) -> Option<String> {
        let (parts, rest) = self.split(value)?;
        Some(Self::join(&parts, &(self.codec.canonicalize)(rest)?))
    }

    /// Encodes a presentation value as the RDATA of a message.
    pub fn to_wire(&self, value: &str) -> Option<Vec<u8>> {
        let (parts, rest) = self.split(value)?;
        let mut message = Vec::new();
        for (part, text) in self.parts.iter().zip(&parts) {
            part.wire.write(text, &mut message)?;
        }
        message.extend((self.codec.to_wire)(rest)?);
        Some(message)
    }

    /// Decodes the RDATA of a message into the canonical presentation format.
    pub fn from_wire(&self, message: &[u8]) -> Option<String> {
        let mut rest = message;
        let mut parts = Vec::with_capacity(self.parts.len());
        for part in self.parts {
            let (text, after) = part.wire.read(rest)?;
            parts.push(text);
            rest = after;
        }
        Some(Self::join(&parts, &(self.codec.from_wire)(rest)?))
    }
}

//! TXT records: any text (RFC 1035 section 3.3.14).

use crate::fault::ValueFault;
use crate::names::{LabelRule, NameRule};
use crate::record::class::NameClass;
use crate::record::note::ValueNote;
use crate::record::spec::{Codec, Guide, Parsed, TypeSpec};
use crate::txt;

pub(super) static SPEC: TypeSpec = TypeSpec {
    mnemonic: "TXT",
    code: 16,
    title: "TXT Record (Text Value)",
    class: NameClass::Other,
    // Domain verification needs underscores.
    names: NameRule {
        at_base: None,
        labels: LabelRule::Underscores,
    },
    parts: &[],
    takes: "any text",
    hint: "",
    keeps_blanks: true,
    parse,
    codec: &Codec {
        canonicalize: |text| Some(txt::encode_octets(&txt::decode(text)?)),
        to_wire,
        from_wire,
    },
    guide: Guide {
        title: "a piece of text",
        intro: "Often used to prove to a service that the name is yours. The name can begin with \
                an underscore.",
        name: "_github-pages-challenge-yourname",
        parts: &[],
        value: "the code that the service gave you",
        remark: "",
    },
};

/// A text in quotation marks, as zone files write it.
pub const QUOTED: ValueNote = ValueNote(
    "The quotation marks are part of the text that is published. Where instructions show them \
     around a value, leave them out: edit the record, unless you want them.",
);
/// A text that begins or ends with a blank.
pub const OUTER_BLANKS: ValueNote = ValueNote(
    "The text begins or ends with a blank, which is published too. Edit the record, unless you \
     want it.",
);
/// A text with invisible characters.
pub const INVISIBLE: ValueNote = ValueNote(
    "The text holds a character that cannot be seen, which is published too. Type the value by \
     hand, unless you want it.",
);

fn parse(input: &str, _: &[String]) -> Result<Parsed, ValueFault> {
    if input.chars().any(char::is_control) {
        return Err(ValueFault::ControlCharacter);
    }
    let text = txt::encode(input);
    match text.len().checked_sub(txt::VALUE_MAX) {
        None | Some(0) => Ok(Parsed {
            text,
            note: note(input),
        }),
        Some(over) => Err(ValueFault::TxtTooLong { over }),
    }
}

fn note(text: &str) -> Option<ValueNote> {
    // Soft hyphen, zero-width and directional characters: those of Unicode's General_Category Cf
    // that are pasted by accident.
    let is_invisible = |c: char| {
        matches!(c,
            '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{2069}' | '\u{feff}')
    };
    match text {
        _ if text.len() > 1 && text.starts_with('"') && text.ends_with('"') => Some(QUOTED),
        _ if text.trim() != text => Some(OUTER_BLANKS),
        _ if text.chars().any(is_invisible) => Some(INVISIBLE),
        _ => None,
    }
}

/// Encodes quoted strings, each preceded by its length.
fn to_wire(text: &str) -> Option<Vec<u8>> {
    let mut message = Vec::with_capacity(text.len());
    for string in txt::decode_strings(text).filter(|_| text.starts_with('"'))? {
        message.push(u8::try_from(string.len()).ok()?);
        message.extend(string);
    }
    Some(message)
}

fn from_wire(message: &[u8]) -> Option<String> {
    let mut octets = Vec::with_capacity(message.len());
    let mut rest = message;
    while let Some((length, after)) = rest.split_first() {
        let (string, after) = after.split_at_checked(usize::from(*length))?;
        octets.extend(string);
        rest = after;
    }
    Some(txt::encode_octets(&octets))
}

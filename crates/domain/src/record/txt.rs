//! TXT records: any text (RFC 1035 section 3.3.14).

use crate::fault::ValueFault;
use crate::input::typed::{ZoneLine, without_comment};
use crate::input::{OddChar, is_invisible};
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
    is_text: true,
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
pub const QUOTED: ValueNote = ValueNote::new(
    "The quotation marks are part of the text that is published. Where instructions show them \
     around a value, leave them out: edit the record, unless you want them.",
);
/// Several texts in quotation marks, as zone files write a long one.
pub const QUOTED_PARTS: ValueNote = ValueNote::new(
    "The quotation marks are part of the text that is published. Where instructions show a long \
     value in several pairs of them, join what is between them into one text without the marks: \
     edit the record, unless you want them.",
);
/// A text in parentheses and quotation marks, which was read as in a zone file.
pub const ZONE_FILE: ValueNote = ValueNote::new(
    "The value was read as in a zone file: what is in quotation marks is published as one text, \
     without the marks, the parentheses and the comment.",
);
/// A text that begins or ends with a blank.
pub const OUTER_BLANKS: ValueNote = ValueNote::new(
    "The text begins or ends with a blank, which is published too. Edit the record, unless you \
     want it.",
);
/// A text with invisible characters.
pub const INVISIBLE: ValueNote = ValueNote::new(
    "The text holds a character that cannot be seen, which is published too. Type the value by \
     hand, unless you want it.",
);
/// A DKIM key record without a key (RFC 6376 section 3.6.1).
pub const DKIM_WITHOUT_KEY: ValueNote = ValueNote::new(
    "This is a DKIM record without a key (p=), so mail servers ignore it. Enter the whole text \
     that your mail service shows.",
);

fn parse(input: &str, _: &[String]) -> Result<Parsed, ValueFault> {
    let from_zone = from_zone_file(input);
    let text = from_zone.as_deref().unwrap_or(input);
    if let Some(c) = text.chars().find(|c| c.is_control()) {
        return Err(ValueFault::ControlCharacter(OddChar::Control(c)));
    }
    let encoded = txt::encode(text);
    match encoded.len().checked_sub(txt::VALUE_MAX) {
        None | Some(0) => {
            let note = match &from_zone {
                Some(_) => Some(ZONE_FILE),
                None => note(text),
            };
            Ok(Parsed {
                text: encoded,
                notes: note.into_iter().chain(policy_note(text)).collect(),
                input: from_zone,
            })
        }
        Some(over) => Err(ValueFault::TxtTooLong { over }),
    }
}

fn note(text: &str) -> Option<ValueNote> {
    match text {
        _ if quoted_strings(text).is_some_and(|strings| strings.len() > 1) => Some(QUOTED_PARTS),
        _ if text.len() > 1 && text.starts_with('"') && text.ends_with('"') => Some(QUOTED),
        _ if text.trim() != text => Some(OUTER_BLANKS),
        _ if text.chars().any(is_invisible) => Some(INVISIBLE),
        _ => None,
    }
}

/// Returns a warning about a text that programs read.
fn policy_note(text: &str) -> Option<ValueNote> {
    let odd = text.trim().chars().filter_map(OddChar::of);
    if let Some(odd) = odd.clone().find(|odd| odd.is_lookalike())
        && is_for_programs(text)
    {
        return Some(ValueNote::about(format!(
            "Programs cannot read this text: {odd}. Edit the record."
        )));
    }
    let is_without_key =
        tag(text, "v").is_some_and(|v| v.eq_ignore_ascii_case("DKIM1")) && tag(text, "p").is_none();
    is_without_key.then_some(DKIM_WITHOUT_KEY)
}

/// Returns whether a text is for programs: it begins with a tag and `=`, as SPF, DKIM, DMARC and
/// the codes of most services do.
fn is_for_programs(text: &str) -> bool {
    let text = text.trim_start_matches(|c: char| {
        c == '"' || matches!(OddChar::of(c), Some(OddChar::Quote(_) | OddChar::Blank(_)))
    });
    text.split_once(['=', '＝']).is_some_and(|(tag, _)| {
        !tag.is_empty()
            && tag.chars().all(|c| {
                c.is_ascii_alphanumeric()
                    || matches!(c, '-' | '_' | '.')
                    || OddChar::of(c).is_some_and(OddChar::is_lookalike)
            })
    })
}

/// Returns the value of a tag in a list such as `v=DKIM1; p=…` (RFC 6376 section 3.2).
fn tag<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.split(';').find_map(|pair| {
        let (tag, value) = pair.split_once('=')?;
        (tag.trim() == name).then(|| value.trim())
    })
}

/// Reads a text as key tools write it for zone files: quoted strings in parentheses or after
/// `name IN TXT`, with a comment after them. Returns `None` for any other text.
fn from_zone_file(input: &str) -> Option<String> {
    let text = input.trim();
    let line = ZoneLine::parse(text).filter(|line| line.rtype == "TXT" && line.has_class);
    let value = match &line {
        Some(line) => line.value.as_str(),
        None => without_comment(text).trim(),
    };
    let in_parentheses = value
        .strip_prefix('(')
        .and_then(|rest| rest.strip_suffix(')'));
    let strings = match (in_parentheses, &line) {
        (Some(inner), _) => quoted_strings(inner)?,
        (None, Some(_)) => quoted_strings(value)?,
        (None, None) => return None,
    };
    String::from_utf8(strings.concat()).ok()
}

/// Decodes a text that consists of quoted strings and white space between them.
fn quoted_strings(text: &str) -> Option<Vec<Vec<u8>>> {
    let mut strings = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let mut is_escaped = false;
        let is_end = |(_, c): &(usize, char)| {
            let ends = *c == '"' && !is_escaped;
            is_escaped = *c == '\\' && !is_escaped;
            ends
        };
        let inner = rest.strip_prefix('"')?;
        let (end, _) = inner.char_indices().find(is_end)?;
        strings.push(txt::decode(&rest[..end + 2])?);
        rest = inner[end + 1..].trim_start();
    }
    Some(strings).filter(|strings| !strings.is_empty())
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

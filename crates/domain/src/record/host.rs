//! Host names as values: of CNAME and MX records, and of further types that point to a host.

use crate::fault::ValueFault;
use crate::fault::advice::{HostTexts, Wanted};
use crate::input::typed::recognize;
use crate::name_text::{absolute_name, unescape_name};
use crate::names::{HostName, LABEL_MAX, NAME_MAX};
use crate::record::spec::Codec;

/// The spellings of a host name.
pub(super) static CODEC: Codec = Codec {
    canonicalize: |text| Some(absolute_name(&unescape_name(text.trim()))),
    to_wire,
    from_wire,
};

/// Parses a host name; `texts` says what to do about other things.
pub(super) fn parse(input: &str, texts: &'static HostTexts) -> Result<String, ValueFault> {
    let host = HostName::parse(input)
        .map_err(|_| ValueFault::mistyped(recognize(input), Wanted::Host(texts)))?;
    Ok(absolute_name(host.as_str()))
}

/// Encodes a name as labels, each preceded by its length (RFC 1035 section 3.1).
fn to_wire(text: &str) -> Option<Vec<u8>> {
    let name = absolute_name(&unescape_name(text));
    if name == "." && text != "." {
        return None;
    }
    let mut message = Vec::with_capacity(name.len() + 1);
    let mut label = Vec::new();
    let mut rest = name.bytes();
    while let Some(octet) = rest.next() {
        match octet {
            b'.' if label.is_empty() && name == "." => {}
            b'.' => {
                let is_label = (1..=LABEL_MAX).contains(&label.len());
                message.push(u8::try_from(label.len()).ok().filter(|_| is_label)?);
                message.append(&mut label);
            }
            b'\\' => label.push(escaped(&mut rest)?),
            _ => label.push(octet),
        }
    }
    message.push(0);
    (message.len() <= NAME_MAX + 2).then_some(message)
}

fn escaped(rest: &mut std::str::Bytes<'_>) -> Option<u8> {
    let first = rest.next()?;
    if !first.is_ascii_digit() {
        return Some(first);
    }
    let digits = [first, rest.next()?, rest.next()?];
    std::str::from_utf8(&digits).ok()?.parse().ok()
}

fn from_wire(message: &[u8]) -> Option<String> {
    let mut name = String::new();
    let mut rest = message;
    loop {
        let (length, after) = rest.split_first()?;
        if *length == 0 {
            break;
        }
        let (label, after) = after.split_at_checked(usize::from(*length))?;
        for octet in label {
            match octet {
                b'.' | b'\\' => name.push_str(&format!("\\{octet:03}")),
                _ if octet.is_ascii_graphic() => name.push(char::from(octet.to_ascii_lowercase())),
                _ => name.push_str(&format!("\\{octet:03}")),
            }
        }
        name.push('.');
        rest = after;
    }
    Some(if name.is_empty() {
        ".".to_owned()
    } else {
        name
    })
}

//! Host names as values: of CNAME and MX records, and of further types that point to a host.

use crate::fault::ValueFault;
use crate::fault::advice::{HostTexts, Wanted};
use crate::input::typed::recognize;
use crate::name_text::{absolute_name, escaped_octet, push_octet, unescape_name};
use crate::names::{HostName, LABEL_MAX, NAME_MAX, idn};
use crate::record::note::ValueNote;
use crate::record::spec::{Codec, Parsed};

/// The longest name in a message: an octet more for the length of the first label, and one for the
/// root.
const MESSAGE_MAX: usize = NAME_MAX + 2;

/// The spellings of a host name.
pub(super) static CODEC: Codec = Codec {
    canonicalize: |text| Some(absolute_name(&unescape_name(text.trim()))),
    to_wire,
    from_wire,
};

/// Parses a host name, also one with letters beyond ASCII; `texts` says what to do about other
/// things.
pub(super) fn parse(input: &str, texts: &'static HostTexts) -> Result<Parsed, ValueFault> {
    if let Ok(host) = HostName::parse(input) {
        return Ok(Parsed::plain(absolute_name(host.as_str())));
    }
    match idn::host_to_ascii(input).map(|ascii| HostName::parse(&ascii)) {
        Some(Ok(host)) => Ok(Parsed {
            text: absolute_name(host.as_str()),
            input: Some(host.as_str().to_owned()),
            notes: vec![ValueNote::about(format!(
                "The DNS has {host} for {input}: that is how names with letters beyond a to z are \
                 written there.",
                host = host.as_str()
            ))],
        }),
        _ => Err(ValueFault::mistyped(recognize(input), Wanted::Host(texts))),
    }
}

/// Encodes a name as labels, each preceded by its length (RFC 1035 section 3.1).
fn to_wire(text: &str) -> Option<Vec<u8>> {
    let name = absolute_name(&unescape_name(text));
    if name == "." {
        return (text == ".").then(|| vec![0]);
    }
    let mut message = Vec::with_capacity(name.len() + 1);
    let mut label = Vec::new();
    let mut rest = name.as_bytes();
    while let Some((octet, after)) = rest.split_first() {
        rest = after;
        match octet {
            b'.' => {
                let is_label = (1..=LABEL_MAX).contains(&label.len());
                message.push(u8::try_from(label.len()).ok().filter(|_| is_label)?);
                message.append(&mut label);
            }
            b'\\' => {
                let (octet, after) = escaped_octet(rest)?;
                label.push(octet);
                rest = after;
            }
            _ => label.push(*octet),
        }
    }
    message.push(0);
    (message.len() <= MESSAGE_MAX).then_some(message)
}

/// Decodes labels up to the root, which ends the message.
fn from_wire(message: &[u8]) -> Option<String> {
    let (name, rest) = read_name(message)?;
    rest.is_empty().then_some(name)
}

/// Decodes a name at the beginning of a message and returns it with the rest.
pub(super) fn read_name(message: &[u8]) -> Option<(String, &[u8])> {
    let mut name = String::new();
    let mut rest = message;
    loop {
        let (length, after) = rest.split_first()?;
        let length = usize::from(*length);
        if length == 0 {
            let used = message.len() - after.len();
            return (used <= MESSAGE_MAX).then(|| (absolute_name(&name), after));
        }
        let (label, after) = after
            .split_at_checked(length)
            .filter(|_| length <= LABEL_MAX)?;
        label.iter().for_each(|octet| push_octet(*octet, &mut name));
        name.push('.');
        rest = after;
    }
}

//! Octets as hexadecimal digits, which TLSA and SSHFP records end with.

use crate::record::spec::Codec;

/// The spellings: digits in any case, with white space between them.
pub(super) static CODEC: Codec = Codec {
    canonicalize: |text| Some(hex::encode(octets(text)?)),
    to_wire: octets,
    from_wire: |octets| (!octets.is_empty()).then(|| hex::encode(octets)),
};

fn octets(text: &str) -> Option<Vec<u8>> {
    let digits: String = text.split_ascii_whitespace().collect();
    hex::decode(digits).ok().filter(|octets| !octets.is_empty())
}

/// Reads octets as programs print them: digits, also with blanks or colons between them.
pub(super) fn parse(input: &str) -> Option<Vec<u8>> {
    octets(&input.replace(':', " "))
}

//! Octets as hexadecimal digits, which TLSA and SSHFP records end with.

use crate::fault::ValueFault;
use crate::fault::advice::Wanted;
use crate::input::typed::{Typed, recognize};
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

/// Refuses a line of a zone file, as `ssh-keygen -r` prints it.
pub(super) fn check_line(input: &str) -> Result<(), ValueFault> {
    match recognize(input) {
        typed @ Typed::ZoneLine(_) => Err(ValueFault::mistyped(typed, Wanted::Digits)),
        _ => Ok(()),
    }
}

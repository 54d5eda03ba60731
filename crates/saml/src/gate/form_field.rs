//! Decodes the `SAMLResponse` form field (SAML bindings 3.5.4).

use base64::Engine;
use base64::alphabet::STANDARD as ALPHABET;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::{MAX_FIELD_LEN, MAX_RESPONSE_BYTES};
use crate::refusal::Refusal;

/// Decodes base64 with optional white space between its lines (RFC 2045 section 6.8) and optional
/// padding, then UTF-8.
pub(crate) fn decode_form_field(field: &str) -> Result<String, Refusal> {
    if field.len() > MAX_FIELD_LEN {
        return Err(Refusal::TooLarge);
    }
    let config =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let bytes = GeneralPurpose::new(&ALPHABET, config)
        .decode(without_white_space(field)?)
        .map_err(|_| Refusal::NotBase64)?;
    if bytes.len() > MAX_RESPONSE_BYTES {
        return Err(Refusal::TooLarge);
    }
    String::from_utf8(bytes).map_err(|_| Refusal::NotUtf8)
}

/// Removes line breaks, and the blanks that stand for them. A blank in place of a `+`, which a
/// sender forgot to encode in the form, is no white space: it leaves a group of four characters
/// short.
fn without_white_space(field: &str) -> Result<Vec<u8>, Refusal> {
    let blank = |c: char| matches!(c, ' ' | '\t');
    let mut base64 = Vec::with_capacity(field.len());
    for line in field.split(['\r', '\n']) {
        let pieces: Vec<&str> = line
            .split(blank)
            .filter(|piece| !piece.is_empty())
            .collect();
        if pieces.len() > 1 && pieces.iter().any(|piece| piece.len() % 4 != 0) {
            return Err(Refusal::NotBase64);
        }
        base64.extend(pieces.concat().bytes());
    }
    Ok(base64)
}

#[cfg(test)]
mod tests {
    use super::decode_form_field;
    use crate::refusal::Refusal;

    #[test]
    fn white_space_between_lines_does_not_count() {
        for field in [
            "PHg+YWJjPC94Pg==",
            "PHg+YWJjPC94Pg",
            "PHg+YWJj\nPC94Pg==",
            "PHg+YWJj\r\nPC94Pg==\r\n",
            "PHg+YWJj PC94Pg==",
            "PHg+ YWJj PC94 Pg==",
            " PHg+YWJjPC94Pg== ",
            "PHg+YWJj  \n\t PC94Pg==",
            "PHg+YWJj\tPC94Pg==",
            "PHg+YW\nJjPC94Pg==",
        ] {
            assert_eq!(
                decode_form_field(field).as_deref(),
                Ok("<x>abc</x>"),
                "{field:?}"
            );
        }
    }

    #[test]
    fn other_characters_do() {
        for field in [
            "PHg YWJjPC94Pg==",
            "PHg%2BYWJjPC94Pg==",
            "PHg YWJj\nPC94Pg==",
            "PH g+YWJjPC94Pg==",
            "PHg-YWJjPC94Pg==",
            "PHg+\u{a0}YWJjPC94Pg==",
            "PHg+\u{b}YWJjPC94Pg==",
            "PHg+YWJjPC94Pg===",
        ] {
            assert_eq!(
                decode_form_field(field),
                Err(Refusal::NotBase64),
                "{field:?}"
            );
        }
    }
}

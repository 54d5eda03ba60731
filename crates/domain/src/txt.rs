//! Conversion of TXT values between a user's text and the presentation format of RFC 1035.
//!
//! A value is one or more quoted strings of at most 255 octets (section 3.3.14), with `\DDD`
//! decimal escapes for octets outside printable ASCII (section 5.1).

/// The maximum length of a value in characters, with quotes, blanks and escapes, so that every
/// provider takes it (Route53's limit is the lowest).
pub const VALUE_MAX: usize = 4_000;
const STRING_OCTETS: usize = 255;

/// Encodes a text as quoted, escaped strings of at most 255 octets, separated by blanks. The result
/// may be longer than [`VALUE_MAX`].
pub fn encode(text: &str) -> String {
    encode_octets(text.as_bytes())
}

/// Encodes octets that need not be UTF-8, as [`encode`] does.
pub fn encode_octets(octets: &[u8]) -> String {
    let mut out = String::with_capacity(octets.len() + 2);
    let mut strings = octets.chunks(STRING_OCTETS).peekable();
    if strings.peek().is_none() {
        return "\"\"".to_owned();
    }
    for (i, string) in strings.enumerate() {
        if i > 0 {
            out.push(' ');
        }
        quote_into(string, &mut out);
    }
    out
}

/// Encodes octets as one quoted, escaped string of any length.
pub fn quote(octets: &[u8]) -> String {
    let mut out = String::with_capacity(octets.len() + 2);
    quote_into(octets, &mut out);
    out
}

fn quote_into(octets: &[u8], out: &mut String) {
    out.push('"');
    for &octet in octets {
        match octet {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            0x20..=0x7e => out.push(char::from(octet)),
            _ => out.push_str(&format!("\\{octet:03}")),
        }
    }
    out.push('"');
}

/// Decodes a presentation value into its octets, with all strings joined. Unquoted strings, as zone
/// files have them, are accepted. Returns `None` when the value is malformed.
pub fn decode(value: &str) -> Option<Vec<u8>> {
    decode_strings(value).map(|strings| strings.concat())
}

/// Decodes a presentation value into its character strings, as [`decode`] does.
pub fn decode_strings(value: &str) -> Option<Vec<Vec<u8>>> {
    let mut strings = Vec::new();
    let mut rest = value.trim_matches([' ', '\t']).bytes().peekable();
    while rest.peek().is_some() {
        let mut octets = Vec::new();
        let quoted = rest.next_if_eq(&b'"').is_some();
        loop {
            match rest.next() {
                None if quoted => return None,
                None => break,
                Some(b'"') if quoted => break,
                Some(b'"') => return None,
                Some(b' ' | b'\t') if !quoted => break,
                Some(b'\\') => octets.push(escaped(&mut rest)?),
                Some(octet) => octets.push(octet),
            }
        }
        while rest.next_if(|b| matches!(b, b' ' | b'\t')).is_some() {}
        strings.push(octets);
    }
    Some(strings)
}

fn escaped(rest: &mut std::iter::Peekable<std::str::Bytes<'_>>) -> Option<u8> {
    let first = rest.next()?;
    if !first.is_ascii_digit() {
        return Some(first);
    }
    let mut code = u32::from(first - b'0');
    for _ in 0..2 {
        let digit = rest.next().filter(u8::is_ascii_digit)?;
        code = code * 10 + u32::from(digit - b'0');
    }
    u8::try_from(code).ok()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests fail by panicking")]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn quotes_backslashes_and_non_ascii_are_escaped() {
        assert_eq!(encode(r#"a "b" \c"#), r#""a \"b\" \\c""#);
        assert_eq!(encode("€"), r#""\226\130\172""#);
        assert_eq!(encode(r"\342"), r#""\\342""#);
        assert_eq!(encode(""), r#""""#);
        assert_eq!(
            encode(&"x".repeat(256)),
            format!("\"{}\" \"x\"", "x".repeat(255))
        );
    }

    #[test]
    fn malformed_values_are_refused() {
        for value in ["\"open", "a\"b", r#""\9""#, r#""\256""#, "\"\\"] {
            assert_eq!(decode(value), None, "{value}");
        }
        assert_eq!(
            decode(r#"plain "quoted one" last"#).unwrap(),
            b"plainquoted onelast"
        );
        assert_eq!(
            decode_strings(r#""a\009" "" b"#).unwrap(),
            [&b"a\t"[..], b"", b"b"]
        );
    }

    /// Printable text, any octet, and many characters that need an escape.
    const ANY_TEXT: &str = "\\PC{0,900}|[\\x00-\\xff]{0,300}|[\\\\\"0-9 ]{0,300}";

    proptest! {
        #[test]
        fn every_text_survives_encoding_and_decoding(text in ANY_TEXT) {
            prop_assert_eq!(decode(&encode(&text)).unwrap(), text.as_bytes());
        }
    }
}

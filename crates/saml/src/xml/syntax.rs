//! Checks of XML syntax that quick-xml leaves out.

use super::XmlFault;

/// The names and values of attributes, as written.
type Attributes<'a> = Vec<(&'a [u8], &'a [u8])>;

/// Splits the attributes of a tag, or of the XML declaration, into names and values as written.
/// They must be separated by white space (XML 1.0 productions [40] and [41]), which quick-xml does
/// not check.
pub(super) fn attributes(raw: &[u8]) -> Result<Attributes<'_>, XmlFault> {
    let space = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
    let skip = |rest: &mut &[u8]| {
        let count = rest.iter().take_while(|byte| space(byte)).count();
        *rest = rest.get(count..).unwrap_or_default();
        count
    };
    let mut attributes = Vec::new();
    let mut rest = raw;
    loop {
        let spaces = skip(&mut rest);
        if rest.is_empty() {
            return Ok(attributes);
        }
        let length = rest
            .iter()
            .take_while(|byte| !space(byte) && **byte != b'=')
            .count();
        if spaces == 0 || length == 0 {
            return Err(XmlFault::NotWellFormed);
        }
        let (name, after) = rest.split_at_checked(length).unwrap_or_default();
        rest = after;
        skip(&mut rest);
        rest = rest.strip_prefix(b"=").ok_or(XmlFault::NotWellFormed)?;
        skip(&mut rest);
        let (quote, tail) = rest.split_first().ok_or(XmlFault::NotWellFormed)?;
        if !matches!(quote, b'"' | b'\'') {
            return Err(XmlFault::NotWellFormed);
        }
        let end = tail
            .iter()
            .position(|byte| byte == quote)
            .ok_or(XmlFault::NotWellFormed)?;
        let (value, after) = tail.split_at_checked(end).unwrap_or_default();
        attributes.push((name, value));
        rest = after.get(1..).unwrap_or_default();
    }
}

/// Requires an absolute URI without references as a namespace name: quick-xml compares it as
/// written, libxml2 after expanding references, and canonicalization fails on a relative URI or on
/// one that libxml2 cannot parse. Some libraries then sign and verify an empty text.
pub(super) fn check_namespace_value(key: &[u8], value: &str) -> Result<(), XmlFault> {
    // Only the default namespace can be undeclared (Namespaces in XML 1.0, section 2.2).
    if (value.is_empty() && key == b"xmlns") || is_absolute_uri(value) {
        Ok(())
    } else {
        Err(XmlFault::Namespace)
    }
}

/// Whether the text is a URI with a scheme (RFC 3986 section 3), in the characters that every
/// parser of URIs accepts: no brackets, at most one `#`, and `%` only before two hex digits.
fn is_absolute_uri(value: &str) -> bool {
    let Some((scheme, rest)) = value.split_once(':') else {
        return false;
    };
    let scheme_fits = scheme
        .bytes()
        .next()
        .is_some_and(|byte| byte.is_ascii_alphabetic())
        && scheme
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'));
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/?#@!$()*+,;=%".contains(&byte);
    let escaped = rest.split('%').skip(1).all(|after| {
        after.len() >= 2 && after.bytes().take(2).all(|byte| byte.is_ascii_hexdigit())
    });
    scheme_fits
        && !rest.is_empty()
        && rest.bytes().all(plain)
        && escaped
        && rest.matches('#').count() <= 1
}

/// Allows letters, digits, `_`, `-`, `.` and at most one colon, which is all that the known
/// documents use.
pub(super) fn check_name(name: &[u8]) -> Result<(), XmlFault> {
    let part = |part: &[u8]| {
        part.first()
            .is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'_')
            && part
                .iter()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'))
    };
    let mut parts = name.split(|byte| *byte == b':');
    let fits =
        parts.next().is_some_and(part) && parts.next().is_none_or(part) && parts.next().is_none();
    if fits {
        Ok(())
    } else {
        Err(XmlFault::NotWellFormed)
    }
}

/// A character by XML 1.0 production [2].
pub(super) fn is_xml_char(c: char) -> bool {
    matches!(
        c,
        '\t' | '\n' | '\r' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..
    )
}

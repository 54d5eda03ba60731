//! Names in presentation format (RFC 1035 section 5.1).

/// Returns the name in lower case with a trailing dot. A name without the dot is relative to the
/// zone in a zone file.
pub fn absolute_name(name: &str) -> String {
    let mut name = name.trim_end_matches('.').to_ascii_lowercase();
    name.push('.');
    name
}

/// Returns the name in lower case and without a trailing dot, in its only canonical spelling: an
/// escape is decoded, but dots within a label, octets that do not print, and the characters that
/// end or group words in a zone file (`"`, `;`, parentheses, backslashes) are escaped, so that two
/// different names never become equal. A backslash that begins no escape stands for itself.
pub fn unescape_name(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut rest = name.as_bytes();
    while let Some((octet, after)) = rest.split_first() {
        rest = after;
        match octet {
            b'.' => out.push('.'),
            b'\\' => {
                let (octet, after) = escaped_octet(after).unwrap_or((b'\\', after));
                push_octet(octet, &mut out);
                rest = after;
            }
            _ => push_octet(*octet, &mut out),
        }
    }
    if out.ends_with('.') {
        out.pop();
    }
    out
}

/// Appends an octet of a label in lower case, escaped where it must be.
pub(crate) fn push_octet(octet: u8, name: &mut String) {
    if octet.is_ascii_graphic() && !matches!(octet, b'.' | b'\\' | b'"' | b';' | b'(' | b')') {
        name.push(char::from(octet.to_ascii_lowercase()));
    } else {
        name.push_str(&format!("\\{octet:03}"));
    }
}

/// Decodes the escape after a backslash (`\DDD`, or `\X` for a character that is no digit), and
/// returns the octet with the rest.
pub(crate) fn escaped_octet(text: &[u8]) -> Option<(u8, &[u8])> {
    let (first, rest) = text.split_first()?;
    if !first.is_ascii_digit() {
        return Some((*first, rest));
    }
    let (digits, rest) = text.split_first_chunk::<3>()?;
    let code = digits.iter().try_fold(0, |code, digit| {
        let is_digit = digit.is_ascii_digit();
        is_digit.then(|| code * 10 + u32::from(digit - b'0'))
    })?;
    Some((u8::try_from(code).ok()?, rest))
}

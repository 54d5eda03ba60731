//! Names in presentation format (RFC 1035 section 5.1).

/// Returns the name in lower case with a trailing dot. A name without the dot is relative to the
/// zone in a zone file.
pub fn absolute_name(name: &str) -> String {
    let mut name = name.trim_end_matches('.').to_ascii_lowercase();
    name.push('.');
    name
}

/// Returns the name in lower case, without a trailing dot and with its `\DDD` escapes decoded. An
/// escaped dot, backslash or non-printable octet stays escaped, so that two different names never
/// become equal.
pub fn unescape_name(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut rest = name.strip_suffix('.').unwrap_or(name);
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let tail = &rest[at..];
        match escaped_octet(tail) {
            Some(octet) if octet.is_ascii_graphic() && !matches!(octet, b'.' | b'\\') => {
                out.push(char::from(octet));
                rest = &tail[4..];
            }
            _ => {
                let length = if tail.starts_with("\\\\") { 2 } else { 1 };
                out.push_str(&tail[..length]);
                rest = &tail[length..];
            }
        }
    }
    out.push_str(rest);
    out.make_ascii_lowercase();
    out
}

/// Decodes a `\DDD` escape at the start of the text.
fn escaped_octet(text: &str) -> Option<u8> {
    let digits = text.strip_prefix('\\')?.get(..3)?;
    let is_number = digits.bytes().all(|digit| digit.is_ascii_digit());
    digits.parse().ok().filter(|_| is_number)
}

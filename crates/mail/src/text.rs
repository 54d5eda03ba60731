//! Text from elsewhere, made safe for a header field or a line of the body.

/// Joins the text to one line, so that it can neither add a header field (RFC 5322 section 2.2)
/// nor imitate a line of the body. Drops invisible characters and trims white space.
pub(crate) fn one_line(text: &str) -> String {
    let flat = |c: char| {
        if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') {
            ' '
        } else {
            c
        }
    };
    text.chars()
        .filter(|c| !is_invisible(*c))
        .map(flat)
        .collect::<String>()
        .trim()
        .to_owned()
}

/// Zero-width characters and those that change the direction of text.
fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{200b}'
            | '\u{200e}'
            | '\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{2069}'
            | '\u{feff}'
    )
}

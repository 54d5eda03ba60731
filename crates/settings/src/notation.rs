//! Finds notation around a value that is not part of it: quotes, `NAME=` before it, and characters
//! that no editor shows. [`crate::reader::Reader`] applies this to every setting, so that no parser
//! has to.

use crate::spec::SpecList;

/// Quotes that `docker run --env-file`, list entries of stack files and word processors leave
/// around a value.
const QUOTES: &[(char, char)] = &[
    ('"', '"'),
    ('\'', '\''),
    ('`', '`'),
    ('\u{201c}', '\u{201d}'),
    ('\u{2018}', '\u{2019}'),
];

/// Zero-width characters that are pasted along with a value.
const INVISIBLE: &[char] = &[
    '\u{200b}', '\u{200e}', '\u{200f}', '\u{2060}', '\u{feff}', '\u{ad}',
];

/// Removes white space and invisible characters from both ends.
pub(crate) fn trim(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || INVISIBLE.contains(&c))
}

/// Removes invisible characters from both ends, and leaves blanks, which a password may have.
pub(crate) fn trim_invisible(text: &str) -> &str {
    text.trim_matches(INVISIBLE)
}

/// Returns what the value has around or inside it that does not belong there. The advice does not
/// repeat the value.
pub(crate) fn fault(specs: SpecList, name: &str, value: &str) -> Option<String> {
    let value = trim(value);
    if let Some(prefix) = assignment(specs, name, value) {
        return Some(format!(
            "begins with {prefix}, which is part of the value here; store only what follows it"
        ));
    }
    if let Some(quote) = quote(value) {
        return Some(format!(
            "has quotes ({quote}) around the value, which are part of it here; remove them \
             (`docker run --env-file` and list entries of a stack file keep quotes)"
        ));
    }
    let hidden = value.chars().find(|c| INVISIBLE.contains(c))?;
    Some(format!(
        "contains an invisible character (U+{:04X}), perhaps pasted along; type the value again",
        u32::from(hidden)
    ))
}

/// Returns `NAME=` (or `NAME:`, as in YAML) when the value begins with a setting's name.
fn assignment(specs: SpecList, name: &str, value: &str) -> Option<String> {
    let bare = value.strip_prefix("export ").unwrap_or(value);
    let named = |separator| {
        let (before, _) = bare.split_once(separator)?;
        specs.find(before.trim_end())
    };
    if let Some(spec) = named('=') {
        return Some(format!("{}=", spec.name));
    }
    named(':')
        .filter(|spec| spec.name == name)
        .map(|spec| format!("{}:", spec.name))
}

/// Returns the quote that is at both ends of the value and nowhere inside, or the only double quote
/// of the value when it is at one end.
fn quote(value: &str) -> Option<char> {
    let mut inner = value.chars();
    let first = inner.next()?;
    let last = inner.next_back().unwrap_or(first);
    let is_pair = QUOTES.contains(&(first, last)) && !inner.as_str().contains([first, last]);
    let is_half = value.matches('"').count() == 1 && (first == '"' || last == '"');
    match (is_pair, is_half) {
        (_, true) => Some('"'),
        (true, false) => Some(first),
        (false, false) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::groups::SPECS;

    #[test]
    fn quotes_inside_a_name_are_part_of_it() {
        for name in [
            "\"A\" and \"B\"",
            "The \"Blue\" School",
            "'s-Hertogenbosch",
            "The Students'",
            "O'Neill",
        ] {
            assert_eq!(fault(SPECS, "APP_NAME", name), None, "{name}");
        }
        for value in ["", "\"\"", "\"a", "a\"", "'a'", "\u{201c}a\u{201d}", "`a`"] {
            assert_eq!(
                fault(SPECS, "APP_NAME", value).is_some(),
                !value.is_empty(),
                "{value}"
            );
        }
    }

    #[test]
    fn an_equals_sign_after_another_word_is_part_of_the_value() {
        for value in ["a=b", "port=8080", "MY_PORT=1", "=", "PORT"] {
            assert_eq!(fault(SPECS, "APP_NAME", value), None, "{value}");
        }
        for value in ["PORT=8080", "export PORT=1", "PORT = 1", "APP_NAME: School"] {
            assert!(fault(SPECS, "APP_NAME", value).is_some(), "{value}");
        }
    }
}

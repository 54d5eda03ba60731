//! Parses env files: `NAME=value` lines, `#` comments, an optional `export`, single quotes (no
//! escapes) and double quotes (`\n`, `\"`, `\\`, `\$`), either over several lines. Variables in
//! values are not expanded.
//!
//! The crate dotenvy is not used. Its errors contain the text of the line, which may be a secret,
//! and a column but no line number. It expands `$NAME` from the environment, refuses unquoted
//! values with blanks, and does not report names that are set twice.

use std::collections::BTreeMap;

/// The contents of an env file.
#[derive(Debug, Default)]
pub(crate) struct EnvFile {
    /// The variables; of a name that is set twice, the last value.
    pub(crate) variables: BTreeMap<String, String>,
    /// Names that are set more than once, with the number of the line that is used.
    pub(crate) duplicates: BTreeMap<String, usize>,
    /// Faults with their line number, without any text of the line.
    pub(crate) faults: Vec<String>,
}

/// Parses the text of an env file. After a faulty line the others are still parsed.
pub(crate) fn parse(text: &str) -> EnvFile {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut read = EnvFile::default();
    let mut lines = text.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        // White space at the end may be part of a value in quotes.
        let line = line.trim_start();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let line = line.strip_prefix("export ").unwrap_or(line);
        let Some((name, rest)) = line.split_once('=') else {
            read.faults
                .push(format!("line {} has no `=`; write NAME=value", number + 1));
            continue;
        };
        let name = name.trim();
        if !is_variable_name(name) {
            read.faults.push(format!(
                "line {}: the text before `=` is not a variable name",
                number + 1
            ));
            continue;
        }
        let rest = rest.trim_start();
        let value = match rest.chars().next() {
            Some(quote @ ('"' | '\'')) => {
                let more = lines.by_ref().map(|(_, line)| line);
                let Some(value) = quoted(quote, &rest[1..], more) else {
                    read.faults
                        .push(format!("line {}: the quote is never closed", number + 1));
                    break;
                };
                value
            }
            _ => before_comment(rest.trim_end()).to_owned(),
        };
        if read.variables.insert(name.to_owned(), value).is_some() {
            read.duplicates.insert(name.to_owned(), number + 1);
        }
    }
    read
}

fn is_variable_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn before_comment(text: &str) -> &str {
    if text.starts_with('#') {
        return "";
    }
    text.split_once(" #")
        .map_or(text, |(value, _)| value.trim_end())
}

/// Returns the text up to the closing quote, reading further lines from `more`. Returns `None` if
/// the quote is never closed.
fn quoted<'a>(
    quote: char,
    first: &'a str,
    mut more: impl Iterator<Item = &'a str>,
) -> Option<String> {
    let mut value = String::new();
    let mut line = first;
    loop {
        let mut chars = line.chars();
        while let Some(c) = chars.next() {
            match c {
                c if c == quote => return Some(value),
                '\\' if quote == '"' => match chars.next() {
                    Some('n') => value.push('\n'),
                    Some(c @ ('"' | '\\' | '$')) => value.push(c),
                    Some(other) => value.extend(['\\', other]),
                    None => value.push('\\'),
                },
                c => value.push(c),
            }
        }
        line = more.next()?;
        value.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_notations_are_parsed() {
        let text = "\u{feff}# a comment\r\nPORT = 8080\r\nexport APP_NAME=\"My \
            \\\"Domain\\\"\"\nEMPTY=\nSCHOOL_NAME=A #1 # said\n\
                    RAW='a\\n$b # c'\nWIDE=' a  \n b '\nNONE=# \
            nothing\nHASH=a#b\nPEM=\"-----BEGIN-----\nabc\n-----END-----\"\nLAST=1";
        let read = parse(text).variables;
        let value = |name: &str| read[name].as_str();
        assert_eq!(value("PORT"), "8080");
        assert_eq!(value("APP_NAME"), "My \"Domain\"");
        assert_eq!(value("EMPTY"), "");
        assert_eq!(value("SCHOOL_NAME"), "A");
        assert_eq!(value("RAW"), "a\\n$b # c");
        assert_eq!(value("WIDE"), " a  \n b ");
        assert_eq!(value("NONE"), "");
        assert_eq!(value("HASH"), "a#b");
        assert_eq!(value("PEM"), "-----BEGIN-----\nabc\n-----END-----");
        assert_eq!(value("LAST"), "1");
    }

    #[test]
    fn faults_contain_the_line_number_and_not_the_text() {
        for (text, line) in [
            ("A=1\nhunter2", "line 2"),
            ("hunter 2=x", "line 1"),
            ("A=1\n\nB=\"hunter2", "line 3"),
        ] {
            let fault = parse(text).faults.concat();
            assert!(fault.contains(line) && !fault.contains("hunter"), "{fault}");
        }
        let read = parse("A\nB=1\nC");
        assert_eq!(
            read.faults,
            [
                "line 1 has no `=`; write NAME=value",
                "line 3 has no `=`; write NAME=value"
            ]
        );
        assert_eq!(read.variables["B"], "1", "the other lines are parsed");
    }

    #[test]
    fn the_last_of_two_values_is_used_and_reported() {
        let read = parse("PORT=1\nA=\nPORT=2\n");
        assert_eq!(
            (read.variables["PORT"].as_str(), read.duplicates),
            ("2", [("PORT".to_owned(), 3)].into())
        );
    }
}

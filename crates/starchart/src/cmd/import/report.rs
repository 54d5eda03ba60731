//! Formats the report of an import as text.

use std::fmt::Write as _;

use starchart_domain::plural::pluralize;
use starchart_store::import::{Counts, Report, Topic};

/// The maximum of lines of a list on the screen.
const SHOWN: usize = 20;

/// The length of a report.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Length {
    /// Only the beginning of each list.
    Short,
    /// All lines of each list.
    Whole,
}

/// Formats the counts, then the lines about single rows by topic.
pub(super) fn text(report: &Report, length: Length) -> String {
    let mut out = numbers(&report.counts);
    let topics = report.by_topic();
    for &topic in Topic::ALL {
        let Some(lines) = topics.get(&topic) else {
            continue;
        };
        let shown = if length == Length::Whole {
            lines.len()
        } else {
            SHOWN
        };
        let _ = write!(out, "\n{} ({})\n", topic.title(), lines.len());
        for line in lines.iter().take(shown) {
            let _ = writeln!(out, "  {}", printable(line));
        }
        if lines.len() > shown {
            let _ = writeln!(
                out,
                "  … and {} more (--report FILE writes them all)",
                lines.len() - shown
            );
        }
    }
    out
}

/// Escapes control characters in user input, which a terminal would interpret.
fn printable(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    for letter in line.chars() {
        match letter {
            ' '..='~' => out.push(letter),
            _ => out.extend(letter.escape_debug()),
        }
    }
    out
}

fn numbers(counts: &Counts) -> String {
    let Counts {
        users,
        new_users,
        records,
        new_records,
        certificates,
        new_certificates,
        ..
    } = counts;
    let user = |count: &usize| pluralize(*count, "user", "users");
    let record = |count: &usize| pluralize(*count, "record", "records");
    let mut out = format!(
        "The original has {}, {}, {}.\nNew here: {}, {}, {}.\n",
        user(users),
        record(records),
        pluralize(
            *certificates,
            "certificate or request for one",
            "certificates and requests for one"
        ),
        user(new_users),
        record(new_records),
        pluralize(*new_certificates, "certificate", "certificates"),
    );
    for (count, one, many) in [
        (
            counts.done,
            "row was dealt with by an import before",
            "rows were dealt with by an import before",
        ),
        (
            counts.ended_certificates,
            "certificate has ended and is not kept",
            "certificates have ended and are not kept",
        ),
        (
            counts.failed_requests,
            "request for a certificate had failed and is not kept",
            "requests for a certificate had failed and are not kept",
        ),
    ] {
        if count > 0 {
            let _ = writeln!(out, "{}.", pluralize(count, one, many));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use starchart_store::import::{Line, Report, Topic};

    use super::{Length, text};

    #[test]
    fn what_a_terminal_would_obey_is_shown_by_its_number() {
        let typed = "#1 TXT \u{1b}[2J\r\n\"Zoë\" \\ \u{202e}".to_owned();
        let report = Report {
            lines: vec![Line {
                topic: Topic::Rule,
                text: typed,
            }],
            ..Report::default()
        };
        let printed = text(&report, Length::Whole);
        assert!(
            printed.ends_with("  #1 TXT \\u{1b}[2J\\r\\n\"Zoë\" \\ \\u{202e}\n"),
            "{printed:?}"
        );
    }
}

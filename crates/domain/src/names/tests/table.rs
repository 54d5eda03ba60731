//! The table of names.

use super::{base, owned};
use crate::names::idn;
use crate::record::RecordType;

/// The fewest rows of the table.
const ROWS: usize = 150;

/// Repeats a text: `<x*3>` stands for `xxx`.
fn expand(text: &str) -> String {
    let Some((before, rest)) = text.split_once('<') else {
        return text.to_owned();
    };
    let (repeated, after) = rest.split_once('>').unwrap();
    let (text, count) = repeated.rsplit_once('*').unwrap();
    format!("{before}{}{after}", text.repeat(count.parse().unwrap()))
}

#[test]
fn each_name_of_the_table_is_taken_or_refused() {
    let table = include_str!("names.txt");
    let lines: Vec<&str> = table
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .collect();
    assert!(lines.len() >= ROWS, "{}", lines.len());
    let mut wrong = Vec::new();
    for line in lines {
        let [rtype, typed, result] = line.split(" | ").collect::<Vec<_>>()[..] else {
            panic!("{line}");
        };
        let rtype = RecordType::parse(rtype).unwrap();
        let found = match owned(&expand(typed), rtype) {
            Ok(fqdn) => match base().relative(&fqdn).unwrap() {
                "" => "= @".to_owned(),
                relative => format!("= {relative}"),
            },
            Err(fault) => format!("! {fault}"),
        };
        let is_right = match result.strip_prefix("! ") {
            Some(text) => found.starts_with('!') && found.contains(text),
            None => found == expand(result),
        };
        if !is_right {
            wrong.push(format!("{line}\n    {found}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn names_are_shown_with_their_letters() {
    for (name, shown) in [
        (
            "xn--bcher-kva.user1.starchart.com",
            Some("bücher.user1.starchart.com"),
        ),
        (
            "*.xn--bcher-kva.user1.starchart.com",
            Some("*.bücher.user1.starchart.com"),
        ),
        ("_dmarc.xn--80a1acny", Some("_dmarc.почта")),
        ("www.user1.starchart.com", None),
        // People take it for another name.
        ("xn--80ak6aa92e.user1.starchart.com", None),
        ("xn--a.user1.starchart.com", None),
    ] {
        assert_eq!(idn::to_unicode(name).as_deref(), shown, "{name}");
        if let Some((shown, _)) = shown.and_then(|shown| shown.split_once(".user1.")) {
            let fqdn = owned(shown, RecordType::A).unwrap();
            assert_eq!(fqdn, name);
        }
    }
}

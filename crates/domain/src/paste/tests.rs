#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

mod corpus;

use proptest::prelude::*;

use super::*;
use crate::fault::Field;
use crate::names::{Label, RootDomain};
use crate::ttl::TtlLimits;

fn base() -> BaseDomain {
    RootDomain::parse("school.example")
        .unwrap()
        .base(&Label::parse("user1").unwrap())
}

#[test]
fn questions_come_with_what_may_have_been_meant() {
    for (text, field, options) in [
        (
            "www.user1 A 203.0.113.1",
            Field::Name,
            &["www", "www.user1"][..],
        ),
        ("user1 A 203.0.113.1", Field::Name, &["@", "user1"]),
        (
            "www.example.org A 203.0.113.1",
            Field::Name,
            &["www", "www.example.org"],
        ),
        ("www.example.org. A 203.0.113.1", Field::Name, &["www"]),
        ("example.org. A 203.0.113.1", Field::Name, &["@"]),
        ("A 203.0.113.1", Field::Name, &["@"]),
        ("3600 A 203.0.113.1", Field::Name, &["@", "3600"]),
        (
            "www CNAME blog",
            Field::Value,
            &["blog.user1.school.example"],
        ),
        (
            "www CNAME blog.user1",
            Field::Value,
            &[
                "blog.user1.school.example",
                "blog.user1.user1.school.example",
                "blog.user1",
            ],
        ),
        (
            "www CNAME web.dc1",
            Field::Value,
            &["web.dc1.user1.school.example", "web.dc1"],
        ),
        ("code TXT abc ; def", Field::Value, &["abc ; def", "abc"]),
        ("code TXT \"abc", Field::Value, &["abc"]),
        ("www.user1.school.example. TXT", Field::Value, &[]),
    ] {
        let paste = read(text, &base());
        let doubts = paste.records.iter().flat_map(|record| &record.doubts);
        let question = doubts
            .filter(|doubt| doubt.is_question())
            .find(|d| d.field == field);
        let found: Vec<&str> = question
            .iter()
            .flat_map(|doubt| doubt.options.iter().map(String::as_str))
            .collect();
        assert_eq!(found, options, "{text}");
    }
}

#[test]
fn comments_above_and_after_a_record_belong_to_it() {
    let text = "; about nothing\n\n; one\n; two\nwww A 203.0.113.1 ; three\nblog A 203.0.113.2";
    let paste = read(text, &base());
    let comments: Vec<&[String]> = paste
        .records
        .iter()
        .map(|r| r.comments.as_slice())
        .collect();
    assert_eq!(
        comments,
        [&["one", "two", "three"].map(str::to_owned)[..], &[]]
    );
}

#[test]
fn a_ttl_out_of_the_limits_is_changed_with_a_remark() {
    let limits = TtlLimits::default();
    for (typed, form, remark) in [
        ("60", "1 minute", None),
        ("1d", "1 day", None),
        ("", "", None),
        (
            "5",
            "1 minute",
            Some("5 seconds is not allowed here: 1 minute, the shortest"),
        ),
        ("0", "1 minute", Some("0 seconds is not allowed")),
        (
            "2w",
            "1 day",
            Some("14 days is not allowed here: 1 day, the longest"),
        ),
        ("2147483647", "1 day", Some("the longest")),
    ] {
        let text = format!("www {typed} IN A 203.0.113.1");
        let mut record = read(&text, &base()).records.remove(0);
        record.limit_ttl(&limits);
        assert_eq!(record.form.ttl, form, "{text}");
        let doubts: Vec<String> = record.doubts.iter().map(|d| d.kind.to_string()).collect();
        assert_eq!(doubts.len(), usize::from(remark.is_some()), "{doubts:?}");
        assert!(
            doubts.iter().all(|doubt| doubt.contains(remark.unwrap())),
            "{doubts:?}"
        );
        assert!(!record.has_question(), "{text}");
    }
}

#[test]
fn a_text_is_read_within_limits() {
    let limits = Limits {
        lines: 3,
        records: 2,
    };
    let text = "a A 203.0.113.1\nb A 203.0.113.2\nc A 203.0.113.3\nd A 203.0.113.4\n";
    let paste = read_up_to(limits, text, &base());
    assert_eq!(paste.records.len(), 2);
    let lines: Vec<usize> = paste.unread.iter().map(|unread| unread.line).collect();
    assert_eq!(lines, [3, 4]);
    assert_eq!(paste.unread[0].reason, Unread::TooMany(limits));

    // One cell with several addresses is several records.
    let text = "a A 203.0.113.1, 203.0.113.2, 203.0.113.3\n";
    let paste = read_up_to(limits, text, &base());
    assert_eq!(paste.records.len(), 2);
    assert_eq!(
        paste.unread.len(),
        1,
        "the rest is told: {:?}",
        paste.unread
    );
    assert_eq!(paste.unread[0].reason, Unread::TooMany(limits));
}

/// Words of records, and what separates them.
const WORD: &str = "www|@|IN|A|TXT|MX|SRV|CNAME|10|300|203\\.0\\.113\\.1|mail\\.example\\.com\\.?|\
                    \"|\\(|\\)|;|\n|\t|: |Type|Name|Value|,|\\|";

proptest! {
    #[test]
    fn any_text_is_read_without_a_panic(text in "(\\PC|[\t\n\"();:|,$@\\\\]){0,120}") {
        read(&text, &base());
    }

    #[test]
    fn words_of_records_in_any_order_are_read_without_a_panic(
        words in proptest::collection::vec(
            WORD,
            0..30,
        ),
        gap in " |  |\t|",
    ) {
        read(&words.join(&gap), &base());
    }
}

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;
use crate::names::{Label, RootDomain};
use crate::record::RecordForm;
use crate::ttl::{Ttl, TtlChoice, TtlLimits};
use crate::txt;
use crate::words::WordFilter;

/// Parsed once for thousands of records.
static WORDS: LazyLock<WordFilter> = LazyLock::new(WordFilter::built_in);

fn base() -> BaseDomain {
    RootDomain::parse("school.example")
        .unwrap()
        .base(&Label::parse("user1").unwrap())
}

fn compare(text: &str, current: &[ZoneRecord]) -> ZoneDiff {
    diff(text, &base(), &WORDS, &TtlLimits::default(), current)
}

fn record(name: &str, rtype: RecordType, presentation: &str) -> ZoneRecord {
    ZoneRecord {
        name: name.to_owned(),
        rtype,
        presentation: presentation.to_owned(),
        ttl: Ttl::DEFAULT,
        notes: Notes::default(),
        expires: None,
    }
}

fn seconds(seconds: u32) -> Ttl {
    Ttl::from_seconds(seconds).unwrap()
}

fn current() -> Vec<ZoneRecord> {
    let mut records = vec![
        record(
            "user1.school.example",
            RecordType::Mx,
            "10 mail.example.com.",
        ),
        record("user1.school.example", RecordType::Txt, "\"v=spf1 -all\""),
        record("www.user1.school.example", RecordType::A, "203.0.113.1"),
        record("www.user1.school.example", RecordType::A, "203.0.113.2"),
    ];
    records[2].notes.course = Some("Web 1".to_owned());
    records
}

/// Writes what a diff does, for tables.
fn summary(diff: &ZoneDiff, current: &[ZoneRecord]) -> Vec<String> {
    let shown = |at: usize| format!("{} {}", current[at].rtype, current[at].presentation);
    let new = |record: &crate::record::NewRecord| {
        let ttl = match record.ttl {
            TtlChoice::Set(ttl) => format!(" for {ttl}"),
            TtlChoice::KeepOr(_) | TtlChoice::ForNew(_) => String::new(),
        };
        format!(
            "{} {} {}{ttl}",
            record.name.fqdn(),
            record.value.rtype(),
            record.value.presentation()
        )
    };
    let mut lines = Vec::new();
    lines.extend(diff.create.iter().map(|c| format!("+ {}", new(&c.record))));
    let changes = diff.change.iter();
    lines.extend(changes.map(|c| format!("{} > {}", shown(c.at), new(&c.record))));
    lines.extend(diff.delete.iter().map(|at| format!("- {}", shown(*at))));
    lines.extend(diff.faulty.iter().map(|f| format!("! {}", f.line)));
    lines
}

#[test]
fn a_zone_file_is_written_for_people_and_programs() {
    let mut records = current();
    records[2].notes.description = Some("Über die Seite\nsecond line".to_owned());
    records[2].expires = Some("2027-02-28".to_owned());
    records.push(record("old.school.example", RecordType::A, "203.0.113.3"));
    records[1].ttl = seconds(86_400);
    assert_eq!(
        write(&base(), "The records of user1.school.example", &records),
        "; The records of user1.school.example\n\
         $ORIGIN user1.school.example.\n\
         \n\
         @ 300 IN MX 10 mail.example.com.\n\
         \n\
         @ 86400 IN TXT \"v=spf1 -all\"\n\
         \n\
         ; Course: Web 1\n\
         ; Description: Über die Seite\n\
         ; | second line\n\
         ; Expires: 2027-02-28\n\
         www 300 IN A 203.0.113.1\n\
         \n\
         www 300 IN A 203.0.113.2\n\
         \n\
         old.school.example. 300 IN A 203.0.113.3\n"
    );
    assert!(compare(&write(&base(), "again", &records), &records).is_empty());
}

#[test]
fn differences_are_found() {
    let file = write(&base(), "", &current());
    for (from, to, expected) in [
        ("www 300 IN A 203.0.113.2\n", "", &["- A 203.0.113.2"][..]),
        (
            "www 300 IN A 203.0.113.2\n",
            "www 300 IN A 203.0.113.9\n",
            &["A 203.0.113.2 > www.user1.school.example A 203.0.113.9"],
        ),
        (
            "www 300 IN A 203.0.113.2\n",
            "www IN A 203.0.113.2\nwww IN A 203.0.113.9\n",
            &["+ www.user1.school.example A 203.0.113.9"],
        ),
        (
            "www 300 IN A 203.0.113.2\n",
            "web IN A 203.0.113.2\n",
            &[
                "+ web.user1.school.example A 203.0.113.2",
                "- A 203.0.113.2",
            ],
        ),
        (
            "Course: Web 1",
            "Course: Web 2",
            &["A 203.0.113.1 > www.user1.school.example A 203.0.113.1"],
        ),
        // A comment that is left out says nothing about the note.
        ("; Course: Web 1\n", "", &[]),
        ("\"v=spf1 -all\"", "\"v=spf1\" \" -all\"", &[]),
        (
            "www 300 IN A 203.0.113.2\n",
            "WWW.User1.School.Example. 5m A 203.0.113.2\n",
            &[],
        ),
        (
            "@ 300 IN MX 10 mail.example.com.\n",
            "@ 300 IN MX 10 mail\n",
            &["MX 10 mail.example.com. > user1.school.example MX 10 mail.user1.school.example."],
        ),
        (
            "www 300 IN A 203.0.113.2\n",
            "www IN A 203.0.113.256\n",
            &["- A 203.0.113.2", "! 11"],
        ),
        (
            "www 300 IN A 203.0.113.2\n",
            "www.example.org. IN A 203.0.113.2\n",
            &["- A 203.0.113.2", "! 11"],
        ),
    ] {
        let changed = file.replace(from, to);
        assert_ne!(changed, file, "{from}");
        let diff = compare(&changed, &current());
        assert_eq!(
            summary(&diff, &current()),
            expected,
            "{from} to {to}\n{changed}"
        );
    }
}

#[test]
fn a_ttl_is_compared_and_belongs_to_the_whole_rrset() {
    let file = write(&base(), "", &current());
    let (one, other) = ("www 300 IN A 203.0.113.1\n", "www 300 IN A 203.0.113.2\n");
    let both_for = |ttl: &str| {
        vec![
            format!("A 203.0.113.1 > www.user1.school.example A 203.0.113.1 for {ttl}"),
            format!("A 203.0.113.2 > www.user1.school.example A 203.0.113.2 for {ttl}"),
        ]
    };
    let kept = |value: &str| vec![format!("+ www.user1.school.example A {value}")];
    let unchanged = Vec::new;
    for (changes, expected, remarks) in [
        // Without a TTL, and with the same one in other words.
        (&[(one, "www IN A 203.0.113.1\n")][..], unchanged(), 0),
        (&[(one, "www 5m IN A 203.0.113.1\n")], unchanged(), 0),
        (
            &[
                (one, "www 1h IN A 203.0.113.1\n"),
                (other, "www 3600 A 203.0.113.2\n"),
            ],
            both_for("1 hour"),
            0,
        ),
        // One line without a TTL takes that of the others.
        (
            &[
                (one, "www IN A 203.0.113.1\n"),
                (other, "www 3600 IN A 203.0.113.2\n"),
            ],
            both_for("1 hour").split_off(1),
            0,
        ),
        // Two TTLs in one RRset: the lowest, with one remark, also if that is the present one.
        (
            &[(one, "www 1m IN A 203.0.113.1\n")],
            both_for("1 minute"),
            1,
        ),
        (
            &[(other, "www 1h IN A 203.0.113.2\n")],
            vec!["A 203.0.113.1 > www.user1.school.example A 203.0.113.1".to_owned()],
            1,
        ),
        // Out of the limits.
        (
            &[
                (one, "www 30 IN A 203.0.113.1\n"),
                (other, "www 30 IN A 203.0.113.2\n"),
            ],
            both_for("1 minute"),
            2,
        ),
        (
            &[(
                other,
                "www 300 IN A 203.0.113.2\nwww 300 IN A 203.0.113.3\n",
            )],
            kept("203.0.113.3"),
            0,
        ),
    ] {
        let mut text = file.clone();
        for (from, to) in changes {
            assert!(text.contains(from), "{from}");
            text = text.replace(from, to);
        }
        let diff = compare(&text, &current());
        assert_eq!(summary(&diff, &current()), expected, "{text}");
        let changed = diff.change.iter().flat_map(|changed| &changed.doubts);
        let created = diff.create.iter().flat_map(|created| &created.doubts);
        let found: Vec<String> = changed
            .chain(created)
            .map(|doubt| doubt.kind.to_string())
            .collect();
        assert_eq!(found.len(), remarks, "{found:?}\n{text}");
    }
}

#[test]
fn a_ttl_from_before_the_limits_stays() {
    let mut records = current();
    records[0].ttl = seconds(30);
    let file = write(&base(), "", &records);
    assert!(compare(&file, &records).is_empty(), "{file}");
    // Also when something else of the record is changed.
    let text = file.replace("10 mail.example.com.", "20 mail.example.com.");
    let diff = compare(&text, &records);
    assert_eq!(
        summary(&diff, &records),
        ["MX 10 mail.example.com. > user1.school.example MX 20 mail.example.com."]
    );
}

#[test]
fn notes_keep_every_character() {
    for note in [
        "a\\b \\u{20}",
        "two\n\n  lines | here\n",
        "| begins with a mark",
        "no\u{a0}break, line\u{2028}separator",
        "Course: of another note",
        "; semicolon \"quotation\"",
        "😀 👩‍💻",
    ] {
        let mut one = record("www.user1.school.example", RecordType::A, "203.0.113.1");
        one.notes = Notes {
            ports: Some("80".to_owned()),
            course: None,
            description: Some(crate::input::clean_note(note)),
        };
        let file = write(&base(), "", std::slice::from_ref(&one));
        let diff = compare(&file, std::slice::from_ref(&one));
        assert!(
            diff.is_empty(),
            "{note:?}\n{file}\n{:?}",
            summary(&diff, &[one])
        );
    }
}

/// A record of any type: the example in its guide, or values of some types.
fn any_record() -> impl Strategy<Value = ZoneRecord> {
    let name = "(@|[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?(\\.[a-z]{1,6}){0,2})";
    let host = "[a-z][a-z0-9]{0,9}\\.[a-z]{2,8}(\\.)?";
    let text = "[ -~]{1,300}|\\PC{1,80}|[\\\\\";() ]{1,40}";
    let with =
        |rtype: &'static str, value: BoxedStrategy<String>, parts: BoxedStrategy<Vec<String>>| {
            (value, parts)
                .prop_map(move |(value, parts)| (rtype, value, parts))
                .boxed()
        };
    let none = || Just(Vec::new()).boxed();
    let number = || any::<u16>().prop_map(|n| n.to_string());
    let examples: Vec<BoxedStrategy<(&'static str, String, Vec<String>)>> = RecordType::ALL
        .iter()
        .map(|rtype| {
            let guide = &rtype.spec().guide;
            let value = guide.value.replace("{base}", "example.org");
            let parts = guide.parts.iter().map(|part| (*part).to_owned()).collect();
            Just((rtype.as_str(), value, parts)).boxed()
        })
        .collect();
    let value = prop_oneof![
        2 => with("A", any::<std::net::Ipv4Addr>().prop_map(|a| a.to_string()).boxed(), none()),
        2 => with("AAAA", any::<std::net::Ipv6Addr>().prop_map(|a| a.to_string()).boxed(), none()),
        2 => with("CNAME", host.boxed(), none()),
        2 => with("MX", host.boxed(), number().prop_map(|n| vec![n]).boxed()),
        4 => with("TXT", text.boxed(), none()),
        2 => with("SRV", host.boxed(), [number(), number(), number()].prop_map(Vec::from).boxed()),
        3 => proptest::strategy::Union::new(examples).boxed(),
    ];
    let note = || proptest::option::of("\\PC{0,30}|[ -~\n]{0,60}");
    (name, value, [note(), note(), note()]).prop_filter_map(
        "not a valid record",
        |(name, (rtype, input, parts), [ports, course, description])| {
            let rtype = RecordType::parse(rtype)?;
            let fields = rtype.spec().parts.iter().map(|part| part.name);
            let name = match (rtype, name.as_str()) {
                (RecordType::Srv, "@") => "_sip._tcp".to_owned(),
                (RecordType::Srv, name) => format!("_sip._tcp.{name}"),
                (_, name) => name.to_owned(),
            };
            let form = RecordForm {
                name,
                rtype: rtype.as_str().to_owned(),
                input,
                parts: fields.zip(parts).collect(),
                ttl: String::new(),
                ports: ports.unwrap_or_default(),
                course: course.unwrap_or_default(),
                description: description.unwrap_or_default(),
            };
            let new = form.check(&base(), &WORDS, &TtlLimits::default()).ok()?;
            Some(ZoneRecord {
                name: new.name.fqdn().to_owned(),
                rtype,
                presentation: new.value.presentation().to_owned(),
                ttl: Ttl::DEFAULT,
                notes: Notes {
                    ports: new.ports,
                    course: new.course,
                    description: new.description,
                },
                expires: Some("2027-02-28".to_owned()),
            })
        },
    )
}

fn any_zone() -> impl Strategy<Value = Vec<ZoneRecord>> {
    let ttl = prop_oneof![Just(300), 60_u32..=86_400];
    proptest::collection::vec((any_record(), ttl), 0..8).prop_map(|drawn| {
        // The database has each value once, and each RRset has one TTL.
        let mut known = std::collections::BTreeSet::new();
        let mut ttls = std::collections::BTreeMap::new();
        let mut records = Vec::new();
        for (mut record, ttl) in drawn {
            let rrset = (record.name.clone(), record.rtype);
            record.ttl = seconds(*ttls.entry(rrset.clone()).or_insert(ttl));
            if known.insert((rrset, record.presentation.clone())) {
                records.push(record);
            }
        }
        records
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn reading_back_what_was_written_changes_nothing(records in any_zone()) {
        let file = write(&base(), "The records", &records);
        let diff = compare(&file, &records);
        prop_assert!(diff.is_empty(), "{:#?}\n{file}", summary(&diff, &records));
        prop_assert_eq!(diff.unchanged.len(), records.len());
    }

}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn reading_into_an_empty_account_creates_the_same_records(records in any_zone()) {
        let file = write(&base(), "The records", &records);
        let created = compare(&file, &[]);
        prop_assert!(created.faulty.is_empty(), "{:#?}\n{file}", created.faulty);
        prop_assert_eq!(created.create.len(), records.len());
        for (created, record) in created.create.iter().zip(&records) {
            prop_assert_eq!(created.record.name.fqdn(), &record.name);
            prop_assert_eq!(created.record.value.presentation(), &record.presentation, "{}", file);
            prop_assert_eq!(&created.record.description, &record.notes.description, "{}", file);
            prop_assert_eq!(created.record.ttl, TtlChoice::Set(record.ttl), "{}", file);
        }
    }
}

#[test]
fn texts_that_look_like_parts_of_a_page_stay_as_they_are() {
    for text in [
        "/Ip:",
        "Type: A",
        "Type,Name,Value",
        "|type|name|value|ttl|host|content|data|target|",
        "a  b",
        "-> x",
        "has address 203.0.113.1",
        "x # y // z",
    ] {
        let presentation = txt::encode(text);
        let one = record("user1.school.example", RecordType::Txt, &presentation);
        let file = write(&base(), "", std::slice::from_ref(&one));
        let same = compare(&file, std::slice::from_ref(&one));
        assert!(same.is_empty(), "{text}: {:?}", same.faulty);
        let created = compare(&file, &[]);
        assert_eq!(created.create.len(), 1, "{text}: {:?}", created.faulty);
        assert_eq!(created.create[0].record.value.presentation(), presentation);
    }
}

#[test]
fn octets_that_are_no_text_stay_as_they_are() {
    let odd = record(
        "www.user1.school.example",
        RecordType::Txt,
        &txt::encode_octets(&[200, 0]),
    );
    let file = write(&base(), "", std::slice::from_ref(&odd));
    assert!(compare(&file, &[odd]).is_empty(), "{file}");
}

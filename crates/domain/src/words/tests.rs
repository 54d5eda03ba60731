#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use super::*;
use crate::names::Label;

const HARMLESS: &str = include_str!("../../data/harmless-names.txt");
const SLURS: &str = include_str!("../../data/slurs.txt");

/// How many names a list must have at least, so that the tests mean something.
const MIN_HARMLESS: usize = 400;
const MIN_SLURS: usize = 60;
const MACHINE_NAMES: usize = 2_000;

#[test]
fn harmless_names_pass() {
    let filter = WordFilter::built_in();
    let names = names(HARMLESS);
    assert!(names.len() >= MIN_HARMLESS, "{} names", names.len());
    let refused: Vec<_> = names
        .iter()
        .filter_map(|name| filter.find_in(name).map(|found| (name, found)))
        .collect();
    assert!(refused.is_empty(), "{refused:?}");
}

#[test]
fn slurs_are_refused() {
    let filter = WordFilter::built_in();
    let names = names(SLURS);
    assert!(names.len() >= MIN_SLURS, "{} names", names.len());
    let passed: Vec<_> = names
        .iter()
        .filter(|name| filter.find_in(name).is_none())
        .collect();
    assert!(passed.is_empty(), "{passed:?}");
}

#[test]
fn the_word_is_named_as_it_is_spelled() {
    let filter = WordFilter::built_in();
    for (name, word) in [
        ("my-sh1t.www", Some("sh1t")),
        ("a.fuck13", Some("fuck13")),
        ("x.f.u.c.k", None),
        ("www.f-u-c-k", Some("f-u-c-k")),
        ("cock", Some("cock")),
        ("cock.pea", Some("cock")),
        ("pea-cock-cock", Some("cock")),
        // A service dictates such labels.
        ("_fuck", None),
        ("_dick.www", None),
        ("_f-u-c-k", None),
        ("dick._domainkey", Some("dick")),
        ("fag", Some("fag")),
        ("f4g", None),
    ] {
        let found = filter.find_in(name).map(|found| found.spelled);
        assert_eq!(found.as_deref(), word, "{name}");
    }
}

#[test]
fn the_lists_are_sorted_and_every_line_is_an_entry() {
    for &kind in ListKind::ALL {
        let text = kind.built_in();
        let words: Vec<&str> = names(text);
        assert!(words.is_sorted_by(|one, other| one < other), "{kind:?}");
        let mut lists = NameLists::built_in();
        assert_eq!(lists.replace(kind, text), Ok(()), "{kind:?}");
        let entries: Vec<&str> = lists.entries(kind).collect();
        assert_eq!(entries, words, "{kind:?}: as it is written");
    }
}

/// What an admin enters: the entry that is stored, or a part of the answer.
#[test]
fn an_entry_is_read_or_answered() {
    use ListKind::{Allowed, Refused, Reserved};
    for (kind, text, expected) in [
        (Refused, " Darn\u{200b} ", Ok("darn")),
        (Refused, "BÜCHER", Ok("bücher")),
        (Refused, "bu\u{308}cher", Ok("bücher")),
        (Refused, "ﬁsh", Ok("fish")),
        (Refused, "сосо", Ok("сосо")),
        (Refused, "d\u{430}rn", Err("letters of several scripts")),
        (Refused, "да\u{4e00}р", Err("letters of several scripts")),
        (
            Allowed,
            "moby-d\u{456}ck",
            Err("letters of several scripts"),
        ),
        (Refused, "", Err("enter a word")),
        (Refused, " \t", Err("enter a word")),
        (Refused, "two words", Err("enter one word at a time")),
        (Refused, "two-words", Err("- _ and . separate words")),
        (Refused, "two_words", Err("- _ and . separate words")),
        (Refused, "two.words", Err("- _ and . separate words")),
        (Refused, "d4rn", Err("enter “darn”")),
        (Refused, "darn13", Err("enter “darn”")),
        (Refused, "d2rn", Err("enter a word of letters")),
        (Refused, "1488", Err("is a number")),
        (Refused, "ab", Err("too short")),
        (Refused, "da*rn", Err("no name contains “*”")),
        (Refused, "<b>", Err("no name contains “<”")),
        (Refused, &"x".repeat(64), Err("longer than any name")),
        (Refused, &"x".repeat(5_000), Err("longer than any name")),
        (Allowed, "Moby-Dick", Ok("moby-dick")),
        (Allowed, "route-66", Ok("route-66")),
        (Allowed, "dick", Ok("dick")),
        (Allowed, "", Err("enter a word")),
        (Allowed, "moby dick", Err("with -: moby-dick")),
        (Allowed, "moby_dick", Err("with one - each")),
        (Allowed, "moby--dick", Err("with one - each")),
        (Allowed, "-dick", Err("with one - each")),
        (Allowed, "d1ck", Err("enter “dick”")),
        (Reserved, " Library ", Ok("library")),
        (Reserved, "mta-sts", Ok("mta-sts")),
        (Reserved, "", Err("enter a label")),
        (Reserved, "two words", Err("is no label")),
        (Reserved, "a.b", Err("is no label")),
        (Reserved, "_dmarc", Err("is no label")),
        (Reserved, "bücher", Err("is no label")),
        (Reserved, "-x", Err("is no label")),
        (Reserved, &"x".repeat(64), Err("is no label")),
    ] {
        let read = kind.parse_entry(text).map_err(|fault| fault.to_string());
        match (&read, expected) {
            (Ok(entry), Ok(expected)) => assert_eq!(entry, expected, "{kind:?} {text}"),
            (Err(fault), Err(part)) => assert!(fault.contains(part), "{kind:?} {text}: {fault}"),
            _ => panic!("{kind:?} {text}: {read:?}"),
        }
    }
}

#[test]
fn a_file_with_faulty_lines_names_each_and_replaces_nothing() {
    let mut lists = NameLists::built_in();
    let before = lists.clone();
    let faults = lists.replace(ListKind::Refused, "# one\r\ndarn\r\ntwo words\r\n\r\n42");
    let faults: Vec<String> = faults
        .unwrap_err()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert!(faults[0].starts_with("line 3: “two words” has a blank"));
    assert!(faults[1].starts_with("line 5: “42” is a number") && faults.len() == 2);
    assert_eq!(lists, before);
    assert_eq!(
        lists.replace(ListKind::Refused, "# one\r\nDarn\r\n"),
        Ok(())
    );
    assert_eq!(lists.source(ListKind::Refused), Source::File);
    assert_eq!(lists.source(ListKind::Allowed), Source::BuiltIn);
    let rules = NameRules::new(&lists, [], None);
    assert!(rules.words.find_in("my-darn").is_some());
    assert_eq!(rules.words.find_in("my-shit"), None, "the file replaces");
}

/// What admins add holds before what the lists say; what is found names its list.
#[test]
fn entries_of_admins_hold_before_the_lists() {
    use ListKind::{Allowed, Refused, Reserved};
    let mut lists = NameLists::built_in();
    lists.replace(Allowed, "moby-dick\nprick").unwrap();
    let added = [
        (Allowed, "bastard"),
        (Allowed, "dear-bitch"),
        (Refused, "darn"),
        (Refused, "prick"),
        (Refused, "дурак"),
        (Refused, "dead"),
        (Reserved, "library"),
    ];
    let rules = NameRules::new(&lists, added, None);
    for (name, expected) in [
        ("my-shit", Some(("shit", "shit", Source::BuiltIn))),
        ("my-sh1t7", Some(("sh1t7", "shit", Source::BuiltIn))),
        ("my-darn", Some(("darn", "darn", Source::Admin))),
        ("d4rn", Some(("d4rn", "darn", Source::Admin))),
        ("d-a-r-n", Some(("d-a-r-n", "darn", Source::Admin))),
        ("darned", None),
        ("_darn", None),
        ("bastard", None),
        ("b4st4rd2", None),
        ("moby-dick", None),
        ("dear_bitch", None),
        ("bitch-dear", Some(("bitch", "bitch", Source::BuiltIn))),
        ("prick", Some(("prick", "prick", Source::Admin))),
        ("дурак", Some(("дурак", "дурак", Source::Admin))),
        ("д.у.р.а.к", Some(("д.у.р.а.к", "дурак", Source::Admin))),
        ("dead-end", Some(("dead", "dead", Source::Admin))),
        // A UUID is no text.
        ("0f5c1b2a-dead-4c3d-8e4f-5a6b7c8d9e0f", None),
        (
            "0f5c1b2a-dead-4c3d-8e4f-5a6b7c8d9e0",
            Some(("dead", "dead", Source::Admin)),
        ),
    ] {
        let found = rules.words.find_in(name);
        let found = found.as_ref().map(|found| {
            let Found {
                spelled,
                word,
                source,
            } = found;
            (spelled.as_str(), word.as_str(), *source)
        });
        assert_eq!(found, expected, "{name}");
    }
    assert_eq!(
        rules.words.list_harmless("my-moby-dick.www"),
        [("dick".to_owned(), "moby-dick".to_owned())]
    );
    for (entry, is_allowed) in [
        ("moby-dick", true),
        ("bastard", true),
        ("dear-bitch", true),
        ("prick", false),
        ("moby", false),
    ] {
        assert_eq!(rules.words.allows(entry), is_allowed, "{entry}");
    }
    for (label, source) in [
        ("library", Some(Source::Admin)),
        ("www", Some(Source::BuiltIn)),
        ("ns7", Some(Source::BuiltIn)),
        ("nsx", None),
        ("libraries", None),
    ] {
        let label = Label::parse(label).unwrap();
        assert_eq!(rules.reserved.find(&label), source, "{label}");
    }
}

/// The lines of a list without comments.
fn names(list: &str) -> Vec<&str> {
    let lines = list.lines().map(str::trim);
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.collect()
}

/// A generator of pseudo-random numbers (xorshift), the same in each run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % (limit as u64)).unwrap_or_default()
    }

    fn text(&mut self, alphabet: &str, length: usize) -> String {
        let letters = alphabet.as_bytes();
        let pick = |_| char::from(letters[self.below(letters.len())]);
        (0..length).map(pick).collect()
    }
}

/// Names as machines and services make them.
#[test]
fn names_of_machines_pass() {
    const HEX: &str = "0123456789abcdef";
    const BASE32: &str = "abcdefghijklmnopqrstuvwxyz234567";
    const ALNUM: &str = "abcdefghijklmnopqrstuvwxyz0123456789";
    let filter = WordFilter::built_in();
    let mut random = Random(0x5eed_5eed_5eed_5eed);
    for number in 0..MACHINE_NAMES {
        let name = match number % 8 {
            0 => format!("_{}", random.text(HEX, 32)),
            1 => random.text(HEX, 40),
            2 => [8, 4, 4, 4, 12]
                .map(|length| random.text(HEX, length))
                .join("-"),
            3 => random.text(BASE32, 26),
            4 => format!("web-{}-{}", random.text(ALNUM, 10), random.text(ALNUM, 5)),
            5 => format!(
                "ip-10-{}-{}-{}",
                random.below(256),
                random.below(256),
                random.below(256)
            ),
            6 => format!("s{}._domainkey", random.text(ALNUM, 8)),
            _ => format!(
                "host-{}{}",
                random.text("bcdfghjklmnpqrstvwxz", 3),
                random.below(1_000)
            ),
        };
        assert_eq!(filter.find_in(&name), None, "{name}");
    }
}

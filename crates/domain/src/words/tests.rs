use std::collections::BTreeSet;

use super::*;

const HARMLESS: &str = include_str!("../../data/harmless-names.txt");
const SLURS: &str = include_str!("../../data/slurs.txt");

/// How many names a list must have at least, so that the tests mean something.
const MIN_HARMLESS: usize = 400;
const MIN_SLURS: usize = 60;
const MACHINE_NAMES: usize = 2_000;

#[test]
fn harmless_names_pass() {
    let filter = WordFilter::built_in();
    let names: BTreeSet<&str> = entries(HARMLESS).collect();
    assert!(names.len() >= MIN_HARMLESS, "{} names", names.len());
    let refused: Vec<_> = names
        .iter()
        .filter_map(|name| filter.find_in(name).map(|word| (name, word)))
        .collect();
    assert!(refused.is_empty(), "{refused:?}");
}

#[test]
fn slurs_are_refused() {
    let filter = WordFilter::built_in();
    let names: BTreeSet<&str> = entries(SLURS).collect();
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
        assert_eq!(filter.find_in(name).as_deref(), word, "{name}");
    }
}

#[test]
fn the_lists_are_sorted_and_in_lower_case() {
    for list in [REFUSED, ALLOWED] {
        let words: Vec<&str> = entries(list).collect();
        assert!(words.is_sorted_by(|one, other| one < other));
        let is_plain = |c: char| c.is_ascii_lowercase() || c == '-';
        assert!(words.iter().all(|word| word.chars().all(is_plain)));
    }
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

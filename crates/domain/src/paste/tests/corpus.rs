//! The texts of `data/paste`, each with the records that have to be read from it.
//!
//! A block begins with `>>>` and a title. The text follows, up to a line `<<<`, and then what is to
//! be read from it for the user of `user1.school.example`: a line for each record,
//! `name type value` with `?` for a field that is asked about, then ` ~ ` and the codes of its
//! doubts and its TTL; a line `! number reason` for each line that is no record. `<U+200B>` in the
//! text stands for the character.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use super::base;
use crate::fault::Field;
use crate::paste::{Doubt, Paste, PastedRecord, read};
use crate::record::RecordType;
use crate::ttl::TtlLimits;
use crate::words::WordFilter;

static WORDS: LazyLock<WordFilter> = LazyLock::new(WordFilter::built_in);

const FILES: [&str; 5] = [
    include_str!("../../../data/paste/hosts.txt"),
    include_str!("../../../data/paste/layouts.txt"),
    include_str!("../../../data/paste/names.txt"),
    include_str!("../../../data/paste/types.txt"),
    include_str!("../../../data/paste/values.txt"),
];

/// The fewest texts that the corpus has.
const TEXTS_MIN: usize = 200;
/// How many of a hundred texts have to be read right.
const RIGHT_MIN_PERCENT: usize = 95;

struct Block<'a> {
    title: &'a str,
    text: String,
    expected: Vec<&'a str>,
}

fn blocks(file: &str) -> impl Iterator<Item = Block<'_>> {
    file.split("\n>>> ").skip(1).map(|block| {
        let (title, rest) = block.split_once('\n').unwrap();
        let (text, expected) = rest.split_once("\n<<<").unwrap();
        Block {
            title,
            text: with_characters(text),
            expected: expected.lines().filter(|line| !line.is_empty()).collect(),
        }
    })
}

fn with_characters(text: &str) -> String {
    let mut pieces = text.split("<U+");
    let mut out = pieces.next().unwrap().to_owned();
    for piece in pieces {
        let (code, rest) = piece.split_once('>').unwrap();
        out.push(char::from_u32(u32::from_str_radix(code, 16).unwrap()).unwrap());
        out.push_str(rest);
    }
    out
}

/// Writes a record as the corpus has it, without its doubts.
fn fields(record: &PastedRecord) -> String {
    let form = &record.form;
    let or_asked = |text: &str| if text.is_empty() { "?" } else { text }.to_owned();
    let parts = RecordType::parse(&form.rtype)
        .map_or(&[][..], |rtype| rtype.spec().parts)
        .iter()
        .filter_map(|part| form.parts.get(part.name));
    let all: Vec<String> = match form.rtype.as_str() {
        "" => form.parts.values().cloned().collect(),
        _ => parts.cloned().collect(),
    };
    let value: Vec<String> = all.into_iter().chain([or_asked(&form.input)]).collect();
    [or_asked(&form.name), or_asked(&form.rtype), value.join(" ")].join(" ")
}

fn line(record: &PastedRecord) -> String {
    let ttl = record.ttl.map(|ttl| format!("ttl={}", ttl.as_seconds()));
    let doubts = record
        .doubts
        .iter()
        .map(|doubt| doubt.kind.code().to_owned());
    let codes: BTreeSet<String> = doubts.chain(ttl).collect();
    match codes.is_empty() {
        true => fields(record),
        false => {
            let codes: Vec<String> = codes.into_iter().collect();
            format!("{} ~ {}", fields(record), codes.join(" "))
        }
    }
}

fn lines(paste: &Paste) -> Vec<String> {
    let unread = paste.unread.iter();
    let unread = unread.map(|line| format!("! {} {}", line.line, line.reason.code()));
    paste.records.iter().map(line).chain(unread).collect()
}

/// Sorts the codes at the end of an expected line.
fn sorted(line: &str) -> String {
    match line.rsplit_once(" ~ ") {
        None => line.to_owned(),
        Some((fields, codes)) => {
            let codes: BTreeSet<&str> = codes.split(' ').collect();
            format!(
                "{fields} ~ {}",
                codes.into_iter().collect::<Vec<_>>().join(" ")
            )
        }
    }
}

/// Returns whether a record would be saved although the text does not mean it, without a word.
fn is_silently_wrong(record: &PastedRecord, expected: &[&str]) -> bool {
    let meant = expected.iter().any(|line| {
        let line = line.rsplit_once(" ~ ").map_or(*line, |(fields, _)| fields);
        line == fields(record)
    });
    let is_valid = record
        .form
        .check(&base(), &WORDS, &TtlLimits::default())
        .is_ok();
    // A doubt about the name does not excuse a wrong value.
    let value = fields(record);
    let value = value.split_once(' ').unwrap().1;
    let is_value_meant = expected.iter().any(|line| {
        let line = line.rsplit_once(" ~ ").map_or(*line, |(fields, _)| fields);
        line.split_once(' ')
            .is_some_and(|(_, meant)| meant == value)
    });
    let about_name = |doubt: &Doubt| doubt.field == Field::Name;
    let is_excused = match is_value_meant {
        true => record.doubts.iter().any(about_name),
        false => record.doubts.iter().any(|doubt| !about_name(doubt)),
    };
    !meant && !is_excused && is_valid
}

#[test]
#[expect(clippy::print_stdout, reason = "prints the figures")]
fn the_corpus_is_read_right() {
    let mut count = 0;
    let mut records = 0;
    let mut wrong = Vec::new();
    let mut silent = Vec::new();
    for block in FILES.into_iter().flat_map(blocks) {
        count += 1;
        let paste = read(&block.text, &base());
        records += paste.records.len();
        let found = lines(&paste);
        let with_other_ends = read(&block.text.replace('\n', "\r\n"), &base());
        assert_eq!(lines(&with_other_ends), found, "{}: line ends", block.title);
        if found
            != block
                .expected
                .iter()
                .map(|line| sorted(line))
                .collect::<Vec<_>>()
        {
            wrong.push(format!(
                "{}\n  expected {:#?}\n  found    {found:#?}",
                block.title, block.expected
            ));
        }
        let unmeant = paste
            .records
            .iter()
            .filter(|r| is_silently_wrong(r, &block.expected));
        silent.extend(unmeant.map(|record| format!("{}: {}", block.title, line(record))));
    }
    let right = count - wrong.len();
    println!(
        "{count} texts with {records} records: {right} read right ({} %), {} records silently \
         wrong\n{}",
        right * 100 / count,
        silent.len(),
        wrong.join("\n")
    );
    assert_eq!(silent, Vec::<String>::new(), "read wrong without a doubt");
    assert!(count >= TEXTS_MIN, "{count} texts");
    assert!(
        right * 100 >= count * RIGHT_MIN_PERCENT,
        "{right} of {count} read right"
    );
}

#[test]
fn a_record_that_is_asked_about_fails_the_check() {
    for block in FILES.into_iter().flat_map(blocks) {
        for record in read(&block.text, &base()).records {
            let is_asked = record.has_question();
            let passes = record
                .form
                .check(&base(), &WORDS, &TtlLimits::default())
                .is_ok();
            assert!(!(is_asked && passes), "{}: {}", block.title, line(&record));
        }
    }
}

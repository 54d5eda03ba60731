//! The table of values, and hickory as a second opinion on what is accepted.

use hickory_proto::rr::{RData, RecordType as WireType};
use hickory_proto::serialize::binary::BinEncodable as _;

use super::{base, name_for};
use crate::fault::Field;
use crate::record::{RecordForm, RecordType};
use crate::ttl::TtlLimits;
use crate::words::WordFilter;

/// The fewest rows of the table and of each type in it.
const ROWS: usize = 250;
const ROWS_OF_TYPE: usize = 12;

/// One line of the table.
struct Row<'a> {
    rtype: RecordType,
    form: RecordForm,
    result: &'a str,
}

fn rows(table: &str) -> Vec<(&str, Row<'_>)> {
    let lines = table
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| (line, parse(line))).collect()
}

fn parse(line: &str) -> Row<'_> {
    let (before, result) = line.rsplit_once(" | ").unwrap();
    let [rtype, parts, input] = before.splitn(3, " |").collect::<Vec<_>>()[..] else {
        panic!("{line}");
    };
    let rtype = RecordType::parse(rtype).unwrap();
    let texts = parts.split_whitespace().map(|part| match part {
        "-" => String::new(),
        _ => part.to_owned(),
    });
    let names = rtype.spec().parts.iter().map(|part| part.name);
    assert_eq!(texts.clone().count(), names.len(), "{line}");
    let form = RecordForm {
        name: name_for(rtype.as_str()).into(),
        rtype: rtype.as_str().into(),
        input: expand(input.strip_prefix(' ').unwrap()),
        parts: names.zip(texts).collect(),
        ..RecordForm::default()
    };
    Row {
        rtype,
        form,
        result,
    }
}

/// Repeats a text: `<x*3>` stands for `xxx`.
fn expand(text: &str) -> String {
    let Some((before, rest)) = text.split_once('<') else {
        return text.to_owned();
    };
    let (repeated, after) = rest.split_once('>').unwrap();
    let (text, count) = repeated.rsplit_once('*').unwrap();
    format!(
        "{before}{}{}",
        text.repeat(count.parse().unwrap()),
        expand(after)
    )
}

fn name_of(field: Field) -> &'static str {
    match field {
        Field::Part(name) => name,
        Field::Value => "Value",
        _ => "another field",
    }
}

#[test]
fn each_value_of_the_table_is_taken_or_refused() {
    let table = include_str!("values.txt");
    let rows = rows(table);
    assert!(rows.len() >= ROWS, "{}", rows.len());
    for rtype in RecordType::ALL {
        let count = rows.iter().filter(|(_, row)| row.rtype == *rtype).count();
        assert!(count >= ROWS_OF_TYPE, "{rtype} {count}");
    }
    let mut wrong = Vec::new();
    for (line, row) in rows {
        let found = match row
            .form
            .check(&base(), &WordFilter::built_in(), &TtlLimits::default())
        {
            Ok(record) => {
                check_spellings(row.rtype, record.value.presentation());
                format!("= {}", record.value.presentation())
            }
            Err(faults) => {
                let [(field, fault)] = &faults[..] else {
                    panic!("{line}: {faults:?}");
                };
                format!("! {}: {fault}", name_of(*field))
            }
        };
        let is_right = match row.result.split_once(": ") {
            _ if row.result == "ok" => found.starts_with('='),
            Some((field, text)) if field.starts_with('!') => {
                found.starts_with(field) && found.contains(text)
            }
            _ => found == expand(row.result),
        };
        if !is_right {
            wrong.push(format!("{line}\n    {found}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Checks that a presentation is canonical and that a message gives it back, also one that hickory
/// has written.
pub(super) fn check_spellings(rtype: RecordType, text: &str) {
    let spec = rtype.spec();
    assert_eq!(spec.canonicalize(text).as_deref(), Some(text));
    let message = spec.to_wire(text).unwrap();
    assert_eq!(spec.from_wire(&message).as_deref(), Some(text));
    let theirs = read_by_hickory(rtype, &message);
    assert_eq!(theirs.to_bytes().unwrap(), message, "{rtype} {text}");
    if let Some(theirs) = parse_by_hickory(rtype, text) {
        assert_eq!(theirs.to_bytes().unwrap(), message, "{rtype} {text}");
    }
}

/// Decodes the RDATA as a program does that looks the record up.
fn read_by_hickory(rtype: RecordType, message: &[u8]) -> RData {
    use hickory_proto::serialize::binary::{BinDecodable as _, BinDecoder};
    let length = u16::try_from(message.len()).unwrap().to_be_bytes();
    let head = [
        &[0][..],
        &rtype.spec().code.to_be_bytes(),
        &[0, 1, 0, 0, 0, 60],
        &length,
        message,
    ];
    let record = head.concat();
    let mut decoder = BinDecoder::new(&record);
    hickory_proto::rr::Record::<RData>::read(&mut decoder)
        .unwrap_or_else(|error| panic!("{rtype} {message:?}: {error}"))
        .data
}

/// Parses a line of a zone file; `None` for what hickory's parser does not know.
fn parse_by_hickory(rtype: RecordType, text: &str) -> Option<RData> {
    // Numbers after a backslash, underscores inside labels, and parameters with a number.
    if text.contains(['\\', '_']) || text.contains(" key") {
        return None;
    }
    let wire_type = WireType::from(rtype.spec().code);
    Some(RData::try_from_str(wire_type, text).unwrap_or_else(|e| panic!("{rtype} {text}: {e}")))
}

//! What `starchart_domain::zone_file` writes, read by hickory's parser of zone files.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use std::collections::BTreeSet;
use std::str::FromStr as _;

use hickory_proto::rr::Name;
use hickory_proto::serialize::binary::{BinEncodable as _, BinEncoder};
use hickory_proto::serialize::txt::Parser;
use proptest::prelude::*;
use starchart_domain::names::{BaseDomain, Label, RootDomain};
use starchart_domain::record::{RecordForm, RecordType};
use starchart_domain::ttl::TtlLimits;
use starchart_domain::words::WordFilter;
use starchart_domain::zone_file::{Notes, ZoneRecord, write};

fn base() -> BaseDomain {
    let root = RootDomain::parse("school.example").unwrap();
    root.base(&Label::parse("user1").unwrap())
}

/// A record with the example of its type's guide, or with this text.
fn record(number: usize, rtype: RecordType, text: Option<&str>, note: &str) -> ZoneRecord {
    let guide = &rtype.spec().guide;
    let parts = rtype.spec().parts.iter().map(|part| part.name);
    let texts = guide.parts.iter().map(|text| (*text).to_owned());
    let form = RecordForm {
        name: match guide.name {
            "@" => format!("n{number}"),
            name => format!("{name}{number}"),
        },
        rtype: rtype.as_str().to_owned(),
        input: text.map_or_else(
            || guide.value.replace("{base}", "example.org"),
            str::to_owned,
        ),
        parts: parts.zip(texts).collect(),
        description: note.to_owned(),
        ..RecordForm::default()
    };
    let new = form
        .check(&base(), &WordFilter::built_in(), &TtlLimits::default())
        .unwrap();
    ZoneRecord {
        name: new.name.fqdn().to_owned(),
        rtype,
        presentation: new.value.presentation().to_owned(),
        ttl: new.ttl.beside(None),
        notes: Notes {
            description: new.description,
            ..Notes::default()
        },
        expires: Some("2027-02-28".to_owned()),
    }
}

/// Returns name, type and RDATA of every record that hickory reads.
fn read_by_hickory(file: &str) -> BTreeSet<(String, u16, Vec<u8>)> {
    let (_, sets) = Parser::new(file, None, Some(Name::from_str("example.").unwrap()))
        .parse()
        .unwrap_or_else(|error| panic!("{error}\n{file}"));
    let records = sets.values().flat_map(|set| set.records_without_rrsigs());
    records
        .map(|record| {
            let mut octets = Vec::new();
            record.data.emit(&mut BinEncoder::new(&mut octets)).unwrap();
            let name = record.name.to_lowercase().to_string();
            (name, record.record_type().into(), octets)
        })
        .collect()
}

fn written(records: &[ZoneRecord]) -> BTreeSet<(String, u16, Vec<u8>)> {
    let wire = |record: &ZoneRecord| {
        let spec = record.rtype.spec();
        let octets = spec.to_wire(&record.presentation).unwrap();
        (format!("{}.", record.name), spec.code, octets)
    };
    records.iter().map(wire).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn another_parser_reads_the_same_records(
        texts in proptest::collection::vec("[!-~][ -~]{0,300}", 1..6),
        note in "[ -~\n]{0,60}|\\PC{0,20}",
    ) {
        let mut records: Vec<ZoneRecord> = RecordType::ALL
            .iter()
            .enumerate()
            .map(|(number, rtype)| record(number, *rtype, None, &note))
            .collect();
        for (number, text) in texts.iter().enumerate() {
            records.push(record(100 + number, RecordType::Txt, Some(text), &note));
        }
        let file = write(&base(), "The records", &records);
        prop_assert_eq!(read_by_hickory(&file), written(&records), "{}", file);
    }
}

//! What holds for every type in the list.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::base;
use crate::fault::Fault;
use crate::names::NAME_MAX;
use crate::record::spec::PartWire;
use crate::record::{RecordForm, RecordType, form_parts, value_hint};
use crate::ttl::TtlLimits;
use crate::words::WordFilter;

/// The stylesheet has a rule for this many types.
const STYLED_TYPES: usize = 12;

#[test]
fn every_type_has_its_own_mnemonic_number_and_title() {
    let specs = || RecordType::ALL.iter().map(|rtype| rtype.spec());
    let count = RecordType::ALL.len();
    assert_eq!(
        specs()
            .map(|spec| spec.mnemonic)
            .collect::<BTreeSet<_>>()
            .len(),
        count
    );
    assert_eq!(
        specs().map(|spec| spec.code).collect::<BTreeSet<_>>().len(),
        count
    );
    assert_eq!(
        specs()
            .map(|spec| spec.title)
            .collect::<BTreeSet<_>>()
            .len(),
        count
    );
    assert!(count <= STYLED_TYPES, "app.css needs another rule");
    for rtype in RecordType::ALL {
        assert_eq!(RecordType::parse(rtype.as_str()), Some(*rtype));
        // `type VARCHAR(10)` in the database.
        assert!(rtype.as_str().len() <= 10);
    }
}

#[test]
fn the_guides_policy_allows_every_type() {
    let guide = include_str!("../../../../../docs/deployment.md");
    let line = guide
        .lines()
        .find(|line| line.contains("ChangeResourceRecordSetsRecordTypes"));
    let types: Vec<&str> = line
        .unwrap()
        .split('"')
        .filter(|text| text.bytes().all(|octet| octet.is_ascii_uppercase()) && !text.is_empty())
        .collect();
    let all: Vec<&str> = RecordType::ALL.iter().map(|rtype| rtype.as_str()).collect();
    assert_eq!(types, all);
}

#[test]
fn the_article_of_a_type_is_the_spoken_one() {
    for rtype in RecordType::ALL {
        let with = rtype.as_str();
        let fault = Fault::CnameConflict {
            wanted_cname: true,
            with,
        };
        let article = match with {
            "TXT" | "TLSA" | "CAA" | "CNAME" => "a",
            _ => "an",
        };
        let words = format!("has {article} {with} record");
        assert!(fault.to_string().contains(&words), "{fault}");
    }
}

#[test]
fn types_share_a_field_only_if_it_is_the_same() {
    let fixed = [
        "subdomain",
        "type",
        "value",
        "ports",
        "course",
        "description",
        "id",
        "owner",
    ];
    for field in form_parts() {
        assert!(!fixed.contains(&field.part.name), "{}", field.part.name);
        for rtype in &field.types {
            assert!(
                rtype.spec().parts.contains(&field.part),
                "{rtype} {}",
                field.part.name
            );
        }
    }
}

#[test]
fn the_hints_name_the_types() {
    assert_eq!(
        value_hint(),
        "An address for A and AAAA, a host name for CNAME, MX and SRV, any text for TXT, a \
         certificate authority for CAA, a target with parameters for HTTPS and SVCB, hexadecimal \
         digits for TLSA and SSHFP."
    );
    let hints: Vec<String> = form_parts().iter().map(|field| field.hint()).collect();
    assert_eq!(
        hints[0],
        "For MX and SRV records only: the server with the lowest number is tried first. The \
         default is 10."
    );
}

#[test]
fn the_example_of_every_guide_is_a_valid_record() {
    for rtype in RecordType::ALL {
        let spec = rtype.spec();
        let names = spec.parts.iter().map(|part| part.name);
        let form = RecordForm {
            name: spec.guide.name.into(),
            rtype: spec.mnemonic.into(),
            input: spec.guide.value.replace("{base}", base().as_str()),
            parts: names
                .zip(spec.guide.parts.iter().map(|text| (*text).to_owned()))
                .collect(),
            ..RecordForm::default()
        };
        assert_eq!(spec.guide.parts.len(), spec.parts.len(), "{rtype}");
        let record = form
            .check(&base(), &WordFilter::built_in(), &TtlLimits::default())
            .unwrap();
        assert_eq!(
            rtype.parts_of(record.value.presentation()).len(),
            spec.parts.len()
        );
    }
}

/// Returns inputs that a user could enter for the type, valid or not.
fn inputs(rtype: RecordType) -> impl Strategy<Value = RecordForm> {
    let parts = proptest::collection::vec("[0-6]|128|[0-9]{1,5}|issue|issuewild|iodef|", 3);
    let value = "[0-9]{1,3}(\\.[0-9]{1,3}){3}|[0-9a-f]{0,4}(:[0-9a-f]{0,4}){2,7}\
                 |[a-zA-Z0-9_-]{1,9}(\\.[a-zA-Z0-9-]{1,9}){1,3}\\.?|\\.|;|mailto:a@b\\.example\
                 |[a-z]{1,5}\\.org(; [a-z]{1,3}=[!-:<-~]{0,5}){0,2}|\\PC{0,300}\
                 |([0-9a-fA-F]{2}[: ]?){20}|([0-9a-f]{2}){32}|([0-9a-f]{2}){64}\
                 |(\\.|[a-z]{1,5}\\.example)( alpn=h[1-3](,h3)?| port=[0-9]{1,5}| no-default-alpn\
                 | ipv4hint=[0-9]\\.[0-9]\\.1\\.2| ipv6hint=[a-f0-9]{0,4}::1| mandatory=(alpn|port)\
                 | ech=[A-Z]{4}| key[0-9]{1,5}(=[ -~]{0,9})?){0,4}";
    (parts, value).prop_map(move |(parts, input)| {
        let names = rtype.spec().parts.iter().map(|part| part.name);
        RecordForm {
            name: "_sip._tcp".into(),
            rtype: rtype.as_str().into(),
            input,
            parts: names.zip(parts).collect(),
            ..RecordForm::default()
        }
    })
}

fn any_input() -> impl Strategy<Value = (RecordType, RecordForm)> {
    (0..RecordType::ALL.len()).prop_flat_map(|at| {
        let rtype = RecordType::ALL[at];
        inputs(rtype).prop_map(move |form| (rtype, form))
    })
}

proptest! {
    /// An accepted value is canonical, survives a message, and gives back its parts.
    #[test]
    fn accepted_values_survive_every_spelling((rtype, form) in any_input()) {
        let part = |name: &str| form.parts.get(name).map_or("", String::as_str);
        let Ok(value) = crate::record::RecordValue::parse(rtype, &form.input, part) else {
            return Ok(());
        };
        let text = value.presentation();
        let spec = rtype.spec();
        prop_assert_eq!(rtype.canonicalize(text), Some(text.to_owned()));
        super::values::check_spellings(rtype, text);
        let parts = rtype.parts_of(text);
        prop_assert_eq!(parts.len(), spec.parts.len());
        for (part, again) in &parts {
            prop_assert_eq!(part.check(again), Ok(again.clone()));
        }
        let again = |name: &str| {
            parts.iter().find(|(part, _)| part.name == name).map_or("", |(_, text)| text.as_str())
        };
        let same = crate::record::RecordValue::parse(rtype, &form.input, again).unwrap();
        prop_assert_eq!(same.presentation(), text);
    }

    /// No octets of a message make the decoder panic, and what it reads is canonical.
    #[test]
    fn messages_are_decoded_or_refused(
        at in 0..RecordType::ALL.len(),
        message in proptest::collection::vec(any::<u8>(), 0..40),
    ) {
        let rtype = RecordType::ALL[at];
        if let Some(text) = rtype.spec().from_wire(&message) {
            prop_assert_eq!(rtype.canonicalize(&text), Some(text));
        }
    }
}

#[test]
fn other_spellings_of_a_value_compare_equal() {
    for (rtype, theirs, ours) in [
        (
            RecordType::Srv,
            "00 005 25565\tMC.Example.com",
            "0 5 25565 mc.example.com.",
        ),
        (RecordType::Srv, "0 0 0 .", "0 0 0 ."),
        (
            RecordType::Caa,
            "0  ISSUE letsencrypt.org",
            r#"0 issue "letsencrypt.org""#,
        ),
        (
            RecordType::Caa,
            r#"000 issue "\108etsencrypt.org""#,
            r#"0 issue "letsencrypt.org""#,
        ),
        (RecordType::Caa, r#"0 issue """#, r#"0 issue """#),
        (
            RecordType::Mx,
            "010 Mail.Example.com",
            "10 mail.example.com.",
        ),
        (
            RecordType::Https,
            r#"01  Foo.Example.com ipv4hint="192.0.2.1"  alpn=h2,h3"#,
            r#"1 foo.example.com. alpn="h2,h3" ipv4hint=192.0.2.1"#,
        ),
        (
            RecordType::Svcb,
            r#"1 . key667="\104i" port="53""#,
            r#"1 . port=53 key667="hi""#,
        ),
        // What the form refuses, another tool may have written.
        (
            RecordType::Https,
            "0 . no-default-alpn",
            "0 . no-default-alpn",
        ),
        (RecordType::Tlsa, "9 9 9 0AF b", "9 9 9 0afb"),
        (RecordType::Sshfp, "04 2 AB CD", "4 2 abcd"),
    ] {
        assert_eq!(
            rtype.canonicalize(theirs).as_deref(),
            Some(ours),
            "{theirs}"
        );
    }
    for (rtype, value) in [
        (RecordType::Https, r#"1 . alpn="a\\,b""#),
        (RecordType::Https, "1 . alpn=h2 alpn=h2"),
        (RecordType::Https, "1 . key65535=a"),
        (RecordType::Https, "1 . port=x"),
        (RecordType::Https, "1"),
        (RecordType::Https, "1 .. alpn=h2"),
        (RecordType::Tlsa, "3 1 1 abc"),
        (RecordType::Tlsa, "3 1 1"),
        (RecordType::Sshfp, "4 2 xy"),
        (RecordType::Srv, "0 5 mc.example.com."),
        (RecordType::Srv, "0 5 65536 mc.example.com."),
        (RecordType::Caa, "0 issue"),
        (RecordType::Caa, r#"0 issue "a" "b""#),
        (RecordType::Caa, r#"256 issue "a""#),
        (RecordType::Caa, r#"0 is-sue "a""#),
    ] {
        assert_eq!(rtype.canonicalize(value), None, "{value}");
    }
}

#[test]
fn messages_that_break_their_format_are_refused() {
    let https: [(&[u8], Option<&str>); 7] = [
        (&[0, 1, 0], Some("1 .")),
        (&[0, 1, 0, 0, 3, 0, 2, 1, 187], Some("1 . port=443")),
        (&[0, 1, 0, 0, 3, 0, 1, 1], None),
        // Parameters out of order, and one twice (RFC 9460 section 2.2).
        (&[0, 1, 0, 0, 3, 0, 2, 1, 187, 0, 2, 0, 0], None),
        (&[0, 1, 0, 0, 3, 0, 2, 1, 187, 0, 3, 0, 2, 1, 187], None),
        (&[0, 1, 0, 255, 255, 0, 0], None),
        (&[0, 1], None),
    ];
    for (message, text) in https {
        let read = RecordType::Https.spec().from_wire(message);
        assert_eq!(read.as_deref(), text, "{message:?}");
    }
    let cname = RecordType::Cname.spec();
    assert_eq!(cname.from_wire(&[1, b'a', 0]).as_deref(), Some("a."));
    assert_eq!(cname.from_wire(&[1, b'a', 0, 0]), None);
    assert_eq!(RecordType::Tlsa.spec().from_wire(&[3, 1, 1]), None);
}

#[test]
fn names_that_do_not_fit_a_message_are_refused() {
    let long = format!("{}.example.", "a".repeat(64));
    let deep = "a.".repeat(NAME_MAX / 2 + 2);
    for name in [long.as_str(), deep.as_str(), "a..b.", ""] {
        assert_eq!(RecordType::Cname.spec().to_wire(name), None, "{name}");
    }
    assert_eq!(PartWire::Number.canonicalize("65536"), None);
}

#[test]
fn messages_that_are_no_name_are_refused() {
    let long = [&[64][..], &[b'a'; 64], &[0]].concat();
    let deep = [&b"\x01a".repeat(128)[..], &[0]].concat();
    for message in [
        long.as_slice(),
        &deep,
        b"\x01a\x00\x00",
        b"\x01a\x00b",
        b"\xc0\x0c",
        b"\x01a",
        b"\x02a",
        b"",
    ] {
        let read = RecordType::Cname.spec().from_wire(message);
        assert_eq!(read, None, "{message:?}");
    }
    let longest = [&b"\x01a".repeat(127)[..], &[0]].concat();
    let read = RecordType::Cname.spec().from_wire(&longest);
    assert_eq!(read, Some("a.".repeat(127)));
}

#[test]
fn every_octet_of_a_name_survives_a_message() {
    let spec = RecordType::Cname.spec();
    for (name, message) in [
        (r"a\.b.", &b"\x03a.b\x00"[..]),
        (r"a\.", b"\x02a.\x00"),
        (r"a\\.", b"\x02a\\\x00"),
        (r"a\032b", b"\x03a b\x00"),
        (r"\195\169.\042", b"\x02\xc3\xa9\x01*\x00"),
        (".", b"\x00"),
    ] {
        assert_eq!(spec.to_wire(name).as_deref(), Some(message), "{name}");
        assert_eq!(spec.from_wire(message), spec.canonicalize(name), "{name}");
    }
}

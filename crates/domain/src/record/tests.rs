#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

mod advice;
mod beside;
mod caa;
mod srv;
mod types;
mod values;

use super::*;
use crate::names::{Label, RootDomain};
use crate::words::{ListKind, NameLists, NameRules};

/// Makes the input of the fields before the value.
fn parts(names: &[&'static str], texts: &[&str]) -> BTreeMap<&'static str, String> {
    let texts = texts.iter().map(|text| (*text).to_owned());
    names.iter().copied().zip(texts).collect()
}

fn form(name: &str, rtype: &str, input: &str) -> RecordForm {
    RecordForm {
        name: name.into(),
        rtype: rtype.into(),
        input: input.into(),
        ..RecordForm::default()
    }
}

fn base() -> BaseDomain {
    RootDomain::parse("starchart.com")
        .unwrap()
        .base(&Label::parse("user1").unwrap())
}

/// Returns a name that records of the type may have: `www`, unless the type wants another form.
fn name_for(rtype: &str) -> &'static str {
    let spec = RecordType::parse(rtype).map(RecordType::spec);
    spec.filter(|spec| spec.names.at_base.is_some())
        .map_or("www", |spec| spec.guide.name)
}

fn presentation(rtype: &str, input: &str) -> Result<String, Vec<(Field, Fault)>> {
    form("www", rtype, input)
        .check(&base(), &WordFilter::built_in(), &TtlLimits::default())
        .map(|record| record.value.presentation().to_owned())
}

#[test]
fn values_have_one_canonical_form() {
    for (rtype, input, expected) in [
        ("A", "192.168.1.1", "192.168.1.1"),
        (
            "AAAA",
            "2001:0db8:85a3:0000:0000:8a2e:0370:7334",
            "2001:db8:85a3::8a2e:370:7334",
        ),
        ("CNAME", "User1.GitHub.io.", "user1.github.io."),
        (
            "CNAME",
            "_x1.acm-validations.aws",
            "_x1.acm-validations.aws.",
        ),
        ("MX", "mail.example.com", "10 mail.example.com."),
        ("TXT", " keeps blanks ", "\" keeps blanks \""),
        ("TXT", "€ 😀", r#""\226\130\172 \240\159\152\128""#),
    ] {
        assert_eq!(
            presentation(rtype, input).as_deref(),
            Ok(expected),
            "{rtype} {input}"
        );
    }
}

#[test]
fn invalid_values_are_refused_with_the_reason() {
    let loopback = ValueFault::Address {
        kind: "a loopback address",
    };
    let control = |c| ValueFault::ControlCharacter(OddChar::Control(c));
    for (rtype, input, fault) in [
        ("A", "", ValueFault::Empty),
        ("A", "\u{200b}\t", ValueFault::Empty),
        ("A", "127.0.0.1", loopback),
        (
            "A",
            "169.254.169.254",
            ValueFault::Address {
                kind: "a link-local address",
            },
        ),
        (
            "A",
            "224.0.0.1",
            ValueFault::Address {
                kind: "a multicast address",
            },
        ),
        (
            "A",
            "0.0.0.0",
            ValueFault::Address {
                kind: "the unspecified network (0.0.0.0/8)",
            },
        ),
        (
            "A",
            "255.255.255.255",
            ValueFault::Address {
                kind: "the broadcast address",
            },
        ),
        (
            "AAAA",
            "fe80::1",
            ValueFault::Address {
                kind: "a link-local address",
            },
        ),
        (
            "AAAA",
            "::",
            ValueFault::Address {
                kind: "the unspecified address",
            },
        ),
        (
            "AAAA",
            "::1",
            ValueFault::Address {
                kind: "the loopback address",
            },
        ),
        (
            "AAAA",
            "ff02::1",
            ValueFault::Address {
                kind: "a multicast address",
            },
        ),
        (
            "AAAA",
            "::ffff:8.8.8.8",
            ValueFault::Address {
                kind: "an IPv4 address written as IPv6 (use an A record)",
            },
        ),
        (
            "AAAA",
            "2002:808:808::1",
            ValueFault::Address {
                kind: "a 6to4 address",
            },
        ),
        (
            "CNAME",
            "www.user1.starchart.com",
            ValueFault::PointsToItself,
        ),
        ("TXT", "two\nlines", control('\n')),
        ("TXT", "\0", control('\0')),
    ] {
        assert_eq!(
            presentation(rtype, input),
            Err(vec![(Field::Value, Fault::Value(fault))]),
            "{rtype} {input:?}"
        );
    }
}

#[test]
fn suspicious_values_are_allowed_with_a_note() {
    for (rtype, input, note) in [
        ("A", "10.1.2.3", Some(address::PRIVATE)),
        ("A", "172.16.0.1", Some(address::PRIVATE)),
        ("A", "192.168.1.1", Some(address::PRIVATE)),
        ("A", "100.64.0.1", Some(a::SHARED_NAT)),
        ("A", "203.0.113.9", Some(address::DOCUMENTATION)),
        ("A", "8.8.8.8", None),
        ("AAAA", "fd00::1", Some(address::PRIVATE)),
        ("AAAA", "2001:db8::1", Some(address::DOCUMENTATION)),
        ("AAAA", "2606:4700::1", None),
        ("TXT", "\"v=spf1 -all\"", Some(txt::QUOTED)),
        ("TXT", "\"a\" \"b\"", Some(txt::QUOTED_PARTS)),
        ("TXT", "v=spf1 -all ", Some(txt::OUTER_BLANKS)),
        ("TXT", "v=spf1\u{200b} -all", Some(txt::INVISIBLE)),
        ("TXT", "say \"hello\" to 5\"", None),
        ("TXT", "\"", None),
        ("TXT", "v=spf1 -all", None),
        ("TXT", "a – b, “quoted”", None),
        ("TXT", "v=DKIM1; k=rsa; p=AAAA", None),
        ("TXT", "v=DKIM1; p=", None),
        ("TXT", "v=DKIM1; k=rsa", Some(txt::DKIM_WITHOUT_KEY)),
        ("TXT", "v=dkim1", Some(txt::DKIM_WITHOUT_KEY)),
    ] {
        let record = form("www", rtype, input).check(
            &base(),
            &WordFilter::built_in(),
            &TtlLimits::default(),
        );
        let expected: Vec<ValueNote> = note.into_iter().collect();
        assert_eq!(record.unwrap().value.notes(), expected, "{input}");
    }
}

/// Texts that programs read and that hold a character which is not the one of the keyboard.
#[test]
fn texts_that_break_silently_get_a_note() {
    for (input, c) in [
        ("v=spf1 –all", "“–” is a dash"),
        ("v=spf1 −all", "“−” is a dash"),
        ("v=spf1 include:_spf.example.com —all", "“—” is a dash"),
        ("v=spf1\u{a0}-all", "a no-break space (U+00A0)"),
        ("v=spf1\u{3000}-all", "a full-width space (U+3000)"),
        (
            "v＝spf1 -all",
            "“＝” is a full-width character; type = instead",
        ),
        ("“v=spf1 -all”", "““” is a typographic mark"),
        ("v=DKIM1; k=rsa; p=AA“AA", "““” is a typographic mark"),
        (
            "v=DMARC1； p=none",
            "“；” is a full-width character; type ; instead",
        ),
        ("google–site-verification=abc", "“–” is a dash"),
        ("MS=ms1234–5", "“–” is a dash"),
    ] {
        let record = form("www", "TXT", input).check(
            &base(),
            &WordFilter::built_in(),
            &TtlLimits::default(),
        );
        let value = record.unwrap().value;
        let notes: Vec<String> = value.notes().iter().map(ValueNote::to_string).collect();
        assert!(
            notes
                .iter()
                .any(|note| note.starts_with("Programs cannot read") && note.contains(c)),
            "{input}: {notes:?}"
        );
        assert_eq!(value.presentation(), crate::txt::encode(input));
    }
}

/// What key tools print for a zone file is read as the text that it stands for.
#[test]
fn texts_of_zone_files_are_read() {
    let dkim = "v=DKIM1; h=sha256; k=rsa; p=AAAA";
    for (input, text) in [
        (
            r#"( "v=DKIM1; h=sha256; k=rsa; " "p=AAAA" )  ; ----- DKIM key"#,
            dkim,
        ),
        (r#"("v=DKIM1; h=sha256; k=rsa; ""p=AAAA")"#, dkim),
        (
            "( \"v=DKIM1; h=sha256; k=rsa; \"\n\t  \"p=AAAA\" )  ; key mail for example.com",
            dkim,
        ),
        (
            "mail._domainkey\tIN\tTXT\t( \"v=DKIM1; h=sha256; k=rsa; \"\n\t\"p=AAAA\" ) ; x",
            dkim,
        ),
        (r#"k 3600 IN TXT "v=DKIM1; h=sha256; k=rsa; p=AAAA""#, dkim),
        (r#"( "a\"b;c" "\\" ) ; x"#, "a\"b;c\\"),
        (r#"( "\226\130\172" )"#, "€"),
    ] {
        let record = form("www", "TXT", input).check(
            &base(),
            &WordFilter::built_in(),
            &TtlLimits::default(),
        );
        let value = record.unwrap().value;
        assert_eq!(value.presentation(), crate::txt::encode(text), "{input}");
        assert_eq!(value.input(), text, "{input}");
        assert_eq!(value.notes(), [txt::ZONE_FILE], "{input}");
    }
    for input in [
        "(hello)",
        "( \"open )",
        "(\"a\" b)",
        "(\"a\"",
        "\"a\" \"b\"",
        "\"a\" ; b",
        "x TXT \"a\"",
        "x IN TXT a",
        "x IN A 192.0.2.1",
        "(\"\\255\")",
    ] {
        let record = form("www", "TXT", input).check(
            &base(),
            &WordFilter::built_in(),
            &TtlLimits::default(),
        );
        let value = record.unwrap().value;
        assert_eq!(value.presentation(), crate::txt::encode(input), "{input}");
        assert_eq!(value.input(), input);
    }
}

#[test]
fn a_long_text_is_refused_with_the_excess() {
    // 4,000 characters hold 15 strings of 255 in quotes with blanks between, and one shorter.
    let longest = 4_000 - (2 * 16 + 15);
    assert_eq!(
        presentation("TXT", &"x".repeat(longest)).unwrap().len(),
        4_000
    );
    assert_eq!(
        presentation("TXT", &"x".repeat(longest + 7)),
        Err(vec![(
            Field::Value,
            Fault::Value(ValueFault::TxtTooLong { over: 7 })
        )])
    );
}

#[test]
fn mx_preference_defaults_to_ten() {
    let mx = |preference: &str| {
        RecordForm {
            parts: BTreeMap::from([("priority", preference.to_owned())]),
            ..form("@", "MX", "mail.example.com")
        }
        .check(&base(), &WordFilter::built_in(), &TtlLimits::default())
        .map(|record| record.value.presentation().to_owned())
    };
    assert_eq!(mx("").as_deref(), Ok("10 mail.example.com."));
    assert_eq!(mx("0").as_deref(), Ok("0 mail.example.com."));
    for padded in [" 5", "\t5\u{a0}", "5\u{200b}"] {
        assert_eq!(
            mx(padded).as_deref(),
            Ok("5 mail.example.com."),
            "{padded:?}"
        );
    }
    assert_eq!(
        mx("１０"),
        Err(vec![(
            Field::Part("priority"),
            Fault::Odd(OddChar::FullWidth('１', '1'))
        )])
    );
    for wrong in ["-1", "65536", "ten", "1 0"] {
        assert_eq!(
            mx(wrong),
            Err(vec![(
                Field::Part("priority"),
                Fault::Part(mx::PRIORITY.fault)
            )]),
            "{wrong}"
        );
    }
}

/// RFC 7505: a dot with priority 0 says that there is no mail.
#[test]
fn a_null_mx_has_priority_zero() {
    for (priority, expected) in [
        ("0", Ok("0 .")),
        (" 00 ", Ok("0 .")),
        ("", Err(Field::Value)),
        ("10", Err(Field::Value)),
        ("x", Err(Field::Part("priority"))),
    ] {
        let form = RecordForm {
            parts: BTreeMap::from([("priority", priority.to_owned())]),
            ..form("@", "MX", ".")
        };
        match (
            form.check(&base(), &WordFilter::built_in(), &TtlLimits::default()),
            expected,
        ) {
            (Ok(record), Ok(presentation)) => {
                assert_eq!(record.value.presentation(), presentation);
                assert!(record.value.is_null_mx());
                assert_eq!(record.value.notes(), [mx::NO_MAIL]);
            }
            (Err(faults), Err(field)) => assert_eq!(
                faults.iter().map(|(field, _)| *field).collect::<Vec<_>>(),
                [field],
                "{priority}"
            ),
            (found, _) => panic!("{priority}: {found:?}"),
        }
    }
}

#[test]
fn every_fault_is_reported_in_the_order_of_the_form() {
    let form = RecordForm {
        name: "-".into(),
        rtype: "A".into(),
        input: "x".into(),
        course: "c".repeat(192),
        description: "a\u{7}".into(),
        ..RecordForm::default()
    };
    let fields: Vec<Field> = form
        .check(&base(), &WordFilter::built_in(), &TtlLimits::default())
        .unwrap_err()
        .into_iter()
        .map(|(field, _)| field)
        .collect();
    assert_eq!(
        fields,
        [Field::Name, Field::Value, Field::Course, Field::Description]
    );
    assert_eq!(
        presentation("NS", "x"),
        Err(vec![(Field::Type, Fault::UnknownType)])
    );
    let nothing = RecordForm::default()
        .check(&base(), &WordFilter::built_in(), &TtlLimits::default())
        .unwrap_err();
    assert_eq!(
        nothing.iter().map(|(field, _)| *field).collect::<Vec<_>>(),
        [Field::Name, Field::Type, Field::Value]
    );
}

#[test]
fn the_input_is_kept_as_typed() {
    let record = form("WWW", "AAAA", " 2001:0DB8::1\t").check(
        &base(),
        &WordFilter::built_in(),
        &TtlLimits::default(),
    );
    let record = record.unwrap();
    assert_eq!(
        (record.name.relative(), record.value.input()),
        ("www", "2001:0DB8::1")
    );
}

#[test]
fn words_are_searched_in_a_name_as_people_read_it() {
    let refused = [(ListKind::Refused, "bcher"), (ListKind::Refused, "wort")];
    let words = NameRules::new(&NameLists::built_in(), refused, None).words;
    let check = |name| form(name, "A", "192.0.2.1").check(&base(), &words, &TtlLimits::default());
    // The A-label is xn--bcher-kva.
    assert!(check("bücher").is_ok());
    assert!(check("wort-bücher").is_err());
}

#[test]
fn the_line_breaks_of_a_description_are_kept() {
    for (typed, kept) in [
        ("one\r\ntwo\r\n", "one\ntwo"),
        ("one\n\ntwo", "one\n\ntwo"),
        ("\u{200b}one\rtwo", "one\ntwo"),
    ] {
        let form = RecordForm {
            description: typed.into(),
            ..form("www", "A", "192.0.2.1")
        };
        let record = form
            .check(&base(), &WordFilter::built_in(), &TtlLimits::default())
            .unwrap();
        assert_eq!(record.description.as_deref(), Some(kept));
    }
    let ports = RecordForm {
        ports: "80\n443".into(),
        ..form("www", "A", "192.0.2.1")
    };
    assert_eq!(
        ports.check(&base(), &WordFilter::built_in(), &TtlLimits::default()),
        Err(vec![(
            Field::Ports,
            Fault::ControlCharacter(OddChar::Control('\n'))
        )])
    );
}

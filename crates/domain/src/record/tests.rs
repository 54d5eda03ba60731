#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

mod caa;
mod srv;
mod types;

use super::*;
use crate::names::{Label, RootDomain};

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

fn presentation(rtype: &str, input: &str) -> Result<String, Vec<(Field, Fault)>> {
    form("www", rtype, input)
        .check(&base())
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
    for (rtype, input, fault) in [
        ("A", "", ValueFault::Empty),
        ("A", "192.168.1.1 ", ValueFault::OuterWhitespace),
        ("A", "192.168.1", ValueFault::Ipv4),
        ("A", "192.168.01.1", ValueFault::Ipv4),
        ("A", "2001:db8::1", ValueFault::Ipv6InA),
        ("A", "www.example.com", ValueFault::HostInAddress),
        ("A", "192.0.2.1:80", ValueFault::Ipv4),
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
        ("AAAA", "192.0.2.1", ValueFault::Ipv4InAaaa),
        ("AAAA", "fe80::1%eth0", ValueFault::Ipv6Zone),
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
        ("CNAME", "192.0.2.1", ValueFault::HostIsAddress),
        ("CNAME", "https://example.com/", ValueFault::HostIsUrl),
        ("CNAME", "example.com/", ValueFault::HostIsUrl),
        ("CNAME", "example.com:443", ValueFault::HostIsUrl),
        ("CNAME", "localhost", ValueFault::Host),
        ("CNAME", "bücher.de", ValueFault::HostIdn),
        (
            "CNAME",
            "www.user1.starchart.com",
            ValueFault::PointsToItself,
        ),
        (
            "MX",
            "192.0.2.1",
            ValueFault::Rule(
                "an MX record points to a host name, not to an address; make an A or AAAA record \
                 for the mail server and enter its name",
            ),
        ),
        (
            "MX",
            "10 mail.example.com",
            ValueFault::Rule(
                "enter the host name alone and put the number (0 to 65535) into Priority",
            ),
        ),
        ("TXT", "two\nlines", ValueFault::ControlCharacter),
        ("TXT", "\0", ValueFault::ControlCharacter),
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
        ("TXT", "v=spf1 -all ", Some(txt::OUTER_BLANKS)),
        ("TXT", "v=spf1\u{200b} -all", Some(txt::INVISIBLE)),
        ("TXT", "say \"hello\" to 5\"", None),
        ("TXT", "\"", None),
    ] {
        assert_eq!(
            form("www", rtype, input)
                .check(&base())
                .unwrap()
                .value
                .note(),
            note,
            "{input}"
        );
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
        .check(&base())
        .map(|record| record.value.presentation().to_owned())
    };
    assert_eq!(mx("").as_deref(), Ok("10 mail.example.com."));
    assert_eq!(mx("0").as_deref(), Ok("0 mail.example.com."));
    for wrong in ["-1", "65536", "ten", " 5"] {
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
        .check(&base())
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
    let nothing = RecordForm::default().check(&base()).unwrap_err();
    assert_eq!(
        nothing.iter().map(|(field, _)| *field).collect::<Vec<_>>(),
        [Field::Name, Field::Type, Field::Value]
    );
}

#[test]
fn the_input_is_kept_as_typed() {
    let record = form("WWW", "AAAA", "2001:0DB8::1").check(&base()).unwrap();
    assert_eq!(
        (record.name.relative(), record.input.as_str()),
        ("www", "2001:0DB8::1")
    );
}

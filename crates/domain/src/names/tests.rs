#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use proptest::prelude::*;

use super::*;
use crate::record::RecordType;

fn base() -> BaseDomain {
    RootDomain::parse("starchart.com")
        .unwrap()
        .base(&Label::parse("user1").unwrap())
}

fn owned(typed: &str, rtype: RecordType) -> Result<String, NameFault> {
    rtype
        .parse_name(typed, &base())
        .map(|name| name.fqdn().to_owned())
}

fn underscore() -> NameFault {
    NameFault::Underscore {
        types: "CNAME, TXT and SRV".to_owned(),
    }
}

#[test]
fn user_names_become_labels() {
    for (username, label) in [
        ("user1", Ok("user1")),
        ("John.Smith", Ok("johnsmith")),
        ("20261234", Ok("20261234")),
        ("a_b", Err(LabelFault::Invalid)),
        ("jöhn", Err(LabelFault::Invalid)),
        ("josé", Err(LabelFault::Invalid)),
        ("-x", Err(LabelFault::Invalid)),
        ("xn--jhn-sna", Err(LabelFault::Invalid)),
        ("", Err(LabelFault::Invalid)),
        ("...", Err(LabelFault::Invalid)),
        ("jоhn", Err(LabelFault::Invalid)),
        ("www", Err(LabelFault::Reserved)),
        ("ns1", Err(LabelFault::Reserved)),
        ("ns", Err(LabelFault::Reserved)),
        ("nsabc", Ok("nsabc")),
        ("ad.min", Err(LabelFault::Reserved)),
    ] {
        assert_eq!(
            Label::from_username(username).as_ref().map(Label::as_str),
            label.as_ref().map(|l| *l),
            "{username}"
        );
    }
    assert!(Label::parse(&"a".repeat(63)).is_ok());
    assert_eq!(Label::parse(&"a".repeat(64)), Err(LabelFault::Invalid));
    assert_eq!(
        Label::parse_assigned("www").as_ref().map(Label::as_str),
        Ok("www"),
        "an assigned label may be reserved"
    );
    assert_eq!(Label::parse_assigned("-x"), Err(LabelFault::Invalid));
}

#[test]
fn offered_labels_are_valid_and_sorted_best_first() {
    let offered = |username: &str| {
        label_candidates(username)
            .iter()
            .map(|l| l.as_str().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        offered("john.smith")[..4],
        ["john-smith", "johnsmith", "smith-john", "jsmith"]
    );
    assert!(offered("john.smith").contains(&"johnsmith2".to_owned()));
    assert_eq!(offered("josé")[..2], ["jose", "jose2"]);
    assert!(offered("Пётр").iter().all(|l| l.starts_with("user-")));
    assert_ne!(offered("Пётр"), offered("Иван"));
    assert!(
        !offered("www").contains(&"www".to_owned()) && offered("www").contains(&"www2".to_owned())
    );
    assert!(!offered("").is_empty());
}

#[test]
fn numbered_host_names_are_not_inappropriate() {
    for word in [
        "n", "w", "a", "b", "x", "node", "web", "db", "srv", "vm", "host", "pc", "lab", "game",
        "www",
    ] {
        for number in 0..1_000 {
            for typed in [
                format!("{word}{number}"),
                format!("{word}-{number}"),
                format!("{number}.{word}{number}"),
            ] {
                assert!(owned(&typed, RecordType::A).is_ok(), "{typed}");
            }
        }
    }
    for typed in ["n190", "host-dlh", "lab190b"] {
        assert!(owned(typed, RecordType::A).is_ok(), "{typed}");
    }
    for typed in ["sh1t", "sh1t7", "my-sh1t", "f.u.c.k", "fuck.www", "fuck13"] {
        assert_eq!(
            owned(typed, RecordType::A),
            Err(NameFault::Inappropriate),
            "{typed}"
        );
    }
}

#[test]
fn names_are_parsed_under_the_base_domain() {
    for (typed, rtype, expected) in [
        ("www", RecordType::A, Ok("www.user1.starchart.com")),
        ("WWW", RecordType::A, Ok("www.user1.starchart.com")),
        ("x", RecordType::A, Ok("x.user1.starchart.com")),
        (
            "a.b-c.d_e",
            RecordType::Mx,
            Ok("a.b-c.d_e.user1.starchart.com"),
        ),
        ("", RecordType::A, Err(NameFault::Empty)),
        ("@", RecordType::A, Ok("user1.starchart.com")),
        ("@", RecordType::Txt, Ok("user1.starchart.com")),
        ("@", RecordType::Cname, Err(NameFault::CnameAtBase)),
        (
            "_github-challenge-x",
            RecordType::Txt,
            Ok("_github-challenge-x.user1.starchart.com"),
        ),
        (
            "_abc.www",
            RecordType::Cname,
            Ok("_abc.www.user1.starchart.com"),
        ),
        ("_sip", RecordType::A, Err(underscore())),
        ("_acme-challenge", RecordType::Txt, Err(NameFault::Reserved)),
        (
            "_ACME-challenge.www",
            RecordType::Cname,
            Err(NameFault::Reserved),
        ),
        ("_dmarc", RecordType::Txt, Err(NameFault::Reserved)),
        ("_mta-sts", RecordType::Txt, Err(NameFault::Reserved)),
        ("_psl.x", RecordType::Txt, Err(NameFault::Reserved)),
        (
            "www.user1.starchart.com",
            RecordType::A,
            Err(NameFault::BaseTyped {
                base: "user1.starchart.com".into(),
            }),
        ),
        (
            "user1.starchart.com",
            RecordType::A,
            Err(NameFault::BaseTyped {
                base: "user1.starchart.com".into(),
            }),
        ),
        ("www ", RecordType::A, Err(NameFault::OuterWhitespace)),
        (" www", RecordType::A, Err(NameFault::OuterWhitespace)),
        ("w w", RecordType::A, Err(NameFault::Blank)),
        (
            "www.user2.starchart.com",
            RecordType::A,
            Err(NameFault::OtherDomain {
                base: "user1.starchart.com".into(),
            }),
        ),
        ("http://www", RecordType::A, Err(NameFault::Url)),
        ("-www", RecordType::A, Err(NameFault::Characters)),
        ("www-", RecordType::A, Err(NameFault::Characters)),
        ("w--w", RecordType::A, Err(NameFault::Characters)),
        ("w_-w", RecordType::A, Err(NameFault::Characters)),
        ("__w", RecordType::Txt, Err(NameFault::Characters)),
        ("_", RecordType::Txt, Err(NameFault::Characters)),
        ("wéb", RecordType::A, Err(NameFault::NotAscii)),
        ("w\0w", RecordType::A, Err(NameFault::Characters)),
        (r"\052", RecordType::A, Err(NameFault::Characters)),
        ("*", RecordType::A, Err(NameFault::Wildcard)),
        ("xn--bcher-kva", RecordType::A, Err(NameFault::Idn)),
        ("a..b", RecordType::A, Err(NameFault::EmptyLabel)),
        (".a", RecordType::A, Err(NameFault::EmptyLabel)),
        ("a.", RecordType::A, Err(NameFault::EmptyLabel)),
        ("sh1t", RecordType::A, Err(NameFault::Inappropriate)),
        ("assess", RecordType::A, Ok("assess.user1.starchart.com")),
        (
            "scunthorpe",
            RecordType::A,
            Ok("scunthorpe.user1.starchart.com"),
        ),
    ] {
        let got = owned(typed, rtype);
        assert_eq!(
            got.as_deref().map_err(Clone::clone),
            expected,
            "{typed:?} {rtype:?}"
        );
    }
}

#[test]
fn labels_have_63_and_names_253_characters_at_most() {
    assert!(owned(&"a1".repeat(31), RecordType::A).is_ok());
    assert!(owned(&format!("{}b", "a1".repeat(31)), RecordType::A).is_ok());
    assert_eq!(
        owned(&"a1".repeat(32), RecordType::A),
        Err(NameFault::LabelTooLong)
    );
    let part = format!("{}b", "a1".repeat(31));
    let room = NAME_MAX - ".user1.starchart.com".len();
    let long = format!(
        "{part}.{part}.{part}.{}",
        "c1".repeat((room - 192) / 2) + if (room - 192) % 2 == 1 { "d" } else { "" }
    );
    assert_eq!(owned(&long, RecordType::A).unwrap().len(), NAME_MAX);
    assert_eq!(
        owned(&format!("{long}e"), RecordType::A),
        Err(NameFault::TooLong)
    );
}

#[test]
fn the_relative_part_is_what_precedes_the_base_domain() {
    assert_eq!(
        RecordType::A.parse_name("a.b", &base()).unwrap().relative(),
        "a.b"
    );
    assert_eq!(base().relative("a.b.user1.starchart.com"), Some("a.b"));
    assert_eq!(base().relative("user1.starchart.com"), Some(""));
    assert_eq!(base().relative("xuser1.starchart.com"), None);
}

#[test]
fn host_names_are_parsed() {
    for (text, expected) in [
        ("www.Example.com.", Ok("www.example.com")),
        ("_x.acm-validations.aws.", Ok("_x.acm-validations.aws")),
        ("192.0.2.1", Err(HostFault::Address)),
        ("2001:db8::1", Err(HostFault::Address)),
        ("1.2.3", Err(HostFault::Address)),
        ("localhost", Err(HostFault::Invalid)),
        ("a..b", Err(HostFault::Invalid)),
        ("-a.com", Err(HostFault::Invalid)),
        ("a b.com", Err(HostFault::Invalid)),
        ("bücher.de", Err(HostFault::Idn)),
        ("", Err(HostFault::Invalid)),
        (".", Err(HostFault::Invalid)),
        ("example.com..", Err(HostFault::Invalid)),
    ] {
        assert_eq!(
            HostName::parse(text).as_ref().map(HostName::as_str),
            expected.as_ref().map(|h| *h),
            "{text}"
        );
    }
}

proptest! {
    /// Exactly the names of the pattern are accepted, and each ends in the user's domain.
    #[test]
    fn accepted_names_match_the_pattern(typed in "[a-zA-Z0-9_.*@ \\\\-]{0,12}|\\PC{0,8}") {
        let part = |p: &str| !p.is_empty() && p.strip_prefix('_').unwrap_or(p).split(['-', '_'])
            .all(|w| !w.is_empty() && w.chars().all(|c| c.is_ascii_alphanumeric()));
        let lower = typed.to_ascii_lowercase();
        let by_pattern = typed == "@" || lower.split('.').all(part);
        match owned(&typed, RecordType::Txt) {
            Ok(fqdn) => {
                prop_assert!(by_pattern, "{typed:?} accepted");
                let is_base = fqdn == "user1.starchart.com";
                prop_assert!(is_base || fqdn.ends_with(".user1.starchart.com"));
            }
            Err(NameFault::Inappropriate | NameFault::Idn) => {}
            Err(fault) => prop_assert!(!by_pattern, "{typed:?} refused: {fault}"),
        }
    }
}

#[test]
fn a_name_has_the_label_of_its_owner() {
    let root = RootDomain::parse("starchart.com").unwrap();
    let label = |name: &str| root.label_of(name).map(|label| label.to_string());
    for name in [
        "user1.starchart.com",
        "www.user1.starchart.com",
        " _a.b.User1.Starchart.com. ",
    ] {
        assert_eq!(label(name).as_deref(), Some("user1"), "{name}");
    }
    for name in [
        "starchart.com",
        ".starchart.com",
        "user1",
        "user1.starchart.org",
        "user1.xstarchart.com",
        "",
    ] {
        assert_eq!(label(name), None, "{name}");
    }
}

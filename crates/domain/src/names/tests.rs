#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

mod table;

use proptest::prelude::*;

use super::*;
use crate::fault::NameFault;
use crate::input::clean_line;
use crate::record::RecordType;
use crate::words::{NameLists, NameRules};

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
        types: "CNAME, TXT, SRV, HTTPS, SVCB and TLSA".to_owned(),
    }
}

/// The reserved labels that come with the program.
fn reserved() -> ReservedLabels {
    NameRules::new(&NameLists::built_in(), [], None).reserved
}

#[test]
fn user_names_become_labels() {
    let reserved = reserved();
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
            Label::from_username(username, &reserved)
                .as_ref()
                .map(Label::as_str),
            label.as_ref().map(|l| *l),
            "{username}"
        );
    }
    assert!(Label::parse(&"a".repeat(63)).is_ok());
    assert_eq!(Label::parse(&"a".repeat(64)), Err(LabelFault::Invalid));
    assert_eq!(
        Label::parse("www").as_ref().map(Label::as_str),
        Ok("www"),
        "a user may have a reserved label"
    );
    assert_eq!(Label::parse("-x"), Err(LabelFault::Invalid));
}

#[test]
fn offered_labels_are_valid_and_sorted_best_first() {
    let offered = |username: &str| {
        label_candidates(username, &reserved())
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
        ("@", RecordType::Cname, Ok("user1.starchart.com")),
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
        ("www ", RecordType::A, Ok("www.user1.starchart.com")),
        ("\twww\n", RecordType::A, Ok("www.user1.starchart.com")),
        ("\u{a0}@\u{200b}", RecordType::A, Ok("user1.starchart.com")),
        (
            "w\u{ad}w\u{feff}w",
            RecordType::A,
            Ok("www.user1.starchart.com"),
        ),
        ("\u{200b} ", RecordType::A, Err(NameFault::Empty)),
        (
            "w w",
            RecordType::A,
            Err(NameFault::Odd(OddChar::Blank(' '))),
        ),
        (
            "www.user2.starchart.com",
            RecordType::A,
            Err(NameFault::OtherDomain {
                base: "user1.starchart.com".into(),
            }),
        ),
        ("-www", RecordType::A, Err(NameFault::Edges)),
        ("www-", RecordType::A, Err(NameFault::Edges)),
        ("www_", RecordType::A, Err(NameFault::Edges)),
        ("__w", RecordType::Txt, Err(NameFault::Edges)),
        ("_", RecordType::Txt, Err(NameFault::Edges)),
        ("_-x", RecordType::Txt, Err(NameFault::Edges)),
        (
            "w\0w",
            RecordType::A,
            Err(NameFault::Odd(OddChar::Control('\0'))),
        ),
        (
            r"\052",
            RecordType::A,
            Err(NameFault::Odd(OddChar::Other('\\'))),
        ),
        ("a..b", RecordType::A, Err(NameFault::EmptyLabel)),
        (".a", RecordType::A, Err(NameFault::EmptyLabel)),
        ("a.", RecordType::A, Err(NameFault::EmptyLabel)),
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
        Err(NameFault::LabelTooLong { len: 64 })
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
        Err(NameFault::TooLong { over: 1 })
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
        ("localhost", Err(HostFault::OneLabel)),
        ("a..b", Err(HostFault::EmptyLabel)),
        ("-a.com", Err(HostFault::Hyphen)),
        ("a-.com", Err(HostFault::Hyphen)),
        ("a--b.com", Ok("a--b.com")),
        ("a b.com", Err(HostFault::Character(OddChar::Blank(' ')))),
        ("bücher.de", Err(HostFault::Character(OddChar::Letter('ü')))),
        ("", Err(HostFault::OneLabel)),
        (".", Err(HostFault::EmptyLabel)),
        ("example.com..", Err(HostFault::EmptyLabel)),
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
        let edge = |c: char| c.is_ascii_alphanumeric();
        let inner = |c: char| edge(c) || c == '-' || c == '_';
        let part = |p: &str| {
            let body = p.strip_prefix('_').unwrap_or(p);
            body.starts_with(edge) && body.ends_with(edge) && body.chars().all(inner)
        };
        let lower = clean_line(&typed).to_ascii_lowercase();
        // The table has the other labels: what is accepted of them is up to Unicode.
        prop_assume!(!lower.split('.').any(super::idn::is_international));
        let rest = match lower.as_str() {
            "*" => "x",
            lower => lower.strip_prefix("*.").unwrap_or(lower),
        };
        let by_pattern = lower == "@" || rest.split('.').all(part);
        match owned(&typed, RecordType::Txt) {
            Ok(fqdn) => {
                prop_assert!(by_pattern, "{typed:?} accepted");
                let is_base = fqdn == "user1.starchart.com";
                prop_assert!(is_base || fqdn.ends_with(".user1.starchart.com"));
            }
            Err(NameFault::ReservedHyphens | NameFault::Address) => {}
            Err(fault) => prop_assert!(!by_pattern, "{typed:?} refused: {fault}"),
        }
    }
}

/// Names that services and tools prescribe, beside those of the tables above.
#[test]
fn prescribed_and_unusual_names_pass() {
    for (typed, rtype) in [
        // Domain validation: ACM, Azure, Google, GitHub, GitLab, Vercel, Cloudflare, Fastly.
        ("_3639ac514e785e898d2646601fa951d5", RecordType::Cname),
        ("_3639ac514e785e898d2646601fa951d5.www", RecordType::Cname),
        ("_dnsauth.www", RecordType::Txt),
        ("asuid.www", RecordType::Txt),
        ("_github-pages-challenge-octocat", RecordType::Txt),
        ("_github-challenge-octo-org", RecordType::Txt),
        ("_gitlab-pages-verification-code.docs", RecordType::Txt),
        ("_vercel", RecordType::Txt),
        ("_cf-custom-hostname.www", RecordType::Txt),
        ("_globalsign-domain-verification", RecordType::Txt),
        ("_domainconnect", RecordType::Cname),
        ("_discord", RecordType::Txt),
        ("_atproto", RecordType::Txt),
        ("_amazonses", RecordType::Txt),
        // DKIM selectors (RFC 6376 section 3.1).
        ("selector1._domainkey", RecordType::Cname),
        ("s1._domainkey.mail", RecordType::Cname),
        ("google._domainkey", RecordType::Txt),
        ("20230601._domainkey", RecordType::Txt),
        ("k2._domainkey", RecordType::Cname),
        ("protonmail3._domainkey", RecordType::Cname),
        (
            "abcdefghijklmnop234567qrstuvwxyz._domainkey",
            RecordType::Cname,
        ),
        ("pic._domainkey", RecordType::Txt),
        ("em1234", RecordType::Cname),
        // Services by SRV.
        ("_minecraft._tcp.play", RecordType::Srv),
        ("_xmpp-client._tcp", RecordType::Srv),
        ("_sipfederationtls._tcp", RecordType::Srv),
        // Hyphens and underscores in a row (RFC 1123 section 2.1).
        ("feature--login", RecordType::A),
        ("2001-e--1", RecordType::A),
        ("x__y", RecordType::A),
        ("w-_-w", RecordType::A),
        ("a-b--c.d__e", RecordType::Mx),
        ("_ab--x", RecordType::Txt),
        ("a--b", RecordType::A),
    ] {
        assert!(
            owned(typed, rtype).is_ok(),
            "{typed} {:?}",
            owned(typed, rtype)
        );
    }
    for typed in ["ab--c", "aa--", "www.r3--x", "a---b"] {
        let is_edge = typed.ends_with('-');
        let fault = if is_edge {
            NameFault::Edges
        } else {
            NameFault::ReservedHyphens
        };
        assert_eq!(owned(typed, RecordType::A), Err(fault), "{typed}");
    }
    assert!(Label::parse("anna--maria").is_ok());
    assert_eq!(Label::parse("xx--maria"), Err(LabelFault::Invalid));
}

/// What the field Name says about things that are no names before the user's domain.
#[test]
fn a_refused_name_is_answered_for_what_it_is() {
    for (typed, text) in [
        ("", "enter a name, or @ for your domain itself"),
        ("w w", "there is a blank in the middle; remove it"),
        ("w\tw", "there is a tab; remove it"),
        // Without the character it would be no name either.
        ("w w!", "“!” is not allowed here"),
        ("wéb–site", "“–” is a dash and not a hyphen; type - instead"),
        (
            "-w w",
            "each part between dots begins and ends with a letter or a digit",
        ),
        (
            "w –",
            "each part between dots begins and ends with a letter or a digit",
        ),
        ("’", "enter a name, or @ for your domain itself"),
        (
            "w\u{a0}w",
            "there is a no-break space (U+00A0) in the middle; remove it",
        ),
        ("ｗww", "“ｗ” is a full-width character; type w instead"),
        ("a–b", "“–” is a dash and not a hyphen; type - instead"),
        ("it’s", "“’” is a typographic mark; leave it out"),
        ("a+b", "“+” is not allowed here"),
        ("\"www\"", "leave out the quotation marks: enter www"),
        (
            "www.user1.starchart.com",
            "leave out .user1.starchart.com, it is added for you",
        ),
        (
            "www.user1.starchart.com.",
            "leave out .user1.starchart.com, it is added for you",
        ),
        (
            "https://www.user1.starchart.com/",
            "enter the name alone, without http://, slashes and ports: www",
        ),
        (
            "http://x.example",
            "enter the name alone, without http://, slashes and ports",
        ),
        (
            "www:8080",
            "enter the name alone, without http://, slashes and ports: www",
        ),
        (
            "a/b",
            "enter the name alone, without http://, slashes and ports",
        ),
        (
            "192.0.2.1",
            "this is an address; enter it under Value, and here a name such as www, or @ for your \
             domain itself",
        ),
        (
            "2001:db8::1",
            "this is an address; enter it under Value, and here a name such as www, or @ for your \
             domain itself",
        ),
        (
            "me@mail",
            "@ stands alone, for your domain itself; for mail addresses under a name enter the \
             name alone",
        ),
        (
            "www IN A 192.0.2.1",
            "this is a line of a zone file; enter the name alone here (www), and the value under \
             Value",
        ),
        (
            "a.example.com, b.example.com",
            "there are several names here; enter one, and make a record for each of the others",
        ),
        (
            "ab--c",
            "-- as the third and fourth character is reserved for encoded names (RFC 5890); use a \
             single - there",
        ),
        (
            "-a",
            "each part between dots begins and ends with a letter or a digit",
        ),
        ("a..b", "remove the extra dot"),
    ] {
        let fault = owned(typed, RecordType::A).unwrap_err();
        assert_eq!(fault.to_string(), text, "{typed}");
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

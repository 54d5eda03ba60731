#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use proptest::prelude::*;

use super::*;
use crate::names::{BaseDomain, Label, RootDomain};
use crate::record::RecordType;

fn base() -> BaseDomain {
    let root = RootDomain::parse("starchart.com").unwrap();
    root.base(&Label::parse("user1").unwrap())
}

fn name(text: &str) -> NamePattern {
    NamePattern::Name(text.to_owned())
}

fn subtree(text: &str) -> NamePattern {
    NamePattern::Subtree(text.to_owned())
}

#[test]
fn a_secret_is_read_again_and_any_change_of_it_is_not() {
    let secret = TokenSecret::from_random(&[7; 32]);
    let text = secret.expose().to_owned();
    assert_eq!(text.len(), 52);
    assert_eq!(TokenSecret::parse(&text), Some(secret.clone()));
    assert!(text.starts_with(secret.prefix()) && secret.prefix().len() == 11);
    assert_eq!(format!("{secret:?}"), "***");
    for at in 0..text.len() {
        let mut edited = text.clone().into_bytes();
        edited[at] = if edited[at] == b'A' { b'B' } else { b'A' };
        let edited = String::from_utf8(edited).unwrap();
        assert_eq!(TokenSecret::parse(&edited), None, "{at}");
    }
    for other in [
        "",
        "sc_",
        &text[1..],
        &format!("{text}0"),
        &format!(" {text}"),
        "sc_é",
    ] {
        assert_eq!(TokenSecret::parse(other), None, "{other}");
    }
}

#[test]
fn secrets_of_known_numbers() {
    // The smallest and the greatest number; checked with another implementation of base62.
    let digits = |octet| TokenSecret::from_random(&[octet; 32]).expose()[3..46].to_owned();
    assert_eq!(digits(0), "0".repeat(43));
    assert_eq!(digits(255), GREATEST);
    // The checksum of the first: CRC-32 of "sc_" and 43 zeros.
    let zero = TokenSecret::from_random(&[0; 32]);
    assert_eq!(&zero.expose()[46..], CHECKSUM_OF_ZERO);
}

/// The number 2^256 - 1 in base62.
const GREATEST: &str = "yhjskwdA6OZ1AL1YmHWZWm8LLG7HjnuCA2j5rOw8Xp1";
const CHECKSUM_OF_ZERO: &str = "4QPXIL";

#[test]
fn patterns_cover_names() {
    for (pattern, relative, covers) in [
        (NamePattern::All, "@", true),
        (NamePattern::All, "", true),
        (NamePattern::All, "*", true),
        (NamePattern::All, "a.b", true),
        (name("dev"), "dev", true),
        (name("dev"), "www.dev", false),
        (name("dev"), "*.dev", false),
        (name("dev"), "xdev", false),
        (name("dev"), "@", false),
        (name("dev"), "_acme-challenge.dev", false),
        (name("@"), "", true),
        (name("@"), "@", true),
        (name("@"), "www", false),
        (name("*"), "*", false),
        (name("*.dev"), "*.dev", false),
        (subtree("dev"), "dev", true),
        (subtree("dev"), "www.dev", true),
        (subtree("dev"), "a.b.dev", true),
        (subtree("dev"), "*.dev", true),
        (subtree("dev"), "_acme-challenge.dev", true),
        (subtree("dev"), "xdev", false),
        (subtree("dev"), "x-dev", false),
        (subtree("dev"), "dev.www", false),
        (subtree("dev"), "*", false),
        (subtree("dev"), "@", false),
        (subtree("dev"), "", false),
        (subtree("a.b"), "b", false),
        (subtree("a.b"), "x.a.b", true),
        (subtree("@"), "x", true),
        (subtree("@"), "", true),
    ] {
        assert_eq!(pattern.covers(relative), covers, "{pattern:?} {relative}");
    }
}

#[test]
fn typed_names_become_patterns() {
    let base = base();
    let parsed = |text| NamePattern::parse_name(text, &base, &super::form::ANY_NAME);
    for (input, relative) in [
        ("dev", "dev"),
        (" DEV ", "dev"),
        ("@", "@"),
        ("a.b", "a.b"),
        ("_dmarc", "_dmarc"),
        ("bücher", "xn--bcher-kva"),
    ] {
        assert_eq!(parsed(input), Ok(name(relative)), "{input}");
    }
    assert_eq!(parsed("*"), Err(PatternFault::Wildcard));
    assert_eq!(parsed("*.dev"), Err(PatternFault::Wildcard));
    for input in ["", "a..b", "a b", "www.user2.starchart.com", "-a"] {
        assert!(
            matches!(parsed(input), Err(PatternFault::Name(_))),
            "{input}"
        );
    }
    assert_eq!(
        NamePattern::parse_subtree("@", &base, &super::form::ANY_NAME),
        Ok(NamePattern::All)
    );
    assert_eq!(
        NamePattern::parse_subtree("dev", &base, &super::form::ANY_NAME),
        Ok(subtree("dev"))
    );
}

/// A right to write TXT records at `dev` and below, to read everything, to answer the challenge of
/// `www`, and to set the addresses of `home`.
fn rights() -> TokenRights {
    TokenRights {
        records: vec![
            RecordRight {
                access: Access::Write,
                names: subtree("dev"),
                types: vec![RecordType::Txt],
            },
            RecordRight {
                access: Access::Read,
                names: NamePattern::All,
                types: vec![],
            },
        ],
        challenges: vec![name("www")],
        addresses: vec!["home".to_owned()],
        certificate: CertificateRights::default(),
    }
}

#[test]
fn rights_allow_what_they_say() {
    let rights = rights();
    let of = |relative| {
        let write = |rtype| rights.may_write_record(relative, rtype);
        (
            rights.may_read_record(relative, RecordType::Mx),
            write(RecordType::Txt),
            write(RecordType::A),
            rights.may_answer_challenge(relative),
            rights.may_set_address(relative),
        )
    };
    for (relative, expected) in [
        ("@", (true, false, false, false, false)),
        ("dev", (true, true, false, true, false)),
        ("a.dev", (true, true, false, true, false)),
        ("*.dev", (true, true, false, true, false)),
        ("www", (true, false, false, true, false)),
        ("a.www", (true, false, false, false, false)),
        ("home", (true, false, false, false, true)),
        ("a.home", (true, false, false, false, false)),
        ("_acme-challenge.www", (true, false, false, false, false)),
        ("_acme-challenge.home", (true, false, false, false, false)),
        ("*", (true, false, false, false, false)),
    ] {
        assert_eq!(of(relative), expected, "{relative}");
    }
    let nothing = TokenRights::default();
    assert!(nothing.is_empty() && !nothing.may_read_certificate_state());
    let all = TokenRights {
        records: vec![RecordRight {
            access: Access::Write,
            names: NamePattern::All,
            types: vec![],
        }],
        ..TokenRights::default()
    };
    assert!(all.may_answer_challenge("") && all.may_set_address("@"));
    assert!(!all.may_read_certificate(), "records are no certificate");
    let request = TokenRights {
        certificate: CertificateRights {
            request: true,
            ..CertificateRights::default()
        },
        ..TokenRights::default()
    };
    assert!(request.may_read_certificate_state() && !request.may_read_certificate());
}

#[test]
fn rights_are_described_in_words() {
    let mut rights = rights();
    rights.certificate.read_key = true;
    assert_eq!(
        rights.describe(&base()),
        [
            "Read and write TXT records of dev.user1.starchart.com and all names below it",
            "Read records of user1.starchart.com and all names below it",
            "Get certificates (answer ACME challenges) for www.user1.starchart.com",
            "Set the addresses of home.user1.starchart.com",
            "Read the certificate with its private key",
        ]
    );
}

#[test]
fn stored_rights_are_read_again_and_unknown_limits_are_refused() {
    let rights = rights();
    let json = serde_json::to_string(&rights).unwrap();
    assert_eq!(
        json,
        concat!(
            r#"{"records":[{"access":"write","names":{"subtree":"dev"},"types":["TXT"]},"#,
            r#"{"access":"read","names":"all","types":[]}],"challenges":[{"name":"www"}],"#,
            r#""addresses":["home"],"#,
            r#""certificate":{"read":false,"read_key":false,"request":false}}"#,
        )
    );
    assert_eq!(serde_json::from_str::<TokenRights>(&json).unwrap(), rights);
    for unknown in [
        r#"{"zones":[]}"#,
        r#"{"records":[{"access":"write","names":"all","types":[],"until":1}]}"#,
        r#"{"records":[{"access":"write","names":"all","types":["LOC"]}]}"#,
        r#"{"records":[{"access":"write","types":[]}]}"#,
        r#"{"certificate":{"revoke":true}}"#,
    ] {
        let read = serde_json::from_str::<TokenRights>(unknown);
        assert!(read.is_err(), "{unknown}");
    }
}

#[test]
fn networks_limit_addresses() {
    let networks = Networks::parse("192.0.2.7, 198.51.100.9/24\n2001:db8::1/48").unwrap();
    assert_eq!(
        networks.to_string(),
        "192.0.2.7, 198.51.100.0/24, 2001:db8::/48"
    );
    for (address, is_allowed) in [
        ("192.0.2.7", true),
        ("::ffff:192.0.2.7", true),
        ("192.0.2.8", false),
        ("198.51.100.200", true),
        ("198.51.101.1", false),
        ("2001:db8:0:1::5", true),
        ("2001:db8:1::5", false),
    ] {
        assert_eq!(
            networks.allow(address.parse().unwrap()),
            is_allowed,
            "{address}"
        );
    }
    assert!(
        Networks::parse(" \n")
            .unwrap()
            .allow("192.0.2.1".parse().unwrap())
    );
    for wrong in ["192.0.2.0/33", "router", "192.0.2"] {
        let fault = NetworkFault::Invalid(wrong.to_owned());
        assert_eq!(Networks::parse(wrong), Err(fault), "{wrong}");
    }
    let many: Vec<String> = (0..21).map(|n| format!("192.0.2.{n}")).collect();
    assert_eq!(Networks::parse(&many.join(" ")), Err(NetworkFault::TooMany));
}

fn form() -> TokenForm {
    TokenForm {
        name: " Certbot\n".to_owned(),
        challenges: "www, dev\nwww".to_owned(),
        last_day: "2026-12-31".to_owned(),
        idle_days: "30".to_owned(),
        ..TokenForm::default()
    }
}

/// The time of these tests: 2026-12-01 10:00 UTC.
fn now() -> Timestamp {
    Timestamp::from_date("2026-12-01")
        .unwrap()
        .plus(10 * 3_600_000)
}

#[test]
fn a_form_becomes_a_token() {
    let new = form().check(&base(), now()).unwrap();
    assert_eq!(new.name, "Certbot");
    assert_eq!(new.rights.challenges, [name("www"), name("dev")]);
    assert_eq!(new.expires_at.to_minute(), "2027-01-01 00:00 UTC");
    assert_eq!(new.idle_ms, Some(30 * 86_400_000));
    assert!(new.networks.allow_all());
    let mut custom = form();
    custom.challenges_below = true;
    custom.addresses = "home @".to_owned();
    custom.last_day = "2027-12-01".to_owned();
    let row = |access: &str, names: &str, below, types: &str| RecordRightForm {
        access: access.to_owned(),
        names: names.to_owned(),
        below,
        types: types.to_owned(),
    };
    custom.records = vec![
        row("write", "dev a.b", true, "txt, AAAA"),
        row("", "", false, ""),
        row("read", "@", true, ""),
    ];
    let new = custom.check(&base(), now()).unwrap();
    assert_eq!(new.rights.challenges, [subtree("www"), subtree("dev")]);
    assert_eq!(new.rights.addresses, ["home", "@"]);
    let right = |access, names, types: &[RecordType]| RecordRight {
        access,
        names,
        types: types.to_vec(),
    };
    let types = [RecordType::Txt, RecordType::Aaaa];
    assert_eq!(
        new.rights.records,
        [
            right(Access::Write, subtree("dev"), &types),
            right(Access::Write, subtree("a.b"), &types),
            right(Access::Read, NamePattern::All, &[]),
        ]
    );
    let year = now().plus(TOKEN_DAYS_MAX * 86_400_000);
    assert_eq!(new.expires_at, year, "not a minute more than a year");
}

#[test]
fn every_fault_of_a_form_is_found() {
    type Change = fn(&mut TokenForm);
    let record = |change: fn(&mut RecordRightForm)| {
        let mut row = RecordRightForm::default();
        change(&mut row);
        row
    };
    let cases: &[(Change, TokenField, &str)] = &[
        (|it| it.name.clear(), TokenField::Name, "enter a name"),
        (
            |it| it.name = "x".repeat(65),
            TokenField::Name,
            "at most 64",
        ),
        (
            |it| it.challenges = "*.dev".to_owned(),
            TokenField::Challenges,
            "a wildcard",
        ),
        (
            |it| it.challenges = "a..b".to_owned(),
            TokenField::Challenges,
            "“a..b”: ",
        ),
        (
            |it| it.addresses = "*".to_owned(),
            TokenField::Addresses,
            "a wildcard",
        ),
        (
            |it| it.challenges = "_acme-challenge.www".to_owned(),
            TokenField::Challenges,
            "“_acme-challenge.www”: ",
        ),
        (
            |it| it.addresses = "_home".to_owned(),
            TokenField::Addresses,
            "“_home”: ",
        ),
        (
            |it| it.networks = "router".to_owned(),
            TokenField::Networks,
            "“router” is neither",
        ),
        (|it| it.last_day.clear(), TokenField::LastDay, "enter a day"),
        (
            |it| it.last_day = "2026-11-30".to_owned(),
            TokenField::LastDay,
            "is over",
        ),
        (
            |it| it.last_day = "2027-12-02".to_owned(),
            TokenField::LastDay,
            "until 2027-12-01",
        ),
        (
            |it| it.idle_days = "0".to_owned(),
            TokenField::IdleDays,
            "from 1 to 365",
        ),
        (
            |it| it.idle_days = "a month".to_owned(),
            TokenField::IdleDays,
            "from 1 to 365",
        ),
        (|it| it.challenges.clear(), TokenField::Form, "at least one"),
    ];
    for (change, field, words) in cases {
        let mut form = form();
        change(&mut form);
        let faults = form.check(&base(), now()).unwrap_err();
        let [(found, fault)] = &faults[..] else {
            panic!("{faults:?}")
        };
        assert!(
            found == field && fault.to_string().contains(words),
            "{faults:?}"
        );
    }
    for (row, words) in [
        (record(|it| it.names = "dev".to_owned()), "choose whether"),
        (record(|it| it.types = "A".to_owned()), "choose whether"),
        (record(|it| it.access = "read".to_owned()), "enter a name"),
        (
            record(|it| {
                it.access = "read".to_owned();
                it.names = "dev".to_owned();
                it.types = "LOC".to_owned();
            }),
            "“LOC” is none of the types A, AAAA",
        ),
    ] {
        let mut form = form();
        form.records = vec![RecordRightForm::default(), row];
        let faults = form.check(&base(), now()).unwrap_err();
        let [(TokenField::Record(1), fault)] = &faults[..] else {
            panic!("{faults:?}")
        };
        assert!(fault.to_string().contains(words), "{fault}");
    }
    let faults = TokenForm::default().check(&base(), now()).unwrap_err();
    let fields: Vec<_> = faults.iter().map(|(field, _)| *field).collect();
    assert_eq!(
        fields,
        [TokenField::Name, TokenField::LastDay, TokenField::Form],
        "all at once"
    );
}

fn any_relative() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("@".to_owned()),
        "([ab*]|_acme-challenge)(\\.[ab]){0,2}",
    ]
}

fn any_pattern() -> impl Strategy<Value = NamePattern> {
    prop_oneof![
        Just(NamePattern::All),
        any_relative().prop_map(NamePattern::Name),
        any_relative().prop_map(NamePattern::Subtree),
    ]
}

fn any_type() -> impl Strategy<Value = RecordType> {
    proptest::sample::select(RecordType::ALL)
}

prop_compose! {
    fn any_right()(
        access in proptest::sample::select(vec![Access::Read, Access::Write]),
        names in any_pattern(),
        types in proptest::collection::vec(any_type(), 0..3),
    ) -> RecordRight {
        RecordRight { access, names, types }
    }
}

prop_compose! {
    fn any_rights()(
        records in proptest::collection::vec(any_right(), 0..3),
        challenges in proptest::collection::vec(any_pattern(), 0..2),
        addresses in proptest::collection::vec(any_relative(), 0..2),
    ) -> TokenRights {
        TokenRights { records, challenges, addresses, certificate: CertificateRights::default() }
    }
}

/// Everything that rights can allow about one name and type.
fn allowed(rights: &TokenRights, relative: &str, rtype: RecordType) -> [bool; 4] {
    [
        rights.may_read_record(relative, rtype),
        rights.may_write_record(relative, rtype),
        rights.may_answer_challenge(relative),
        rights.may_set_address(relative),
    ]
}

/// Rights that each are narrower than these in one point.
fn narrowed(rights: &TokenRights) -> Vec<TokenRights> {
    let mut all = Vec::new();
    let mut keep = |change: &dyn Fn(&mut TokenRights)| {
        let mut narrower = rights.clone();
        change(&mut narrower);
        all.push(narrower);
    };
    for at in 0..rights.records.len() {
        keep(&|it| drop(it.records.remove(at)));
        keep(&|it| it.records[at].access = Access::Read);
        keep(&|it| it.records[at].names = narrower_pattern(&it.records[at].names));
        if rights.records[at].types.is_empty() {
            keep(&|it| it.records[at].types.push(RecordType::Txt));
        } else if rights.records[at].types.len() > 1 {
            keep(&|it| it.records[at].types.truncate(1));
        }
    }
    for at in 0..rights.challenges.len() {
        keep(&|it| drop(it.challenges.remove(at)));
        keep(&|it| it.challenges[at] = narrower_pattern(&it.challenges[at]));
    }
    for at in 0..rights.addresses.len() {
        keep(&|it| drop(it.addresses.remove(at)));
    }
    all
}

fn narrower_pattern(pattern: &NamePattern) -> NamePattern {
    match pattern {
        NamePattern::All => subtree("a"),
        NamePattern::Subtree(top) => NamePattern::Name(top.clone()),
        NamePattern::Name(_) => name("b.b.b.b"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Rights never widen: neither by taking one away, nor by limiting one, nor in the database.
    #[test]
    fn rights_never_widen(
        rights in any_rights(), relative in any_relative(), rtype in any_type(),
    ) {
        let wide = allowed(&rights, &relative, rtype);
        for narrower in narrowed(&rights) {
            let narrow = allowed(&narrower, &relative, rtype);
            for (narrow, wide) in narrow.into_iter().zip(wide) {
                prop_assert!(!narrow || wide, "{narrower:?}");
            }
        }
        let stored = serde_json::to_string(&rights).unwrap();
        let read: TokenRights = serde_json::from_str(&stored).unwrap();
        prop_assert_eq!(allowed(&read, &relative, rtype), wide);
    }

    /// A wildcard needs a right for all names that it can answer for.
    #[test]
    fn who_writes_a_wildcard_may_write_every_name_below(
        right in any_right(),
        top in "[ab](\\.[ab]){0,1}",
        rtype in any_type(),
        below in "[a-z]{1,5}",
    ) {
        let single = TokenRights { records: vec![right], ..TokenRights::default() };
        if single.may_write_record(&format!("*.{top}"), rtype) {
            let name = format!("{below}.{top}");
            prop_assert!(single.may_write_record(&name, rtype), "{}", name);
        }
    }

    /// A right to write a record includes the right to read it.
    #[test]
    fn what_may_be_written_may_be_read(
        rights in any_rights(), relative in any_relative(), rtype in any_type(),
    ) {
        if rights.may_write_record(&relative, rtype) {
            prop_assert!(rights.may_read_record(&relative, rtype));
        }
    }

    #[test]
    fn secrets_of_any_bits_are_read_again(random in any::<[u8; 32]>()) {
        let secret = TokenSecret::from_random(&random);
        prop_assert_eq!(TokenSecret::parse(secret.expose()), Some(secret));
    }
}

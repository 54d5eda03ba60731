//! Tests of the attribution of Route53's messages.

use starchart_domain::rrset::Rrset;

use super::*;

fn one(message: &str) -> Sentence {
    let sentences = parse(message);
    assert_eq!(sentences.len(), 1, "{sentences:?}");
    sentences[0].clone()
}

const CONFLICTING_CNAME: &str = "RRSet of type A with DNS name test_record.starchart.com. is \
    not permitted because a conflicting RRSet of type  CNAME with the same DNS name already \
    exists in zone starchart.com.";
const CNAME_BESIDE_OTHERS: &str = "[RRSet of type CNAME with DNS name x.starchart.com. is not \
    permitted as it conflicts with other records with the same DNS name in zone \
    starchart.com.]";
const TWO_FAULTS: &str = "[Tried to delete resource record set [name='a.starchart.com.', \
    type='CNAME'] but the values provided do not match the current values, Tried to create \
    resource record set [name='b.starchart.com.', type='CNAME'] but it already exists]";

/// Current and older messages of Route53, with other names.
#[test]
fn known_messages_are_parsed() {
    use FaultKind::*;
    for (message, kind, name, rtype) in [
        (
            "[Tried to create resource record set [name='www.user1.starchart.com.', \
             type='TXT'] but it already exists]",
            Exists,
            "www.user1.starchart.com",
            "TXT",
        ),
        (
            "[Tried to create resource record set [name='geo.starchart.com.', type='A', \
             set-identifier='Default'] but it already exists]",
            Exists,
            "geo.starchart.com",
            "A",
        ),
        (
            "Tried to create resource record set duplicate.starchart.com. type A, but it \
             already exists",
            Exists,
            "duplicate.starchart.com",
            "A",
        ),
        (
            "Tried to delete resource record set [name='\\052.user1.starchart.com.', \
             type='CNAME'] but it was not found",
            Missing,
            "*.user1.starchart.com",
            "CNAME",
        ),
        (
            "Tried to delete resource record set noexist.starchart.com. type A,but it was not \
             found",
            Missing,
            "noexist.starchart.com",
            "A",
        ),
        (
            "Tried to delete resource record set [name='x.starchart.com.', type='A'] but the \
             values provided do not match the current values",
            Differs,
            "x.starchart.com",
            "A",
        ),
        (CONFLICTING_CNAME, Exists, "test_record.starchart.com", "A"),
        (CNAME_BESIDE_OTHERS, Exists, "x.starchart.com", "CNAME"),
        (
            "[RRSet of type CNAME with DNS name starchart.com. is not permitted at apex in \
             zone starchart.com.]",
            Other,
            "starchart.com",
            "CNAME",
        ),
        (
            "The request contains an invalid set of changes for a resource record set \
             'CNAME ds01.starchart.com.'",
            Other,
            "ds01.starchart.com",
            "CNAME",
        ),
    ] {
        let sentence = one(message);
        assert_eq!(sentence.kind, kind, "{message}");
        assert_eq!(sentence.name.as_deref(), Some(name), "{message}");
        assert_eq!(sentence.rtype, RecordType::parse(rtype), "{message}");
        assert!(!sentence.text.starts_with('['), "{}", sentence.text);
    }
    let outside =
        one("RRSet with DNS name www.example.org. is not permitted in zone starchart.com.");
    assert_eq!(
        (outside.kind, outside.name.as_deref()),
        (Other, Some("www.example.org"))
    );
}

#[test]
fn values_in_messages_are_extracted() {
    for (message, value) in [
        (
            "[Invalid Resource Record: FATAL problem: ARRDATANotSingleField (Value contains \
             spaces) encountered with '192.0.2.1, 192.0.2.2']",
            "192.0.2.1, 192.0.2.2",
        ),
        (
            "Invalid Resource Record: FATAL problem: ARRDATAIllegalIPv4Address (Value is not \
             a valid IPv4 address) encountered with 'ns-1.example.net.'",
            "ns-1.example.net.",
        ),
        (
            "[Invalid Resource Record: 'FATAL problem: CharacterStringTooLong (Value is too \
             long) encountered with '\"v=DKIM1; k=rsa\"'']",
            "\"v=DKIM1; k=rsa\"",
        ),
        ("[Duplicate Resource Record: '192.0.2.1']", "192.0.2.1"),
    ] {
        let sentence = one(message);
        assert_eq!(sentence.kind, FaultKind::InvalidValue, "{message}");
        assert_eq!(sentence.value.as_deref(), Some(value), "{message}");
    }
}

#[test]
fn a_message_with_several_sentences_is_split() {
    let sentences = parse(TWO_FAULTS);
    let seen: Vec<_> = sentences
        .iter()
        .map(|s| (s.kind, s.name.as_deref()))
        .collect();
    assert_eq!(
        seen,
        [
            (FaultKind::Differs, Some("a.starchart.com")),
            (FaultKind::Exists, Some("b.starchart.com"))
        ]
    );
    assert!(
        sentences[1].text.ends_with("already exists"),
        "{}",
        sentences[1].text
    );
}

fn create(name: &str, rtype: RecordType, value: &str) -> Change {
    Change::create(Rrset::new(name, rtype, [value.to_owned()]))
}

#[test]
fn faults_are_attributed_to_rrsets_of_the_batch() {
    let spellings = [r#""\226\130\172""#, r#""\226\130" "\172""#].map(str::to_owned);
    let twice = Rrset::new("d.starchart.com", RecordType::Txt, spellings);
    let changes = [
        create("a.starchart.com", RecordType::A, "192.0.2.1"),
        create("b.starchart.com", RecordType::Mx, "10 mail..example.com."),
        create("b.starchart.com", RecordType::A, "192.0.2.2"),
        create("c.starchart.com", RecordType::Mx, "10 mail..example.com."),
        create("c.starchart.com", RecordType::Txt, r#""\226\130\172""#),
        create("d.starchart.com", RecordType::Aaaa, "192.0.2.2"),
        Change::create(twice.clone()),
    ];
    let messages = [
        "[Tried to create resource record set [name='a.starchart.com.', type='A'] but it \
         already exists, Invalid Resource Record: FATAL problem: MXRRDATAInvalid encountered \
         with '10 mail..example.com.']",
        "Tried to create resource record set [name='z.starchart.com.', type='A'] but it \
         already exists",
        "Invalid Resource Record: 'FATAL problem: AAAARRDATAIllegalIPv6Address (Value is not a \
         valid IPv6 address) encountered with '192.0.2.2''",
        "RRSet with DNS name a.starchart.com. is not permitted in zone example.com.",
        r#"Duplicate Resource Record: '"\342\202\254"'"#,
        "An unknown sentence",
    ]
    .map(str::to_owned);
    let faults = attribute(&messages, &changes);
    let seen: Vec<_> = faults
        .iter()
        .map(|fault| (fault.kind, fault.name.as_deref(), fault.rtype))
        .collect();
    let invalid = FaultKind::InvalidValue;
    assert_eq!(
        seen,
        [
            (
                FaultKind::Exists,
                Some("a.starchart.com"),
                Some(RecordType::A)
            ),
            (invalid, Some("b.starchart.com"), Some(RecordType::Mx)),
            (invalid, Some("c.starchart.com"), Some(RecordType::Mx)),
            (FaultKind::Exists, None, None),
            (invalid, Some("d.starchart.com"), Some(RecordType::Aaaa)),
            (
                FaultKind::Other,
                Some("a.starchart.com"),
                Some(RecordType::A)
            ),
            (invalid, Some("d.starchart.com"), Some(RecordType::Txt)),
            (FaultKind::Other, None, None),
        ],
        "{faults:?}"
    );
}

#[test]
fn only_the_bracket_of_the_list_is_dropped() {
    let set = "Tried to delete resource record set [name='a.starchart.com.', type='A']";
    let rule = "RRSet of type A with DNS name b.starchart.com. is not permitted";
    for (message, expected) in [
        (set.to_owned(), vec![set]),
        (format!("[{set}]"), vec![set]),
        (format!("[{set}, {rule}]"), vec![set, rule]),
        (format!("[{rule}, {set}]"), vec![rule, set]),
    ] {
        let texts: Vec<String> = parse(&message).into_iter().map(|one| one.text).collect();
        assert_eq!(texts, expected, "{message}");
    }
}

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use super::*;
use crate::words::{NameLists, NameRules};

fn account(username: &str, created: i64, existing_label: Option<&str>) -> ImportedAccount {
    let existing_label = existing_label.map(|label| Label::parse(label).unwrap());
    ImportedAccount {
        username: username.to_owned(),
        created_at: Timestamp::from_millis(created),
        existing_label,
    }
}

fn root() -> RootDomain {
    RootDomain::parse("starchart.com").unwrap()
}

fn label(text: &str) -> Label {
    Label::parse(text).unwrap()
}

/// Assigns labels with the reserved ones that come with the program.
fn assign(accounts: &[ImportedAccount], taken: &[Label]) -> Vec<LabelAssignment> {
    let reserved = NameRules::new(&NameLists::built_in(), [], None).reserved;
    assign_labels(accounts, &taken.iter().cloned().collect(), &reserved)
}

#[test]
fn the_older_account_keeps_a_shared_label() {
    let accounts = [
        account("stu.dent1", 5, None),
        account("s.tudent1", 3, None),
        account("student1", 3, None),
        account("student2", 9, None),
        account("Student.Three", 1, None),
    ];
    let assignments = assign(&accounts, &[]);
    let taken = || LabelAssignment::Taken {
        label: label("student1"),
        by: Some("s.tudent1".to_owned()),
    };
    assert_eq!(
        assignments,
        [
            taken(),
            // Created at the same time: the user name decides.
            LabelAssignment::FromUsername(label("student1")),
            taken(),
            LabelAssignment::FromUsername(label("student2")),
            LabelAssignment::FromUsername(label("studentthree")),
        ]
    );
}

#[test]
fn existing_users_keep_their_labels() {
    let accounts = [
        account("student1", 1, None),
        account("stu.dent1", 9, Some("student1")),
        account("student2", 1, Some("second")),
        account("stu.dent2", 2, None),
        account("student3", 1, None),
    ];
    assert_eq!(
        assign(&accounts, &[label("student3")]),
        [
            LabelAssignment::Taken {
                label: label("student1"),
                by: Some("stu.dent1".to_owned())
            },
            LabelAssignment::FromUsername(label("student1")),
            LabelAssignment::AlreadyAssigned(label("second")),
            LabelAssignment::FromUsername(label("student2")),
            LabelAssignment::Taken {
                label: label("student3"),
                by: None
            },
        ]
    );
}

#[test]
fn reserved_and_invalid_labels_are_not_assigned() {
    let accounts = [
        account("Ad.min", 1, None),
        account("some_body", 1, None),
        account("josé.x", 1, None),
    ];
    let assignments = assign(&accounts, &[]);
    assert_eq!(
        assignments,
        [
            LabelAssignment::Reserved("admin".to_owned()),
            LabelAssignment::Invalid("some_body".to_owned()),
            LabelAssignment::Invalid("joséx".to_owned())
        ]
    );
    assert!(
        assignments
            .iter()
            .all(|assignment| assignment.derived_label().is_none())
    );
}

#[test]
fn names_are_kept() {
    let read =
        |subdomain: &str, username: &str, rtype| import_name(subdomain, username, &root(), rtype);
    let stays = |fqdn: &str, rule| ImportedName::Kept {
        fqdn: fqdn.to_owned(),
        rule,
    };
    for (subdomain, username, rtype, expected) in [
        (
            "www",
            "stu.dent1",
            RecordType::A,
            stays("www.student1.starchart.com", None),
        ),
        (
            "WWW",
            "Student1",
            RecordType::A,
            stays("www.student1.starchart.com", None),
        ),
        (
            "@",
            "student1",
            RecordType::A,
            stays("student1.starchart.com", None),
        ),
        (
            "_web",
            "student1",
            RecordType::A,
            stays(
                "_web.student1.starchart.com",
                Some(NameFault::Underscore {
                    types: "CNAME, TXT, SRV, HTTPS, SVCB and TLSA".to_owned(),
                }),
            ),
        ),
        (
            "_dmarc",
            "student1",
            RecordType::Txt,
            stays("_dmarc.student1.starchart.com", None),
        ),
        // The user name gives no label, so there is no base domain to check against.
        (
            "www",
            "stu_dent",
            RecordType::A,
            stays("www.stu_dent.starchart.com", None),
        ),
    ] {
        assert_eq!(
            read(subdomain, username, rtype),
            expected,
            "{subdomain} {username}"
        );
    }
    for subdomain in [
        "_acme-challenge",
        "_ACME-challenge",
        "_acme-challenge.www",
        "www._acme-challenge",
    ] {
        assert!(
            matches!(
                read(subdomain, "student1", RecordType::Txt),
                ImportedName::Challenge { .. }
            ),
            "{subdomain}"
        );
    }
    for (subdomain, username) in [
        ("a..b", "x1"),
        (&"x".repeat(64), "x1"),
        ("a b", "x1"),
        ("www", "josé"),
        ("*", "x1"),
    ] {
        assert!(
            matches!(
                read(subdomain, username, RecordType::A),
                ImportedName::Impossible { .. }
            ),
            "{subdomain} {username}"
        );
    }
}

#[test]
fn values_are_kept() {
    use RecordType::{A, Aaaa, Cname, Mx, Txt};
    for (rtype, value, presentation) in [
        (A, "192.168.1.1", "192.168.1.1"),
        (Aaaa, "2001:0DB8::0001", "2001:db8::1"),
        (Cname, "Pages.Example.COM", "pages.example.com."),
        (Mx, "mail.example.com", "10 mail.example.com."),
        (Txt, "a \"b\"", r#""a \"b\"""#),
    ] {
        let read = import_value(rtype, value);
        assert_eq!(
            (read.presentation.as_str(), read.rule, read.fits_zone),
            (presentation, None, true),
            "{value}"
        );
    }
    for (rtype, value, presentation, fits_zone) in [
        (A, "127.0.0.1", "127.0.0.1", true),
        (Aaaa, "fe80::1", "fe80::1", true),
        (Aaaa, "fe80::1%eth0", "fe80::1%eth0", false),
        (A, "300.1.1.1", "300.1.1.1", false),
        (Cname, "localhost", "localhost.", true),
        (Cname, "http://example.com", "http://example.com", false),
        (Mx, "10 mail.example.com", "10 mail.example.com", false),
        (Mx, "192.0.2.1", "10 192.0.2.1.", true),
        (Txt, "a\tb", "\"a\\009b\"", true),
    ] {
        let read = import_value(rtype, value);
        assert_eq!(
            (read.presentation.as_str(), read.fits_zone),
            (presentation, fits_zone),
            "{value}"
        );
        assert!(read.rule.is_some(), "{value}");
    }
    assert!(
        !import_value(Txt, &"é".repeat(600)).fits_zone,
        "longer than a zone takes"
    );
}

#[test]
fn no_expiry_is_notified_twice() {
    const DAY: i64 = 24 * 60 * 60 * 1_000;
    let now = Timestamp::from_millis(1_800_000_000_000);
    let at = |days: i64| now.plus(days * DAY);
    for (ends, notified, expected) in [
        (100, None, ImportedExpiry::NotNotified),
        (10, None, ImportedExpiry::NotNotified),
        (10, Some(-20), ImportedExpiry::Notified(at(-20))),
        // Notified of the end before the last edit, which gave six more months.
        (170, Some(-20), ImportedExpiry::NotNotified),
        (-1, Some(-31), ImportedExpiry::Expired),
        (0, None, ImportedExpiry::Expired),
    ] {
        assert_eq!(
            classify_expiry(at(ends), notified.map(at), now),
            expected,
            "{ends} {notified:?}"
        );
    }
}

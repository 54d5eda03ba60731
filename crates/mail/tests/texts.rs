//! Subjects and bodies of the mails.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]
#![expect(
    clippy::print_stdout,
    reason = "`--no-capture` shows the mails as their reader sees them"
)]

use starchart_domain::notice::{Notice, NoticeItem, NoticeKind};
use starchart_domain::site::Site;
use starchart_mail::MailTheme;

fn theme() -> MailTheme {
    MailTheme {
        site: Site {
            name: "My.Custom.Domain".into(),
            school: "School".into(),
            support: Some("help@school.example".into()),
        },
        app_url: "https://names.school.example".into(),
    }
}

fn record(name: &str, what: &str) -> NoticeItem {
    NoticeItem {
        name: name.into(),
        what: Some(what.into()),
        on: Some("2026-12-25 UTC".into()),
        reason: None,
    }
}

fn certificate(reason: Option<&str>) -> NoticeItem {
    let on = reason.is_none().then(|| "2026-12-25 09:30 UTC".to_owned());
    NoticeItem {
        name: "*.user1.starchart.com".into(),
        what: None,
        on,
        reason: reason.map(Into::into),
    }
}

fn render(kind: NoticeKind, items: Vec<NoticeItem>, more: u32) -> (String, String) {
    let (subject, body) = theme()
        .render("Johannes Kepler", &Notice { kind, items }, more)
        .unwrap();
    println!("Subject: {subject}\n\n{body}\n=====");
    (subject, body)
}

/// Returns the subject of a mail about one item, and about several.
fn subjects(kind: NoticeKind) -> (&'static str, &'static str) {
    match kind {
        NoticeKind::RecordExpiring => (
            "DNS record approaching expiration",
            "DNS records approaching expiration",
        ),
        NoticeKind::RecordExpired => ("DNS record expired", "DNS records expired"),
        NoticeKind::CertificateReady => ("certificate ready", "certificates ready"),
        NoticeKind::CertificateFailed => {
            ("certificate request failed", "certificate requests failed")
        }
        NoticeKind::CertificateExpiring => (
            "certificate approaching expiration",
            "certificates approaching expiration",
        ),
        NoticeKind::CertificateExpired => ("certificate expired", "certificates expired"),
        NoticeKind::RenewalBroughtForward => (
            "certificate renewal brought forward",
            "certificate renewals brought forward",
        ),
        NoticeKind::MachineStopped => (
            "server no longer fetches its certificate",
            "servers no longer fetch their certificate",
        ),
    }
}

#[test]
fn every_kind_has_a_singular_and_a_plural_subject() {
    for &kind in NoticeKind::ALL {
        let (one, many) = subjects(kind);
        let item = match kind {
            NoticeKind::RecordExpiring | NoticeKind::RecordExpired => {
                record("www.user1.starchart.com", "A 192.168.1.1")
            }
            NoticeKind::CertificateFailed => {
                certificate(Some("The authority could not see the proof."))
            }
            _ => certificate(None),
        };
        let (subject, body) = render(kind, vec![item.clone()], 0);
        assert_eq!(subject, format!("My.Custom.Domain {one}"));
        let (subject, plural) = render(kind, vec![item.clone(), item], 0);
        assert_eq!(subject, format!("My.Custom.Domain {many}"));
        for body in [&body, &plural] {
            assert!(body.starts_with("Hello Johannes Kepler,\n\n"), "{body}");
            assert!(body.contains("user1.starchart.com"), "{body}");
            assert!(
                body.contains("help@school.example")
                    && body.contains("\n  https://names.school.example/"),
                "{body}"
            );
            assert!(body.contains("\n-- \nMy.Custom.Domain, School\n"), "{body}");
            assert!(body.lines().all(|line| line.len() <= 120), "{body}");
            assert!(!body.contains("\n\n\n") && !body.contains("{{"), "{body}");
            assert!(body.ends_with('\n') && !body.ends_with("\n\n"), "{body:?}");
        }
    }
}

#[test]
fn items_that_are_not_listed_are_counted() {
    let (subject, body) = render(
        NoticeKind::RecordExpired,
        vec![record("a.user1.starchart.com", "A 192.168.1.1")],
        41,
    );
    assert_eq!(subject, "My.Custom.Domain DNS records expired");
    assert!(body.contains("and 41 more"), "{body}");
}

#[test]
fn user_input_cannot_add_lines() {
    let evil = "TXT x\r\n\r\nYour account is locked, go to https://evil.example\u{202e}\u{2028}now";
    let (_, body) = render(
        NoticeKind::RecordExpiring,
        vec![record("www.user1.starchart.com", evil)],
        0,
    );
    assert!(
        !body
            .lines()
            .any(|line| line.trim_start().starts_with("Your account")),
        "{body}"
    );
    assert!(!body.contains(['\r', '\u{202e}', '\u{2028}']), "{body}");
    let notice = Notice {
        kind: NoticeKind::RecordExpired,
        items: vec![record("www.user1.starchart.com", "A 192.168.1.1")],
    };
    let (_, body) = theme().render("Eve\r\nSubject: x", &notice, 0).unwrap();
    assert!(body.starts_with("Hello Eve  Subject: x,\n"), "{body}");
    let (_, body) = theme().render("", &notice, 0).unwrap();
    assert!(body.starts_with("Hello,\n"), "{body}");
}

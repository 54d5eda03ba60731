//! Mail servers that word their replies differently, and addresses that are not ASCII.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use starchart_domain::secret::Secret;
use starchart_domain::site::Site;
use starchart_mail::{
    Auth, ConfigError, MailTheme, Mailer, RenderedMail, SendError, SmtpConfig, Tls,
};
use starchart_testkit::smtp::{PASSWORD, Smtp, USER};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

fn mailer_from(smtp: &Smtp, sender: &str, tls: Tls) -> Mailer {
    try_mailer_from(smtp, sender, tls).unwrap()
}

fn try_mailer_from(smtp: &Smtp, sender: &str, tls: Tls) -> Result<Mailer, ConfigError> {
    let theme = MailTheme {
        site: Site {
            name: "My.Custom.Domain".into(),
            school: "School".into(),
            ..Site::default()
        },
        app_url: "https://names.school.example".into(),
    };
    let config = SmtpConfig {
        host: "localhost".into(),
        port: smtp.port(),
        tls,
        auth: Auth::Password {
            username: Secret::new(USER),
            password: Secret::new(PASSWORD),
        },
        messages_per_minute: 100_000,
        ehlo_name: "names.school.example".into(),
        extra_root_der: Some(smtp.identity().root_der().to_vec()),
        data_timeout: None,
    };
    Mailer::smtp(theme, sender, config)
}

fn mailer(smtp: &Smtp) -> Mailer {
    mailer_from(smtp, USER, Tls::StartTls)
}

fn mail(to: &str) -> RenderedMail {
    RenderedMail {
        name: "Jörg Müller".into(),
        address: to.into(),
        message_id: "1@school.example".into(),
        subject: "A subject with ümlauts ".repeat(30),
        body: format!("Grüße\n{}\n", "long line ".repeat(300)),
    }
}

const STYLES: [&str; 8] = [
    "",
    "lower case",
    "mixed case",
    "AUTH=",
    "codes only",
    "Latin-1",
    "long",
    "lines",
];

#[tokio::test]
async fn servers_may_word_their_replies_as_they_like() {
    for (smtp, tls) in [
        (Smtp::start().await, Tls::StartTls),
        (Smtp::start_tls().await, Tls::Implicit),
    ] {
        for (done, style) in STYLES.into_iter().enumerate() {
            smtp.replies(style);
            let mailer = mailer_from(&smtp, USER, tls);
            let sent = mailer.send(&mail("joerg@school.example")).await;
            assert!(sent.is_ok(), "{style} {tls:?}: {sent:?}");
            assert_eq!(smtp.mails().len(), done + 1, "{style} {tls:?}");
        }
        let raw = &smtp.mails()[0].raw;
        assert!(raw.is_ascii(), "the server needs no 8BITMIME");
        assert!(raw.lines().all(|line| line.len() <= 998), "{raw}");
    }
}

#[tokio::test]
async fn a_refusal_is_understood_in_every_style() {
    let smtp = Smtp::start().await;
    smtp.refuse("gone@school.example", "550 5.1.1 no such user");
    for style in STYLES.into_iter().chain(["571"]) {
        smtp.replies(style);
        let mailer = mailer(&smtp);
        let refused = mailer.send(&mail("gone@school.example")).await;
        assert!(
            matches!(refused, Err(SendError::InvalidAddress(_))),
            "{style}: {refused:?}"
        );
        assert_eq!(mailer.back_off(), None, "{style}: other mails can be sent");
    }
}

/// Recipient, whether the server offers SMTPUTF8, and the envelope's recipient if one is accepted.
const RECIPIENTS: [(&str, bool, Option<&str>); 10] = [
    (
        "user@schüle.example",
        false,
        Some("user@xn--schle-mva.example"),
    ),
    (
        "user@schüle.example",
        true,
        Some("user@xn--schle-mva.example"),
    ),
    (
        "user@xn--schle-mva.example",
        false,
        Some("user@xn--schle-mva.example"),
    ),
    ("user@学校.example", false, Some("user@xn--48s290a.example")),
    ("jörg@school.example", false, None),
    ("jörg@school.example", true, Some("jörg@school.example")),
    ("jörg@schüle.example", false, None),
    (
        "jörg@schüle.example",
        true,
        Some("jörg@xn--schle-mva.example"),
    ),
    (
        r#""jo hn"@schüle.example"#,
        false,
        Some(r#""jo hn"@xn--schle-mva.example"#),
    ),
    (
        r#""a@b"@school.example"#,
        false,
        Some(r#""a@b"@school.example"#),
    ),
];

#[tokio::test]
async fn an_address_that_is_not_ascii_reaches_the_server_as_it_understands_it() {
    let smtp = Smtp::start().await;
    for (to, offered, accepted) in RECIPIENTS {
        smtp.offer_smtputf8(offered);
        let before = smtp.mails().len();
        let sent = mailer(&smtp).send(&mail(to)).await;
        let mails = smtp.mails();
        let Some(accepted) = accepted else {
            let Err(SendError::InvalidAddress(reason)) = sent else {
                panic!("{to}: {sent:?}")
            };
            assert!(
                reason.contains("SMTPUTF8") && reason.contains("before the @"),
                "{reason}"
            );
            assert_eq!(mails.len(), before, "{to}");
            continue;
        };
        assert!(sent.is_ok(), "{to}: {sent:?}");
        let mail = &mails[before];
        assert_eq!(mail.envelope_to, [accepted], "{to}");
        assert!(
            mail.raw.contains(&format!("<{accepted}>")),
            "{to}: {}",
            mail.raw
        );
        assert_eq!(
            mail.raw.is_ascii(),
            accepted.is_ascii(),
            "{to}: {}",
            mail.raw
        );
    }
}

#[tokio::test]
async fn the_sender_follows_the_same_rules() {
    let smtp = Smtp::start().await;
    for (sender, offered, accepted) in RECIPIENTS {
        smtp.offer_smtputf8(offered);
        let before = smtp.mails().len();
        let mailer = try_mailer_from(&smtp, sender, Tls::StartTls);
        if sender.starts_with('"') {
            assert!(matches!(mailer, Err(ConfigError::Sender(_))), "{sender}");
            continue;
        }
        let sent = mailer.unwrap().send(&mail("joerg@school.example")).await;
        let Some(accepted) = accepted else {
            let Err(SendError::Misconfigured(reason)) = sent else {
                panic!("{sender}: {sent:?}")
            };
            assert!(reason.contains("NOTIFICATIONS_EMAIL_USER"), "{reason}");
            continue;
        };
        assert!(sent.is_ok(), "{sender}: {sent:?}");
        assert_eq!(smtp.mails()[before].envelope_from, accepted, "{sender}");
    }
}

#[tokio::test]
async fn a_reply_before_tls_that_was_not_asked_for_ends_the_connection() {
    let smtp = Smtp::start().await;
    let attacker = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = attacker.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (mut stream, _) = attacker.accept().await.unwrap();
        let mut buffer = [0; 512];
        for reply in [
            "220 mail\r\n",
            "250-mail\r\n250 STARTTLS\r\n",
            "220 go\r\n250-mail\r\n250 AUTH PLAIN\r\n",
        ] {
            stream.write_all(reply.as_bytes()).await.unwrap();
            let _ = stream.read(&mut buffer).await;
        }
    });
    let config = SmtpConfig {
        host: "localhost".into(),
        port,
        tls: Tls::StartTls,
        auth: Auth::None,
        messages_per_minute: 100,
        ehlo_name: "names.school.example".into(),
        extra_root_der: Some(smtp.identity().root_der().to_vec()),
        data_timeout: None,
    };
    let theme = mailer(&smtp).theme().clone();
    let mailer = Mailer::smtp(theme, USER, config).unwrap();
    let error = mailer
        .send(&mail("joerg@school.example"))
        .await
        .unwrap_err();
    assert!(
        matches!(&error, SendError::Misconfigured(reason) if reason.contains("SMTP_TLS")),
        "{error:?}"
    );
}

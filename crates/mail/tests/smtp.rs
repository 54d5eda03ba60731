//! Sends mails to a real mail server: STARTTLS, AUTH, rejections, lost connections.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use starchart_domain::secret::Secret;
use starchart_domain::site::Site;
use starchart_mail::{
    Auth, MailTheme, Mailer, OauthConfig, RenderedMail, SendError, SmtpConfig, Tls,
};
use starchart_testkit::https::{Answer, HttpsServer};
use starchart_testkit::smtp::{PASSWORD, Smtp, TOKEN, USER};
use tokio::io::AsyncWriteExt as _;

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

fn password(password: &str) -> Auth {
    Auth::Password {
        username: Secret::new(USER),
        password: Secret::new(password),
    }
}

fn config(smtp: &Smtp, auth: Auth) -> SmtpConfig {
    SmtpConfig {
        host: "localhost".into(),
        port: smtp.port(),
        tls: Tls::StartTls,
        auth,
        messages_per_minute: 100_000,
        ehlo_name: "names.school.example".into(),
        extra_root_der: Some(smtp.identity().root_der().to_vec()),
        data_timeout: Some(Duration::from_secs(120)),
    }
}

fn mailer(config: SmtpConfig) -> Mailer {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    Mailer::smtp(theme(), USER, config).unwrap()
}

fn mail(to: &str, id: &str) -> RenderedMail {
    RenderedMail {
        name: "Jörg Müller".into(),
        address: to.into(),
        message_id: format!("{id}@school.example"),
        subject: "My.Custom.Domain DNS record expired".into(),
        body: "Hello Jörg Müller,\n\n.\n..two dots\nend\n".into(),
    }
}

#[tokio::test]
async fn a_mail_arrives_unchanged_and_the_connection_is_reused() {
    let smtp = Smtp::start().await;
    let mailer = mailer(config(&smtp, password(PASSWORD)));
    for n in 0..3 {
        let reply = mailer
            .send(&mail("joerg@school.example", &format!("m{n}")))
            .await
            .unwrap();
        assert!(reply.starts_with("250 "), "{reply}");
    }
    let mails = smtp.mails();
    assert_eq!(mails.len(), 3);
    let mail = &mails[0];
    assert_eq!(mail.envelope_from, USER);
    assert_eq!(mail.envelope_to, ["joerg@school.example"]);
    assert_eq!(mail.from, format!("\"My.Custom.Domain\" <{USER}>"));
    assert_eq!(mail.to, "Jörg Müller <joerg@school.example>");
    assert_eq!(mail.subject, "My.Custom.Domain DNS record expired");
    assert_eq!(mail.message_id, "<m0@school.example>");
    assert_eq!(
        mail.body.replace("\r\n", "\n").trim_end(),
        "Hello Jörg Müller,\n\n.\n..two dots\nend"
    );
    // One connection by the test server that checks its own start, and one for all mails.
    assert_eq!((smtp.connections(), smtp.sign_ins()), (2, 1));
}

#[tokio::test]
async fn implicit_tls_works() {
    let smtp = Smtp::start_tls().await;
    let mailer = mailer(SmtpConfig {
        tls: Tls::Implicit,
        ..config(&smtp, password(PASSWORD))
    });
    mailer
        .send(&mail("joerg@school.example", "m1"))
        .await
        .unwrap();
    assert_eq!(smtp.mails().len(), 1);
}

#[tokio::test]
async fn a_wrong_password_is_a_misconfiguration_with_a_long_back_off() {
    let smtp = Smtp::start().await;
    let mailer = mailer(config(&smtp, password("a wrong password")));
    let error = mailer
        .send(&mail("joerg@school.example", "m1"))
        .await
        .unwrap_err();
    let SendError::Misconfigured(reason) = &error else {
        panic!("{error:?}")
    };
    assert!(
        reason.contains("535") && reason.contains("NOTIFICATIONS_USERNAME"),
        "{reason}"
    );
    assert!(!reason.contains("a wrong password"), "{reason}");
    assert!(
        mailer.send_delay().unwrap() > Duration::from_secs(5),
        "{:?}",
        mailer.send_delay()
    );
    assert!(smtp.mails().is_empty());
}

#[tokio::test]
async fn no_password_is_sent_to_a_server_with_an_untrusted_certificate() {
    let smtp = Smtp::start().await;
    let mailer = mailer(SmtpConfig {
        extra_root_der: None,
        ..config(&smtp, password(PASSWORD))
    });
    let error = mailer
        .send(&mail("joerg@school.example", "m1"))
        .await
        .unwrap_err();
    assert!(
        matches!(&error, SendError::Misconfigured(reason) if reason.contains("SMTP_TLS")),
        "{error:?}"
    );
    assert_eq!(smtp.sign_ins(), 0);
}

#[tokio::test]
async fn each_reply_is_mapped_to_its_send_error() {
    let smtp = Smtp::start().await;
    let mailer = mailer(config(&smtp, password(PASSWORD)));
    smtp.refuse("full@school.example", "452 4.2.2 mailbox full");
    smtp.refuse("gone@school.example", "550 5.1.1 no such user");
    smtp.refuse("closing@school.example", "421 4.3.2 closing");
    smtp.refuse(
        "relay@school.example",
        "554 5.7.1 <relay@school.example>: Relay access denied",
    );
    smtp.refuse(
        "denied@school.example",
        "554 5.2.252 SendAsDenied; starchart may not send as this sender",
    );
    let send = async |to: &str| mailer.send(&mail(to, to)).await;
    assert!(matches!(
        send("full@school.example").await,
        Err(SendError::Deferred(reason)) if reason.contains("452")
    ));
    assert!(matches!(
        send("gone@school.example").await,
        Err(SendError::InvalidAddress(reason)) if reason.contains("no such user")
    ));
    assert_eq!(
        mailer.send_delay(),
        None,
        "no back-off: other mails can be sent"
    );
    send("joerg@school.example").await.unwrap();
    let dropped = send("closing@school.example").await;
    assert!(
        matches!(&dropped, Err(SendError::ConnectionLost { codes, .. }) if codes == "421 4.3.2"),
        "{dropped:?}"
    );
    for (to, said) in [("denied", "554 5.2.252"), ("relay", "554 5.7.1")] {
        let denied = send(&format!("{to}@school.example")).await;
        assert!(
            matches!(&denied, Err(SendError::NotPermitted { codes, .. }) if codes == said),
            "{denied:?}"
        );
    }
    assert!(mailer.back_off().is_some());
    assert_eq!(smtp.mails().len(), 1);
}

#[tokio::test]
async fn a_stopped_server_is_unreachable_and_usable_after_a_restart() {
    let smtp = Smtp::start().await;
    let mailer = mailer(config(&smtp, password(PASSWORD)));
    mailer
        .send(&mail("joerg@school.example", "m1"))
        .await
        .unwrap();
    smtp.stop();
    let error = mailer
        .send(&mail("joerg@school.example", "m2"))
        .await
        .unwrap_err();
    assert!(matches!(error, SendError::Unreachable(_)), "{error:?}");
    assert!(mailer.send_delay().is_some());
    smtp.resume().await;
    mailer
        .send(&mail("joerg@school.example", "m2"))
        .await
        .unwrap();
    assert_eq!(mailer.send_delay(), None);
    assert_eq!(smtp.mails().len(), 2);
}

#[tokio::test]
async fn a_server_that_does_not_speak_smtp_is_reported() {
    let smtp = Smtp::start().await;
    let other = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = other.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (mut stream, _) = other.accept().await.unwrap();
        stream
            .write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            .await
            .unwrap();
    });
    let elsewhere = SmtpConfig {
        host: "127.0.0.1".into(),
        port,
        ..config(&smtp, password(PASSWORD))
    };
    let error = mailer(elsewhere)
        .send(&mail("joerg@school.example", "m1"))
        .await
        .unwrap_err();
    assert!(
        matches!(&error, SendError::Unreachable(reason) if reason.contains("does not speak SMTP")),
        "{error:?}"
    );
}

#[tokio::test]
async fn no_reply_after_the_message_leaves_the_outcome_unknown() {
    let smtp = Smtp::start().await;
    let with_short_timeout = mailer(SmtpConfig {
        data_timeout: Some(Duration::from_secs(5)),
        ..config(&smtp, password(PASSWORD))
    });
    smtp.hang_after_data(1);
    let error = with_short_timeout
        .send(&mail("joerg@school.example", "m1"))
        .await
        .unwrap_err();
    assert!(
        matches!(&error, SendError::Unknown(reason) if reason.contains("no reply")),
        "{error:?}"
    );
    mailer(config(&smtp, password(PASSWORD)))
        .send(&mail("joerg@school.example", "m1"))
        .await
        .unwrap();
    let ids: Vec<String> = smtp
        .mails()
        .into_iter()
        .map(|mail| mail.message_id)
        .collect();
    assert_eq!(
        ids,
        ["<m1@school.example>", "<m1@school.example>"],
        "both copies have the same Message-ID"
    );
}

const INVALID_CLIENT: &str = concat!(
    r#"{"error":"invalid_client","#,
    r#""error_description":"AADSTS7000215: Invalid client secret"}"#
);

/// An OAuth token endpoint that issues `{TOKEN}-1`, `{TOKEN}-2` and so on.
async fn token_endpoint(smtp: &Smtp, issued: Arc<AtomicUsize>) -> HttpsServer {
    let respond = move |form: &str| {
        let valid = "grant_type=client_credentials&client_id=starchart\
                     &client_secret=a+client+secret&scope=mail.send";
        if form != valid {
            return Answer::Response(401, INVALID_CLIENT.to_owned());
        }
        let n = issued.fetch_add(1, Ordering::SeqCst) + 1;
        let token = format!(r#"{{"access_token":"{TOKEN}-{n}","token_type":"Bearer"}}"#);
        Answer::Response(200, token)
    };
    HttpsServer::start(smtp.identity(), respond).await
}

fn xoauth2(endpoint: &HttpsServer, secret: &str) -> Auth {
    Auth::Xoauth2 {
        username: Secret::new(USER),
        client_secret: Secret::new(secret),
        oauth: OauthConfig {
            token_url: endpoint.url("/token").parse().unwrap(),
            client_id: "starchart".into(),
            scope: "mail.send".into(),
        },
    }
}

#[tokio::test]
async fn a_token_is_cached_and_replaced_when_the_mail_server_refuses_it() {
    let smtp = Smtp::start().await;
    let issued = Arc::new(AtomicUsize::new(0));
    let endpoint = token_endpoint(&smtp, Arc::clone(&issued)).await;
    let mailer = mailer(config(&smtp, xoauth2(&endpoint, "a client secret")));
    smtp.token(&format!("{TOKEN}-1"));
    mailer
        .send(&mail("joerg@school.example", "m1"))
        .await
        .unwrap();
    // The connection ends; the token stays in the cache.
    smtp.stop();
    smtp.resume().await;
    mailer
        .send(&mail("joerg@school.example", "m2"))
        .await
        .unwrap();
    assert_eq!(issued.load(Ordering::SeqCst), 1);
    smtp.token(&format!("{TOKEN}-2"));
    smtp.stop();
    smtp.resume().await;
    mailer
        .send(&mail("joerg@school.example", "m3"))
        .await
        .unwrap();
    assert_eq!(issued.load(Ordering::SeqCst), 2);
    assert_eq!(smtp.mails().len(), 3);
    // A token that the mail server never accepts is a misconfiguration.
    smtp.token("another");
    smtp.stop();
    smtp.resume().await;
    let error = mailer
        .send(&mail("joerg@school.example", "m4"))
        .await
        .unwrap_err();
    assert!(matches!(error, SendError::Misconfigured(_)), "{error:?}");
}

#[tokio::test]
async fn a_refused_client_secret_is_reported_without_the_secret() {
    let smtp = Smtp::start().await;
    let endpoint = token_endpoint(&smtp, Arc::default()).await;
    let mailer = mailer(config(&smtp, xoauth2(&endpoint, "wrong-secret")));
    let error = mailer
        .send(&mail("joerg@school.example", "m1"))
        .await
        .unwrap_err();
    let SendError::Misconfigured(reason) = &error else {
        panic!("{error:?}")
    };
    assert!(
        reason.contains("invalid_client")
            && reason.contains("AADSTS7000215")
            && !reason.contains("wrong-secret"),
        "{reason}"
    );
    assert_eq!(smtp.sign_ins(), 0);
}

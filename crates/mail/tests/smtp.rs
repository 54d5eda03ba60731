//! The way out on a real mail server: STARTTLS, AUTH, refusals, silence.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use actix_web::{App, HttpResponse, HttpServer, web};
use starchart_domain::secret::Secret;
use starchart_mail::{
    Auth, MailTheme, Mailer, OauthConfig, RenderedMail, SendError, SmtpConfig, Tls,
};
use starchart_testkit::smtp::{PASSWORD, Smtp, TOKEN, USER};
use tokio::io::AsyncWriteExt as _;

fn theme() -> MailTheme {
    MailTheme {
        app_name: "My.Custom.Domain".into(),
        app_url: "https://names.school.example".into(),
        school: "School".into(),
        support: Some("help@school.example".into()),
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
        extra_root_der: Some(smtp.root_der()),
        data_timeout: Some(Duration::from_secs(120)),
    }
}

fn mailer(config: SmtpConfig) -> Mailer {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    Mailer::smtp(theme(), USER, config).unwrap()
}

fn letter(to: &str, id: &str) -> RenderedMail {
    RenderedMail {
        name: "Jörg Müller".into(),
        address: to.into(),
        message_id: format!("{id}@school.example"),
        subject: "My.Custom.Domain DNS record expired".into(),
        body: "Hello Jörg Müller,\n\n.\n..two dots\nend\n".into(),
    }
}

#[tokio::test]
async fn a_mail_arrives_as_it_was_written_and_the_connection_is_used_again() {
    let smtp = Smtp::start().await;
    let mailer = mailer(config(&smtp, password(PASSWORD)));
    for n in 0..3 {
        let said = mailer
            .send(&letter("joerg@school.example", &format!("m{n}")))
            .await
            .unwrap();
        assert!(said.starts_with("250 "), "{said}");
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
    // One to see whether the server stands, one for all mails.
    assert_eq!((smtp.connections(), smtp.sign_ins()), (2, 1));
}

#[tokio::test]
async fn tls_from_the_first_byte_works_as_well() {
    let smtp = Smtp::start_tls().await;
    let mailer = mailer(SmtpConfig {
        tls: Tls::Implicit,
        ..config(&smtp, password(PASSWORD))
    });
    mailer
        .send(&letter("joerg@school.example", "m1"))
        .await
        .unwrap();
    assert_eq!(smtp.mails().len(), 1);
}

#[tokio::test]
async fn a_wrong_password_is_the_operators_and_is_not_tried_again_and_again() {
    let smtp = Smtp::start().await;
    let mailer = mailer(config(&smtp, password("a wrong password")));
    let fault = mailer
        .send(&letter("joerg@school.example", "m1"))
        .await
        .unwrap_err();
    let SendError::Misconfigured(why) = &fault else {
        panic!("{fault:?}")
    };
    assert!(
        why.contains("535") && why.contains("NOTIFICATIONS_USERNAME"),
        "{why}"
    );
    assert!(!why.contains("a wrong password"), "{why}");
    assert!(
        mailer.send_delay().unwrap() > Duration::from_secs(50),
        "{:?}",
        mailer.send_delay()
    );
    assert!(smtp.mails().is_empty());
}

#[tokio::test]
async fn a_server_nobody_vouches_for_gets_no_password() {
    let smtp = Smtp::start().await;
    let mailer = mailer(SmtpConfig {
        extra_root_der: None,
        ..config(&smtp, password(PASSWORD))
    });
    let fault = mailer
        .send(&letter("joerg@school.example", "m1"))
        .await
        .unwrap_err();
    assert!(
        matches!(&fault, SendError::Misconfigured(why) if why.contains("SMTP_TLS")),
        "{fault:?}"
    );
    assert_eq!(smtp.sign_ins(), 0);
}

#[tokio::test]
async fn each_answer_says_what_to_do_about_the_mail() {
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
    let send = async |to: &str| mailer.send(&letter(to, to)).await;
    assert!(
        matches!(send("full@school.example").await, Err(SendError::Deferred(why)) if why.contains("452"))
    );
    assert!(
        matches!(send("gone@school.example").await, Err(SendError::InvalidAddress(why)) if why.contains("no such user"))
    );
    assert_eq!(
        mailer.send_delay(),
        None,
        "the server is there, and others may get theirs"
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
    assert!(mailer.backoff().is_some());
    assert_eq!(smtp.mails().len(), 1);
}

#[tokio::test]
async fn a_server_that_is_away_is_told_from_one_that_says_no() {
    let smtp = Smtp::start().await;
    let mailer = mailer(config(&smtp, password(PASSWORD)));
    mailer
        .send(&letter("joerg@school.example", "m1"))
        .await
        .unwrap();
    smtp.stop();
    let fault = mailer
        .send(&letter("joerg@school.example", "m2"))
        .await
        .unwrap_err();
    assert!(matches!(fault, SendError::Unreachable(_)), "{fault:?}");
    assert!(mailer.send_delay().is_some());
    smtp.resume().await;
    mailer
        .send(&letter("joerg@school.example", "m2"))
        .await
        .unwrap();
    assert_eq!(mailer.send_delay(), None);
    assert_eq!(smtp.mails().len(), 2);
}

#[tokio::test]
async fn another_server_at_the_port_is_told() {
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
    let fault = mailer(elsewhere)
        .send(&letter("joerg@school.example", "m1"))
        .await
        .unwrap_err();
    assert!(
        matches!(&fault, SendError::Unreachable(said) if said.contains("does not speak SMTP")),
        "{fault:?}"
    );
}

#[tokio::test]
async fn silence_after_the_message_is_neither_yes_nor_no() {
    let smtp = Smtp::start().await;
    let impatient = mailer(SmtpConfig {
        data_timeout: Some(Duration::from_secs(5)),
        ..config(&smtp, password(PASSWORD))
    });
    smtp.hang_after_data(1);
    let fault = impatient
        .send(&letter("joerg@school.example", "m1"))
        .await
        .unwrap_err();
    assert!(
        matches!(&fault, SendError::Unknown(why) if why.contains("no answer")),
        "{fault:?}"
    );
    mailer(config(&smtp, password(PASSWORD)))
        .send(&letter("joerg@school.example", "m1"))
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
        "one copy too many, and both say that they are one"
    );
}

/// A token's server: gives `token-N`, N counted up.
async fn token_server(tokens: Arc<AtomicUsize>, prefix: &'static str) -> url::Url {
    let asked = web::Data::from(tokens);
    let answer =
        move |asked: web::Data<AtomicUsize>,
              form: web::Form<std::collections::HashMap<String, String>>| async move {
            let right = form
                .get("grant_type")
                .is_some_and(|grant| grant == "client_credentials")
                && form
                    .get("client_secret")
                    .is_some_and(|secret| secret == "a client secret")
                && form.get("scope").is_some_and(|scope| scope == "mail.send");
            if !right {
                return HttpResponse::Unauthorized()
                .body(r#"{"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret"}"#);
            }
            let n = asked.fetch_add(1, Ordering::SeqCst) + 1;
            HttpResponse::Ok().json(std::collections::HashMap::from([
                ("access_token", format!("{prefix}-{n}")),
                ("token_type", "Bearer".to_owned()),
            ]))
        };
    let server = HttpServer::new(move || {
        App::new()
            .app_data(asked.clone())
            .route("/token", web::post().to(answer))
    })
    .workers(1)
    .disable_signals()
    .bind(("127.0.0.1", 0))
    .unwrap();
    let url = format!("http://{}/token", server.addrs()[0])
        .parse()
        .unwrap();
    tokio::spawn(server.run());
    url
}

fn xoauth2(token_url: url::Url, secret: &str) -> Auth {
    Auth::Xoauth2 {
        username: Secret::new(USER),
        client_secret: Secret::new(secret),
        oauth: OauthConfig {
            token_url,
            client_id: "starchart".into(),
            scope: "mail.send".into(),
        },
    }
}

#[tokio::test]
async fn a_token_is_asked_for_once_and_again_when_it_was_taken_back() {
    let smtp = Smtp::start().await;
    let asked = Arc::new(AtomicUsize::new(0));
    let url = token_server(Arc::clone(&asked), TOKEN).await;
    let mailer = mailer(config(&smtp, xoauth2(url, "a client secret")));
    smtp.token(&format!("{TOKEN}-1"));
    mailer
        .send(&letter("joerg@school.example", "m1"))
        .await
        .unwrap();
    // The connection ends; the token is kept.
    smtp.stop();
    smtp.resume().await;
    mailer
        .send(&letter("joerg@school.example", "m2"))
        .await
        .unwrap();
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    smtp.token(&format!("{TOKEN}-2"));
    smtp.stop();
    smtp.resume().await;
    mailer
        .send(&letter("joerg@school.example", "m3"))
        .await
        .unwrap();
    assert_eq!(asked.load(Ordering::SeqCst), 2);
    assert_eq!(smtp.mails().len(), 3);
    // A token that the mail server never takes is the operator's.
    smtp.token("another");
    smtp.stop();
    smtp.resume().await;
    let fault = mailer
        .send(&letter("joerg@school.example", "m4"))
        .await
        .unwrap_err();
    assert!(matches!(fault, SendError::Misconfigured(_)), "{fault:?}");
}

#[tokio::test]
async fn a_wrong_client_secret_is_said_without_the_secret() {
    let smtp = Smtp::start().await;
    let url = token_server(Arc::default(), TOKEN).await;
    let mailer = mailer(config(&smtp, xoauth2(url, "wrong-secret")));
    let fault = mailer
        .send(&letter("joerg@school.example", "m1"))
        .await
        .unwrap_err();
    let SendError::Misconfigured(why) = &fault else {
        panic!("{fault:?}")
    };
    assert!(
        why.contains("invalid_client")
            && why.contains("AADSTS7000215")
            && !why.contains("wrong-secret"),
        "{why}"
    );
    assert_eq!(smtp.sign_ins(), 0);
}

//! Mails from the binary to a real mail server: sent once, not lost when a process is killed, and
//! reported when they fail.

use std::time::Duration;

use starchart_testkit::smtp::{PASSWORD, Smtp, USER};
use starchart_testkit::wait::{equal, eventually};

use crate::app::{App, TestEnv};
use crate::truth::{signed_in, verb};

impl TestEnv {
    /// Sets the mail server.
    pub fn with_smtp(self, smtp: &Smtp) -> Self {
        self.set("SMTP_HOST", "localhost")
            .set("SMTP_PORT", &smtp.port().to_string())
            .set("NOTIFICATIONS_EMAIL_USER", USER)
            .set("NOTIFICATIONS_USERNAME", USER)
            .set("NOTIFICATIONS_PASSWORD", PASSWORD)
            .set(
                "SSL_CERT_FILE",
                &smtp.identity().root_path().display().to_string(),
            )
            .set("EXPIRATION_REPEAT_FREQUENCY_S", "1")
    }

    /// Makes every record expire in `days` days.
    pub async fn records_end_in(&self, days: f64) {
        let millis = (days * 86_400_000.0) as i64;
        let now = "CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS SIGNED)";
        self.db
            .run(&format!(
                "UPDATE dns_records SET expires_at = {now} + {millis}"
            ))
            .await;
    }

    pub async fn mails_in(&self, state: &str) -> i64 {
        self.db
            .number(&format!(
                "SELECT COUNT(*) FROM outbox WHERE state = '{state}'"
            ))
            .await
    }
}

/// Creates a record of user1 that expires soon, so that a notice is queued.
async fn announce_one_record(env: &TestEnv, app: &App) {
    let mut browser = signed_in(env, app, "user1").await;
    assert_eq!(browser.create("www", "A", "192.168.1.1").await.status, 303);
    env.records_end_in(20.0).await;
}

#[tokio::test]
async fn a_mail_is_sent_once_and_the_log_holds_no_secrets() {
    let smtp = Smtp::start().await;
    let env = TestEnv::new()
        .await
        .with_smtp(&smtp)
        .set("LOG_LEVEL", "trace");
    let one = env.start().await;
    let two = env.start().await;
    announce_one_record(&env, &one).await;
    eventually("the mail is sent", async || {
        equal(env.mails_in("sent").await, 1)
    })
    .await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let mails = smtp.mails();
    assert_eq!(mails.len(), 1, "{mails:?}");
    let mail = &mails[0];
    assert_eq!(
        mail.subject,
        "My.Custom.Domain DNS record approaching expiration"
    );
    assert_eq!(mail.to, "Name of user1 <user1@school.example>");
    assert!(
        mail.body.contains("Hello Name of user1,") && mail.body.contains("www.user1."),
        "{}",
        mail.body
    );
    assert!(
        mail.raw.contains("Auto-Submitted: auto-generated"),
        "{}",
        mail.raw
    );
    let log = one.server.log() + &two.server.log();
    for secret in [PASSWORD, "AHN0YXJjaGFydEBzY2hvb2wuZXhhbXBsZQBhIHBhc3N3b3Jk"] {
        assert!(!log.contains(secret), "the password is in the log");
    }
    assert!(
        !log.contains("user1@school.example"),
        "an address is in the log"
    );
}

#[tokio::test]
async fn another_process_resends_the_mail_of_a_killed_process() {
    let smtp = Smtp::start().await;
    let env = TestEnv::new().await.with_smtp(&smtp);
    let one = env.start().await;
    smtp.hang_after_data(1);
    announce_one_record(&env, &one).await;
    eventually("the server has it", async || equal(smtp.mails().len(), 1)).await;
    one.signal("KILL");
    let _two = env.start().await;
    eventually("another sends it", async || {
        equal(env.mails_in("sent").await, 1)
    })
    .await;
    let mails = smtp.mails();
    assert_eq!(mails.len(), 2, "once unheard, once heard");
    assert_eq!(
        mails[0].message_id, mails[1].message_id,
        "so that mail programs know them for one"
    );
}

#[tokio::test]
async fn a_refused_mail_waits_for_an_admin_and_blocks_no_other() {
    let smtp = Smtp::start().await;
    let env = TestEnv::new().await.with_smtp(&smtp);
    smtp.refuse("user1@school.example", "550 5.1.1 no such user");
    let app = env.start().await;
    let mut second = signed_in(&env, &app, "user2").await;
    assert_eq!(second.create("www", "A", "192.168.1.1").await.status, 303);
    announce_one_record(&env, &app).await;
    eventually("one is refused, one is sent", async || {
        env.mails_in("failed").await == 1 && env.mails_in("sent").await == 1
    })
    .await;
    assert_eq!(
        env.db
            .number("SELECT COUNT(*) FROM outbox WHERE refusal LIKE '%no such user%'")
            .await,
        1
    );
    assert!(
        !app.server.log().contains("user1@school.example"),
        "an address is in the log"
    );
}

#[tokio::test]
async fn a_recipient_that_breaks_the_connection_blocks_no_other() {
    let smtp = Smtp::start().await;
    let env = TestEnv::new().await.with_smtp(&smtp);
    smtp.refuse(
        "user1@school.example",
        "421 4.7.0 <user1@school.example> breaks me",
    );
    let app = env.start().await;
    announce_one_record(&env, &app).await;
    let deferred = "SELECT COUNT(*) FROM outbox WHERE attempts = 1 AND state = 'pending' \
                   AND refusal LIKE '%breaks me%'";
    eventually("the first is put off", async || {
        equal(env.db.number(deferred).await, 1)
    })
    .await;
    let mut second = signed_in(&env, &app, "user2").await;
    assert_eq!(second.create("www", "A", "192.168.1.1").await.status, 303);
    env.records_end_in(20.0).await;
    eventually("the second is sent", async || {
        equal(env.mails_in("sent").await, 1)
    })
    .await;
    assert_eq!(smtp.mails()[0].envelope_to, ["user2@school.example"]);
    assert!(
        !app.server.log().contains("user1@school.example"),
        "an address is in the log"
    );
}

#[tokio::test]
async fn a_test_mail_prints_the_reply_of_the_server() {
    let smtp = Smtp::start().await;
    let env = TestEnv::new().await.with_smtp(&smtp);
    let sent = verb(&env, &["send-test-mail", "operator@school.example"]).await;
    assert_eq!(sent.code, 0, "{}", sent.all);
    assert!(
        sent.out.contains("took the mail: 250 2.0.0 kept"),
        "{}",
        sent.out
    );
    assert_eq!(smtp.mails()[0].subject, "My.Custom.Domain test mail");

    smtp.refuse("nobody@school.example", "550 5.1.1 no such user");
    let refused = verb(&env, &["send-test-mail", "nobody@school.example"]).await;
    assert_eq!(refused.code, 1, "{}", refused.all);
    assert!(refused.out.contains("no such user"), "{}", refused.out);

    let env = env.set("NOTIFICATIONS_PASSWORD", "not the password");
    let denied = verb(&env, &["send-test-mail", "operator@school.example"]).await;
    assert_eq!(denied.code, 1);
    assert!(
        denied.out.contains("535") && !denied.all.contains("not the password"),
        "{}",
        denied.all
    );

    let env = env.set("NOTIFICATIONS_PASSWORD", "");
    let off = verb(&env, &["send-test-mail", "operator@school.example"]).await;
    assert_eq!(off.code, 1);
    assert!(
        off.all.contains("NOTIFICATIONS_PASSWORD is not set"),
        "{}",
        off.all
    );
}

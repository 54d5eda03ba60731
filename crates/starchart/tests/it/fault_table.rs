//! Faults of the servers as an operator meets them: each is in the log soon, with the name of the
//! setting, and not over and over; the process works again without a restart. Each test prints its
//! lines of a table, which nextest shows with `--no-capture`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use starchart_testkit::https::{Answer, HttpsServer};
use starchart_testkit::redis::Redis;
use starchart_testkit::route53::AccessFault;
use starchart_testkit::server::{free_port, scratch};
use starchart_testkit::smtp::Smtp;
use starchart_testkit::tls::Identity;
use starchart_testkit::wait::{equal, eventually, eventually_within};

use crate::app::{App, TestEnv};
use crate::boot::{Database, status};

/// Longer than the longest pause between two attempts, which is the one after a refused password of
/// the mail server; pauses grow with the fault.
fn recovery_limit() -> Duration {
    Duration::from_secs(300) + window()
}

/// How long the lines about a fault are counted: `STARCHART_TEST_FAULT_WINDOW_S`, else five
/// seconds.
#[expect(
    clippy::disallowed_methods,
    reason = "the length of a measurement, not a setting of the program"
)]
fn window() -> Duration {
    let seconds = std::env::var("STARCHART_TEST_FAULT_WINDOW_S");
    Duration::from_secs(seconds.ok().and_then(|it| it.parse().ok()).unwrap_or(5))
}

/// What a fault looks like from outside.
struct Fault<'a> {
    name: &'a str,
    /// A text in the line about it.
    setting: &'a str,
    /// The beginning of the message.
    message: &'a str,
    /// What /healthcheck answers meanwhile.
    health: u16,
    /// The message when it is over; empty when it cannot end without other settings.
    end: &'a str,
}

/// An environment without mail, in which no line is about the mail server.
async fn env() -> TestEnv {
    TestEnv::new().await.set("NOTIFICATIONS_EMAIL_USER", "")
}

/// Counts the warnings and errors by message and cause.
fn complaints(app: &App) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for line in app.log_lines() {
        let is_complaint = line["level"] == "warn" || line["level"] == "error";
        // Notices of the settings have nothing to do with the fault.
        if is_complaint && line["message"] != "settings" {
            let cause = ["message", "error", "reason", "codes", "servers"];
            let cause = cause.map(|field| line[field].as_str().unwrap_or_default());
            *counts.entry(cause.join(" | ")).or_default() += 1;
        }
    }
    counts
}

fn is_logged(app: &App, message: &str, setting: &str) -> bool {
    app.log_lines().iter().any(|line| {
        line["message"]
            .as_str()
            .is_some_and(|it| it.contains(message))
            && line["level"] != "debug"
            && line.to_string().contains(setting)
    })
}

/// Waits until the fault that begins now is in the log, counts the lines for the window, ends it
/// and waits until the process says that it is over.
async fn observe(app: &App, fault: &Fault<'_>, begun: Instant, end: impl AsyncFnOnce()) {
    let Fault { name, setting, .. } = fault;
    eventually(name, async || {
        match is_logged(app, fault.message, setting) {
            true => Ok(()),
            false => Err(complaints(app)),
        }
    })
    .await;
    let told_s = begun.elapsed().as_secs_f64();
    eventually("what /healthcheck answers", async || {
        equal(status(app, "/healthcheck").await, Some(fault.health))
    })
    .await;
    tokio::time::sleep(window().saturating_sub(begun.elapsed())).await;
    let counts = complaints(app);
    let window_s = begun.elapsed().as_secs();
    let most = 1 + window_s / 60;
    for (cause, count) in &counts {
        assert!(*count as u64 <= most, "{name}: {count} times: {cause}");
    }
    let lines: usize = counts.values().sum();
    let over = Instant::now();
    end().await;
    let recovered = if fault.end.is_empty() {
        "by new settings".to_owned()
    } else {
        eventually_within(recovery_limit(), fault.end, async || {
            match is_logged(app, fault.end, "") {
                true => Ok(()),
                false => Err(complaints(app)),
            }
        })
        .await;
        eventually("ready", async || {
            equal(status(app, "/healthcheck").await, Some(200))
        })
        .await;
        format!("after {:.1} s", over.elapsed().as_secs_f64())
    };
    println!(
        "| {name} | told after {told_s:.1} s | {lines} lines in {window_s} s | healthcheck {} | \
         {recovered} |",
        fault.health
    );
    if !fault.end.is_empty() {
        let lines = app.log_lines();
        let ends = lines.iter().filter(|line| {
            line["level"] == "info" && line["message"] == fault.end && !line["after_s"].is_null()
        });
        assert_eq!(ends.count(), 1, "{name}: one line at its end");
    }
}

#[tokio::test]
async fn a_database_that_fails_while_it_is_used_is_told_and_used_again() {
    let mut database = Database::new().await;
    for sql in [
        "CREATE USER worker IDENTIFIED BY 'throw-away'",
        "GRANT ALL ON starchart.* TO worker",
    ] {
        database.run(sql).await;
    }
    let url = database.url("worker:throw-away", "starchart");
    let env = env().await.set("DATABASE_URL", &url);
    let message = "DATABASE_URL: the database cannot be used";
    let fault = |name, setting, health| Fault {
        name,
        setting,
        message,
        health,
        end: "DATABASE_URL: the database can be used again",
    };

    let app = env.start().await;
    let begun = Instant::now();
    database.run("SET GLOBAL read_only = 1").await;
    observe(
        &app,
        &fault("read_only", "read-only", 200),
        begun,
        async || {
            database.run("SET GLOBAL read_only = 0").await;
        },
    )
    .await;
    drop(app);

    let app = env.start().await;
    let begun = Instant::now();
    database
        .run("REVOKE INSERT ON starchart.* FROM worker; KILL USER worker")
        .await;
    observe(
        &app,
        &fault("right revoked", "INSERT command", 200),
        begun,
        async || {
            database.run("GRANT INSERT ON starchart.* TO worker").await;
        },
    )
    .await;
    drop(app);

    let app = env.start().await;
    let begun = Instant::now();
    database
        .run("SET PASSWORD FOR worker = PASSWORD('other'); KILL USER worker")
        .await;
    observe(
        &app,
        &fault("password changed", "Access denied", 500),
        begun,
        async || {
            database
                .run("SET PASSWORD FOR worker = PASSWORD('throw-away')")
                .await;
        },
    )
    .await;
    drop(app);

    let app = env.start().await;
    let begun = Instant::now();
    database.kill();
    observe(
        &app,
        &fault("server gone", "refused", 500),
        begun,
        async || {
            database.start().await;
        },
    )
    .await;
}

#[tokio::test]
async fn a_start_waits_for_a_database_that_is_not_there_yet() {
    let mut database = Database::new().await;
    database.kill();
    let env = env()
        .await
        .set("DATABASE_URL", &database.url("root", "starchart"));
    let begun = Instant::now();
    let app = env.launch("run");
    let fault = Fault {
        name: "server absent at the start",
        setting: "refused",
        message: "DATABASE_URL: waiting for the database",
        health: 500,
        end: "DATABASE_URL: the database can be used",
    };
    observe(&app, &fault, begun, async || database.start().await).await;
}

#[tokio::test]
async fn a_refused_redis_password_is_told_by_every_role_and_taken_up_again() {
    let redis = Redis::start().await;
    let set_password = async |password: &str| {
        let rule = format!(">{password}");
        let words = [
            "ACL", "SETUSER", "app", "reset", "on", &rule, "~*", "&*", "+@all",
        ];
        assert!(redis.command(&words).await.contains("OK"));
        redis.command(&["CLIENT", "KILL", "USER", "app"]).await;
    };
    set_password("right").await;
    let url = redis.url().replace("redis://", "redis://app:right@");
    let env = env().await.set("REDIS_URL", &url);
    for (name, role, message, end) in [
        (
            "Redis password refused (work)",
            "work",
            "REDIS_URL: wake-ups of other processes",
            "wake-ups of other processes arrive through Redis",
        ),
        (
            "Redis password refused (serve)",
            "serve",
            "REDIS_URL: rate limits are counted in each process",
            "rate limits are counted in Redis",
        ),
    ] {
        set_password("other").await;
        let begun = Instant::now();
        let app = env.launch(role);
        let fault = Fault {
            name,
            setting: "authentication failed",
            message,
            health: 200,
            end,
        };
        observe(&app, &fault, begun, async || set_password("right").await).await;
    }
}

#[tokio::test]
async fn a_zone_that_cannot_be_used_is_told_by_its_setting_and_used_again() {
    // The pause between two audits is also the longest one before a failed audit is retried.
    let env = env().await.set("AUDIT_FREQUENCY_S", "5");
    for (name, fault, setting) in [
        (
            "zone of another account",
            AccessFault::NoSuchHostedZone,
            "AWS_ROUTE53_HOSTED_ZONE_ID",
        ),
        (
            "AccessDenied",
            AccessFault::AccessDenied,
            "policy of AWS_ACCESS_KEY_ID",
        ),
        (
            "InvalidClientTokenId",
            AccessFault::InvalidClientTokenId,
            "AWS_ACCESS_KEY_ID",
        ),
        (
            "SignatureDoesNotMatch",
            AccessFault::SignatureDoesNotMatch,
            "AWS_SECRET_ACCESS_KEY",
        ),
    ] {
        env.zone.refuse_all(Some(fault));
        let begun = Instant::now();
        let app = env.launch("run");
        let fault = Fault {
            name,
            setting,
            message: "cannot audit the zone",
            health: 200,
            end: "DNS provider works again",
        };
        observe(&app, &fault, begun, async || env.zone.refuse_all(None)).await;
    }
}

#[tokio::test]
async fn name_servers_that_do_not_resolve_or_answer_are_told() {
    for (name, servers, setting, message) in [
        (
            "name server does not resolve",
            "ns1.invalid:53".to_owned(),
            "ns1.invalid",
            "DNS_SERVERS: cannot resolve a name server",
        ),
        (
            "name server does not answer",
            format!("127.0.0.1:{}", free_port()),
            "DNS_SERVERS",
            "name servers do not answer for the zone",
        ),
    ] {
        let env = env().await.set("DNS_SERVERS", &servers);
        let begun = Instant::now();
        let app = env.launch("run");
        let fault = Fault {
            name,
            setting,
            message,
            health: 200,
            end: "",
        };
        observe(&app, &fault, begun, async || {}).await;
    }
}

#[tokio::test]
async fn a_mail_server_that_refuses_the_password_is_told_before_any_mail() {
    let smtp = Smtp::start().await;
    let env = TestEnv::new().await.with_smtp(&smtp);
    smtp.password("another");
    let begun = Instant::now();
    let app = env.launch("run");
    let fault = Fault {
        name: "mail server refuses the password",
        setting: "NOTIFICATIONS_PASSWORD",
        message: "mail server rejected the connection or credentials",
        health: 200,
        end: "mail server works again",
    };
    observe(&app, &fault, begun, async || {
        smtp.password(starchart_testkit::smtp::PASSWORD);
    })
    .await;
}

#[tokio::test]
async fn a_mail_server_that_is_away_is_told_before_any_mail() {
    let smtp = Smtp::start().await;
    let env = TestEnv::new().await.with_smtp(&smtp);
    smtp.stop();
    let begun = Instant::now();
    let app = env.launch("run");
    let fault = Fault {
        name: "mail server away",
        setting: "SMTP_HOST",
        message: "mail server unreachable",
        health: 200,
        end: "mail server works again",
    };
    observe(&app, &fault, begun, async || smtp.resume().await).await;
}

#[tokio::test]
async fn a_directory_that_is_none_is_told_before_any_order() {
    let folder = scratch("ca");
    let identity = Identity::generate(&folder);
    let is_directory = Arc::new(AtomicBool::new(false));
    let answers = Arc::clone(&is_directory);
    let server = HttpsServer::start(&identity, move |_| match answers.load(Ordering::Relaxed) {
        true => Answer::Response(200, r#"{"newOrder": "/order"}"#.to_owned()),
        false => Answer::Response(404, "<html>not found</html>".to_owned()),
    })
    .await;
    let account_key = starchart_acme::keys::generate().unwrap();
    let env = env()
        .await
        .set("LETS_ENCRYPT_DIRECTORY_URL", &server.url("/directory"))
        .set(
            "ACME_CA_ROOT_PATH",
            &identity.root_path().display().to_string(),
        )
        .set("LETS_ENCRYPT_ACCOUNT_PRIVATE_KEY_PEM", account_key.expose())
        .set(
            "KEY_ENCRYPTION_KEYS",
            "test:ZGV2ZWxvcG1lbnQgb25seTogMzIgYnl0ZXMsIG9uZSE=",
        );
    let begun = Instant::now();
    let app = env.launch("run");
    let fault = Fault {
        name: "ACME directory that is none",
        setting: "LETS_ENCRYPT_DIRECTORY_URL",
        message: "request to the certificate authority failed",
        health: 200,
        end: "certificate authority works again",
    };
    observe(&app, &fault, begun, async || {
        is_directory.store(true, Ordering::Relaxed);
    })
    .await;
}

//! `check-config` and `run` agree on every setting; `check-config --online` tries every server.

use starchart_settings::setting_specs;
use starchart_testkit::redis::Redis;
use starchart_testkit::smtp::Smtp;

use crate::app::TestEnv;
use crate::truth::{Ended, ended};

/// Bad values that only one of several parsers of a value may notice: the reader of the settings,
/// or the part that uses the value.
const BAD_VALUES: &[(&str, &str)] = &[
    ("APP_URL", "https://names.school.example/app"),
    ("APP_URL", "https://names.school.example:80"),
    ("SUPPORT_CONTACT", "help desk"),
    ("TRUSTED_PROXIES", "10.0.0.0/33"),
    ("TRUSTED_PROXIES", "0.0.0.0/0"),
    ("ROOT_DOMAIN", "starchart..example"),
    ("AWS_ROUTE53_HOSTED_ZONE_ID", "Z01/../x"),
    ("AWS_REGION", "US East"),
    ("AWS_ACCESS_KEY_ID", "a key"),
    ("AWS_ENDPOINT_URL", "https://a:secret@route53.example"),
    ("ACME_PROFILE", "tls server"),
    ("DNS_SERVERS", "ns1..example"),
    ("DATABASE_URL", "mysql://root@127.0.0.1:3306"),
    ("DATABASE_URL", "mysql://root:a#b@127.0.0.1:3306/starchart"),
    (
        "DATABASE_URL",
        "mysql://root@127.0.0.1:3306/starchart?ssl-mode=perhaps",
    ),
    (
        "DATABASE_URL",
        "mysql://root@127.0.0.1:3306/starchart?ssl-ca=/absent.pem",
    ),
    (
        "DATABASE_URL",
        "mysql://root@127.0.0.1:3306/starchart?statement-cache-capacity=x",
    ),
    ("DATABASE_URL", "sqlite://starchart.db"),
    ("REDIS_URL", "redis://localhost:6379/starchart"),
    ("REDIS_URL", "redis://:%ff%fe@localhost:6379"),
    ("REDIS_URL", "http://localhost:6379"),
    ("SESSION_SECRET", "development-only-0123456789-0123456789"),
    ("SAML_IDP_METADATA_PATH", "/absent.xml"),
    ("SAML_IDP_METADATA_PATH", "/etc/hostname"),
    (
        "SAML_FORM_ACTION_ORIGINS",
        "https://login.school.example/path",
    ),
    ("NOTIFICATIONS_EMAIL_USER", "no..reply@school.example"),
    (
        "NOTIFICATIONS_EMAIL_USER",
        "School <noreply@school.example>",
    ),
    ("NOTIFICATIONS_EMAIL_USER", "noreply@-school.example"),
    ("NOTIFICATIONS_PASSWORD", "a\nb"),
    ("SMTP_HOST", "mail..example"),
    ("SMTP_PORT", "465"),
    ("SMTP_TLS", "ssl"),
    ("SMTP_AUTH", "xoauth2"),
    ("LETS_ENCRYPT_ACCOUNT_EMAIL", "a@school..example"),
    (
        "LETS_ENCRYPT_DIRECTORY_URL",
        "http://acme.example/directory",
    ),
    ("LETS_ENCRYPT_ACCOUNT_PRIVATE_KEY_PEM", "a key"),
    ("KEY_ENCRYPTION_KEYS", "a:b"),
    ("ACME_CA_ROOT_PATH", "/absent.pem"),
    ("ACME_CAA_IDENTITIES", "letsencrypt"),
    ("ACME_CERTIFICATES_PER_WEEK", "0"),
    ("ACME_CERTIFICATES_GRANTED", "500"),
    ("ACME_ORDERS_PER_3_HOURS", "many"),
    ("ACME_SAME_NAMES_PER_WEEK", "-1"),
    ("WORD_LISTS_PATH", "/absent"),
];

/// The fault lines of a verb, or none when it accepts the settings.
fn faults(ended: &Ended) -> Vec<&str> {
    let is_fault = |line: &&str| line.starts_with("  ") && line.contains(": ");
    ended.all.lines().filter(is_fault).collect()
}

/// Asserts that both verbs end with code 2 and the same faults, one of which names the setting.
async fn assert_both_refuse(env: &TestEnv, name: &str, value: &str) {
    let with_value = |verb: &str| {
        let mut command = env.command(&[verb]);
        command.env("PORT", "0").env(name, value);
        ended(command)
    };
    let (checked, run) = tokio::join!(with_value("check-config"), with_value("run"));
    assert_eq!(
        (checked.code, run.code),
        (2, 2),
        "{name}={value}: {}\n{}",
        checked.all,
        run.all
    );
    assert_eq!(faults(&checked), faults(&run), "{name}={value}");
    assert!(
        faults(&run).iter().any(|line| line.contains(name)),
        "{name}={value}: {}",
        run.all
    );
}

#[tokio::test]
async fn check_config_and_run_refuse_the_same_values() {
    let env = TestEnv::new().await;
    for (name, value) in BAD_VALUES {
        assert_both_refuse(&env, name, value).await;
    }
    for spec in setting_specs() {
        if !spec.takes_any_text {
            assert_both_refuse(&env, spec.name, "\"1\"").await;
        }
    }
}

/// Runs `check-config --online` with these settings in place of those of the environment.
async fn online(env: &TestEnv, settings: &[(&str, &str)]) -> Ended {
    let mut command = env.command(&["check-config", "--online"]);
    command.envs(settings.iter().copied());
    ended(command).await
}

/// Returns the line about a setting in the output.
fn line<'a>(ended: &'a Ended, begin: &str) -> &'a str {
    let lines = ended
        .out
        .lines()
        .skip_while(|line| !line.contains("are complete."));
    lines
        .filter(|line| line.contains(" ms): "))
        .find(|line| line.starts_with(begin))
        .unwrap_or_else(|| panic!("{begin}: {}", ended.all))
}

#[tokio::test]
async fn online_every_server_that_works_has_a_line() {
    let redis = Redis::start().await;
    let smtp = Smtp::start().await;
    let env = TestEnv::new()
        .await
        .with_smtp(&smtp)
        .set("REDIS_URL", &redis.url());
    let tables = "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = DATABASE()";
    let before = env.db.number(tables).await;
    let tried = online(&env, &[]).await;
    assert_eq!(tried.code, 0, "{}", tried.all);
    for (name, text) in [
        ("DATABASE_URL", "works"),
        ("REDIS_URL", "works"),
        ("SAML_IDP_METADATA_PATH", "works"),
        ("SMTP_HOST", "works"),
        ("AWS_ROUTE53_HOSTED_ZONE_ID", "works"),
        ("DNS_SERVERS", "works"),
        ("LETS_ENCRYPT_DIRECTORY_URL", "off"),
    ] {
        let found = line(&tried, &format!("{name}: "));
        assert!(found.starts_with(&format!("{name}: {text} (")), "{found}");
    }
    assert_eq!(smtp.mails().len(), 0, "no mail is sent");
    assert_eq!(smtp.sign_ins(), 1);
    assert_eq!(env.db.number(tables).await, before, "no table is left");
    assert!(
        env.zone.batches().is_empty(),
        "no change is sent to the zone"
    );
}

#[tokio::test]
async fn online_every_server_that_fails_names_its_setting_and_shows_no_secret() {
    let redis = Redis::start().await;
    let smtp = Smtp::start().await;
    let env = TestEnv::new()
        .await
        .with_smtp(&smtp)
        .set("REDIS_URL", &redis.url());
    let url = env.db.url();
    let (server, database) = url.rsplit_once('/').unwrap();
    let host = server.rsplit('@').next().unwrap();
    let reader = format!("r{}", &database[database.len().saturating_sub(20)..]);
    env.db
        .run(&format!(
            "CREATE USER '{reader}'@'%' IDENTIFIED BY 'hunter2'"
        ))
        .await;
    env.db
        .run(&format!("GRANT SELECT ON {database}.* TO '{reader}'@'%'"))
        .await;
    let redis_host = redis.url().replace("redis://", "");
    let absent = Redis::absent().url();
    for (name, value, advice) in [
        (
            "DATABASE_URL",
            format!("mysql://{reader}:hunter2@{host}/{database}"),
            "lacks the right",
        ),
        (
            "DATABASE_URL",
            format!("mysql://{reader}:hunter22@{host}/{database}"),
            "correct the user or the password",
        ),
        (
            "DATABASE_URL",
            format!("{server}/absent_{database}"),
            "no such database",
        ),
        (
            "DATABASE_URL",
            "mysql://root:hunter2@127.0.0.1:1/starchart".to_owned(),
            "check host, port and firewall",
        ),
        (
            "REDIS_URL",
            format!("redis://nobody:hunter2@{redis_host}"),
            "check host, port, user and password",
        ),
        ("REDIS_URL", absent, "check host, port, user and password"),
        (
            "SMTP_HOST=NOTIFICATIONS_PASSWORD",
            "hunter2".to_owned(),
            "NOTIFICATIONS_PASSWORD",
        ),
        (
            "SMTP_HOST=SMTP_PORT",
            "1".to_owned(),
            "Check SMTP_HOST, SMTP_PORT",
        ),
        (
            "AWS_ROUTE53_HOSTED_ZONE_ID",
            "Z0OTHER".to_owned(),
            "check AWS_ROUTE53_HOSTED_ZONE_ID",
        ),
        (
            "AWS_ROUTE53_HOSTED_ZONE_ID=ROOT_DOMAIN",
            "other.example".to_owned(),
            "correct one of them",
        ),
        (
            "DNS_SERVERS",
            "ns1.invalid:53".to_owned(),
            "check their names",
        ),
    ] {
        let (line_of, setting) = name.split_once('=').unwrap_or((name, name));
        let tried = online(&env, &[(setting, &value)]).await;
        assert_eq!(tried.code, 1, "{setting}: {}", tried.all);
        let found = line(&tried, &format!("{line_of}: "));
        assert!(
            found.starts_with(&format!("{line_of}: FAILS (")) && found.contains(advice),
            "{setting}: {found}"
        );
        assert!(!tried.all.contains("hunter2"), "{}", tried.all);
    }
    env.db.run(&format!("DROP USER '{reader}'@'%'")).await;
}

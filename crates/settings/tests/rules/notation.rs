//! Notation around a value, for every setting: quotes, `NAME=`, invisible characters, line ends;
//! and characters of URLs, ports and mail addresses that cannot be meant.

use std::fs;

use starchart_settings::{Environment, Problems, SettingSpec, setting_specs};

use crate::site::{Site, noticed};

const KEY: &str = "-----BEGIN RSA PRIVATE KEY-----\naHVudGVyMg==\n-----END RSA PRIVATE KEY-----";

/// Valid values of secrets, and of variables whose example is not for production.
const VALUES: &[(&str, &str)] = &[
    ("NODE_ENV", "production"),
    ("APP_URL", "https://names.school.example"),
    ("AWS_ACCESS_KEY_ID", "hunter2-id"),
    ("AWS_SECRET_ACCESS_KEY", "hunter2-key"),
    ("AWS_SESSION_TOKEN", "hunter2-token"),
    ("DATABASE_URL", "mysql://star:hunter2@db:3306/starchart"),
    ("SESSION_SECRET", "hunter2-session-0123456789-0123456789"),
    ("SAML_IDP_METADATA_PATH", "idp.xml"),
    ("SAML_DECRYPTION_KEY", KEY),
    ("NOTIFICATIONS_USERNAME", "hunter2-user"),
    ("NOTIFICATIONS_PASSWORD", "hunter2-mail"),
    ("LETS_ENCRYPT_ACCOUNT_PRIVATE_KEY_PEM", KEY),
    (
        "KEY_ENCRYPTION_KEYS",
        "a:aHVudGVyMmh1bnRlcjJodW50ZXIyaHVudGVyMjAwMDA=",
    ),
    ("ACME_CA_ROOT_PATH", "idp.xml"),
    ("WORD_LISTS_PATH", "words"),
    ("DANGER_CONFIRM", "starchart.example:0"),
];

/// Returns a valid value in production: of the list, the default, or the example's.
fn value(spec: &SettingSpec) -> &'static str {
    let listed = VALUES.iter().find(|(name, _)| *name == spec.name);
    listed
        .map(|(_, value)| *value)
        .or_else(|| spec.default.in_environment(Environment::Production))
        .or_else(|| example(spec.name))
        .unwrap_or_else(|| panic!("{}: add a valid value to VALUES", spec.name))
}

/// Returns the value in `config/env.example`, commented or not.
fn example(name: &str) -> Option<&'static str> {
    let text = include_str!(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../config/env.example"
    ));
    let mut lines = text.lines().map(|line| line.trim_start_matches("# "));
    let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix('='))?;
    (!value.is_empty()).then_some(value)
}

/// Settings for production in which one has this value, as a variable or as a secret file.
fn with(spec: &SettingSpec, value: &str) -> Site {
    let site = Site::production();
    if spec.secret {
        site.secret(spec.name, value);
        return site;
    }
    match spec.name {
        "STARCHART_ENV" => site,
        "NODE_ENV" => site.unset("STARCHART_ENV"),
        _ => site,
    }
    .set(spec.name, value)
}

/// Whether a fault or a notice about this setting contains the words.
fn is_told(spec: &SettingSpec, read: &Result<starchart_settings::Loaded, Problems>, words: &str) {
    let lines: Vec<String> = match read {
        Ok(loaded) => loaded.notices.clone(),
        Err(found) => {
            let problems = found.problems.iter().map(ToString::to_string);
            problems.chain(found.notices.clone()).collect()
        }
    };
    assert!(
        lines
            .iter()
            .any(|line| line.contains(spec.name) && line.contains(words)),
        "{}: {words}: {lines:?}",
        spec.name
    );
    assert!(!lines.concat().contains("hunter2"), "{lines:?}");
}

/// Writes a value of the named setting with notation around it, and what the report says then.
type Notation = (fn(&str, &str) -> String, &'static str);

#[test]
fn notation_around_a_value_is_told_for_every_setting() {
    let notations: &[Notation] = &[
        (|_, value| format!("\"{value}\""), "has quotes (\")"),
        (|_, value| format!("'{value}'"), "has quotes (')"),
        (|_, value| format!("`{value}`\n"), "has quotes (`)"),
        (
            |_, value| format!("\u{201c}{value}\u{201d}"),
            "has quotes (\u{201c})",
        ),
        (|_, value| format!("\"{value}"), "has quotes (\")"),
        (|name, value| format!("{name}={value}"), "begins with "),
        (
            |name, value| format!("export {name}={value}\r\n"),
            "begins with ",
        ),
        (|name, value| format!("{name}: {value}"), "begins with "),
        (|_, value| format!("PORT={value}"), "begins with PORT="),
        (
            |_, value| value.replacen(&value[1..], &format!("\u{200b}{}", &value[1..]), 1),
            "an invisible character (U+200B)",
        ),
    ];
    for spec in setting_specs() {
        for (write, words) in notations {
            let good = value(spec);
            if good.len() == 1 && words.contains("invisible") {
                continue;
            }
            let site = with(spec, &write(spec.name, good));
            is_told(spec, &site.read(), words);
        }
    }
}

#[test]
fn line_ends_blanks_and_marks_around_a_value_change_nothing() {
    for spec in setting_specs() {
        let good = value(spec);
        assert!(with(spec, good).read().is_ok(), "{}", spec.name);
        let around = [
            format!("\u{feff}{good}"),
            format!("{good}\r\n"),
            format!("{good}\n"),
            format!("{good}\u{200b}"),
        ];
        for text in &around {
            let read = with(spec, text).read();
            assert!(read.is_ok(), "{}: {text:?}: {read:?}", spec.name);
        }
    }
}

/// Faults of URLs: how it is written (`PASSWORD` and `HOST` are filled in), and the advice.
const BAD_URLS: &[(&str, &str)] = &[
    ("://star:hunter2#x@HOST", "%23"),
    ("://star:hunter2/x@HOST", "%2F"),
    ("://star:1/hunter2@HOST", "%2F"),
    ("://star:1?hunter2@HOST", "%3F"),
    ("://star:1#hunter2@HOST", "%23"),
    ("://star:hunter2%@HOST", "%25"),
    ("://star:hunter2%zz@HOST", "%25"),
    ("://star:hunter2 x@HOST", "contains a blank"),
    ("://star:hunter2\tx@HOST", "contains a blank"),
];

#[test]
fn characters_of_a_url_that_must_be_encoded_are_told() {
    let urls = [
        ("DATABASE_URL", "mysql", "db/starchart"),
        ("REDIS_URL", "redis", "redis:6379"),
        ("REDIS_URL", "rediss", "redis:6379/1"),
        ("APP_URL", "https", "names.school.example"),
        ("AWS_ENDPOINT_URL", "https", "route53.example"),
        ("LETS_ENCRYPT_DIRECTORY_URL", "https", "acme.example/dir"),
        ("SMTP_OAUTH_TOKEN_URL", "https", "login.example/token"),
        ("SUPPORT_CONTACT", "https", "help.example/"),
    ];
    for (name, scheme, host) in urls {
        let spec = setting_specs().find(|spec| spec.name == name).unwrap();
        for (form, advice) in BAD_URLS {
            let url = format!("{scheme}{}", form.replace("HOST", host));
            is_told(spec, &with(spec, &url).read(), advice);
        }
    }
}

#[test]
fn characters_with_one_meaning_in_a_url_are_read_as_meant() {
    for password in ["p@ss", "p:ss", "p%40ss", "p!$&'()*+,;=ss"] {
        let url = format!("mysql://star:{password}@db/starchart");
        let site = Site::production().set("REDIS_URL", &format!("redis://:{password}@redis:6379"));
        site.secret("DATABASE_URL", url);
        site.good();
    }
}

/// Values that contradict each other or cannot be meant: setting, value, further setting, advice.
const MISMATCHES: &[(&str, &str, (&str, &str), &str)] = &[
    (
        "SMTP_PORT",
        "465",
        ("SMTP_TLS", "starttls"),
        "set SMTP_TLS=tls",
    ),
    ("SMTP_PORT", "465", ("SMTP_TLS", ""), "set SMTP_TLS=tls"),
    (
        "SMTP_PORT",
        "587",
        ("SMTP_TLS", "tls"),
        "set SMTP_TLS=starttls",
    ),
    (
        "SMTP_PORT",
        "25",
        ("SMTP_TLS", "tls"),
        "set SMTP_TLS=starttls",
    ),
    (
        "SMTP_PORT",
        "",
        ("SMTP_TLS", "tls"),
        "set SMTP_TLS=starttls",
    ),
    ("SMTP_PORT", "993", ("SMTP_TLS", "tls"), "for reading mail"),
    (
        "APP_URL",
        "https://names.school.example:80",
        ("PORT", ""),
        "has port 80",
    ),
    (
        "LETS_ENCRYPT_DIRECTORY_URL",
        "https://acme.example:80/d",
        ("PORT", ""),
        "has port 80",
    ),
    (
        "AWS_ENDPOINT_URL",
        "http://route53.example:443",
        ("PORT", ""),
        "has port 443",
    ),
    (
        "SMTP_OAUTH_TOKEN_URL",
        "https://login.example:80/t",
        ("PORT", ""),
        "has port 80",
    ),
    (
        "DNS_SERVERS",
        "192.0.2.1:853",
        ("PORT", ""),
        "for encrypted queries",
    ),
    ("METRICS_PORT", "8080", ("PORT", "8080"), "the same as PORT"),
    (
        "NOTIFICATIONS_EMAIL_USER",
        "no..reply@school.example",
        ("PORT", ""),
        "doubled",
    ),
    (
        "NOTIFICATIONS_EMAIL_USER",
        "School <a@school.example>",
        ("PORT", ""),
        "one address",
    ),
    (
        "NOTIFICATIONS_EMAIL_USER",
        "mailto:a@school.example",
        ("PORT", ""),
        "one address",
    ),
    (
        "NOTIFICATIONS_EMAIL_USER",
        "sch\u{fc}le@school.example",
        ("PORT", ""),
        "letters a to z",
    ),
    (
        "LETS_ENCRYPT_ACCOUNT_EMAIL",
        ".a@school.example",
        ("PORT", ""),
        "doubled",
    ),
    (
        "LETS_ENCRYPT_ACCOUNT_EMAIL",
        "a@school..example",
        ("PORT", ""),
        "not a domain name",
    ),
    (
        "SMTP_HOST",
        "mail..example",
        ("PORT", ""),
        "is not a host name",
    ),
    (
        "DNS_SERVERS",
        "ns1..example",
        ("PORT", ""),
        "is not a name server",
    ),
    ("AWS_REGION", "US East", ("PORT", ""), "is not a region"),
    (
        "REDIS_URL",
        "redis://redis:6379/starchart",
        ("PORT", ""),
        "number of a database",
    ),
    (
        "REDIS_URL",
        "redis://:hunter2@",
        ("PORT", ""),
        "is not a URL",
    ),
];

#[test]
fn values_that_cannot_be_meant_are_told() {
    for (name, value, (other, its), advice) in MISMATCHES {
        let text = Site::production().set(name, value).set(other, its).bad();
        let line = text.lines().find(|line| line.contains(advice));
        assert!(
            line.is_some_and(|line| line.trim().starts_with(&format!("{name}: "))),
            "{name}={value}: {text}"
        );
    }
    let spec = setting_specs().find(|spec| spec.name == "DATABASE_URL");
    for (url, advice) in [
        ("mysql://star:hunter2@db:33060/starchart", "X protocol"),
        (
            "mysql://star@db/starchart?ssl-ca=/absent/hunter2",
            "a file in ssl-ca",
        ),
    ] {
        is_told(spec.unwrap(), &with(spec.unwrap(), url).read(), advice);
    }
}

#[test]
fn mail_domains_become_a_labels() {
    let mail = Site::production()
        .set("NOTIFICATIONS_EMAIL_USER", "noreply@sch\u{fc}le.example")
        .set("SMTP_HOST", "mail.sch\u{fc}le.example")
        .good()
        .settings
        .mail;
    assert_eq!(
        mail.sender.as_deref(),
        Some("noreply@xn--schle-mva.example")
    );
    assert_eq!(mail.host, "mail.xn--schle-mva.example");
}

#[test]
fn a_secret_that_may_be_any_text_is_kept_with_a_notice() {
    let site = Site::production();
    site.secret(
        "SESSION_SECRET",
        "'0123456789-0123456789-0123456789-0123456789'",
    );
    site.secret("NOTIFICATIONS_PASSWORD", "\"a password\"");
    let loaded = site.good();
    assert_eq!(
        loaded.settings.mail.password.as_ref().unwrap().expose(),
        "\"a password\""
    );
    for name in [
        "SESSION_SECRET has quotes",
        "NOTIFICATIONS_PASSWORD has quotes",
    ] {
        assert!(noticed(&loaded, name), "{name}: {:?}", loaded.notices);
    }
    let password = site.folder.path().join("secrets/NOTIFICATIONS_PASSWORD");
    fs::write(password, "a b").unwrap();
    assert!(!noticed(&site.good(), "NOTIFICATIONS_PASSWORD has quotes"));
}

//! Values of settings, alone and in combination.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use starchart_domain::secret::Secret;
use starchart_domain::ttl::TtlLimits;
use starchart_domain::words::{ListKind, NameLists};
use starchart_settings::{
    DatabaseKind, Environment, LogLevel, Redis, SmtpAuth, render_check, setting_specs,
};
use tempfile::TempDir;

use crate::site::{Site, aws, noticed};

#[test]
fn a_complete_site_gets_the_defaults() {
    let loaded = Site::production().good();
    let settings = &loaded.settings;
    assert_eq!(settings.environment, Environment::Production);
    assert_eq!(
        (settings.app.port, settings.app.log_level),
        (8080, LogLevel::Info)
    );
    assert_eq!(
        (settings.mail.host.as_str(), settings.mail.port),
        ("smtp.office365.com", 587)
    );
    assert!(matches!(settings.mail.auth, SmtpAuth::Password));
    assert_eq!(settings.limits.sign_in_per_minute, 300);
    assert_eq!(settings.limits.records_per_user, None);
    assert_eq!(
        settings.database.url.secret.expose(),
        "mysql://star:hunter2-db@db:3306/starchart"
    );
    assert_eq!(
        settings.sign_in.idp_metadata, "\u{feff}<EntityDescriptor/>",
        "the BOM is kept"
    );
    assert_eq!(settings.sign_in.groups.admins, "mycustomdomain-admins");
    assert_eq!(
        settings.redis,
        Redis::Url(Secret::new("redis://redis:6379"))
    );
    assert!(settings.database.auto_migrate);
    assert_eq!(settings.timers.sweep, Duration::from_secs(2));
}

#[test]
fn development_needs_few_settings() {
    let settings = Site::development().good().settings;
    assert_eq!(settings.environment, Environment::Development);
    assert_eq!(settings.zone.root_domain.as_str(), "starchart.com");
    assert_eq!(settings.database.url.kind, DatabaseKind::Sqlite);
    assert_eq!(aws(&settings).zone_id, None);
    assert_eq!(
        (settings.mail.host.as_str(), settings.mail.port),
        ("localhost", 1025)
    );
}

#[test]
fn every_fault_is_reported_at_once() {
    let site = Site::production()
        .unset("APP_URL")
        .unset("LETS_ENCRYPT_DIRECTORY_URL")
        .set("PORT", "eighty")
        .set("ROOT_DOMAIN", "not a domain")
        .set("SMTP_TLS", "none")
        .set("DNS_SERVERS", "ns1.example.com:zero")
        .set("USER_DNS_RECORD_LIMIT", "0")
        .set("AUTO_MIGRATE", "perhaps");
    site.secret("DATABASE_URL", "mysql://star:hunter2-db/3306");
    fs::remove_file(site.folder.path().join("secrets/SESSION_SECRET")).unwrap();
    let text = site.bad();
    for name in [
        "APP_URL",
        "LETS_ENCRYPT_DIRECTORY_URL",
        "PORT",
        "ROOT_DOMAIN",
        "SMTP_TLS",
        "DNS_SERVERS",
        "USER_DNS_RECORD_LIMIT",
        "AUTO_MIGRATE",
        "DATABASE_URL",
        "secrets/SESSION_SECRET",
    ] {
        assert!(
            text.contains(&format!("{name}: ")),
            "{name} is not reported:\n{text}"
        );
    }
    assert!(text.starts_with("10 settings are wrong:"), "{text}");
    assert!(
        text.contains("\nnotice: certificates are off"),
        "notices are listed beside faults: {text}"
    );
}

#[test]
fn ttl_limits_fit_together() {
    let read = |settings: [(&'static str, &'static str); 3]| {
        let site = Site::production();
        settings
            .into_iter()
            .fold(site, |site, (name, value)| site.set(name, value))
    };
    let names = |values: [&'static str; 3]| {
        let [min, max, default] = values;
        [
            ("RECORD_TTL_MIN_S", min),
            ("RECORD_TTL_MAX_S", max),
            ("RECORD_TTL_DEFAULT_S", default),
        ]
    };
    let usual = Site::production().good().settings.limits.ttl;
    assert_eq!(usual, TtlLimits::default(), "domain and settings agree");
    let set = read(names(["1", "2147483647", "600"])).good();
    assert_eq!(set.settings.limits.ttl.default.as_seconds(), 600);
    for (values, at_fault) in [
        (["0", "86400", "300"], "RECORD_TTL_MIN_S"),
        (["60", "2147483648", "300"], "RECORD_TTL_MAX_S"),
        (["60", "59", "60"], "RECORD_TTL_MAX_S"),
        (["60", "86400", "5m"], "RECORD_TTL_DEFAULT_S"),
        (["600", "86400", "300"], "RECORD_TTL_DEFAULT_S"),
        (["60", "120", "300"], "RECORD_TTL_DEFAULT_S"),
    ] {
        let text = read(names(values)).bad();
        assert!(
            text.contains(&format!("{at_fault}: ")),
            "{values:?}:\n{text}"
        );
    }
}

#[test]
fn production_requires_the_settings_of_the_table() {
    let site = Site {
        folder: TempDir::new().unwrap(),
        variables: BTreeMap::new(),
    }
    .set("STARCHART_ENV", "production");
    let text = site.bad();
    for spec in starchart_settings::setting_specs() {
        let is_required = spec.required != starchart_settings::Required::No;
        assert_eq!(
            text.contains(&format!("{}: ", spec.name)),
            is_required,
            "{}:\n{text}",
            spec.name
        );
    }
}

#[test]
fn every_setting_of_the_list_is_read() {
    let origins = Site::production().good().origins;
    let read: Vec<_> = origins.iter().map(|origin| origin.name).collect();
    let listed: Vec<_> = starchart_settings::setting_specs()
        .map(|spec| spec.name)
        .collect();
    assert_eq!(read, listed);
}

#[test]
fn app_url_is_an_https_origin_in_production() {
    for (url, production, development) in [
        ("https://my.school.example", true, true),
        ("https://my.school.example:8443/", true, true),
        ("http://localhost:8080", false, true),
        ("http://127.0.0.1:8080", false, true),
        ("http://[::1]:8080", false, true),
        ("http://host.docker.internal:8080", false, true),
        ("http://my.school.example", false, false),
        ("https://my.school.example/app", false, false),
        ("https://my.school.example/?a=b", false, false),
        ("https://a:hunter2@my.school.example", false, false),
        ("ftp://my.school.example", false, false),
        ("my.school.example", false, false),
    ] {
        for (site, is_valid) in [
            (Site::production(), production),
            (Site::development(), development),
        ] {
            let site = site.set("APP_URL", url);
            match is_valid {
                true => assert!(site.read().is_ok(), "{url}: {}", site.bad()),
                false => assert!(site.bad().contains("APP_URL: "), "{url}"),
            }
        }
    }
}

#[test]
fn app_url_may_not_be_under_root_domain() {
    for url in [
        "https://starchart.example",
        "https://my.starchart.example",
        "https://my.starchart.example.",
    ] {
        let site = Site::production().set("APP_URL", url);
        assert!(
            site.bad().contains("APP_URL: is under ROOT_DOMAIN"),
            "{url}"
        );
        let loaded = site.set("ALLOW_APP_UNDER_ROOT_DOMAIN", "1").good();
        assert!(noticed(&loaded, "Public Suffix List"));
    }
    Site::production()
        .set("APP_URL", "https://mystarchart.example")
        .good();
}

#[test]
fn only_1_sets_the_wipe_flag() {
    for value in ["", "0"] {
        assert!(
            !Site::production()
                .set("DANGER_DATABASE_WIPE_REINITIALIZE", value)
                .good()
                .settings
                .process
                .wipe
        );
    }
    let name = "DANGER_DATABASE_WIPE_REINITIALIZE";
    assert!(!Site::production().good().settings.process.wipe);
    assert!(
        Site::production()
            .set(name, "1")
            .good()
            .settings
            .process
            .wipe
    );
    for value in ["true", "yes", "2"] {
        assert!(
            Site::production()
                .set(name, value)
                .bad()
                .contains(&format!("{name}: only 1 sets it")),
            "{value}"
        );
    }
}

#[test]
fn every_faulty_item_of_a_list_is_reported() {
    let site = Site::production()
        .set("TRUSTED_PROXIES", "10.0.0.0/33, proxy, 192.0.2.1")
        .set("DNS_SERVERS", "abc")
        .set("SMTP_PORT", "0")
        .set("SMTP_HOST", "mail.example:25");
    let text = site.bad();
    for fault in [
        "TRUSTED_PROXIES: \"10.0.0.0/33\" is not a network such as 10.0.0.0/8; \
         \"proxy\" is not a network",
        "DNS_SERVERS: \"abc\" is not a name server",
        "SMTP_PORT: \"0\" is not a port of a server",
        "SMTP_HOST: \"mail.example:25\" is not a host name",
    ] {
        assert!(text.contains(fault), "{fault}:\n{text}");
    }
}

#[test]
fn database_urls_are_checked() {
    let site = Site::production();
    site.secret("DATABASE_URL", "sqlite://starchart.db");
    assert!(site.bad().contains("DATABASE_URL: is sqlite://"));
    site.secret(
        "DATABASE_URL",
        "mysql://star:hunter2@db/starchart?connection_limit=5&pool_timeout=2",
    );
    let loaded = site.good();
    assert_eq!(loaded.settings.database.url.connection_limit, Some(5));
    assert!(noticed(
        &loaded,
        "these parameters are ignored: pool_timeout"
    ));
}

#[test]
fn urls_contain_no_passwords() {
    for name in [
        "AWS_ENDPOINT_URL",
        "LETS_ENCRYPT_DIRECTORY_URL",
        "SMTP_OAUTH_TOKEN_URL",
        "SAML_FORM_ACTION_ORIGINS",
    ] {
        let text = Site::production()
            .set(name, "https://a:hunter2@other.example")
            .bad();
        assert!(
            text.contains(&format!("{name}: must not contain a user or a password")),
            "{text}"
        );
    }
}

#[test]
fn redis_is_a_url_memory_or_none() {
    for url in ["redis://redis:6379", "rediss://:hunter2@redis:6380/1"] {
        let loaded = Site::production().set("REDIS_URL", url).good();
        assert_eq!(loaded.settings.redis, Redis::Url(Secret::new(url)));
        assert!(!render_check(&loaded).contains("hunter2"));
    }
    for (site, redis) in [
        (
            Site::development(),
            Redis::Url(Secret::new("redis://localhost:6379")),
        ),
        (
            Site::development().set("STARCHART_ENV", "test"),
            Redis::InProcess,
        ),
        (
            Site::production().set("REDIS_URL", "memory"),
            Redis::InProcess,
        ),
        (Site::production().set("REDIS_URL", "none"), Redis::Disabled),
    ] {
        assert_eq!(site.good().settings.redis, redis);
    }
    assert!(
        Site::production()
            .set("REDIS_URL", "http://a:hunter2@redis")
            .bad()
            .contains("REDIS_URL: must begin with redis://")
    );
    assert!(
        Site::production()
            .set("SWEEP_MS", "0")
            .bad()
            .contains("SWEEP_MS: ")
    );
}

#[test]
fn metadata_must_be_readable() {
    let site = Site::production().set("SAML_IDP_METADATA_PATH", "absent.xml");
    assert!(
        site.bad()
            .contains("SAML_IDP_METADATA_PATH: the file absent.xml is missing")
    );
    site.file("absent.xml", " \n");
    assert!(
        site.bad()
            .contains("SAML_IDP_METADATA_PATH: the file absent.xml is empty")
    );
    assert!(
        Site::production()
            .unset("SAML_IDP_METADATA_PATH")
            .bad()
            .contains("SAML_IDP_METADATA_PATH: is required")
    );
}

#[test]
fn the_settings_that_open_the_zone_are_of_its_provider() {
    let loaded = Site::production().good();
    let names = loaded.settings.zone.provider.access_settings();
    assert!(names.contains(&"AWS_ROUTE53_HOSTED_ZONE_ID"));
    let is_setting = |name: &&str| setting_specs().any(|spec| spec.name == *name);
    assert!(names.iter().all(is_setting), "{names:?}");
}

/// Reads copies of the lists in the folder WORD_LISTS_PATH, with and without a faulty line.
#[test]
fn the_lists_of_words_are_read_and_a_faulty_line_is_named() {
    let site = Site::production();
    let built_in = site.good().settings.names;
    assert_eq!(built_in, NameLists::built_in());
    let site = site.set("WORD_LISTS_PATH", "words");
    let names = site.good().settings.names;
    let refused: Vec<&str> = names.entries(ListKind::Refused).collect();
    assert_eq!(refused, ["darn"], "the file replaces the list");
    let allowed = |names: &NameLists| names.entries(ListKind::Allowed).len();
    assert_eq!(allowed(&names), allowed(&built_in), "no file");

    for (file, text, advice) in [
        (
            "refused-words.txt",
            "darn\ntwo words\n",
            "line 2: “two words” has a blank",
        ),
        (
            "refused-words.txt",
            "darn\nd4rn\n12",
            "line 2: “d4rn” has digits",
        ),
        (
            "refused-words.txt",
            "darn\nd4rn\n12",
            "; line 3: “12” is a number",
        ),
        (
            "allowed-phrases.txt",
            "moby dick",
            "line 1: “moby dick” has a blank",
        ),
        (
            "reserved-labels.txt",
            "library\n\n_dmarc",
            "line 3: “_dmarc” is no label",
        ),
    ] {
        let site = Site::production().set("WORD_LISTS_PATH", "words");
        site.file(&format!("words/{file}"), text);
        let told = site.bad();
        let begin = format!("WORD_LISTS_PATH: the file words/{file} is wrong: line ");
        assert!(told.starts_with("1 setting is wrong:"), "{told}");
        assert!(told.contains(&begin) && told.contains(advice), "{told}");
    }
    // A folder of something else, a file, and nothing at all.
    for path in ["secrets", "idp.xml", "absent"] {
        let told = Site::production().set("WORD_LISTS_PATH", path).bad();
        let advice = format!("WORD_LISTS_PATH: the folder {path} has none of refused-words.txt");
        assert!(told.contains(&advice), "{told}");
    }
    let site = Site::production().set("WORD_LISTS_PATH", "words");
    site.file("words/refused-words.txt", b"d\xe4rn");
    let advice = "WORD_LISTS_PATH: the file words/refused-words.txt is not UTF-8 text";
    assert!(site.bad().contains(advice), "{}", site.bad());
}

#[test]
fn group_names_come_from_the_prefix_or_settings() {
    let groups = Site::production()
        .set("SAML_GROUP_PREFIX", "lab")
        .set("SAML_GROUP_ADMINS", "it staff")
        .good()
        .settings
        .sign_in
        .groups;
    assert_eq!(
        [groups.students, groups.faculty, groups.admins],
        ["lab-students", "lab-faculty", "it staff"]
    );
    let site = Site::production().set("SAML_GROUP_ADMINS", "mycustomdomain-students");
    assert!(
        site.bad()
            .contains("SAML_GROUP_ADMINS: is also another group's name")
    );
}

#[test]
fn unencrypted_mail_needs_a_loopback_server() {
    for host in ["localhost", "127.0.0.1", "::1"] {
        Site::production()
            .set("SMTP_TLS", "none")
            .set("SMTP_HOST", host)
            .good();
    }
    assert!(
        Site::production()
            .set("SMTP_TLS", "none")
            .bad()
            .contains("SMTP_TLS: none would send passwords in clear")
    );
}

#[test]
fn xoauth2_needs_three_settings() {
    let site = Site::production()
        .set("SMTP_AUTH", "xoauth2")
        .set("SMTP_OAUTH_CLIENT_ID", "id")
        .set("SMTP_OAUTH_SCOPE", "mail");
    assert!(
        site.bad()
            .contains("SMTP_AUTH: xoauth2 needs SMTP_OAUTH_TOKEN_URL")
    );
    let settings = site
        .set("SMTP_OAUTH_TOKEN_URL", "https://login.school.example/token")
        .good()
        .settings;
    assert!(matches!(settings.mail.auth, SmtpAuth::Xoauth2(oauth) if oauth.client_id == "id"));
}

#[test]
fn an_rsa_account_key_disables_certificates() {
    let site = Site::production();
    site.secret(
        "LETS_ENCRYPT_ACCOUNT_PRIVATE_KEY_PEM",
        "-----BEGIN RSA PRIVATE KEY-----\naHVudGVyMg==\n-----END RSA PRIVATE KEY-----\n",
    );
    let loaded = site.good();
    assert!(noticed(&loaded, "is an RSA key") && noticed(&loaded, "certificates are off"));
    assert!(loaded.settings.certificates.account_key.is_none());
    site.secret("LETS_ENCRYPT_ACCOUNT_PRIVATE_KEY_PEM", "hunter2");
    assert!(
        site.bad()
            .contains("LETS_ENCRYPT_ACCOUNT_PRIVATE_KEY_PEM: holds no private key")
    );
    site.secret("LETS_ENCRYPT_ACCOUNT_PRIVATE_KEY_PEM", "");
    site.secret("KEY_ENCRYPTION_KEYS", "a:hunter2");
    assert!(site.bad().contains("KEY_ENCRYPTION_KEYS: line 1"));
}

#[test]
fn only_an_rsa_key_decrypts_assertions() {
    let site = Site::production();
    assert!(site.good().settings.sign_in.decryption_key.is_none());
    let pem = |kind: &str| format!("-----BEGIN {kind}-----\naHVudGVyMg==\n-----END {kind}-----\n");
    site.secret("SAML_DECRYPTION_KEY", pem("RSA PRIVATE KEY"));
    assert!(site.good().settings.sign_in.decryption_key.is_some());
    for other in [
        pem("CERTIFICATE"),
        pem("PRIVATE KEY"),
        pem("ENCRYPTED PRIVATE KEY"),
        "hunter2".to_owned(),
    ] {
        site.secret("SAML_DECRYPTION_KEY", &other);
        let text = site.bad();
        assert!(
            text.contains("SAML_DECRYPTION_KEY: holds no RSA key"),
            "{text}"
        );
        assert!(!text.contains("hunter2"), "{text}");
    }
}

#[test]
fn production_warns_without_trusted_proxies() {
    assert!(noticed(
        &Site::production().unset("TRUSTED_PROXIES").good(),
        "TRUSTED_PROXIES is not set"
    ));
    assert!(!noticed(&Site::production().good(), "TRUSTED_PROXIES"));
    assert!(
        Site::production()
            .set("TRUSTED_PROXIES", "0.0.0.0/0")
            .bad()
            .contains("TRUSTED_PROXIES: ")
    );
}

#[test]
fn no_output_contains_a_secret() {
    let site = Site::production()
        .set("REDIS_URL", "redis://a:hunter2@redis:6379")
        .set("SESSION_SECRET", "hunter2");
    let loaded = site.good();
    let check = render_check(&loaded);
    for text in [
        check.as_str(),
        &format!("{loaded:?}"),
        &format!("{:?}", site.sources()),
    ] {
        assert!(!text.contains("hunter2"), "{text}");
    }
    assert!(check.contains("redis://***@redis:6379"), "{check}");
    let session = check
        .lines()
        .find(|line| line.starts_with("SESSION_SECRET"))
        .unwrap();
    assert!(
        session.contains("***") && session.contains("secrets/SESSION_SECRET"),
        "{session}"
    );
    assert_eq!(
        check.lines().filter(|line| line.contains("  (")).count(),
        starchart_settings::setting_specs().count(),
        "{check}"
    );
}

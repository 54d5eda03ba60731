//! Each rule of the settings, through the one entry that the binary uses.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests fail by panicking")]

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use starchart_domain::secret::Secret;
use starchart_settings::{
    DatabaseKind, Environment, FoundIn, Loaded, LogLevel, Problems, Redis, Settings, SmtpAuth, Sources, render_check,
};
use tempfile::TempDir;

/// A folder of settings that are complete, to be spoilt one by one.
struct Site {
    folder: TempDir,
    variables: BTreeMap<String, String>,
}

const SECRETS: &[(&str, &str)] = &[
    ("DATABASE_URL", "mysql://star:hunter2-db@db:3306/starchart\n"),
    ("SESSION_SECRET", "hunter2-session-0123456789-0123456789\n"),
    ("AWS_ACCESS_KEY_ID", "hunter2-key-id\n"),
    ("AWS_SECRET_ACCESS_KEY", "hunter2-key\n"),
    ("NOTIFICATIONS_USERNAME", "hunter2-user\n"),
    ("NOTIFICATIONS_PASSWORD", "hunter2-mail\n"),
];

impl Site {
    fn production() -> Self {
        let site = Self { folder: TempDir::new().unwrap(), variables: BTreeMap::new() };
        fs::create_dir(site.folder.path().join("secrets")).unwrap();
        for (name, value) in SECRETS {
            site.secret(name, value);
        }
        site.file("idp.xml", "\u{feff}<EntityDescriptor/>");
        site.set("STARCHART_ENV", "production")
            .set("APP_URL", "https://mycustomdomain.school.example")
            .set("ROOT_DOMAIN", "starchart.example")
            .set("AWS_ROUTE53_HOSTED_ZONE_ID", "Z0123456789ABC")
            .set("LETS_ENCRYPT_ACCOUNT_EMAIL", "hostmaster@school.example")
            .set("LETS_ENCRYPT_DIRECTORY_URL", "https://acme.example/directory")
            .set("SAML_IDP_METADATA_PATH", "idp.xml")
            .set("TRUSTED_PROXIES", "10.0.0.0/8")
    }

    fn development() -> Self {
        let site = Self { folder: TempDir::new().unwrap(), variables: BTreeMap::new() };
        fs::create_dir(site.folder.path().join("config")).unwrap();
        site.file("config/idp-metadata-dev.xml", "<EntityDescriptor/>");
        site.set("APP_URL", "http://localhost:8080")
            .set("DATABASE_URL", "sqlite://starchart.db")
            .set("SESSION_SECRET", "hunter2-session-0123456789-0123456789")
    }

    fn set(mut self, name: &str, value: &str) -> Self {
        self.variables.insert(name.to_owned(), value.to_owned());
        self
    }

    fn unset(mut self, name: &str) -> Self {
        self.variables.remove(name);
        self
    }

    fn file(&self, path: &str, text: impl AsRef<[u8]>) {
        fs::write(self.folder.path().join(path), text).unwrap();
    }

    fn secret(&self, name: &str, text: impl AsRef<[u8]>) {
        self.file(&format!("secrets/{name}"), text);
    }

    fn sources(&self) -> Sources {
        Sources {
            variables: self.variables.clone(),
            env_file: None,
            folder: self.folder.path().to_owned(),
            secrets: self.folder.path().join("secrets"),
        }
    }

    fn read(&self) -> Result<Loaded, Problems> {
        Settings::read(&self.sources())
    }

    /// The settings, which must be right.
    #[track_caller]
    fn good(&self) -> Loaded {
        self.read().expect("these settings are right")
    }

    /// The problems as one text, which must not be empty.
    #[track_caller]
    fn bad(&self) -> String {
        let text = self.read().expect_err("these settings are wrong").to_string();
        assert!(!text.contains("hunter2"), "a secret is shown: {text}");
        text
    }
}

fn noticed(loaded: &Loaded, text: &str) -> bool {
    loaded.notices.iter().any(|notice| notice.contains(text))
}

#[test]
fn a_complete_site_is_read_with_its_defaults() {
    let loaded = Site::production().good();
    let settings = &loaded.settings;
    assert_eq!(settings.environment, Environment::Production);
    assert_eq!((settings.app.port, settings.log_level), (8080, LogLevel::Info));
    assert_eq!((settings.mail.host.as_str(), settings.mail.port), ("smtp.office365.com", 587));
    assert!(matches!(settings.mail.auth, SmtpAuth::Password));
    assert_eq!(settings.limits.sign_in_per_minute, 300);
    assert_eq!(settings.limits.records_per_user, None);
    assert_eq!(settings.database.url.expose(), "mysql://star:hunter2-db@db:3306/starchart");
    assert_eq!(settings.saml.idp_metadata, "\u{feff}<EntityDescriptor/>", "the BOM is the reader's to judge");
    assert_eq!(settings.saml.groups.admins, "mycustomdomain-admins");
    assert_eq!(settings.redis, Redis::At(Secret::new("redis://redis:6379")));
    assert!(settings.auto_migrate);
    assert_eq!(settings.timers.sweep, Duration::from_secs(2));
}

#[test]
fn development_needs_little() {
    let settings = Site::development().good().settings;
    assert_eq!(settings.environment, Environment::Development);
    assert_eq!(settings.root_domain.as_str(), "starchart.com");
    assert_eq!(settings.database.kind, DatabaseKind::Sqlite);
    assert_eq!(settings.aws.zone_id, None);
    assert_eq!((settings.mail.host.as_str(), settings.mail.port), ("localhost", 1025));
}

#[test]
fn every_fault_is_told_at_once_with_its_name() {
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
        assert!(text.contains(&format!("{name}: ")), "{name} is not told:\n{text}");
    }
    assert!(text.starts_with("10 settings are wrong:"), "{text}");
    assert!(text.contains("\nnotice: certificates are off"), "what is told of right ones is told of wrong ones: {text}");
}

#[test]
fn production_requires_what_the_table_says() {
    let site = Site { folder: TempDir::new().unwrap(), variables: BTreeMap::new() }.set("STARCHART_ENV", "production");
    let text = site.bad();
    for known in starchart_settings::known() {
        let needed = known.needed != starchart_settings::Needed::No;
        assert_eq!(text.contains(&format!("{}: ", known.name)), needed, "{}:\n{text}", known.name);
    }
}

#[test]
fn app_url_rules() {
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
        for (site, fits) in [(Site::production(), production), (Site::development(), development)] {
            let site = site.set("APP_URL", url);
            match fits {
                true => assert!(site.read().is_ok(), "{url}: {}", site.bad()),
                false => assert!(site.bad().contains("APP_URL: "), "{url}"),
            }
        }
    }
}

#[test]
fn the_site_is_no_neighbour_of_peoples_pages() {
    for url in ["https://starchart.example", "https://my.starchart.example", "https://my.starchart.example."] {
        let site = Site::production().set("APP_URL", url);
        assert!(site.bad().contains("APP_URL: is under ROOT_DOMAIN"), "{url}");
        let loaded = site.set("ALLOW_APP_UNDER_ROOT_DOMAIN", "1").good();
        assert!(noticed(&loaded, "Public Suffix List"));
    }
    Site::production().set("APP_URL", "https://mystarchart.example").good();
}

#[test]
fn only_a_one_wipes() {
    for value in ["", "0"] {
        assert!(!Site::production().set("DANGER_DATABASE_WIPE_REINITIALIZE", value).good().settings.wipe);
    }
    let name = "DANGER_DATABASE_WIPE_REINITIALIZE";
    assert!(!Site::production().good().settings.wipe);
    assert!(Site::production().set(name, "1").good().settings.wipe);
    for value in ["true", "yes", "2"] {
        assert!(Site::production().set(name, value).bad().contains(&format!("{name}: only 1 sets it")), "{value}");
    }
}

#[test]
fn secret_files_are_trimmed_once() {
    let site = Site::production();
    for text in ["hunter2-key", "hunter2-key\n", "hunter2-key\r\n", "\u{feff}hunter2-key\n"] {
        site.secret("AWS_SECRET_ACCESS_KEY", text);
        assert_eq!(site.good().settings.aws.secret_access_key.expose(), "hunter2-key", "{text:?}");
    }
    site.secret("NOTIFICATIONS_PASSWORD", " a password \n\n");
    assert_eq!(site.good().settings.mail.password.unwrap().expose(), " a password \n");
}

#[test]
fn unusable_secret_files_are_named_and_not_shown() {
    let site = Site::production();
    let path = site.folder.path().join("secrets/AWS_SECRET_ACCESS_KEY");
    let name = path.display().to_string();
    let told = |advice: &str| {
        let text = site.bad();
        assert!(text.starts_with("1 setting is wrong:") && text.contains(&format!("{name}: {advice}")), "{text}");
    };
    for empty in ["", "\n", " \r\n", "\u{feff}"] {
        site.secret("AWS_SECRET_ACCESS_KEY", empty);
        told("is empty");
    }
    site.secret("AWS_SECRET_ACCESS_KEY", b"hunter2\xff");
    told("is not UTF-8");
    site.secret("AWS_SECRET_ACCESS_KEY", "hunter2".repeat(20_000));
    told("is larger than");
    fs::remove_file(&path).unwrap();
    told("this secret's file is missing");
    fs::create_dir(&path).unwrap();
    told("is a directory");
    fs::remove_dir(&path).unwrap();
    site.secret("AWS_SECRET_ACCESS_KEY", "hunter2\nhunter2");
    told("has white space around or inside it");
}

#[test]
fn in_production_the_file_wins_and_a_plain_variable_is_warned_about() {
    let site = Site::production().set("AWS_ACCESS_KEY_ID", "hunter2-variable");
    let loaded = site.good();
    assert_eq!(loaded.settings.aws.access_key_id.expose(), "hunter2-key-id");
    assert!(noticed(&loaded, "AWS_ACCESS_KEY_ID: the variable is ignored"));

    fs::remove_file(site.folder.path().join("secrets/AWS_ACCESS_KEY_ID")).unwrap();
    let loaded = site.good();
    assert_eq!(loaded.settings.aws.access_key_id.expose(), "hunter2-variable");
    assert!(noticed(&loaded, "AWS_ACCESS_KEY_ID: taken from a plain variable"));
}

#[test]
fn in_development_a_variable_wins_over_dev_secrets() {
    let site = Site::development().set("SECRETS_OVERRIDE", "1").unset("SESSION_SECRET");
    assert!(site.bad().contains("SESSION_SECRET: is required"));
    fs::create_dir(site.folder.path().join("dev-secrets")).unwrap();
    site.file("dev-secrets/SESSION_SECRET", "from-the-file-0123456789-0123456789\nolder-0123456789-0123456789-0123456789\n");
    let settings = site.good().settings;
    assert_eq!(settings.session_secrets.len(), 2, "one a line");
    let site = site.set("SESSION_SECRET", "from-the-variable-0123456789-0123456789");
    let loaded = site.good();
    assert_eq!(loaded.settings.session_secrets[0].expose(), "from-the-variable-0123456789-0123456789");
    assert!(!noticed(&loaded, "plain variable"));
}

#[test]
fn throw_away_secrets_are_refused_in_production() {
    let site = Site::production();
    site.secret("SESSION_SECRET", "development-only-0123456789-0123456789");
    assert!(site.bad().contains("SESSION_SECRET: is the throw-away one"));
}

#[test]
fn a_short_session_secret_is_taken_with_a_warning() {
    let site = Site::production();
    site.secret("SESSION_SECRET", "hunter2");
    assert!(noticed(&site.good(), "SESSION_SECRET has a line shorter than 32 bytes"));
}

#[test]
fn files_of_variables_are_weaker_than_variables() {
    let site = Site::development().set("PORT", "8081");
    site.file(".env", "PORT=9000\nSCHOOL_NAME=\"Night School\"\nSAML_GROUP_PREFX=x\n");
    let loaded = site.good();
    assert_eq!((loaded.settings.app.port, loaded.settings.app.school.as_str()), (8081, "Night School"));
    assert!(noticed(&loaded, "SAML_GROUP_PREFX in .env is not a setting and is ignored; SAML_GROUP_PREFIX is"));
    let school = loaded.origins.iter().find(|origin| origin.name == "SCHOOL_NAME").unwrap();
    assert_eq!(school.from, FoundIn::EnvFile(".env".into()));

    // In a test and in production ./.env is not looked at; a file that is asked for must be there.
    assert_eq!(site.set("STARCHART_ENV", "test").good().settings.app.school, "School");
    let production = Site::production();
    production.file(".env", "SCHOOL_NAME=Night School");
    assert_eq!(production.good().settings.app.school, "School");
    let mut sources = production.sources();
    sources.env_file = Some(".env".into());
    assert_eq!(Settings::read(&sources).unwrap().settings.app.school, "Night School");
    sources.env_file = Some("absent.env".into());
    assert!(Settings::read(&sources).unwrap_err().to_string().contains("absent.env: is missing"));
}

#[test]
fn a_file_that_is_named_is_for_us_alone() {
    let site = Site::production();
    site.file("our.env", "PORT=1\nSMPT_HOST=mail.example\nELSEWHERE=x\nPORT=8082\n");
    let loaded = Settings::read(&Sources { env_file: Some("our.env".into()), ..site.sources() }).unwrap();
    site.file("faulty.env", "SCHOOL_NAME=Night School\nnonsense\nPORT=no\n");
    let faulty = Settings::read(&Sources { env_file: Some("faulty.env".into()), ..site.sources() }).unwrap_err().to_string();
    for told in ["2 settings are wrong:", "faulty.env: line 2 has no `=`", "PORT: \"no\" is no port"] {
        assert!(faulty.contains(told), "{told}: {faulty}");
    }
    assert_eq!(loaded.settings.app.port, 8082);
    for told in
        ["PORT stands in our.env more than once; line 4 counts", "SMTP_HOST is: was that meant?", "ELSEWHERE in our.env"]
    {
        assert!(noticed(&loaded, told), "{told}: {:?}", loaded.notices);
    }
}

#[test]
fn every_faulty_item_of_a_list_is_told_and_other_servers_are_checked() {
    let site = Site::production()
        .set("TRUSTED_PROXIES", "10.0.0.0/33, proxy, 192.0.2.1")
        .set("DNS_SERVERS", "abc")
        .set("SMTP_PORT", "0")
        .set("SMTP_HOST", "mail.example:25");
    let text = site.bad();
    for told in [
        "TRUSTED_PROXIES: \"10.0.0.0/33\" is no network such as 10.0.0.0/8; \"proxy\" is no network",
        "DNS_SERVERS: \"abc\" is no name server",
        "SMTP_PORT: \"0\" is no port of a server",
        "SMTP_HOST: \"mail.example:25\" is no host name",
    ] {
        assert!(text.contains(told), "{told}:\n{text}");
    }
}

#[test]
fn white_space_around_a_value_is_not_meant_but_in_a_secret() {
    let site = Site::production();
    let around: BTreeMap<_, _> =
        site.variables.iter().map(|(name, value)| (name.clone(), format!(" \t{value}\u{a0}"))).collect();
    let around = Site { variables: around, ..site }.set("PORT", " 8083 ").set("SMTP_PORT", " 25");
    around.secret("DATABASE_URL", " mysql://star:hunter2-db@db:3306/starchart ");
    let settings = around.good().settings;
    assert_eq!((settings.app.port, settings.mail.port, settings.root_domain.as_str()), (8083, 25, "starchart.example"));
    around.secret("AWS_SECRET_ACCESS_KEY", "hunter2 ");
    assert!(around.bad().contains("has white space around or inside it"));
}

#[test]
fn dot_env_cannot_claim_production() {
    let site = Site::development();
    site.file(".env", "STARCHART_ENV=production");
    assert!(site.bad().contains("STARCHART_ENV: in ./.env can only be development"));
}

#[test]
fn node_env_is_taken_with_a_notice() {
    let loaded = Site::production().unset("STARCHART_ENV").set("NODE_ENV", "production").good();
    assert_eq!(loaded.settings.environment, Environment::Production);
    assert!(noticed(&loaded, "NODE_ENV=production is taken"));
    let loaded = Site::development().set("STARCHART_ENV", "development").set("NODE_ENV", "production").good();
    assert_eq!(loaded.settings.environment, Environment::Development);
    assert!(noticed(&loaded, "NODE_ENV is ignored"));
    // An unreadable environment is judged by the strict rules.
    assert!(Site::development().set("STARCHART_ENV", "prod").bad().contains("APP_URL: must begin with https://"));
}

#[test]
fn databases() {
    let site = Site::production();
    site.secret("DATABASE_URL", "sqlite://starchart.db");
    assert!(site.bad().contains("DATABASE_URL: is sqlite://"));
    site.secret("DATABASE_URL", "mysql://star:hunter2@db/starchart?connection_limit=5&pool_timeout=2");
    let loaded = site.good();
    assert_eq!(loaded.settings.database.connection_limit, Some(5));
    assert!(noticed(&loaded, "these parameters are ignored: pool_timeout"));
}

#[test]
fn addresses_hold_no_passwords() {
    for name in ["AWS_ENDPOINT_URL", "LETS_ENCRYPT_DIRECTORY_URL", "SMTP_OAUTH_TOKEN_URL", "SAML_FORM_ACTION_ORIGINS"] {
        let text = Site::production().set(name, "https://a:hunter2@other.example").bad();
        assert!(text.contains(&format!("{name}: must not hold a user or a password")), "{text}");
    }
}

#[test]
fn redis_or_nothing_wakes() {
    for url in ["redis://redis:6379", "rediss://:hunter2@redis:6380/1"] {
        let loaded = Site::production().set("REDIS_URL", url).good();
        assert_eq!(loaded.settings.redis, Redis::At(Secret::new(url)));
        assert!(!render_check(&loaded).contains("hunter2"));
    }
    for (site, redis) in [
        (Site::development(), Redis::At(Secret::new("redis://localhost:6379"))),
        (Site::development().set("STARCHART_ENV", "test"), Redis::InProcess),
        (Site::production().set("REDIS_URL", "memory"), Redis::InProcess),
        (Site::production().set("REDIS_URL", "none"), Redis::Nothing),
    ] {
        assert_eq!(site.good().settings.redis, redis);
    }
    assert!(
        Site::production().set("REDIS_URL", "http://a:hunter2@redis").bad().contains("REDIS_URL: must begin with redis://")
    );
    assert!(Site::production().set("SWEEP_MS", "0").bad().contains("SWEEP_MS: "));
}

#[test]
fn metadata_must_be_there() {
    let site = Site::production().set("SAML_IDP_METADATA_PATH", "absent.xml");
    assert!(site.bad().contains("SAML_IDP_METADATA_PATH: the file absent.xml is missing"));
    site.file("absent.xml", " \n");
    assert!(site.bad().contains("SAML_IDP_METADATA_PATH: the file absent.xml is empty"));
    assert!(Site::production().unset("SAML_IDP_METADATA_PATH").bad().contains("SAML_IDP_METADATA_PATH: is required"));
}

#[test]
fn groups_by_prefix_or_by_name() {
    let groups =
        Site::production().set("SAML_GROUP_PREFIX", "lab").set("SAML_GROUP_ADMINS", "it staff").good().settings.saml.groups;
    assert_eq!([groups.students, groups.faculty, groups.admins], ["lab-students", "lab-faculty", "it staff"]);
    let site = Site::production().set("SAML_GROUP_ADMINS", "mycustomdomain-students");
    assert!(site.bad().contains("SAML_GROUP_ADMINS: is also another group's name"));
}

#[test]
fn mail_in_clear_only_to_this_machine() {
    for host in ["localhost", "127.0.0.1", "::1"] {
        Site::production().set("SMTP_TLS", "none").set("SMTP_HOST", host).good();
    }
    assert!(Site::production().set("SMTP_TLS", "none").bad().contains("SMTP_TLS: none would send passwords in clear"));
}

#[test]
fn xoauth2_needs_its_three() {
    let site = Site::production().set("SMTP_AUTH", "xoauth2").set("SMTP_OAUTH_CLIENT_ID", "id").set("SMTP_OAUTH_SCOPE", "mail");
    assert!(site.bad().contains("SMTP_AUTH: xoauth2 needs SMTP_OAUTH_TOKEN_URL"));
    let settings = site.set("SMTP_OAUTH_TOKEN_URL", "https://login.school.example/token").good().settings;
    assert!(matches!(settings.mail.auth, SmtpAuth::Xoauth2(oauth) if oauth.client_id == "id"));
}

#[test]
fn an_rsa_account_key_turns_certificates_off() {
    let site = Site::production();
    site.secret(
        "LETS_ENCRYPT_ACCOUNT_PRIVATE_KEY_PEM",
        "-----BEGIN RSA PRIVATE KEY-----\naHVudGVyMg==\n-----END RSA PRIVATE KEY-----\n",
    );
    let loaded = site.good();
    assert!(noticed(&loaded, "is an RSA key") && noticed(&loaded, "certificates are off"));
    assert!(loaded.settings.certificates.account_key.is_none());
    site.secret("LETS_ENCRYPT_ACCOUNT_PRIVATE_KEY_PEM", "hunter2");
    assert!(site.bad().contains("LETS_ENCRYPT_ACCOUNT_PRIVATE_KEY_PEM: holds no private key"));
    site.secret("LETS_ENCRYPT_ACCOUNT_PRIVATE_KEY_PEM", "");
    site.secret("KEY_ENCRYPTION_KEYS", "a:hunter2");
    assert!(site.bad().contains("KEY_ENCRYPTION_KEYS: line 1"));
}

#[test]
fn proxies_that_nobody_named_are_warned_about() {
    assert!(noticed(&Site::production().unset("TRUSTED_PROXIES").good(), "TRUSTED_PROXIES is not set"));
    assert!(!noticed(&Site::production().good(), "TRUSTED_PROXIES"));
    assert!(Site::production().set("TRUSTED_PROXIES", "0.0.0.0/0").bad().contains("TRUSTED_PROXIES: "));
}

#[test]
fn nothing_that_is_printed_holds_a_secret() {
    let site = Site::production().set("REDIS_URL", "redis://a:hunter2@redis:6379").set("SESSION_SECRET", "hunter2");
    let loaded = site.good();
    let check = render_check(&loaded);
    for text in [check.as_str(), &format!("{loaded:?}"), &format!("{:?}", site.sources())] {
        assert!(!text.contains("hunter2"), "{text}");
    }
    assert!(check.contains("redis://***@redis:6379"), "{check}");
    let session = check.lines().find(|line| line.starts_with("SESSION_SECRET")).unwrap();
    assert!(session.contains("***") && session.contains("secrets/SESSION_SECRET"), "{session}");
    assert_eq!(check.lines().filter(|line| line.contains("  (")).count(), starchart_settings::known().len(), "{check}");
}

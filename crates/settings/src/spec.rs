//! The table of all settings: meaning, whether they are required, and default.

use crate::settings::Environment;

/// The specification of one setting.
#[derive(Debug, Clone, Copy)]
pub struct SettingSpec {
    /// The name of the variable, and of the file for a secret.
    pub name: &'static str,
    /// Whether the value is a secret, which is read from a file and never printed.
    pub secret: bool,
    /// In which environments the setting is required.
    pub required: Required,
    /// The value when the setting is not set.
    pub default: DefaultValue,
    /// What the setting means, as in `config/env.example`.
    pub description: &'static str,
}

/// In which environments a setting is required.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Required {
    /// Required in every environment.
    Always,
    /// Required in production only.
    InProduction,
    /// Optional in every environment.
    No,
}

/// The default of a setting, as an operator would write it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DefaultValue {
    /// No default: the feature is off, or the setting is required.
    Unset,
    /// One value for every environment.
    Same(&'static str),
    /// One value for production (`None`: no default) and one for other environments.
    Split(Option<&'static str>, &'static str),
    /// One value each for production, development and tests.
    Each(&'static str, &'static str, &'static str),
}

impl DefaultValue {
    /// Returns the default in an environment.
    pub fn in_environment(self, environment: Environment) -> Option<&'static str> {
        match self {
            Self::Unset => None,
            Self::Same(text) => Some(text),
            Self::Split(production, elsewhere) => {
                if environment.is_production() {
                    production
                } else {
                    Some(elsewhere)
                }
            }
            Self::Each(production, development, test) => Some(match environment {
                Environment::Production => production,
                Environment::Development => development,
                Environment::Test => test,
            }),
        }
    }
}

/// Returns every setting, grouped as in `config/env.example`.
pub fn setting_specs() -> &'static [SettingSpec] {
    SETTINGS
}

/// Finds a setting by name.
pub(crate) fn find(name: &str) -> Option<&'static SettingSpec> {
    SETTINGS.iter().find(|spec| spec.name == name)
}

const fn variable(
    name: &'static str,
    required: Required,
    default: DefaultValue,
    description: &'static str,
) -> SettingSpec {
    SettingSpec {
        name,
        secret: false,
        required,
        default,
        description,
    }
}

const fn secret(
    name: &'static str,
    required: Required,
    default: DefaultValue,
    description: &'static str,
) -> SettingSpec {
    SettingSpec {
        name,
        secret: true,
        required,
        default,
        description,
    }
}

use DefaultValue::{Each, Same, Split, Unset};
use Required::{Always, InProduction, No};

const SETTINGS: &[SettingSpec] = &[
    // The site
    variable(
        "STARCHART_ENV",
        No,
        Same("development"),
        "production, development or test",
    ),
    variable(
        "NODE_ENV",
        No,
        Unset,
        "the original's name for STARCHART_ENV; used when that is not set",
    ),
    variable(
        "APP_URL",
        Always,
        Unset,
        "public address; http:// only for loopback and host.docker.internal in development",
    ),
    variable(
        "PORT",
        No,
        Same("8080"),
        "port of the HTTP server; 0 takes any free one",
    ),
    variable(
        "METRICS_PORT",
        No,
        Unset,
        "separate port for /metrics (Prometheus), not for public networks; not set: no metrics",
    ),
    variable(
        "LOG_LEVEL",
        No,
        Same("info"),
        "silent, error, warn, info, debug or trace",
    ),
    variable(
        "APP_NAME",
        No,
        Same("My.Custom.Domain"),
        "name in headings and mail subjects",
    ),
    variable(
        "SCHOOL_NAME",
        No,
        Same("School"),
        "the school's name, as in \"School Logout\"",
    ),
    variable(
        "SUPPORT_CONTACT",
        No,
        Unset,
        "contact for users: a mail address or an https address",
    ),
    variable(
        "TRUSTED_PROXIES",
        No,
        Unset,
        "networks (CIDR, comma-separated) whose X-Forwarded-For is trusted; no other forwarded \
         header is read",
    ),
    variable(
        "ALLOW_APP_UNDER_ROOT_DOMAIN",
        No,
        Same("0"),
        "1 allows APP_URL under ROOT_DOMAIN, where users publish their own pages",
    ),
    // The zone
    variable(
        "ROOT_DOMAIN",
        InProduction,
        Split(None, "starchart.com"),
        "the domain under which each user gets a domain",
    ),
    variable(
        "AWS_ROUTE53_HOSTED_ZONE_ID",
        InProduction,
        Unset,
        "Route53's id of that zone",
    ),
    variable(
        "AWS_REGION",
        No,
        Same("us-east-1"),
        "region whose credentials are used",
    ),
    secret(
        "AWS_ACCESS_KEY_ID",
        InProduction,
        Split(None, "development"),
        "access key that may change and list the zone, nothing else",
    ),
    secret(
        "AWS_SECRET_ACCESS_KEY",
        InProduction,
        Split(None, "development"),
        "secret part of that access key",
    ),
    secret(
        "AWS_SESSION_TOKEN",
        No,
        Unset,
        "third part of temporary credentials",
    ),
    variable(
        "AWS_ENDPOINT_URL",
        No,
        Unset,
        "endpoint of another Route53 than Amazon's (a mock)",
    ),
    variable(
        "ROUTE53_REQUESTS_PER_SECOND",
        No,
        Same("4"),
        "requests a second at most; Amazon allows 5 an account",
    ),
    variable(
        "DNS_SERVERS",
        No,
        Unset,
        "name servers to query (host:port, comma-separated) instead of the zone's delegation",
    ),
    // Data
    secret(
        "DATABASE_URL",
        Always,
        Unset,
        "mysql://user:password@host:3306/database; in development also sqlite://file",
    ),
    variable(
        "AUTO_MIGRATE",
        No,
        Same("1"),
        "0: wait for pending migrations instead of running them",
    ),
    variable(
        "REDIS_URL",
        No,
        Each("redis://redis:6379", "redis://localhost:6379", "memory"),
        "redis:// or rediss://; memory: one process only; none: no wake-ups (for diagnosis)",
    ),
    // Sign-in
    secret(
        "SESSION_SECRET",
        Always,
        Unset,
        "32 bytes or more; several lines: the first signs, all verify",
    ),
    variable(
        "SAML_IDP_METADATA_PATH",
        InProduction,
        Split(None, "config/idp-metadata-dev.xml"),
        "file with the identity provider's metadata",
    ),
    variable(
        "SAML_GROUP_PREFIX",
        No,
        Same("mycustomdomain"),
        "groups are PREFIX-students, PREFIX-faculty, PREFIX-admins",
    ),
    variable(
        "SAML_GROUP_STUDENTS",
        No,
        Unset,
        "name of the students' group, instead of the prefix",
    ),
    variable(
        "SAML_GROUP_FACULTY",
        No,
        Unset,
        "name of the faculty's group, instead of the prefix",
    ),
    variable(
        "SAML_GROUP_ADMINS",
        No,
        Unset,
        "name of the admins' group, instead of the prefix",
    ),
    variable(
        "SAML_SUBJECT_ATTRIBUTE",
        No,
        Same("sAMAccountName"),
        "attribute with the user's permanent identifier; do not change it later",
    ),
    variable(
        "SAML_ATTRIBUTE_DISPLAY_NAME",
        No,
        Same("displayname"),
        "attribute with the user's display name",
    ),
    variable(
        "SAML_ATTRIBUTE_EMAIL",
        No,
        Same("email"),
        "attribute with the mail address",
    ),
    variable(
        "SAML_ATTRIBUTE_GROUP",
        No,
        Same("group"),
        "attribute with the groups, one or many values",
    ),
    variable(
        "SAML_FORM_ACTION_ORIGINS",
        No,
        Unset,
        "further origins the sign-in form may be redirected to",
    ),
    variable(
        "SAML_CLOCK_SKEW_S",
        No,
        Same("60"),
        "seconds the identity provider's clock may be off, at most 120",
    ),
    secret(
        "SAML_DECRYPTION_KEY",
        No,
        Unset,
        "RSA key in PEM for which the identity provider may encrypt assertions",
    ),
    // Mail
    variable(
        "NOTIFICATIONS_EMAIL_USER",
        No,
        Unset,
        "sender's mail address",
    ),
    variable(
        "SMTP_HOST",
        No,
        Split(Some("smtp.office365.com"), "localhost"),
        "mail server",
    ),
    variable(
        "SMTP_PORT",
        No,
        Split(Some("587"), "1025"),
        "port of the mail server",
    ),
    variable(
        "SMTP_TLS",
        No,
        Same("starttls"),
        "starttls, tls, or none (to loopback only)",
    ),
    variable(
        "SMTP_AUTH",
        No,
        Same("password"),
        "password, none or xoauth2",
    ),
    variable(
        "SMTP_OAUTH_TOKEN_URL",
        No,
        Unset,
        "xoauth2: URL of the token endpoint",
    ),
    variable(
        "SMTP_OAUTH_CLIENT_ID",
        No,
        Unset,
        "xoauth2: client id for the token request",
    ),
    variable("SMTP_OAUTH_SCOPE", No, Unset, "xoauth2: scope of the token"),
    variable(
        "SMTP_MESSAGES_PER_MINUTE",
        No,
        Same("30"),
        "mails a minute at most; Exchange Online allows one sender 30",
    ),
    secret(
        "NOTIFICATIONS_USERNAME",
        No,
        Unset,
        "user name for the mail server",
    ),
    secret(
        "NOTIFICATIONS_PASSWORD",
        No,
        Unset,
        "password for the mail server; with xoauth2 the client secret",
    ),
    // Certificates
    variable(
        "LETS_ENCRYPT_ACCOUNT_EMAIL",
        InProduction,
        Unset,
        "mail address of the ACME account",
    ),
    variable(
        "LETS_ENCRYPT_DIRECTORY_URL",
        InProduction,
        Unset,
        "the CA's directory, production or staging",
    ),
    secret(
        "LETS_ENCRYPT_ACCOUNT_PRIVATE_KEY_PEM",
        No,
        Unset,
        "P-256 key of the ACME account, PKCS#8 or SEC1 PEM",
    ),
    secret(
        "KEY_ENCRYPTION_KEYS",
        No,
        Unset,
        "lines of id:base64 of 32 bytes; the first encrypts, all decrypt",
    ),
    variable(
        "ACME_CA_ROOT_PATH",
        No,
        Unset,
        "PEM file with the root to trust for the CA's API (a test CA)",
    ),
    variable(
        "ACME_CAA_IDENTITIES",
        No,
        Same("letsencrypt.org"),
        "domains of the CA in CAA records, separated by commas",
    ),
    // Limits and timers
    variable(
        "USER_DNS_RECORD_LIMIT",
        No,
        Unset,
        "records per user; not set: no limit",
    ),
    variable(
        "RATE_LIMIT_SIGN_IN_PER_MINUTE",
        No,
        Same("300"),
        "sign-ins from one IP address (a whole class may share one)",
    ),
    variable(
        "RATE_LIMIT_RECORD_WRITES_PER_MINUTE",
        No,
        Same("30"),
        "record changes by one user",
    ),
    variable(
        "RATE_LIMIT_ADMIN_SEARCHES_PER_MINUTE",
        No,
        Same("60"),
        "searches by one admin",
    ),
    variable(
        "RATE_LIMIT_CERTIFICATE_REQUESTS_PER_DAY",
        No,
        Same("3"),
        "certificate requests by one user",
    ),
    variable(
        "EXPIRATION_REPEAT_FREQUENCY_S",
        No,
        Same("86400"),
        "seconds between checks for expired records and certificates",
    ),
    variable(
        "AUDIT_FREQUENCY_S",
        No,
        Same("3600"),
        "seconds between comparisons of the whole zone with the database; one also follows a start",
    ),
    variable(
        "JOB_REMOVAL_FREQUENCY_S",
        No,
        Same("604800"),
        "seconds for which finished work is kept: sent mails, wake-ups in Redis",
    ),
    variable(
        "SWEEP_MS",
        No,
        Same("2000"),
        "milliseconds between sweeps for pending work without a wake-up",
    ),
    variable(
        "DRAIN_S",
        No,
        Same("5"),
        "seconds during which connections are still accepted after SIGTERM, at most 30",
    ),
    // Rarely
    variable(
        "SECRETS_OVERRIDE",
        No,
        Same("0"),
        "1: secrets are read from ./dev-secrets instead of /run/secrets",
    ),
    variable(
        "DANGER_DATABASE_WIPE_REINITIALIZE",
        No,
        Unset,
        "1 wipes the database once, at the next start; remove it afterwards, a start without it \
         re-arms it",
    ),
    variable(
        "DANGER_CONFIRM",
        No,
        Unset,
        "ROOT_DOMAIN:number of users, to confirm a wipe in production",
    ),
];

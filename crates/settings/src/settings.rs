//! The typed values. Plain fields; each says its variable, default and unit.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use starchart_domain::names::RootDomain;
use starchart_domain::secret::Secret;
use starchart_domain::user::GroupNames;
use url::Url;

/// Everything an operator can set.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `STARCHART_ENV`: decides which rules are strict. Default: what `NODE_ENV` says, else
    /// development.
    pub environment: Environment,
    /// `LOG_LEVEL`: the least severe line that is written. Default info.
    pub log_level: LogLevel,
    /// The site itself: address, port, names.
    pub app: App,
    /// `ROOT_DOMAIN`: the domain under which people get theirs. Required in production;
    /// starchart.com otherwise.
    pub root_domain: RootDomain,
    /// Route53.
    pub aws: Aws,
    /// `DNS_SERVERS`: name servers to ask whether a change is visible, instead of the zone's
    /// delegation set. Default none.
    pub dns_servers: Vec<HostPort>,
    /// `DATABASE_URL`.
    pub database: Database,
    /// `AUTO_MIGRATE`: run pending migrations at the start. Default yes.
    pub auto_migrate: bool,
    /// `REDIS_URL`: how processes wake each other and share rate limits.
    pub redis: Redis,
    /// `SESSION_SECRET`: the first keys CSRF tokens and signed links, the others still verify.
    /// Never empty.
    pub session_secrets: Vec<Secret>,
    /// Sign-in.
    pub saml: Saml,
    /// Outgoing mail.
    pub mail: Mail,
    /// Certificates from Let's Encrypt.
    pub certificates: Certificates,
    /// How much one person or address may do.
    pub limits: Limits,
    /// What happens on a clock.
    pub timers: Timers,
    /// `DANGER_DATABASE_WIPE_REINITIALIZE`: wipe the database once, at the start. Default no.
    pub wipe: bool,
    /// `DANGER_CONFIRM`: the words that confirm a dangerous act, `ROOT_DOMAIN:number of users`.
    /// Default none.
    pub danger_confirm: Option<String>,
}

/// How processes wake each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Redis {
    /// Through the Redis at this URL, which may carry a password. Default redis://redis:6379 in
    /// production and redis://localhost:6379 in development.
    Url(Secret),
    /// `memory`: each process wakes itself. Default in tests.
    InProcess,
    /// `none`: nobody wakes anybody, work is found by looking. To diagnose.
    Disabled,
}

/// Where this runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Environment {
    /// For people: https only, no SQLite, real identity provider.
    Production,
    /// On a laptop.
    Development,
    /// In a test; the rules of development, without reading `./.env`.
    Test,
}

impl Environment {
    /// Whether the strict rules hold.
    pub fn is_production(self) -> bool {
        self == Self::Production
    }

    /// The word that `STARCHART_ENV` takes.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Production => "production",
            Self::Development => "development",
            Self::Test => "test",
        }
    }
}

/// The least severe log line that is written. The original's other words are mapped: fatal is
/// error, http and verbose are debug, silly is trace, silent is off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogLevel {
    /// Nothing at all.
    Off,
    /// Something is broken.
    Error,
    /// Something should be looked at.
    Warn,
    /// What happens.
    Info,
    /// How it happens.
    Debug,
    /// Every step.
    Trace,
}

impl LogLevel {
    /// The word that a `tracing` filter takes.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

/// The site itself.
#[derive(Debug, Clone)]
pub struct App {
    /// `APP_URL`: the public address; no path, query or fragment. `http` only for loopback and
    /// host.docker.internal outside production. Required.
    pub url: Url,
    /// `PORT`: where HTTP is served, on all addresses. Default 8080; 0 takes any free port.
    pub port: u16,
    /// `METRICS_PORT`: a port of its own for metrics. Default none: no metrics.
    pub metrics_port: Option<u16>,
    /// `APP_NAME`: in headings and mail subjects. Default My.Custom.Domain.
    pub name: String,
    /// `SCHOOL_NAME`: in "... Logout" and help texts. Default School.
    pub school: String,
    /// `SUPPORT_CONTACT`: whom to ask, a mail address or an https address. Default none.
    pub support: Option<String>,
    /// `TRUSTED_PROXIES`: networks whose X-Forwarded-For is believed. Default none.
    pub trusted_proxies: Vec<IpNet>,
}

/// Route53.
#[derive(Debug, Clone)]
pub struct Aws {
    /// `AWS_ROUTE53_HOSTED_ZONE_ID`: the zone, without `/hostedzone/`. Required in production;
    /// `None`: the mock's zone is made at the start.
    pub zone_id: Option<String>,
    /// `AWS_REGION`. Default us-east-1.
    pub region: String,
    /// `AWS_ACCESS_KEY_ID`. Required in production; the word `development` otherwise.
    pub access_key_id: Secret,
    /// `AWS_SECRET_ACCESS_KEY`. Required in production; the word `development` otherwise.
    pub secret_access_key: Secret,
    /// `AWS_SESSION_TOKEN`. Default none.
    pub session_token: Option<Secret>,
    /// `AWS_ENDPOINT_URL`: another Route53 than Amazon's. Default none.
    pub endpoint: Option<Url>,
    /// `ROUTE53_REQUESTS_PER_SECOND`. Default 4 (Amazon allows 5 an account).
    pub requests_per_second: u32,
}

/// The database.
#[derive(Debug, Clone)]
pub struct Database {
    /// Which one.
    pub kind: DatabaseKind,
    /// `DATABASE_URL`, with Prisma's parameters translated or dropped. Required.
    pub url: Secret,
    /// `connection_limit` of the URL: connections of one process. Default: the store's.
    pub connection_limit: Option<u32>,
}

/// Which database `DATABASE_URL` names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DatabaseKind {
    /// MySQL or MariaDB.
    MySql,
    /// A file; refused in production.
    Sqlite,
}

/// Sign-in through SAML.
#[derive(Debug, Clone)]
pub struct Saml {
    /// The text of the file that `SAML_IDP_METADATA_PATH` names, as it is (a BOM is kept). Required
    /// in production; config/idp-metadata-dev.xml otherwise.
    pub idp_metadata: String,
    /// `SAML_GROUP_PREFIX` (mycustomdomain), or one name each: `SAML_GROUP_STUDENTS`,
    /// `SAML_GROUP_FACULTY`, `SAML_GROUP_ADMINS`.
    pub groups: GroupNames,
    /// `SAML_SUBJECT_ATTRIBUTE`: the attribute that says who it is, for good. Default
    /// sAMAccountName.
    pub subject_attribute: String,
    /// `SAML_ATTRIBUTE_DISPLAY_NAME`. Default displayname.
    pub display_name_attribute: String,
    /// `SAML_ATTRIBUTE_EMAIL`. Default email.
    pub email_attribute: String,
    /// `SAML_ATTRIBUTE_GROUP`: one or many values. Default group.
    pub group_attribute: String,
    /// `SAML_FORM_ACTION_ORIGINS`: further origins to which the sign-in form may be redirected.
    /// Default none.
    pub form_action_origins: Vec<String>,
    /// `SAML_CLOCK_SKEW_S`: how far the identity provider's clock may be off. Default 60 s, at most
    /// 120 s.
    pub clock_skew: Duration,
}

/// Outgoing mail.
#[derive(Debug, Clone)]
pub struct Mail {
    /// `NOTIFICATIONS_EMAIL_USER`: the sender's address. Default none.
    pub sender: Option<String>,
    /// `SMTP_HOST`. Default smtp.office365.com; localhost outside production.
    pub host: String,
    /// `SMTP_PORT`. Default 587; 1025 outside production.
    pub port: u16,
    /// `SMTP_TLS`. Default starttls.
    pub tls: SmtpTls,
    /// `SMTP_AUTH`. Default password.
    pub auth: SmtpAuth,
    /// `SMTP_MESSAGES_PER_MINUTE`: mails that one process sends in a minute. Default 30.
    pub per_minute: u32,
    /// `NOTIFICATIONS_USERNAME`. Default none.
    pub username: Option<Secret>,
    /// `NOTIFICATIONS_PASSWORD`: the password, or with xoauth2 the client secret. Default none.
    pub password: Option<Secret>,
}

impl Mail {
    /// Why no mail can be sent, if so.
    pub fn disabled_reason(&self) -> Option<&'static str> {
        if self.sender.is_none() {
            return Some("NOTIFICATIONS_EMAIL_USER is not set");
        }
        match self.auth {
            SmtpAuth::None => None,
            _ if self.username.is_none() => Some("NOTIFICATIONS_USERNAME is not set"),
            _ if self.password.is_none() => Some("NOTIFICATIONS_PASSWORD is not set"),
            _ => None,
        }
    }
}

/// How the connection to the mail server is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SmtpTls {
    /// Plain first, then STARTTLS, required.
    StartTls,
    /// TLS from the first byte.
    Tls,
    /// None; only to a loopback address.
    None,
}

/// How we say who we are to the mail server.
#[derive(Debug, Clone)]
pub enum SmtpAuth {
    /// User name and password.
    Password,
    /// Not at all.
    None,
    /// A token from the school's identity platform.
    Xoauth2(SmtpOauth),
}

/// Where the token for `SMTP_AUTH=xoauth2` comes from.
#[derive(Debug, Clone)]
pub struct SmtpOauth {
    /// `SMTP_OAUTH_TOKEN_URL`.
    pub token_url: Url,
    /// `SMTP_OAUTH_CLIENT_ID`.
    pub client_id: String,
    /// `SMTP_OAUTH_SCOPE`.
    pub scope: String,
}

/// Certificates from Let's Encrypt, or another authority that speaks RFC 8555.
#[derive(Debug, Clone)]
pub struct Certificates {
    /// `LETS_ENCRYPT_ACCOUNT_EMAIL`. Required in production.
    pub account_email: Option<String>,
    /// `LETS_ENCRYPT_DIRECTORY_URL`. Required in production.
    pub directory: Option<Url>,
    /// `LETS_ENCRYPT_ACCOUNT_PRIVATE_KEY_PEM`: a P-256 key as PKCS#8 or SEC1 PEM. `None` also when
    /// it is an RSA key, which cannot be used.
    pub account_key: Option<Secret>,
    /// `KEY_ENCRYPTION_KEYS`: each `id:base64 of 32 bytes` in its two parts; the first encrypts.
    /// Default none.
    pub key_encryption_keys: Vec<(String, Secret)>,
    /// `ACME_CA_ROOT_PATH`: a PEM file with the root to trust for the CA's API. Default: the
    /// system's.
    pub ca_root: Option<PathBuf>,
}

impl Certificates {
    /// Why no certificate can be asked for, if so.
    pub fn disabled_reason(&self) -> Option<&'static str> {
        if self.account_key.is_none() {
            return Some(
                "LETS_ENCRYPT_ACCOUNT_PRIVATE_KEY_PEM is not set, or no P-256 key (`starchart keys new` makes one)",
            );
        }
        if self.key_encryption_keys.is_empty() {
            return Some("KEY_ENCRYPTION_KEYS is not set");
        }
        if self.directory.is_none() {
            return Some("LETS_ENCRYPT_DIRECTORY_URL is not set");
        }
        None
    }
}

/// How much one person or address may do.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// `USER_DNS_RECORD_LIMIT`: records one person may have. Default none.
    pub records_per_user: Option<u32>,
    /// `RATE_LIMIT_SIGN_IN_PER_MINUTE`: sign-ins from one address. Default 300.
    pub sign_in_per_minute: u32,
    /// `RATE_LIMIT_RECORD_WRITES_PER_MINUTE`: records made, changed, renewed or deleted by one
    /// person. Default 30.
    pub record_writes_per_minute: u32,
    /// `RATE_LIMIT_ADMIN_SEARCHES_PER_MINUTE`: searches of one admin. Default 60.
    pub admin_searches_per_minute: u32,
    /// `RATE_LIMIT_CERTIFICATE_REQUESTS_PER_DAY`: certificates one person may ask for. Default 3.
    pub certificate_requests_per_day: u32,
}

/// What happens on a clock.
#[derive(Debug, Clone, Copy)]
pub struct Timers {
    /// `EXPIRATION_REPEAT_FREQUENCY_S`: how often expiry is looked at. Default 86400 s.
    pub expiration_every: Duration,
    /// `AUDIT_FREQUENCY_S`: how often the whole zone is compared with the rows. Default 3600 s.
    pub audit_every: Duration,
    /// `JOB_REMOVAL_FREQUENCY_S`: how long sent mails, and finished wake-ups in Redis, are kept.
    /// Default 604800 s.
    pub job_removal_every: Duration,
    /// `SWEEP_MS`: how often rows are looked at without being woken. Default 2000 ms, at least 50
    /// ms, at most a minute.
    pub sweep: Duration,
    /// `DRAIN_S`: how long new connections are still taken after SIGTERM. Default 5 s, at most 30
    /// s.
    pub drain: Duration,
}

/// A host and its port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostPort {
    /// A host name or an address, without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
}

impl std::fmt::Display for HostPort {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.host.parse::<IpAddr>() {
            Ok(IpAddr::V6(address)) => write!(f, "[{address}]:{}", self.port),
            _ => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

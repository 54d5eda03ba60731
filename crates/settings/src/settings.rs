//! The parsed settings. Each field names its variable and unit; [`crate::setting_specs`] has the
//! defaults.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use starchart_domain::names::RootDomain;
use starchart_domain::rate_limits::RateLimits;
use starchart_domain::secret::Secret;
use starchart_domain::timers::Timers;
use starchart_domain::user::{AttributeNames, GroupNames};
use url::Url;

/// All settings of an operator.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `STARCHART_ENV`: selects the strictness of the rules.
    pub environment: Environment,
    /// `LOG_LEVEL`: the least severe line that is written.
    pub log_level: LogLevel,
    /// The public URL, ports and names of the site.
    pub app: App,
    /// `ROOT_DOMAIN`: the domain under which each user gets a domain. Required in production.
    pub root_domain: RootDomain,
    /// The DNS provider that holds the zone.
    pub provider: DnsProvider,
    /// `DNS_SERVERS`: name servers to query for changes, instead of the zone's delegation set.
    pub dns_servers: Vec<HostPort>,
    /// `DATABASE_URL`: the database server and its connections.
    pub database: Database,
    /// `AUTO_MIGRATE`: run pending migrations at the start.
    pub auto_migrate: bool,
    /// `REDIS_URL`: how processes wake each other and share rate limits.
    pub redis: Redis,
    /// `SESSION_SECRET`: the first one signs CSRF tokens and links, the others still verify. At
    /// least one.
    pub session_secrets: Vec<Secret>,
    /// Sign-in through the identity provider.
    pub saml: Saml,
    /// The mail server and the sender.
    pub mail: Mail,
    /// Certificates from Let's Encrypt.
    pub certificates: Certificates,
    /// Limits for each user and IP address.
    pub limits: Limits,
    /// Intervals of periodic work.
    pub timers: Timers,
    /// `DRAIN_S`: how long new connections are still accepted after SIGTERM. At most 30 s.
    pub drain: Duration,
    /// `DANGER_DATABASE_WIPE_REINITIALIZE`: wipe the database once, at the start.
    pub wipe: bool,
    /// `DANGER_CONFIRM`: confirms a wipe in production with the text `ROOT_DOMAIN:number of users`.
    pub danger_confirm: Option<String>,
}

/// How processes wake each other (`REDIS_URL`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Redis {
    /// Through the Redis at this URL, which may carry a password.
    Url(Secret),
    /// `memory`: each process wakes itself.
    InProcess,
    /// `none`: no wake-ups; the sweep finds all work. For diagnosis.
    Disabled,
}

/// The environment, which selects the strictness of the rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Environment {
    /// For real users: https only, no SQLite, a real identity provider.
    Production,
    /// On a developer's machine.
    Development,
    /// In tests: the rules of development, without `./.env`.
    Test,
}

impl Environment {
    /// Returns whether the strict rules apply.
    pub fn is_production(self) -> bool {
        self == Self::Production
    }

    /// Returns the word for `STARCHART_ENV`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Production => "production",
            Self::Development => "development",
            Self::Test => "test",
        }
    }
}

/// The least severe level that is logged. The other levels of the original are mapped: fatal to
/// error, http and verbose to debug, silly to trace, silent to off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogLevel {
    /// No line is logged.
    Off,
    /// Faults that need an operator.
    Error,
    /// Conditions that an operator should look at.
    Warn,
    /// Events of normal operation.
    Info,
    /// Details for diagnosis, such as health checks and failures that are retried.
    Debug,
    /// Also the steps of libraries whose lines cannot contain secrets.
    Trace,
}

impl LogLevel {
    /// Returns the word for a `tracing` filter.
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

/// The public URL, ports and names of the site.
#[derive(Debug, Clone)]
pub struct App {
    /// `APP_URL`: the public address; no path, query or fragment. `http` only for loopback and
    /// host.docker.internal outside production. Required.
    pub url: Url,
    /// `PORT`: port of the HTTP server, on all addresses. 0 takes any free port.
    pub port: u16,
    /// `METRICS_PORT`: separate port for metrics. `None`: no metrics.
    pub metrics_port: Option<u16>,
    /// `APP_NAME`: in headings and mail subjects.
    pub name: String,
    /// `SCHOOL_NAME`: in "... Logout" and help texts.
    pub school: String,
    /// `SUPPORT_CONTACT`: contact for users, a mail address or an https URL.
    pub support: Option<String>,
    /// `TRUSTED_PROXIES`: networks whose X-Forwarded-For is trusted.
    pub trusted_proxies: Vec<IpNet>,
}

/// The DNS provider that holds the zone, with its section of the settings.
#[derive(Debug, Clone)]
pub enum DnsProvider {
    /// Amazon Route53, or another server that implements its protocol.
    Route53(Aws),
}

/// The hosted zone in Route53 and its credentials.
#[derive(Debug, Clone)]
pub struct Aws {
    /// `AWS_ROUTE53_HOSTED_ZONE_ID`: the zone id, without `/hostedzone/`. Required in
    /// production; `None`: the zone is created in the mock at the start.
    pub zone_id: Option<String>,
    /// `AWS_REGION`: region of the credentials.
    pub region: String,
    /// `AWS_ACCESS_KEY_ID`: the access key. Required in production.
    pub access_key_id: Secret,
    /// `AWS_SECRET_ACCESS_KEY`: its secret part. Required in production.
    pub secret_access_key: Secret,
    /// `AWS_SESSION_TOKEN`: for temporary credentials.
    pub session_token: Option<Secret>,
    /// `AWS_ENDPOINT_URL`: endpoint of another Route53 than Amazon's.
    pub endpoint: Option<Url>,
    /// `ROUTE53_REQUESTS_PER_SECOND`: rate limit; Amazon allows 5 an account.
    pub requests_per_second: u32,
}

/// The database of `DATABASE_URL` and how many connections a process opens.
#[derive(Debug, Clone)]
pub struct Database {
    /// Which database system it is.
    pub kind: DatabaseKind,
    /// `DATABASE_URL`, with Prisma's parameters translated or dropped. Required.
    pub url: Secret,
    /// Connections of one process (`connection_limit` in the URL). `None`: the store chooses.
    pub connection_limit: Option<u32>,
}

/// The database system in `DATABASE_URL`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DatabaseKind {
    /// MySQL or MariaDB server.
    MySql,
    /// SQLite file; refused in production.
    Sqlite,
}

/// Sign-in through the identity provider (SAML 2.0): its metadata and the attributes to read.
#[derive(Debug, Clone)]
pub struct Saml {
    /// The content of the file at `SAML_IDP_METADATA_PATH`, with a BOM if it has one. Required in
    /// production.
    pub idp_metadata: String,
    /// Group names from `SAML_GROUP_PREFIX`, or from `SAML_GROUP_STUDENTS`, `SAML_GROUP_FACULTY`
    /// and `SAML_GROUP_ADMINS`.
    pub groups: GroupNames,
    /// The attributes to read.
    pub attributes: AttributeNames,
    /// `SAML_FORM_ACTION_ORIGINS`: further origins to which the sign-in form may be redirected.
    pub form_action_origins: Vec<String>,
    /// `SAML_CLOCK_SKEW_S`: how far the clock of the identity provider may be off. At most 120 s.
    pub clock_skew: Duration,
    /// `SAML_DECRYPTION_KEY`: RSA key in PEM for which assertions may be encrypted.
    pub decryption_key: Option<Secret>,
}

/// The mail server and the sender.
#[derive(Debug, Clone)]
pub struct Mail {
    /// `NOTIFICATIONS_EMAIL_USER`: the sender's address.
    pub sender: Option<String>,
    /// `SMTP_HOST`: the mail server.
    pub host: String,
    /// `SMTP_PORT`: the TCP port of the mail server.
    pub port: u16,
    /// `SMTP_TLS`: how the connection is encrypted.
    pub tls: SmtpTls,
    /// `SMTP_AUTH`: how we authenticate.
    pub auth: SmtpAuth,
    /// `SMTP_MESSAGES_PER_MINUTE`: mails that one process sends in a minute.
    pub per_minute: u32,
    /// `NOTIFICATIONS_USERNAME`: the user name at the mail server.
    pub username: Option<Secret>,
    /// `NOTIFICATIONS_PASSWORD`: the password, or with xoauth2 the client secret.
    pub password: Option<Secret>,
}

impl Mail {
    /// Returns why mail is disabled, or `None` if it is enabled.
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

/// How the connection to the mail server is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SmtpTls {
    /// STARTTLS, which is required (RFC 3207).
    StartTls,
    /// TLS from the first byte (RFC 8314).
    Tls,
    /// No encryption; only for a loopback address.
    None,
}

/// How we authenticate to the mail server.
#[derive(Debug, Clone)]
pub enum SmtpAuth {
    /// With user name and password.
    Password,
    /// No authentication; the mail server accepts mail by the sender's IP address.
    None,
    /// With an OAuth 2.0 access token (XOAUTH2).
    Xoauth2(SmtpOauth),
}

/// How to get the access token for `SMTP_AUTH=xoauth2`.
#[derive(Debug, Clone)]
pub struct SmtpOauth {
    /// `SMTP_OAUTH_TOKEN_URL`: the token endpoint.
    pub token_url: Url,
    /// `SMTP_OAUTH_CLIENT_ID`: the client id for the token request.
    pub client_id: String,
    /// `SMTP_OAUTH_SCOPE`: the requested scope.
    pub scope: String,
}

/// Certificates from Let's Encrypt, or another CA that implements RFC 8555.
#[derive(Debug, Clone)]
pub struct Certificates {
    /// `LETS_ENCRYPT_ACCOUNT_EMAIL`: contact of the ACME account. Required in production.
    pub account_email: Option<String>,
    /// `LETS_ENCRYPT_DIRECTORY_URL`: directory of the CA. Required in production.
    pub directory: Option<Url>,
    /// `LETS_ENCRYPT_ACCOUNT_PRIVATE_KEY_PEM`: a P-256 key as PKCS#8 or SEC1 PEM. `None` also for
    /// an RSA key, which cannot be used.
    pub account_key: Option<Secret>,
    /// `KEY_ENCRYPTION_KEYS`: pairs of id and base64 of 32 bytes; the first one encrypts.
    pub key_encryption_keys: Vec<(String, Secret)>,
    /// `ACME_CA_ROOT_PATH`: a PEM file with the root to trust for the CA's API. `None`: the roots
    /// of the system.
    pub ca_root: Option<PathBuf>,
    /// `ACME_CAA_IDENTITIES`: the domains by which the CA is known in CAA records (RFC 8659), as in
    /// its directory's `caaIdentities`.
    pub caa_identities: Vec<String>,
}

impl Certificates {
    /// Returns why certificates are disabled, or `None` if they are enabled.
    pub fn disabled_reason(&self) -> Option<&'static str> {
        if self.account_key.is_none() {
            return Some(
                "LETS_ENCRYPT_ACCOUNT_PRIVATE_KEY_PEM is not set, or not a P-256 key (`starchart \
                 keys new` creates one)",
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

/// Limits for each user and IP address.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// `USER_DNS_RECORD_LIMIT`: records of one user.
    pub records_per_user: Option<u32>,
    /// `RATE_LIMIT_*`: how often a user or an address may do something.
    pub rates: RateLimits,
}

/// A name server in `DNS_SERVERS`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostPort {
    /// A host name or an address, without brackets.
    pub host: String,
    /// The UDP and TCP port. Default 53.
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

//! Assembles [`Settings`] group by group. A group with a fault is `None`; the reader has the
//! problem.

use std::time::Duration;

use starchart_domain::names::RootDomain;
use starchart_domain::rate_limits::RateLimits;
use starchart_domain::secret::Secret;
use starchart_domain::timers::Timers;
use starchart_domain::user::{AttributeNames, GroupNames};
use url::{Host, Url};

use crate::keys::{self, KeyKind};
use crate::reader::Reader;
use crate::settings::{
    App, Aws, Certificates, Database, DatabaseKind, DnsProvider, Limits, Mail, Redis, Saml,
    Settings, SmtpAuth, SmtpOauth, SmtpTls,
};
use crate::{Loaded, Problem, Problems, Sources, database, parse, urls};

/// The largest metadata file of one identity provider. Metadata of a federation is larger.
const METADATA_BYTES: u64 = 4 * 1024 * 1024;

impl Settings {
    /// Reads and checks all settings.
    ///
    /// # Errors
    /// Every fault, not only the first one.
    pub fn read(sources: &Sources) -> Result<Loaded, Problems> {
        let mut reader = Reader::new(sources);
        let settings = settings(&mut reader);
        let problems = std::mem::take(&mut reader.problems);
        let notices = std::mem::take(&mut reader.notices);
        match settings {
            Some(settings) if problems.is_empty() => Ok(Loaded {
                settings,
                notices,
                origins: reader.into_origins(),
            }),
            None if problems.is_empty() => Err(Problem {
                name: "settings".to_owned(),
                advice: "could not be read; this is a bug, please report it".to_owned(),
            }
            .into()),
            _ => Err(Problems { problems, notices }),
        }
    }
}

/// Reads every group before using any, so that a fault in one does not hide those in others.
fn settings(reader: &mut Reader) -> Option<Settings> {
    let root_domain = reader.parsed("ROOT_DOMAIN", |text| {
        RootDomain::parse(text)
            .ok_or_else(|| "is not a domain name such as starchart.com".to_owned())
    });
    let app = app(reader);
    if let (Some(app), Some(root)) = (&app, &root_domain) {
        refuse_app_under_root_domain(reader, &app.url, root);
    }
    let provider = aws(reader).map(DnsProvider::Route53);
    let dns_servers = reader.list("DNS_SERVERS", parse::name_server);
    let database = database(reader);
    let auto_migrate = reader.flag("AUTO_MIGRATE");
    let redis = redis(reader);
    let session_secrets = session_secrets(reader);
    let saml = saml(reader);
    let mail = mail(reader);
    let certificates = certificates(reader);
    let limits = limits(reader);
    let timers = timers(reader);
    let drain = reader.parsed("DRAIN_S", parse::seconds(0, 30));
    let wipe = wipe(reader);
    let danger_confirm = reader.parsed("DANGER_CONFIRM", parse::text);
    let log_level = reader.parsed("LOG_LEVEL", parse::log_level);
    Some(Settings {
        environment: reader.environment,
        log_level: log_level?,
        app: app?,
        root_domain: root_domain?,
        provider: provider?,
        dns_servers,
        database: database?,
        auto_migrate,
        redis: redis?,
        session_secrets: session_secrets?,
        saml: saml?,
        mail: mail?,
        certificates: certificates?,
        limits: limits?,
        timers: timers?,
        drain: drain?,
        wipe,
        danger_confirm,
    })
}

/// Reads the wipe flag, which only `1` sets: `true` and `yes` are refused.
fn wipe(reader: &mut Reader) -> bool {
    let wish = reader.parsed("DANGER_DATABASE_WIPE_REINITIALIZE", |text| match text {
        "1" => Ok(true),
        "0" => Ok(false),
        _ => Err("only 1 sets it; write 1, 0 or nothing".to_owned()),
    });
    wish.unwrap_or(false)
}

fn app(reader: &mut Reader) -> Option<App> {
    let production = reader.environment.is_production();
    let url = reader.parsed("APP_URL", |text| app_url(text, production));
    let port = reader.parsed("PORT", parse::port);
    let metrics_port = reader.parsed("METRICS_PORT", parse::port);
    if metrics_port.is_some_and(|metrics| metrics != 0 && Some(metrics) == port) {
        reader.problem("METRICS_PORT", "is the same as PORT; choose another");
    }
    let name = reader.parsed("APP_NAME", parse::text);
    let school = reader.parsed("SCHOOL_NAME", parse::text);
    let support = reader.parsed("SUPPORT_CONTACT", parse::contact);
    let trusted_proxies = reader.list("TRUSTED_PROXIES", parse::network);
    if production && trusted_proxies.is_empty() {
        reader.notice(
            "TRUSTED_PROXIES is not set: behind a proxy all users share its address and one limit \
             on sign-ins; list the networks of the proxies",
        );
    }
    Some(App {
        url: url?,
        port: port?,
        metrics_port,
        name: name?,
        school: school?,
        support,
        trusted_proxies,
    })
}

/// Parses the public URL: an origin with https, or with http for this machine outside production.
fn app_url(text: &str, production: bool) -> Result<Url, String> {
    let url = urls::web_url(text)?;
    if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
        return Err(
            "takes only scheme, host and port, such as https://mycustomdomain.school.example"
                .to_owned(),
        );
    }
    let is_local = url.host().is_some_and(|host| {
        urls::is_loopback(&host) || host == Host::Domain("host.docker.internal")
    });
    match url.scheme() {
        "https" => Ok(url),
        _ if production => Err("must begin with https:// in production".to_owned()),
        _ if is_local => Ok(url),
        _ => Err(
            "must begin with https://; http:// is for localhost and host.docker.internal only"
                .to_owned(),
        ),
    }
}

/// Refuses an APP_URL under ROOT_DOMAIN, because users' pages there could set cookies for it.
fn refuse_app_under_root_domain(reader: &mut Reader, url: &Url, root: &RootDomain) {
    let host = url.host_str().unwrap_or_default().trim_end_matches('.');
    let under = host
        .strip_suffix(root.as_str())
        .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    let allowed = reader.flag("ALLOW_APP_UNDER_ROOT_DOMAIN");
    if under && !allowed {
        reader.problem(
            "APP_URL",
            format!(
                "is under ROOT_DOMAIN ({root}), where users' pages could set cookies for it; use \
                 another domain, or ALLOW_APP_UNDER_ROOT_DOMAIN=1 if {root} is on the Public \
                 Suffix List"
            ),
        );
    } else if under {
        reader.notice(format!(
            "APP_URL is under ROOT_DOMAIN ({root}); this is safe only if that is on the Public \
             Suffix List"
        ));
    }
}

fn aws(reader: &mut Reader) -> Option<Aws> {
    let zone_id = reader.parsed("AWS_ROUTE53_HOSTED_ZONE_ID", parse::zone_id);
    let region = reader.parsed("AWS_REGION", parse::region);
    let access_key_id = word(reader, "AWS_ACCESS_KEY_ID");
    let secret_access_key = word(reader, "AWS_SECRET_ACCESS_KEY");
    let session_token = word(reader, "AWS_SESSION_TOKEN");
    let endpoint = reader.parsed("AWS_ENDPOINT_URL", urls::web_url);
    if endpoint.is_some() && reader.environment.is_production() {
        reader.notice("AWS_ENDPOINT_URL is set: changes do not go to Amazon's Route53");
    }
    let requests_per_second = reader.parsed("ROUTE53_REQUESTS_PER_SECOND", parse::number(1, 1000));
    if endpoint.is_none() && requests_per_second.is_some_and(|rate| rate > 5) {
        reader.notice(
            "ROUTE53_REQUESTS_PER_SECOND is above the 5 that Amazon allows an account; requests \
             will be throttled",
        );
    }
    Some(Aws {
        zone_id,
        region: region?,
        access_key_id: access_key_id?,
        secret_access_key: secret_access_key?,
        session_token,
        endpoint,
        requests_per_second: requests_per_second?,
    })
}

/// Reads a secret that is one word. White space in it is a mistake, which the other side would only
/// report as "denied".
fn word(reader: &mut Reader, name: &'static str) -> Option<Secret> {
    let secret = reader.secret(name)?;
    if secret.expose().contains(char::is_whitespace) {
        reader.value_problem(
            name,
            "has white space around or inside it, or a second line; store the bare value",
        );
        return None;
    }
    Some(secret)
}

fn database(reader: &mut Reader) -> Option<Database> {
    let text = reader.secret("DATABASE_URL")?;
    match database::read(text.expose()) {
        Ok((database, _))
            if database.kind == DatabaseKind::Sqlite && reader.environment.is_production() =>
        {
            reader.value_problem(
                "DATABASE_URL",
                "is sqlite://, which is for development; use mysql:// in production",
            );
            None
        }
        Ok((database, notices)) => {
            reader.notices.extend(notices);
            for (parameter, path) in database::files(&database) {
                if !reader.path(path).is_file() {
                    let advice = format!("names a file in {parameter} that is missing; mount it");
                    reader.value_problem("DATABASE_URL", advice);
                }
            }
            Some(database)
        }
        Err(advice) => {
            reader.value_problem("DATABASE_URL", advice);
            None
        }
    }
}

fn redis(reader: &mut Reader) -> Option<Redis> {
    reader.parsed("REDIS_URL", |text| match text {
        "memory" => Ok(Redis::InProcess),
        "none" => Ok(Redis::Disabled),
        _ => urls::redis_url(text).map(Redis::Url),
    })
}

fn session_secrets(reader: &mut Reader) -> Option<Vec<Secret>> {
    let text = reader.secret("SESSION_SECRET")?;
    let lines: Vec<_> = text
        .expose()
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    if lines.iter().any(|line| line.len() < 32) {
        reader.notice(
            "SESSION_SECRET has a line shorter than 32 bytes; make a longer one: openssl rand \
             -base64 48",
        );
    }
    Some(lines.into_iter().map(Secret::new).collect())
}

fn saml(reader: &mut Reader) -> Option<Saml> {
    let path = reader.parsed("SAML_IDP_METADATA_PATH", |path| Ok(path.to_owned()));
    let idp_metadata =
        path.and_then(|path| reader.file("SAML_IDP_METADATA_PATH", path.as_ref(), METADATA_BYTES));
    let groups = group_names(reader);
    let subject = reader.parsed("SAML_SUBJECT_ATTRIBUTE", parse::text);
    let display_name = reader.parsed("SAML_ATTRIBUTE_DISPLAY_NAME", parse::text);
    let email = reader.parsed("SAML_ATTRIBUTE_EMAIL", parse::text);
    let group = reader.parsed("SAML_ATTRIBUTE_GROUP", parse::text);
    let form_action_origins = reader.list("SAML_FORM_ACTION_ORIGINS", urls::origin);
    let clock_skew = reader.parsed("SAML_CLOCK_SKEW_S", parse::seconds(0, 120));
    let decryption_key = decryption_key(reader);
    Some(Saml {
        idp_metadata: idp_metadata?,
        groups: groups?,
        attributes: AttributeNames {
            subject: subject?,
            display_name: display_name?,
            email: email?,
            group: group?,
        },
        form_action_origins,
        clock_skew: clock_skew?,
        decryption_key,
    })
}

/// Reads the key that decrypts assertions.
fn decryption_key(reader: &mut Reader) -> Option<Secret> {
    let name = "SAML_DECRYPTION_KEY";
    let pem = reader.secret(name)?;
    if keys::kind(pem.expose()) == Ok(KeyKind::Rsa) {
        return Some(pem);
    }
    reader.value_problem(
        name,
        "holds no RSA key in PEM form without a passphrase; make one: openssl genrsa 3072",
    );
    None
}

/// Reads the group names: each from its own setting, or else from the prefix.
fn group_names(reader: &mut Reader) -> Option<GroupNames> {
    let prefix = reader.parsed("SAML_GROUP_PREFIX", parse::text)?;
    let of_prefix = GroupNames::with_prefix(&prefix);
    let mut name = |variable, default| reader.parsed(variable, parse::text).unwrap_or(default);
    let names = GroupNames {
        students: name("SAML_GROUP_STUDENTS", of_prefix.students),
        faculty: name("SAML_GROUP_FACULTY", of_prefix.faculty),
        admins: name("SAML_GROUP_ADMINS", of_prefix.admins),
    };
    if names.students == names.admins || names.faculty == names.admins {
        reader.problem(
            "SAML_GROUP_ADMINS",
            "is also another group's name; that would make all of them admins",
        );
    }
    Some(names)
}

fn mail(reader: &mut Reader) -> Option<Mail> {
    let sender = reader.parsed("NOTIFICATIONS_EMAIL_USER", parse::email);
    let host = reader.parsed("SMTP_HOST", parse::host);
    let port = reader.parsed("SMTP_PORT", parse::server_port);
    let tls = reader.parsed("SMTP_TLS", parse::smtp_tls);
    let is_local = host.as_deref().is_some_and(|host| {
        let bare = host.parse().map(Host::Ipv6).or_else(|_| Host::parse(host));
        bare.is_ok_and(|host| urls::is_loopback(&host))
    });
    if tls == Some(SmtpTls::None) && !is_local {
        reader.problem(
            "SMTP_TLS",
            "none would send passwords in clear; use starttls or tls unless SMTP_HOST is this \
             machine",
        );
    }
    if let (Some(port), Some(tls)) = (port, tls)
        && let Some(advice) = parse::mail_port_mismatch(port, tls)
    {
        reader.problem("SMTP_PORT", advice);
    }
    let auth = smtp_auth(reader);
    let per_minute = reader.parsed("SMTP_MESSAGES_PER_MINUTE", parse::number(1, 100_000));
    let username = word(reader, "NOTIFICATIONS_USERNAME");
    let password = password(reader);
    let mail = Mail {
        sender,
        host: host?,
        port: port?,
        tls: tls?,
        auth: auth?,
        per_minute: per_minute?,
        username,
        password,
    };
    if let Some(reason) = mail.disabled_reason() {
        reader.notice(format!(
            "mail is off, and no record is deleted before its owner was notified: {reason}"
        ));
    }
    Some(mail)
}

/// Reads the password for the mail server, which may begin or end with a blank.
fn password(reader: &mut Reader) -> Option<Secret> {
    let name = "NOTIFICATIONS_PASSWORD";
    let password = reader.secret(name)?;
    let text = password.expose();
    if text.contains(char::is_control) {
        reader.value_problem(
            name,
            "contains a line break or another control character; store the password on one line",
        );
        return None;
    }
    if text.trim() != text {
        reader.notice(format!(
            "{name} begins or ends with a blank, which is taken as part of the password"
        ));
    }
    Some(password)
}

fn smtp_auth(reader: &mut Reader) -> Option<SmtpAuth> {
    let auth = reader.parsed("SMTP_AUTH", |text| {
        match text.to_ascii_lowercase().as_str() {
            auth @ ("password" | "none" | "xoauth2") => Ok(auth.to_owned()),
            _ => Err("is none of password, none, xoauth2".to_owned()),
        }
    });
    let token_url = reader.parsed("SMTP_OAUTH_TOKEN_URL", urls::https_url);
    let client_id = reader.parsed("SMTP_OAUTH_CLIENT_ID", parse::text);
    let scope = reader.parsed("SMTP_OAUTH_SCOPE", parse::text);
    match auth?.as_str() {
        "none" => Some(SmtpAuth::None),
        "password" => Some(SmtpAuth::Password),
        _ => match (token_url, client_id, scope) {
            (Some(token_url), Some(client_id), Some(scope)) => Some(SmtpAuth::Xoauth2(SmtpOauth {
                token_url,
                client_id,
                scope,
            })),
            _ => {
                reader.problem(
                    "SMTP_AUTH",
                    "xoauth2 needs SMTP_OAUTH_TOKEN_URL, SMTP_OAUTH_CLIENT_ID and SMTP_OAUTH_SCOPE",
                );
                None
            }
        },
    }
}

fn certificates(reader: &mut Reader) -> Option<Certificates> {
    let account_email = reader.parsed("LETS_ENCRYPT_ACCOUNT_EMAIL", parse::email);
    let directory = reader.parsed("LETS_ENCRYPT_DIRECTORY_URL", urls::https_url);
    let account_key = account_key(reader);
    let key_encryption_keys = match reader
        .secret("KEY_ENCRYPTION_KEYS")
        .map(|text| keys::encryption_keys(text.expose()))
    {
        Some(Ok(keys)) => keys,
        Some(Err(advice)) => {
            reader.value_problem("KEY_ENCRYPTION_KEYS", advice);
            Vec::new()
        }
        None => Vec::new(),
    };
    let ca_root = reader.parsed("ACME_CA_ROOT_PATH", |path| Ok(path.to_owned()));
    let ca_root = ca_root.map(|path| {
        reader.file("ACME_CA_ROOT_PATH", path.as_ref(), METADATA_BYTES);
        reader.path(path)
    });
    let caa_identities = reader.list("ACME_CAA_IDENTITIES", parse::domain);
    let certificates = Certificates {
        account_email,
        directory,
        account_key,
        key_encryption_keys,
        ca_root,
        caa_identities,
    };
    if let Some(reason) = certificates.disabled_reason() {
        reader.notice(format!("certificates are off: {reason}"));
    }
    Some(certificates)
}

/// Reads the ACME account key. An RSA key, as the original has, is reported by a notice and
/// ignored.
fn account_key(reader: &mut Reader) -> Option<Secret> {
    let name = "LETS_ENCRYPT_ACCOUNT_PRIVATE_KEY_PEM";
    let pem = reader.secret(name)?;
    match keys::kind(pem.expose()) {
        Ok(KeyKind::P256) => Some(pem),
        Ok(KeyKind::Rsa) => {
            reader.notice(format!(
                "{name} is an RSA key; a P-256 key is needed: openssl ecparam -name prime256v1 \
                 -genkey -noout"
            ));
            None
        }
        Err(advice) => {
            reader.value_problem(name, advice);
            None
        }
    }
}

fn limits(reader: &mut Reader) -> Option<Limits> {
    let mut count = |name| reader.parsed(name, parse::number(1, 1_000_000));
    let records_per_user = count("USER_DNS_RECORD_LIMIT");
    let sign_in = count("RATE_LIMIT_SIGN_IN_PER_MINUTE");
    let writes = count("RATE_LIMIT_RECORD_WRITES_PER_MINUTE");
    let searches = count("RATE_LIMIT_ADMIN_SEARCHES_PER_MINUTE");
    let requests = count("RATE_LIMIT_CERTIFICATE_REQUESTS_PER_DAY");
    Some(Limits {
        records_per_user,
        rates: RateLimits {
            sign_in_per_minute: sign_in?,
            record_writes_per_minute: writes?,
            admin_searches_per_minute: searches?,
            certificate_requests_per_day: requests?,
        },
    })
}

fn timers(reader: &mut Reader) -> Option<Timers> {
    let expiration_every = reader.parsed(
        "EXPIRATION_REPEAT_FREQUENCY_S",
        parse::seconds(1, 31_536_000),
    );
    let audit_every = reader.parsed("AUDIT_FREQUENCY_S", parse::seconds(1, 31_536_000));
    let job_removal_every = reader.parsed("JOB_REMOVAL_FREQUENCY_S", parse::seconds(1, 31_536_000));
    let sweep = reader
        .parsed("SWEEP_MS", parse::number(50, 60_000))
        .map(Duration::from_millis);
    Some(Timers {
        expiration_every: expiration_every?,
        audit_every: audit_every?,
        job_removal_every: job_removal_every?,
        sweep: sweep?,
    })
}

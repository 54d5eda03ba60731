//! The site: its address, ports, names and log.

use ipnet::IpNet;
use starchart_domain::names::RootDomain;
use starchart_domain::site::Site;
use url::{Host, Url};

use crate::reader::Reader;
use crate::spec::DefaultValue::{Same, Unset};
use crate::spec::Required::{Always, No};
use crate::spec::{SettingSpec, variable};
use crate::{parse, urls};

/// The settings of this group, as `config/env.example` lists them.
pub(crate) const SPECS: &[SettingSpec] = &[
    // The reader itself reads the first two.
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
];

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
    /// `LOG_LEVEL`: the least severe line that is written.
    pub log_level: LogLevel,
    /// What the site is called, and whom users ask.
    pub site: Site,
    /// `TRUSTED_PROXIES`: networks whose X-Forwarded-For is trusted.
    pub trusted_proxies: Vec<IpNet>,
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

fn log_level(text: &str) -> Result<LogLevel, String> {
    match text.to_ascii_lowercase().as_str() {
        "silent" | "off" => Ok(LogLevel::Off),
        "fatal" | "error" => Ok(LogLevel::Error),
        "warn" | "warning" => Ok(LogLevel::Warn),
        "info" => Ok(LogLevel::Info),
        "http" | "verbose" | "debug" => Ok(LogLevel::Debug),
        "silly" | "trace" => Ok(LogLevel::Trace),
        _ => Err(format!(
            "{} is none of silent, error, warn, info, debug, trace",
            parse::quote(text)
        )),
    }
}

/// Reads and checks this group. `None` if it has a fault, which is in the reader's problems.
pub(crate) fn read(reader: &mut Reader) -> Option<App> {
    let production = reader.environment.is_production();
    let url = reader.parsed("APP_URL", |text| app_url(text, production));
    let port = reader.parsed("PORT", parse::port);
    let metrics_port = reader.parsed("METRICS_PORT", parse::port);
    if metrics_port.is_some_and(|metrics| metrics != 0 && Some(metrics) == port) {
        reader.problem("METRICS_PORT", "is the same as PORT; choose another");
    }
    let log_level = reader.parsed("LOG_LEVEL", log_level);
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
        log_level: log_level?,
        site: Site {
            name: name?,
            school: school?,
            support,
        },
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
pub(crate) fn refuse_app_under_root_domain(reader: &mut Reader, url: &Url, root: &RootDomain) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_levels_of_the_original_are_mapped_in_any_case() {
        for (word, level) in [
            ("SILENT", LogLevel::Off),
            ("Fatal", LogLevel::Error),
            ("error", LogLevel::Error),
            ("WARN", LogLevel::Warn),
            ("info", LogLevel::Info),
            ("http", LogLevel::Debug),
            ("Verbose", LogLevel::Debug),
            ("debug", LogLevel::Debug),
            ("silly", LogLevel::Trace),
            ("trace", LogLevel::Trace),
        ] {
            assert_eq!(log_level(word), Ok(level), "{word}");
        }
        assert!(log_level("loud").is_err());
    }
}

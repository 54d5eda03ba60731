//! The mail server and the sender.

use starchart_domain::secret::Secret;
use url::{Host, Url};

use crate::reader::Reader;
use crate::spec::DefaultValue::{Same, Split, Unset};
use crate::spec::Required::No;
use crate::spec::{SettingSpec, secret, variable};
use crate::{parse, urls};

/// The settings of this group, as `config/env.example` lists them.
pub(crate) const SPECS: &[SettingSpec] = &[
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
    )
    .with_any_text(),
];

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

/// Reads and checks this group. `None` if it has a fault, which is in the reader's problems.
pub(crate) fn read(reader: &mut Reader) -> Option<Mail> {
    let sender = reader.parsed("NOTIFICATIONS_EMAIL_USER", parse::email);
    let host = reader.parsed("SMTP_HOST", parse::host);
    let port = reader.parsed("SMTP_PORT", parse::server_port);
    let tls = reader.parsed("SMTP_TLS", smtp_tls);
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
        && let Some(advice) = port_mismatch(port, tls)
    {
        reader.problem("SMTP_PORT", advice);
    }
    let auth = smtp_auth(reader);
    let per_minute = reader.parsed("SMTP_MESSAGES_PER_MINUTE", parse::number(1, 100_000));
    let username = reader.word("NOTIFICATIONS_USERNAME");
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

fn smtp_tls(text: &str) -> Result<SmtpTls, String> {
    match text.to_ascii_lowercase().as_str() {
        "starttls" => Ok(SmtpTls::StartTls),
        "tls" => Ok(SmtpTls::Tls),
        "none" => Ok(SmtpTls::None),
        _ => Err(format!(
            "{} is none of starttls, tls, none",
            parse::quote(text)
        )),
    }
}

/// Returns why a mail server does not speak TLS in this way on this port. A client that waits for
/// the other way only runs into its time limit.
fn port_mismatch(port: u16, tls: SmtpTls) -> Option<String> {
    let advice = match (port, tls) {
        (465, SmtpTls::StartTls | SmtpTls::None) => {
            "465 speaks TLS from the first byte; set SMTP_TLS=tls, or use port 587 with starttls"
        }
        (25 | 587, SmtpTls::Tls) => {
            "25 and 587 begin in clear; set SMTP_TLS=starttls, or use port 465 with tls"
        }
        (110 | 143 | 993 | 995, _) => {
            "is a port for reading mail (POP3, IMAP); mail is sent to 587 or 465"
        }
        _ => return None,
    };
    Some(advice.to_owned())
}

//! The settings of the connection to the mail server.

use std::time::Duration;

use starchart_domain::secret::Secret;

use crate::oauth::OauthConfig;

/// How to reach the mail server and sign in to it.
#[derive(Debug, Clone)]
pub struct SmtpConfig {
    /// SMTP_HOST: name or address of the server.
    pub host: String,
    /// SMTP_PORT: port of the server.
    pub port: u16,
    /// SMTP_TLS: how the connection is encrypted.
    pub tls: Tls,
    /// SMTP_AUTH: how to sign in.
    pub auth: Auth,
    /// SMTP_MESSAGES_PER_MINUTE: the send rate.
    pub messages_per_minute: u32,
    /// The client's name in EHLO (RFC 5321 section 4.1.1.1).
    pub ehlo_name: String,
    /// A root certificate (DER) to trust beside those of the system.
    pub extra_root_der: Option<Vec<u8>>,
    /// Limit for the reply to the message; `None`: ten minutes.
    pub data_timeout: Option<Duration>,
}

/// How the connection is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tls {
    /// STARTTLS (RFC 3207), required.
    StartTls,
    /// TLS from the first byte (RFC 8314 section 3.3).
    Implicit,
    /// No encryption, for a server on this machine.
    None,
}

/// How to sign in to the mail server (RFC 4954). Secrets never show in Debug (invariant I9).
#[derive(Debug, Clone)]
pub enum Auth {
    /// User name and password: mechanism PLAIN, else LOGIN.
    Password {
        /// NOTIFICATIONS_USERNAME: the account to sign in as.
        username: Secret,
        /// NOTIFICATIONS_PASSWORD: the password of the account.
        password: Secret,
    },
    /// An OAuth access token in place of the password: mechanism XOAUTH2.
    Xoauth2 {
        /// NOTIFICATIONS_USERNAME: the account to sign in as.
        username: Secret,
        /// NOTIFICATIONS_PASSWORD: the OAuth client's secret.
        client_secret: Secret,
        /// The token endpoint and the client.
        oauth: OauthConfig,
    },
    /// No sign-in: the client sends no AUTH command.
    None,
}

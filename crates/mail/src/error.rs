//! Errors of sending a mail, each with what to do next, and of the configuration.

/// Why a mail was not sent. [`crate::Mailer::send_delay`] says when the next attempt may start.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SendError {
    /// The server deferred this mail (a 4xx reply). Retry it later; other mails may go on.
    #[error("the mail server deferred the mail: {0}")]
    Deferred(String),
    /// The connection ended after the whole message was sent and before the server replied. Retry
    /// with the same Message-ID; the recipient may get two copies.
    #[error("it is unknown whether the mail server accepted the mail: {0}")]
    Unknown(String),
    /// The server closed the connection or fell silent after it had accepted the sender. The mailer
    /// backs off. This mail may be the cause: defer it and try others first.
    #[error("the mail server closed the connection: {reason}")]
    ConnectionLost {
        /// SMTP status codes, free of personal data and therefore fit for a log.
        codes: String,
        /// The reply or the transport error; may contain the address.
        reason: String,
    },
    /// The server does not permit this mail: relaying, the sender or a block list. An operator may
    /// have to act. The mailer backs off; defer this mail and try others first.
    #[error("the mail server does not permit the mail: {reason}")]
    NotPermitted {
        /// SMTP status codes, free of personal data and therefore fit for a log.
        codes: String,
        /// The server's reply; may contain the address.
        reason: String,
    },
    /// The address is malformed or has no mailbox. Do not retry.
    #[error("invalid address: {0}")]
    InvalidAddress(String),
    /// The server rejected this mail for good (a 5xx reply), not because of its address. Do not
    /// retry.
    #[error("rejected: {0}")]
    Rejected(String),
    /// The server does not respond, or accepts no mail at all now. This mail was not attempted;
    /// all mails wait.
    #[error("the mail server cannot be reached: {0}")]
    Unreachable(String),
    /// Password, certificate or sender are not accepted: an operator must correct a setting. This
    /// mail was not attempted; all mails wait.
    #[error("the mail settings do not work: {0}")]
    Misconfigured(String),
}

impl SendError {
    /// Returns what an operator can check, with the names of the settings.
    pub fn advice(&self) -> Option<&'static str> {
        match self {
            Self::Unreachable(_) => Some(
                "Check SMTP_HOST, SMTP_PORT and SMTP_TLS (with SMTP_AUTH=xoauth2 also \
                 SMTP_OAUTH_TOKEN_URL), and whether a firewall is in between.",
            ),
            Self::Misconfigured(_) => Some(
                "Check NOTIFICATIONS_USERNAME, NOTIFICATIONS_PASSWORD, SMTP_AUTH and SMTP_TLS, and \
                 the server's certificate.",
            ),
            Self::NotPermitted { .. } => Some(
                "Check whether the account may send as NOTIFICATIONS_EMAIL_USER, and to this \
                 address.",
            ),
            Self::InvalidAddress(_) => Some("Check the address."),
            Self::Deferred(_)
            | Self::Unknown(_)
            | Self::ConnectionLost { .. }
            | Self::Rejected(_) => None,
        }
    }
}

/// Why a [`crate::Mailer`] cannot be built from its settings.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// `NOTIFICATIONS_EMAIL_USER` is not a mail address.
    #[error("the sender {0} is not a mail address")]
    Sender(String),
    /// The TLS library rejected the configuration or a root certificate.
    #[error("TLS: {0}")]
    Tls(String),
    /// The folder that mails are written to cannot be created.
    #[error("the folder for mails: {0}")]
    Folder(std::io::Error),
}

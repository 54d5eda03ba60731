//! What can go wrong with a mail, and what to do about it.

/// Why a mail did not go out. [`crate::Mailer::send_delay`] says when the next may be tried.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SendError {
    /// The server did not take this mail now (4xx). Try it again later; others may go.
    #[error("the mail server did not take it now: {0}")]
    Deferred(String),
    /// The server had the whole mail and did not say whether it keeps it. Try it again with the
    /// same Message-ID; it may come twice.
    #[error("the mail server did not say whether it took it: {0}")]
    Unknown(String),
    /// The server broke off or was silent after it had accepted the sender. It is left alone for a
    /// while; this mail may be why, so put it off, and let others go first.
    #[error("the mail server broke off: {reason}")]
    ConnectionLost {
        /// What a log may say of it.
        codes: String,
        /// What happened; it may hold the address.
        reason: String,
    },
    /// The server does not let us send this, to this recipient or to anybody: relaying, the sender,
    /// a block. Perhaps an operator must mend it. It is left alone for a while; put this mail off,
    /// and let others go first.
    #[error("the mail server does not let us send it: {reason}")]
    NotPermitted {
        /// What a log may say of it.
        codes: String,
        /// What it said; it may hold the address.
        reason: String,
    },
    /// The address takes no mail and never will, or is none. Do not try again.
    #[error("no address that takes mail: {0}")]
    InvalidAddress(String),
    /// The server will not take this mail (5xx), and not because of its address. Do not try again.
    #[error("refused for good: {0}")]
    Rejected(String),
    /// The server does not answer, or takes no mail at all now. Every mail waits; this one was not
    /// tried.
    #[error("the mail server cannot be reached: {0}")]
    Unreachable(String),
    /// An operator must mend it: the password, the certificate, the sender. Every mail waits; this
    /// one was not tried.
    #[error("the mail server does not let us in: {0}")]
    Misconfigured(String),
}

/// Why no mail can be sent with these settings.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// `NOTIFICATIONS_EMAIL_USER` is no address that a mail can come from.
    #[error("the sender {0} is no mail address")]
    Sender(String),
    /// The TLS library could not be set up.
    #[error("TLS: {0}")]
    Tls(String),
    /// The folder for mails cannot be made.
    #[error("the folder for mails: {0}")]
    Folder(std::io::Error),
}

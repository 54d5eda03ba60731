//! What can go wrong with a mail, and what to do about it.

/// Why a mail did not go out. [`crate::Mailer::wait`] says when the next may be tried.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SendError {
    /// The server did not take this mail now (4xx). Try it again later; others may go.
    #[error("the mail server did not take it now: {0}")]
    Later(String),
    /// The server had the whole mail and did not say whether it keeps it. Try it again with the same Message-ID; it may come
    /// twice.
    #[error("the mail server did not say whether it took it: {0}")]
    Unclear(String),
    /// The server will not take this mail (5xx), or there is no such address. Do not try again.
    #[error("refused for good: {0}")]
    Refused(String),
    /// The server does not answer, or takes no mail at all now. Every mail waits; this one was not tried.
    #[error("the mail server cannot be reached: {0}")]
    Unreachable(String),
    /// An operator must mend it: the password, the certificate, the sender. Every mail waits; this one was not tried.
    #[error("the mail server does not let us in: {0}")]
    Broken(String),
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

//! Renders mails and sends them over SMTP (RFC 5321, RFC 5322).
//!
//! [`MailTheme`] renders a notice to subject and body; [`Mailer`] delivers the [`RenderedMail`] to
//! the mail server. The outbox in `starchart-store` decides which mail is due and records each
//! outcome. This crate keeps only an idle connection, the send rate and the back-off in memory.

mod address;
mod config;
mod connect;
mod error;
mod mailer;
mod message;
mod oauth;
mod render;
mod reply;
mod reply_stream;
mod smtp;
mod text;

pub use config::{Auth, SmtpConfig, Tls};
pub use error::{ConfigError, SendError};
pub use mailer::Mailer;
pub use message::RenderedMail;
pub use oauth::OauthConfig;
pub use render::MailTheme;

//! Mails: what they say, and how they go out.
//!
//! [`MailTheme`] writes the words, [`Mailer`] gives them to the mail server. Which mails are owed
//! and what became of each is the store's; this crate remembers nothing but its connection and how
//! long to leave the server alone.

mod answer;
mod error;
mod letter;
mod mailer;
mod message;
mod render;
mod smtp;
mod token;

pub use error::{ConfigError, SendError};
pub use letter::{MailTheme, RenderedMail};
pub use mailer::Mailer;
pub use smtp::{Auth, SmtpConfig, Tls};
pub use token::OauthConfig;

//! The connection to the mail server: AUTH and one mail transaction per mail (RFC 5321).

use std::time::Duration;

use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::{Extension, MailBodyParameter, MailParameter};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};
use tracing::debug;

use crate::address::needs_smtputf8;
use crate::config::{Auth, SmtpConfig};
use crate::connect::{Encryption, connect};
use crate::error::{ConfigError, SendError};
use crate::message::Outgoing;
use crate::oauth::TokenSource;
use crate::reply::{SmtpError, Step, classify, error_text, reply_text};

/// Limit for connecting, AUTH and MAIL FROM together, and again for RCPT TO and DATA together.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(20);
/// Limit for the reply to the message (RFC 5321 section 4.5.3.2.6). A server may scan for viruses
/// meanwhile; a client that gives up earlier sends a second copy.
const DATA_TIMEOUT: Duration = Duration::from_secs(10 * 60);
/// An idle connection older than this is not reused.
const MAX_IDLE: Duration = Duration::from_secs(20);
const MAX_MAILS_PER_CONNECTION: u32 = 50;
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// A client with one connection, reused while it is fresh.
pub(crate) struct Smtp {
    config: SmtpConfig,
    encryption: Encryption,
    tokens: Option<TokenSource>,
    idle: Mutex<Option<Idle>>,
}

struct Idle {
    connection: AsyncSmtpConnection,
    idle_since: Instant,
    mails_sent: u32,
}

impl Smtp {
    pub(crate) fn new(mut config: SmtpConfig) -> Result<Self, ConfigError> {
        let encryption = Encryption::new(&config)?;
        let tokens = match &config.auth {
            Auth::Xoauth2 {
                client_secret,
                oauth,
                ..
            } => Some(TokenSource::new(
                oauth.clone(),
                client_secret.clone(),
                config.extra_root_der.as_deref(),
            )?),
            _ => None,
        };
        config.extra_root_der = None;
        Ok(Self {
            config,
            encryption,
            tokens,
            idle: Mutex::new(None),
        })
    }

    /// Connects, signs in and closes the connection.
    pub(crate) async fn check(&self) -> Result<(), SendError> {
        let opened = timeout(COMMAND_TIMEOUT, self.connect_and_authenticate()).await;
        let no_reply = || format!("no reply within {} s", COMMAND_TIMEOUT.as_secs());
        close(opened.map_err(|_| SendError::Unreachable(no_reply()))??).await;
        Ok(())
    }

    /// Sends one message and returns the server's reply to it.
    pub(crate) async fn send(&self, mail: &Outgoing) -> Result<String, SendError> {
        let mut idle = self.idle.lock().await;
        let no_reply = || format!("no reply within {} s", COMMAND_TIMEOUT.as_secs());
        let opened = timeout(COMMAND_TIMEOUT, self.open(idle.take(), mail)).await;
        let mut opened = opened.map_err(|_| SendError::Unreachable(no_reply()))??;
        let named = timeout(
            COMMAND_TIMEOUT,
            self.name_recipient(&mut opened.connection, mail),
        );
        let outcome = match named.await {
            Ok(Ok(())) => self.send_message(&mut opened.connection, mail).await,
            Ok(Err(error)) => Err(error),
            // The server had accepted the sender, so it is reachable.
            Err(_) => Err(SendError::ConnectionLost {
                codes: "no reply".to_owned(),
                reason: no_reply(),
            }),
        };
        // After an error in a transaction the connection's state is unknown.
        if outcome.is_ok() {
            *idle = Some(Idle {
                idle_since: Instant::now(),
                mails_sent: opened.mails_sent + 1,
                ..opened
            });
        } else {
            close(opened.connection).await;
        }
        outcome
    }

    /// Returns a connection on which the server has accepted the sender: the idle one when it still
    /// works, else a new one. An error before that is no attempt at this mail.
    async fn open(&self, idle: Option<Idle>, mail: &Outgoing) -> Result<Idle, SendError> {
        if let Some(mut old) = idle {
            let is_fresh =
                old.idle_since.elapsed() < MAX_IDLE && old.mails_sent < MAX_MAILS_PER_CONNECTION;
            if is_fresh {
                match self.name_sender(&mut old.connection, mail).await {
                    Ok(()) => return Ok(old),
                    // Servers close idle connections; a new one may work.
                    Err(SendError::Unreachable(reason)) => {
                        debug!(reason, "the mail server closed the idle connection")
                    }
                    Err(error) => {
                        close(old.connection).await;
                        return Err(error);
                    }
                }
            }
            close(old.connection).await;
        }
        let mut new = self.connect_and_authenticate().await?;
        match self.name_sender(&mut new, mail).await {
            Ok(()) => Ok(Idle {
                connection: new,
                idle_since: Instant::now(),
                mails_sent: 0,
            }),
            Err(error) => {
                close(new).await;
                Err(error)
            }
        }
    }

    async fn connect_and_authenticate(&self) -> Result<AsyncSmtpConnection, SendError> {
        let mut connection = connect(&self.config, &self.encryption).await?;
        if self.authenticate(&mut connection).await? == AuthOutcome::CachedTokenRefused {
            // The token may have been revoked early: try once more with a new one.
            connection = connect(&self.config, &self.encryption).await?;
            if self.authenticate(&mut connection).await? != AuthOutcome::Accepted {
                return Err(SendError::Misconfigured(
                    "SMTP_AUTH: the mail server refuses the token".to_owned(),
                ));
            }
        }
        Ok(connection)
    }

    async fn authenticate(
        &self,
        connection: &mut AsyncSmtpConnection,
    ) -> Result<AuthOutcome, SendError> {
        let (username, secret, mechanisms, is_cached): (_, _, &[Mechanism], _) =
            match (&self.config.auth, &self.tokens) {
                (Auth::Password { username, password }, _) => (
                    username,
                    password.clone(),
                    &[Mechanism::Plain, Mechanism::Login],
                    false,
                ),
                (Auth::Xoauth2 { username, .. }, Some(tokens)) => {
                    let (token, is_cached) = tokens.get().await?;
                    (username, token, &[Mechanism::Xoauth2], is_cached)
                }
                _ => return Ok(AuthOutcome::Accepted),
            };
        let credentials =
            Credentials::new(username.expose().to_owned(), secret.expose().to_owned());
        let Err(error) = connection.auth(mechanisms, &credentials).await else {
            return Ok(AuthOutcome::Accepted);
        };
        if let Some(tokens) = &self.tokens {
            tokens.discard().await;
        }
        if is_cached && !is_connection_error(&error) {
            connection.abort().await;
            return Ok(AuthOutcome::CachedTokenRefused);
        }
        let text = error_text(&error, &[(username.expose(), secret.expose())]);
        // A temporary authentication failure (RFC 4954 section 6) is not the operator's to correct.
        Err(if is_connection_error(&error) || error.is_transient() {
            SendError::Unreachable(text)
        } else {
            SendError::Misconfigured(format!(
                "SMTP_AUTH, NOTIFICATIONS_USERNAME or _PASSWORD: {text}"
            ))
        })
    }

    async fn name_sender(
        &self,
        connection: &mut AsyncSmtpConnection,
        mail: &Outgoing,
    ) -> Result<(), SendError> {
        let parameters = sender_parameters(connection, mail)?;
        let from = Mail::new(mail.envelope.from().cloned(), parameters);
        connection.command(from).await.map(drop).map_err(|error| {
            let text = error_text(&error, &self.secrets());
            // All mails have the same sender, so none would be accepted.
            if error.is_permanent() {
                SendError::Misconfigured(format!("NOTIFICATIONS_EMAIL_USER: {text}"))
            } else {
                SendError::Unreachable(text)
            }
        })
    }

    /// Sends RCPT TO and DATA. Nothing of the message is sent before the server's 354 reply.
    async fn name_recipient(
        &self,
        connection: &mut AsyncSmtpConnection,
        mail: &Outgoing,
    ) -> Result<(), SendError> {
        for to in mail.envelope.to() {
            let named = connection.command(Rcpt::new(to.clone(), vec![])).await;
            named.map_err(|error| self.classify(&error, Step::Recipient, mail))?;
        }
        connection
            .command(Data)
            .await
            .map(drop)
            .map_err(|error| self.classify(&error, Step::Message, mail))
    }

    fn classify(&self, error: &SmtpError, step: Step, mail: &Outgoing) -> SendError {
        let recipient = mail
            .envelope
            .to()
            .first()
            .map(ToString::to_string)
            .unwrap_or_default();
        let text = error_text(error, &self.secrets());
        classify(error, step, text, &recipient)
    }

    /// The secrets sent to the server, each with its user name, to redact from replies (I9).
    fn secrets(&self) -> Vec<(&str, &str)> {
        match &self.config.auth {
            Auth::Password {
                username,
                password: secret,
            }
            | Auth::Xoauth2 {
                username,
                client_secret: secret,
                ..
            } => {
                vec![(username.expose(), secret.expose())]
            }
            Auth::None => Vec::new(),
        }
    }

    /// Sends the message. From its first byte on the server may have accepted it, so a lost
    /// connection leaves the outcome unknown.
    async fn send_message(
        &self,
        connection: &mut AsyncSmtpConnection,
        mail: &Outgoing,
    ) -> Result<String, SendError> {
        let limit = self.config.data_timeout.unwrap_or(DATA_TIMEOUT);
        match timeout(limit, connection.message(&mail.bytes)).await {
            Ok(Ok(response)) => Ok(reply_text(&response)),
            Ok(Err(error)) if error.status().is_some() => {
                Err(self.classify(&error, Step::Message, mail))
            }
            Ok(Err(error)) => Err(SendError::Unknown(error_text(&error, &self.secrets()))),
            Err(_) => Err(SendError::Unknown(format!(
                "no reply within {} s after the message",
                limit.as_secs()
            ))),
        }
    }
}

/// Returns the parameters of MAIL FROM. SMTPUTF8 (RFC 6531) is used only if an address needs it.
///
/// # Errors
/// The server does not offer what the message needs.
fn sender_parameters(
    connection: &AsyncSmtpConnection,
    mail: &Outgoing,
) -> Result<Vec<MailParameter>, SendError> {
    let mut parameters = Vec::new();
    let needing = |address: &&lettre::Address| needs_smtputf8(address);
    let from = mail.envelope.from().filter(needing);
    let to = mail.envelope.to().iter().find(needing);
    if from.or(to).is_some() {
        let server = connection.server_info();
        if !server.supports_feature(Extension::SmtpUtfEight) {
            let reason = "has letters other than ASCII before the @, and the mail server does not \
                          offer SMTPUTF8 (RFC 6531)";
            return Err(match (from, to) {
                (Some(from), _) => SendError::Misconfigured(format!(
                    "NOTIFICATIONS_EMAIL_USER: the address {from} {reason}"
                )),
                (None, to) => {
                    let to = to.map(ToString::to_string).unwrap_or_default();
                    SendError::InvalidAddress(format!("the address {to} {reason}"))
                }
            });
        }
        parameters.push(MailParameter::SmtpUtfEight);
        // A server that offers SMTPUTF8 offers 8BITMIME too (RFC 6531 section 3.1).
        parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
    }
    Ok(parameters)
}

#[derive(PartialEq, Eq)]
enum AuthOutcome {
    Accepted,
    /// The server refused a token that was not requested just now.
    CachedTokenRefused,
}

/// Closes a connection, with QUIT when the server responds in time.
async fn close(mut connection: AsyncSmtpConnection) {
    let _ = timeout(CLOSE_TIMEOUT, connection.abort()).await;
}

/// Whether the connection failed, as opposed to a reply of the server.
fn is_connection_error(error: &SmtpError) -> bool {
    error.status().is_none() && !error.is_client()
}

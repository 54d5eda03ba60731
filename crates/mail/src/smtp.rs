//! One conversation with the mail server (RFC 5321), and what each of its answers means for the
//! mail.

use std::error::Error as _;
use std::time::Duration;

use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{
    AsyncSmtpConnection, Certificate, TlsParameters, TlsParametersBuilder,
};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::ClientId;
use starchart_domain::secret::Secret;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};
use tracing::debug;

use crate::answer::{Fault, Stage, judge, said, words};
use crate::error::{ConfigError, SendError};
use crate::message::Outgoing;
use crate::token::{OauthConfig, Tokens};

/// How long connecting, signing in and naming the sender may take together; as long naming the
/// recipient.
const BEFORE: Duration = Duration::from_secs(20);
/// How long the server may think about the message (RFC 5321 section 4.5.3.2.6): it may be looking
/// for viruses, and who does not wait for it sends a second copy.
const THINK: Duration = Duration::from_secs(10 * 60);
/// An idle connection older than this is not used again.
const IDLE: Duration = Duration::from_secs(20);
/// Mails over one connection.
const MAILS: u32 = 50;

/// How to reach the mail server.
#[derive(Debug, Clone)]
pub struct SmtpConfig {
    /// SMTP_HOST.
    pub host: String,
    /// SMTP_PORT.
    pub port: u16,
    /// SMTP_TLS.
    pub tls: Tls,
    /// SMTP_AUTH.
    pub auth: Auth,
    /// SMTP_MESSAGES_PER_MINUTE.
    pub messages_per_minute: u32,
    /// What we call ourselves in EHLO.
    pub ehlo_name: String,
    /// A further root to trust, DER; the system's are trusted always.
    pub extra_root_der: Option<Vec<u8>>,
    /// How long the server may think about a message; none: ten minutes.
    pub data_timeout: Option<Duration>,
}

/// How the connection is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tls {
    /// STARTTLS, required.
    StartTls,
    /// From the first byte.
    Implicit,
    /// Not at all: to this machine only.
    None,
}

/// How we sign in.
#[derive(Debug, Clone)]
pub enum Auth {
    /// User name and password.
    Password {
        /// NOTIFICATIONS_USERNAME.
        username: Secret,
        /// NOTIFICATIONS_PASSWORD.
        password: Secret,
    },
    /// A token in place of the password.
    Xoauth2 {
        /// NOTIFICATIONS_USERNAME.
        username: Secret,
        /// NOTIFICATIONS_PASSWORD.
        client_secret: Secret,
        /// Where the token comes from.
        oauth: OauthConfig,
    },
    /// Not at all.
    None,
}

/// The mail server, and one connection that is used again.
pub(crate) struct Smtp {
    config: SmtpConfig,
    tls: Option<TlsParameters>,
    tokens: Option<Tokens>,
    idle: Mutex<Option<Idle>>,
}

struct Idle {
    connection: AsyncSmtpConnection,
    since: Instant,
    mails: u32,
}

impl Smtp {
    pub(crate) fn new(mut config: SmtpConfig) -> Result<Self, ConfigError> {
        let tls = match config.tls {
            Tls::None => None,
            Tls::StartTls | Tls::Implicit => Some(parameters(&config)?),
        };
        let tokens = match &config.auth {
            Auth::Xoauth2 {
                client_secret,
                oauth,
                ..
            } => Some(Tokens::new(
                oauth.clone(),
                client_secret.clone(),
                config.extra_root_der.as_deref(),
            )?),
            _ => None,
        };
        config.extra_root_der = None;
        Ok(Self {
            config,
            tls,
            tokens,
            idle: Mutex::new(None),
        })
    }

    /// Gives the server one message; what it said when it took it.
    pub(crate) async fn send(&self, mail: &Outgoing) -> Result<String, SendError> {
        let mut kept = self.idle.lock().await;
        let silence = || format!("no answer within {} s", BEFORE.as_secs());
        let open = timeout(BEFORE, self.ready(kept.take(), mail)).await;
        let mut open = open.map_err(|_| SendError::Unreachable(silence()))??;
        let outcome = match timeout(BEFORE, self.announce(&mut open.connection, mail)).await {
            Ok(Ok(())) => self.hand_over(&mut open.connection, mail).await,
            Ok(Err(fault)) => Err(fault),
            // It answered until the recipient was named.
            Err(_) => Err(SendError::ConnectionLost {
                codes: "silence".to_owned(),
                reason: silence(),
            }),
        };
        // After a refusal in the middle the connection is in an unknown state.
        if outcome.is_ok() {
            *kept = Some(Idle {
                since: Instant::now(),
                mails: open.mails + 1,
                ..open
            });
        } else {
            close(open.connection).await;
        }
        outcome
    }

    /// A connection on which the server has accepted the sender: the one that was kept, else a new
    /// one. Until then nothing was tried.
    async fn ready(&self, kept: Option<Idle>, mail: &Outgoing) -> Result<Idle, SendError> {
        if let Some(mut old) = kept {
            if old.since.elapsed() < IDLE && old.mails < MAILS {
                match self.sender(&mut old.connection, mail).await {
                    Ok(()) => return Ok(old),
                    // The server may have closed what we kept open; that is no failure yet.
                    Err(SendError::Unreachable(why)) => {
                        debug!(reason = why, "the mail server closed the connection")
                    }
                    Err(fault) => {
                        close(old.connection).await;
                        return Err(fault);
                    }
                }
            }
            close(old.connection).await;
        }
        let mut new = self.enter().await?;
        match self.sender(&mut new, mail).await {
            Ok(()) => Ok(Idle {
                connection: new,
                since: Instant::now(),
                mails: 0,
            }),
            Err(fault) => {
                close(new).await;
                Err(fault)
            }
        }
    }

    /// Connects, protects the connection and signs in.
    async fn enter(&self) -> Result<AsyncSmtpConnection, SendError> {
        let mut connection = self.connect().await?;
        if self.sign_in(&mut connection).await? == SignedIn::OldToken {
            // The token was taken back before its time: once more with a new one.
            connection = self.connect().await?;
            if self.sign_in(&mut connection).await? != SignedIn::Yes {
                return Err(SendError::Misconfigured(
                    "SMTP_AUTH: the mail server refuses the token".to_owned(),
                ));
            }
        }
        Ok(connection)
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, SendError> {
        let config = &self.config;
        let hello = ClientId::Domain(config.ehlo_name.clone());
        let implicit = if config.tls == Tls::Implicit {
            self.tls.clone()
        } else {
            None
        };
        let server = (config.host.as_str(), config.port);
        let connected =
            AsyncSmtpConnection::connect_tokio1(server, Some(BEFORE), &hello, implicit, None).await;
        let mut connection = connected.map_err(|fault| greeting(&fault))?;
        if let (Tls::StartTls, Some(tls)) = (config.tls, &self.tls) {
            if !connection.can_starttls() {
                return Err(SendError::Misconfigured(
                    "SMTP_TLS: the mail server offers no STARTTLS".to_owned(),
                ));
            }
            connection
                .starttls(tls.clone(), &hello)
                .await
                .map_err(|fault| greeting(&fault))?;
        }
        Ok(connection)
    }

    async fn sign_in(&self, connection: &mut AsyncSmtpConnection) -> Result<SignedIn, SendError> {
        let (username, secret, mechanisms, old): (_, _, &[Mechanism], _) =
            match (&self.config.auth, &self.tokens) {
                (Auth::Password { username, password }, _) => (
                    username,
                    password.clone(),
                    &[Mechanism::Plain, Mechanism::Login],
                    false,
                ),
                (Auth::Xoauth2 { username, .. }, Some(tokens)) => {
                    let (token, old) = tokens.get().await?;
                    (username, token, &[Mechanism::Xoauth2], old)
                }
                _ => return Ok(SignedIn::Yes),
            };
        let credentials =
            Credentials::new(username.expose().to_owned(), secret.expose().to_owned());
        let Err(fault) = connection.auth(mechanisms, &credentials).await else {
            return Ok(SignedIn::Yes);
        };
        if let Some(tokens) = &self.tokens {
            tokens.forget().await;
        }
        if old && !is_away(&fault) {
            connection.abort().await;
            return Ok(SignedIn::OldToken);
        }
        let said = said(&fault, &[(username.expose(), secret.expose())]);
        // Gone, or not able to look now (RFC 4954 section 6).
        Err(if is_away(&fault) || fault.is_transient() {
            SendError::Unreachable(said)
        } else {
            SendError::Misconfigured(format!(
                "SMTP_AUTH, NOTIFICATIONS_USERNAME or _PASSWORD: {said}"
            ))
        })
    }

    /// Names the sender.
    async fn sender(
        &self,
        connection: &mut AsyncSmtpConnection,
        mail: &Outgoing,
    ) -> Result<(), SendError> {
        let from = Mail::new(mail.envelope.from().cloned(), vec![]);
        connection.command(from).await.map(drop).map_err(|fault| {
            let said = said(&fault, &self.secrets());
            match fault {
                // Whatever is wrong with the sender is wrong with every mail.
                fault if fault.is_permanent() => {
                    SendError::Misconfigured(format!("NOTIFICATIONS_EMAIL_USER: {said}"))
                }
                _ => SendError::Unreachable(said),
            }
        })
    }

    /// Up to the server's word that it wants the message: until then nothing was sent.
    async fn announce(
        &self,
        connection: &mut AsyncSmtpConnection,
        mail: &Outgoing,
    ) -> Result<(), SendError> {
        for to in mail.envelope.to() {
            let named = connection.command(Rcpt::new(to.clone(), vec![])).await;
            named.map_err(|fault| self.judge(&fault, Stage::Recipient, mail))?;
        }
        connection
            .command(Data)
            .await
            .map(drop)
            .map_err(|fault| self.judge(&fault, Stage::Message, mail))
    }

    fn judge(&self, fault: &Fault, stage: Stage, mail: &Outgoing) -> SendError {
        let recipient = mail
            .envelope
            .to()
            .first()
            .map(ToString::to_string)
            .unwrap_or_default();
        judge(fault, stage, said(fault, &self.secrets()), &recipient)
    }

    /// What a server may have got from us, and nobody else may; with the name that it was sent
    /// with.
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

    /// From the message's first byte on the server may keep it.
    async fn hand_over(
        &self,
        connection: &mut AsyncSmtpConnection,
        mail: &Outgoing,
    ) -> Result<String, SendError> {
        let think = self.config.data_timeout.unwrap_or(THINK);
        match timeout(think, connection.message(&mail.bytes)).await {
            Ok(Ok(response)) => Ok(words(&response)),
            Ok(Err(fault)) if fault.status().is_some() => {
                Err(self.judge(&fault, Stage::Message, mail))
            }
            Ok(Err(fault)) => Err(SendError::Unknown(said(&fault, &self.secrets()))),
            Err(_) => Err(SendError::Unknown(format!(
                "no answer within {} s after the message",
                think.as_secs()
            ))),
        }
    }
}

#[derive(PartialEq, Eq)]
enum SignedIn {
    Yes,
    /// It did not help, but it was not asked for just now.
    OldToken,
}

/// Ends a connection, politely if that is quick.
async fn close(mut connection: AsyncSmtpConnection) {
    let _ = timeout(Duration::from_secs(2), connection.abort()).await;
}

/// What a failure before signing in means.
fn greeting(fault: &Fault) -> SendError {
    let mut cause = fault.source();
    while let Some(error) = cause {
        let inner = error
            .downcast_ref::<std::io::Error>()
            .and_then(std::io::Error::get_ref);
        if inner.is_some_and(|inner| inner.is::<rustls::Error>()) || error.is::<rustls::Error>() {
            return SendError::Misconfigured(format!("SMTP_TLS: {}", said(fault, &[])));
        }
        cause = error.source();
    }
    // It answers, but not as RFC 5321 has it.
    if fault.is_response() {
        return SendError::Unreachable(format!(
            "what answers there does not speak SMTP: {}",
            said(fault, &[])
        ));
    }
    SendError::Unreachable(said(fault, &[]))
}

/// Whether the connection is gone, rather than something was said.
fn is_away(fault: &Fault) -> bool {
    fault.status().is_none() && !fault.is_client()
}

fn parameters(config: &SmtpConfig) -> Result<TlsParameters, ConfigError> {
    let fault = |error: Fault| ConfigError::Tls(said(&error, &[]));
    let mut builder: TlsParametersBuilder = TlsParameters::builder(config.host.clone());
    if let Some(root) = &config.extra_root_der {
        builder = builder.add_root_certificate(Certificate::from_der(root.clone()).map_err(fault)?);
    }
    builder.build_rustls().map_err(fault)
}

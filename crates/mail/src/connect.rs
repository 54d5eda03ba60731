//! Connects to the mail server and encrypts the connection, before lettre takes it over.
//!
//! lettre could do both, but then the rewriting of replies ([`ReplyStream`]) would see an encrypted
//! stream only.

use std::error::Error as _;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use lettre::transport::smtp::client::{AsyncSmtpConnection, AsyncTokioStream};
use lettre::transport::smtp::commands::{Ehlo, Starttls};
use lettre::transport::smtp::extension::{ClientId, Extension, ServerInfo};
use lettre::transport::smtp::response::Response;
use rustls::pki_types::ServerName;
use starchart_domain::error::error_chain;
use starchart_https::Roots;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::config::{SmtpConfig, Tls};
use crate::error::{ConfigError, SendError};
use crate::reply::{SmtpError, error_text, reply_text};
use crate::reply_stream::ReplyStream;

/// How the connection is encrypted, with what that needs.
pub(crate) enum Encryption {
    None,
    StartTls(TlsClient),
    Implicit(TlsClient),
}

/// The TLS client, and the name that the server's certificate must have.
pub(crate) struct TlsClient {
    connector: TlsConnector,
    server: ServerName<'static>,
}

impl Encryption {
    /// Reads the root certificates if the connection is encrypted.
    ///
    /// # Errors
    /// The TLS library rejects a root certificate or the name of the host.
    pub(crate) fn new(config: &SmtpConfig) -> Result<Self, ConfigError> {
        Ok(match config.tls {
            Tls::None => Self::None,
            Tls::StartTls => Self::StartTls(TlsClient::new(config)?),
            Tls::Implicit => Self::Implicit(TlsClient::new(config)?),
        })
    }
}

impl TlsClient {
    fn new(config: &SmtpConfig) -> Result<Self, ConfigError> {
        let mut roots = Roots::system().map_err(tls_error)?;
        if let Some(root) = &config.extra_root_der {
            roots = roots.with_der(root).map_err(tls_error)?;
        }
        let client = roots.into_client_config().map_err(tls_error)?;
        Ok(Self {
            connector: TlsConnector::from(Arc::new(client)),
            server: ServerName::try_from(config.host.clone()).map_err(tls_error)?,
        })
    }

    async fn handshake(&self, stream: TcpStream) -> Result<TlsStream<TcpStream>, SendError> {
        let connected = self.connector.connect(self.server.clone(), stream).await;
        connected.map_err(|error| io_error(&error))
    }
}

/// Connects and sends EHLO, after STARTTLS if it is required.
pub(crate) async fn connect(
    config: &SmtpConfig,
    encryption: &Encryption,
) -> Result<AsyncSmtpConnection, SendError> {
    let ehlo_name = ClientId::Domain(config.ehlo_name.clone());
    let stream = TcpStream::connect((config.host.as_str(), config.port)).await;
    let stream = stream.map_err(|error| io_error(&error))?;
    let peer = stream.peer_addr().map_err(|error| io_error(&error))?;
    let stream: Box<dyn AsyncTokioStream> = match encryption {
        Encryption::None => Box::new(ReplyStream::new(stream, peer)),
        Encryption::Implicit(tls) => Box::new(ReplyStream::new(tls.handshake(stream).await?, peer)),
        Encryption::StartTls(tls) => {
            let stream = start_tls(stream, peer, &ehlo_name).await?;
            let encrypted = tls.handshake(stream).await?;
            Box::new(ReplyStream::with_greeting(encrypted, peer))
        }
    };
    AsyncSmtpConnection::connect_with_transport(stream, &ehlo_name)
        .await
        .map_err(|error| connect_error(&error))
}

/// Reads the greeting and sends EHLO and STARTTLS. The next bytes are those of the TLS handshake.
async fn start_tls(
    stream: TcpStream,
    peer: SocketAddr,
    ehlo_name: &ClientId,
) -> Result<TcpStream, SendError> {
    let mut stream = ReplyStream::new(stream, peer);
    accepted(stream.reply().await)?;
    let ehlo = accepted(stream.command(Ehlo::new(ehlo_name.clone())).await)?;
    let server = ServerInfo::from_response(&ehlo).map_err(|error| connect_error(&error))?;
    if !server.supports_feature(Extension::StartTls) {
        return Err(SendError::Misconfigured(
            "SMTP_TLS: the mail server does not offer STARTTLS".to_owned(),
        ));
    }
    accepted(stream.command(Starttls).await)?;
    // Bytes that follow in the clear may come from an attacker (CVE-2011-0411).
    stream.into_inner().ok_or_else(|| {
        SendError::Misconfigured(
            "SMTP_TLS: the mail server sends more replies than commands before TLS".to_owned(),
        )
    })
}

/// Parses a reply that accepts what was sent before.
fn accepted(reply: io::Result<String>) -> Result<Response, SendError> {
    let reply = reply.map_err(|error| io_error(&error))?;
    let response: Response = reply.parse().map_err(|_| no_smtp(reply.trim_end()))?;
    if response.is_positive() {
        Ok(response)
    } else {
        Err(SendError::Unreachable(reply_text(&response)))
    }
}

/// Classifies a failure of the connection or of TLS.
fn io_error(error: &io::Error) -> SendError {
    let is_tls = error
        .get_ref()
        .is_some_and(|inner| inner.is::<rustls::Error>());
    let text = error_chain(error);
    if is_tls {
        SendError::Misconfigured(format!("SMTP_TLS: {text}"))
    } else {
        SendError::Unreachable(text)
    }
}

/// Classifies a failure of the greeting or of EHLO.
fn connect_error(error: &SmtpError) -> SendError {
    let mut source = error.source();
    while let Some(cause) = source {
        if let Some(failed) = cause.downcast_ref::<io::Error>() {
            return io_error(failed);
        }
        source = cause.source();
    }
    let text = error_text(error, &[]);
    if error.is_response() {
        return no_smtp(&text);
    }
    SendError::Unreachable(text)
}

fn no_smtp(text: &str) -> SendError {
    let text = crate::reply::shorten(text);
    SendError::Unreachable(format!(
        "the server at this port does not speak SMTP: {text}"
    ))
}

fn tls_error(error: impl std::fmt::Display) -> ConfigError {
    ConfigError::Tls(error.to_string())
}

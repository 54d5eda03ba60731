//! OAuth access tokens for XOAUTH2, obtained by the client credentials grant (RFC 6749
//! section 4.4) and cached until shortly before they expire.

use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::Request;
use hyper::body::Bytes;
use hyper::header::{ACCEPT, CONTENT_TYPE};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::pki_types::CertificateDer;
use serde::Deserialize;
use starchart_domain::error::error_chain;
use starchart_domain::secret::Secret;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};
use url::Url;

use crate::error::{ConfigError, SendError};
use crate::reply::redact;
use crate::text::one_line;

/// A token is replaced this long before it expires.
const RENEW_BEFORE: Duration = Duration::from_secs(120);
/// Lifetime of a token whose response has no `expires_in`, in seconds.
const DEFAULT_LIFETIME_S: u64 = 600;
const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);
const MAX_RESPONSE_BYTES: usize = 64 * 1024;
const MAX_REFUSAL_CHARS: usize = 200;

/// The token endpoint and the client that asks it.
#[derive(Debug, Clone)]
pub struct OauthConfig {
    /// SMTP_OAUTH_TOKEN_URL: the token endpoint (RFC 6749 section 3.2).
    pub token_url: Url,
    /// SMTP_OAUTH_CLIENT_ID: the client identifier (RFC 6749 section 2.2).
    pub client_id: String,
    /// SMTP_OAUTH_SCOPE: the scope of the token (RFC 6749 section 3.3).
    pub scope: String,
}

/// Requests access tokens and caches the last.
pub(crate) struct TokenSource {
    config: OauthConfig,
    secret: Secret,
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    /// The last token, and when to replace it.
    cached: Mutex<Option<(Secret, Instant)>>,
}

/// A successful response (RFC 6749 section 5.1).
#[derive(Deserialize)]
struct TokenResponse {
    access_token: String,
    #[serde(default)]
    expires_in: Option<u64>,
}

/// An error response (RFC 6749 section 5.2).
#[derive(Deserialize)]
struct ErrorResponse {
    error: String,
    #[serde(default)]
    error_description: String,
}

impl TokenSource {
    /// Creates a token source that trusts the system's root certificates and `extra_root_der`.
    pub(crate) fn new(
        config: OauthConfig,
        secret: Secret,
        extra_root_der: Option<&[u8]>,
    ) -> Result<Self, ConfigError> {
        let tls = tls_config(extra_root_der)?;
        // Plain http is for tests; the settings accept https only.
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .build();
        let client = Client::builder(TokioExecutor::new()).build(connector);
        Ok(Self {
            config,
            secret,
            client,
            cached: Mutex::new(None),
        })
    }

    /// Returns a token, and whether it came from the cache.
    pub(crate) async fn get(&self) -> Result<(Secret, bool), SendError> {
        let mut cached = self.cached.lock().await;
        if let Some((token, until)) = &*cached
            && *until > Instant::now()
        {
            return Ok((token.clone(), true));
        }
        let requested = timeout(REQUEST_TIMEOUT, self.request_token()).await;
        let (token, lifetime) = requested.map_err(|_| {
            SendError::Unreachable("the OAuth token endpoint does not respond".to_owned())
        })??;
        let replace_at = Instant::now() + lifetime.saturating_sub(RENEW_BEFORE);
        *cached = Some((token.clone(), replace_at));
        Ok((token, false))
    }

    /// Discards the cached token after the mail server refused it.
    pub(crate) async fn discard(&self) {
        *self.cached.lock().await = None;
    }

    async fn request_token(&self) -> Result<(Secret, Duration), SendError> {
        let unreachable = |error: &(dyn std::error::Error + 'static)| {
            SendError::Unreachable(format!(
                "the OAuth token endpoint (SMTP_OAUTH_TOKEN_URL): {}",
                error_chain(error)
            ))
        };
        let form = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("grant_type", "client_credentials")
            .append_pair("client_id", &self.config.client_id)
            .append_pair("client_secret", self.secret.expose())
            .append_pair("scope", &self.config.scope)
            .finish();
        let request = Request::post(self.config.token_url.as_str())
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(ACCEPT, "application/json")
            .body(Full::new(Bytes::from(form)))
            .map_err(|error| SendError::Misconfigured(format!("SMTP_OAUTH_TOKEN_URL: {error}")))?;
        let response = self
            .client
            .request(request)
            .await
            .map_err(|error| unreachable(&error))?;
        let status = response.status();
        let body = Limited::new(response.into_body(), MAX_RESPONSE_BYTES)
            .collect()
            .await;
        let body = body
            .map_err(|error| SendError::Unreachable(format!("the OAuth token endpoint: {error}")))?
            .to_bytes();
        if status.is_server_error() || status.as_u16() == 429 {
            return Err(SendError::Unreachable(format!(
                "the OAuth token endpoint responded with status {}",
                status.as_u16()
            )));
        }
        if !status.is_success() {
            return Err(SendError::Misconfigured(format!(
                "the OAuth token endpoint refused: {}",
                refusal_text(status.as_u16(), &body, self.secret.expose())
            )));
        }
        let response: TokenResponse = serde_json::from_slice(&body).map_err(|_| {
            SendError::Misconfigured(
                "SMTP_OAUTH_TOKEN_URL: the response contains no access_token".to_owned(),
            )
        })?;
        let lifetime = Duration::from_secs(response.expires_in.unwrap_or(DEFAULT_LIFETIME_S));
        Ok((Secret::new(response.access_token), lifetime))
    }
}

/// The error response in one line, with the client's secret redacted.
fn refusal_text(status: u16, body: &[u8], secret: &str) -> String {
    match serde_json::from_slice::<ErrorResponse>(body) {
        Ok(response) => {
            let text = redact(
                &format!("{status} {} {}", response.error, response.error_description),
                &[("", secret)],
            );
            one_line(&text).chars().take(MAX_REFUSAL_CHARS).collect()
        }
        Err(_) => status.to_string(),
    }
}

fn tls_config(extra_root_der: Option<&[u8]>) -> Result<rustls::ClientConfig, ConfigError> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(root) = extra_root_der {
        roots
            .add(CertificateDer::from(root.to_vec()))
            .map_err(|error| ConfigError::Tls(error.to_string()))?;
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder =
        rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| ConfigError::Tls(error.to_string()))?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

//! OAuth access tokens for XOAUTH2, obtained by the client credentials grant (RFC 6749
//! section 4.4) and cached until shortly before they expire.

use std::time::Duration;

use http::Request;
use http::header::{ACCEPT, CONTENT_TYPE};
use serde::Deserialize;
use starchart_domain::error::error_chain;
use starchart_domain::secret::Secret;
use starchart_https::{HttpsClient, Limits, Roots};
use tokio::sync::Mutex;
use tokio::time::Instant;
use url::Url;

use crate::error::{ConfigError, SendError};
use crate::reply::redact;
use crate::text::one_line;

/// A token is replaced this long before it expires.
const RENEW_BEFORE: Duration = Duration::from_secs(120);
/// Lifetime of a token whose response has no `expires_in`, in seconds.
const DEFAULT_LIFETIME_S: u64 = 600;
const LIMITS: Limits = Limits {
    time: Duration::from_secs(15),
    body_bytes: 64 * 1024,
};
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
    https: HttpsClient,
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
        let mut roots = Roots::system().map_err(tls_error)?;
        if let Some(root) = extra_root_der {
            roots = roots.with_der(root).map_err(tls_error)?;
        }
        Ok(Self {
            config,
            secret,
            https: HttpsClient::new(roots, LIMITS).map_err(tls_error)?,
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
        let (token, lifetime) = self.request_token().await?;
        let replace_at = Instant::now() + lifetime.saturating_sub(RENEW_BEFORE);
        *cached = Some((token.clone(), replace_at));
        Ok((token, false))
    }

    /// Discards the cached token after the mail server refused it.
    pub(crate) async fn discard(&self) {
        *self.cached.lock().await = None;
    }

    async fn request_token(&self) -> Result<(Secret, Duration), SendError> {
        let form = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("grant_type", "client_credentials")
            .append_pair("client_id", &self.config.client_id)
            .append_pair("client_secret", self.secret.expose())
            .append_pair("scope", &self.config.scope)
            .finish();
        let request = Request::post(self.config.token_url.as_str())
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(ACCEPT, "application/json")
            .body(form)
            .map_err(|error| SendError::Misconfigured(format!("SMTP_OAUTH_TOKEN_URL: {error}")))?;
        let response = self.https.send(request).await.map_err(|error| {
            SendError::Unreachable(format!(
                "the OAuth token endpoint (SMTP_OAUTH_TOKEN_URL): {}",
                error_chain(&error)
            ))
        })?;
        let status = response.status();
        if status.is_server_error() || status.as_u16() == 429 {
            return Err(SendError::Unreachable(format!(
                "the OAuth token endpoint responded with status {}",
                status.as_u16()
            )));
        }
        if !status.is_success() {
            return Err(SendError::Misconfigured(format!(
                "the OAuth token endpoint refused: {}",
                refusal_text(status.as_u16(), response.body(), self.secret.expose())
            )));
        }
        let response: TokenResponse = serde_json::from_slice(response.body()).map_err(|_| {
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

fn tls_error(error: impl std::fmt::Display) -> ConfigError {
    ConfigError::Tls(error.to_string())
}

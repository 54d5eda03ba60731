//! The token for XOAUTH2: asked for with the client's secret (RFC 6749 section 4.4), and kept until
//! shortly before its end.

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

use crate::answer::scrub;
use crate::error::{ConfigError, SendError};
use crate::letter::one_line;

/// A token is renewed so long before its end.
const EARLY: Duration = Duration::from_secs(120);
/// A token whose life is not said lives so long.
const LIFE_S: u64 = 600;
/// How long the token's server may take.
const PATIENCE: Duration = Duration::from_secs(15);
/// A longer answer is none.
const ANSWER_BYTES: usize = 64 * 1024;

/// Where the token comes from.
#[derive(Debug, Clone)]
pub struct OauthConfig {
    /// SMTP_OAUTH_TOKEN_URL.
    pub token_url: Url,
    /// SMTP_OAUTH_CLIENT_ID.
    pub client_id: String,
    /// SMTP_OAUTH_SCOPE.
    pub scope: String,
}

/// Asks for tokens and keeps the last.
pub(crate) struct Tokens {
    config: OauthConfig,
    secret: Secret,
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    kept: Mutex<Option<(Secret, Instant)>>,
}

#[derive(Deserialize)]
struct Answer {
    access_token: String,
    #[serde(default)]
    expires_in: Option<u64>,
}

#[derive(Deserialize)]
struct Refusal {
    error: String,
    #[serde(default)]
    error_description: String,
}

impl Tokens {
    /// `extra_root`: a further root to trust, DER.
    pub(crate) fn new(
        config: OauthConfig,
        secret: Secret,
        extra_root: Option<&[u8]>,
    ) -> Result<Self, ConfigError> {
        let tls = trust(extra_root)?;
        // Plain http is for tests; the settings take https only.
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
            kept: Mutex::new(None),
        })
    }

    /// The token, and whether it is an older one.
    pub(crate) async fn get(&self) -> Result<(Secret, bool), SendError> {
        let mut kept = self.kept.lock().await;
        if let Some((token, until)) = &*kept
            && *until > Instant::now()
        {
            return Ok((token.clone(), true));
        }
        let asked = timeout(PATIENCE, self.ask()).await;
        let (token, life) = asked.map_err(|_| {
            SendError::Unreachable("the token's server does not answer".to_owned())
        })??;
        *kept = Some((token.clone(), Instant::now() + life.saturating_sub(EARLY)));
        Ok((token, false))
    }

    /// Forgets the token that was refused.
    pub(crate) async fn forget(&self) {
        *self.kept.lock().await = None;
    }

    async fn ask(&self) -> Result<(Secret, Duration), SendError> {
        let away = |error: &(dyn std::error::Error + 'static)| {
            SendError::Unreachable(format!(
                "the token's server (SMTP_OAUTH_TOKEN_URL): {}",
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
        let answer = self
            .client
            .request(request)
            .await
            .map_err(|error| away(&error))?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), ANSWER_BYTES)
            .collect()
            .await;
        let body = body
            .map_err(|error| SendError::Unreachable(format!("the token's server: {error}")))?
            .to_bytes();
        if status.is_server_error() || status.as_u16() == 429 {
            return Err(SendError::Unreachable(format!(
                "the token's server answered {}",
                status.as_u16()
            )));
        }
        if !status.is_success() {
            return Err(SendError::Misconfigured(format!(
                "no token: {}",
                refusal(status.as_u16(), &body, self.secret.expose())
            )));
        }
        let answer: Answer = serde_json::from_slice(&body).map_err(|_| {
            SendError::Misconfigured(
                "SMTP_OAUTH_TOKEN_URL: its answer holds no access_token".to_owned(),
            )
        })?;
        let life = Duration::from_secs(answer.expires_in.unwrap_or(LIFE_S));
        Ok((Secret::new(answer.access_token), life))
    }
}

/// What the server says about the refusal (RFC 6749 section 5.2), without anything that it may have
/// repeated of ours.
fn refusal(status: u16, body: &[u8], secret: &str) -> String {
    match serde_json::from_slice::<Refusal>(body) {
        Ok(said) => {
            let text = scrub(
                &format!("{status} {} {}", said.error, said.error_description),
                &[("", secret)],
            );
            one_line(&text).chars().take(200).collect()
        }
        Err(_) => status.to_string(),
    }
}

/// What this process trusts: the system's roots, and one more.
fn trust(extra_root: Option<&[u8]>) -> Result<rustls::ClientConfig, ConfigError> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(root) = extra_root {
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

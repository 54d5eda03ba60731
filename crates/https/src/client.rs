//! The client: one request, its whole response within the limits.

use std::error::Error as StdError;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use crate::roots::Roots;

/// How long a response may take and how large it may be.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// From the begin of the connection to the end of the response.
    pub time: Duration,
    /// The largest body of a response, in bytes.
    pub body_bytes: usize,
}

/// Why there is no response. The text names no URL and contains nothing of the request.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// The response was not complete in time.
    #[error("no response within {} s", .0.as_secs())]
    Timeout(Duration),
    /// The body of the response is larger than the limit, in bytes.
    #[error("the response is larger than {0} bytes")]
    TooLarge(usize),
    /// The connection, TLS or HTTP failed; the causes say why.
    #[error(transparent)]
    Failed(Box<dyn StdError + Send + Sync>),
}

/// Sends requests over TLS, and keeps a connection for the next one.
#[derive(Debug, Clone)]
pub struct HttpsClient {
    http: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    limits: Limits,
}

impl HttpsClient {
    /// Creates a client that trusts `roots`.
    ///
    /// # Errors
    /// The TLS library does not support its own default versions.
    pub fn new(roots: Roots, limits: Limits) -> Result<Self, rustls::Error> {
        let config = roots.into_client_config()?;
        // HTTP/1.1: a request that times out closes its connection, and the next one opens another.
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(config)
            .https_only()
            .enable_http1()
            .build();
        Ok(Self {
            http: Client::builder(TokioExecutor::new()).build(connector),
            limits,
        })
    }

    /// Sends a request and reads the whole response, whatever its status.
    ///
    /// # Errors
    /// No complete response within the limits, or a URL that is not https.
    pub async fn send(
        &self,
        request: Request<impl Into<Bytes>>,
    ) -> Result<Response<Bytes>, RequestError> {
        let request = request.map(|body| Full::new(body.into()));
        tokio::time::timeout(self.limits.time, self.read_response(request))
            .await
            .unwrap_or(Err(RequestError::Timeout(self.limits.time)))
    }

    async fn read_response(
        &self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Bytes>, RequestError> {
        let response = self.http.request(request).await;
        let (parts, body) = response
            .map_err(|error| RequestError::Failed(error.into()))?
            .into_parts();
        let limit = self.limits.body_bytes;
        let body = Limited::new(body, limit).collect().await.map_err(|error| {
            if error.is::<LengthLimitError>() {
                RequestError::TooLarge(limit)
            } else {
                RequestError::Failed(error)
            }
        })?;
        Ok(Response::from_parts(parts, body.to_bytes()))
    }
}

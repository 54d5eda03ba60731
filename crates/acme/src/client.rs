//! The HTTP client of instant-acme: TLS only, one host only, a time limit for each request. It
//! reads error responses itself, because instant-acme drops their Retry-After.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::RETRY_AFTER;
use http::{HeaderMap, Request, Uri};
use http_body_util::{BodyExt as _, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use instant_acme::{BodyWrapper, BytesResponse, HttpClient, Problem};
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};
use starchart_domain::error::error_chain;
use url::Url;

use crate::problem::{ErrorResponse, RequestFailure};

const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
const MAX_BODY_BYTES: usize = 1 << 20;

type Body = BodyWrapper<Bytes>;
type ResponseFuture =
    Pin<Box<dyn Future<Output = Result<BytesResponse, instant_acme::Error>> + Send>>;

/// Sends requests to the origin of the directory URL and to no other, whatever URL a response or
/// the database contains. This prevents server-side request forgery.
#[derive(Clone)]
pub(crate) struct PinnedClient {
    http: Client<HttpsConnector<HttpConnector>, Body>,
    directory_url: Url,
}

impl PinnedClient {
    /// Creates a client that trusts `roots` (PEM), or the system's root certificates when it is
    /// `None`.
    ///
    /// # Errors
    /// The reason why no root certificate can be read.
    pub(crate) fn new(directory_url: Url, roots: Option<&str>) -> Result<Self, String> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = match roots {
            Some(pem) => {
                let config = ClientConfig::builder_with_provider(provider)
                    .with_safe_default_protocol_versions()
                    .map_err(|error| error.to_string())?;
                let config = config
                    .with_root_certificates(root_store(pem)?)
                    .with_no_client_auth();
                HttpsConnectorBuilder::new().with_tls_config(config)
            }
            None => HttpsConnectorBuilder::new()
                .with_provider_and_platform_verifier(provider)
                .map_err(|error| {
                    format!("the system's root certificates cannot be used: {error}")
                })?,
        };
        // HTTP/1.1: a request that times out closes its connection, and the next one opens another.
        let connector = builder.https_only().enable_http1().build();
        Ok(Self {
            http: Client::builder(TokioExecutor::new()).build(connector),
            directory_url,
        })
    }

    /// Whether a URL has the origin of the directory URL.
    pub(crate) fn is_same_origin(&self, url: &str) -> bool {
        Url::parse(url).is_ok_and(|url| url.origin() == self.directory_url.origin())
    }
}

impl HttpClient for PinnedClient {
    fn request(&self, request: Request<Body>) -> ResponseFuture {
        let client = self.clone();
        Box::pin(async move {
            let result = if client.is_same_origin(&request.uri().to_string()) {
                tokio::time::timeout(REQUEST_TIMEOUT, send(&client.http, request))
                    .await
                    .unwrap_or_else(|_| {
                        Err(RequestFailure::NoResponse(format!(
                            "no response within {} s",
                            REQUEST_TIMEOUT.as_secs()
                        )))
                    })
            } else {
                Err(RequestFailure::OtherOrigin(host(request.uri())))
            };
            result.map_err(|failure| instant_acme::Error::Other(Box::new(failure)))
        })
    }
}

async fn send(
    http: &Client<HttpsConnector<HttpConnector>, Body>,
    request: Request<Body>,
) -> Result<BytesResponse, RequestFailure> {
    let response = http
        .request(request)
        .await
        .map_err(|error| RequestFailure::NoResponse(error_chain(&error)))?;
    let (parts, body) = response.into_parts();
    let body = Limited::new(body, MAX_BODY_BYTES)
        .collect()
        .await
        .map_err(|error| RequestFailure::NoResponse(error_chain(&*error)))?
        .to_bytes();
    let status = parts.status.as_u16();
    if status >= 400 {
        let problem = serde_json::from_slice::<Problem>(&body).ok();
        let response = ErrorResponse::new(status, problem.as_ref(), retry_after(&parts.headers));
        // instant-acme itself retries twice with a new nonce.
        if !response.is_type("badNonce") {
            return Err(RequestFailure::Refused(response));
        }
    }
    Ok(BytesResponse {
        parts,
        body: Box::new(body),
    })
}

/// Parses Retry-After (RFC 9110 section 10.2.3): seconds, or a date.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    Some(date.duration_since(SystemTime::now()).unwrap_or_default())
}

fn root_store(pem: &str) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    let blocks = pem::parse_many(pem).map_err(|error| format!("it is not PEM: {error}"))?;
    for block in blocks
        .into_iter()
        .filter(|block| block.tag() == "CERTIFICATE")
    {
        roots
            .add(CertificateDer::from(block.into_contents()))
            .map_err(|error| format!("a certificate cannot be used: {error}"))?;
    }
    if roots.is_empty() {
        Err("it contains no certificate".to_owned())
    } else {
        Ok(roots)
    }
}

fn host(uri: &Uri) -> String {
    uri.host().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests fail by panicking")]
    use std::net::TcpListener;

    use http::HeaderValue;

    use super::*;

    #[tokio::test]
    async fn no_request_leaves_for_another_origin() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let port = listener.local_addr().unwrap().port();
        let root = rcgen::generate_simple_self_signed(["localhost".to_owned()])
            .unwrap()
            .cert
            .pem();
        let client =
            PinnedClient::new("https://localhost:1/dir".parse().unwrap(), Some(&root)).unwrap();
        for url in [
            format!("https://127.0.0.1:{port}/"),
            format!("https://localhost:{port}/"),
            "http://localhost:1/".to_owned(),
        ] {
            let request = Request::builder().uri(&url).body(Body::default()).unwrap();
            let Err(instant_acme::Error::Other(error)) = client.request(request).await else {
                panic!("{url}")
            };
            assert!(
                matches!(error.downcast_ref(), Some(RequestFailure::OtherOrigin(_))),
                "{url}: {error}"
            );
        }
        assert!(listener.accept().is_err(), "no connection was opened");
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let headers = |value: &str| {
            HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_str(value).unwrap())])
        };
        assert_eq!(
            retry_after(&headers(" 120 ")),
            Some(Duration::from_secs(120))
        );
        let date = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(7_200));
        let wait = retry_after(&headers(&date)).unwrap();
        assert!(
            (Duration::from_secs(6_900)..=Duration::from_secs(7_200)).contains(&wait),
            "{wait:?}"
        );
        assert_eq!(
            retry_after(&headers("Sun, 06 Nov 1994 08:49:37 GMT")),
            Some(Duration::ZERO)
        );
        assert_eq!(retry_after(&headers("soon")), None);
    }

    #[test]
    fn an_unusable_root_certificate_is_an_error() {
        let directory_url: Url = "https://localhost:1/dir".parse().unwrap();
        for pem in [
            "",
            "hello",
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        ] {
            assert!(
                PinnedClient::new(directory_url.clone(), Some(pem)).is_err(),
                "{pem}"
            );
        }
    }
}

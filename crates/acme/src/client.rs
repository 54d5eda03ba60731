//! How instant-acme speaks: over TLS, to one host only, each request in bounded time, and with
//! refusals read before they are lost.

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

use crate::problem::{Answer, Failure};

/// How long one request may take.
const REQUEST: Duration = Duration::from_secs(10);
/// No answer of an authority is larger.
const BODY: usize = 1 << 20;

type Body = BodyWrapper<Bytes>;
type Answered = Pin<Box<dyn Future<Output = Result<BytesResponse, instant_acme::Error>> + Send>>;

/// Speaks to the host of the directory and to no other, whatever an answer or a stored URL names.
#[derive(Clone)]
pub(crate) struct PinnedClient {
    http: Client<HttpsConnector<HttpConnector>, Body>,
    directory: Url,
}

impl PinnedClient {
    /// Trusts `roots` when there are any, else what the system trusts.
    ///
    /// # Errors
    /// In words: no root can be read.
    pub(crate) fn new(directory: Url, roots: Option<&str>) -> Result<Self, String> {
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
        // HTTP/1.1: a request that times out takes its connection with it, and the next one tries a
        // new one.
        let connector = builder.https_only().enable_http1().build();
        Ok(Self {
            http: Client::builder(TokioExecutor::new()).build(connector),
            directory,
        })
    }

    /// Whether this address is at the directory's host.
    pub(crate) fn is_ours(&self, url: &str) -> bool {
        Url::parse(url).is_ok_and(|url| url.origin() == self.directory.origin())
    }
}

impl HttpClient for PinnedClient {
    fn request(&self, request: Request<Body>) -> Answered {
        let client = self.clone();
        Box::pin(async move {
            let answered = if client.is_ours(&request.uri().to_string()) {
                tokio::time::timeout(REQUEST, send(&client.http, request))
                    .await
                    .unwrap_or_else(|_| {
                        Err(Failure::Silent(format!(
                            "no answer within {} s",
                            REQUEST.as_secs()
                        )))
                    })
            } else {
                Err(Failure::Foreign(host(request.uri())))
            };
            answered.map_err(|failure| instant_acme::Error::Other(Box::new(failure)))
        })
    }
}

async fn send(
    http: &Client<HttpsConnector<HttpConnector>, Body>,
    request: Request<Body>,
) -> Result<BytesResponse, Failure> {
    let response = http
        .request(request)
        .await
        .map_err(|error| Failure::Silent(error_chain(&error)))?;
    let (parts, body) = response.into_parts();
    let body = Limited::new(body, BODY)
        .collect()
        .await
        .map_err(|error| Failure::Silent(error_chain(&*error)))?
        .to_bytes();
    let status = parts.status.as_u16();
    if status >= 400 {
        let problem = serde_json::from_slice::<Problem>(&body).ok();
        let answer = Answer::new(status, problem.as_ref(), retry_after(&parts.headers));
        // instant-acme takes a new nonce and tries again, twice.
        if !answer.is("badNonce") {
            return Err(Failure::Refused(answer));
        }
    }
    Ok(BytesResponse {
        parts,
        body: Box::new(body),
    })
}

/// RFC 9110 section 10.2.3: seconds, or a date.
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
    let blocks = pem::parse_many(pem).map_err(|error| format!("it is no PEM: {error}"))?;
    for block in blocks
        .into_iter()
        .filter(|block| block.tag() == "CERTIFICATE")
    {
        roots
            .add(CertificateDer::from(block.into_contents()))
            .map_err(|error| format!("a certificate cannot be used: {error}"))?;
    }
    if roots.is_empty() {
        Err("it holds no certificate".to_owned())
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
    async fn no_other_host_is_spoken_to() {
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
                matches!(error.downcast_ref(), Some(Failure::Foreign(_))),
                "{url}: {error}"
            );
        }
        assert!(listener.accept().is_err(), "nobody came");
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
    fn a_root_that_cannot_be_used_is_told() {
        let directory: Url = "https://localhost:1/dir".parse().unwrap();
        for pem in [
            "",
            "hello",
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        ] {
            assert!(
                PinnedClient::new(directory.clone(), Some(pem)).is_err(),
                "{pem}"
            );
        }
    }
}

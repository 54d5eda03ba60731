//! The HTTP client of instant-acme, which sends requests to one origin only. It reads error
//! responses and every Retry-After itself, because instant-acme drops them.

use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::RETRY_AFTER;
use http::{HeaderValue, Request, Uri};
use http_body_util::BodyExt as _;
use instant_acme::{BodyWrapper, BytesResponse, HttpClient, Problem};
use starchart_domain::error::error_chain;
use starchart_https::{HttpsClient, Limits, RequestError, Roots};
use url::Url;

use crate::problem::{ErrorResponse, RequestFailure};
use crate::retry_after::{RequestedWaits, retry_after};

const LIMITS: Limits = Limits {
    time: Duration::from_secs(10),
    body_bytes: 1 << 20,
};

type ResponseFuture =
    Pin<Box<dyn Future<Output = Result<BytesResponse, instant_acme::Error>> + Send>>;

/// Sends requests to the origin of the directory URL and to no other, whatever URL a response or
/// the database contains. This prevents server-side request forgery.
#[derive(Clone)]
pub(crate) struct PinnedClient {
    https: HttpsClient,
    directory_url: Url,
    waits: RequestedWaits,
}

impl PinnedClient {
    /// Creates a client that trusts only `roots` (PEM), or the system's root certificates when it
    /// is `None`.
    ///
    /// # Errors
    /// The reason why no root certificate can be used.
    pub(crate) fn new(directory_url: Url, roots: Option<&str>) -> Result<Self, String> {
        let roots = match roots {
            Some(pem) => Roots::from_pem(pem),
            None => Roots::system(),
        };
        let roots = roots.map_err(|error| error.to_string())?;
        let https = HttpsClient::new(roots, LIMITS).map_err(|error| error.to_string())?;
        Ok(Self {
            https,
            directory_url,
            waits: RequestedWaits::default(),
        })
    }

    /// Whether a URL has the origin of the directory URL.
    pub(crate) fn is_same_origin(&self, url: &str) -> bool {
        Url::parse(url).is_ok_and(|url| url.origin() == self.directory_url.origin())
    }

    /// Fetches the directory, verifies that it is one, and returns the names of the profiles that
    /// it offers.
    pub(crate) async fn fetch_profiles(&self) -> Result<Vec<String>, String> {
        let request = Request::get(self.directory_url.as_str())
            .body(Bytes::new())
            .map_err(|error| error.to_string())?;
        let response = self.https.send(request).await;
        let response = response.map_err(|error| error_chain(&error))?;
        let status = response.status();
        let directory = serde_json::from_slice::<serde_json::Value>(response.body()).ok();
        let directory = directory.filter(|it| it.get("newOrder").is_some());
        let Some(directory) = directory else {
            return Err(format!(
                "the answer is no directory of an ACME server (status {})",
                status.as_u16()
            ));
        };
        let profiles = directory.pointer("/meta/profiles");
        let names = profiles.and_then(|it| it.as_object());
        Ok(names.map_or_else(Vec::new, |it| it.keys().cloned().collect()))
    }

    /// Returns how long the last successful response of this URL asks to wait (Retry-After).
    pub(crate) fn requested_wait(&self, url: &str) -> Option<Duration> {
        self.waits.find(url)
    }

    async fn send(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Result<BytesResponse, RequestFailure> {
        if !self.is_same_origin(&request.uri().to_string()) {
            return Err(RequestFailure::OtherOrigin(host(request.uri())));
        }
        let (parts, body) = request.into_parts();
        let Ok(body) = body.collect().await;
        let url = parts.uri.to_string();
        let request = Request::from_parts(parts, body.to_bytes());
        let response = self.https.send(request).await;
        let response = response.map_err(|error| match error {
            RequestError::Timeout(_) => RequestFailure::TimedOut(error.to_string()),
            error => RequestFailure::NoResponse(error_chain(&error)),
        })?;
        let (mut parts, body) = response.into_parts();
        let status = parts.status.as_u16();
        let retry_after = retry_after(&parts.headers, SystemTime::now());
        self.waits
            .record(&url, retry_after.filter(|_| status < 400));
        // instant-acme reads the header too, and adds any number to the time: that may overflow.
        match retry_after {
            Some(wait) => parts
                .headers
                .insert(RETRY_AFTER, HeaderValue::from(wait.as_secs())),
            None => parts.headers.remove(RETRY_AFTER),
        };
        if status >= 400 {
            let problem = serde_json::from_slice::<Problem>(&body).ok();
            let response = ErrorResponse::new(status, problem.as_ref(), retry_after);
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
}

impl HttpClient for PinnedClient {
    fn request(&self, request: Request<BodyWrapper<Bytes>>) -> ResponseFuture {
        let client = self.clone();
        Box::pin(async move {
            let result = client.send(request).await;
            result.map_err(|failure| instant_acme::Error::Other(Box::new(failure)))
        })
    }
}

fn host(uri: &Uri) -> String {
    uri.host().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests fail by panicking")]
    use std::net::TcpListener;

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
            let request = Request::builder()
                .uri(&url)
                .body(BodyWrapper::default())
                .unwrap();
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
}

//! A proxy between a client and pebble that answers requests with faults.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::Pebble;
use crate::route53::http::{Request, read_request};
use crate::wait::eventually;

/// What happens to a request instead of, or after, what pebble does.
#[derive(Debug, Clone)]
pub enum Fault {
    /// The proxy answers with a problem document (RFC 8555 section 6.7); pebble gets no request.
    Answer {
        /// The HTTP status, also in the problem document.
        status: u16,
        /// The error type, without its prefix `urn:ietf:params:acme:error:`.
        kind: &'static str,
        /// The explanation in the problem document.
        detail: String,
        /// Value of the header `Retry-After`.
        retry_after: Option<String>,
    },
    /// pebble handles the request, and its answer gets this `Retry-After`.
    RetryAfter(String),
    /// The proxy closes the connection; pebble gets no request.
    Drop,
    /// pebble handles the request, and the proxy closes the connection without an answer.
    Lose,
    /// pebble handles the request, and the proxy answers after [`AcmeProxy::release`].
    Hold,
}

impl Fault {
    /// Returns the answer to a client that reached a rate limit: 429 with a `Retry-After`.
    #[must_use]
    pub fn rate_limited(retry_after: Duration) -> Self {
        let seconds = retry_after.as_secs();
        let detail = format!("too many certificates already issued, retry after {seconds} s");
        Self::Answer {
            status: 429,
            kind: "rateLimited",
            detail,
            retry_after: Some(seconds.to_string()),
        }
    }
}

/// A proxy between a client and pebble. Requests are selected by the beginning of their path at
/// pebble: `/dir`, `/nonce-plz`, `/sign-me-up`, `/order-plz` (new order), `/my-order/`, `/authZ/`,
/// `/chalZ/`, `/finalize-order/`, `/certZ/`, `/revoke-cert`. Dropping it stops it.
#[derive(Debug)]
pub struct AcmeProxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: AbortHandle,
}

#[derive(Debug)]
struct Shared {
    pebble: String,
    client: reqwest::Client,
    state: Mutex<State>,
    /// Counts the calls of [`AcmeProxy::release`], for which held answers wait.
    released: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct State {
    down: bool,
    /// The beginning of the path, how many more requests get the fault, and the fault.
    faults: Vec<(String, u64, Fault)>,
    paths: Vec<String>,
    held: usize,
}

impl AcmeProxy {
    /// Starts a proxy for this pebble; its certificate has the same root.
    ///
    /// # Panics
    /// When no port is free.
    pub async fn start(pebble: &Pebble) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener =
            listener.unwrap_or_else(|error| panic!("no free port on 127.0.0.1: {error}"));
        let address = listener
            .local_addr()
            .unwrap_or_else(|error| panic!("no address: {error}"));
        let shared = Arc::new(Shared {
            pebble: format!("https://localhost:{}", pebble.port),
            client: pebble.identity.client(),
            state: Mutex::default(),
            released: watch::channel(0).0,
        });
        let acceptor = TlsAcceptor::from(pebble.identity.server());
        let task = tokio::spawn(serve(listener, acceptor, Arc::clone(&shared))).abort_handle();
        Self {
            address,
            shared,
            task,
        }
    }

    /// Returns the value for LETS_ENCRYPT_DIRECTORY_URL; ACME_CA_ROOT_PATH is pebble's.
    #[must_use]
    pub fn directory(&self) -> String {
        format!("https://localhost:{}/dir", self.address.port())
    }

    /// Closes every connection at once if `down` is true, until it is called with false.
    pub fn down(&self, down: bool) {
        self.shared.lock().down = down;
    }

    /// Answers the next `times` requests whose path begins with `path` with `fault`.
    pub fn fail(&self, path: &str, times: u64, fault: Fault) {
        self.shared
            .lock()
            .faults
            .push((path.to_owned(), times, fault));
    }

    /// Ends all faults, and sends held answers.
    pub fn clear_faults(&self) {
        let mut state = self.shared.lock();
        state.down = false;
        state.faults.clear();
        drop(state);
        self.release();
    }

    /// Waits until at least `count` answers are held.
    ///
    /// # Panics
    /// When fewer are held after [`WAIT_LIMIT`](crate::wait::WAIT_LIMIT).
    pub async fn until_held(&self, count: usize) {
        eventually("answers to be held", async || {
            let held = self.shared.lock().held;
            if held >= count { Ok(()) } else { Err(held) }
        })
        .await;
    }

    /// Sends the answers that are held.
    pub fn release(&self) {
        self.shared.released.send_modify(|count| *count += 1);
    }

    /// Returns how many requests had a path that begins with `path`, with or without a fault.
    #[must_use]
    pub fn count(&self, path: &str) -> usize {
        self.shared
            .lock()
            .paths
            .iter()
            .filter(|seen| seen.starts_with(path))
            .count()
    }
}

impl Drop for AcmeProxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records the request, and uses the first fault for its path.
    fn fault_for(&self, path: &str) -> Option<Fault> {
        let mut state = self.lock();
        state.paths.push(path.to_owned());
        if state.down {
            return Some(Fault::Drop);
        }
        let (_, times, fault) = state
            .faults
            .iter_mut()
            .find(|(start, times, _)| *times > 0 && path.starts_with(start.as_str()))?;
        *times -= 1;
        Some(fault.clone())
    }

    /// Waits for the next release.
    async fn hold(&self) {
        let mut released = self.released.subscribe();
        self.lock().held += 1;
        let _ = released.changed().await;
        self.lock().held -= 1;
    }

    /// Sends the request to pebble and returns its answer as bytes for the connection.
    async fn forward(&self, request: Request, retry_after: Option<&str>) -> Option<Vec<u8>> {
        let method = reqwest::Method::from_bytes(request.method.as_bytes()).ok()?;
        let mut forwarded = self
            .client
            .request(method, format!("{}{}", self.pebble, request.path));
        // pebble writes URLs with the host in the request, which must be the proxy's.
        for name in ["host", "content-type", "user-agent"] {
            if let Some(value) = request.header(name) {
                forwarded = forwarded.header(name, value);
            }
        }
        let answer = forwarded.body(request.body).send().await.ok()?;
        let mut head = format!("HTTP/1.1 {} -\r\n", answer.status().as_u16());
        let own = if retry_after.is_none() {
            "retry-after"
        } else {
            ""
        };
        for name in ["content-type", "replay-nonce", "location", "link", own] {
            for value in answer.headers().get_all(name) {
                head += &format!("{name}: {}\r\n", value.to_str().ok()?);
            }
        }
        if let Some(value) = retry_after {
            head += &format!("retry-after: {value}\r\n");
        }
        let body = answer.bytes().await.ok()?;
        let length = if request.method == "HEAD" {
            0
        } else {
            body.len()
        };
        head += &format!("content-length: {length}\r\n\r\n");
        Some([head.as_bytes(), &body[..length]].concat())
    }
}

async fn serve(listener: TcpListener, acceptor: TlsAcceptor, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => if let Ok((stream, _)) = accepted {
                if shared.lock().down {
                    continue;
                }
                let acceptor = acceptor.clone();
                let shared = Arc::clone(&shared);
                connections.spawn(async move {
                    if let Ok(stream) = acceptor.accept(stream).await {
                        connection(stream, &shared).await;
                    }
                });
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection(mut stream: TlsStream<TcpStream>, shared: &Shared) {
    let mut buffer = Vec::new();
    while let Ok(Some(request)) = read_request(&mut stream, &mut buffer).await {
        let answer = match shared.fault_for(&request.path) {
            None => shared.forward(request, None).await,
            Some(Fault::RetryAfter(value)) => shared.forward(request, Some(&value)).await,
            Some(Fault::Answer {
                status,
                kind,
                detail,
                retry_after,
            }) => {
                let retry_after = retry_after.as_deref();
                Some(refusal(&request.method, status, kind, &detail, retry_after))
            }
            Some(Fault::Drop) => None,
            Some(Fault::Lose) => {
                let _ = shared.forward(request, None).await;
                None
            }
            Some(Fault::Hold) => {
                let answer = shared.forward(request, None).await;
                shared.hold().await;
                answer
            }
        };
        let Some(answer) = answer else { return };
        if stream.write_all(&answer).await.is_err() || stream.flush().await.is_err() {
            return;
        }
    }
}

/// Writes an answer with a problem document (RFC 7807).
fn refusal(
    method: &str,
    status: u16,
    kind: &str,
    detail: &str,
    retry_after: Option<&str>,
) -> Vec<u8> {
    let urn = format!("urn:ietf:params:acme:error:{kind}");
    let body = serde_json::json!({ "type": urn, "detail": detail, "status": status }).to_string();
    let body = if method == "HEAD" { "" } else { &body };
    let retry_after =
        retry_after.map_or_else(String::new, |value| format!("retry-after: {value}\r\n"));
    let head =
        format!("HTTP/1.1 {status} -\r\ncontent-type: application/problem+json\r\n{retry_after}");
    format!("{head}content-length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

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
use super::answer::{Answer, header};
use super::extensions::{Extensions, RenewalAnswer};
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
    /// The begin of the proxy's URLs.
    origin: String,
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
    extensions: Extensions,
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
            origin: format!("https://localhost:{}", address.port()),
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

    /// Offers renewal information (RFC 9773) in the directory, with this answer for every
    /// certificate, and accepts orders that replace one.
    pub fn offer_renewal_info(&self, answer: RenewalAnswer) {
        self.shared.lock().extensions.renewal_answer = Some(answer);
    }

    /// Leaves out of orders which certificate they replace, as RFC 9773 forbids.
    pub fn hide_replaces(&self) {
        self.shared.lock().extensions.hides_replaces = true;
    }

    /// Returns the identifiers of the certificates that orders replace.
    #[must_use]
    pub fn replaced(&self) -> Vec<String> {
        self.shared.lock().extensions.replaced()
    }

    /// Offers these profiles in the directory and refuses orders with another one.
    pub fn offer_profiles<const N: usize>(&self, profiles: [&str; N]) {
        self.shared.lock().extensions.profiles = profiles.map(str::to_owned).into();
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

    /// Sends the request to pebble, unless the proxy answers it, and completes pebble's answer.
    async fn forward(&self, request: &Request) -> Option<Answer> {
        if let Some(answer) = self.lock().extensions.answer(request) {
            return Some(answer);
        }
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
        let response = forwarded.body(request.body.clone()).send().await.ok()?;
        let mut headers = Vec::new();
        for name in [
            "content-type",
            "replay-nonce",
            "location",
            "link",
            "retry-after",
        ] {
            for value in response.headers().get_all(name) {
                headers.push(header(name, value.to_str().ok()?));
            }
        }
        let mut answer = Answer {
            status: response.status().as_u16(),
            headers,
            body: response.bytes().await.ok()?.to_vec(),
        };
        let mut state = self.lock();
        state
            .extensions
            .complete(request, &self.origin, &mut answer);
        Some(answer)
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
            None => shared.forward(&request).await,
            Some(Fault::RetryAfter(value)) => shared.forward(&request).await.map(|mut answer| {
                answer.headers.retain(|(name, _)| name != "retry-after");
                answer.headers.push(header("retry-after", &value));
                answer
            }),
            Some(Fault::Answer {
                status,
                kind,
                detail,
                retry_after,
            }) => Some(Answer::problem(
                status,
                kind,
                &detail,
                retry_after.as_deref(),
            )),
            Some(Fault::Drop) => None,
            Some(Fault::Lose) => {
                let _ = shared.forward(&request).await;
                None
            }
            Some(Fault::Hold) => {
                let answer = shared.forward(&request).await;
                shared.hold().await;
                answer
            }
        };
        let Some(answer) = answer else { return };
        let bytes = answer.into_bytes(&request.method);
        if stream.write_all(&bytes).await.is_err() || stream.flush().await.is_err() {
            return;
        }
    }
}

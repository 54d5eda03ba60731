//! An HTTPS server in the test's process, whose answers the test decides.

use std::net::Ipv4Addr;
use std::sync::Arc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

use crate::route53::http::read_request;
use crate::tls::Identity;

/// What the server does with a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It responds with this status and body.
    Response(u16, String),
    /// It closes the connection.
    Close,
    /// It sends nothing, and keeps the connection open.
    Silence,
}

/// An HTTPS server on a free port of loopback. Dropping it stops it.
#[derive(Debug)]
pub struct HttpsServer {
    port: u16,
    task: AbortHandle,
}

impl HttpsServer {
    /// Starts one with the certificate of `identity`; `answer` gets the body of each request.
    ///
    /// # Panics
    /// When no port is free.
    pub async fn start(
        identity: &Identity,
        answer: impl Fn(&str) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = listener.unwrap_or_else(|error| panic!("no free port: {error}"));
        let address = listener.local_addr();
        let port = address.map_or_else(|error| panic!("no address: {error}"), |it| it.port());
        let acceptor = TlsAcceptor::from(identity.server());
        let task = tokio::spawn(serve(listener, acceptor, Arc::new(answer))).abort_handle();
        Self { port, task }
    }

    /// Returns the URL of a path.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.port)
    }
}

impl Drop for HttpsServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve<F>(listener: TcpListener, acceptor: TlsAcceptor, answer: Arc<F>)
where
    F: Fn(&str) -> Answer + Send + Sync + 'static,
{
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let acceptor = acceptor.clone();
        let answer = Arc::clone(&answer);
        connections.spawn(async move { connection(stream, &acceptor, &*answer).await });
    }
}

async fn connection(stream: TcpStream, acceptor: &TlsAcceptor, answer: impl Fn(&str) -> Answer) {
    let Ok(mut stream) = acceptor.accept(stream).await else {
        return;
    };
    let mut buffer = Vec::new();
    while let Ok(Some(request)) = read_request(&mut stream, &mut buffer).await {
        match answer(&String::from_utf8_lossy(&request.body)) {
            Answer::Response(status, body) => {
                let length = body.len();
                let whole =
                    format!("HTTP/1.1 {status} -\r\ncontent-length: {length}\r\n\r\n{body}");
                if stream.write_all(whole.as_bytes()).await.is_err() {
                    return;
                }
            }
            Answer::Close => return,
            Answer::Silence => {
                let _ = stream.read(&mut [0; 1]).await;
                return;
            }
        }
    }
}

//! A minimal HTTP/1.1 server (RFC 9112), which can also withhold an answer or drop the connection.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// The largest head of a request, in bytes.
const LONGEST_HEAD: usize = 64 * 1024;
/// The largest body of a request, in bytes.
const LONGEST_BODY: usize = 16 * 1024 * 1024;
/// How long a connection without an answer stays open.
const SILENCE: Duration = Duration::from_secs(300);

#[derive(Debug, Default)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    /// Name and value of each header; names are in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }
}

/// How the server replies to a request.
#[derive(Debug)]
pub(crate) enum Reply {
    Answer {
        status: u16,
        kind: &'static str,
        request_id: String,
        body: String,
    },
    /// The connection is closed without an answer.
    Drop,
    /// The connection stays open without an answer until the client gives up.
    Silence,
}

/// Serves connections until the task is aborted.
pub(crate) async fn serve<H, F>(listener: TcpListener, handler: Arc<H>)
where
    H: Fn(Request) -> F + Send + Sync + 'static,
    F: Future<Output = Reply> + Send + 'static,
{
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connection(stream, Arc::clone(&handler)));
                }
                Err(error) => {
                    tracing::warn!(%error, "accept");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection<H, F>(mut stream: TcpStream, handler: Arc<H>)
where
    H: Fn(Request) -> F,
    F: Future<Output = Reply>,
{
    let mut buffer = Vec::new();
    // An error of the connection ends it; the client sees that, too.
    while let Ok(Some(request)) = read_request(&mut stream, &mut buffer).await {
        match handler(request).await {
            Reply::Answer {
                status,
                kind,
                request_id,
                body,
            } => {
                let head = format!(
                    "HTTP/1.1 {status} {}\r\n\
                     Content-Type: {kind}\r\n\
                     Content-Length: {}\r\n\
                     x-amzn-RequestId: {request_id}\r\n\r\n",
                    if status < 400 { "OK" } else { "Error" },
                    body.len()
                );
                let whole = [head.into_bytes(), body.into_bytes()].concat();
                if stream.write_all(&whole).await.is_err() {
                    return;
                }
            }
            Reply::Drop => return,
            Reply::Silence => {
                let _ = tokio::time::timeout(SILENCE, stream.read(&mut [0; 1])).await;
                return;
            }
        }
    }
}

/// Reads the next request; returns `None` when the client has closed the connection.
pub(crate) async fn read_request<S>(
    stream: &mut S,
    buffer: &mut Vec<u8>,
) -> io::Result<Option<Request>>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let end = loop {
        if let Some(end) = buffer.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
        if buffer.len() > LONGEST_HEAD {
            return Err(io::Error::other("the head is too long"));
        }
        if stream.read_buf(buffer).await? == 0 {
            return Ok(None);
        }
    };
    let rest = buffer.split_off(end + 4);
    let head = String::from_utf8_lossy(&std::mem::replace(buffer, rest)).into_owned();
    let mut request = read_head(&head).ok_or_else(|| io::Error::other("not a request"))?;
    if request.header("transfer-encoding").is_some() {
        return Err(io::Error::other("chunked bodies are not read"));
    }
    let length = request
        .header("content-length")
        .map_or(Ok(0), str::parse)
        .map_err(io::Error::other)?;
    if length > LONGEST_BODY {
        return Err(io::Error::other("the body is too long"));
    }
    if request.header("expect").is_some() {
        stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
    }
    while buffer.len() < length {
        if stream.read_buf(buffer).await? == 0 {
            return Ok(None);
        }
    }
    let rest = buffer.split_off(length);
    request.body = std::mem::replace(buffer, rest);
    Ok(Some(request))
}

fn read_head(head: &str) -> Option<Request> {
    let mut lines = head.split("\r\n");
    let mut first = lines.next()?.split(' ');
    let method = first.next()?.to_owned();
    let target = first.next()?;
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let headers = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    Some(Request {
        method,
        path: path.into(),
        query: query.into(),
        headers,
        body: Vec::new(),
    })
}

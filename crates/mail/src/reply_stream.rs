//! Rewrites the replies of a mail server to the form that lettre parses.
//!
//! RFC 5321 permits more than lettre 0.11.23 reads: keywords of EHLO in any case (section 4.1.1.1),
//! and a reply of three digits only (section 4.2). Servers also send texts in Latin-1, lines longer
//! than lettre's limit, `AUTH=` and codes like 571. lettre fails on each of them.

use std::collections::VecDeque;
use std::fmt::{self, Display};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use lettre::transport::smtp::client::AsyncTokioStream;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};

/// Bytes kept of a line; lettre refuses lines longer than 1,000 bytes.
const MAX_LINE: usize = 900;
/// Bytes kept of a reply that is read without lettre.
const MAX_REPLY: usize = 64 * 1024;

/// Replies, line by line.
#[derive(Default)]
struct ReplyRewriter {
    /// The line that has begun.
    line: Vec<u8>,
    /// Rewritten lines, not yet read.
    ready: VecDeque<u8>,
    /// Whether the reply is to EHLO.
    is_ehlo: bool,
    is_first_line: bool,
}

impl ReplyRewriter {
    fn feed(&mut self, bytes: &[u8]) {
        for byte in bytes {
            if *byte == b'\n' {
                let line = std::mem::take(&mut self.line);
                let text = String::from_utf8_lossy(&line);
                let line = self.rewrite(shorten(text.trim_end_matches('\r')));
                self.ready.extend(line.as_bytes());
                self.ready.extend(b"\r\n");
            } else if self.line.len() < MAX_LINE {
                self.line.push(*byte);
            }
        }
    }

    /// Rewrites a line. One that is no reply stays as it is, so that lettre says so.
    fn rewrite(&mut self, line: &str) -> String {
        let Some((code, rest)) = line
            .split_at_checked(3)
            .filter(|(code, _)| code.bytes().all(|byte| byte.is_ascii_digit()))
        else {
            return line.to_owned();
        };
        let (separator, text) = match rest.split_at_checked(1) {
            None => (" ", ""),
            Some((separator @ (" " | "-"), text)) => (separator, text),
            Some(_) => return line.to_owned(),
        };
        let is_first_line = !std::mem::replace(&mut self.is_first_line, separator == "-");
        let text = if self.is_ehlo && code == "250" {
            ehlo_line(text, is_first_line)
        } else {
            text.to_owned()
        };
        if separator == " " {
            self.is_ehlo = false;
        }
        match known_code(code) {
            Some(known) => format!("{known}{separator}{code} {text}"),
            None => format!("{code}{separator}{text}"),
        }
    }
}

/// The first line names the server, which lettre demands; each other line begins with a keyword.
fn ehlo_line(text: &str, is_first_line: bool) -> String {
    if is_first_line {
        let name = text.trim();
        return if name.is_empty() { "unnamed" } else { name }.to_owned();
    }
    // `AUTH=LOGIN` is the form of a draft before RFC 4954.
    let text = text.to_ascii_uppercase();
    match text.strip_prefix("AUTH=") {
        Some(mechanisms) => format!("AUTH {mechanisms}"),
        None => text,
    }
}

/// Returns the code that stands for one that lettre does not know. The first digit decides
/// (RFC 5321 section 4.2.1); lettre knows a second digit up to 5.
fn known_code(code: &str) -> Option<&'static str> {
    let bytes = code.as_bytes();
    match (bytes.first(), bytes.get(1)) {
        (_, Some(b'0'..=b'5')) => None,
        (Some(b'2'), _) => Some("250"),
        (Some(b'4'), _) => Some("451"),
        (Some(b'5'), _) => Some("554"),
        _ => None,
    }
}

fn shorten(text: &str) -> &str {
    let mut end = text.len().min(MAX_LINE);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// A connection whose replies are rewritten; what is written passes unchanged.
pub(crate) struct ReplyStream<S> {
    inner: S,
    peer: SocketAddr,
    replies: ReplyRewriter,
}

impl<S: AsyncRead + AsyncWrite + Unpin> ReplyStream<S> {
    pub(crate) fn new(inner: S, peer: SocketAddr) -> Self {
        Self {
            inner,
            peer,
            replies: ReplyRewriter::default(),
        }
    }

    /// As [`Self::new`], with a greeting before the server's first reply: lettre waits for one, and
    /// after STARTTLS the server sends none.
    pub(crate) fn with_greeting(inner: S, peer: SocketAddr) -> Self {
        let mut stream = Self::new(inner, peer);
        stream.replies.feed(b"220 STARTTLS\r\n");
        stream
    }

    /// Sends a command and returns the reply.
    pub(crate) async fn command(&mut self, command: impl Display) -> io::Result<String> {
        self.write_all(command.to_string().as_bytes()).await?;
        self.flush().await?;
        self.reply().await
    }

    /// Returns the next reply, with all its lines.
    pub(crate) async fn reply(&mut self) -> io::Result<String> {
        let mut reply = Vec::new();
        let mut line_start = 0;
        while reply.len() < MAX_REPLY {
            let byte = self.read_u8().await?;
            reply.push(byte);
            if byte == b'\n' {
                if reply.get(line_start + 3) != Some(&b'-') {
                    return Ok(String::from_utf8_lossy(&reply).into_owned());
                }
                line_start = reply.len();
            }
        }
        Err(io::Error::other("the reply is too long"))
    }

    /// Returns the connection, or `None` when the server has sent more than was read.
    pub(crate) fn into_inner(self) -> Option<S> {
        let is_read = self.replies.ready.is_empty() && self.replies.line.is_empty();
        is_read.then_some(self.inner)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for ReplyStream<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        while this.replies.ready.is_empty() {
            let mut chunk = [0; 1024];
            let mut read = ReadBuf::new(&mut chunk);
            ready!(Pin::new(&mut this.inner).poll_read(context, &mut read))?;
            if read.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
            this.replies.feed(read.filled());
        }
        let (bytes, _) = this.replies.ready.as_slices();
        let count = bytes.len().min(buffer.remaining());
        buffer.put_slice(&bytes[..count]);
        this.replies.ready.drain(..count);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for ReplyStream<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if bytes.starts_with(b"EHLO ") {
            this.replies.is_ehlo = true;
        }
        Pin::new(&mut this.inner).poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_shutdown(context)
    }
}

impl<S> fmt::Debug for ReplyStream<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "ReplyStream({})", self.peer)
    }
}

impl<S> AsyncTokioStream for ReplyStream<S>
where
    S: AsyncRead + AsyncWrite + Send + Sync + Unpin,
{
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.peer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rewritten(is_ehlo: bool, sent: &[u8]) -> String {
        let mut replies = ReplyRewriter {
            is_ehlo,
            ..ReplyRewriter::default()
        };
        // In two parts, as the network may deliver it.
        let (first, second) = sent.split_at(sent.len() / 2);
        replies.feed(first);
        replies.feed(second);
        let bytes: Vec<u8> = replies.ready.into_iter().collect();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    #[test]
    fn a_reply_is_rewritten_to_what_lettre_parses() {
        for (sent, expected) in [
            (&b"250 OK\r\n"[..], "250 OK\r\n"),
            (b"250\r\n", "250 \r\n"),
            (b"220\r\n", "220 \r\n"),
            (b"354\n", "354 \r\n"),
            (b"250-one\r\n250\r\n", "250-one\r\n250 \r\n"),
            (b"250-\r\n250 two\r\n", "250-\r\n250 two\r\n"),
            (
                b"550 M\xfcller unbekannt\r\n",
                "550 M\u{fffd}ller unbekannt\r\n",
            ),
            ("550 Müller\r\n".as_bytes(), "550 Müller\r\n"),
            (b"571 5.7.1 not here\r\n", "554 571 5.7.1 not here\r\n"),
            (b"490-a\r\n490 b\r\n", "451-490 a\r\n451 490 b\r\n"),
            (b"270\r\n", "250 270 \r\n"),
            (b"auth plain\r\n", "auth plain\r\n"),
            (
                b"HTTP/1.1 400 Bad Request\r\n",
                "HTTP/1.1 400 Bad Request\r\n",
            ),
            (b"2501 no reply\r\n", "2501 no reply\r\n"),
            (b"250 auth plain\r\n", "250 auth plain\r\n"),
            (b"no end of line", ""),
        ] {
            let name = String::from_utf8_lossy(sent);
            assert_eq!(rewritten(false, sent), expected, "{name:?}");
        }
    }

    #[test]
    fn a_reply_to_ehlo_has_a_name_and_keywords_in_upper_case() {
        for (sent, expected) in [
            (
                &b"250-mail.school.example\r\n250-Auth plain Login\r\n250 starttls\r\n"[..],
                "250-mail.school.example\r\n250-AUTH PLAIN LOGIN\r\n250 STARTTLS\r\n",
            ),
            (
                b"250-x\r\n250 AUTH=LOGIN PLAIN\r\n",
                "250-x\r\n250 AUTH LOGIN PLAIN\r\n",
            ),
            (b"250-x\r\n250 smtpUTF8\r\n", "250-x\r\n250 SMTPUTF8\r\n"),
            (
                b"250-x\r\n250-\r\n250 8bitmime\r\n",
                "250-x\r\n250-\r\n250 8BITMIME\r\n",
            ),
            (b"250-\r\n250 help\r\n", "250-unnamed\r\n250 HELP\r\n"),
            (b"250\r\n", "250 unnamed\r\n"),
            (b"502 not here\r\n", "502 not here\r\n"),
            // Only the reply to EHLO.
            (
                b"250 x\r\n250 auth plain\r\n",
                "250 x\r\n250 auth plain\r\n",
            ),
        ] {
            let name = String::from_utf8_lossy(sent);
            assert_eq!(rewritten(true, sent), expected, "{name:?}");
        }
    }

    #[test]
    fn a_long_line_is_shortened() {
        for byte in [b"a", &b"\xfc"[..]] {
            let sent = [b"550 ", byte.repeat(5_000).as_slice(), b"\r\n550 next\r\n"].concat();
            let lines = rewritten(false, &sent);
            let (first, next) = lines.split_once("\r\n").unwrap_or_default();
            assert!((800..=MAX_LINE).contains(&first.len()), "{}", first.len());
            assert_eq!(next, "550 next\r\n");
        }
    }
}

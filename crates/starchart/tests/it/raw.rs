//! Requests that HTTP clients do not send, written to the socket.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;

use starchart_testkit::wait::WAIT_LIMIT;

/// The result of an exchange.
#[derive(Debug)]
pub struct Exchange {
    /// Everything that the server sent until it closed the connection.
    pub answer: Vec<u8>,
}

impl Exchange {
    /// Returns the response as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.answer).into_owned()
    }

    /// Returns the status of the response, or 0 if the server closed the connection without one.
    pub fn status(&self) -> u16 {
        self.text()
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok())
            .unwrap_or_default()
    }
}

/// Sends `head`, then at most `times` times `piece`, and reads until the server closes the
/// connection.
pub async fn exchange(port: u16, head: String, piece: Vec<u8>, times: usize) -> Exchange {
    tokio::task::spawn_blocking(move || talk(port, &head, &piece, times))
        .await
        .unwrap()
}

fn talk(port: u16, head: &str, piece: &[u8], times: usize) -> Exchange {
    let limit = Some(WAIT_LIMIT);
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(limit).unwrap();
    stream.set_write_timeout(limit).unwrap();
    let mut reader = stream.try_clone().unwrap();
    let reading = std::thread::spawn(move || {
        let mut answer = Vec::new();
        let mut part = [0; 4096];
        // A reset after the response is an end, too.
        loop {
            match reader.read(&mut part) {
                Ok(0) => return answer,
                Ok(count) => answer.extend_from_slice(&part[..count]),
                Err(error) => {
                    let is_open =
                        matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut);
                    assert!(!is_open, "the server did not close the connection");
                    return answer;
                }
            }
        }
    });
    let mut sent = 0;
    if stream.write_all(head.as_bytes()).is_ok() {
        while sent < times && stream.write_all(piece).is_ok() {
            sent += 1;
        }
    }
    let answer = reading.join().unwrap();
    Exchange { answer }
}

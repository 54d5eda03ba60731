//! Requests that no HTTP client sends: written byte by byte onto the socket.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// What came of an exchange.
#[derive(Debug)]
pub struct Exchange {
    /// All that the server sent until it closed the connection.
    pub answer: Vec<u8>,
    /// From the first octet sent to the first one received.
    pub answered: Duration,
    /// To the end of the connection.
    pub took: Duration,
}

impl Exchange {
    /// The answer as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.answer).into_owned()
    }

    /// The status of the answer; 0 when the server only closed the connection.
    pub fn status(&self) -> u16 {
        self.text()
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok())
            .unwrap_or_default()
    }
}

/// Sends `head`, then at most `times` times `piece`, and reads until the server closes or 20 s have
/// passed.
pub async fn exchange(port: u16, head: String, piece: Vec<u8>, times: usize) -> Exchange {
    tokio::task::spawn_blocking(move || talk(port, &head, &piece, times))
        .await
        .unwrap()
}

fn talk(port: u16, head: &str, piece: &[u8], times: usize) -> Exchange {
    let limit = Some(Duration::from_secs(20));
    let started = Instant::now();
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(limit).unwrap();
    stream.set_write_timeout(limit).unwrap();
    let mut reader = stream.try_clone().unwrap();
    let reading = std::thread::spawn(move || {
        let (mut answer, mut answered, mut part) = (Vec::new(), Duration::MAX, [0; 4096]);
        // A reset after the answer is an end too.
        while let Ok(count) = reader.read(&mut part)
            && count > 0
        {
            answered = answered.min(started.elapsed());
            answer.extend_from_slice(&part[..count]);
        }
        (answer, answered)
    });
    let mut pieces = 0;
    if stream.write_all(head.as_bytes()).is_ok() {
        while pieces < times && stream.write_all(piece).is_ok() {
            pieces += 1;
        }
    }
    let (answer, answered) = reading.join().unwrap();
    Exchange {
        answer,
        answered,
        took: started.elapsed(),
    }
}

//! A real Redis that a test can stop, start, flush and freeze.

use std::path::{Path, PathBuf};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::server::{Server, free_port, scratch};
use crate::tls::Identity;

/// A private Redis on loopback, without persistence: a restart loses every key, and Starchart must
/// work on. Like in production it refuses writes rather than evict keys.
#[derive(Debug)]
pub struct Redis {
    server: Option<Server>,
    port: u16,
}

impl Redis {
    /// Starts one on a free port.
    ///
    /// # Panics
    /// When it is not installed, or does not answer.
    pub async fn start() -> Self {
        let mut redis = Self::absent();
        redis.resume().await;
        redis
    }

    /// Reserves a port on which no Redis runs yet; [`Redis::resume`] starts it.
    ///
    /// # Panics
    /// When loopback has no free port.
    #[must_use]
    pub fn absent() -> Self {
        Self {
            server: None,
            port: free_port(),
        }
    }

    /// Returns the value for REDIS_URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Kills it: connections break, and every key is lost.
    pub fn stop(&mut self) {
        self.server = None;
    }

    /// Starts it again, empty, on the same port.
    ///
    /// # Panics
    /// When it does not answer.
    pub async fn resume(&mut self) {
        let port = self.port;
        self.serve(port, scratch("redis"), &[]).await;
    }

    async fn serve(&mut self, port: u16, dir: PathBuf, more: &[&str]) {
        let mut server = Server::start(dir, "redis-server", |command| {
            command
                .args([
                    "--port",
                    &port.to_string(),
                    "--bind",
                    "127.0.0.1",
                    "--save",
                    "",
                    "--appendonly",
                    "no",
                ])
                .args(more);
            command.args([
                "--maxmemory",
                "256mb",
                "--maxmemory-policy",
                "noeviction",
                "--enable-debug-command",
                "yes",
            ]);
        });
        server
            .wait_until(async || {
                ask(port, &["PING"])
                    .await
                    .is_ok_and(|answer| answer == "+PONG")
            })
            .await;
        self.server = Some(server);
    }

    /// Stops it and starts it again at once.
    ///
    /// # Panics
    /// When it does not answer.
    pub async fn restart(&mut self) {
        self.stop();
        self.resume().await;
    }

    /// Removes every key; connections stay.
    ///
    /// # Panics
    /// When it does not answer.
    pub async fn flush(&self) {
        assert_eq!(self.command(&["FLUSHALL"]).await, "+OK");
    }

    /// Suspends the process: connections stay open without answers until [`Redis::thaw`].
    ///
    /// # Panics
    /// When it does not run.
    pub fn freeze(&self) {
        self.signal("STOP");
    }

    /// Ends [`Redis::freeze`]: the process continues.
    ///
    /// # Panics
    /// When it does not run.
    pub fn thaw(&self) {
        self.signal("CONT");
    }

    fn signal(&self, name: &str) {
        let server = self.server.as_ref();
        server
            .unwrap_or_else(|| panic!("no Redis runs"))
            .signal(name);
    }

    /// Sends a command and returns the answer as in the Redis protocol (`+OK`, `:1`, `$-1`), a
    /// string without its length line.
    ///
    /// # Panics
    /// When it does not answer.
    pub async fn command(&self, words: &[&str]) -> String {
        ask(self.port, words)
            .await
            .unwrap_or_else(|error| panic!("redis: {words:?}: {error}"))
    }

    /// Sends a command and returns the number that it answers.
    ///
    /// # Panics
    /// When the answer is no number.
    pub async fn number(&self, words: &[&str]) -> i64 {
        let answer = self.command(words).await;
        let number = answer
            .strip_prefix(':')
            .and_then(|number| number.parse().ok());
        number.unwrap_or_else(|| panic!("redis: {words:?}: {answer}"))
    }
}

/// A Redis with a TLS port as well; its certificate for localhost is from a generated CA.
#[derive(Debug)]
pub struct TlsRedis {
    /// The same server on its port without TLS.
    pub plain: Redis,
    port: u16,
    root: PathBuf,
}

impl TlsRedis {
    /// Starts one on free ports.
    ///
    /// # Panics
    /// When it is not installed, or does not answer.
    pub async fn start() -> Self {
        let mut plain = Redis::absent();
        let port = free_port();
        let dir = scratch("redis");
        let identity = Identity::generate(&dir);
        let certificate = identity.certificate_path().display().to_string();
        let key = identity.key_path().display().to_string();
        let tls = [
            "--tls-port",
            &port.to_string(),
            "--tls-cert-file",
            &certificate,
            "--tls-key-file",
            &key,
        ];
        plain
            .serve(
                plain.port,
                dir,
                &[
                    &tls[..],
                    &[
                        "--tls-auth-clients",
                        "no",
                        "--tls-ca-cert-file",
                        &certificate,
                    ],
                ]
                .concat(),
            )
            .await;
        Self {
            plain,
            port,
            root: identity.root_path().to_owned(),
        }
    }

    /// Returns the value for REDIS_URL, with TLS.
    #[must_use]
    pub fn url(&self) -> String {
        format!("rediss://localhost:{}", self.port)
    }

    /// Returns the path of the CA's certificate (PEM).
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }
}

async fn ask(port: u16, words: &[&str]) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    let mut request = format!("*{}\r\n", words.len());
    for word in words {
        request.push_str(&format!("${}\r\n{word}\r\n", word.len()));
    }
    // QUIT closes the connection, so that the answer can be read to its end.
    request.push_str("*1\r\n$4\r\nQUIT\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let answer = answer.strip_suffix("+OK\r\n").unwrap_or(&answer).trim_end();
    Ok(
        match answer
            .strip_prefix('$')
            .and_then(|rest| rest.split_once("\r\n"))
        {
            Some((_, text)) => text.to_owned(),
            None => answer.to_owned(),
        },
    )
}

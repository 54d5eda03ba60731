//! A mail server for submission (RFC 6409): aiosmtpd with TLS and AUTH. A test changes its answers
//! while it runs: the server reads them from the file `knobs.json` for each command.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::Mutex;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::environment::variable;
use crate::server::{Server, free_port, scratch};
use crate::tls::Identity;

/// The variable that names a Python with aiosmtpd.
pub const PYTHON: &str = "STARCHART_TEST_AIOSMTPD";

/// The user name that may send mail.
pub const USER: &str = "starchart@school.example";
/// The password of [`USER`], which is no secret.
pub const PASSWORD: &str = "a password for tests";
/// The OAuth 2.0 access token of [`USER`], which is no secret.
pub const TOKEN: &str = "a-token-for-tests";

/// A mail that the server accepted.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ReceivedMail {
    /// The sender in the envelope.
    pub envelope_from: String,
    /// The recipients in the envelope.
    pub envelope_to: Vec<String>,
    /// The header `From`, decoded (RFC 2047).
    pub from: String,
    /// The header `To`, decoded (RFC 2047).
    pub to: String,
    /// The header `Subject`, decoded (RFC 2047).
    pub subject: String,
    /// The header `Message-ID`, with its angle brackets.
    pub message_id: String,
    /// The text, without transfer encoding.
    pub body: String,
    /// The whole mail as the client sent it.
    pub raw: String,
}

/// A mail server on loopback. Its mailbox survives [`Smtp::stop`].
#[derive(Debug)]
pub struct Smtp {
    server: Mutex<Option<Server>>,
    folder: tempfile::TempDir,
    identity: Identity,
    port: u16,
    mode: &'static str,
    knobs: Mutex<BTreeMap<String, Value>>,
}

impl Smtp {
    /// Starts one that requires STARTTLS (RFC 3207).
    ///
    /// # Panics
    /// When it is not installed, or does not answer.
    pub async fn start() -> Self {
        Self::in_mode("starttls").await
    }

    /// Starts one with TLS from the first byte (RFC 8314).
    ///
    /// # Panics
    /// When it is not installed, or does not answer.
    pub async fn start_tls() -> Self {
        Self::in_mode("tls").await
    }

    async fn in_mode(mode: &'static str) -> Self {
        let folder =
            tempfile::tempdir().unwrap_or_else(|error| panic!("no folder for mails: {error}"));
        fs::create_dir(folder.path().join("mails"))
            .unwrap_or_else(|error| panic!("no folder for mails: {error}"));
        let knobs = [("user", USER), ("password", PASSWORD), ("token", TOKEN)];
        let knobs = knobs
            .map(|(name, value)| (name.to_owned(), json!(value)))
            .into();
        let smtp = Self {
            server: Mutex::new(None),
            identity: Identity::generate(folder.path()),
            folder,
            port: free_port(),
            mode,
            knobs: Mutex::new(knobs),
        };
        smtp.set(|_| {});
        smtp.resume().await;
        smtp
    }

    /// Returns the value for SMTP_PORT; SMTP_HOST is localhost.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Returns the server's certificate with its root.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Stops the server; connections break.
    ///
    /// # Panics
    /// When another test thread panicked meanwhile.
    pub fn stop(&self) {
        drop(
            self.server
                .lock()
                .unwrap_or_else(|error| panic!("{error}"))
                .take(),
        );
    }

    /// Starts the server again on the same port, with the same mailbox.
    ///
    /// # Panics
    /// When it does not answer.
    pub async fn resume(&self) {
        let script = scratch("smtp");
        let file = script.join("smtp.py");
        fs::write(&file, include_str!("smtp.py"))
            .unwrap_or_else(|error| panic!("smtp.py: {error}"));
        let python = variable(PYTHON).unwrap_or_else(|| "python3".to_owned());
        let mut server = Server::start(script, python, |command| {
            command
                .arg(&file)
                .arg(self.port.to_string())
                .arg(self.folder.path())
                .arg(self.mode);
        });
        let address = ("127.0.0.1", self.port);
        server
            .wait_until(async || tokio::net::TcpStream::connect(address).await.is_ok())
            .await;
        *self.server.lock().unwrap_or_else(|error| panic!("{error}")) = Some(server);
    }

    /// Sets the answer to a RCPT with this recipient: `451 4.7.1 later`, `550 5.1.1 no such user`.
    /// An empty answer accepts it again.
    pub fn refuse(&self, recipient: &str, answer: &str) {
        self.set(|knobs| {
            let refuse = knobs
                .entry("refuse".to_owned())
                .or_insert_with(|| json!({}));
            if answer.is_empty() {
                refuse
                    .as_object_mut()
                    .map(|refuse| refuse.remove(recipient));
            } else {
                refuse[recipient] = json!(answer);
            }
        });
    }

    /// Accepts the next `mails` mails, but never answers their DATA.
    pub fn hang_after_data(&self, mails: usize) {
        let so_far = self.count("hung");
        self.set(|knobs| drop(knobs.insert("hang".to_owned(), json!(so_far + mails))));
    }

    /// Words the replies in another style: `lower case`, `mixed case` or `AUTH=` for the
    /// keywords of EHLO, `codes only`, `Latin-1`, `long`, `lines`, or `571` in place of 550.
    /// Empty: as usual.
    pub fn replies(&self, style: &str) {
        self.set(|knobs| drop(knobs.insert("replies".to_owned(), json!(style))));
    }

    /// Whether the next connections are offered SMTPUTF8 (RFC 6531).
    pub fn offer_smtputf8(&self, offer: bool) {
        self.set(|knobs| drop(knobs.insert("smtputf8".to_owned(), json!(offer))));
    }

    /// Changes the password of [`USER`].
    pub fn password(&self, password: &str) {
        self.set(|knobs| drop(knobs.insert("password".to_owned(), json!(password))));
    }

    /// Changes the access token of [`USER`].
    pub fn token(&self, token: &str) {
        self.set(|knobs| drop(knobs.insert("token".to_owned(), json!(token))));
    }

    /// Returns how many AUTH commands clients sent.
    #[must_use]
    pub fn sign_ins(&self) -> usize {
        self.count("signed-in")
    }

    /// Returns how many connections clients opened.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.count("connections")
    }

    /// Returns all accepted mails, oldest first.
    ///
    /// # Panics
    /// When the mailbox cannot be read.
    #[must_use]
    pub fn mails(&self) -> Vec<ReceivedMail> {
        let folder = self.folder.path().join("mails");
        let mut files: Vec<PathBuf> = fs::read_dir(folder)
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path())
            .collect();
        files.retain(|file| file.extension().is_some_and(|ending| ending == "json"));
        files.sort();
        let read = |file: &PathBuf| {
            let text = fs::read(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
            serde_json::from_slice(&text)
                .unwrap_or_else(|error| panic!("{}: {error}", file.display()))
        };
        files.iter().map(read).collect()
    }

    fn count(&self, name: &str) -> usize {
        fs::read(self.folder.path().join(name)).map_or(0, |marks| marks.len())
    }

    fn set(&self, change: impl FnOnce(&mut BTreeMap<String, Value>)) {
        let mut knobs = self.knobs.lock().unwrap_or_else(|error| panic!("{error}"));
        change(&mut knobs);
        let file = self.folder.path().join("knobs.json");
        let part = self.folder.path().join("knobs.part");
        let text = serde_json::to_string(&*knobs).unwrap_or_default();
        fs::write(&part, text)
            .and_then(|()| fs::rename(&part, &file))
            .unwrap_or_else(|error| panic!("knobs: {error}"));
    }
}

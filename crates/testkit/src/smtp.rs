//! A mail server: aiosmtpd behind STARTTLS and AUTH, as port 587 of an office, with knobs.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::environment::variable;
use crate::server::{Server, free_port, scratch};

/// The variable that names a Python with aiosmtpd.
pub const PYTHON: &str = "STARCHART_TEST_AIOSMTPD";

/// Who may send.
pub const USER: &str = "starchart@school.example";
/// With which password; no secret.
pub const PASSWORD: &str = "a password for tests";
/// Or with which token; no secret.
pub const TOKEN: &str = "a-token-for-tests";

/// A mail as it came.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Received {
    /// The sender in the envelope.
    pub envelope_from: String,
    /// The recipients in the envelope.
    pub envelope_to: Vec<String>,
    /// The header, decoded.
    pub from: String,
    /// The header, decoded.
    pub to: String,
    /// The header, decoded.
    pub subject: String,
    /// With its angle brackets.
    pub message_id: String,
    /// The text, decoded.
    pub body: String,
    /// All of it, as it came.
    pub raw: String,
}

/// A mail server on loopback; its mailbox outlives a stop.
#[derive(Debug)]
pub struct Smtp {
    server: Mutex<Option<Server>>,
    folder: tempfile::TempDir,
    port: u16,
    mode: &'static str,
    knobs: Mutex<BTreeMap<String, Value>>,
}

impl Smtp {
    /// Starts one that wants STARTTLS.
    ///
    /// # Panics
    /// When it is not installed, or does not answer.
    pub async fn start() -> Self {
        Self::in_mode("starttls").await
    }

    /// Starts one that speaks TLS from the first byte.
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
        certificate(folder.path());
        let knobs = [("user", USER), ("password", PASSWORD), ("token", TOKEN)];
        let knobs = knobs
            .map(|(name, value)| (name.to_owned(), json!(value)))
            .into();
        let smtp = Self {
            server: Mutex::new(None),
            folder,
            port: free_port(),
            mode,
            knobs: Mutex::new(knobs),
        };
        smtp.set(|_| {});
        smtp.resume().await;
        smtp
    }

    /// What SMTP_PORT is set to; SMTP_HOST is localhost.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The root to trust, PEM.
    #[must_use]
    pub fn root(&self) -> PathBuf {
        self.folder.path().join("cert.pem")
    }

    /// The same as DER.
    ///
    /// # Panics
    /// When it cannot be read.
    #[must_use]
    pub fn root_der(&self) -> Vec<u8> {
        fs::read(self.folder.path().join("cert.der"))
            .unwrap_or_else(|error| panic!("cert.der: {error}"))
    }

    /// Ends the server; connections break.
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

    /// Starts it again on the same port, with the same mailbox.
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

    /// Answers so when this recipient is named: `451 4.7.1 later`, `550 5.1.1 no such user`; an
    /// empty answer takes it again.
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

    /// Keeps the next so many mails and says nothing after them.
    pub fn hang_after_data(&self, mails: usize) {
        let so_far = self.count("hung");
        self.set(|knobs| drop(knobs.insert("hang".to_owned(), json!(so_far + mails))));
    }

    /// Another password from now on.
    pub fn password(&self, password: &str) {
        self.set(|knobs| drop(knobs.insert("password".to_owned(), json!(password))));
    }

    /// Another token from now on.
    pub fn token(&self, token: &str) {
        self.set(|knobs| drop(knobs.insert("token".to_owned(), json!(token))));
    }

    /// How often somebody tried to sign in.
    #[must_use]
    pub fn sign_ins(&self) -> usize {
        self.count("signed-in")
    }

    /// How often somebody connected.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.count("connections")
    }

    /// All mails, oldest first.
    ///
    /// # Panics
    /// When the mailbox cannot be read.
    #[must_use]
    pub fn mails(&self) -> Vec<Received> {
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
        let (file, part) = (
            self.folder.path().join("knobs.json"),
            self.folder.path().join("knobs.part"),
        );
        let text = serde_json::to_string(&*knobs).unwrap_or_default();
        fs::write(&part, text)
            .and_then(|()| fs::rename(&part, &file))
            .unwrap_or_else(|error| panic!("knobs: {error}"));
    }
}

/// A certificate for localhost that is its own root.
fn certificate(folder: &Path) {
    let openssl = |arguments: &[&str]| {
        let done = Command::new("openssl")
            .args(arguments)
            .current_dir(folder)
            .output();
        let done = done.unwrap_or_else(|error| panic!("openssl: {error}; script/test installs it"));
        assert!(
            done.status.success(),
            "openssl: {}",
            String::from_utf8_lossy(&done.stderr)
        );
    };
    openssl(&[
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-keyout",
        "key.pem",
        "-out",
        "cert.pem",
        "-days",
        "30",
        "-subj",
        "/CN=localhost",
        "-addext",
        "subjectAltName=DNS:localhost",
        "-addext",
        "basicConstraints=critical,CA:FALSE",
    ]);
    openssl(&[
        "x509", "-in", "cert.pem", "-outform", "DER", "-out", "cert.der",
    ]);
}

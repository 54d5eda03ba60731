//! A mail server that gives the replies of a script (RFC 5321).

use std::collections::VecDeque;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use starchart_domain::site::Site;
use starchart_mail::{Auth, MailTheme, Mailer, SmtpConfig, Tls};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// A mail server on a free port, until the test's runtime ends.
pub(crate) struct MailServer {
    port: u16,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    /// The replies to the next recipients; each later one is accepted.
    recipient_replies: VecDeque<&'static str>,
    /// The messages that the server accepted, with headers.
    mails: Vec<String>,
}

impl MailServer {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::<Mutex<State>>::default();
        let shared = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(converse(stream, Arc::clone(&shared)));
            }
        });
        Self { port, state }
    }

    /// Gives this reply to the next recipient.
    pub(crate) fn refuse(&self, reply: &'static str) {
        lock(&self.state).recipient_replies.push_back(reply);
    }

    /// Returns the messages that were accepted.
    pub(crate) fn mails(&self) -> Vec<String> {
        lock(&self.state).mails.clone()
    }

    /// Makes a mailer that sends to this server.
    pub(crate) fn mailer(&self) -> Arc<Mailer> {
        mailer(self.port)
    }
}

/// Makes a mailer that sends to a port of this machine, without encryption.
pub(crate) fn mailer(port: u16) -> Arc<Mailer> {
    let theme = MailTheme {
        site: Site {
            name: "Starchart".to_owned(),
            school: "School".to_owned(),
            ..Site::default()
        },
        app_url: "https://names.school.example".to_owned(),
    };
    let config = SmtpConfig {
        host: Ipv4Addr::LOCALHOST.to_string(),
        port,
        tls: Tls::None,
        auth: Auth::None,
        messages_per_minute: 100_000,
        ehlo_name: "names.school.example".to_owned(),
        extra_root_der: None,
        data_timeout: None,
    };
    Arc::new(Mailer::smtp(theme, "names@school.example", config).unwrap())
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn converse(stream: TcpStream, state: Arc<Mutex<State>>) -> std::io::Result<()> {
    let (reader, mut writer) = stream.into_split();
    let mut lines = BufReader::new(reader).lines();
    writer.write_all(b"220 mail.school.example\r\n").await?;
    while let Some(line) = lines.next_line().await? {
        let verb = line.split([' ', ':']).next().unwrap_or_default();
        let reply = match verb.to_uppercase().as_str() {
            "RCPT" => {
                let scripted = lock(&state).recipient_replies.pop_front();
                scripted.unwrap_or("250 2.1.5 ok")
            }
            "DATA" => {
                writer.write_all(b"354 go on\r\n").await?;
                let mut mail = String::new();
                while let Some(line) = lines.next_line().await?
                    && line != "."
                {
                    mail = mail + &line + "\n";
                }
                lock(&state).mails.push(mail);
                "250 2.0.0 queued"
            }
            "QUIT" => "221 2.0.0 bye",
            _ => "250 ok",
        };
        writer.write_all(format!("{reply}\r\n").as_bytes()).await?;
    }
    Ok(())
}

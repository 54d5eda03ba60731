//! `starchart-fetch` against a scripted server: what it does with each answer, in each shell.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::collections::VecDeque;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};

use starchart_testkit::tls::Identity;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/static/starchart-fetch.sh");
const TOKEN: &str = "sc_secretsecretsecret";
/// The shells that servers have as `sh`; those that are not installed are left out.
const SHELLS: [&[&str]; 3] = [&["dash"], &["busybox", "sh"], &["bash", "--posix"]];

fn shells() -> impl Iterator<Item = &'static [&'static str]> {
    let is_there = |shell: &&[&str]| {
        let mut command = Command::new(shell[0]);
        let command = command.args(&shell[1..]).args(["-c", "exit 0"]);
        command.status().is_ok_and(|status| status.success())
    };
    SHELLS.into_iter().filter(is_there)
}

/// Answers that are given one after the other, and the requests that they were given to.
#[derive(Clone, Default)]
struct Server {
    answers: Arc<Mutex<VecDeque<String>>>,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// Serves until the test's process ends. Returns the port.
    fn start(&self) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = self.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut request = Vec::new();
                let mut part = [0; 4096];
                while !request.ends_with(b"\r\n\r\n") {
                    let read = stream.read(&mut part).unwrap();
                    request.extend_from_slice(&part[..read]);
                }
                let request = String::from_utf8(request).unwrap();
                server.requests.lock().unwrap().push(request);
                let answer = server.answers.lock().unwrap().pop_front();
                let answer = answer.unwrap_or_else(|| answer_of(500, "", "nothing is scripted"));
                stream.write_all(answer.as_bytes()).unwrap();
            }
        });
        port
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

fn answer_of(status: u16, headers: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status} Scripted\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n\
         {body}",
        body.len()
    )
}

/// A key with its certificate and an issuer, PEM.
struct Pem {
    key: String,
    chain: String,
}

impl Pem {
    fn generate(folder: &Path) -> Self {
        let _ = Identity::generate(folder);
        let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
        Self {
            key: read("key.pem"),
            chain: read("cert.pem") + &read("root.pem"),
        }
    }

    fn answer(&self, etag: &str) -> String {
        let body = format!("{}{}", self.key, self.chain);
        answer_of(200, &format!("ETag: \"{etag}\"\r\n"), &body)
    }
}

fn unchanged(etag: &str) -> String {
    format!("HTTP/1.1 304 Scripted\r\nETag: \"{etag}\"\r\nConnection: close\r\n\r\n")
}

/// A machine that runs the script in a folder of its own.
struct Machine {
    shell: &'static [&'static str],
    folder: tempfile::TempDir,
    server: Server,
    port: u16,
}

/// How a run ended.
#[derive(Debug)]
struct Run {
    status: Option<i32>,
    said: String,
}

impl Machine {
    fn new(shell: &'static [&'static str]) -> Self {
        let server = Server::default();
        let machine = Self {
            shell,
            folder: tempfile::tempdir().unwrap(),
            port: server.start(),
            server,
        };
        machine.configure(TOKEN, "");
        machine
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn configure(&self, token: &str, more: &str) {
        let folder = self.folder.path().display();
        let text = format!(
            "URL='http://127.0.0.1:{}/'\nTOKEN='{token}'\nCERT_FILE='{folder}/cert.pem'\n\
             KEY_FILE='{folder}/key.pem'\nRELOAD='echo reloaded >>{folder}/reloads'\n\
             MACHINE='web1.example'\nSTATE='{folder}/state'\n{more}\n",
            self.port
        );
        self.configure_as(&text);
    }

    fn configure_as(&self, text: &str) {
        let path = self.path("fetch.conf");
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    }

    fn answers(&self, answers: &[&str]) {
        let mut queue = self.server.answers.lock().unwrap();
        queue.extend(answers.iter().map(ToString::to_string));
    }

    fn run(&self) -> Run {
        self.run_with(&[])
    }

    fn run_with(&self, environment: &[(&str, &str)]) -> Run {
        let output = Command::new(self.shell[0])
            .args(&self.shell[1..])
            .arg(SCRIPT)
            .arg(self.path("fetch.conf"))
            .envs(environment.iter().copied())
            .output()
            .unwrap();
        let said = [output.stdout, output.stderr].concat();
        Run {
            status: output.status.code(),
            said: String::from_utf8_lossy(&said).into_owned(),
        }
    }

    #[track_caller]
    fn ends_with(&self, status: i32, words: &str) {
        let run = self.run();
        let is_right = run.status == Some(status) && run.said.contains(words);
        assert!(is_right, "{:?}: not {status} {words}: {run:?}", self.shell);
        let left: Vec<String> = self.names(|name| name.ends_with("starchart-new"));
        assert!(left.is_empty(), "{left:?}");
        let secrets = ["answer", "key", "chain", "lock"].map(|name| format!("state/{name}"));
        let left = secrets.iter().filter(|name| self.path(name).exists());
        assert_eq!(left.collect::<Vec<_>>(), [""; 0]);
    }

    fn names(&self, is_meant: impl Fn(&str) -> bool) -> Vec<String> {
        let entries = std::fs::read_dir(self.folder.path()).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| is_meant(name)).collect()
    }

    fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    fn reloads(&self) -> usize {
        self.text("reloads").lines().count()
    }

    #[track_caller]
    fn has(&self, pem: &Pem) {
        let placed = [self.text("key.pem"), self.text("cert.pem")];
        assert_eq!(placed, [pem.key.clone(), pem.chain.clone()]);
    }

    /// Ends the wait after a failure.
    fn skip_wait(&self) {
        let failures = self.text("state/failures");
        let (_, rest) = failures.split_once(' ').unwrap();
        std::fs::write(self.path("state/failures"), format!("0 {rest}")).unwrap();
    }
}

#[test]
fn a_new_certificate_is_placed_once_and_the_server_reloaded() {
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let [old, new] = folders
        .each_ref()
        .map(|folder| Pem::generate(folder.path()));
    for shell in shells() {
        let machine = Machine::new(shell);
        machine.answers(&[&old.answer("one"), &unchanged("one"), &new.answer("two")]);
        machine.ends_with(0, "the new certificate is in place");
        machine.has(&old);
        for name in ["key.pem", "cert.pem"] {
            let mode = machine.path(name).metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{name}");
        }
        assert_eq!(machine.reloads(), 1);
        machine.ends_with(0, "nothing is new");
        assert_eq!(machine.reloads(), 1, "{shell:?}");
        machine.ends_with(0, "the new certificate is in place");
        machine.has(&new);
        assert_eq!(machine.reloads(), 2);
        let requests = machine.server.requests();
        assert!(requests[0].starts_with("GET /api/v1/certificate/bundle HTTP/1.1\r\n"));
        assert!(requests[0].contains(&format!("Authorization: Bearer {TOKEN}\r\n")));
        assert!(requests[0].contains("Machine-Name: web1.example\r\n"));
        assert!(!requests[0].contains("If-None-Match"), "{}", requests[0]);
        assert!(
            requests[1].contains("If-None-Match: \"one\"\r\n"),
            "{}",
            requests[1]
        );
        // What is deleted by hand comes back.
        std::fs::remove_file(machine.path("cert.pem")).unwrap();
        machine.answers(&[&new.answer("two")]);
        machine.ends_with(0, "in place");
        machine.has(&new);
        let last = machine.server.requests().pop().unwrap();
        assert!(!last.contains("If-None-Match"), "{last}");
    }
}

#[test]
fn a_bundle_has_key_and_chain_in_one_file() {
    let folder = tempfile::tempdir().unwrap();
    let pem = Pem::generate(folder.path());
    for shell in shells() {
        let machine = Machine::new(shell);
        let bundle = machine.path("all.pem").display().to_string();
        machine.configure(
            TOKEN,
            &format!("CERT_FILE='' KEY_FILE='' BUNDLE_FILE='{bundle}'"),
        );
        machine.answers(&[&pem.answer("one"), &unchanged("one")]);
        machine.ends_with(0, "in place");
        assert_eq!(machine.text("all.pem"), format!("{}{}", pem.key, pem.chain));
        assert!(!machine.path("key.pem").exists());
        machine.ends_with(0, "nothing is new");
    }
}

#[test]
fn a_failure_replaces_nothing_and_is_not_repeated_at_once() {
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let [old, other] = folders
        .each_ref()
        .map(|folder| Pem::generate(folder.path()));
    let ok = |body: &str| answer_of(200, "ETag: \"x\"\r\n", body);
    let mixed = ok(&format!("{}{}", other.key, old.chain));
    let cut = ok(&format!(
        "{}{}",
        other.key,
        &other.chain[..other.chain.len() - 40]
    ));
    let retry = answer_of(429, "Retry-After: 7200\r\n", "");
    let rows = [
        (answer_of(401, "", "{}"), 3, "Create another one"),
        (answer_of(403, "", "{}"), 3, "may not read the private key"),
        (answer_of(404, "", "{}"), 4, "there is no certificate yet"),
        (retry, 1, "too many requests"),
        (answer_of(500, "", "oops"), 1, "the status 500"),
        (
            answer_of(302, "Location: /login\r\n", ""),
            1,
            "the status 302",
        ),
        ("HTTP/1.1 garbage".to_owned(), 1, "could not be reached"),
        (ok("<html>"), 5, "no certificate with its private key"),
        (ok(&other.chain), 5, "no certificate with its private key"),
        (ok(&other.key), 5, "no certificate with its private key"),
        (cut, 5, "no certificate with its private key"),
        (mixed, 5, "do not fit"),
    ];
    for shell in shells() {
        for (answer, status, words) in &rows {
            let machine = Machine::new(shell);
            machine.answers(&[&old.answer("one"), answer]);
            machine.ends_with(0, "in place");
            machine.ends_with(*status, words);
            machine.has(&old);
            assert_eq!(machine.reloads(), 1, "{words}");
            machine.ends_with(*status, "the next attempt is in");
            assert_eq!(
                machine.server.requests().len(),
                2,
                "{words}: not asked again"
            );
            machine.skip_wait();
            machine.answers(&[&other.answer("two")]);
            machine.ends_with(0, "in place");
            machine.has(&other);
        }
    }
}

#[test]
fn the_wait_doubles_and_the_service_may_ask_for_more() {
    for shell in shells() {
        let machine = Machine::new(shell);
        let wait = |answer: &str| {
            machine.answers(&[answer]);
            machine.run();
            let again = machine.run().said;
            machine.skip_wait();
            let (_, rest) = again.split_once("the next attempt is in ").unwrap();
            rest.split(' ').next().unwrap().parse::<u32>().unwrap()
        };
        let busy = answer_of(503, "", "");
        let date = answer_of(503, "Retry-After: Fri, 01 Jan 2027 00:00:00 GMT\r\n", "");
        let forever = answer_of(429, "Retry-After: 99999999\r\n", "");
        for (answer, seconds) in [
            (&busy, 60),
            (&busy, 120),
            (&answer_of(429, "Retry-After: 7200\r\n", ""), 7_200),
            (&answer_of(429, "retry-after: 1\r\n", ""), 480),
            (&date, 3_600),
            (&forever, 3_600),
            (&busy, 3_840),
            (&busy, 7_680),
            (&busy, 15_360),
            (&busy, 21_600),
            (&busy, 21_600),
        ] {
            let waited = wait(answer);
            // A clock goes on between two runs.
            assert!(
                (seconds - 30..=seconds).contains(&waited),
                "{seconds}: {waited}"
            );
        }
    }
}

#[test]
fn a_refused_token_is_explained_once_and_another_one_is_tried_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let pem = Pem::generate(folder.path());
    for shell in shells() {
        let machine = Machine::new(shell);
        let refused = answer_of(401, "", "{}");
        machine.answers(&[&refused, &refused, &pem.answer("one")]);
        machine.ends_with(3, "/tokens/new?preset=server");
        machine.skip_wait();
        let again = machine.run();
        assert_eq!(again.status, Some(3), "{again:?}");
        assert!(again.said.contains("still not accepted"), "{again:?}");
        assert!(!again.said.contains("preset=server"), "{again:?}");
        machine.configure("sc_another", "");
        machine.ends_with(0, "in place");
        let last = machine.server.requests().pop().unwrap();
        assert!(last.contains("Bearer sc_another\r\n"), "{last}");
    }
}

#[test]
fn a_reload_that_failed_is_repeated() {
    let folder = tempfile::tempdir().unwrap();
    let pem = Pem::generate(folder.path());
    for shell in shells() {
        let machine = Machine::new(shell);
        machine.configure(TOKEN, "RELOAD='exit 9'");
        machine.answers(&[&pem.answer("one"), &unchanged("one"), &unchanged("one")]);
        machine.ends_with(6, "this failed: exit 9");
        machine.has(&pem);
        machine.ends_with(6, "this failed: exit 9");
        machine.configure(TOKEN, "");
        machine.ends_with(0, "ran: echo reloaded");
        assert_eq!(machine.reloads(), 1);
        machine.answers(&[&unchanged("one")]);
        machine.ends_with(0, "nothing is new");
        assert_eq!(machine.reloads(), 1);
    }
}

#[test]
fn one_run_is_at_work_and_a_killed_one_leaves_no_lock() {
    let folder = tempfile::tempdir().unwrap();
    let pem = Pem::generate(folder.path());
    for shell in shells() {
        let machine = Machine::new(shell);
        std::fs::create_dir(machine.path("state")).unwrap();
        let lock = machine.path("state/lock");
        let own = format!("{}\n", std::process::id());
        std::fs::write(&lock, &own).unwrap();
        let busy = machine.run();
        assert_eq!(busy.status, Some(7), "{busy:?}");
        assert_eq!(std::fs::read_to_string(&lock).unwrap(), own, "it stays");
        assert_eq!(machine.server.requests().len(), 0);
        let mut ended = Command::new("true").spawn().unwrap();
        ended.wait().unwrap();
        std::fs::write(&lock, format!("{}\n", ended.id())).unwrap();
        machine.answers(&[&pem.answer("one")]);
        machine.ends_with(0, "in place");
    }
}

#[test]
fn a_wrong_setting_is_named() {
    for shell in shells() {
        let machine = Machine::new(shell);
        for (setting, words) in [
            ("URL=''", "URL is missing"),
            ("TOKEN=''", "TOKEN is missing"),
            ("KEY_FILE=''", "KEY_FILE is missing"),
            ("CERT_FILE=''", "CERT_FILE is missing"),
            ("URL='http://names.example.edu'", "https://"),
            ("TOKEN='sc_\"x'", "does not belong there"),
            ("KEY_FILE='key.pem'", "no absolute path"),
            ("KEY_FILE='/nowhere/key.pem'", "does not exist"),
            ("STATE='/dev/null/state'", "cannot write to the folder"),
        ] {
            machine.configure(TOKEN, setting);
            machine.ends_with(2, words);
        }
        std::fs::remove_file(machine.path("fetch.conf")).unwrap();
        machine.ends_with(2, "cannot read the settings");
        assert_eq!(machine.server.requests().len(), 0);
        machine.configure(TOKEN, "");
        let conf = machine.path("fetch.conf");
        std::fs::set_permissions(&conf, std::fs::Permissions::from_mode(0o644)).unwrap();
        machine.ends_with(1, "every user can read it");
    }
}

#[test]
fn the_token_is_in_no_command_line() {
    let machine = Machine::new(SHELLS[0]);
    let bin = machine.path("bin");
    std::fs::create_dir(&bin).unwrap();
    let log = machine.path("arguments");
    let fake = format!(
        "#!/bin/sh\necho \"$@\" >{}\ncat >/dev/null\n",
        log.display()
    );
    std::fs::write(bin.join("curl"), fake).unwrap();
    let executable = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(bin.join("curl"), executable).unwrap();
    let path = format!("{}:/usr/bin:/bin", bin.display());
    machine.run_with(&[("PATH", &path)]);
    let arguments = machine.text("arguments");
    assert!(arguments.contains("--config -"), "{arguments}");
    assert!(!arguments.contains(TOKEN), "{arguments}");
}

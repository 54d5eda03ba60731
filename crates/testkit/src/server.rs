//! A child process that serves on loopback and dies with its handle.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// How long a server may take to answer before its test fails.
pub const START_LIMIT: Duration = Duration::from_secs(30);

/// Runs the server in a session of its own and holds our pipe's other end. The pipe closes when the
/// handle is dropped and when the test process dies, however it dies; then the server's whole
/// process group is killed and its folder removed. (PR_SET_PDEATHSIG is no use here: it fires when
/// the *thread* that started the child ends.)
const LIFELINE: &str = r#"
exec 3<&0 </dev/null
setsid "$@" 3<&- &
server=$!
( cat <&3; kill -s KILL -- "-$server"; rm -rf -- "$SERVER_SCRATCH" ) &
lifeline=$!
wait "$server"
code=$?
[ "$code" -ne 137 ] || wait "$lifeline"
exit "$code"
"#;

/// A running server: a child process with a folder of its own, both gone when this is dropped.
#[derive(Debug)]
pub struct Server {
    name: String,
    child: Child,
    dir: PathBuf,
}

impl Server {
    /// Starts `program` in `dir` (from [`scratch`]); `configure` adds arguments and environment.
    ///
    /// # Panics
    /// When the shell that watches over the server cannot be started.
    #[must_use]
    pub fn start(
        dir: PathBuf,
        program: impl AsRef<OsStr>,
        configure: impl FnOnce(&mut Command),
    ) -> Self {
        let name = program.as_ref().to_string_lossy().into_owned();
        let log = open_log(&dir)
            .unwrap_or_else(|error| panic!("log of {name} in {}: {error}", dir.display()));
        let mut command = Command::new("sh");
        command.arg("-c").arg(LIFELINE).arg("lifeline").arg(program);
        configure(&mut command);
        let child = command
            .env("SERVER_SCRATCH", &dir)
            .stdin(Stdio::piped())
            .stdout(log.0)
            .stderr(log.1)
            .process_group(0)
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {name}: {error}"));
        Self { name, child, dir }
    }

    /// The server's own folder.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// What the server wrote to its standard output and error so far.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(log_path(&self.dir)).unwrap_or_default()
    }

    /// How the server ended, or `None` while it runs.
    pub fn exited(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Waits until `answers` says yes.
    ///
    /// # Panics
    /// With the server's log when it ends first, or does not answer within [`START_LIMIT`].
    pub async fn wait_until(&mut self, answers: impl AsyncFn() -> bool) {
        let start = Instant::now();
        while !answers().await {
            let name = &self.name;
            if let Some(status) = self.child.try_wait().ok().flatten() {
                panic!(
                    "{name} ended ({status}) before it answered; is it installed? script/test installs it\n{}",
                    self.log()
                );
            }
            assert!(
                start.elapsed() < START_LIMIT,
                "{name} did not answer within {START_LIMIT:?}\n{}",
                self.log()
            );
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    }

    /// Waits until a GET of `url` gets any HTTP answer; panics as [`Server::wait_until`] does.
    pub async fn wait_for_http(&mut self, url: &str) {
        let client = crate::http::client();
        self.wait_until(async || client.get(url).send().await.is_ok())
            .await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        // Nothing can be done about a failure here; the pipe is closed, so the server ends all the
        // same.
        let _ = self.child.wait();
    }
}

/// A new, empty, private folder for one server; [`Server`] removes it.
///
/// # Panics
/// When the system's folder for temporary files cannot be written.
#[must_use]
pub fn scratch(prefix: &str) -> PathBuf {
    tempfile::Builder::new()
        .prefix(&format!("starchart-{prefix}-"))
        .tempdir()
        .unwrap_or_else(|error| panic!("no folder for temporary files: {error}"))
        .keep()
}

/// A TCP port on 127.0.0.1 that was free a moment ago.
///
/// # Panics
/// When the loopback interface gives none.
#[must_use]
pub fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .unwrap_or_else(|error| panic!("no free port on 127.0.0.1: {error}"))
}

fn log_path(dir: &Path) -> PathBuf {
    dir.join("server.log")
}

fn open_log(dir: &Path) -> io::Result<(File, File)> {
    let log = File::create(log_path(dir))?;
    Ok((log.try_clone()?, log))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_dropped_server_leaves_no_process_and_no_folder() {
        let dir = scratch("drop");
        let marker = dir.join("pids");
        let mut server = Server::start(dir.clone(), "sh", |command| {
            command
                .args(["-c", r#"sleep 600 & echo "$$ $!" > "$0"; wait"#])
                .arg(&marker);
        });
        server
            .wait_until(async || fs::read_to_string(&marker).is_ok_and(|pids| pids.ends_with('\n')))
            .await;
        let pids = fs::read_to_string(&marker).unwrap_or_default();
        drop(server);
        for pid in pids.split_whitespace() {
            assert!(!running(pid), "process {pid} outlived its handle");
        }
        assert!(!dir.exists());
    }

    #[tokio::test]
    #[should_panic(expected = "bad luck")]
    async fn a_server_that_ends_early_shows_its_log() {
        let mut server = Server::start(scratch("early"), "sh", |command| {
            command.args(["-c", "echo bad luck; sleep 0.2; exit 3"]);
        });
        server.wait_until(async || false).await;
    }

    /// A killed orphan stays in the table as a zombie where nothing reaps it: that is not running.
    fn running(pid: &str) -> bool {
        fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
    }
}

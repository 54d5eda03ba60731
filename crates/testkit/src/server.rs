//! A server as a child process on loopback, which is killed when its handle is dropped.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use crate::wait::eventually;

/// How many lines of its log a server prints when its test fails.
const LOG_TAIL_LINES: usize = 60;

/// A shell script that runs the server in its own session and reads a pipe from this process. The
/// pipe closes when the handle is dropped and when the test process ends for any reason; then the
/// server's process group is killed and its folder deleted. (PR_SET_PDEATHSIG cannot do this: it
/// acts when the *thread* that started the child ends.)
const LIFELINE: &str = r#"
exec 3<&0 </dev/null
setsid "$@" 3<&- &
server=$!
echo "$server" > "$SERVER_SCRATCH/server.pid"
( cat <&3; kill -s KILL -- "-$server"; rm -rf -- "$SERVER_SCRATCH" ) &
lifeline=$!
wait "$server"
code=$?
[ "$code" -ne 137 ] || wait "$lifeline"
exit "$code"
"#;

/// A running server: a child process and its folder. Dropping this kills the one and deletes the
/// other.
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
    /// When the shell that runs the server cannot be started.
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

    /// Returns the folder of the server.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Returns what the server wrote to its standard output and error so far.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(log_path(&self.dir)).unwrap_or_default()
    }

    /// Returns the last 60 lines of [`Server::log`].
    #[must_use]
    pub fn log_tail(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(LOG_TAIL_LINES)..].join("\n")
    }

    /// Returns the exit status of the server, or `None` while it runs.
    pub fn exited(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Waits until the server has ended by itself or by a signal.
    ///
    /// # Panics
    /// When it still runs after [`WAIT_LIMIT`](crate::wait::WAIT_LIMIT).
    pub async fn wait_for_exit(&mut self) -> ExitStatus {
        let what = format!("{} to end", self.name);
        eventually(&what, async || self.exited()).await
    }

    /// Waits until `answers` returns true.
    ///
    /// # Panics
    /// When the server ends first, or does not answer within
    /// [`WAIT_LIMIT`](crate::wait::WAIT_LIMIT).
    pub async fn wait_until(&mut self, answers: impl AsyncFn() -> bool) {
        let what = format!("{} to answer", self.name);
        let ended = eventually(&what, async || {
            if answers().await {
                return Ok(None);
            }
            self.exited().map(Some).ok_or("no answer")
        })
        .await;
        if let Some(status) = ended {
            panic!(
                "{} ended ({status}) before it answered; is it installed? \
                 script/test installs it\n{}",
                self.name,
                self.log_tail()
            );
        }
    }

    /// Waits until a GET of `url` gets an HTTP answer with any status.
    ///
    /// # Panics
    /// As [`Server::wait_until`] does.
    pub async fn wait_for_http(&mut self, url: &str) {
        let client = crate::http::client();
        self.wait_until(async || client.get(url).send().await.is_ok())
            .await;
    }

    /// Sends a signal to the server by its name, as `kill -s` does.
    ///
    /// # Panics
    /// When the server has not started yet, or has ended.
    pub fn signal(&self, name: &str) {
        let pid = fs::read_to_string(self.dir.join("server.pid")).unwrap_or_default();
        let sent = Command::new("kill").args(["-s", name, pid.trim()]).status();
        assert!(
            sent.is_ok_and(|status| status.success()),
            "cannot send SIG{name} to {} (process {pid:?})",
            self.name
        );
    }
}

impl Drop for Server {
    #[expect(clippy::print_stderr, reason = "the output of a failed test")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the log of {} ends with:\n{}\n", self.name, self.log_tail());
        }
        drop(self.child.stdin.take());
        // The closed pipe ends the server even if waiting for it fails.
        let _ = self.child.wait();
    }
}

/// Creates an empty folder for one server, which only this user can read. [`Server`] deletes it.
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

/// Returns a TCP port on 127.0.0.1 that is free now. It is below those that the system gives to
/// connections and to servers that ask for any port, so that hardly another process takes it.
///
/// # Panics
/// When no port is free.
#[must_use]
pub fn free_port() -> u16 {
    let mut ports = std::iter::repeat_with(|| rand::random_range(10_000..32_000)).take(1_000);
    ports
        .find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok())
        .unwrap_or_else(|| panic!("no free port on 127.0.0.1"))
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
            // SIGKILL is asynchronous: the process may still be in the table for a moment.
            let what = format!("the end of process {pid}");
            eventually(&what, async || !is_running(pid)).await;
        }
        eventually("the removal of the folder", async || !dir.exists()).await;
    }

    #[tokio::test]
    #[should_panic(expected = "bad luck")]
    async fn a_server_that_ends_early_shows_its_log() {
        let mut server = Server::start(scratch("early"), "sh", |command| {
            command.args(["-c", "echo bad luck; sleep 0.2; exit 3"]);
        });
        server.wait_until(async || false).await;
    }

    /// Returns whether a process runs. A killed orphan stays a zombie where no process reaps it.
    fn is_running(pid: &str) -> bool {
        fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
    }
}

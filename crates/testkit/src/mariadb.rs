//! MariaDB, or a real MySQL where `STARCHART_TEST_MYSQL_URL` names one.

use std::env::split_paths;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use sqlx::mysql::{MySqlConnectOptions, MySqlSslMode};
use sqlx::{ConnectOptions as _, Connection as _, MySqlConnection};
use tokio::sync::OnceCell;

use crate::environment::variable;
use crate::server::{Server, free_port, scratch};

/// The variable with the URL of a server that all test processes share:
/// `mysql://root:PASSWORD@127.0.0.1:PORT`, no database and no parameters; the account may create
/// databases.
pub const SHARED_URL: &str = "STARCHART_TEST_MYSQL_URL";

/// A private MariaDB with an empty root password on loopback.
#[derive(Debug)]
pub struct MariaDb {
    /// Held for its drop, which stops the server.
    _server: Server,
    port: u16,
}

impl MariaDb {
    /// Starts one on a free port.
    ///
    /// # Panics
    /// When it is not installed, or does not answer.
    pub async fn start() -> Self {
        Self::start_on(free_port()).await
    }

    /// Starts one on `port`, for tests in which the database starts after the application.
    ///
    /// # Panics
    /// When it is not installed, or does not answer.
    pub async fn start_on(port: u16) -> Self {
        let dir = scratch("mariadb");
        let data = dir.join("data");
        install(&dir, &data);
        let temporary = dir.clone();
        let mut server = Server::start(dir, program(&["mariadbd", "mysqld"]), |command| {
            command
                .arg("--no-defaults")
                .args(run_as())
                .env("TMPDIR", temporary)
                .arg(format!("--datadir={}", data.display()))
                .arg(format!("--socket={}", data.join("s").display()))
                .arg(format!("--port={port}"))
                .args([
                    "--bind-address=127.0.0.1",
                    "--skip-name-resolve",
                    "--max-connections=600",
                ])
                // Fast rather than durable: the data is deleted with the server.
                .args([
                    "--innodb-flush-log-at-trx-commit=0",
                    "--innodb-buffer-pool-size=64M",
                    "--innodb-flush-method=nosync",
                ])
                .args(["--skip-log-bin", "--performance-schema=OFF"]);
        });
        let url = url_of(port);
        server
            .wait_until(async || connect(&url).await.is_ok())
            .await;
        Self {
            _server: server,
            port,
        }
    }

    /// Returns `mysql://root@127.0.0.1:PORT`, without a database.
    #[must_use]
    pub fn url(&self) -> String {
        url_of(self.port)
    }
}

/// A database for one test, which is deleted when this is dropped.
#[derive(Debug)]
pub struct TestDb {
    server: String,
    name: String,
}

impl TestDb {
    /// Creates an empty database on the shared server: the one of [`SHARED_URL`], else a MariaDB
    /// that this process starts once.
    ///
    /// # Panics
    /// When there is no server, or it refuses.
    pub async fn create() -> Self {
        static OWN: OnceCell<MariaDb> = OnceCell::const_new();
        let server = match variable(SHARED_URL) {
            Some(url) => url.trim_end_matches('/').to_owned(),
            // Never dropped, but its pipe closes with this process.
            None => OWN.get_or_init(MariaDb::start).await.url(),
        };
        Self::create_on(&server).await
    }

    /// Creates an empty database on the server of `url` (without a database in it).
    ///
    /// # Panics
    /// When the server refuses.
    pub async fn create_on(server: &str) -> Self {
        let name = unused_name();
        // The server's plain collation on purpose: columns that need utf8mb4_bin must say so
        // themselves.
        execute(
            server,
            &format!("CREATE DATABASE {name} CHARACTER SET utf8mb4"),
        )
        .await
        .unwrap_or_else(|error| panic!("cannot create a database ({SHARED_URL}): {error}"));
        Self {
            server: server.to_owned(),
            name,
        }
    }

    /// Returns the URL of this database.
    #[must_use]
    pub fn url(&self) -> String {
        format!("{}/{}", self.server, self.name)
    }

    /// Runs one or several SQL statements, to prepare or damage the rows that the code under test
    /// reads.
    ///
    /// # Panics
    /// When the server refuses it.
    pub async fn run(&self, sql: &str) {
        execute(&self.url(), sql)
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    /// Returns the number that the query `sql` selects, for rows that no page shows.
    ///
    /// # Panics
    /// When the server refuses it.
    pub async fn number(&self, sql: &str) -> i64 {
        number(&self.url(), sql)
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// Returns the result of CHECKSUM TABLE, which changes with any value in the table.
    ///
    /// # Panics
    /// There is no such table.
    pub async fn checksum(&self, table: &str) -> i64 {
        checksum(&self.url(), table)
            .await
            .unwrap_or_else(|error| panic!("{table}: {error}"))
    }
}

impl Drop for TestDb {
    fn drop(&mut self) {
        let server = self.server.clone();
        let sql = format!("DROP DATABASE IF EXISTS {}", self.name);
        // A thread of its own: a drop inside a runtime must not block on that runtime. A failure
        // leaves an unused database.
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            runtime.map(|runtime| runtime.block_on(execute(&server, &sql)))
        });
        let _ = dropped.join();
    }
}

async fn connect(url: &str) -> Result<MySqlConnection, sqlx::Error> {
    // Preferred, because MySQL's default account plugin wants TLS and a private MariaDB has none.
    let options: MySqlConnectOptions = url.parse()?;
    options.ssl_mode(MySqlSslMode::Preferred).connect().await
}

async fn number(url: &str, sql: &str) -> Result<i64, sqlx::Error> {
    let mut connection = connect(url).await?;
    let number = sqlx::query_scalar(sqlx::AssertSqlSafe(sql.to_owned()))
        .fetch_one(&mut connection)
        .await?;
    connection.close().await?;
    Ok(number)
}

async fn checksum(url: &str, table: &str) -> Result<i64, sqlx::Error> {
    let mut connection = connect(url).await?;
    let row = sqlx::query(sqlx::AssertSqlSafe(format!("CHECKSUM TABLE {table}")))
        .fetch_one(&mut connection)
        .await?;
    connection.close().await?;
    sqlx::Row::try_get(&row, "Checksum")
}

async fn execute(url: &str, sql: &str) -> Result<(), sqlx::Error> {
    let mut connection = connect(url).await?;
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql.to_owned()))
        .execute(&mut connection)
        .await?;
    connection.close().await
}

/// Creates the system tables in `data`. `dir` is for temporary tables: a starting server deletes
/// old ones, and would delete those of another server in a shared folder.
fn install(dir: &Path, data: &Path) {
    let output = Command::new(program(&["mariadb-install-db", "mysql_install_db"]))
        .arg("--no-defaults")
        .args(run_as())
        .arg(format!("--datadir={}", data.display()))
        .args([
            "--auth-root-authentication-method=normal",
            "--skip-test-db",
            "--skip-name-resolve",
        ])
        .env("TMPDIR", dir)
        .output()
        .unwrap_or_else(|error| {
            panic!("mariadb-install-db: {error}; script/test installs MariaDB")
        });
    assert!(
        output.status.success(),
        "mariadb-install-db: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Returns the option that names the server's user; only root must give it.
fn run_as() -> Option<&'static str> {
    let root = std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0);
    root.then_some("--user=root")
}

/// Returns the first of `names` that is installed. Servers are in /usr/sbin, which not every user
/// has in PATH.
fn program(names: &[&str]) -> PathBuf {
    let path = variable("PATH").unwrap_or_default();
    let folders = split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
    let found = folders
        .flat_map(|folder| names.iter().map(move |name| folder.join(name)))
        .find(|file| file.is_file());
    found.unwrap_or_else(|| PathBuf::from(names[0]))
}

fn url_of(port: u16) -> String {
    format!("mysql://root@127.0.0.1:{port}")
}

/// Returns a name that no process with the same server uses: from the process id, a count, and the
/// time, because an earlier process with this id may have left a database.
fn unused_name() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_millis();
    format!(
        "test_{}_{}_{now}",
        std::process::id(),
        COUNT.fetch_add(1, Ordering::Relaxed)
    )
}

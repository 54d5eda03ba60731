//! Start, health checks, shutdown, and outages of the database.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use starchart_testkit::server::{Server, free_port, scratch};
use starchart_testkit::wait::{equal, eventually};

use crate::app::{App, TestEnv};
use crate::browser::Browser;
use crate::truth::{Ended, ended, label_of, signed_in, verb, zone_equals_pages};

/// A MariaDB whose data directory survives a kill, so that it can start again.
pub struct Database {
    port: u16,
    folder: PathBuf,
    server: Option<Server>,
}

impl Database {
    /// Starts one with the database `starchart`.
    pub async fn new() -> Self {
        let folder = scratch("database");
        let mut install = tokio::process::Command::new("mariadb-install-db");
        install.args([
            "--no-defaults",
            "--user=root",
            "--auth-root-authentication-method=normal",
            "--skip-test-db",
        ]);
        install.args([
            "--skip-name-resolve",
            &format!("--datadir={}", folder.join("data").display()),
        ]);
        // A starting server deletes old temporary tables, and would delete those of another server
        // in a shared folder.
        install.env("TMPDIR", &folder);
        let installed = ended(install).await;
        assert_eq!(installed.code, 0, "{}", installed.all);
        let mut database = Self {
            port: free_port(),
            folder,
            server: None,
        };
        database.start().await;
        let prepared = database
            .client("CREATE DATABASE starchart; CREATE USER app IDENTIFIED BY 'throw-away'")
            .await;
        assert_eq!(prepared.code, 0, "{}", prepared.all);
        database
    }

    pub async fn start(&mut self) {
        let folder = self.folder.clone();
        let data = self.folder.join("data");
        let port = self.port;
        self.server = Some(Server::start(
            scratch("mariadb"),
            "/usr/sbin/mariadbd",
            |command| {
                command.args([
                    "--no-defaults",
                    "--user=root",
                    "--skip-name-resolve",
                    "--skip-log-bin",
                    "--bind-address=127.0.0.1",
                ]);
                // A commit must survive a kill of the server, but not of the machine.
                command.args([
                    "--innodb-flush-log-at-trx-commit=2",
                    "--innodb-buffer-pool-size=64M",
                    "--max-connections=200",
                ]);
                command
                    .env("TMPDIR", &folder)
                    .arg(format!("--datadir={}", data.display()))
                    .arg(format!("--port={port}"));
                command.arg(format!("--socket={}", data.join("s").display()));
            },
        ));
        eventually("MariaDB answers", async || {
            equal(self.client("SELECT 1").await.code, 0)
        })
        .await;
    }

    /// Kills the server with SIGKILL.
    pub fn kill(&mut self) {
        self.server = None;
    }

    /// Runs statements as root.
    pub async fn run(&self, sql: &str) {
        let ended = self.client(sql).await;
        assert_eq!(ended.code, 0, "{sql}: {}", ended.all);
    }

    async fn client(&self, sql: &str) -> Ended {
        let mut client = tokio::process::Command::new("mariadb");
        client.args([
            "--no-defaults",
            "-h127.0.0.1",
            "-uroot",
            &format!("-P{}", self.port),
            "-e",
            sql,
        ]);
        ended(client).await
    }

    pub fn url(&self, user: &str, database: &str) -> String {
        format!("mysql://{user}@127.0.0.1:{}/{database}", self.port)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        self.server = None;
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Returns the status of GET `path`, or `None` without an answer.
pub async fn status(app: &App, path: &str) -> Option<u16> {
    let url = format!("http://127.0.0.1:{}{path}", app.port);
    let answer = starchart_testkit::http::client().get(url).send().await;
    answer.ok().map(|answer| answer.status().as_u16())
}

/// Counts the log lines with this message.
fn said(app: &App, message: &str) -> usize {
    app.log_lines()
        .iter()
        .filter(|line| line.to_string().contains(message))
        .count()
}

#[tokio::test]
async fn the_start_waits_for_an_absent_database_and_ends_when_it_refuses() {
    let mut database = Database::new().await;
    database.kill();
    let env = TestEnv::new()
        .await
        .set("DATABASE_URL", &database.url("root", "starchart"));
    let mut app = env.launch("run");
    eventually("the port answers before the database", async || {
        equal(status(&app, "/healthcheck").await, Some(500))
    })
    .await;
    assert_eq!(status(&app, "/version").await, Some(200));
    assert_eq!(app.browser().get("/sp").await.status, 200);
    let mut browser = app.browser();
    let form = browser.get("/login").await.form("/login");
    let page = browser.submit(&form).await;
    assert!(
        page.status >= 500 && page.body.contains("</html>"),
        "{} {}",
        page.status,
        page.body
    );
    let waits = "DATABASE_URL: waiting for the database";
    eventually("says what it waits for", async || {
        equal(said(&app, waits), 1)
    })
    .await;

    database.start().await;
    app.until_ready().await;
    assert_eq!(status(&app, "/healthcheck").await, Some(200));

    for (user, name, word) in [
        ("app:wrong", "starchart", "refuses this user"),
        ("root", "nosuch", "no such database"),
    ] {
        let url = database.url(user, name);
        let mut run = env.command(&["run"]);
        run.env("DATABASE_URL", url)
            .env("PORT", free_port().to_string());
        let ended = ended(run).await;
        assert_eq!(ended.code, 1, "{}", ended.all);
        assert!(
            ended.all.contains("DATABASE_URL") && ended.all.contains(word),
            "{}",
            ended.all
        );
        assert!(
            !ended.all.contains("wrong"),
            "the password is not said: {}",
            ended.all
        );
    }
}

#[tokio::test]
async fn without_auto_migrate_the_start_waits_for_the_schema() {
    let env = TestEnv::new().await.set("AUTO_MIGRATE", "0");
    let mut app = env.launch("run");
    let words = "migrations are pending and AUTO_MIGRATE=0";
    eventually("says so", async || equal(said(&app, words), 1)).await;
    assert_eq!(status(&app, "/healthcheck").await, Some(500));
    let migrated = verb(&env, &["migrate"]).await;
    assert_eq!(migrated.code, 0, "{}", migrated.all);
    assert!(
        migrated
            .out
            .ends_with("migrations applied, the schema is up to date"),
        "{}",
        migrated.out
    );
    app.until_ready().await;
    let again = verb(&env, &["migrate"]).await;
    assert_eq!(again.out, "0 migrations applied, the schema is up to date");
}

#[tokio::test]
async fn processes_that_migrate_at_once_are_all_ready() {
    let env = TestEnv::new().await;
    let mut apps = [
        env.launch("run"),
        env.launch("run"),
        env.launch("serve"),
        env.launch("work"),
    ];
    for app in &mut apps {
        app.until_ready().await;
    }
    drop(apps);
    let start = Instant::now();
    let _app = env.start().await;
    let took = start.elapsed();
    println!("start to ready on a migrated schema: {took:?}");
}

#[tokio::test]
async fn alive_answers_200_from_the_end_of_the_start_until_the_exit() {
    let mut database = Database::new().await;
    let env = TestEnv::new()
        .await
        .set("DATABASE_URL", &database.url("root", "starchart"))
        .set("DRAIN_S", "6");
    let health = async |app: &App, more: &[&str]| {
        let mut command = env.command(&["health"]);
        command.args(more).env("PORT", app.port.to_string());
        let ended = ended(command).await;
        (ended.code, ended.out)
    };
    for name in ["run", "work"] {
        database.kill();
        let mut app = env.launch(name);
        eventually("the port answers", async || {
            equal(status(&app, "/alive").await, Some(503))
        })
        .await;
        assert_eq!(
            health(&app, &[]).await,
            (1, "not ready yet".to_owned()),
            "{name}"
        );
        assert_eq!(
            health(&app, &["--ready"]).await,
            (1, "not ready".to_owned()),
            "{name}"
        );
        database.start().await;
        app.until_ready().await;
        assert_eq!(
            (status(&app, "/alive").await, health(&app, &[]).await),
            (Some(200), (0, "alive".to_owned())),
            "{name}"
        );
        assert_eq!(
            health(&app, &["--ready"]).await,
            (0, "ready".to_owned()),
            "{name}"
        );

        database.kill();
        eventually("not ready without its database", async || {
            equal(status(&app, "/healthcheck").await, Some(500))
        })
        .await;
        assert_eq!(
            status(&app, "/alive").await,
            Some(200),
            "{name}: another process would not bring the database back"
        );
        database.start().await;
        app.until_ready().await;
        app.signal("TERM");
        eventually("drains", async || {
            equal(status(&app, "/healthcheck").await, Some(500))
        })
        .await;
        assert_eq!(
            status(&app, "/alive").await,
            Some(200),
            "{name}: it is not killed while it drains"
        );
        assert_eq!(app.server.wait_for_exit().await.code(), Some(0), "{name}");
    }
}

#[tokio::test]
async fn a_signal_drains_finishes_work_and_exits() {
    // A drain that is long enough for a save on a busy machine.
    let env = TestEnv::new().await.set("DRAIN_S", "6");
    for signal in ["TERM", "INT"] {
        let mut app = env.start().await;
        let mut browser = signed_in(&env, &app, "user1").await;
        let fqdn = format!("last-{}.user1.{}", signal.to_lowercase(), crate::app::ROOT);
        env.zone.latency(Duration::from_millis(500));
        app.signal(signal);
        eventually("not ready at once", async || {
            equal(status(&app, "/healthcheck").await, Some(500))
        })
        .await;
        // The proxy may still send requests here during the drain: they are answered.
        let saved = browser
            .create(
                &format!("last-{}", signal.to_lowercase()),
                "A",
                "192.168.1.1",
            )
            .await;
        assert_eq!(saved.status, 303, "{signal}: {}", saved.body);
        let start = Instant::now();
        assert_eq!(app.server.wait_for_exit().await.code(), Some(0), "{signal}");
        println!(
            "SIG{signal}: ended {:?} after the drain's save",
            start.elapsed()
        );
        assert!(
            env.zone.set(&fqdn, "A").is_some(),
            "what was under way came to its end"
        );
        assert_eq!(status(&app, "/healthcheck").await, None);
        env.zone.latency(Duration::ZERO);
    }
}

#[tokio::test]
async fn a_request_that_runs_when_the_signal_comes_is_answered() {
    let env = TestEnv::new().await;
    let mut app = env.start().await;
    let mut browser = signed_in(&env, &app, "user1").await;
    // Another connection locks the user's row for 8 s, so the save runs when the signal comes.
    let db = &env.db;
    let lock = db.run(
        "START TRANSACTION; UPDATE users SET lock_version = lock_version + 1; \
         SELECT SLEEP(8); COMMIT",
    );
    let statements = async |condition: &str| {
        let count = "SELECT COUNT(*) FROM information_schema.processlist \
                     WHERE db = DATABASE() AND command IN ('Query', 'Execute') AND";
        db.number(&format!("{count} {condition}")).await
    };
    let save = async {
        eventually("the lock", async || {
            statements("info LIKE 'SELECT SLEEP%'").await > 0
        })
        .await;
        browser.create("slow", "A", "192.168.1.1").await
    };
    let stop = async {
        // A statement that runs for a second waits for the lock.
        eventually("the save to wait for the lock", async || {
            statements("info LIKE 'UPDATE%' AND time >= 1").await > 0
        })
        .await;
        app.signal("TERM");
    };
    let ((), saved, ()) = tokio::join!(lock, save, stop);
    assert_eq!(saved.status, 303, "{}", saved.body);
    assert_eq!(app.server.wait_for_exit().await.code(), Some(0));
}

/// How many saves of all browsers succeeded and failed so far.
#[derive(Default)]
struct Saves {
    acknowledged: AtomicUsize,
    failed: AtomicUsize,
    is_over: AtomicBool,
}

impl Saves {
    /// Waits until `count` more saves were acknowledged.
    async fn until_acknowledged(&self, count: usize) {
        let before = self.acknowledged.load(Ordering::Relaxed);
        eventually("more acknowledged saves", async || {
            let more = self.acknowledged.load(Ordering::Relaxed) - before;
            if more >= count { Ok(()) } else { Err(more) }
        })
        .await;
    }

    /// Waits until another save has failed.
    async fn until_failed(&self) {
        let before = self.failed.load(Ordering::Relaxed);
        eventually("a failed save", async || {
            self.failed.load(Ordering::Relaxed) > before
        })
        .await;
    }
}

/// Saves records until `saves.is_over`; returns the names whose saving was acknowledged.
async fn save_records(mut browser: Browser, label: &str, saves: &Saves) -> Vec<String> {
    let mut saved = Vec::new();
    for n in 0.. {
        if saves.is_over.load(Ordering::Relaxed) {
            break;
        }
        let name = label_of(n);
        let page = browser.get("/dns-records/new").await;
        if page.status != 200 {
            saves.failed.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        }
        let form = page
            .form("/dns-records/new")
            .with("subdomain", &name)
            .with("type", "A")
            .with("value", "10.0.0.1");
        match browser.submit(&form).await.status {
            303 => {
                saved.push(format!("{name}.{label}.{}", crate::app::ROOT));
                saves.acknowledged.fetch_add(1, Ordering::Relaxed);
            }
            status => {
                assert!(status >= 500, "{status}");
                saves.failed.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
    saved
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_acknowledged_save_is_lost_when_the_database_dies_and_comes_back() {
    let mut database = Database::new().await;
    let env = TestEnv::new()
        .await
        .set("DATABASE_URL", &database.url("root", "starchart"))
        .set("USER_DNS_RECORD_LIMIT", "");
    let app = env.start().await;
    let mut browsers = Vec::new();
    for n in 1..=4 {
        browsers.push(signed_in(&env, &app, &format!("load{n}")).await);
    }
    let saves = Arc::new(Saves::default());
    let mut savers = tokio::task::JoinSet::new();
    for (n, browser) in browsers.iter().cloned().enumerate() {
        let saves = Arc::clone(&saves);
        savers.spawn(async move { save_records(browser, &format!("load{}", n + 1), &saves).await });
    }
    for _ in 0..2 {
        saves.until_acknowledged(25).await;
        database.kill();
        saves.until_failed().await;
        database.start().await;
    }
    saves.until_acknowledged(25).await;
    saves.is_over.store(true, Ordering::Relaxed);
    let saved = savers.join_all().await.concat();
    println!(
        "{} saves acknowledged, {} refused while the database was away",
        saved.len(),
        saves.failed.load(Ordering::Relaxed)
    );
    let mut listed = Vec::new();
    for browser in &mut browsers {
        listed.extend(browser.rows().await.into_iter().map(|row| row.name));
    }
    let lost: Vec<_> = saved.iter().filter(|name| !listed.contains(name)).collect();
    assert!(lost.is_empty(), "{lost:?}");
    zone_equals_pages(&env, &mut browsers).await;
}

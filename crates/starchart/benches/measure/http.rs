//! `script/bench http`: how many requests a second the pages answer, and what a request costs,
//! beside a bare handler, the floor, which makes the same queries and writes as many octets.

mod users;
mod wrk;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use starchart_testkit::redis::Redis;
use starchart_testkit::server::{Server, free_port, scratch};

use crate::app::{App, TestEnv};
use crate::process;
use users::Users;
use wrk::{Load, Measured, median};

const CONNECTIONS: [usize; 3] = [1, 16, 64];
/// How many users there are: half of them have ten records and half have twenty.
const USERS: usize = 200;
/// How many requests a second the original answered on such a machine, for a list of ten records.
const ORIGINAL_PER_SECOND: f64 = 23.0;

/// How long a run takes, how many runs a measurement has, and with how many users.
struct Effort {
    seconds: u64,
    runs: usize,
    users: usize,
}

pub async fn run(quick: bool) {
    let effort = if quick {
        Effort {
            seconds: 3,
            runs: 1,
            users: 20,
        }
    } else {
        Effort {
            seconds: 30,
            runs: 3,
            users: USERS,
        }
    };
    let redis = Redis::start().await;
    let env = TestEnv::new()
        .await
        .set("REDIS_URL", &redis.url())
        .set("ROUTE53_REQUESTS_PER_SECOND", "4")
        .set("LOG_LEVEL", "info")
        .set("USER_DNS_RECORD_LIMIT", "1000000")
        .set("RATE_LIMIT_RECORD_WRITES_PER_MINUTE", "1000000")
        .set("RATE_LIMIT_SIGN_IN_PER_MINUTE", "1000000");
    drop(env.start().await);
    let app = env.start().await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    let idle = process::memory(app.pid()).0;
    println!(
        "limits raised: records a user 1000000, writes and sign-ins a minute 1000000; {} users",
        effort.users
    );
    println!(
        "{} run(s) of {} s each, the median of them; wrk, MariaDB and the zone share the cores",
        effort.runs, effort.seconds
    );
    println!("resident, idle: {idle:.1} MB");

    let folder = scratch("bench");
    let ten = Users::create(&env, &app, "ten", effort.users / 2, 10, &folder).await;
    let twenty = Users::create(&env, &app, "twenty", effort.users / 2, 20, &folder).await;
    users::until_all_answered(&env).await;
    let bench = Bench {
        floor: Floor::start(&env).await,
        app: &app,
        effort,
        folder: &folder,
    };
    pages(&bench, &ten, &twenty).await;
    println!(
        "resident, after the pages: {:.1} MB (at most {:.1})",
        process::memory(app.pid()).0,
        process::memory(app.pid()).1
    );
    bench.create(&env, &ten).await;
    println!(
        "resident, after the records: {:.1} MB (at most {:.1})",
        process::memory(app.pid()).0,
        process::memory(app.pid()).1
    );
    let _ = std::fs::remove_dir_all(&folder);
}

/// Measures the pages that users read, and the floor of some.
async fn pages(bench: &Bench<'_>, ten: &Users, twenty: &Users) {
    let guest = bench.folder.join("guest");
    std::fs::write(&guest, "\t\t\n").unwrap();
    let login = bench.app.browser().get("/login").await;
    let asset = login
        .body
        .split('"')
        .find(|text| text.starts_with("/static/app.css"))
        .expect("a stylesheet")
        .to_owned();
    println!(
        "\n{:<34} {:>5} {:>9} {:>9} {:>9} {:>8} {:>8}",
        "request", "conns", "req/s", "p50 ms", "p99 ms", "CPU ms", "octets"
    );
    let octets = bench.read("GET /login", &guest, "/login", "")[0].octets;
    bench.floor("  floor: no query", &guest, &format!("/nothing/{octets}"));
    bench.read("GET / (signed in)", &ten.file, "/", "");
    let page = bench.read(
        "GET /dns-records, ten, plain",
        &ten.file,
        "/dns-records",
        "",
    );
    let floor = bench.floor(
        "  floor: ten records",
        &ten.floor_file,
        &format!("/records/{}", page[0].octets),
    );
    bench.read(
        "GET /dns-records, ten, gzip",
        &ten.file,
        "/dns-records",
        "gzip",
    );
    let octets = bench.read(
        "GET /dns-records, twenty, plain",
        &twenty.file,
        "/dns-records",
        "",
    )[0]
    .octets;
    bench.floor(
        "  floor: twenty records",
        &twenty.floor_file,
        &format!("/records/{octets}"),
    );
    bench.read(
        "GET /dns-records, twenty, gzip",
        &twenty.file,
        "/dns-records",
        "gzip",
    );
    bench.read("GET /healthcheck", &guest, "/healthcheck", "");
    bench.read("GET /static/app.css", &guest, &asset, "");
    let list = ten.first().get("/dns-records").await;
    assert!(
        list.status == 200 && page[0].octets as usize > list.body.len(),
        "users stayed signed in"
    );
    println!(
        "\nten records, plain, 16 connections: {:.0} times the original's \
         {ORIGINAL_PER_SECOND}/s, {:.0} % of the floor",
        page[1].per_second / ORIGINAL_PER_SECOND,
        page[1].per_second / floor[1].per_second * 100.0
    );
}

struct Bench<'a> {
    app: &'a App,
    floor: Floor,
    effort: Effort,
    folder: &'a Path,
}

impl Bench<'_> {
    fn read(&self, name: &str, users: &Path, path: &str, encodings: &str) -> Vec<Measured> {
        let port = self.app.port;
        let pid = self.app.pid();
        self.measure(
            name,
            &Load {
                port,
                pid,
                users,
                method: "GET",
                path,
                encodings,
            },
        )
    }

    fn floor(&self, name: &str, users: &Path, path: &str) -> Vec<Measured> {
        let Floor { port, pid, .. } = self.floor;
        self.measure(
            name,
            &Load {
                port,
                pid,
                users,
                method: "GET",
                path,
                encodings: "",
            },
        )
    }

    fn measure(&self, name: &str, load: &Load<'_>) -> Vec<Measured> {
        CONNECTIONS
            .map(|connections| self.at(name, load, connections))
            .into()
    }

    fn at(&self, name: &str, load: &Load<'_>, connections: usize) -> Measured {
        let word = |run: usize| format!("c{connections}r{run}n");
        let runs =
            (0..self.effort.runs).map(|run| load.run(connections, self.effort.seconds, &word(run)));
        let Measured {
            per_second,
            p50_ms,
            p99_ms,
            cpu_ms,
            octets,
        } = median(runs.collect());
        println!(
            "{name:<34} {connections:>5} {per_second:>9.0} {p50_ms:>9.2} {p99_ms:>9.2} \
             {cpu_ms:>8.3} {octets:>8}"
        );
        Measured {
            per_second,
            p50_ms,
            p99_ms,
            cpu_ms,
            octets,
        }
    }

    /// Measures how records are created while the same process publishes them.
    async fn create(&self, env: &TestEnv, users: &Users) {
        let port = self.app.port;
        let pid = self.app.pid();
        let load = Load {
            port,
            pid,
            users: &users.file,
            method: "POST",
            path: "/dns-records/new",
            encodings: "",
        };
        let before = env.db.number("SELECT COUNT(*) FROM dns_records").await;
        self.measure("POST /dns-records/new", &load);
        let created = env.db.number("SELECT COUNT(*) FROM dns_records").await - before;
        let begun = Instant::now();
        let unpublished = "SELECT COUNT(*) FROM names WHERE is_unpublished = 1";
        starchart_testkit::wait::eventually_within(
            Duration::from_secs(600),
            "all published",
            async || env.db.number(unpublished).await == 0,
        )
        .await;
        println!(
            "{created} records created; all in the zone {:.1} s after the last",
            begun.elapsed().as_secs_f64()
        );
    }
}

/// The bare handler, which runs in its own process.
struct Floor {
    port: u16,
    pid: u32,
    /// Held for its drop, which stops the process.
    _server: Server,
}

impl Floor {
    async fn start(env: &TestEnv) -> Self {
        let port = free_port();
        let mut server = Server::start(scratch("floor"), floor(), |command| {
            command.args(["--database", &env.db.url(), "--port", &port.to_string()]);
        });
        server
            .wait_for_http(&format!("http://127.0.0.1:{port}/nothing/1"))
            .await;
        Self {
            port,
            pid: process::with_port("floor", port),
            _server: server,
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "script/bench passes what it built"
)]
fn floor() -> PathBuf {
    std::env::var_os("STARCHART_BENCH_FLOOR")
        .expect("STARCHART_BENCH_FLOOR: run script/bench http")
        .into()
}

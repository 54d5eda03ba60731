//! How many requests a second the pages answer, at what cost, beside a bare handler that asks the
//! database the same questions and writes as many octets: `script/bench http` runs this on the
//! production build.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a program for people who measure"
)]
#![expect(
    unreachable_pub,
    dead_code,
    reason = "the frame is shared with the stories, which use all of it"
)]

#[path = "../../tests/it/app.rs"]
mod app;
#[path = "../../tests/it/browser.rs"]
mod browser;
mod people;
mod process;
mod wrk;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use app::{App, TestEnv};
use people::People;
use starchart_testkit::redis::Redis;
use starchart_testkit::server::{Server, free_port, scratch};
use wrk::{Load, Measured, median};

const CONNECTIONS: [usize; 3] = [1, 16, 64];
/// People, half of them with ten records and half with twenty.
const PEOPLE: usize = 200;
/// What the TypeScript application that this one takes the place of answered on such a machine: ten
/// records, a second.
const ORIGINAL_PER_SECOND: f64 = 23.0;

/// How long each measurement takes and how often it is made.
struct Effort {
    seconds: u64,
    runs: usize,
    people: usize,
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let quick = std::env::args().any(|argument| argument == "--quick");
    let effort = if quick {
        Effort {
            seconds: 3,
            runs: 1,
            people: 20,
        }
    } else {
        Effort {
            seconds: 30,
            runs: 3,
            people: PEOPLE,
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
        "limits raised: records a person 1000000, writes and sign-ins a minute 1000000; {} people",
        effort.people
    );
    println!(
        "{} run(s) of {} s each, the median of them; wrk, MariaDB and the zone share the cores",
        effort.runs, effort.seconds
    );
    println!("resident, idle: {idle:.1} MB");

    let folder = scratch("bench");
    let ten = People::settle(&env, &app, "ten", effort.people / 2, 10, &folder).await;
    let twenty = People::settle(&env, &app, "twenty", effort.people / 2, 20, &folder).await;
    people::until_all_answer(&env).await;
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

/// All that is read, and the floor beside what has one.
async fn pages(bench: &Bench<'_>, ten: &People, twenty: &People) {
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
    bench.floor(
        "  floor: nothing asked",
        &guest,
        &format!("/nothing/{octets}"),
    );
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
    let shown = ten.anyone().get("/dns-records").await;
    assert!(
        shown.status == 200 && page[0].octets as usize > shown.body.len(),
        "people stayed signed in"
    );
    println!(
        "\nten records, plain, 16 connections: {:.0} times the original's {ORIGINAL_PER_SECOND}/s, {:.0} % of the floor",
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
    fn read(&self, name: &str, people: &Path, path: &str, encodings: &str) -> Vec<Measured> {
        let port = self.app.port;
        let pid = self.app.pid();
        self.measure(
            name,
            &Load {
                port,
                pid,
                people,
                method: "GET",
                path,
                encodings,
            },
        )
    }

    fn floor(&self, name: &str, people: &Path, path: &str) -> Vec<Measured> {
        let Floor { port, pid, .. } = self.floor;
        self.measure(
            name,
            &Load {
                port,
                pid,
                people,
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
            "{name:<34} {connections:>5} {per_second:>9.0} {p50_ms:>9.2} {p99_ms:>9.2} {cpu_ms:>8.3} {octets:>8}"
        );
        Measured {
            per_second,
            p50_ms,
            p99_ms,
            cpu_ms,
            octets,
        }
    }

    /// Records are made, and published meanwhile by the same process.
    async fn create(&self, env: &TestEnv, people: &People) {
        let port = self.app.port;
        let pid = self.app.pid();
        let load = Load {
            port,
            pid,
            people: &people.file,
            method: "POST",
            path: "/dns-records/new",
            encodings: "",
        };
        let before = env.db.number("SELECT COUNT(*) FROM dns_records").await;
        self.measure("POST /dns-records/new", &load);
        let made = env.db.number("SELECT COUNT(*) FROM dns_records").await - before;
        let begun = Instant::now();
        let owed = "SELECT COUNT(*) FROM names WHERE generation > applied_generation";
        starchart_testkit::wait::eventually_within(
            Duration::from_secs(600),
            "all published",
            async || env.db.number(owed).await == 0,
        )
        .await;
        println!(
            "{made} records made; all in the zone {:.1} s after the last",
            begun.elapsed().as_secs_f64()
        );
    }
}

/// The bare handler as a process of its own.
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

#[expect(clippy::disallowed_methods, reason = "script/bench says what it built")]
fn floor() -> PathBuf {
    std::env::var_os("STARCHART_BENCH_FLOOR")
        .expect("STARCHART_BENCH_FLOOR: run script/bench http")
        .into()
}

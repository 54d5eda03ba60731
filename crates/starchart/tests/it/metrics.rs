//! The metrics of the binary: they grow during an outage, fall after it, and are served on a port
//! of their own.

use std::collections::BTreeMap;

use starchart_testkit::server::free_port;
use starchart_testkit::wait::eventually;

use crate::app::{App, ROOT, TestEnv};
use crate::boot::Database;
use crate::truth::signed_in;

/// Returns an environment whose processes serve metrics, and the port.
async fn measured() -> (TestEnv, u16) {
    let port = free_port();
    (
        TestEnv::new().await.set("METRICS_PORT", &port.to_string()),
        port,
    )
}

/// Returns status, content type and text of one scrape.
async fn scrape(port: u16) -> (u16, String, String) {
    let request = starchart_testkit::http::client().get(format!("http://127.0.0.1:{port}/metrics"));
    let answer = request
        .header("Host", "tasks.mycustomdomain")
        .send()
        .await
        .unwrap();
    let status = answer.status().as_u16();
    let kind = answer.headers()["content-type"]
        .to_str()
        .unwrap()
        .to_owned();
    (status, kind, answer.text().await.unwrap())
}

/// Returns the samples of one scrape: name with labels, and value.
async fn samples(port: u16) -> BTreeMap<String, f64> {
    let (status, kind, text) = scrape(port).await;
    assert_eq!(
        (status, kind.as_str()),
        (
            200,
            "application/openmetrics-text; version=1.0.0; charset=utf-8"
        )
    );
    assert!(text.ends_with("# EOF\n"), "{text}");
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let sample = |line: &str| {
        let (name, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("{line}"));
        (
            name.to_owned(),
            value.parse().unwrap_or_else(|_| panic!("{line}")),
        )
    };
    lines.map(sample).collect()
}

async fn value(port: u16, name: &str) -> f64 {
    let samples = samples(port).await;
    *samples
        .get(name)
        .unwrap_or_else(|| panic!("no {name} in {samples:#?}"))
}

async fn until(port: u16, name: &str, holds: impl Fn(f64) -> bool) {
    eventually(name, async || holds(value(port, name).await)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lag_and_queue_grow_while_the_zone_is_away_and_fall_again() {
    let (env, port) = measured().await;
    let app = env.start().await;
    let mut browser = signed_in(&env, &app, "user1").await;
    let quiet = samples(port).await;
    for name in [
        "publish_lag_seconds",
        "names_unpublished",
        "names_refused",
        "publishing_paused",
        "mail_oldest_pending_age_seconds",
    ] {
        assert_eq!(quiet[&format!("starchart_{name}")], 0.0, "{name}");
    }
    assert_eq!(
        (quiet["starchart_ready"], quiet["starchart_database_up"]),
        (1.0, 1.0)
    );

    env.zone.unavailable(1_000_000);
    assert_eq!(browser.create("www", "A", "192.168.1.1").await.status, 303);
    // An order that waits for the zone, too, and a mail without a mail server.
    let now = "CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS SIGNED)";
    env.db
        .run(&format!(
            "INSERT INTO certificate_orders \
             (user_id, domain, step, next_step_at, created_at, updated_at) \
             SELECT id, 'user1.{ROOT}', 'opened', {now}, {now}, {now} FROM users; \
             INSERT INTO outbox \
             (kind, topic, day, recipient, detail, message_id, next_attempt_at, created_at) \
             VALUES ('later', 'a test', '', 'user1@school.example', '{{}}', 'a test', {now}, {now})"
        ))
        .await;
    until(port, "starchart_names_unpublished", |names| names == 1.0).await;
    for name in [
        "publish_lag",
        "certificate_oldest_order_age",
        "certificate_step_overdue",
        "mail_oldest_pending_age",
    ] {
        let name = format!("starchart_{name}_seconds");
        until(port, &name, |age| age >= 3.0).await;
        let before = value(port, &name).await;
        until(port, &name, |age| age >= before + 4.0).await;
    }
    assert_eq!(
        (
            value(port, "starchart_mails_pending").await,
            value(port, "starchart_certificate_orders_pending").await
        ),
        (1.0, 1.0)
    );

    env.zone.unavailable(0);
    env.db
        .run(&format!(
            "UPDATE certificate_orders SET step = 'failed', finished_at = {now}; DELETE FROM outbox"
        ))
        .await;
    until(port, "starchart_publish_lag_seconds", |lag| lag == 0.0).await;
    let fallen = samples(port).await;
    for name in [
        "names_unpublished",
        "certificate_oldest_order_age_seconds",
        "mail_oldest_pending_age_seconds",
        "certificate_orders_pending",
    ] {
        assert_eq!(fallen[&format!("starchart_{name}")], 0.0, "{name}");
    }
    assert_eq!(fallen["starchart_certificate_orders_failed_24h"], 1.0);
    env.db
        .run("INSERT INTO zone_control (id, paused_at, paused_reason) VALUES (1, 1, 'a test')")
        .await;
    until(port, "starchart_publishing_paused", |paused| paused == 1.0).await;
}

#[tokio::test]
async fn requests_are_counted_under_a_fixed_set_of_labels() {
    let (env, port) = measured().await;
    let app = env.start().await;
    let mut browser = signed_in(&env, &app, "user1").await;
    assert_eq!(browser.create("www", "A", "192.168.1.1").await.status, 303);
    let ids = browser.record_ids().await;
    let count = async || samples(port).await.len();
    for path in [
        format!("/dns-records/{}", ids[0]),
        "/dns-records/999999".to_owned(),
        "/made-up/0".to_owned(),
    ] {
        browser.get(&path).await;
    }
    let method = reqwest::Method::from_bytes(b"MADEUP").unwrap();
    browser
        .send(browser.request(method.clone(), "/login"))
        .await;
    let before = count().await;
    for n in 0..40 {
        browser.get(&format!("/made-up/{n}?q={n}")).await;
        browser.get(&format!("/dns-records/{n}77")).await;
        browser.get(&format!("/static/made-up-{n}.css")).await;
        let method = reqwest::Method::from_bytes(format!("MADEUP{n}").as_bytes()).unwrap();
        browser.send(browser.request(method, "/login")).await;
    }
    browser.get("/static/made-up.css").await;
    let after = samples(port).await;
    let made_up: Vec<_> = after
        .keys()
        .filter(|name| name.to_lowercase().contains("made"))
        .collect();
    assert!(made_up.is_empty(), "{made_up:?}");
    // A route without a request before adds a counter, and a histogram: ten buckets, `+Inf`, sum
    // and count.
    assert!(
        after.len() <= before + 14,
        "{} and then {}",
        before,
        after.len()
    );
    let requests = |labels: &str| after[&format!("starchart_http_requests_total{{{labels}}}")];
    assert_eq!(
        requests("method=\"POST\",route=\"/dns-records/new\",status=\"3xx\""),
        1.0
    );
    assert_eq!(
        requests("method=\"GET\",route=\"/dns-records/{id}\",status=\"2xx\""),
        1.0
    );
    assert_eq!(
        requests("method=\"GET\",route=\"none\",status=\"4xx\""),
        41.0
    );
    assert_eq!(
        requests("method=\"other\",route=\"/login\",status=\"4xx\""),
        41.0
    );
    let name = "starchart_http_request_duration_seconds";
    let labels = r#"method="POST",route="/dns-records/new""#;
    let count = after[&format!("{name}_count{{{labels}}}")];
    let within = after[&format!("{name}_bucket{{le=\"+Inf\",{labels}}}")];
    assert_eq!((count, within), (1.0, 1.0));
}

#[tokio::test]
async fn metrics_are_served_on_their_own_port_only_when_it_is_set() {
    let (env, port) = measured().await;
    let app = env.start().await;
    let page = app.browser().get("/metrics").await;
    assert!(
        page.status == 404 && !page.body.contains("starchart_"),
        "{}: {}",
        page.status,
        page.body
    );
    let other = starchart_testkit::http::client()
        .get(format!("http://127.0.0.1:{port}/dns-records"))
        .send()
        .await
        .unwrap();
    assert_eq!(other.status(), 404, "no page is on the other port");
    eventually("the leases that were taken", async || {
        has(port, "starchart_lease_held_seconds{lease=\"expiry\"}").await
    })
    .await;
    let (_, _, text) = scrape(port).await;
    for wanted in [
        &format!(
            "starchart_build_info{{version=\"{}\",commit=",
            env!("CARGO_PKG_VERSION")
        ),
        "# TYPE process_resident_memory_bytes gauge",
        "starchart_database_connections{state=\"idle\"}",
        "starchart_database_ping_seconds ",
        "starchart_certificates_expiring{left=\"sixth\"} 0",
    ] {
        assert!(text.contains(wanted), "{wanted}: {text}");
    }
    let memory = value(port, "process_resident_memory_bytes").await;
    let kib = app.resident_kib() as f64;
    assert!(
        memory / 1_024.0 > kib / 2.0 && memory / 1_024.0 < kib * 2.0,
        "{memory} bytes, {kib} KiB"
    );
    assert!(
        !text.contains("user1") && !text.contains("a secret for tests"),
        "{text}"
    );

    let taken = crate::truth::verb(&env.set("PORT", &free_port().to_string()), &["work"]).await;
    assert_eq!(taken.code, 1, "{}", taken.all);
    assert!(
        taken
            .all
            .contains(&format!("METRICS_PORT: port {port} cannot be opened")),
        "{}",
        taken.all
    );
}

/// Returns whether there is a sample of this name now.
async fn has(port: u16, name: &str) -> bool {
    samples(port).await.contains_key(name)
}

#[tokio::test]
async fn an_absent_database_is_reported_and_its_metrics_are_left_out() {
    let mut database = Database::new().await;
    database.kill();
    let (env, port) = measured().await;
    let env = env.set("DATABASE_URL", &database.url("root", "starchart"));
    let mut app: App = env.launch("work");
    let client = starchart_testkit::http::client();
    let answers = async || {
        client
            .get(format!("http://127.0.0.1:{port}/metrics"))
            .send()
            .await
            .is_ok()
    };
    eventually("metrics from the first moment", answers).await;
    let waiting = samples(port).await;
    assert_eq!(
        (waiting["starchart_database_up"], waiting["starchart_ready"]),
        (0.0, 0.0)
    );
    assert!(
        !waiting.contains_key("starchart_publish_lag_seconds"),
        "not known is not 0"
    );
    database.start().await;
    app.until_ready().await;
    until(port, "starchart_database_up", |up| up == 1.0).await;
    assert!(has(port, "starchart_publish_lag_seconds").await);
    assert_eq!(value(port, "starchart_ready").await, 1.0);
    database.kill();
    until(port, "starchart_database_up", |up| up == 0.0).await;
    assert!(
        !has(port, "starchart_publish_lag_seconds").await
            && has(port, "process_resident_memory_bytes").await
    );
    assert_eq!(value(port, "starchart_ready").await, 0.0);
}

#[tokio::test]
async fn the_result_of_the_audit_is_a_metric() {
    let (env, port) = measured().await;
    let app = env.start().await;
    let mut browser = signed_in(&env, &app, "user1").await;
    let foreign = starchart_testkit::route53::Set::new(
        &format!("theirs.user1.{ROOT}"),
        "A",
        300,
        ["192.168.7.7"],
    );
    env.zone.put(foreign).unwrap();
    assert_eq!(browser.create("www", "A", "192.168.1.1").await.status, 303);
    let name = format!("www.user1.{ROOT}");
    eventually("published", async || env.zone.set(&name, "A")).await;
    env.zone.remove(&name, "A").unwrap();
    let asked = crate::truth::verb(&env, &["reconcile", "--now"]).await;
    assert_eq!(asked.code, 0, "{}", asked.all);
    until(port, "starchart_drift_repaired_total", |sets| sets == 1.0).await;
    let values = samples(port).await;
    assert_eq!(
        (
            values["starchart_audit_needs_approval"],
            values["starchart_audit_failed"]
        ),
        (0.0, 0.0)
    );
    assert_eq!(values["starchart_audit_differences{kind=\"create\"}"], 1.0);
    assert_eq!(
        (
            values["starchart_zone_rrsets{kind=\"owned\"}"],
            values["starchart_zone_rrsets{kind=\"orphan\"}"]
        ),
        (1.0, 1.0)
    );
    assert!(values["starchart_audit_age_seconds"] < 60.0);
}

/// Reads a file of the repository.
fn text(path: &str) -> String {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    std::fs::read_to_string(root.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Returns the texts between backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

#[tokio::test]
async fn the_guide_lists_every_metric() {
    let (env, port) = measured().await;
    let redis = starchart_testkit::redis::Redis::start().await;
    let env = env.set("REDIS_URL", &redis.url());
    let app = env.start().await;
    app.browser().get("/login").await;
    app.browser().get("/api/v1/account/").await;
    let now = "CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS SIGNED)";
    signed_in(&env, &app, "user1").await;
    let columns = "user_id, domain, state, certificate, chain, not_before, not_after, renew_at, \
                   created_at";
    env.db
        .run(&format!(
            "INSERT INTO certificates ({columns}) \
             SELECT id, '', 'active', '', '', 1, {now} + 99000000, {now} + 99000000, 1 FROM users"
        ))
        .await;
    until(port, "starchart_certificates_active", |count| count == 1.0).await;
    eventually("an audit", async || {
        has(port, "starchart_audit_age_seconds").await
    })
    .await;
    let (_, _, shown) = scrape(port).await;
    let types = shown
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    let of_kind = |(name, kind): (&str, &str)| match kind {
        "counter" => format!("{name}_total"),
        _ => name.to_owned(),
    };
    let served: std::collections::BTreeSet<String> = types.map(of_kind).collect();
    let guide = text("docs/monitoring.md");
    let alerts = text("config/prometheus-alerts.yml");
    let is_name = |word: &&str| word.starts_with("starchart_") || word.starts_with("process_");
    let crates = ["starchart_web", "starchart_worker", "starchart_dns"];
    let documented: std::collections::BTreeSet<String> = quoted(&guide)
        .filter(is_name)
        .filter(|name| !crates.contains(name))
        .map(str::to_owned)
        .collect();
    assert_eq!(
        documented, served,
        "docs/monitoring.md beside what is served"
    );
    let used = alerts
        .split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
        .filter(is_name);
    for name in used {
        assert!(
            served.contains(name.trim_end_matches("_bucket")),
            "{name} in the alerts is not served"
        );
    }
    for rule in quoted(&guide).filter(|word| word.starts_with("Starchart") && !word.contains(' ')) {
        assert!(
            alerts.contains(&format!("- alert: {rule}\n")),
            "{rule} is no alert"
        );
    }
    for rule in alerts
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- alert: "))
    {
        assert!(
            guide.contains(&format!("`{rule}`")),
            "{rule} is not in the guide"
        );
    }
}

#[test]
fn the_log_guide_cites_lines_that_are_written() {
    let guide = text("docs/monitoring.md");
    let table = guide
        .split("### Messages that matter")
        .nth(1)
        .unwrap()
        .split("###")
        .next()
        .unwrap();
    let mut sources = String::new();
    let mut folders = vec![std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
        {
            let name = entry.file_name().unwrap().to_str().unwrap().to_owned();
            if entry.is_dir() && !matches!(name.as_str(), "tests" | "target") {
                folders.push(entry);
            } else if name.ends_with(".rs") {
                // A string that continues on the next line of source.
                let source = std::fs::read_to_string(entry).unwrap();
                sources += &source
                    .split("\\\n")
                    .map(str::trim_start)
                    .collect::<String>();
            }
        }
    }
    let lines: Vec<_> = table
        .lines()
        .filter(|line| line.starts_with("| `"))
        .collect();
    assert!(lines.len() > 20, "{lines:?}");
    for line in lines {
        for message in quoted(line.split(" | ").next().unwrap()) {
            assert!(
                sources.contains(&format!("\"{message}")),
                "no line of the program says: {message}"
            );
        }
    }
}

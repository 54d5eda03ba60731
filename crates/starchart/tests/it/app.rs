//! The test environment: a database, a zone, an identity provider, and processes of the binary
//! under test that are configured only through their environment.

use std::collections::BTreeMap;
use std::path::PathBuf;

use starchart_saml::issuer::Issuer;
use starchart_testkit::mariadb::TestDb;
use starchart_testkit::route53::StrictRoute53;
use starchart_testkit::server::{Server, free_port, scratch};

use crate::browser::Browser;

/// The root domain, and the name of the zone, in every test.
pub const ROOT: &str = "starchart.example";
/// The public URL; the tests send requests as the TLS proxy does.
pub const APP_URL: &str = "https://names.school.example";

/// A database, a zone and an identity provider, for any number of processes of the binary.
pub struct TestEnv {
    pub db: TestDb,
    pub zone: StrictRoute53,
    pub idp: Issuer,
    idp_metadata: PathBuf,
    settings: BTreeMap<String, String>,
}

impl TestEnv {
    pub async fn new() -> Self {
        let zone = StrictRoute53::start(ROOT).await;
        let db = TestDb::create().await;
        let idp = Issuer::generate("https://idp.school.example/metadata").unwrap();
        let metadata = idp
            .metadata_xml(
                "https://idp.school.example/sso",
                Some("https://idp.school.example/slo"),
            )
            .unwrap();
        let idp_metadata = scratch("idp").join("metadata.xml");
        std::fs::write(&idp_metadata, metadata).unwrap();
        let settings = settings(&zone, &db, &idp_metadata);
        Self {
            db,
            zone,
            idp,
            idp_metadata,
            settings,
        }
    }

    /// Sets the value of one setting; an empty value removes it.
    pub fn set(mut self, name: &str, value: &str) -> Self {
        if value.is_empty() {
            self.settings.remove(name);
        } else {
            self.settings.insert(name.to_owned(), value.to_owned());
        }
        self
    }

    /// Replaces the metadata of the built-in identity provider.
    pub fn with_idp_metadata(self, xml: &str) -> Self {
        std::fs::write(&self.idp_metadata, xml).unwrap();
        self
    }

    /// Returns a command of the binary with these arguments and the settings of this environment.
    pub fn command(&self, arguments: &[&str]) -> tokio::process::Command {
        let mut command = tokio::process::Command::new(binary());
        command
            .args(arguments)
            .env_clear()
            .envs(&self.settings)
            .kill_on_drop(true);
        command
    }

    /// Starts `starchart run` and waits until it is ready.
    pub async fn start(&self) -> App {
        let mut app = self.launch("run");
        app.until_ready().await;
        app
    }

    /// Starts a verb of the binary without waiting until it is ready.
    pub fn launch(&self, verb: &str) -> App {
        let port = free_port();
        let server = Server::start(scratch("app"), binary(), |command| {
            command
                .arg(verb)
                .env_clear()
                .envs(&self.settings)
                .env("PORT", port.to_string());
        });
        App { server, port }
    }
}

/// Returns the binary under test: `STARCHART_TEST_BINARY` (the production build), else the one that
/// cargo built.
#[expect(
    clippy::disallowed_methods,
    reason = "script/test says which build to try"
)]
pub fn binary() -> PathBuf {
    std::env::var_os("STARCHART_TEST_BINARY")
        .map_or_else(|| env!("CARGO_BIN_EXE_starchart").into(), PathBuf::from)
}

/// Returns the value of `REDIS_URL`: `STARCHART_TEST_REDIS_URL`, else `memory`. With `none` no job
/// is woken.
#[expect(
    clippy::disallowed_methods,
    reason = "script/test says which queue to try"
)]
pub fn redis_url() -> String {
    std::env::var("STARCHART_TEST_REDIS_URL").unwrap_or_else(|_| "memory".to_owned())
}

fn settings(
    zone: &StrictRoute53,
    db: &TestDb,
    idp_metadata: &std::path::Path,
) -> BTreeMap<String, String> {
    [
        ("STARCHART_ENV", "production".to_owned()),
        ("LOG_LEVEL", "debug".to_owned()),
        ("APP_URL", APP_URL.to_owned()),
        ("ROOT_DOMAIN", ROOT.to_owned()),
        ("TRUSTED_PROXIES", "127.0.0.0/8".to_owned()),
        ("DATABASE_URL", db.url()),
        ("REDIS_URL", redis_url()),
        // Without wake-ups only the sweep finds work.
        (
            "SWEEP_MS",
            if redis_url() == "none" { "200" } else { "2000" }.to_owned(),
        ),
        ("AWS_ENDPOINT_URL", zone.endpoint()),
        ("AWS_ROUTE53_HOSTED_ZONE_ID", zone.zone_id().to_owned()),
        ("AWS_ACCESS_KEY_ID", "development".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "development".to_owned()),
        ("ROUTE53_REQUESTS_PER_SECOND", "50".to_owned()),
        ("DNS_SERVERS", zone.dns_addr().to_string()),
        ("SAML_IDP_METADATA_PATH", idp_metadata.display().to_string()),
        (
            "SESSION_SECRET",
            "development only: a secret for tests, 32 bytes or more".to_owned(),
        ),
        ("USER_DNS_RECORD_LIMIT", "20".to_owned()),
        ("RATE_LIMIT_RECORD_WRITES_PER_MINUTE", "100000".to_owned()),
        ("RATE_LIMIT_SIGN_IN_PER_MINUTE", "100000".to_owned()),
        // No mail server, unless a test starts one.
        ("SMTP_HOST", "127.0.0.1".to_owned()),
        ("SMTP_PORT", "9".to_owned()),
        (
            "NOTIFICATIONS_EMAIL_USER",
            "starchart@school.example".to_owned(),
        ),
        ("NOTIFICATIONS_USERNAME", "development".to_owned()),
        ("NOTIFICATIONS_PASSWORD", "development".to_owned()),
        (
            "LETS_ENCRYPT_ACCOUNT_EMAIL",
            "starchart@school.example".to_owned(),
        ),
        (
            "LETS_ENCRYPT_DIRECTORY_URL",
            "https://localhost:14000/dir".to_owned(),
        ),
        ("DRAIN_S", "0".to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

/// A running process of the binary under test.
pub struct App {
    pub server: Server,
    pub port: u16,
}

impl App {
    /// Waits until /healthcheck answers 200.
    pub async fn until_ready(&mut self) {
        let client = starchart_testkit::http::client();
        let url = format!("http://127.0.0.1:{}/healthcheck", self.port);
        self.server
            .wait_until(async || {
                client
                    .get(&url)
                    .send()
                    .await
                    .is_ok_and(|response| response.status().as_u16() == 200)
            })
            .await;
    }

    /// Returns a browser without cookies whose requests go to this process.
    pub fn browser(&self) -> Browser {
        Browser::new(self.port)
    }

    /// Returns the process id, from the first log line that has it.
    pub fn pid(&self) -> u32 {
        let log = self.log_lines();
        let pid = log
            .iter()
            .find_map(|line| line.get("pid")?.as_u64())
            .expect("a line with the pid");
        u32::try_from(pid).unwrap()
    }

    /// Returns the resident memory of the process in KiB.
    pub fn resident_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .expect("VmRSS");
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// Sends a signal by its name, as `kill` does.
    pub fn signal(&self, name: &str) {
        let status = std::process::Command::new("kill")
            .args(["-s", name, &self.pid().to_string()])
            .status()
            .unwrap();
        assert!(status.success(), "kill -s {name}");
    }

    /// Returns the JSON lines of the log; a line that begins with `{` and is no JSON fails the
    /// test.
    pub fn log_lines(&self) -> Vec<serde_json::Value> {
        let log = self.server.log();
        let lines = log.lines().filter(|line| line.starts_with('{'));
        lines
            .map(|line| {
                serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
            })
            .collect()
    }
}

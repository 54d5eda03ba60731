//! Programs that people already have, each in the version that `script/test` installs, unmodified
//! and with the file of `config/examples` that is for it. Those that cannot be installed here are
//! represented by the requests that they send (`recorded`).

mod addresses;
mod certificates;
mod examples;
mod record_tools;
mod recorded;
mod token_page;

mod fetch;

use std::path::{Path, PathBuf};
use std::time::Instant;

use serde_json::Value;
use starchart_testkit::route53::StrictRoute53;
use starchart_testkit::server::scratch;
use starchart_testkit::wait::{completes, equal, eventually};

use crate::app::{App, TestEnv};
use crate::browser::Browser;
use crate::challenges::token_for;
use crate::truth::signed_in;

/// The folder with the clients that come from PyPI.
const CLIENTS: &str = "STARCHART_TEST_CLIENTS";
/// A folder for what each client took, from which script/test makes a table.
const TIMES: &str = "STARCHART_TEST_CLIENT_TIMES";
/// The root domain of the examples. Clients look it up in the list of public suffixes, which lacks
/// those for tests.
const ROOT: &str = "starchart.com";
/// A version of a Debian package, printed by this command with the package's name.
const DEBIAN_VERSION: [&str; 3] = ["dpkg-query", "-W", "-f=${Version}"];

#[expect(
    clippy::disallowed_methods,
    reason = "script/test says where clients are"
)]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Returns the folder of the examples.
fn examples_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config/examples")
}

/// The domain of the user.
fn domain() -> String {
    format!("user1.{ROOT}")
}

/// A service with a user, for any number of clients.
struct Setting {
    env: TestEnv,
    /// The process that clients talk to, as `http://127.0.0.1` on its port.
    api: App,
    pages: App,
    user: Browser,
}

impl Setting {
    async fn new() -> Self {
        let mut env = TestEnv::new().await;
        env.zone = StrictRoute53::start(ROOT).await;
        let (endpoint, zone_id) = (env.zone.endpoint(), env.zone.zone_id().to_owned());
        let dns = env.zone.dns_addr().to_string();
        let env = env
            .set("ROOT_DOMAIN", ROOT)
            .set("AWS_ENDPOINT_URL", &endpoint)
            .set("AWS_ROUTE53_HOSTED_ZONE_ID", &zone_id)
            .set("DNS_SERVERS", &dns)
            .set("API_REQUESTS_PER_MINUTE", "100000")
            .set("USER_DNS_RECORD_LIMIT", "60");
        let pages = env.start().await;
        let user = signed_in(&env, &pages, "user1").await;
        let env = env.set("APP_URL", "https://127.0.0.1");
        let api = env.start().await;
        Self {
            env,
            api,
            pages,
            user,
        }
    }

    /// Returns a client whose example is about this host below the user's domain, with a token that
    /// has these rights and a folder of its own.
    async fn client(&self, host: &str, rights: &Value) -> Client<'_> {
        Client {
            setting: self,
            token: token_for(&self.env, "user1", rights).await,
            folder: scratch("client"),
            host: format!("{host}.{}", domain()),
            started: Instant::now(),
        }
    }

    /// Waits until an RRset of the user's domain has these values in the zone, in any order.
    async fn zone_has(&self, host: &str, rtype: &str, values: &[&str]) {
        let name = match host {
            "@" => domain(),
            host => format!("{host}.{}", domain()),
        };
        let mut wanted: Vec<String> = values.iter().map(|&value| value.to_owned()).collect();
        wanted.sort();
        eventually(&format!("{name} {rtype} is {wanted:?}"), async || {
            let set = self.env.zone.set(&name, rtype);
            let values = set.map(|set| set.values.into_iter().collect::<Vec<_>>());
            let mut shown = values.unwrap_or_default();
            shown.sort();
            equal(shown, wanted.clone())
        })
        .await;
    }

    /// Returns whether an RRset with this name and type was sent to the zone.
    fn was_published(&self, name: &str, rtype: &str) -> bool {
        let batches = self.env.zone.batches();
        let mut changes = batches.iter().flat_map(|batch| &batch.changes);
        changes.any(|change| change.set.name == name && change.set.rtype == rtype)
    }
}

/// A program that works with a token, in a folder of its own.
struct Client<'a> {
    setting: &'a Setting,
    token: String,
    folder: PathBuf,
    /// The name that it gets a certificate for, or whose records it changes.
    host: String,
    started: Instant,
}

impl Client<'_> {
    /// Replaces what the README of the examples says, so that a text is about this setting.
    fn fill_in(&self, text: &str) -> String {
        let server = format!("127.0.0.1:{}", self.setting.api.port);
        text.replace("https://starchart.example.edu", &format!("http://{server}"))
            .replace("starchart.example.edu", &server)
            .replace("www.user1.starchart.com", &self.host)
            .replace("home.user1.starchart.com", &self.host)
            .replace("sc_YOUR_TOKEN", &self.token)
    }

    /// Writes a file of `config/examples` into the folder, with the names of this setting and
    /// these changes, each of which has to apply.
    fn example(&self, file: &str, changes: &[(&str, &str)]) -> String {
        let mut text = std::fs::read_to_string(examples_folder().join(file)).unwrap();
        for (from, to) in changes {
            assert!(text.contains(from), "{file} has no {from}");
            text = text.replace(from, to);
        }
        let path = self.folder.join(file);
        std::fs::write(&path, self.fill_in(&text)).unwrap();
        path.display().to_string()
    }

    /// Runs a command in the folder until it ends, and returns its output.
    async fn run(&self, command: &[&str], environment: &[(&str, &str)]) -> String {
        let (succeeded, text) = self.outcome(command, environment).await;
        assert!(succeeded, "{command:?}\n{text}");
        text
    }

    /// Runs a command in the folder until it ends, and returns whether it succeeded and its output.
    async fn outcome(&self, command: &[&str], environment: &[(&str, &str)]) -> (bool, String) {
        let path = match variable(CLIENTS) {
            Some(clients) => format!("{clients}:/usr/sbin:/usr/bin:/sbin:/bin"),
            None => "/usr/sbin:/usr/bin:/sbin:/bin".to_owned(),
        };
        let (program, arguments) = command.split_first().unwrap();
        let mut command = tokio::process::Command::new(program);
        command
            .args(arguments)
            .env_clear()
            .env("PATH", path)
            .env("HOME", &self.folder)
            // No client reaches anything beyond this machine.
            .env("https_proxy", "http://127.0.0.1:9")
            .env("no_proxy", "127.0.0.1,localhost")
            .envs(environment.iter().copied())
            .current_dir(&self.folder)
            .kill_on_drop(true);
        let output = completes(program, command.output()).await;
        let output = output
            .unwrap_or_else(|error| panic!("{program}: {error}; script/test clients installs it"));
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&text).into_owned();
        (output.status.success(), text)
    }

    /// Stores a Public Suffix List where lexicon, which is in certbot-dns-pdns too, keeps the one
    /// that it fetches. Without the root domain's suffix it computes no zone.
    async fn knows_public_suffixes(&self) {
        let (_, suffix) = ROOT.split_once('.').unwrap();
        let list = "https://publicsuffix.org/list/public_suffix_list.dat";
        let program = format!(
            "from tldextract.cache import DiskCache\n\
             text = '// ===BEGIN ICANN DOMAINS===\\n{suffix}\\n// ===END ICANN DOMAINS===\\n'\n\
             DiskCache('.lexicon_tld_set').set('urls', {{'url': '{list}'}}, text)\n"
        );
        self.run(&["python3", "-c", &program], &[]).await;
    }

    /// Notes which client was run, and how long it took.
    async fn done(&self, client: &str, version: &[&str]) {
        let seconds = self.started.elapsed().as_secs_f32();
        let version = self.run(version, &[]).await;
        let number = |word: &&str| word.starts_with(|c: char| c.is_ascii_digit());
        let words = version.split(|c: char| c.is_whitespace() || c == '-' || c == 'v');
        let version = words.filter(|word| !word.is_empty()).find(number);
        let line = format!("{client}\t{}\t{seconds:.1}\n", version.unwrap_or("?"));
        println!("{line}");
        if let Some(folder) = variable(TIMES) {
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(Path::new(&folder).join(client), line).unwrap();
        }
    }

    /// Notes which package of PyPI was run, and how long it took.
    async fn done_package(&self, client: &str, package: &str) {
        let version = format!("import importlib.metadata as m; print(m.version('{package}'))");
        self.done(client, &["python3", "-c", &version]).await;
    }

    /// Notes which package of Debian was run, and how long it took.
    async fn done_debian(&self, client: &str, package: &str) {
        let [program, show, format] = DEBIAN_VERSION;
        self.done(client, &[program, show, format, package]).await;
    }
}

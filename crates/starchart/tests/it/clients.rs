//! Programs that people already have, each in the version that `script/test` installs, unmodified
//! and with the file of `config/examples` that is for it. Certificates come from pebble, which
//! checks the zone.

use std::path::{Path, PathBuf};
use std::time::Instant;

use serde_json::{Value, json};
use starchart_testkit::pebble::{Options, Pebble};
use starchart_testkit::server::scratch;
use starchart_testkit::wait::{completes, equal, eventually};

use crate::app::{App, ROOT, TestEnv};
use crate::challenges::{challenges, token_for};
use crate::truth::{no_difference, signed_in};

/// The folder with the clients that come from PyPI.
const CLIENTS: &str = "STARCHART_TEST_CLIENTS";
/// A folder for what each client took, from which script/test makes a table.
const TIMES: &str = "STARCHART_TEST_CLIENT_TIMES";

#[expect(
    clippy::disallowed_methods,
    reason = "script/test says where clients are"
)]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// A service with a user who has a token, and a folder in which a client runs.
struct Setting {
    env: TestEnv,
    /// The process that the client talks to, as `http://127.0.0.1` on its port.
    api: App,
    _pages: App,
    token: String,
    folder: PathBuf,
    started: Instant,
}

/// The domain of the user.
fn domain() -> String {
    format!("user1.{ROOT}")
}

impl Setting {
    /// Starts the service, and creates a token with these rights.
    async fn new(rights: &Value) -> Self {
        let env = TestEnv::new().await;
        let pages = env.start().await;
        signed_in(&env, &pages, "user1").await;
        let token = token_for(&env, "user1", rights).await;
        let env = env.set("APP_URL", "https://127.0.0.1");
        let api = env.start().await;
        Self {
            env,
            api,
            _pages: pages,
            token,
            folder: scratch("client"),
            started: Instant::now(),
        }
    }

    /// Writes a file of `config/examples` into the folder, with the names of this setting and
    /// these changes, each of which has to apply.
    fn example(&self, file: &str, changes: &[(&str, &str)]) -> PathBuf {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config/examples");
        let mut text = std::fs::read_to_string(folder.join(file)).unwrap();
        for (from, to) in changes {
            assert!(text.contains(from), "{file} has no {from}");
            text = text.replace(from, to);
        }
        let host = format!("127.0.0.1:{}", self.api.port);
        let text = text
            .replace("https://starchart.example.edu", &format!("http://{host}"))
            .replace("starchart.example.edu", &host)
            .replace("user1.starchart.com", &domain())
            .replace("sc_YOUR_TOKEN", &self.token);
        let path = self.folder.join(file);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// Runs a command in the folder until it ends, and returns its output.
    async fn run(&self, command: &[&str], environment: &[(&str, &str)]) -> String {
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
            .envs(environment.iter().copied())
            .current_dir(&self.folder)
            .kill_on_drop(true);
        let output = completes(program, command.output()).await;
        let output = output
            .unwrap_or_else(|error| panic!("{program}: {error}; script/test clients installs it"));
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&text).into_owned();
        assert!(
            output.status.success(),
            "{program}: {}\n{text}",
            output.status
        );
        text
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

    /// Returns whether an RRset with this name and type was sent to the zone.
    fn was_published(&self, name: &str, rtype: &str) -> bool {
        let batches = self.env.zone.batches();
        let mut changes = batches.iter().flat_map(|batch| &batch.changes);
        changes.any(|change| change.set.name == name && change.set.rtype == rtype)
    }
}

/// A setting with a certificate authority.
struct WithAuthority {
    setting: Setting,
    pebble: Pebble,
}

impl WithAuthority {
    async fn new(names: &[&str]) -> Self {
        let setting = Setting::new(&challenges(names)).await;
        // Not every client repeats a request whose nonce is refused twice.
        let options = Options {
            refuse_nonces: 0,
            ..Options::default()
        };
        let pebble = Pebble::start_with(setting.env.zone.dns_addr(), options).await;
        Self { setting, pebble }
    }

    /// Returns what makes lego and certbot trust pebble.
    fn trust(&self) -> [(&'static str, String); 3] {
        let root = self.pebble.ca_root_path().display().to_string();
        [
            ("LEGO_CA_CERTIFICATES", root.clone()),
            ("REQUESTS_CA_BUNDLE", root),
            ("WAIT_S", "2".to_owned()),
        ]
    }

    /// Runs an example that is a script.
    async fn run_example(&self, file: &str, changes: &[(&str, &str)]) {
        let script = self.setting.example(file, changes);
        let trust = self.trust();
        let trust = trust
            .each_ref()
            .map(|(name, value)| (*name, value.as_str()));
        let script = script.display().to_string();
        self.setting.run(&["sh", &script], &trust).await;
    }

    /// Returns the options with which lego uses pebble. It cannot ask the zone's name server,
    /// whose port is not 53.
    fn lego(&self) -> String {
        let directory = self.pebble.directory();
        format!("lego --server {directory} --dns.disable-cp --accept-tos")
    }

    /// Returns the options with which certbot uses pebble and keeps its files in the folder.
    fn certbot(&self) -> String {
        let directory = self.pebble.directory();
        format!(
            "certbot certonly --server {directory} --config-dir conf --work-dir work \
             --logs-dir logs"
        )
    }

    /// Checks that a file has a certificate for the names, and that the challenge was answered in
    /// the zone.
    fn has_certificate(&self, file: &str, names: &[String]) {
        let path = self.setting.folder.join(file);
        let pem = std::fs::read_to_string(&path)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let leaf = starchart_acme::chain::split(&pem).unwrap().leaf;
        for name in names {
            assert!(leaf.names.contains(name), "{name} in {:?}", leaf.names);
        }
        let challenge = format!("_acme-challenge.www.{}", domain());
        assert!(self.setting.was_published(&challenge, "TXT"));
    }

    /// Waits until no answer to a challenge is left in the zone.
    async fn is_clean(&self) {
        let challenge = format!("_acme-challenge.www.{}", domain());
        eventually("the answers leave the zone", async || {
            equal(self.setting.env.zone.set(&challenge, "TXT"), None)
        })
        .await;
        no_difference(&self.setting.env).await;
    }
}

/// The names in the certificates of the examples.
fn names() -> [String; 2] {
    let www = format!("www.{}", domain());
    [format!("*.{www}"), www]
}

#[tokio::test]
async fn lego_by_httpreq() {
    let with = WithAuthority::new(&["www"]).await;
    let lego = with.lego();
    let example = "lego-httpreq.sh";
    with.run_example(example, &[("lego --accept-tos", &lego)])
        .await;
    let file = format!(".lego/certificates/www.{}.crt", domain());
    with.has_certificate(&file, &names());
    with.is_clean().await;
    let renew = "' renew --days 9999 --no-random-sleep";
    with.run_example(example, &[("lego --accept-tos", &lego), ("' run", renew)])
        .await;
    with.has_certificate(&file, &names());
    let version = ["dpkg-query", "-W", "-f=${Version}", "lego"];
    with.setting.done("lego (httpreq)", &version).await;
}

#[tokio::test]
async fn lego_by_powerdns() {
    let with = WithAuthority::new(&["www"]).await;
    let directory = with.pebble.directory();
    // It looks for the zone in the DNS.
    let lego = format!(
        "lego --server {directory} --dns.resolvers {} --dns.disable-cp --accept-tos",
        with.setting.env.zone.dns_addr()
    );
    let example = "lego-pdns.sh";
    with.run_example(example, &[("lego --accept-tos", &lego)])
        .await;
    let file = format!(".lego/certificates/www.{}.crt", domain());
    with.has_certificate(&file, &names());
    with.is_clean().await;
    let version = ["dpkg-query", "-W", "-f=${Version}", "lego"];
    with.setting.done("lego (pdns)", &version).await;
}

/// Runs an example of certbot; `multi` is the provider of lego inside it.
async fn certbot(example: &str, client: &str, package: &str, more: &[(&str, &str)]) {
    let with = WithAuthority::new(&["www"]).await;
    let certbot = with.certbot();
    let mut changes = vec![
        ("certbot certonly", &*certbot),
        ("propagation-seconds 10", "propagation-seconds 2"),
    ];
    changes.extend(more);
    with.run_example(example, &changes).await;
    let file = format!("conf/live/www.{}/cert.pem", domain());
    with.has_certificate(&file, &names());
    let version = format!("import importlib.metadata as m; print(m.version('{package}'))");
    with.setting
        .done(client, &["python3", "-c", &version])
        .await;
    // acme-dns has no request that removes an answer.
    if !client.contains("acme-dns") {
        with.is_clean().await;
    }
}

#[tokio::test]
async fn certbot_by_httpreq() {
    let plugin = "certbot-lego-httpreq";
    certbot("certbot-httpreq.sh", plugin, plugin, &[]).await;
}

#[tokio::test]
async fn certbot_by_the_lego_inside_dns_multi() {
    let plugin = "certbot-dns-multi";
    certbot("certbot-multi.sh", plugin, plugin, &[]).await;
}

#[tokio::test]
async fn certbot_by_the_api_of_desec() {
    let plugin = "certbot-dns-desec";
    certbot("certbot-desec.sh", plugin, plugin, &[]).await;
}

#[tokio::test]
async fn lego_inside_certbot_by_acme_dns() {
    // Debian's lego lacks this provider. The account is that of the example for lego.
    let account = "{\"www.user1.starchart.com\": {\"username\": \"lego\", \"password\": \
                   \"sc_YOUR_TOKEN\", \"fulldomain\": \"_acme-challenge.www.user1.starchart.com\", \
                   \"subdomain\": \"www.user1.starchart.com\", \
                   \"server_url\": \"https://starchart.example.edu/acme-dns\"}}";
    let write = format!("umask 077\necho '{account}' >acme-dns.json\n");
    let changes = [
        ("umask 077\n", &*write),
        (
            "dns_multi_provider = httpreq",
            "dns_multi_provider = acme-dns",
        ),
        (
            "HTTPREQ_ENDPOINT = https://starchart.example.edu/httpreq",
            "ACME_DNS_API_BASE = https://starchart.example.edu/acme-dns",
        ),
        ("HTTPREQ_USERNAME = certbot\n", ""),
        (
            "HTTPREQ_PASSWORD = sc_YOUR_TOKEN",
            "ACME_DNS_STORAGE_PATH = acme-dns.json",
        ),
    ];
    let plugin = "certbot-dns-multi";
    certbot(
        "certbot-multi.sh",
        "certbot-dns-multi (acme-dns)",
        plugin,
        &changes,
    )
    .await;
}

#[tokio::test]
async fn certbot_with_hooks_of_curl() {
    let with = WithAuthority::new(&["www"]).await;
    let hook = with.setting.example("curl-challenge.sh", &[]);
    let hook = format!("sh {}", hook.display());
    let certbot = with.certbot();
    let mut command: Vec<&str> = certbot.split_whitespace().collect();
    let [wildcard, www] = names();
    let (present, cleanup) = (format!("{hook} present"), format!("{hook} cleanup"));
    command.extend([
        "--non-interactive",
        "--agree-tos",
        "--email",
        "you@example.edu",
        "--manual",
        "--preferred-challenges",
        "dns",
        "--manual-auth-hook",
        &present,
        "--manual-cleanup-hook",
        &cleanup,
        "-d",
        &www,
        "-d",
        &wildcard,
    ]);
    let trust = with.trust();
    let trust = trust
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    with.setting.run(&command, &trust).await;
    with.has_certificate(&format!("conf/live/{www}/cert.pem"), &names());
    with.is_clean().await;
    with.setting
        .done("certbot (hooks, curl)", &["certbot", "--version"])
        .await;
}

#[tokio::test]
async fn a_program_in_python() {
    let setting = Setting::new(&challenges(&["www"])).await;
    let program = setting.example("python_challenge.py", &[]);
    let program = program.display().to_string();
    let (www, value) = (format!("www.{}", domain()), "1".repeat(43));
    let zone = &setting.env.zone;
    let name = format!("_acme-challenge.{www}");
    for (verb, count) in [("present", Some(1)), ("cleanup", None)] {
        let said = setting
            .run(&["python3", &program, verb, &www, &value], &[])
            .await;
        assert!(said.contains(&value), "{said}");
        eventually(verb, async || {
            equal(zone.set(&name, "TXT").map(|set| set.values.len()), count)
        })
        .await;
    }
    setting.done("Python", &["python3", "--version"]).await;
}

/// The rights to set the address of `home`.
fn address() -> Value {
    json!({ "addresses": ["home"] })
}

impl Setting {
    /// Waits until the host has this address in the zone.
    async fn home_is(&self, address: &str) {
        let home = format!("home.{}", domain());
        eventually(&format!("{home} is {address}"), async || {
            let set = self.env.zone.set(&home, "A");
            equal(
                set.map(|set| set.values.into_iter().collect::<Vec<_>>()),
                Some(vec![address.to_owned()]),
            )
        })
        .await;
    }
}

#[tokio::test]
async fn ddclient() {
    let setting = Setting::new(&address()).await;
    let detected = "use=web, web=https://starchart.example.edu/nic/address";
    for ip in ["198.51.100.7", "198.51.100.8", "198.51.100.8"] {
        let fixed = format!("use=ip, ip={ip}");
        let changes = [
            ("daemon=300\n", ""),
            ("ssl=yes", "ssl=no"),
            (detected, &*fixed),
        ];
        let file = setting
            .example("ddclient.conf", &changes)
            .display()
            .to_string();
        let said = setting
            .run(
                &[
                    "ddclient",
                    "-daemon=0",
                    "-noquiet",
                    "-file",
                    &file,
                    "-cache",
                    "ddclient.cache",
                    "-force",
                ],
                &[],
            )
            .await;
        assert!(said.contains("SUCCESS") || said.contains("nochg"), "{said}");
        setting.home_is(ip).await;
    }
    no_difference(&setting.env).await;
    let version = ["dpkg-query", "-W", "-f=${Version}", "ddclient"];
    setting.done("ddclient", &version).await;
}

#[tokio::test]
async fn inadyn() {
    let setting = Setting::new(&address()).await;
    let detected =
        "    checkip-server = starchart.example.edu\n    checkip-path  = \"/nic/address\"\n";
    for ip in ["198.51.100.7", "198.51.100.8"] {
        let fixed = format!("    checkip-command = \"echo {ip}\"\n    ssl = false\n");
        let file = setting
            .example("inadyn.conf", &[(detected, &fixed)])
            .display()
            .to_string();
        let cache = setting.folder.display().to_string();
        setting
            .run(
                &[
                    "inadyn",
                    "--once",
                    "--foreground",
                    "--no-pidfile",
                    "--config",
                    &file,
                    "--cache-dir",
                    &cache,
                ],
                &[],
            )
            .await;
        setting.home_is(ip).await;
    }
    no_difference(&setting.env).await;
    setting.done("inadyn", &["inadyn", "--version"]).await;
}

#[tokio::test]
async fn dyndnsc() {
    let setting = Setting::new(&address()).await;
    let detected = "detector = webcheck4\ndetector-family = INET\n\
                    detector-url = https://starchart.example.edu/nic/address\n\
                    detector-parser = plain\n";
    for ip in ["198.51.100.7", "198.51.100.8"] {
        let fixed = format!("detector = command\ndetector-command = echo {ip}\n");
        let file = setting.example("dyndnsc.ini", &[(detected, &fixed)]);
        let file = file.display().to_string();
        setting.run(&["dyndnsc", "--config", &file], &[]).await;
        setting.home_is(ip).await;
    }
    setting.done("dyndnsc", &["dyndnsc", "--version"]).await;
}

#[tokio::test]
async fn curl_to_the_update_url() {
    let setting = Setting::new(&address()).await;
    let to = "/dyndns/update?hostname=home.user1.starchart.com'";
    let own = "/dyndns/update?hostname=home.user1.starchart.com&myip=198.51.100.9'";
    let script = setting.example("curl-address.sh", &[(to, own)]);
    let script = script.display().to_string();
    for word in ["good", "nochg"] {
        let said = setting.run(&["sh", &script], &[]).await;
        assert_eq!(said, format!("{word} 198.51.100.9\n"));
    }
    setting.home_is("198.51.100.9").await;
    setting.done("curl", &["curl", "--version"]).await;
}

//! Clients that get certificates: from pebble, which checks the zone.

use std::net::SocketAddr;

use serde_json::json;
use starchart_testkit::pebble::{Options, Pebble};
use starchart_testkit::wait::{equal, eventually};
use tokio::net::UdpSocket;

use super::{Client, Setting};
use crate::challenges::challenges;
use crate::truth::no_difference;

/// A certificate authority beside the service.
pub struct Authority {
    pebble: Pebble,
}

impl Authority {
    pub async fn start(setting: &Setting) -> Self {
        // Not every client repeats a request whose nonce is refused twice.
        let options = Options {
            refuse_nonces: 0,
            ..Options::default()
        };
        let pebble = Pebble::start_with(setting.env.zone.dns_addr(), options).await;
        Self { pebble }
    }

    pub fn directory(&self) -> String {
        self.pebble.directory()
    }

    /// Returns what makes lego and certbot trust pebble.
    pub fn trust(&self) -> [(&'static str, String); 3] {
        let root = self.pebble.ca_root_path().display().to_string();
        [
            ("LEGO_CA_CERTIFICATES", root.clone()),
            ("REQUESTS_CA_BUNDLE", root),
            ("WAIT_S", "2".to_owned()),
        ]
    }

    /// Runs a command of a client with this trust, and returns its output.
    pub async fn run(&self, client: &Client<'_>, command: &[&str]) -> String {
        let trust = self.trust();
        let trust = trust
            .each_ref()
            .map(|(name, value)| (*name, value.as_str()));
        client.run(command, &trust).await
    }

    /// Runs an example that is a script.
    async fn run_example(&self, client: &Client<'_>, file: &str, changes: &[(&str, &str)]) {
        let script = client.example(file, changes);
        self.run(client, &["sh", &script]).await;
    }

    /// Returns the options with which lego uses pebble. It cannot ask the zone's name server,
    /// whose port is not 53.
    fn lego(&self) -> String {
        let directory = self.directory();
        format!("lego --server {directory} --dns.disable-cp --accept-tos")
    }

    /// Returns the options with which certbot uses pebble and keeps its files in the folder.
    fn certbot(&self) -> String {
        let directory = self.directory();
        format!(
            "certbot certonly --server {directory} --config-dir conf --work-dir work \
             --logs-dir logs"
        )
    }

    /// Runs an example of certbot, and checks what it leaves.
    async fn certbot_example(&self, client: &Client<'_>, file: &str, changes: &[(&str, &str)]) {
        let certbot = self.certbot();
        let mut all = vec![
            ("certbot certonly", &*certbot),
            ("propagation-seconds 10", "propagation-seconds 2"),
        ];
        all.extend(changes);
        self.run_example(client, file, &all).await;
        client.has_certificate(&format!("conf/live/{}/cert.pem", client.host));
    }
}

impl Client<'_> {
    /// Checks that a file has a certificate for the host and its wildcard, and that the challenge
    /// was answered in the zone.
    pub fn has_certificate(&self, file: &str) {
        let path = self.folder.join(file);
        let pem = std::fs::read_to_string(&path)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let leaf = starchart_acme::chain::split(&pem).unwrap().leaf;
        for name in [self.host.clone(), format!("*.{}", self.host)] {
            assert!(leaf.names.contains(&name), "{name} in {:?}", leaf.names);
        }
        let challenge = format!("_acme-challenge.{}", self.host);
        assert!(self.setting.was_published(&challenge, "TXT"), "{challenge}");
    }

    /// Waits until no answer to the challenge is left in the zone.
    pub async fn is_clean(&self) {
        let challenge = format!("_acme-challenge.{}", self.host);
        eventually(&format!("{challenge} leaves the zone"), async || {
            equal(self.setting.env.zone.set(&challenge, "TXT"), None)
        })
        .await;
    }
}

impl Setting {
    /// Returns a client that may get certificates for the host.
    async fn acme_client(&self, host: &str) -> Client<'_> {
        self.client(host, &challenges(&[host])).await
    }
}

#[tokio::test]
async fn lego_and_certbot_get_certificates_by_every_protocol() {
    let setting = Setting::new().await;
    let authority = Authority::start(&setting).await;
    let lego_httpreq = setting.acme_client("lego-httpreq").await;
    let lego_pdns = setting.acme_client("lego-pdns").await;
    let httpreq = setting.acme_client("httpreq").await;
    let multi = setting.acme_client("multi").await;
    let acme_dns = setting.acme_client("acme-dns").await;
    let desec = setting.acme_client("desec").await;
    let pdns = setting.acme_client("pdns").await;
    pdns.knows_public_suffixes().await;
    let curl = setting.acme_client("curl").await;
    let multi_pdns = setting.acme_client("multi-pdns").await;
    // Each waits for the zone most of the time.
    tokio::join!(
        run_lego_httpreq(&authority, &lego_httpreq),
        run_lego_pdns(&authority, &lego_pdns),
        run_certbot_plugin(&authority, &httpreq, ("httpreq", "certbot-lego-httpreq")),
        run_certbot_plugin(&authority, &multi, ("multi", "certbot-dns-multi")),
        run_certbot_plugin(&authority, &desec, ("desec", "certbot-dns-desec")),
        run_certbot_plugin(&authority, &pdns, ("pdns", "certbot-dns-pdns")),
        run_multi_with_acme_dns(&authority, &acme_dns),
        run_multi_with_pdns(&authority, &multi_pdns),
        run_curl_hooks(&authority, &curl),
    );
    no_difference(&setting.env).await;
}

async fn run_lego_httpreq(authority: &Authority, client: &Client<'_>) {
    let (lego, example) = (authority.lego(), "lego-httpreq.sh");
    authority
        .run_example(client, example, &[("lego --accept-tos", &lego)])
        .await;
    let file = format!(".lego/certificates/{}.crt", client.host);
    client.has_certificate(&file);
    client.is_clean().await;
    let first = std::fs::read(client.folder.join(&file)).unwrap();
    let renew = "' renew --days 9999 --no-random-sleep";
    let changes = [("lego --accept-tos", &*lego), ("' run", renew)];
    authority.run_example(client, example, &changes).await;
    client.has_certificate(&file);
    assert_ne!(std::fs::read(client.folder.join(&file)).unwrap(), first);
    client.done_debian("lego (httpreq)", "lego").await;
}

async fn run_lego_pdns(authority: &Authority, client: &Client<'_>) {
    // It looks for the zone in the DNS.
    let lego = format!(
        "lego --server {} --dns.resolvers {} --dns.disable-cp --accept-tos",
        authority.directory(),
        client.setting.env.zone.dns_addr()
    );
    let changes = [("lego --accept-tos", &*lego)];
    authority
        .run_example(client, "lego-pdns.sh", &changes)
        .await;
    client.has_certificate(&format!(".lego/certificates/{}.crt", client.host));
    client.is_clean().await;
    client.done_debian("lego (pdns)", "lego").await;
}

/// Runs certbot with a plugin, and its example of this name.
async fn run_certbot_plugin(
    authority: &Authority,
    client: &Client<'_>,
    (example, plugin): (&str, &str),
) {
    let file = format!("certbot-{example}.sh");
    authority.certbot_example(client, &file, &[]).await;
    client.is_clean().await;
    client.done_package(plugin, plugin).await;
}

/// Debian's lego lacks this provider, so the account of its example is given to the lego inside
/// certbot-dns-multi.
async fn run_multi_with_acme_dns(authority: &Authority, client: &Client<'_>) {
    let of_lego = client.example("lego-acme-dns.sh", &[]);
    let of_lego = std::fs::read_to_string(of_lego).unwrap();
    let (_, rest) = of_lego.split_once("<<'JSON'\n").unwrap();
    let (account, _) = rest.split_once("JSON\n").unwrap();
    std::fs::write(client.folder.join("acme-dns.json"), account).unwrap();
    let changes = [
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
    // acme-dns has no request that removes an answer.
    authority
        .certbot_example(client, "certbot-multi.sh", &changes)
        .await;
    let name = "certbot-dns-multi (acme-dns)";
    client.done_package(name, "certbot-dns-multi").await;
}

/// The lego inside certbot-dns-multi asks the system's resolver for the zone, and takes no other.
/// In a mount namespace /etc/resolv.conf names one that forwards to the zone's server.
async fn run_multi_with_pdns(authority: &Authority, client: &Client<'_>) {
    let [_, _, high, low] = std::process::id().to_be_bytes();
    let resolver = SocketAddr::from(([127, 53, high, low.clamp(1, 254)], 53));
    let zone = client.setting.env.zone.dns_addr();
    let (may_mount, _) = client.outcome(&["unshare", "--mount", "true"], &[]).await;
    let socket = UdpSocket::bind(resolver).await;
    let (Ok(socket), true) = (socket, may_mount) else {
        println!("certbot-dns-multi (pdns) was not run: it needs port 53 and a mount namespace");
        return;
    };
    let forwarder = tokio::spawn(forward(socket, zone));
    let changes = [
        ("dns_multi_provider = httpreq", "dns_multi_provider = pdns"),
        (
            "HTTPREQ_ENDPOINT = https://starchart.example.edu/httpreq",
            "PDNS_API_URL = https://starchart.example.edu",
        ),
        ("HTTPREQ_USERNAME = certbot\n", ""),
        ("HTTPREQ_PASSWORD", "PDNS_API_KEY"),
        ("certbot certonly", &authority.certbot()),
        ("propagation-seconds 10", "propagation-seconds 2"),
    ];
    let script = client.example("certbot-multi.sh", &changes);
    let resolv_conf = client.folder.join("resolv.conf");
    std::fs::write(&resolv_conf, format!("nameserver {}\n", resolver.ip())).unwrap();
    let inside = format!(
        "mount --bind {} /etc/resolv.conf && exec sh {script}",
        resolv_conf.display()
    );
    let command = ["unshare", "--mount", "sh", "-c", &inside];
    authority.run(client, &command).await;
    client.has_certificate(&format!("conf/live/{}/cert.pem", client.host));
    client.is_clean().await;
    forwarder.abort();
    let name = "certbot-dns-multi (pdns)";
    client.done_package(name, "certbot-dns-multi").await;
}

/// Forwards questions one after the other to a name server.
async fn forward(socket: UdpSocket, server: SocketAddr) {
    let upstream = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let mut message = [0; 4_096];
    loop {
        let (length, client) = socket.recv_from(&mut message).await.unwrap();
        upstream.send_to(&message[..length], server).await.unwrap();
        let length = upstream.recv(&mut message).await.unwrap();
        socket.send_to(&message[..length], client).await.unwrap();
    }
}

async fn run_curl_hooks(authority: &Authority, client: &Client<'_>) {
    let hook = client.example("curl-challenge.sh", &[]);
    let (present, cleanup) = (format!("sh {hook} present"), format!("sh {hook} cleanup"));
    let certbot = authority.certbot();
    let wildcard = format!("*.{}", client.host);
    let mut command: Vec<&str> = certbot.split_whitespace().collect();
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
        &client.host,
        "-d",
        &wildcard,
    ]);
    authority.run(client, &command).await;
    client.has_certificate(&format!("conf/live/{}/cert.pem", client.host));
    client.is_clean().await;
    let version = ["certbot", "--version"];
    client.done("certbot (hooks, curl)", &version).await;
}

#[tokio::test]
async fn a_program_in_python_answers_a_challenge() {
    let setting = Setting::new().await;
    let rights = json!({ "challenges": [{ "name": "www" }] });
    let client = setting.client("www", &rights).await;
    let program = client.example("python_challenge.py", &[]);
    let value = "1".repeat(43);
    let quoted = format!("\"{value}\"");
    let answers: [(&str, &[&str]); 2] = [("present", &[&quoted]), ("cleanup", &[])];
    for (verb, wanted) in answers {
        let command = ["python3", &program, verb, &client.host, &value];
        let said = client.run(&command, &[]).await;
        assert!(said.contains(&value), "{said}");
        setting.zone_has("_acme-challenge.www", "TXT", wanted).await;
    }
    client.done("Python", &["python3", "--version"]).await;
}

//! pebble, Let's Encrypt's CA for tests of ACME clients. It validates DNS challenges by querying a
//! name server for the TXT records.
//!
//! Its API has a certificate of a generated CA, a new one for each start. It refuses 5 % of the
//! valid nonces, because a client must retry then (RFC 8555 section 6.5). [`AcmeProxy`] adds faults
//! between a client and pebble, and what newer
//! authorities offer: renewal information (RFC 9773) and profiles.

mod answer;
mod extensions;
mod proxy;

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

pub use extensions::RenewalAnswer;
pub use proxy::{AcmeProxy, Fault};

use crate::server::{Server, free_port, scratch};
use crate::tls::Identity;

/// The variable that names the `pebble` program.
pub const PROGRAM: &str = "STARCHART_TEST_PEBBLE";

/// How pebble answers, apart from the name server that it queries.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// How often a new order reuses a valid authorization, in per cent. Default 0.
    pub reuse_authorizations: u8,
    /// How often a valid nonce is refused, in per cent. Default 5.
    pub refuse_nonces: u8,
    /// The validity period of certificates. Default 90 days.
    pub validity: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            reuse_authorizations: 0,
            refuse_nonces: 5,
            validity: Duration::from_secs(90 * 86_400),
        }
    }
}

/// A running pebble on loopback. Dropping it stops it.
#[derive(Debug)]
pub struct Pebble {
    server: Server,
    identity: Identity,
    port: u16,
    management_port: u16,
}

impl Pebble {
    /// Starts pebble with `options`; it queries the name server at `dns`.
    ///
    /// # Panics
    /// When it is not installed, or does not answer.
    pub async fn start_with(dns: SocketAddr, options: Options) -> Self {
        let dir = scratch("pebble");
        let identity = Identity::generate(&dir);
        let port = free_port();
        let management_port = free_port();
        let config = serde_json::json!({ "pebble": {
            "listenAddress": format!("127.0.0.1:{port}"),
            "managementListenAddress": format!("127.0.0.1:{management_port}"),
            "certificate": identity.certificate_path(),
            "privateKey": identity.key_path(),
            "httpPort": 1,
            "tlsPort": 1,
            "ocspResponderURL": "",
            "externalAccountBindingRequired": false,
            "certificateValidityPeriod": options.validity.as_secs(),
            // Clients wait as long as pebble asks, so it asks for the shortest time.
            "retryAfter": { "authz": 1, "order": 1 },
        }});
        let config_path = dir.join("pebble.json");
        std::fs::write(&config_path, config.to_string())
            .unwrap_or_else(|error| panic!("{}: {error}", config_path.display()));
        let program = crate::environment::variable(PROGRAM).unwrap_or_else(|| "pebble".to_owned());
        let mut server = Server::start(dir, program, |command| {
            command
                .arg("-config")
                .arg(&config_path)
                .args(["-dnsserver", &dns.to_string()])
                .env("PEBBLE_VA_NOSLEEP", "1")
                .env("PEBBLE_VA_ALWAYS_VALID", "0")
                .env("PEBBLE_WFE_NONCEREJECT", options.refuse_nonces.to_string())
                .env(
                    "PEBBLE_AUTHZREUSE",
                    options.reuse_authorizations.to_string(),
                );
        });
        let client = identity.client();
        let directory = format!("https://localhost:{port}/dir");
        server
            .wait_until(async || client.get(&directory).send().await.is_ok())
            .await;
        Self {
            server,
            identity,
            port,
            management_port,
        }
    }

    /// Returns the value for LETS_ENCRYPT_DIRECTORY_URL.
    #[must_use]
    pub fn directory(&self) -> String {
        format!("https://localhost:{}/dir", self.port)
    }

    /// Returns the value for ACME_CA_ROOT_PATH: the root of the API's certificate.
    #[must_use]
    pub fn ca_root_path(&self) -> &Path {
        self.identity.root_path()
    }

    /// Returns the root of the issued certificates, in PEM.
    ///
    /// # Panics
    /// When pebble does not answer.
    pub async fn issuer_root_pem(&self) -> String {
        let url = format!("https://localhost:{}/roots/0", self.management_port);
        let answer = self
            .identity
            .client()
            .get(url)
            .send()
            .await
            .unwrap_or_else(|error| panic!("pebble: {error}"));
        answer
            .text()
            .await
            .unwrap_or_else(|error| panic!("pebble: {error}"))
    }

    /// Returns what pebble says about the certificate with this serial number (hexadecimal): its
    /// `Status`, and `Reason` when it is revoked.
    ///
    /// # Panics
    /// When pebble does not answer.
    pub async fn certificate_status(&self, serial: &str) -> serde_json::Value {
        let url = format!(
            "https://localhost:{}/cert-status-by-serial/{serial}",
            self.management_port
        );
        let sent = self.identity.client().get(url).send().await;
        let answer = sent.unwrap_or_else(|error| panic!("pebble: {error}"));
        answer
            .json()
            .await
            .unwrap_or_else(|error| panic!("pebble: {error}"))
    }

    /// Returns how many orders clients created.
    #[must_use]
    pub fn orders(&self) -> usize {
        self.log().matches("orders in the db").count()
    }

    /// Returns how many accounts clients created.
    #[must_use]
    pub fn accounts(&self) -> usize {
        self.log().matches("accounts in memory").count()
    }

    /// Returns what pebble wrote to its log so far.
    #[must_use]
    pub fn log(&self) -> String {
        self.server.log()
    }
}

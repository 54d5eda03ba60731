//! A certificate authority for the binary under test: pebble behind a proxy.

use starchart_domain::secret::Secret;
use starchart_testkit::pebble::{AcmeProxy, Options, Pebble};
use starchart_testkit::server::scratch;
use starchart_testkit::wait::{equal, eventually};

use crate::app::{ROOT, TestEnv};
use crate::browser::{Browser, Page};

/// A test environment with a certificate authority behind a proxy that injects faults.
pub struct Ca {
    pub env: TestEnv,
    pub pebble: Pebble,
    pub proxy: AcmeProxy,
}

impl Ca {
    pub async fn new() -> Self {
        Self::with(Options::default()).await
    }

    pub async fn with(options: Options) -> Self {
        let env = TestEnv::new().await;
        let pebble = Pebble::start_with(env.zone.dns_addr(), options).await;
        let proxy = AcmeProxy::start(&pebble).await;
        let account_key = starchart_acme::keys::generate().unwrap();
        let env = env
            .set("LETS_ENCRYPT_DIRECTORY_URL", &proxy.directory())
            .set(
                "ACME_CA_ROOT_PATH",
                &pebble.ca_root_path().display().to_string(),
            )
            .set("LETS_ENCRYPT_ACCOUNT_PRIVATE_KEY_PEM", account_key.expose())
            // These stories order more than a week allows.
            .set("ACME_CERTIFICATES_PER_WEEK", "1000")
            .set("ACME_SAME_NAMES_PER_WEEK", "1000")
            .set(
                "KEY_ENCRYPTION_KEYS",
                "test:ZGV2ZWxvcG1lbnQgb25seTogMzIgYnl0ZXMsIG9uZSE=",
            );
        Self { env, pebble, proxy }
    }

    pub async fn number(&self, sql: &str) -> i64 {
        self.env.db.number(sql).await
    }

    /// Counts the active certificates of the user.
    pub async fn active(&self, username: &str) -> i64 {
        let of = "SELECT COUNT(*) FROM certificates c JOIN users u ON u.id = c.user_id \
                  WHERE c.state = 'active' AND u.username";
        self.number(&format!("{of} = '{username}'")).await
    }

    pub async fn until_issued(&self, username: &str) {
        eventually(&format!("a certificate for {username}"), async || {
            equal(self.active(username).await, 1)
        })
        .await;
    }

    /// Returns whether an order is at this step.
    pub async fn is_at(&self, step: &str) -> bool {
        self.number(&format!(
            "SELECT COUNT(*) FROM certificate_orders WHERE finished_at IS NULL AND step = '{step}'"
        ))
        .await
            == 1
    }

    /// Asserts that no challenge value is left in the rows or in the zone.
    pub async fn is_clean(&self, username: &str) {
        assert_eq!(
            self.number("SELECT COUNT(*) FROM challenge_values").await,
            0
        );
        let name = format!("_acme-challenge.{username}.{ROOT}");
        eventually("the proofs leave the zone", async || {
            equal(self.env.zone.set(&name, "TXT"), None)
        })
        .await;
    }

    /// Asserts that the downloads of the user belong together and are issued by this CA.
    pub async fn files_fit(&self, browser: &mut Browser, username: &str) {
        let mut file = async |part: &str| {
            let page = browser.get(&format!("/certificate/download/{part}")).await;
            assert_eq!(page.status, 200, "{part}: {}", page.body);
            page.body
        };
        let certificate = file("certificate").await;
        let key = file("privateKey").await;
        let chain = file("chain").await;
        assert_eq!(
            file("fullChain").await.trim(),
            format!("{}\n{}", certificate.trim(), chain.trim())
        );
        assert!(
            starchart_acme::keys::matches_certificate(&Secret::new(key), &certificate).unwrap(),
            "the key is the certificate's"
        );
        let leaf = starchart_acme::chain::split(&certificate).unwrap().leaf;
        for name in [format!("{username}.{ROOT}"), format!("*.{username}.{ROOT}")] {
            assert!(leaf.names.contains(&name), "{name} in {:?}", leaf.names);
        }
        let dir = scratch("openssl");
        let write = |name: &str, text: &str| {
            std::fs::write(dir.join(name), text).unwrap();
            dir.join(name)
        };
        let root = write("root.pem", &self.pebble.issuer_root_pem().await);
        let chain = write("chain.pem", &chain);
        let certificate = write("certificate.pem", &certificate);
        let verify = std::process::Command::new("openssl")
            .args(["verify", "-CAfile"])
            .arg(root)
            .arg("-untrusted")
            .arg(chain)
            .arg(certificate)
            .output()
            .unwrap();
        assert!(
            verify.status.success(),
            "{}",
            String::from_utf8_lossy(&verify.stderr)
        );
    }
}

/// Clicks the only button of the certificate page.
pub async fn click(browser: &mut Browser) -> Page {
    let form = browser.get("/certificate").await.form("/certificate");
    let answer = browser.submit(&form).await;
    assert_eq!(
        (answer.status, answer.location().ends_with("/certificate")),
        (303, true),
        "{}",
        answer.body
    );
    answer
}

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::process::Command;
use std::sync::Arc;

use starchart_acme::{chain, keys};
use starchart_dns::provider::memory::Memory;
use starchart_dns::provider::{Change, Provider as _};
use starchart_domain::rrset::Rrset;
use starchart_testkit::wait::eventually;

use starchart_domain::record::RecordType;

use super::*;
use crate::name_server::NameServer;
use crate::zone::open_zone;

const BASE: &str = "user1.starchart.com";

struct Fixture {
    folder: tempfile::TempDir,
    zone: Arc<Memory>,
    server: NameServer,
}

impl Fixture {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let zone = Arc::new(open_zone("starchart.com", &folder.path().join("zone.json")).unwrap());
        let server = NameServer::start(Arc::clone(&zone), "127.0.0.1:0".parse().unwrap())
            .await
            .unwrap();
        Self {
            folder,
            zone,
            server,
        }
    }

    fn authority(&self, days: u16) -> DemoAuthority {
        DemoAuthority::open(self.folder.path(), self.server.address(), days).unwrap()
    }

    /// Publishes the values of these authorizations, and waits until the name server has them.
    async fn publish(&self, pending: &[PendingAuthorization]) {
        let values = pending.iter().map(|pending| txt::encode(&pending.value));
        let set = Rrset::new(&pending[0].fqdn, RecordType::Txt, values);
        self.zone
            .change(&[Change::create(set.clone())])
            .await
            .unwrap();
        eventually("the name server to serve the values", async || {
            let reply = query_address(self.server.address(), &set.name, RecordType::Txt).await;
            match reply {
                Reply::Values(values) if values == set.body.values => Ok(()),
                other => Err(other),
            }
        })
        .await;
    }

    fn openssl_verifies(&self, chain: &chain::Chain) -> bool {
        let leaf = self.folder.path().join("leaf.pem");
        let intermediates = self.folder.path().join("intermediates.pem");
        std::fs::write(&leaf, &chain.certificate).unwrap();
        std::fs::write(&intermediates, &chain.intermediates).unwrap();
        let root = self.folder.path().join("ca-root.pem");
        let mut command = Command::new("openssl");
        command.args([
            "verify",
            "-x509_strict",
            "-verify_hostname",
            "www.user1.starchart.com",
        ]);
        command
            .arg("-CAfile")
            .arg(root)
            .arg("-untrusted")
            .arg(intermediates)
            .arg(leaf);
        command.output().unwrap().status.success()
    }
}

fn names() -> Vec<String> {
    vec![format!("*.{BASE}"), BASE.to_owned()]
}

#[tokio::test]
async fn a_certificate_is_issued_across_restarts_and_verifies() {
    let fixture = Fixture::new().await;
    let url = fixture
        .authority(90)
        .new_order(&names(), None)
        .await
        .unwrap()
        .url;

    let order = fixture.authority(90).fetch_order(&url).await.unwrap();
    assert_eq!(order.status, OrderStatus::Pending);
    assert!(
        order
            .pending
            .iter()
            .all(|pending| pending.fqdn == format!("_acme-challenge.{BASE}")),
        "{order:?}"
    );
    assert_eq!(order.pending.len(), 2);
    fixture.publish(&order.pending).await;

    fixture
        .authority(90)
        .respond_to_challenges(&url)
        .await
        .unwrap();
    let order = fixture.authority(90).fetch_order(&url).await.unwrap();
    assert_eq!(
        order,
        Order {
            status: OrderStatus::Ready,
            pending: Vec::new(),
            problem: None,
            retry_after: None
        }
    );

    let key = keys::generate().unwrap();
    let request = keys::create_csr(&key, &names()).unwrap();
    fixture
        .authority(90)
        .finalize(&url, &request)
        .await
        .unwrap();
    let first = fixture.authority(90).download_chain(&url).await.unwrap();
    // Finalizing again after a restart gives the same certificate.
    fixture
        .authority(90)
        .finalize(&url, &request)
        .await
        .unwrap();
    assert_eq!(
        fixture.authority(90).download_chain(&url).await.unwrap(),
        first
    );

    let chain = chain::split(&first).unwrap();
    assert!(keys::matches_certificate(&key, &chain.certificate).unwrap());
    assert_eq!(chain.leaf.names, names());
    assert_eq!(
        chain.leaf.not_after.since(chain.leaf.not_before),
        90 * 24 * 3_600_000
    );
    assert!(fixture.openssl_verifies(&chain));

    let authority = fixture.authority(90);
    authority
        .revoke(&chain.certificate, RevocationReason::Superseded)
        .await
        .unwrap();
    let foreign = authority
        .revoke(&chain.intermediates, RevocationReason::Superseded)
        .await;
    assert!(
        matches!(foreign, Err(AuthorityError::Refused(_))),
        "{foreign:?}"
    );
}

#[tokio::test]
async fn a_six_day_certificate_has_no_subject() {
    let fixture = Fixture::new().await;
    let authority = fixture.authority(6);
    let url = authority.new_order(&names(), None).await.unwrap().url;
    fixture
        .publish(&authority.fetch_order(&url).await.unwrap().pending)
        .await;
    authority.respond_to_challenges(&url).await.unwrap();
    authority
        .finalize(
            &url,
            &keys::create_csr(&keys::generate().unwrap(), &names()).unwrap(),
        )
        .await
        .unwrap();
    let chain = chain::split(&authority.download_chain(&url).await.unwrap()).unwrap();
    assert_eq!(
        chain.leaf.not_after.since(chain.leaf.not_before),
        6 * 24 * 3_600_000
    );
    assert!(fixture.openssl_verifies(&chain));
    let path = fixture.folder.path().join("leaf.pem");
    let subject = Command::new("openssl")
        .args(["x509", "-noout", "-subject", "-in"])
        .arg(path)
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&subject.stdout).trim(), "subject=");
}

#[tokio::test]
async fn a_name_without_its_txt_values_is_not_validated() {
    let fixture = Fixture::new().await;
    let authority = fixture.authority(90);
    for published in [0, 1] {
        let url = authority.new_order(&names(), None).await.unwrap().url;
        let pending = authority.fetch_order(&url).await.unwrap().pending;
        if published > 0 {
            fixture.publish(&pending[..published]).await;
        }
        authority.respond_to_challenges(&url).await.unwrap();
        let order = authority.fetch_order(&url).await.unwrap();
        assert_eq!(
            (order.status, order.pending.len()),
            (OrderStatus::Invalid, 0),
            "{order:?}"
        );
        assert!(
            order
                .problem
                .unwrap()
                .contains("_acme-challenge.user1.starchart.com")
        );
        let request = keys::create_csr(&keys::generate().unwrap(), &names()).unwrap();
        assert!(matches!(
            authority.finalize(&url, &request).await,
            Err(AuthorityError::Gone(_))
        ));
    }
    assert!(matches!(
        authority.fetch_order("demo:order/none").await,
        Err(AuthorityError::Gone(_))
    ));
}

#[tokio::test]
async fn a_csr_for_other_names_is_refused() {
    let fixture = Fixture::new().await;
    let authority = fixture.authority(90);
    let url = authority.new_order(&names(), None).await.unwrap().url;
    fixture
        .publish(&authority.fetch_order(&url).await.unwrap().pending)
        .await;
    authority.respond_to_challenges(&url).await.unwrap();
    let key = keys::generate().unwrap();
    for other in [
        vec![BASE.to_owned()],
        vec![format!("*.{BASE}"), "user2.starchart.com".to_owned()],
    ] {
        let answer = authority
            .finalize(&url, &keys::create_csr(&key, &other).unwrap())
            .await;
        assert!(
            matches!(answer, Err(AuthorityError::Refused(_))),
            "{answer:?}"
        );
    }
    let answer = authority.finalize(&url, b"no request").await;
    assert!(
        matches!(answer, Err(AuthorityError::Refused(_))),
        "{answer:?}"
    );
    assert_eq!(
        authority.fetch_order(&url).await.unwrap().status,
        OrderStatus::Ready
    );
}

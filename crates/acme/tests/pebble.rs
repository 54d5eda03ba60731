//! The ACME client against Pebble, which looks up TXT records at the strict Route53's name server.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::process::Command;
use std::time::Duration;

use starchart_acme::authority::{
    Authority, AuthorityError, Order, OrderStatus, PendingAuthorization,
};
use starchart_acme::{AcmeConfig, LetsEncrypt, chain, keys};
use starchart_domain::certificate::RevocationReason;
use starchart_domain::secret::Secret;
use starchart_testkit::pebble::{AcmeProxy, Fault, Options, Pebble};
use starchart_testkit::route53::{Set, StrictRoute53};
use starchart_testkit::wait::eventually;

const ROOT: &str = "starchart.example";
const BASE: &str = "user1.starchart.example";
const CHALLENGE: &str = "_acme-challenge.user1.starchart.example";

/// A zone, an authority that validates against it, and the account key.
struct Fixture {
    zone: StrictRoute53,
    pebble: Pebble,
    key: Secret,
}

impl Fixture {
    async fn new() -> Self {
        Self::with(Options::default()).await
    }

    async fn with(options: Options) -> Self {
        let zone = StrictRoute53::start(ROOT).await;
        let pebble = Pebble::start_with(zone.dns_addr(), options).await;
        Self {
            zone,
            pebble,
            key: keys::generate().unwrap(),
        }
    }

    /// A client without any state, as after a restart.
    fn client(&self) -> LetsEncrypt {
        client(&self.pebble, &self.pebble.directory(), &self.key)
    }

    /// Creates one TXT RRset of all values, as the DNS engine does.
    fn publish(&self, pending: &[PendingAuthorization]) {
        self.publish_values(pending.iter().map(|pending| pending.value.as_str()));
    }

    fn publish_values<'a>(&self, values: impl Iterator<Item = &'a str>) {
        self.zone
            .put(Set::new(
                CHALLENGE,
                "TXT",
                60,
                values.map(|value| format!("\"{value}\"")),
            ))
            .unwrap();
    }

    /// Takes an order whose values are published to its certificate.
    async fn finish(&self, url: &str, names: &[String]) {
        let client = self.client();
        client.respond_to_challenges(url).await.unwrap();
        assert_settles_as(&client, url, OrderStatus::Ready).await;
        let key = keys::generate().unwrap();
        client
            .finalize(url, &keys::create_csr(&key, names).unwrap())
            .await
            .unwrap();
        assert_settles_as(&client, url, OrderStatus::Valid).await;
        client.download_chain(url).await.unwrap();
    }
}

fn client(pebble: &Pebble, directory_url: &str, key: &Secret) -> LetsEncrypt {
    let config = AcmeConfig {
        directory_url: directory_url.parse().unwrap(),
        account_key: key.clone(),
        account_email: Some("hostmaster@school.example".to_owned()),
        ca_root_path: Some(pebble.ca_root_path().to_owned()),
        profile: None,
    };
    LetsEncrypt::new(&config).unwrap()
}

fn names() -> Vec<String> {
    vec![format!("*.{BASE}"), BASE.to_owned()]
}

/// Polls until the order is neither pending nor processing.
async fn settled(client: &LetsEncrypt, url: &str) -> Order {
    eventually("the order to be processed", async || {
        let order = client.fetch_order(url).await.unwrap();
        match order.status {
            OrderStatus::Pending | OrderStatus::Processing => Err(order),
            _ => Ok(order),
        }
    })
    .await
}

async fn assert_settles_as(client: &LetsEncrypt, url: &str, status: OrderStatus) {
    let order = settled(client, url).await;
    assert_eq!(
        order,
        Order {
            status,
            pending: Vec::new(),
            problem: None,
            retry_after: None
        }
    );
}

#[tokio::test]
async fn a_certificate_is_issued_by_clients_that_know_only_the_order_url() {
    let fixture = Fixture::new().await;
    let url = fixture
        .client()
        .new_order(&names(), None)
        .await
        .unwrap()
        .url;

    let order = fixture.client().fetch_order(&url).await.unwrap();
    assert_eq!((order.status, order.problem), (OrderStatus::Pending, None));
    assert_eq!(
        order
            .pending
            .iter()
            .map(|pending| pending.fqdn.as_str())
            .collect::<Vec<_>>(),
        [CHALLENGE; 2]
    );
    assert_ne!(order.pending[0].value, order.pending[1].value);
    assert!(matches!(
        fixture.client().finalize(&url, b"too early").await,
        Err(AuthorityError::Gone(_))
    ));
    fixture.publish(&order.pending);

    fixture.client().respond_to_challenges(&url).await.unwrap();
    fixture.client().respond_to_challenges(&url).await.unwrap();
    assert_settles_as(&fixture.client(), &url, OrderStatus::Ready).await;

    let key = keys::generate().unwrap();
    let request = keys::create_csr(&key, &names()).unwrap();
    assert!(matches!(
        fixture.client().download_chain(&url).await,
        Err(AuthorityError::Gone(_))
    ));
    fixture.client().finalize(&url, &request).await.unwrap();
    fixture.client().finalize(&url, &request).await.unwrap();
    assert_settles_as(&fixture.client(), &url, OrderStatus::Valid).await;
    fixture.client().finalize(&url, &request).await.unwrap();

    let bundle = fixture.client().download_chain(&url).await.unwrap();
    let chain = chain::split(&bundle).unwrap();
    assert!(keys::matches_certificate(&key, &chain.certificate).unwrap());
    let mut issued_names = chain.leaf.names.clone();
    issued_names.sort();
    assert_eq!(issued_names, names());
    assert!(verifies(&fixture.pebble.issuer_root_pem().await, &chain));
    assert_eq!(fixture.pebble.orders(), 1);
    assert_eq!(fixture.pebble.accounts(), 1, "{}", fixture.pebble.log());

    let compromised = RevocationReason::KeyCompromise;
    for attempt in ["revokes", "succeeds again"] {
        let revoked = fixture
            .client()
            .revoke(&chain.certificate, compromised)
            .await;
        assert_eq!(revoked, Ok(()), "{attempt}");
    }
    let status = fixture
        .pebble
        .certificate_status(&serial(&chain.certificate))
        .await;
    // Key compromise is 1 (RFC 5280 section 5.3.1).
    assert_eq!(
        (status["Status"].as_str(), status["Reason"].as_u64()),
        (Some("Revoked"), Some(1)),
        "{status}"
    );
}

/// The serial number in hexadecimal.
fn serial(certificate_pem: &str) -> String {
    let der = pem::parse(certificate_pem).unwrap();
    let (_, certificate) = x509_parser::parse_x509_certificate(der.contents()).unwrap();
    format!("{:x}", certificate.serial)
}

fn verifies(root: &str, chain: &chain::Chain) -> bool {
    let folder = starchart_testkit::server::scratch("verify");
    let file = |name: &str, text: &str| {
        std::fs::write(folder.join(name), text).unwrap();
        folder.join(name)
    };
    let mut command = Command::new("openssl");
    command
        .args([
            "verify",
            "-verify_hostname",
            &format!("www.{BASE}"),
            "-CAfile",
        ])
        .arg(file("root.pem", root));
    command
        .arg("-untrusted")
        .arg(file("chain.pem", &chain.intermediates))
        .arg(file("leaf.pem", &chain.certificate));
    let verified = command.output().unwrap().status.success();
    std::fs::remove_dir_all(folder).unwrap();
    verified
}

#[tokio::test]
async fn earlier_validations_are_reused() {
    let fixture = Fixture::with(Options {
        reuse_authorizations: 100,
        ..Options::default()
    })
    .await;
    let base = [BASE.to_owned()];
    let first = fixture.client().new_order(&base, None).await.unwrap().url;
    let order = fixture.client().fetch_order(&first).await.unwrap();
    assert_eq!(order.pending.len(), 1);
    fixture.publish(&order.pending);
    fixture.finish(&first, &base).await;

    let both = fixture
        .client()
        .new_order(&names(), None)
        .await
        .unwrap()
        .url;
    let order = fixture.client().fetch_order(&both).await.unwrap();
    assert_eq!(
        (order.status, order.pending.len()),
        (OrderStatus::Pending, 1)
    );
    fixture.publish(&order.pending);
    fixture.finish(&both, &names()).await;

    let again = fixture
        .client()
        .new_order(&names(), None)
        .await
        .unwrap()
        .url;
    let order = fixture.client().fetch_order(&again).await.unwrap();
    assert_eq!(
        order,
        Order {
            status: OrderStatus::Ready,
            pending: Vec::new(),
            problem: None,
            retry_after: None
        }
    );
    fixture
        .client()
        .respond_to_challenges(&again)
        .await
        .unwrap();
    fixture.finish(&again, &names()).await;
}

#[tokio::test]
async fn a_failed_validation_is_explained() {
    let fixture = Fixture::new().await;
    for wrong in [None, Some("not-the-value")] {
        let url = fixture
            .client()
            .new_order(&names(), None)
            .await
            .unwrap()
            .url;
        if wrong.is_some() {
            fixture.publish_values(wrong.into_iter());
        }
        fixture.client().respond_to_challenges(&url).await.unwrap();
        let order = settled(&fixture.client(), &url).await;
        assert_eq!(
            (order.status, order.pending.len()),
            (OrderStatus::Invalid, 0),
            "{order:?}"
        );
        let problem = order.problem.unwrap();
        assert!(
            problem.contains(&format!(
                "TXT record that proves the name ({CHALLENGE}). It says: "
            )),
            "{problem}"
        );
        let request = keys::create_csr(&keys::generate().unwrap(), &names()).unwrap();
        assert!(matches!(
            fixture.client().finalize(&url, &request).await,
            Err(AuthorityError::Gone(_))
        ));
        fixture.client().respond_to_challenges(&url).await.unwrap();
    }
}

#[tokio::test]
async fn a_validation_without_a_name_server_is_explained() {
    let Fixture { zone, pebble, key } = Fixture::new().await;
    let client = client(&pebble, &pebble.directory(), &key);
    let url = client.new_order(&names(), None).await.unwrap().url;
    drop(zone);
    client.respond_to_challenges(&url).await.unwrap();
    let order = settled(&client, &url).await;
    assert_eq!(order.status, OrderStatus::Invalid);
    let problem = order.problem.unwrap();
    assert!(
        problem.starts_with("The certificate authority ") && problem.contains("It says: "),
        "{problem}"
    );
}

#[tokio::test]
async fn concurrent_registrations_give_one_account() {
    let fixture = Fixture::new().await;
    let clients: Vec<_> = (0..6).map(|_| fixture.client()).collect();
    let names = names();
    let orders = clients.iter().map(|client| client.new_order(&names, None));
    let urls: Vec<String> = futures_util::future::join_all(orders)
        .await
        .into_iter()
        .map(|order| order.unwrap().url)
        .collect();
    assert_eq!(fixture.pebble.accounts(), 1, "{}", fixture.pebble.log());
    for url in &urls {
        assert_eq!(
            fixture.client().fetch_order(url).await.unwrap().status,
            OrderStatus::Pending
        );
    }
    let stranger = client(
        &fixture.pebble,
        &fixture.pebble.directory(),
        &keys::generate().unwrap(),
    );
    let answer = stranger.fetch_order(&urls[0]).await;
    assert!(matches!(answer, Err(AuthorityError::Gone(_))), "{answer:?}");
}

#[tokio::test]
async fn rejected_nonces_are_retried() {
    let fixture = Fixture::with(Options {
        refuse_nonces: 30,
        ..Options::default()
    })
    .await;
    for _ in 0..10 {
        let url = fixture
            .client()
            .new_order(&names(), None)
            .await
            .unwrap()
            .url;
        assert_eq!(
            fixture
                .client()
                .fetch_order(&url)
                .await
                .unwrap()
                .pending
                .len(),
            2
        );
    }
}

#[tokio::test]
async fn a_rate_limit_keeps_its_retry_after() {
    let fixture = Fixture::new().await;
    let proxy = AcmeProxy::start(&fixture.pebble).await;
    let client = client(&fixture.pebble, &proxy.directory(), &fixture.key);
    proxy.fail(
        "/order-plz",
        1,
        Fault::rate_limited(Duration::from_secs(7_200)),
    );
    let answer = client.new_order(&names(), None).await;
    let Err(AuthorityError::RateLimited {
        retry_after,
        detail,
    }) = answer
    else {
        panic!("{answer:?}")
    };
    assert_eq!(retry_after, Some(Duration::from_secs(7_200)));
    assert!(detail.contains("too many certificates"), "{detail}");
    // No retry by the client.
    assert_eq!(proxy.count("/order-plz"), 1);
    client.new_order(&names(), None).await.unwrap();
}

#[tokio::test]
async fn an_unavailable_authority_can_be_asked_again() {
    let fixture = Fixture::new().await;
    let proxy = AcmeProxy::start(&fixture.pebble).await;
    proxy.down(true);
    let client = client(&fixture.pebble, &proxy.directory(), &fixture.key);
    let answer = client.new_order(&names(), None).await;
    assert!(
        matches!(answer, Err(AuthorityError::Unavailable { .. })),
        "{answer:?}"
    );
    proxy.clear_faults();
    let url = client.new_order(&names(), None).await.unwrap().url;

    let detail = "try later".to_owned();
    proxy.fail(
        "/my-order/",
        1,
        Fault::Answer {
            status: 503,
            kind: "serverInternal",
            detail,
            retry_after: Some("90".to_owned()),
        },
    );
    let later = AuthorityError::Unavailable {
        retry_after: Some(Duration::from_secs(90)),
        detail: "try later".to_owned(),
    };
    assert_eq!(client.fetch_order(&url).await, Err(later));
    proxy.fail("/my-order/", 1, Fault::Lose);
    assert!(matches!(
        client.fetch_order(&url).await,
        Err(AuthorityError::Unavailable { .. })
    ));
    client.fetch_order(&url).await.unwrap();

    // An authority that never responds: the call ends by its own time limit.
    proxy.fail("/my-order/", 9, Fault::Hold);
    assert!(matches!(
        client.fetch_order(&url).await,
        Err(AuthorityError::Unavailable { .. })
    ));
    proxy.clear_faults();
    client.fetch_order(&url).await.unwrap();
}

#[tokio::test]
async fn orders_of_other_authorities_and_unknown_orders_are_gone() {
    let fixture = Fixture::new().await;
    let proxy = AcmeProxy::start(&fixture.pebble).await;
    let other_authority = fixture
        .client()
        .new_order(&names(), None)
        .await
        .unwrap()
        .url;
    let client = client(&fixture.pebble, &proxy.directory(), &fixture.key);
    for url in [
        other_authority.as_str(),
        "http://169.254.169.254/latest",
        "file:///etc/passwd",
        "nonsense",
    ] {
        for answer in [
            client.fetch_order(url).await.map(drop),
            client.respond_to_challenges(url).await.map(drop),
            client.finalize(url, b"").await.map(drop),
        ] {
            assert!(
                matches!(answer, Err(AuthorityError::Gone(_))),
                "{url}: {answer:?}"
            );
        }
    }
    assert_eq!(proxy.count("/"), 0);
    let unknown = proxy.directory().replace("/dir", "/my-order/unknown");
    let answer = client.fetch_order(&unknown).await;
    assert!(matches!(answer, Err(AuthorityError::Gone(_))), "{answer:?}");
}

#[tokio::test]
async fn an_account_that_the_authority_does_not_know_is_registered_again() {
    let fixture = Fixture::new().await;
    let proxy = AcmeProxy::start(&fixture.pebble).await;
    let client = client(&fixture.pebble, &proxy.directory(), &fixture.key);
    client.new_order(&names(), None).await.unwrap();
    let before = proxy.count("/sign-me-up");
    let fail_as_unknown_account = |times| {
        let detail = "unknown account".to_owned();
        proxy.fail(
            "/order-plz",
            times,
            Fault::Answer {
                status: 400,
                kind: "accountDoesNotExist",
                detail,
                retry_after: None,
            },
        );
    };
    fail_as_unknown_account(1);
    client.new_order(&names(), None).await.unwrap();
    assert!(proxy.count("/sign-me-up") > before);
    fail_as_unknown_account(2);
    let answer = client.new_order(&names(), None).await;
    assert_eq!(
        answer,
        Err(AuthorityError::Account("unknown account".to_owned()))
    );
}

#[tokio::test]
async fn a_refused_name_is_explained() {
    let fixture = Fixture::new().await;
    let answer = fixture
        .client()
        .new_order(&["*.*.starchart.example".to_owned()], None)
        .await;
    let Err(AuthorityError::Refused(words)) = answer else {
        panic!("{answer:?}")
    };
    assert!(
        words.starts_with("The certificate authority ") && words.contains("It says: "),
        "{words}"
    );
}

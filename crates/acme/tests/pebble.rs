//! Against pebble, which asks the strict Route53's name server for the TXT records.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::process::Command;
use std::time::Duration;

use starchart_acme::authority::{
    Authority, AuthorityError, Order, OrderStatus, PendingAuthorization,
};
use starchart_acme::{AcmeConfig, LetsEncrypt, chain, keys};
use starchart_domain::secret::Secret;
use starchart_testkit::pebble::{AcmeProxy, Fault, Options, Pebble};
use starchart_testkit::route53::{Set, StrictRoute53};
use starchart_testkit::wait::eventually;

const ROOT: &str = "starchart.example";
const BASE: &str = "user1.starchart.example";
const CHALLENGE: &str = "_acme-challenge.user1.starchart.example";

/// A zone, an authority that looks at it, and the key of our account there.
struct World {
    zone: StrictRoute53,
    pebble: Pebble,
    key: Secret,
}

impl World {
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

    /// A process of ours that has just started.
    fn process(&self) -> LetsEncrypt {
        process(&self.pebble, &self.pebble.directory(), &self.key)
    }

    /// Both values in one set, as the DNS engine puts them there.
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

    /// From an order that is published to its end.
    async fn finish(&self, url: &str, names: &[String]) {
        let process = self.process();
        process.respond_to_challenges(url).await.unwrap();
        until(&process, url, OrderStatus::Ready).await;
        let key = keys::generate().unwrap();
        process
            .finalize(url, &keys::create_csr(&key, names).unwrap())
            .await
            .unwrap();
        until(&process, url, OrderStatus::Valid).await;
        process.download_chain(url).await.unwrap();
    }
}

fn process(pebble: &Pebble, directory: &str, key: &Secret) -> LetsEncrypt {
    let config = AcmeConfig {
        directory_url: directory.parse().unwrap(),
        account_key: key.clone(),
        account_email: Some("hostmaster@school.example".to_owned()),
        ca_root_path: Some(pebble.ca_root_path().to_owned()),
    };
    LetsEncrypt::new(&config).unwrap()
}

fn names() -> Vec<String> {
    vec![format!("*.{BASE}"), BASE.to_owned()]
}

/// Asks until the order has moved on.
async fn moved(process: &LetsEncrypt, url: &str) -> Order {
    eventually("the order to be processed", async || {
        let order = process.fetch_order(url).await.unwrap();
        match order.status {
            OrderStatus::Pending | OrderStatus::Processing => Err(order),
            _ => Ok(order),
        }
    })
    .await
}

async fn until(process: &LetsEncrypt, url: &str, status: OrderStatus) {
    let order = moved(process, url).await;
    assert_eq!(
        order,
        Order {
            status,
            pending: Vec::new(),
            problem: None
        }
    );
}

#[tokio::test]
async fn a_wildcard_and_its_base_are_issued_by_processes_that_know_only_the_url() {
    let world = World::new().await;
    let url = world.process().new_order(&names()).await.unwrap();

    let order = world.process().fetch_order(&url).await.unwrap();
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
        world.process().finalize(&url, b"too early").await,
        Err(AuthorityError::Gone(_))
    ));
    world.publish(&order.pending);

    world.process().respond_to_challenges(&url).await.unwrap();
    world.process().respond_to_challenges(&url).await.unwrap();
    until(&world.process(), &url, OrderStatus::Ready).await;

    let key = keys::generate().unwrap();
    let request = keys::create_csr(&key, &names()).unwrap();
    assert!(matches!(
        world.process().download_chain(&url).await,
        Err(AuthorityError::Gone(_))
    ));
    world.process().finalize(&url, &request).await.unwrap();
    world.process().finalize(&url, &request).await.unwrap();
    until(&world.process(), &url, OrderStatus::Valid).await;
    world.process().finalize(&url, &request).await.unwrap();

    let bundle = world.process().download_chain(&url).await.unwrap();
    let chain = chain::split(&bundle).unwrap();
    assert!(keys::matches_certificate(&key, &chain.certificate).unwrap());
    let mut in_it = chain.leaf.names.clone();
    in_it.sort();
    assert_eq!(in_it, names());
    assert!(verifies(&world.pebble.issuer_root_pem().await, &chain));
    assert_eq!(world.pebble.orders(), 1);
    assert_eq!(world.pebble.accounts(), 1, "{}", world.pebble.log());

    world.process().revoke(&chain.certificate).await.unwrap();
    world.process().revoke(&chain.certificate).await.unwrap();
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
async fn names_that_are_proven_are_not_asked_for_again() {
    let world = World::with(Options {
        reuse_authorizations: 100,
        ..Options::default()
    })
    .await;
    let base = [BASE.to_owned()];
    let first = world.process().new_order(&base).await.unwrap();
    let order = world.process().fetch_order(&first).await.unwrap();
    assert_eq!(order.pending.len(), 1);
    world.publish(&order.pending);
    world.finish(&first, &base).await;

    let both = world.process().new_order(&names()).await.unwrap();
    let order = world.process().fetch_order(&both).await.unwrap();
    assert_eq!(
        (order.status, order.pending.len()),
        (OrderStatus::Pending, 1)
    );
    world.publish(&order.pending);
    world.finish(&both, &names()).await;

    let again = world.process().new_order(&names()).await.unwrap();
    let order = world.process().fetch_order(&again).await.unwrap();
    assert_eq!(
        order,
        Order {
            status: OrderStatus::Ready,
            pending: Vec::new(),
            problem: None
        }
    );
    world.process().respond_to_challenges(&again).await.unwrap();
    world.finish(&again, &names()).await;
}

#[tokio::test]
async fn an_unproven_name_is_told_in_words() {
    let world = World::new().await;
    for wrong in [None, Some("not-the-value")] {
        let url = world.process().new_order(&names()).await.unwrap();
        if wrong.is_some() {
            world.publish_values(wrong.into_iter());
        }
        world.process().respond_to_challenges(&url).await.unwrap();
        let order = moved(&world.process(), &url).await;
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
            world.process().finalize(&url, &request).await,
            Err(AuthorityError::Gone(_))
        ));
        world.process().respond_to_challenges(&url).await.unwrap();
    }
}

#[tokio::test]
async fn a_zone_without_its_name_server_is_told_in_words() {
    let World { zone, pebble, key } = World::new().await;
    let process = process(&pebble, &pebble.directory(), &key);
    let url = process.new_order(&names()).await.unwrap();
    drop(zone);
    process.respond_to_challenges(&url).await.unwrap();
    let order = moved(&process, &url).await;
    assert_eq!(order.status, OrderStatus::Invalid);
    let problem = order.problem.unwrap();
    assert!(
        problem.starts_with("The certificate authority ") && problem.contains("It says: "),
        "{problem}"
    );
}

#[tokio::test]
async fn processes_that_register_at_once_are_one_account() {
    let world = World::new().await;
    let processes: Vec<_> = (0..6).map(|_| world.process()).collect();
    let mine = names();
    let orders = processes.iter().map(|process| process.new_order(&mine));
    let urls: Vec<String> = futures_util::future::join_all(orders)
        .await
        .into_iter()
        .map(Result::unwrap)
        .collect();
    assert_eq!(world.pebble.accounts(), 1, "{}", world.pebble.log());
    for url in &urls {
        assert_eq!(
            world.process().fetch_order(url).await.unwrap().status,
            OrderStatus::Pending
        );
    }
    let stranger = process(
        &world.pebble,
        &world.pebble.directory(),
        &keys::generate().unwrap(),
    );
    let answer = stranger.fetch_order(&urls[0]).await;
    assert!(matches!(answer, Err(AuthorityError::Gone(_))), "{answer:?}");
}

#[tokio::test]
async fn refused_nonces_hold_nothing_up() {
    let world = World::with(Options {
        refuse_nonces: 30,
        ..Options::default()
    })
    .await;
    for _ in 0..10 {
        let url = world.process().new_order(&names()).await.unwrap();
        assert_eq!(
            world
                .process()
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
async fn a_limit_is_kept_with_its_moment() {
    let world = World::new().await;
    let proxy = AcmeProxy::start(&world.pebble).await;
    let process = process(&world.pebble, &proxy.directory(), &world.key);
    proxy.fail(
        "/order-plz",
        1,
        Fault::rate_limited(Duration::from_secs(7_200)),
    );
    let answer = process.new_order(&names()).await;
    let Err(AuthorityError::RateLimited {
        retry_after,
        detail,
    }) = answer
    else {
        panic!("{answer:?}")
    };
    assert_eq!(retry_after, Some(Duration::from_secs(7_200)));
    assert!(detail.contains("too many certificates"), "{detail}");
    // Asked once, not again and again.
    assert_eq!(proxy.count("/order-plz"), 1);
    process.new_order(&names()).await.unwrap();
}

#[tokio::test]
async fn an_authority_that_is_down_blocks_nothing_and_can_be_asked_again() {
    let world = World::new().await;
    let proxy = AcmeProxy::start(&world.pebble).await;
    proxy.down(true);
    let process = process(&world.pebble, &proxy.directory(), &world.key);
    let answer = process.new_order(&names()).await;
    assert!(
        matches!(answer, Err(AuthorityError::Unavailable { .. })),
        "{answer:?}"
    );
    proxy.mend();
    let url = process.new_order(&names()).await.unwrap();

    let detail = "try later".to_owned();
    proxy.fail(
        "/my-order/",
        1,
        Fault::Answer {
            status: 503,
            kind: "serverInternal",
            detail,
            retry_after: Some(90),
        },
    );
    let later = AuthorityError::Unavailable {
        retry_after: Some(Duration::from_secs(90)),
        detail: "try later".to_owned(),
    };
    assert_eq!(process.fetch_order(&url).await, Err(later));
    proxy.fail("/my-order/", 1, Fault::Lose);
    assert!(matches!(
        process.fetch_order(&url).await,
        Err(AuthorityError::Unavailable { .. })
    ));
    process.fetch_order(&url).await.unwrap();

    // An authority that takes the request and never answers does not hold us for ever.
    proxy.fail("/my-order/", 9, Fault::Hold);
    assert!(matches!(
        process.fetch_order(&url).await,
        Err(AuthorityError::Unavailable { .. })
    ));
    proxy.mend();
    process.fetch_order(&url).await.unwrap();
}

#[tokio::test]
async fn orders_of_elsewhere_and_orders_that_are_gone() {
    let world = World::new().await;
    let proxy = AcmeProxy::start(&world.pebble).await;
    let elsewhere = world.process().new_order(&names()).await.unwrap();
    let process = process(&world.pebble, &proxy.directory(), &world.key);
    for url in [
        elsewhere.as_str(),
        "http://169.254.169.254/latest",
        "file:///etc/passwd",
        "nonsense",
    ] {
        for answer in [
            process.fetch_order(url).await.map(drop),
            process.respond_to_challenges(url).await,
            process.finalize(url, b"").await,
        ] {
            assert!(
                matches!(answer, Err(AuthorityError::Gone(_))),
                "{url}: {answer:?}"
            );
        }
    }
    assert_eq!(proxy.count("/"), 0);
    let unknown = proxy.directory().replace("/dir", "/my-order/unknown");
    let answer = process.fetch_order(&unknown).await;
    assert!(matches!(answer, Err(AuthorityError::Gone(_))), "{answer:?}");
}

#[tokio::test]
async fn an_account_that_is_forgotten_is_registered_again() {
    let world = World::new().await;
    let proxy = AcmeProxy::start(&world.pebble).await;
    let process = process(&world.pebble, &proxy.directory(), &world.key);
    process.new_order(&names()).await.unwrap();
    let before = proxy.count("/sign-me-up");
    let forgotten = |times| {
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
    forgotten(1);
    process.new_order(&names()).await.unwrap();
    assert!(proxy.count("/sign-me-up") > before);
    forgotten(2);
    let answer = process.new_order(&names()).await;
    assert_eq!(
        answer,
        Err(AuthorityError::Account("unknown account".to_owned()))
    );
}

#[tokio::test]
async fn a_name_that_the_authority_refuses_is_told_in_words() {
    let world = World::new().await;
    let answer = world
        .process()
        .new_order(&["*.*.starchart.example".to_owned()])
        .await;
    let Err(AuthorityError::Refused(words)) = answer else {
        panic!("{answer:?}")
    };
    assert!(
        words.starts_with("The certificate authority ") && words.contains("It says: "),
        "{words}"
    );
}

//! Renewal information (RFC 9773) and profiles: pebble behind a proxy that offers them.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::time::{Duration, SystemTime};

use starchart_acme::authority::{
    Authority, AuthorityError, NewOrder, OrderStatus, RenewalInfo, ReplacedCertificate,
};
use starchart_acme::{AcmeConfig, LetsEncrypt, keys};
use starchart_domain::certificate::renewal_info::RenewalInfoFailure;
use starchart_domain::secret::Secret;
use starchart_testkit::pebble::{AcmeProxy, Fault, Options, Pebble, RenewalAnswer};
use starchart_testkit::route53::{Set, StrictRoute53};
use starchart_testkit::wait::eventually;

const ROOT: &str = "starchart.example";
const NAME: &str = "user1.starchart.example";
const EXPLANATION: &str = "https://ca.example/incident";
const DAY: Duration = Duration::from_secs(86_400);

struct Fixture {
    zone: StrictRoute53,
    pebble: Pebble,
    proxy: AcmeProxy,
}

impl Fixture {
    async fn new() -> Self {
        let zone = StrictRoute53::start(ROOT).await;
        // The tests count requests, so that none may be repeated because of its nonce.
        let options = Options {
            refuse_nonces: 0,
            ..Options::default()
        };
        let pebble = Pebble::start_with(zone.dns_addr(), options).await;
        let proxy = AcmeProxy::start(&pebble).await;
        Self {
            zone,
            pebble,
            proxy,
        }
    }

    /// A client with an account of its own.
    fn client(&self) -> LetsEncrypt {
        self.client_with(keys::generate().unwrap(), None)
    }

    fn client_with(&self, account_key: Secret, profile: Option<&str>) -> LetsEncrypt {
        let config = AcmeConfig {
            directory_url: self.proxy.directory().parse().unwrap(),
            account_key,
            account_email: None,
            ca_root_path: Some(self.pebble.ca_root_path().to_owned()),
            profile: profile.map(str::to_owned),
        };
        LetsEncrypt::new(&config).unwrap()
    }

    /// Takes an order to its certificate.
    async fn finish(&self, client: &LetsEncrypt, order: &NewOrder, name: &str) -> String {
        let url = order.url.as_str();
        let pending = client.fetch_order(url).await.unwrap().pending;
        let values = pending
            .iter()
            .map(|pending| format!("\"{}\"", pending.value));
        let set = Set::new(&format!("_acme-challenge.{name}"), "TXT", 60, values);
        self.zone.put(set).unwrap();
        client.respond_to_challenges(url).await.unwrap();
        settle(client, url, OrderStatus::Ready).await;
        let csr = keys::create_csr(&keys::generate().unwrap(), &[name.to_owned()]).unwrap();
        client.finalize(url, &csr).await.unwrap();
        settle(client, url, OrderStatus::Valid).await;
        client.download_chain(url).await.unwrap()
    }

    async fn issue(&self, client: &LetsEncrypt) -> (String, NewOrder) {
        let order = client.new_order(&[NAME.to_owned()], None).await.unwrap();
        (self.finish(client, &order, NAME).await, order)
    }
}

async fn settle(client: &LetsEncrypt, url: &str, status: OrderStatus) {
    eventually("the order to be processed", async || {
        let order = client.fetch_order(url).await.unwrap();
        if order.status == status {
            Ok(())
        } else {
            Err(order)
        }
    })
    .await;
}

fn replaced<'a>(certificate: &'a str, order: &'a NewOrder) -> Option<ReplacedCertificate<'a>> {
    Some(ReplacedCertificate {
        certificate,
        account: Some(&order.account),
    })
}

/// A window of a day that begins tomorrow, and how it is read.
fn tomorrow() -> (RenewalAnswer, i64) {
    let start = SystemTime::now() + DAY;
    let since = start.duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let answer = RenewalAnswer::window(start, start + DAY, Some(EXPLANATION));
    (answer, i64::try_from(since.as_secs()).unwrap() * 1_000)
}

#[tokio::test]
async fn the_window_retry_after_and_the_explanation_are_read() {
    let fixture = Fixture::new().await;
    let (answer, start_ms) = tomorrow();
    fixture.proxy.offer_renewal_info(answer);
    let client = fixture.client();
    let (chain, _) = fixture.issue(&client).await;
    let info: RenewalInfo = client.renewal_info(&chain).await.unwrap().unwrap();
    assert_eq!(info.window.start.as_millis(), start_ms);
    assert_eq!(info.window.end.since(info.window.start), 86_400_000);
    assert_eq!(info.explanation_url.as_deref(), Some(EXPLANATION));
    // The header is a number of seconds from the answer on.
    let until = Duration::from_secs(21_600);
    assert!(info.retry_after <= until && info.retry_after > until - Duration::from_secs(600));
    // The request has no body that could be signed, and names the certificate.
    assert_eq!(fixture.proxy.count("/renewal-info/"), 1);
}

#[tokio::test]
async fn a_directory_without_renewal_information_is_not_asked_and_gets_no_replaces() {
    let fixture = Fixture::new().await;
    let client = fixture.client();
    let (chain, order) = fixture.issue(&client).await;
    assert_eq!(client.renewal_info(&chain).await, Ok(None));
    let names = [NAME.to_owned()];
    let renewal = client
        .new_order(&names, replaced(&chain, &order))
        .await
        .unwrap();
    assert!(!renewal.is_replacement);
    assert_eq!(fixture.proxy.count("/renewal-info"), 0);
    assert_eq!(fixture.proxy.count("/order-plz"), fixture.pebble.orders());
}

/// What each answer that is not usable means (RFC 9773 section 4.3.3).
#[tokio::test]
async fn every_failure_says_when_to_ask_again() {
    let fixture = Fixture::new().await;
    let (good, _) = tomorrow();
    fixture.proxy.offer_renewal_info(good.clone());
    let client = fixture.client();
    let (chain, _) = fixture.issue(&client).await;
    let temporary = |seconds: Option<i64>| RenewalInfoFailure::Temporary {
        retry_after_ms: seconds.map(|seconds| seconds * 1_000),
    };
    let long_term = RenewalInfoFailure::LongTerm;
    let window = good.body.as_str();
    for (status, retry_after, body, expected) in [
        (500, None, "", temporary(None)),
        (503, Some("120"), "", temporary(Some(120))),
        (503, Some("soon"), "", temporary(None)),
        (429, Some("60"), "{}", temporary(Some(60))),
        (404, Some("60"), "", long_term),
        (400, None, "{}", long_term),
        (200, None, window, long_term),
        (200, Some("soon"), window, long_term),
        (200, Some("-1"), window, long_term),
        (200, Some("60"), "", long_term),
        (200, Some("60"), "<html>", long_term),
        (200, Some("60"), "{}", long_term),
        (
            200,
            Some("60"),
            r#"{"suggestedWindow":{"start":"tomorrow","end":""}}"#,
            long_term,
        ),
        (
            200,
            Some("60"),
            r#"{"suggestedWindow":{"start":1,"end":2}}"#,
            long_term,
        ),
    ] {
        fixture.proxy.offer_renewal_info(RenewalAnswer {
            status,
            retry_after: retry_after.map(str::to_owned),
            body: body.to_owned(),
        });
        let failure = client
            .renewal_info(&chain)
            .await
            .map_err(|error| error.failure);
        assert_eq!(failure, Err(expected), "{status} {retry_after:?} {body}");
    }
    // The longest number does not overflow the clock.
    for retry_after in ["18446744073709551615", "99999999999999999999999"] {
        fixture.proxy.offer_renewal_info(RenewalAnswer {
            retry_after: Some(retry_after.to_owned()),
            ..good.clone()
        });
        let info = client.renewal_info(&chain).await.unwrap().unwrap();
        assert!(info.retry_after > DAY, "{retry_after}");
    }

    fixture.proxy.offer_renewal_info(good);
    fixture.proxy.fail("/renewal-info", 1, Fault::Hold);
    let answer = client.renewal_info(&chain).await;
    assert_eq!(answer.unwrap_err().failure, temporary(None), "a timeout");
    fixture.proxy.clear_faults();
    fixture.proxy.down(true);
    let answer = client.renewal_info(&chain).await;
    assert_eq!(answer.unwrap_err().failure, long_term, "no connection");
}

#[tokio::test]
async fn a_renewal_replaces_the_certificate_once() {
    let fixture = Fixture::new().await;
    fixture.proxy.offer_renewal_info(tomorrow().0);
    let client = fixture.client();
    let (chain, order) = fixture.issue(&client).await;
    assert!(!order.is_replacement);
    let names = [format!("*.{NAME}"), NAME.to_owned()];
    let renewal = client
        .new_order(&names, replaced(&chain, &order))
        .await
        .unwrap();
    assert!(renewal.is_replacement);
    assert_eq!(fixture.proxy.replaced().len(), 1);

    // Another order may not replace it too, so it is created without.
    let again = client
        .new_order(&names, replaced(&chain, &order))
        .await
        .unwrap();
    assert!(!again.is_replacement && again.url != renewal.url);
    assert_eq!(fixture.proxy.count("/order-plz"), 4, "refused once");
    assert_eq!(fixture.pebble.orders(), 3);
}

#[tokio::test]
async fn replaces_is_left_out_for_other_accounts_and_names() {
    let fixture = Fixture::new().await;
    fixture.proxy.offer_renewal_info(tomorrow().0);
    let client = fixture.client();
    let (chain, order) = fixture.issue(&client).await;
    let other = fixture.client();
    let before = fixture.proxy.count("/order-plz");
    for (client, name) in [(&other, NAME), (&client, "user2.starchart.example")] {
        let names = [name.to_owned()];
        let renewal = client
            .new_order(&names, replaced(&chain, &order))
            .await
            .unwrap();
        assert!(!renewal.is_replacement, "{name}");
    }
    // Each with one request: nothing was refused.
    assert_eq!(fixture.proxy.count("/order-plz"), before + 2);
}

/// An authority may not know the certificate any more, or refuse it for another reason.
#[tokio::test]
async fn an_order_is_created_although_the_replaced_certificate_is_refused() {
    let fixture = Fixture::new().await;
    fixture.proxy.offer_renewal_info(tomorrow().0);
    let client = fixture.client();
    let (chain, order) = fixture.issue(&client).await;
    let names = [NAME.to_owned()];
    for (status, kind) in [
        (409, "alreadyReplaced"),
        (404, "malformed"),
        (400, "malformed"),
        (403, "unauthorized"),
    ] {
        let fault = Fault::Answer {
            status,
            kind,
            detail: "no".to_owned(),
            retry_after: None,
        };
        fixture.proxy.fail("/order-plz", 1, fault);
        let renewal = client
            .new_order(&names, replaced(&chain, &order))
            .await
            .unwrap();
        assert!(!renewal.is_replacement, "{status} {kind}");
    }
    // A rate limit is none of these reasons.
    let limited = Fault::rate_limited(Duration::from_secs(60));
    fixture.proxy.fail("/order-plz", 1, limited);
    let answer = client.new_order(&names, replaced(&chain, &order)).await;
    assert!(
        matches!(answer, Err(AuthorityError::RateLimited { .. })),
        "{answer:?}"
    );

    // One that does not say in the order that it replaces the certificate.
    fixture.proxy.hide_replaces();
    let renewal = client
        .new_order(&names, replaced(&chain, &order))
        .await
        .unwrap();
    assert!(!renewal.is_replacement);
}

#[tokio::test]
async fn a_profile_is_ordered_if_the_directory_offers_it() {
    let fixture = Fixture::new().await;
    let names = [NAME.to_owned()];
    let key = keys::generate().unwrap();
    let with = |profile| fixture.client_with(key.clone(), Some(profile));
    let fault = |offers: &str| {
        Err(AuthorityError::Profile(format!(
            "the certificate authority does not offer the profile tlsclient; {offers}"
        )))
    };
    assert_eq!(
        with("tlsclient").check_directory().await,
        fault("it offers no profiles")
    );

    fixture
        .proxy
        .offer_profiles(["classic", "tlsserver", "shortlived"]);
    let offers = "it offers classic, shortlived, tlsserver";
    assert_eq!(with("tlsclient").check_directory().await, fault(offers));
    assert_eq!(
        with("tlsclient").new_order(&names, None).await.map(drop),
        fault(offers)
    );
    assert_eq!(fixture.proxy.count("/order-plz"), 0);
    assert_eq!(with("tlsserver").check_directory().await, Ok(()));
    with("tlsserver").new_order(&names, None).await.unwrap();

    // The authority withdraws it while the directory is cached.
    let client = with("shortlived");
    client.new_order(&names, None).await.unwrap();
    fixture.proxy.offer_profiles(["classic"]);
    let answer = client.new_order(&names, None).await;
    assert!(
        matches!(answer, Err(AuthorityError::Profile(_))),
        "{answer:?}"
    );
}

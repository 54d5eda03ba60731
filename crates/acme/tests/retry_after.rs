//! Retry-After of every resource of an authority: Pebble, behind a proxy that adds the header.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::time::{Duration, SystemTime};

use starchart_acme::authority::{Authority, AuthorityError, OrderStatus};
use starchart_acme::{AcmeConfig, LetsEncrypt, keys};
use starchart_domain::certificate::RevocationReason;
use starchart_domain::secret::Secret;
use starchart_testkit::pebble::{AcmeProxy, Fault, Options, Pebble};
use starchart_testkit::route53::{Set, StrictRoute53};
use starchart_testkit::wait::eventually;

const ROOT: &str = "starchart.example";
const NAME: &str = "user1.starchart.example";

/// A zone, an authority, and one order there that each test advances.
struct Fixture {
    zone: StrictRoute53,
    pebble: Pebble,
    proxy: AcmeProxy,
    key: Secret,
    url: String,
    certificate: String,
}

impl Fixture {
    async fn new() -> Self {
        let zone = StrictRoute53::start(ROOT).await;
        // A refused nonce would take the header that the proxy adds to one answer.
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
            key: keys::generate().unwrap(),
            url: String::new(),
            certificate: String::new(),
        }
    }

    /// A client that has registered no account yet.
    fn client(&self) -> LetsEncrypt {
        let config = AcmeConfig {
            directory_url: self.proxy.directory().parse().unwrap(),
            account_key: self.key.clone(),
            account_email: None,
            ca_root_path: Some(self.pebble.ca_root_path().to_owned()),
            profile: None,
        };
        LetsEncrypt::new(&config).unwrap()
    }

    fn csr(&self) -> Vec<u8> {
        keys::create_csr(&keys::generate().unwrap(), &[NAME.to_owned()]).unwrap()
    }

    /// Makes a call and returns the wait that it asks for.
    async fn call(&mut self, call: Call) -> Result<Option<Duration>, AuthorityError> {
        let client = self.client();
        match call {
            Call::NewOrder => {
                self.url = client.new_order(&[NAME.to_owned()], None).await?.url;
                Ok(None)
            }
            Call::FetchOrder => Ok(client.fetch_order(&self.url).await?.retry_after),
            Call::Respond => client.respond_to_challenges(&self.url).await,
            Call::Finalize => client.finalize(&self.url, &self.csr()).await,
            Call::Download => {
                self.certificate = client.download_chain(&self.url).await?;
                Ok(None)
            }
            Call::Revoke => client
                .revoke(&self.certificate, RevocationReason::Superseded)
                .await
                .map(|()| None),
        }
    }

    async fn publish(&self) {
        let order = self.client().fetch_order(&self.url).await.unwrap();
        let values = order
            .pending
            .iter()
            .map(|pending| format!("\"{}\"", pending.value));
        let set = Set::new(&format!("_acme-challenge.{NAME}"), "TXT", 60, values);
        self.zone.put(set).unwrap();
    }

    async fn until(&self, status: OrderStatus) {
        eventually("the order to be processed", async || {
            let order = self.client().fetch_order(&self.url).await.unwrap();
            if order.status == status {
                Ok(())
            } else {
                Err(order)
            }
        })
        .await;
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Call {
    NewOrder,
    FetchOrder,
    Respond,
    Finalize,
    Download,
    Revoke,
}

/// The header's value in seconds and as a date, for this many seconds.
fn values(seconds: u64) -> [String; 2] {
    let date = SystemTime::now() + Duration::from_secs(seconds);
    [seconds.to_string(), httpdate::fmt_http_date(date)]
}

/// A date has no fractions, and time passes until it is read.
fn assert_asked(asked: Option<Duration>, seconds: u64, context: &str) {
    let asked = asked.map(|asked| asked.as_secs());
    let expected = seconds - 30..=seconds;
    assert!(
        asked.is_some_and(|asked| expected.contains(&asked)),
        "{context}: {asked:?}"
    );
}

#[tokio::test]
async fn a_refusal_of_any_resource_keeps_its_retry_after() {
    let mut fixture = Fixture::new().await;
    for (path, call) in [
        ("/dir", Call::NewOrder),
        ("/nonce-plz", Call::NewOrder),
        ("/sign-me-up", Call::NewOrder),
        ("/order-plz", Call::NewOrder),
        ("/my-order/", Call::FetchOrder),
        ("/authZ/", Call::FetchOrder),
        ("/chalZ/", Call::Respond),
        ("/finalize-order/", Call::Finalize),
        ("/certZ/", Call::Download),
        ("/revoke-cert", Call::Revoke),
    ] {
        match call {
            Call::Respond => fixture.publish().await,
            Call::Finalize => fixture.until(OrderStatus::Ready).await,
            Call::Download => fixture.until(OrderStatus::Valid).await,
            _ => {}
        }
        for (status, kind) in [(429, "rateLimited"), (503, "serverInternal")] {
            for retry_after in values(7_200) {
                let context = format!("{status} of {path}, {retry_after}");
                let fault = Fault::Answer {
                    status,
                    kind,
                    detail: "later".to_owned(),
                    retry_after: Some(retry_after),
                };
                let before = fixture.proxy.count(path);
                fixture.proxy.fail(path, 1, fault);
                let error = fixture.call(call).await.unwrap_err();
                assert_eq!(
                    matches!(error, AuthorityError::RateLimited { .. }),
                    status == 429,
                    "{context}: {error:?}"
                );
                assert_asked(error.retry_after(), 7_200, &context);
                assert_eq!(fixture.proxy.count(path), before + 1, "{context}: retried");
            }
        }
        fixture.call(call).await.unwrap();
    }
}

#[tokio::test]
async fn an_unfinished_order_keeps_the_retry_after_of_each_of_its_parts() {
    let mut fixture = Fixture::new().await;
    fixture.call(Call::NewOrder).await.unwrap();
    fixture.publish().await;
    // An order is fetched, and the order itself asks for a second.
    for (path, call, wait) in [
        ("/my-order/", Call::FetchOrder, 600),
        ("/authZ/", Call::FetchOrder, 500),
        ("/chalZ/", Call::Respond, 400),
        ("/finalize-order/", Call::Finalize, 300),
    ] {
        let is_last = matches!(call, Call::Respond | Call::Finalize);
        for value in values(wait).into_iter().take(if is_last { 1 } else { 2 }) {
            if call == Call::Finalize {
                fixture.until(OrderStatus::Ready).await;
            }
            fixture.proxy.fail(path, 1, Fault::RetryAfter(value));
            let asked = fixture.call(call).await.unwrap();
            assert_asked(asked, wait, path);
        }
    }
    // A finished order asks for nothing, whatever its header says.
    fixture.until(OrderStatus::Valid).await;
    let [value, _] = values(600);
    fixture
        .proxy
        .fail("/my-order/", 1, Fault::RetryAfter(value));
    assert_eq!(fixture.call(Call::FetchOrder).await, Ok(None));
}

//! A certificate authority in memory that validates against the in-memory zone.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use async_trait::async_trait;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, CertifiedIssuer, IsCa,
    KeyPair,
};
use starchart_acme::authority::{
    Authority, AuthorityError, Order, OrderStatus, PendingAuthorization,
};
use starchart_domain::certificate::RevocationReason;
use starchart_domain::txt;
use time::{Duration, OffsetDateTime};

use super::provider::ScriptedProvider;

/// The lifetime of the certificates.
pub(crate) const CERTIFICATE_DAYS: i64 = 90;

/// A certificate authority whose next answers a test decides.
pub(crate) struct ScriptedAuthority {
    provider: Arc<ScriptedProvider>,
    issuer: CertifiedIssuer<'static, KeyPair>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    orders: Vec<TestOrder>,
    errors: Vec<(&'static str, AuthorityError)>,
    calls: Vec<&'static str>,
    revoked: Vec<String>,
    /// How long answers ask to wait; orders stay in processing until
    /// [`ScriptedAuthority::recover`].
    wait: Option<std::time::Duration>,
}

struct TestOrder {
    domain: String,
    status: OrderStatus,
    chain: String,
}

impl TestOrder {
    fn values(&self, number: usize) -> [String; 2] {
        [
            format!("value-{number}-of-wildcard"),
            format!("value-{number}-of-domain"),
        ]
    }

    fn challenge_name(&self) -> String {
        format!("_acme-challenge.{}", self.domain)
    }
}

impl ScriptedAuthority {
    pub(crate) fn new(provider: Arc<ScriptedProvider>) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        Self {
            provider,
            issuer: CertifiedIssuer::self_signed(params, key).unwrap(),
            state: Mutex::default(),
        }
    }

    /// Fails this call until [`Self::recover`].
    pub(crate) fn fail(&self, call: &'static str, error: AuthorityError) {
        self.state().errors.push((call, error));
    }

    /// Leaves finalized orders in processing, and asks to wait this long, until [`Self::recover`].
    pub(crate) fn ask_to_wait(&self, wait: std::time::Duration) {
        self.state().wait = Some(wait);
    }

    /// Answers every call again, at once.
    pub(crate) fn recover(&self) {
        let mut state = self.state();
        state.errors.clear();
        state.wait = None;
    }

    /// Returns the calls so far.
    pub(crate) fn calls(&self) -> Vec<&'static str> {
        self.state().calls.clone()
    }

    /// Returns the certificates that were revoked, in PEM.
    pub(crate) fn revoked(&self) -> Vec<String> {
        self.state().revoked.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self, call: &'static str) -> Result<MutexGuard<'_, State>, AuthorityError> {
        let mut state = self.state();
        state.calls.push(call);
        let failing = state.errors.iter().find(|(failing, _)| *failing == call);
        match failing.map(|(_, error)| error.clone()) {
            Some(error) => Err(error),
            None => Ok(state),
        }
    }

    fn issue(&self, domain: &str, csr_der: &[u8]) -> String {
        let request = CertificateSigningRequestParams::from_der(&csr_der.into()).unwrap();
        let names = vec![format!("*.{domain}"), domain.to_owned()];
        let mut params = CertificateParams::new(names).unwrap();
        params.not_before = OffsetDateTime::from(SystemTime::now());
        params.not_after = params.not_before + Duration::days(CERTIFICATE_DAYS);
        let certificate = params.signed_by(&request.public_key, &self.issuer).unwrap();
        certificate.pem() + &self.issuer.pem()
    }
}

fn find<'a>(state: &'a mut State, url: &str) -> Result<&'a mut TestOrder, AuthorityError> {
    let number = url
        .strip_prefix("order:")
        .and_then(|n| n.parse::<usize>().ok());
    let order = number.and_then(|number| state.orders.get_mut(number));
    order.ok_or_else(|| AuthorityError::Gone("no such order".to_owned()))
}

fn number(url: &str) -> usize {
    url.trim_start_matches("order:").parse().unwrap()
}

#[async_trait]
impl Authority for ScriptedAuthority {
    async fn new_order(&self, names: &[String]) -> Result<String, AuthorityError> {
        let mut state = self.begin("new order")?;
        state.orders.push(TestOrder {
            domain: names.last().unwrap().clone(),
            status: OrderStatus::Pending,
            chain: String::new(),
        });
        Ok(format!("order:{}", state.orders.len() - 1))
    }

    async fn fetch_order(&self, url: &str) -> Result<Order, AuthorityError> {
        let mut state = self.begin("fetch order")?;
        let retry_after = state.wait;
        let order = find(&mut state, url)?;
        if order.status == OrderStatus::Processing && retry_after.is_none() {
            order.status = OrderStatus::Valid;
        }
        let pending = match order.status {
            OrderStatus::Pending => order.values(number(url)).to_vec(),
            _ => Vec::new(),
        };
        let fqdn = order.challenge_name();
        let authorization = |value| PendingAuthorization {
            fqdn: fqdn.clone(),
            value,
        };
        Ok(Order {
            status: order.status,
            pending: pending.into_iter().map(authorization).collect(),
            problem: None,
            retry_after,
        })
    }

    /// Validates at once: every value must be in the zone.
    async fn respond_to_challenges(
        &self,
        url: &str,
    ) -> Result<Option<std::time::Duration>, AuthorityError> {
        let mut state = self.begin("respond to challenges")?;
        let retry_after = state.wait;
        let order = find(&mut state, url)?;
        let published = self.provider.values(&order.challenge_name(), "TXT");
        let mut values = order.values(number(url)).into_iter();
        order.status = if values.all(|value| published.contains(&txt::encode(&value))) {
            OrderStatus::Ready
        } else {
            OrderStatus::Invalid
        };
        Ok(retry_after)
    }

    async fn finalize(
        &self,
        url: &str,
        csr_der: &[u8],
    ) -> Result<Option<std::time::Duration>, AuthorityError> {
        let mut state = self.begin("finalize")?;
        let retry_after = state.wait;
        let order = find(&mut state, url)?;
        order.chain = self.issue(&order.domain, csr_der);
        order.status = if retry_after.is_some() {
            OrderStatus::Processing
        } else {
            OrderStatus::Valid
        };
        Ok(retry_after)
    }

    async fn download_chain(&self, url: &str) -> Result<String, AuthorityError> {
        let mut state = self.begin("download chain")?;
        Ok(find(&mut state, url)?.chain.clone())
    }

    async fn revoke(
        &self,
        certificate_pem: &str,
        _: RevocationReason,
    ) -> Result<(), AuthorityError> {
        let mut state = self.begin("revoke")?;
        state.revoked.push(certificate_pem.to_owned());
        Ok(())
    }
}

//! A certificate authority in memory that validates against the in-memory zone.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use async_trait::async_trait;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, CertifiedIssuer, IsCa,
    KeyPair,
};
use starchart_acme::authority::{
    Authority, AuthorityError, NewOrder, Order, OrderStatus, PendingAuthorization, RenewalInfo,
    RenewalInfoError, ReplacedCertificate,
};
use starchart_acme::chain;
use starchart_domain::certificate::RevocationReason;
use starchart_domain::certificate::Validity;
use starchart_domain::certificate::renewal_info::RenewalInfoFailure;
use starchart_domain::txt;
use time::{Duration, OffsetDateTime};

use super::provider::ScriptedProvider;

/// The lifetime of the certificates, unless a test sets another one.
pub(crate) const CERTIFICATE_DAYS: i64 = 90;

const ACCOUNT: &str = "account:1";

/// What the authority answers about the renewal of a certificate with this validity period.
pub(crate) type RenewalAnswer =
    Box<dyn Fn(Validity) -> Result<RenewalInfo, RenewalInfoError> + Send>;

/// A certificate authority whose next answers a test decides.
pub(crate) struct ScriptedAuthority {
    provider: Arc<ScriptedProvider>,
    issuer: CertifiedIssuer<'static, KeyPair>,
    /// How far the authority's clock is ahead, in milliseconds.
    clock_offset: Arc<AtomicI64>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    orders: Vec<TestOrder>,
    errors: Vec<(&'static str, AuthorityError)>,
    calls: Vec<&'static str>,
    revoked: Vec<String>,
    life: Option<Duration>,
    /// Whether names need no validation.
    reuses_validations: bool,
    renewal_answer: Option<RenewalAnswer>,
    /// The certificates about whose renewal it was asked, in PEM.
    questions: Vec<String>,
    /// The certificates for which an order is the replacement, in PEM.
    replaced: BTreeSet<String>,
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
    pub(crate) fn new(provider: Arc<ScriptedProvider>, clock_offset: Arc<AtomicI64>) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        Self {
            provider,
            issuer: CertifiedIssuer::self_signed(params, key).unwrap(),
            clock_offset,
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

    /// Issues certificates that live so long from now on.
    pub(crate) fn set_life(&self, life: Duration) {
        self.state().life = Some(life);
    }

    /// Validates no names from now on.
    pub(crate) fn reuse_validations(&self) {
        self.state().reuses_validations = true;
    }

    /// Offers renewal information from now on.
    pub(crate) fn answer_renewal_info(
        &self,
        answer: impl Fn(Validity) -> Result<RenewalInfo, RenewalInfoError> + Send + 'static,
    ) {
        self.state().renewal_answer = Some(Box::new(answer));
    }

    /// Returns the certificates about whose renewal the authority was asked since the last call.
    pub(crate) fn take_questions(&self) -> Vec<String> {
        std::mem::take(&mut self.state().questions)
    }

    /// Returns how many orders replace a certificate.
    pub(crate) fn replacements(&self) -> usize {
        self.state().replaced.len()
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

    fn issue(&self, domain: &str, csr_der: &[u8], life: Option<Duration>) -> String {
        let request = CertificateSigningRequestParams::from_der(&csr_der.into()).unwrap();
        let names = vec![format!("*.{domain}"), domain.to_owned()];
        let mut params = CertificateParams::new(names).unwrap();
        let ahead = Duration::milliseconds(self.clock_offset.load(Ordering::SeqCst));
        params.not_before = OffsetDateTime::from(SystemTime::now()) + ahead;
        params.not_after = params.not_before + life.unwrap_or(Duration::days(CERTIFICATE_DAYS));
        params.use_authority_key_identifier_extension = true;
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
    async fn new_order(
        &self,
        names: &[String],
        replaced: Option<ReplacedCertificate<'_>>,
    ) -> Result<NewOrder, AuthorityError> {
        let mut state = self.begin("new order")?;
        let replaced = replaced
            .filter(|replaced| state.renewal_answer.is_some() && replaced.account == Some(ACCOUNT));
        let is_replacement =
            replaced.is_some_and(|it| state.replaced.insert(it.certificate.to_owned()));
        let status = if state.reuses_validations {
            OrderStatus::Ready
        } else {
            OrderStatus::Pending
        };
        state.orders.push(TestOrder {
            domain: names.last().unwrap().clone(),
            status,
            chain: String::new(),
        });
        Ok(NewOrder {
            url: format!("order:{}", state.orders.len() - 1),
            account: ACCOUNT.to_owned(),
            is_replacement,
        })
    }

    async fn renewal_info(
        &self,
        certificate_pem: &str,
    ) -> Result<Option<RenewalInfo>, RenewalInfoError> {
        let begun = self
            .begin("renewal info")
            .map_err(|error| RenewalInfoError {
                failure: RenewalInfoFailure::Temporary {
                    retry_after_ms: None,
                },
                detail: error.to_string(),
            });
        let mut state = begun?;
        state.questions.push(certificate_pem.to_owned());
        let leaf = chain::split(certificate_pem).unwrap().leaf;
        let validity = Validity::new(leaf.not_before, leaf.not_after);
        state
            .renewal_answer
            .as_ref()
            .map(|answer| answer(validity))
            .transpose()
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
        let (retry_after, life) = (state.wait, state.life);
        let order = find(&mut state, url)?;
        order.chain = self.issue(&order.domain, csr_der, life);
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

//! The service provider, built in one place, and the check of a response.

use std::sync::Arc;
use std::time::Duration;

use samael::service_provider::ServiceProvider as SamaelProvider;
use starchart_domain::time::Timestamp;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use url::Url;

use crate::checks::{self, Expected};
use crate::idp::{self, Idp, MetadataError, Warning};
use crate::login::{self, LoginRedirect};
use crate::redirect::RequestError;
use crate::refusal::Refusal;
use crate::{gate, identity, logout, metadata, verify};

/// How long a response may take, waiting for a free place included.
const BUDGET: Duration = Duration::from_secs(2);
/// Responses checked at the same time: the C code blocks its thread.
const PLACES: usize = 4;
/// The largest clock skew that can be set, in seconds.
const MAX_SKEW_S: u32 = 120;

/// The attributes that are read, by their exact `Name`.
#[derive(Debug, Clone)]
pub struct AttributeNames {
    /// The one that names the person, for ever: single-valued.
    pub subject: String,
    /// The name to show.
    pub display_name: String,
    /// The mail address.
    pub email: String,
    /// The groups: one value or many.
    pub group: String,
}

impl AttributeNames {
    pub(crate) fn all(&self) -> [&str; 4] {
        [&self.subject, &self.display_name, &self.email, &self.group]
    }
}

/// All that a provider needs to know.
#[derive(Debug, Clone)]
pub struct ServiceProviderConfig {
    /// Who we are: `APP_URL/sp`.
    pub entity_id: String,
    /// Where responses are posted: `APP_URL/login/callback`.
    pub acs_url: String,
    /// Where the identity provider's logout returns to: `APP_URL/logout/callback`.
    pub slo_url: String,
    /// The identity provider's metadata.
    pub idp_metadata_xml: String,
    /// How much two clocks may differ, in seconds: 120 at most.
    pub clock_skew_s: u32,
    /// The attributes that are read.
    pub attributes: AttributeNames,
    /// Refuse an ACS without TLS (production).
    pub require_https_acs: bool,
}

/// What a response established. Only the caller can know whether the request was ours and whether
/// the assertion was used before: see [`VerifiedAssertion::in_response_to`] and [`VerifiedAssertion::assertion_id`].
#[derive(Clone, PartialEq, Eq)]
pub struct VerifiedAssertion {
    /// The request that this answers: must be one of ours, and is consumed by it.
    pub in_response_to: String,
    /// To be remembered until [`VerifiedAssertion::valid_until`]: never take it twice.
    pub assertion_id: String,
    /// After this moment the assertion is refused for its age.
    pub valid_until: Timestamp,
    /// The value of the subject attribute, as the identity provider wrote it.
    pub subject: String,
    /// The name to show; empty when there is none.
    pub display_name: String,
    /// The mail address (the first one); empty when there is none.
    pub email: String,
    /// The groups, in document order.
    pub groups: Vec<String>,
    /// The NameID, for single logout.
    pub name_id: Option<String>,
    /// The session at the identity provider, for single logout.
    pub session_index: Option<String>,
}

/// Without the person: this may end up in a log.
impl std::fmt::Debug for VerifiedAssertion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VerifiedAssertion")
            .field("in_response_to", &self.in_response_to)
            .field("assertion_id", &self.assertion_id)
            .finish_non_exhaustive()
    }
}

/// A service provider with one identity provider.
pub struct ServiceProvider {
    inner: Arc<Inner>,
    places: Arc<Semaphore>,
}

struct Inner {
    expected: Expected,
    slo_url: String,
    idp: Idp,
    attributes: AttributeNames,
    checker: SamaelProvider,
}

impl ServiceProvider {
    /// Builds a provider. `now` decides whether the metadata is still valid.
    ///
    /// # Errors
    /// When the metadata names no identity provider, no redirect sign-on service or no usable
    /// signing certificate, when it is past its validUntil, or when a setting does not hold.
    pub fn new(config: ServiceProviderConfig, now: Timestamp) -> Result<Self, MetadataError> {
        check_settings(&config)?;
        let idp = Idp::read(&config.idp_metadata_xml, now.as_millis())?;
        let expected = Expected {
            entity_id: config.entity_id,
            acs_url: config.acs_url,
            idp_entity_id: idp.entity_id.clone(),
            skew_ms: i64::from(config.clock_skew_s) * 1000,
        };
        let checker = verify::service_provider(&expected, &idp.certificates);
        let inner = Inner {
            expected,
            slo_url: config.slo_url,
            idp,
            attributes: config.attributes,
            checker,
        };
        Ok(Self {
            inner: Arc::new(inner),
            places: Arc::new(Semaphore::new(PLACES)),
        })
    }

    /// What should be looked at, as of `now`.
    #[must_use]
    pub fn warnings(&self, now: Timestamp) -> Vec<Warning> {
        self.inner.idp.warnings(now.as_millis())
    }

    /// Our own metadata, for `GET /sp`.
    #[must_use]
    pub fn metadata_xml(&self) -> String {
        metadata::xml(
            &self.inner.expected.entity_id,
            &self.inner.expected.acs_url,
            &self.inner.slo_url,
        )
    }

    /// The entityID of the identity provider.
    #[must_use]
    pub fn idp_entity_id(&self) -> &str {
        &self.inner.idp.entity_id
    }

    /// The origins that our forms may lead to (CSP `form-action`), without duplicates.
    #[must_use]
    pub fn idp_origins(&self) -> Vec<String> {
        let services = std::iter::once(&self.inner.idp.sign_on).chain(&self.inner.idp.logout);
        let mut origins: Vec<String> = services
            .map(|service| service.url.origin().ascii_serialization())
            .collect();
        origins.dedup();
        origins
    }

    /// Where to send a person to sign in, and the id of the request that does it. `relay_state`
    /// comes back as it is: an opaque key, never an address.
    ///
    /// # Errors
    /// When the relay state is longer than 80 bytes (SAML bindings 3.4.3).
    pub fn create_login_request(
        &self,
        relay_state: &str,
        now: Timestamp,
    ) -> Result<LoginRedirect, RequestError> {
        let expected = &self.inner.expected;
        login::request(
            &self.inner.idp.sign_on,
            &expected.entity_id,
            &expected.acs_url,
            relay_state,
            now.as_millis(),
        )
    }

    /// Where to send a person to sign out at the identity provider too; nothing if it has no such
    /// service.
    ///
    /// # Errors
    /// When the relay state is longer than 80 bytes (SAML bindings 3.4.3).
    pub fn create_logout_request(
        &self,
        name_id: &str,
        session_index: Option<&str>,
        relay_state: &str,
        now: Timestamp,
    ) -> Result<Option<Url>, RequestError> {
        let Some(service) = &self.inner.idp.logout else {
            return Ok(None);
        };
        let person = logout::Leaving {
            name_id,
            session_index,
        };
        logout::request(
            service,
            &self.inner.expected.entity_id,
            &person,
            relay_state,
            now.as_millis(),
        )
        .map(Some)
    }

    /// Checks a response: the `SAMLResponse` form field as it was posted.
    ///
    /// # Errors
    /// Whenever anything at all is not as it must be; see [`Refusal`].
    pub async fn verify_response(
        &self,
        saml_response: &str,
        now: Timestamp,
    ) -> Result<VerifiedAssertion, Refusal> {
        // Before the text is copied for the other thread.
        if saml_response.len() > gate::MAX_RESPONSE_BYTES * 2 {
            return Err(Refusal::TooLarge);
        }
        let inner = Arc::clone(&self.inner);
        let places = Arc::clone(&self.places);
        let field = saml_response.to_owned();
        let work = async move {
            let place = places.acquire_owned().await.map_err(|_| Refusal::Busy)?;
            // A panic in the task ends in the join error; the place is free again only when the
            // thread is.
            let task = tokio::task::spawn_blocking(move || {
                let outcome = inner.check(&field, now.as_millis());
                drop(place);
                outcome
            });
            task.await.unwrap_or(Err(Refusal::CheckerPanicked))
        };
        timeout(BUDGET, work).await.unwrap_or(Err(Refusal::Busy))
    }
}

impl Inner {
    fn check(&self, field: &str, now: i64) -> Result<VerifiedAssertion, Refusal> {
        let text = gate::decode(field)?;
        let seen = gate::pass(&text)?;
        let accepted = checks::check(&seen, &self.expected, now)?;
        let person = identity::read(&seen.assertion.attributes, &self.attributes)?;
        verify::verify(
            &self.checker,
            &text,
            &accepted.in_response_to,
            &seen.assertion,
            &self.attributes,
        )?;
        Ok(VerifiedAssertion {
            in_response_to: accepted.in_response_to,
            assertion_id: seen.assertion.id,
            valid_until: Timestamp::from_millis(accepted.valid_until),
            subject: person.subject,
            display_name: person.display_name,
            email: person.email,
            groups: person.groups,
            name_id: seen.assertion.name_id.as_deref().and_then(identity::tidy),
            session_index: accepted.session_index,
        })
    }
}

impl std::fmt::Debug for ServiceProvider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServiceProvider")
            .field("idp", &self.inner.idp.entity_id)
            .finish_non_exhaustive()
    }
}

fn check_settings(config: &ServiceProviderConfig) -> Result<(), MetadataError> {
    if config.clock_skew_s > MAX_SKEW_S {
        return Err(MetadataError::Setting(
            "the SAML clock skew is more than 120 seconds: set the clocks right instead",
        ));
    }
    if config.entity_id.is_empty() {
        return Err(MetadataError::Setting("our own entity id is empty"));
    }
    let acs = Url::parse(&config.acs_url)
        .map_err(|_| MetadataError::Setting("the address for responses is not a URL"))?;
    let secure = acs.scheme() == "https"
        || (!config.require_https_acs && acs.scheme() == "http" && idp::is_local(&acs));
    if !secure {
        return Err(MetadataError::Setting(
            "the address for responses is not https: set an https APP_URL (http is for development on this machine)",
        ));
    }
    if config.attributes.all().iter().any(|name| name.is_empty()) {
        return Err(MetadataError::Setting(
            "the name of a SAML attribute is empty",
        ));
    }
    Ok(())
}

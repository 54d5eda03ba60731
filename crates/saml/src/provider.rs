//! The service provider: builds requests and verifies responses.

use std::sync::Arc;
use std::time::Duration;

use starchart_domain::secret::Secret;
use starchart_domain::time::Timestamp;
use starchart_domain::user::{AttributeNames, NameId};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use url::Url;

use crate::checks::{self, CheckedFields, Expected};
use crate::decrypt::DecryptionKey;
use crate::gate::{Content, ParsedAssertion, ParsedResponse};
use crate::identity::UserAttributes;
use crate::idp_metadata::{self, IdpMetadata, MetadataError, Warning};
use crate::login::{self, LoginRedirect};
use crate::redirect::RequestError;
use crate::refusal::Refusal;
use crate::verify::Verifier;
use crate::xml::Element;
use crate::{gate, identity, logout, sp_metadata};

/// Limit for the check of one response, waiting for a permit included.
const CHECK_TIMEOUT: Duration = Duration::from_secs(2);
/// Responses checked at the same time; the C code blocks a thread for each.
const MAX_CONCURRENT_CHECKS: usize = 4;
/// The largest clock skew that can be configured.
const MAX_SKEW: Duration = Duration::from_secs(120);

/// The settings of a service provider and its identity provider.
#[derive(Debug, Clone)]
pub struct ServiceProviderConfig {
    /// The entityID of this service provider: `APP_URL/sp`.
    pub entity_id: String,
    /// URL of the assertion consumer service: `APP_URL/login/callback`.
    pub acs_url: String,
    /// URL that the identity provider's logout returns to: `APP_URL/logout/callback`.
    pub slo_url: String,
    /// The identity provider's metadata as XML.
    pub idp_metadata_xml: String,
    /// Tolerated difference between the clocks, at most 120 s.
    pub clock_skew: Duration,
    /// Names of the attributes that identify the user.
    pub attributes: AttributeNames,
    /// Requires https for `acs_url` (production).
    pub require_https_acs: bool,
    /// RSA key in PEM for which the identity provider may encrypt assertions. Without one they are
    /// refused.
    pub decryption_key: Option<Secret>,
}

/// A verified response. Only the caller can know whether its request was sent by this service and
/// whether its assertion is used for the first time: see [`VerifiedAssertion::in_response_to`] and
/// [`VerifiedAssertion::assertion_id`].
#[derive(Clone, PartialEq, Eq)]
pub struct VerifiedAssertion {
    /// ID of the request that this responds to. The caller checks that it sent the request, and
    /// consumes it.
    pub in_response_to: String,
    /// ID of the assertion. The caller stores it until [`VerifiedAssertion::valid_until`] and
    /// accepts it once.
    pub assertion_id: String,
    /// From this time on the assertion is refused for its age.
    pub valid_until: Timestamp,
    /// The subject attribute, exactly as the identity provider wrote it.
    pub subject: String,
    /// The display name; may be empty.
    pub display_name: String,
    /// The first mail address; may be empty.
    pub email: String,
    /// The groups, in document order.
    pub groups: Vec<String>,
    /// Whether the identity provider sent a link in place of the groups, as Entra ID does for a
    /// user who has many.
    pub groups_not_sent: bool,
    /// The NameID (SAML core 2.2.3), for single logout.
    pub name_id: Option<NameId>,
    /// The SessionIndex (SAML core 2.7.2), for single logout.
    pub session_index: Option<String>,
}

/// Omits personal data, because the output may be logged.
impl std::fmt::Debug for VerifiedAssertion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VerifiedAssertion")
            .field("in_response_to", &self.in_response_to)
            .field("assertion_id", &self.assertion_id)
            .finish_non_exhaustive()
    }
}

/// A SAML service provider with one identity provider.
pub struct ServiceProvider {
    inner: Arc<Inner>,
    permits: Arc<Semaphore>,
}

struct Inner {
    expected: Expected,
    slo_url: String,
    idp: IdpMetadata,
    attributes: AttributeNames,
    verifier: Verifier,
    decryption_key: Option<DecryptionKey>,
}

impl ServiceProvider {
    /// Builds a service provider. `now` is compared with the validUntil of the metadata.
    ///
    /// # Errors
    /// The metadata has expired or lacks an identity provider, an HTTP-Redirect sign-on service or
    /// a usable signing certificate, or a setting cannot be used.
    pub fn new(config: ServiceProviderConfig, now: Timestamp) -> Result<Self, MetadataError> {
        check_settings(&config)?;
        let idp = IdpMetadata::parse(&config.idp_metadata_xml, now.as_millis())?;
        let expected = Expected {
            entity_id: config.entity_id,
            acs_url: config.acs_url,
            idp_entity_id: idp.entity_id.clone(),
            skew_ms: i64::try_from(config.clock_skew.as_millis()).unwrap_or(0),
        };
        let verifier = Verifier::new(&idp.certificates);
        let decryption_key = config
            .decryption_key
            .as_ref()
            .map(DecryptionKey::parse)
            .transpose()
            .map_err(MetadataError::DecryptionKey)?;
        let inner = Inner {
            expected,
            slo_url: config.slo_url,
            idp,
            attributes: config.attributes,
            verifier,
            decryption_key,
        };
        Ok(Self {
            inner: Arc::new(inner),
            permits: Arc::new(Semaphore::new(MAX_CONCURRENT_CHECKS)),
        })
    }

    /// Lists problems in the metadata that do not prevent sign-in, as of `now`.
    #[must_use]
    pub fn warnings(&self, now: Timestamp) -> Vec<Warning> {
        self.inner.idp.warnings(now.as_millis())
    }

    /// Builds the metadata of this service provider, for `GET /sp`.
    #[must_use]
    pub fn metadata_xml(&self) -> String {
        sp_metadata::build(
            &self.inner.expected.entity_id,
            &self.inner.expected.acs_url,
            &self.inner.slo_url,
            self.inner
                .decryption_key
                .as_ref()
                .map(DecryptionKey::certificate_base64),
        )
    }

    /// Returns the entityID of the identity provider.
    #[must_use]
    pub fn idp_entity_id(&self) -> &str {
        &self.inner.idp.entity_id
    }

    /// Returns the origins of the identity provider that forms may redirect to (CSP `form-action`),
    /// without duplicates.
    #[must_use]
    pub fn idp_origins(&self) -> Vec<String> {
        let services = std::iter::once(&self.inner.idp.sign_on).chain(&self.inner.idp.logout);
        let mut origins: Vec<String> = services
            .map(|service| service.url.origin().ascii_serialization())
            .collect();
        origins.dedup();
        origins
    }

    /// Creates the redirect that sends a user to the identity provider to sign in. The identity
    /// provider returns `relay_state` unchanged; it must be an opaque key, not a URL.
    ///
    /// # Errors
    /// The relay state is longer than 80 bytes (SAML bindings 3.4.3).
    pub fn create_login_request(
        &self,
        relay_state: &str,
        now: Timestamp,
    ) -> Result<LoginRedirect, RequestError> {
        let expected = &self.inner.expected;
        login::build_request(
            &self.inner.idp.sign_on,
            &expected.entity_id,
            &expected.acs_url,
            relay_state,
            now.as_millis(),
        )
    }

    /// Creates the URL that sends a user to the identity provider's single logout. `None` when it
    /// has no such service.
    ///
    /// # Errors
    /// The relay state is longer than 80 bytes (SAML bindings 3.4.3).
    pub fn create_logout_request(
        &self,
        name_id: &NameId,
        session_index: Option<&str>,
        relay_state: &str,
        now: Timestamp,
    ) -> Result<Option<Url>, RequestError> {
        let Some(service) = &self.inner.idp.logout else {
            return Ok(None);
        };
        let subject = logout::LogoutSubject {
            name_id,
            session_index,
        };
        logout::build_request(
            service,
            &self.inner.expected.entity_id,
            &subject,
            relay_state,
            now.as_millis(),
        )
        .map(Some)
    }

    /// Verifies a response, given as the posted `SAMLResponse` form field.
    ///
    /// # Errors
    /// The first reason to refuse the response; see [`Refusal`].
    pub async fn verify_response(
        &self,
        saml_response: &str,
        now: Timestamp,
    ) -> Result<VerifiedAssertion, Refusal> {
        // Checked before the text is copied for the other thread.
        if saml_response.len() > gate::MAX_FIELD_LEN {
            return Err(Refusal::TooLarge);
        }
        let inner = Arc::clone(&self.inner);
        let permits = Arc::clone(&self.permits);
        let field = saml_response.to_owned();
        let work = async move {
            let permit = permits.acquire_owned().await.map_err(|_| Refusal::Busy)?;
            // The thread keeps the permit even after the timeout. A panic becomes a join error.
            let task = tokio::task::spawn_blocking(move || {
                let outcome = inner.check(&field, now.as_millis());
                drop(permit);
                outcome
            });
            task.await.unwrap_or(Err(Refusal::CheckPanicked))
        };
        timeout(CHECK_TIMEOUT, work)
            .await
            .unwrap_or(Err(Refusal::Busy))
    }
}

impl Inner {
    fn check(&self, field: &str, now: i64) -> Result<VerifiedAssertion, Refusal> {
        let text = gate::decode_form_field(field)?;
        let root = gate::parse_xml(&text)?;
        let (response, content) = gate::parse_response(&root)?;
        match content {
            Content::Plain(assertion) => {
                let signatures = [response.signature, assertion.signature];
                if signatures == [None, None] {
                    return Err(Refusal::Unsigned);
                }
                let (fields, user) = self.check_values(&response, &assertion, now)?;
                self.verifier
                    .verify(&text, &root, signatures.into_iter().flatten())?;
                Ok(verified(*assertion, fields, user))
            }
            Content::Encrypted(element) => {
                self.check_encrypted(&text, &root, &response, element, now)
            }
        }
    }

    /// Decrypts the assertion and checks it as one that came in clear. What is signed around it is
    /// verified first; without that, only a cipher that authenticates is decrypted.
    fn check_encrypted(
        &self,
        text: &str,
        root: &Element,
        response: &ParsedResponse,
        element: &Element,
        now: i64,
    ) -> Result<VerifiedAssertion, Refusal> {
        let key = self.decryption_key.as_ref().ok_or(Refusal::Encrypted)?;
        let encrypted = gate::parse_encrypted(element)?;
        match response.signature {
            Some(signature) => self.verifier.verify(text, root, [signature])?,
            None if encrypted.cipher.is_authenticated() => {}
            None => return Err(Refusal::NotDecrypted("cbc_in_unsigned_response")),
        }
        let inner_text = key.decrypt(&encrypted)?;
        let inner = gate::parse_xml(&inner_text)?;
        let assertion = gate::parse_assertion(&inner)?;
        if response.signature.is_none() && assertion.signature.is_none() {
            return Err(Refusal::Unsigned);
        }
        let (fields, user) = self.check_values(response, &assertion, now)?;
        if let Some(signature) = assertion.signature {
            self.verifier.verify(&inner_text, &inner, [signature])?;
        }
        Ok(verified(assertion, fields, user))
    }

    fn check_values(
        &self,
        response: &ParsedResponse,
        assertion: &ParsedAssertion,
        now: i64,
    ) -> Result<(CheckedFields, UserAttributes), Refusal> {
        let fields = checks::check(response, assertion, &self.expected, now)?;
        let user = identity::read_user_attributes(&assertion.attributes, &self.attributes)?;
        Ok((fields, user))
    }
}

fn verified(
    assertion: ParsedAssertion,
    fields: CheckedFields,
    user: UserAttributes,
) -> VerifiedAssertion {
    VerifiedAssertion {
        in_response_to: fields.in_response_to,
        assertion_id: assertion.id,
        valid_until: Timestamp::from_millis(fields.valid_until),
        subject: user.subject,
        display_name: user.display_name,
        email: user.email,
        groups: user.groups,
        groups_not_sent: user.groups_not_sent,
        name_id: assertion.name_id,
        session_index: fields.session_index,
    }
}

impl std::fmt::Debug for ServiceProvider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServiceProvider")
            .field("idp_entity_id", &self.inner.idp.entity_id)
            .finish_non_exhaustive()
    }
}

fn check_settings(config: &ServiceProviderConfig) -> Result<(), MetadataError> {
    if config.clock_skew > MAX_SKEW {
        return Err(MetadataError::Setting(
            "the SAML clock skew is more than 120 seconds: set the clocks right instead",
        ));
    }
    if config.entity_id.is_empty() {
        return Err(MetadataError::Setting(
            "the entityID of this service provider is empty",
        ));
    }
    let acs = Url::parse(&config.acs_url)
        .map_err(|_| MetadataError::Setting("the address for responses is not a URL"))?;
    let secure = acs.scheme() == "https"
        || (!config.require_https_acs && acs.scheme() == "http" && idp_metadata::is_local(&acs));
    if !secure {
        return Err(MetadataError::Setting(
            "the address for responses is not https: set an https APP_URL \
             (http is for development on this machine)",
        ));
    }
    if config.attributes.all().iter().any(|name| name.is_empty()) {
        return Err(MetadataError::Setting(
            "the name of a SAML attribute is empty",
        ));
    }
    Ok(())
}

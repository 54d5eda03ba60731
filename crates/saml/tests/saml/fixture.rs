//! A service provider and its identity provider.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use starchart_domain::time::Timestamp;
use starchart_domain::user::AttributeNames;
use starchart_saml::issuer::{AuthnRequest, Issuer, Response, SamlIdentity, SignedParts};
use starchart_saml::{Refusal, ServiceProvider, ServiceProviderConfig, VerifiedAssertion};

pub(crate) const IDP: &str = "http://idp.example.test/metadata";
pub(crate) const SP: &str = "http://localhost:8080/sp";
pub(crate) const ACS: &str = "http://localhost:8080/login/callback";
pub(crate) const SSO: &str = "http://localhost:9090/sso";
pub(crate) const SLO: &str = "http://localhost:9091/slo";

/// One response that was checked.
pub(crate) struct Check {
    pub(crate) time: Duration,
    pub(crate) refusal: Option<Refusal>,
}

thread_local! {
    static CHECKS: RefCell<Vec<Check>> = const { RefCell::new(Vec::new()) };
}

/// Returns the checks of this thread since the last call.
pub(crate) fn take_checks() -> Vec<Check> {
    CHECKS.take()
}

pub(crate) struct Fixture {
    pub(crate) issuer: Issuer,
    pub(crate) provider: ServiceProvider,
    /// The current time, because samael reads the clock itself.
    pub(crate) now: i64,
}

impl Fixture {
    pub(crate) fn new() -> Self {
        let issuer = Issuer::generate(IDP).unwrap();
        let provider = provider(&issuer.metadata_xml(SSO, Some(SLO)).unwrap());
        Self {
            issuer,
            provider,
            now: chrono::Utc::now().timestamp_millis(),
        }
    }

    /// A valid response, for a test to change.
    pub(crate) fn valid_response(&self) -> Response {
        Response::new(IDP, &authn_request(), &kepler(), self.now)
    }

    /// A valid response as signed XML.
    pub(crate) fn signed(&self, sign: SignedParts) -> String {
        let mut response = self.valid_response();
        response.sign = sign;
        response.sign(&self.issuer).unwrap()
    }

    pub(crate) async fn check(&self, xml: &str) -> Result<VerifiedAssertion, Refusal> {
        self.check_at(xml, self.now).await
    }

    pub(crate) async fn check_at(&self, xml: &str, now: i64) -> Result<VerifiedAssertion, Refusal> {
        self.check_field(&STANDARD.encode(xml), Timestamp::from_millis(now))
            .await
    }

    /// Checks the content of the form's field, and records how long it took.
    pub(crate) async fn check_field(
        &self,
        field: &str,
        now: Timestamp,
    ) -> Result<VerifiedAssertion, Refusal> {
        let start = Instant::now();
        let outcome = self.provider.verify_response(field, now).await;
        CHECKS.with_borrow_mut(|checks| {
            checks.push(Check {
                time: start.elapsed(),
                refusal: outcome.as_ref().err().copied(),
            });
        });
        outcome
    }

    /// Signs a response with the right key and returns the code of its refusal, or "accepted".
    pub(crate) async fn code_of(&self, response: &Response) -> &'static str {
        code(self.check(&response.sign(&self.issuer).unwrap()).await)
    }
}

pub(crate) fn code(outcome: Result<VerifiedAssertion, Refusal>) -> &'static str {
    outcome.map_or_else(Refusal::code, |_| "accepted")
}

pub(crate) fn config(metadata: &str) -> ServiceProviderConfig {
    ServiceProviderConfig {
        entity_id: SP.to_owned(),
        acs_url: ACS.to_owned(),
        slo_url: "http://localhost:8080/logout/callback".to_owned(),
        idp_metadata_xml: metadata.to_owned(),
        clock_skew: Duration::from_secs(120),
        attributes: AttributeNames {
            subject: "sAMAccountName".to_owned(),
            display_name: "displayname".to_owned(),
            email: "email".to_owned(),
            group: "group".to_owned(),
        },
        require_https_acs: false,
        decryption_key: None,
    }
}

pub(crate) fn provider(metadata: &str) -> ServiceProvider {
    ServiceProvider::new(config(metadata), now()).unwrap()
}

pub(crate) fn now() -> Timestamp {
    Timestamp::from_millis(chrono::Utc::now().timestamp_millis())
}

pub(crate) fn authn_request() -> AuthnRequest {
    AuthnRequest {
        id: "_request1".to_owned(),
        issuer: SP.to_owned(),
        acs_url: ACS.to_owned(),
    }
}

/// user1 of the development identity provider.
pub(crate) fn kepler() -> SamlIdentity {
    SamlIdentity {
        username: "user1".to_owned(),
        display_name: "Johannes Kepler".to_owned(),
        email: "user1@example.com".to_owned(),
        groups: vec![
            "mycustomdomain-students".to_owned(),
            "astronomy & <others>".to_owned(),
        ],
    }
}

/// Returns the first element with this name, from `<name` to `</name>`.
pub(crate) fn element<'a>(xml: &'a str, name: &str) -> &'a str {
    let start = xml.find(&format!("<{name}")).unwrap();
    let end_tag = format!("</{name}>");
    let end = xml.get(start..).unwrap().find(&end_tag).unwrap() + start + end_tag.len();
    xml.get(start..end).unwrap()
}

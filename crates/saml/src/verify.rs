//! Verifies the signatures with samael, which parses the document again, and compares what both
//! parsers read.
//!
//! xmlsec writes a line or two to stderr for every invalid signature. samael offers no safe way to
//! turn that off, so these lines appear beside the log.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::Duration;
use samael::crypto::AllowedSignatureAlgorithm as Algorithm;
use samael::key_info::{KeyInfo, X509Data};
use samael::metadata::{EntityDescriptor, IdpSsoDescriptor, KeyDescriptor};
use samael::schema::Assertion;
use samael::service_provider::{Error, ServiceProvider as SamaelProvider};
use starchart_domain::user::AttributeNames;

use crate::checks::{Expected, MAX_AGE_MS};
use crate::gate::ParsedAssertion;
use crate::identity;
use crate::idp_metadata::Certificate;
use crate::refusal::Refusal;

/// Builds samael's service provider. Sets every field, because the defaults accept SHA-1 and
/// contain localhost URLs. The caller has checked that there is a certificate; without one samael
/// accepts unsigned responses.
pub(crate) fn samael_provider(expected: &Expected, certificates: &[Certificate]) -> SamaelProvider {
    let skew = Duration::milliseconds(expected.skew_ms);
    SamaelProvider {
        entity_id: Some(expected.entity_id.clone()),
        key: None,
        certificate: None,
        intermediates: None,
        metadata_url: None,
        acs_url: Some(expected.acs_url.clone()),
        slo_url: None,
        idp_metadata: EntityDescriptor {
            entity_id: Some(expected.idp_entity_id.clone()),
            idp_sso_descriptors: Some(vec![idp_role(certificates)]),
            ..EntityDescriptor::default()
        },
        authn_name_id_format: None,
        metadata_valid_duration: None,
        force_authn: false,
        allow_idp_initiated: false,
        contact_person: None,
        max_issue_delay: Duration::milliseconds(MAX_AGE_MS) + skew,
        max_clock_skew: skew,
        allowed_signature_algorithms: Some(vec![
            Algorithm::RsaSha256,
            Algorithm::RsaSha384,
            Algorithm::RsaSha512,
            Algorithm::EcdsaSha256,
            Algorithm::EcdsaSha384,
            Algorithm::EcdsaSha512,
        ]),
    }
}

fn idp_role(certificates: &[Certificate]) -> IdpSsoDescriptor {
    let key = |certificate: &Certificate| KeyDescriptor {
        key_use: Some("signing".to_owned()),
        key_info: KeyInfo {
            id: None,
            x509_data: Some(X509Data {
                certificates: vec![STANDARD.encode(&certificate.der)],
            }),
        },
        encryption_methods: None,
    };
    IdpSsoDescriptor {
        id: None,
        valid_until: None,
        cache_duration: None,
        protocol_support_enumeration: None,
        error_url: None,
        signature: None,
        key_descriptors: certificates.iter().map(key).collect(),
        organization: None,
        contact_people: Vec::new(),
        artifact_resolution_service: Vec::new(),
        single_logout_services: Vec::new(),
        manage_name_id_services: Vec::new(),
        name_id_formats: Vec::new(),
        want_authn_requests_signed: None,
        single_sign_on_services: Vec::new(),
        name_id_mapping_services: Vec::new(),
        assertion_id_request_services: Vec::new(),
        attribute_profiles: Vec::new(),
        attributes: Vec::new(),
    }
}

/// Verifies the signatures of a document that the gate accepted, and that samael reads the same
/// values from it.
pub(crate) fn verify_signatures(
    provider: &SamaelProvider,
    text: &str,
    in_response_to: &str,
    parsed: &ParsedAssertion,
    names: &AttributeNames,
) -> Result<(), Refusal> {
    // Without a certificate samael accepts unsigned responses. The constructor prevents that; this
    // is a second check.
    if !matches!(provider.idp_signing_certs(), Ok(Some(certificates)) if !certificates.is_empty()) {
        return Err(Refusal::SamaelRefused("no_signing_certificate"));
    }
    let assertion = provider
        .parse_xml_response(text, Some(&[in_response_to]))
        .map_err(|error| to_refusal(&error))?;
    compare_assertions(&assertion, parsed, names)
}

fn to_refusal(error: &Error) -> Refusal {
    match error {
        Error::FailedToValidateSignature
        | Error::CryptoXmlError(_)
        | Error::CryptoProviderError(_) => Refusal::BadSignature,
        Error::AssertionExpired { .. }
        | Error::ResponseExpired { .. }
        | Error::AssertionConditionExpired { .. }
        | Error::AssertionConditionExpiredBefore { .. }
        | Error::AssertionSubjectConfirmationExpired { .. }
        | Error::AssertionSubjectConfirmationExpiredBefore { .. } => {
            Refusal::Clock("checker_clock")
        }
        Error::FailedToParseSamlResponse(_) | Error::FailedToParseSamlAssertion(_) => {
            Refusal::SamaelRefused("checker_parse")
        }
        _ => Refusal::SamaelRefused("checker_refused"),
    }
}

fn compare_assertions(
    theirs: &Assertion,
    ours: &ParsedAssertion,
    names: &AttributeNames,
) -> Result<(), Refusal> {
    if theirs.id != ours.id {
        return Err(Refusal::ParserMismatch("parsers_differ_id"));
    }
    let name_id = theirs
        .subject
        .as_ref()
        .and_then(|subject| subject.name_id.as_ref());
    let trimmed = |value: Option<&str>| value.and_then(identity::trim_to_option);
    if trimmed(name_id.map(|name_id| name_id.value.as_str())) != trimmed(ours.name_id.as_deref()) {
        return Err(Refusal::ParserMismatch("parsers_differ_name_id"));
    }
    for name in names.all() {
        if their_values(theirs, name) != identity::attribute_values(&ours.attributes, name) {
            return Err(Refusal::ParserMismatch("parsers_differ_attributes"));
        }
    }
    Ok(())
}

fn their_values(assertion: &Assertion, name: &str) -> Vec<String> {
    assertion
        .attribute_statements
        .iter()
        .flatten()
        .flat_map(|statement| &statement.attributes)
        .filter(|attribute| attribute.name.as_deref() == Some(name))
        .flat_map(|attribute| &attribute.values)
        .filter_map(|value| value.value.as_deref().and_then(identity::trim_to_option))
        .collect()
}

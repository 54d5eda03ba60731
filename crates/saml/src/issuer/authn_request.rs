//! Parses the AuthnRequest of a service provider.

use std::io::Read as _;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::read::DeflateDecoder;

use super::identity_provider::IssuerError;
use crate::xml::{self, Ns, ParseOptions};

const OPTIONS: ParseOptions = ParseOptions {
    lenient: false,
    max_depth: 8,
    max_elements: 64,
    max_attributes: 24,
};
const MAX_REQUEST_BYTES: u64 = 16 * 1024;

/// The fields of an AuthnRequest (SAML core 3.4.1) that a response needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthnRequest {
    /// ID of the request, which becomes InResponseTo.
    pub id: String,
    /// The service provider's entityID, which becomes the audience.
    pub issuer: String,
    /// URL of the assertion consumer service, where the response is posted.
    pub acs_url: String,
}

/// Parses the `SAMLRequest` parameter of the HTTP-Redirect binding (SAML bindings 3.4.4.1), after
/// URL decoding.
///
/// # Errors
/// It is not an AuthnRequest with ID, Issuer and AssertionConsumerServiceURL.
pub fn parse_authn_request(saml_request: &str) -> Result<AuthnRequest, IssuerError> {
    let deflated = STANDARD
        .decode(saml_request)
        .map_err(|_| IssuerError::Request("not base64"))?;
    let mut text = String::new();
    DeflateDecoder::new(deflated.as_slice())
        .take(MAX_REQUEST_BYTES)
        .read_to_string(&mut text)
        .map_err(|_| IssuerError::Request("not compressed text"))?;
    let root = xml::parse(&text, &OPTIONS).map_err(|fault| IssuerError::Request(fault.code()))?;
    if !root.is(Ns::Samlp, "AuthnRequest") {
        return Err(IssuerError::Request("another message"));
    }
    let attribute = |name: &str| root.attribute(name).map(str::to_owned);
    Ok(AuthnRequest {
        id: attribute("ID").ok_or(IssuerError::Request("no ID"))?,
        issuer: root
            .child(Ns::Saml, "Issuer")
            .map(|issuer| issuer.text.clone())
            .ok_or(IssuerError::Request("no Issuer"))?,
        acs_url: attribute("AssertionConsumerServiceURL")
            .ok_or(IssuerError::Request("no AssertionConsumerServiceURL"))?,
    })
}

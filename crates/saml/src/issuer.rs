//! The identity provider's side: for the demo, and for tests that must make responses that no
//! honest one makes.
//!
//! Never linked into a production build.

mod respond;

use std::io::Read as _;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::read::DeflateDecoder;
use openssl::asn1::Asn1Time;
use openssl::bn::{BigNum, MsbOption};
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::x509::{X509, X509Name};

pub use respond::{NamespaceStyle, Response, SignedParts};

use crate::xml::{self, DS, MD, Ns, Rules, SAMLP, escape};

const RULES: Rules = Rules {
    lenient: false,
    max_depth: 8,
    max_elements: 64,
    max_attributes: 24,
};
const MAX_REQUEST_BYTES: u64 = 16 * 1024;

/// What goes wrong on this side.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IssuerError {
    /// Making or reading a key or certificate.
    #[error("the key or certificate cannot be used: {0}")]
    Crypto(#[from] ErrorStack),
    /// Signing.
    #[error("the response cannot be signed: {0}")]
    Sign(String),
    /// What came as `SAMLRequest` is no AuthnRequest.
    #[error("not an AuthnRequest: {0}")]
    Request(&'static str),
}

/// An identity provider: a name, a key and its certificate.
#[derive(Clone)]
pub struct Issuer {
    entity_id: String,
    key: PKey<Private>,
    certificate: X509,
}

/// The person who signs in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SamlIdentity {
    /// The `sAMAccountName`.
    pub username: String,
    /// The `displayname`.
    pub display_name: String,
    /// The `email`.
    pub email: String,
    /// The values of `group`.
    pub groups: Vec<String>,
}

/// What an AuthnRequest asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthnRequest {
    /// Its id: the response's InResponseTo.
    pub id: String,
    /// The service provider's entityID: the audience.
    pub issuer: String,
    /// Where to post the response.
    pub acs_url: String,
}

impl Issuer {
    /// A new RSA key with a self-signed certificate for ten years.
    ///
    /// # Errors
    /// When OpenSSL cannot make them.
    pub fn generate(entity_id: &str) -> Result<Self, IssuerError> {
        Self::generate_valid(entity_id, -1, 3650)
    }

    /// The same with a certificate that is valid between two days, counted from today.
    ///
    /// # Errors
    /// When OpenSSL cannot make them.
    pub fn generate_valid(
        entity_id: &str,
        from_day: i64,
        to_day: i64,
    ) -> Result<Self, IssuerError> {
        let key = PKey::from_rsa(Rsa::generate(2048)?)?;
        let certificate = self_signed(&key, from_day, to_day)?;
        Ok(Self {
            entity_id: entity_id.to_owned(),
            key,
            certificate,
        })
    }

    /// An issuer from a private key and a certificate, both PEM.
    ///
    /// # Errors
    /// When either cannot be read.
    pub fn from_pem(entity_id: &str, key: &str, certificate: &str) -> Result<Self, IssuerError> {
        Ok(Self {
            entity_id: entity_id.to_owned(),
            key: PKey::private_key_from_pem(key.as_bytes())?,
            certificate: X509::from_pem(certificate.as_bytes())?,
        })
    }

    /// The private key (PKCS #8) and the certificate, both PEM.
    ///
    /// # Errors
    /// When OpenSSL cannot write them.
    pub fn to_pem(&self) -> Result<(String, String), IssuerError> {
        let key = self.key.private_key_to_pem_pkcs8()?;
        let certificate = self.certificate.to_pem()?;
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Ok((text(key), text(certificate)))
    }

    /// Its entityID.
    #[must_use]
    pub fn entity_id(&self) -> &str {
        &self.entity_id
    }

    /// The certificate as metadata and KeyInfo carry it: base64 of the DER form.
    ///
    /// # Errors
    /// When OpenSSL cannot write it.
    pub fn certificate_base64(&self) -> Result<String, IssuerError> {
        Ok(STANDARD.encode(self.certificate.to_der()?))
    }

    /// Metadata with this certificate and these two HTTP-Redirect services.
    ///
    /// # Errors
    /// When the certificate cannot be written.
    pub fn metadata_xml(
        &self,
        sso_url: &str,
        slo_url: Option<&str>,
    ) -> Result<String, IssuerError> {
        let redirect = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect";
        let logout = slo_url
            .map(|url| {
                format!(
                    r#"<md:SingleLogoutService Binding="{redirect}" Location="{}"/>"#,
                    escape(url)
                )
            })
            .unwrap_or_default();
        Ok(format!(
            concat!(
                r#"<?xml version="1.0" encoding="UTF-8"?>"#,
                r#"<md:EntityDescriptor xmlns:md="{md}" xmlns:ds="{ds}" entityID="{entity_id}">"#,
                r#"<md:IDPSSODescriptor WantAuthnRequestsSigned="false" protocolSupportEnumeration="{samlp}">"#,
                r#"<md:KeyDescriptor use="signing"><ds:KeyInfo><ds:X509Data><ds:X509Certificate>{certificate}"#,
                r#"</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>{logout}"#,
                r#"<md:NameIDFormat>urn:oasis:names:tc:SAML:2.0:nameid-format:persistent</md:NameIDFormat>"#,
                r#"<md:SingleSignOnService Binding="{redirect}" Location="{sign_on}"/>"#,
                r#"</md:IDPSSODescriptor></md:EntityDescriptor>"#
            ),
            md = MD,
            ds = DS,
            samlp = SAMLP,
            entity_id = escape(self.entity_id.as_str()),
            certificate = self.certificate_base64()?,
            logout = logout,
            redirect = redirect,
            sign_on = escape(sso_url),
        ))
    }

    /// The answer to a request, now: assertion and response signed, base64 for the `SAMLResponse`
    /// field.
    ///
    /// # Errors
    /// When signing fails.
    pub fn respond(
        &self,
        seen: &AuthnRequest,
        person: &SamlIdentity,
    ) -> Result<String, IssuerError> {
        let now = chrono::Utc::now().timestamp_millis();
        let xml = Response::new(&self.entity_id, seen, person, now).sign(self)?;
        Ok(STANDARD.encode(xml))
    }
}

impl std::fmt::Debug for Issuer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Issuer")
            .field("entity_id", &self.entity_id)
            .finish_non_exhaustive()
    }
}

/// Reads the `SAMLRequest` parameter of the HTTP-Redirect binding, after URL decoding.
///
/// # Errors
/// When it is no AuthnRequest that names its id, issuer and ACS.
pub fn parse_authn_request(saml_request: &str) -> Result<AuthnRequest, IssuerError> {
    let packed = STANDARD
        .decode(saml_request)
        .map_err(|_| IssuerError::Request("not base64"))?;
    let mut text = String::new();
    DeflateDecoder::new(packed.as_slice())
        .take(MAX_REQUEST_BYTES)
        .read_to_string(&mut text)
        .map_err(|_| IssuerError::Request("not compressed text"))?;
    let root = xml::read(&text, &RULES).map_err(|fault| IssuerError::Request(fault.code()))?;
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

fn self_signed(key: &PKey<Private>, from_day: i64, to_day: i64) -> Result<X509, ErrorStack> {
    let mut name = X509Name::builder()?;
    name.append_entry_by_text("CN", "development identity provider")?;
    let name = name.build();
    let mut serial = BigNum::new()?;
    serial.rand(127, MsbOption::MAYBE_ZERO, false)?;
    let now = chrono::Utc::now().timestamp();
    let (from, to) = (
        Asn1Time::from_unix(now + from_day * 86_400)?,
        Asn1Time::from_unix(now + to_day * 86_400)?,
    );
    let mut builder = X509::builder()?;
    builder.set_version(2)?;
    builder.set_serial_number(&*serial.to_asn1_integer()?)?;
    builder.set_subject_name(&name)?;
    builder.set_issuer_name(&name)?;
    builder.set_pubkey(key)?;
    builder.set_not_before(&from)?;
    builder.set_not_after(&to)?;
    builder.sign(key, MessageDigest::sha256())?;
    Ok(builder.build())
}

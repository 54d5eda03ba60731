//! An identity provider with its key, its certificate and its metadata.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use openssl::asn1::Asn1Time;
use openssl::bn::{BigNum, MsbOption};
use openssl::ec::{EcGroup, EcKey};
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{Id, PKey, Private};
use openssl::rsa::Rsa;
use openssl::x509::{X509, X509Name};

use crate::xml::{DS, MD, SAMLP, escape};

/// Why an identity provider cannot sign or parse.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IssuerError {
    /// A key or certificate cannot be created or parsed.
    #[error("the key or certificate cannot be used: {0}")]
    Crypto(#[from] ErrorStack),
    /// xmlsec cannot sign the response.
    #[error("the response cannot be signed: {0}")]
    Sign(String),
    /// The `SAMLRequest` parameter is not an AuthnRequest.
    #[error("not an AuthnRequest: {0}")]
    Request(&'static str),
}

/// An identity provider: an entityID, a private key and its certificate.
#[derive(Clone)]
pub struct Issuer {
    pub(super) entity_id: String,
    pub(super) key: PKey<Private>,
    certificate: X509,
}

/// The user whom an assertion names, by its attributes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SamlIdentity {
    /// Value of the attribute `sAMAccountName`, and of the NameID.
    pub username: String,
    /// Value of the attribute `displayname`.
    pub display_name: String,
    /// Value of the attribute `email`.
    pub email: String,
    /// Values of the attribute `group`.
    pub groups: Vec<String>,
}

/// The key of an identity provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IssuerKey {
    /// RSA with this many bits.
    Rsa(u32),
    /// ECDSA on the curve P-256.
    EcP256,
    /// ECDSA on the curve P-384.
    EcP384,
    /// ECDSA on the curve P-521.
    EcP521,
    /// Ed25519, which XML Signature does not use.
    Ed25519,
}

impl IssuerKey {
    fn generate(self) -> Result<PKey<Private>, ErrorStack> {
        let on_curve =
            |name: Nid| PKey::from_ec_key(EcKey::generate(&*EcGroup::from_curve_name(name)?)?);
        match self {
            Self::Rsa(bits) => PKey::from_rsa(Rsa::generate(bits)?),
            Self::EcP256 => on_curve(Nid::X9_62_PRIME256V1),
            Self::EcP384 => on_curve(Nid::SECP384R1),
            Self::EcP521 => on_curve(Nid::SECP521R1),
            Self::Ed25519 => PKey::generate_ed25519(),
        }
    }
}

impl Issuer {
    /// Generates an RSA key and a self-signed certificate for ten years.
    ///
    /// # Errors
    /// OpenSSL fails.
    pub fn generate(entity_id: &str) -> Result<Self, IssuerError> {
        Self::generate_valid(entity_id, -1, 3650)
    }

    /// Generates an RSA key and a self-signed certificate that is valid between two days, counted
    /// from today.
    ///
    /// # Errors
    /// OpenSSL fails.
    pub fn generate_valid(
        entity_id: &str,
        from_day: i64,
        to_day: i64,
    ) -> Result<Self, IssuerError> {
        Self::generate_key(entity_id, IssuerKey::Rsa(2048), from_day, to_day)
    }

    /// Generates a key of a kind and a self-signed certificate that is valid between two days,
    /// counted from today.
    ///
    /// # Errors
    /// OpenSSL fails.
    pub fn generate_key(
        entity_id: &str,
        key: IssuerKey,
        from_day: i64,
        to_day: i64,
    ) -> Result<Self, IssuerError> {
        let key = key.generate()?;
        let certificate = self_signed(&key, from_day, to_day)?;
        Ok(Self {
            entity_id: entity_id.to_owned(),
            key,
            certificate,
        })
    }

    /// Reads a private key and a certificate, both in PEM.
    ///
    /// # Errors
    /// The key or the certificate cannot be parsed.
    pub fn from_pem(entity_id: &str, key: &str, certificate: &str) -> Result<Self, IssuerError> {
        Ok(Self {
            entity_id: entity_id.to_owned(),
            key: PKey::private_key_from_pem(key.as_bytes())?,
            certificate: X509::from_pem(certificate.as_bytes())?,
        })
    }

    /// Returns the private key (PKCS#8) and the certificate, both in PEM.
    ///
    /// # Errors
    /// OpenSSL fails.
    pub fn to_pem(&self) -> Result<(String, String), IssuerError> {
        let key = self.key.private_key_to_pem_pkcs8()?;
        let certificate = self.certificate.to_pem()?;
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Ok((text(key), text(certificate)))
    }

    /// Returns the entityID of the identity provider.
    #[must_use]
    pub fn entity_id(&self) -> &str {
        &self.entity_id
    }

    /// Returns the certificate as metadata and KeyInfo contain it: DER in base64.
    ///
    /// # Errors
    /// OpenSSL fails.
    pub fn certificate_base64(&self) -> Result<String, IssuerError> {
        Ok(STANDARD.encode(self.certificate.to_der()?))
    }

    /// Builds metadata with the certificate and HTTP-Redirect services at these URLs.
    ///
    /// # Errors
    /// OpenSSL fails.
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
                r#"<md:IDPSSODescriptor WantAuthnRequestsSigned="false""#,
                r#" protocolSupportEnumeration="{samlp}">"#,
                r#"<md:KeyDescriptor use="signing"><ds:KeyInfo><ds:X509Data>"#,
                r#"<ds:X509Certificate>{certificate}</ds:X509Certificate>"#,
                r#"</ds:X509Data></ds:KeyInfo></md:KeyDescriptor>{logout}"#,
                r#"<md:NameIDFormat>{name_id_format}</md:NameIDFormat>"#,
                r#"<md:SingleSignOnService Binding="{redirect}" Location="{sign_on}"/>"#,
                r#"</md:IDPSSODescriptor></md:EntityDescriptor>"#
            ),
            md = MD,
            ds = DS,
            samlp = SAMLP,
            entity_id = escape(self.entity_id.as_str()),
            certificate = self.certificate_base64()?,
            logout = logout,
            name_id_format = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent",
            redirect = redirect,
            sign_on = escape(sso_url),
        ))
    }
}

impl std::fmt::Debug for Issuer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Issuer")
            .field("entity_id", &self.entity_id)
            .finish_non_exhaustive()
    }
}

fn self_signed(key: &PKey<Private>, from_day: i64, to_day: i64) -> Result<X509, ErrorStack> {
    let mut name = X509Name::builder()?;
    name.append_entry_by_text("CN", "development identity provider")?;
    let name = name.build();
    let mut serial = BigNum::new()?;
    serial.rand(127, MsbOption::MAYBE_ZERO, false)?;
    let now = chrono::Utc::now().timestamp();
    let from = Asn1Time::from_unix(now + from_day * 86_400)?;
    let to = Asn1Time::from_unix(now + to_day * 86_400)?;
    let mut builder = X509::builder()?;
    builder.set_version(2)?;
    builder.set_serial_number(&*serial.to_asn1_integer()?)?;
    builder.set_subject_name(&name)?;
    builder.set_issuer_name(&name)?;
    builder.set_pubkey(key)?;
    builder.set_not_before(&from)?;
    builder.set_not_after(&to)?;
    let digest = match key.id() {
        Id::ED25519 => MessageDigest::null(),
        _ => MessageDigest::sha256(),
    };
    builder.sign(key, digest)?;
    Ok(builder.build())
}

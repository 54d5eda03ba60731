//! Parses the identity provider's metadata (SAML metadata 2.4.3).
//!
//! Only the parts that sign-in needs are read; WS-Federation and attribute roles, signatures and
//! extensions are ignored. The operator provides the file, so comments and CDATA are allowed.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, SecondsFormat};
use openssl::asn1::{Asn1Time, Asn1TimeRef};
use openssl::pkey::{Id, PKey, Public};
use openssl::x509::X509;
use url::Url;

use crate::xml::{self, Element, Ns, ParseOptions, SAMLP, XmlFault};

const OPTIONS: ParseOptions = ParseOptions {
    lenient: true,
    max_depth: 64,
    max_elements: 100_000,
    max_attributes: 128,
};
const REDIRECT_BINDING: &str = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect";
const DAY_MS: i64 = 86_400_000;
/// A certificate that expires within this many days causes a warning.
const WARN_DAYS: i64 = 30;

/// Why a [`crate::ServiceProvider`] cannot be built. Each message says what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MetadataError {
    /// The metadata is not well-formed XML.
    #[error("the IdP metadata cannot be read: {0}. Download it again from the identity provider")]
    Xml(XmlFault),
    /// No EntityDescriptor with an IDPSSODescriptor for SAML 2.0.
    #[error(
        "the IdP metadata describes no SAML 2.0 identity provider \
         (no EntityDescriptor with an IDPSSODescriptor). \
         Use the metadata of the identity provider, not of a service provider"
    )]
    NoIdp,
    /// The metadata of a federation, with several identity providers.
    #[error(
        "the IdP metadata describes {0} identity providers. \
         Keep only the EntityDescriptor of yours"
    )]
    SeveralIdps(usize),
    /// The EntityDescriptor has no entityID.
    #[error("the IdP metadata has no entityID. Download it again from the identity provider")]
    NoEntityId,
    /// No SingleSignOnService with the HTTP-Redirect binding.
    #[error(
        "the IdP metadata has no SingleSignOnService with the HTTP-Redirect binding. \
         Turn that binding on at the identity provider"
    )]
    NoSignOnService,
    /// A Location is not an http or https URL.
    #[error("the IdP metadata has a {0} whose Location is not an http or https URL")]
    BadLocation(&'static str),
    /// No signing certificate, so that no signature could be verified.
    #[error(
        "the IdP metadata has no signing certificate \
         (a KeyDescriptor with use=\"signing\", or without use, that contains an X509Certificate). \
         Without one no sign-in could be trusted: \
         add the identity provider's signing certificate"
    )]
    NoSigningCertificate,
    /// A signing certificate cannot be parsed.
    #[error(
        "signing certificate number {0} in the IdP metadata cannot be read, \
         or its key is neither RSA nor EC. Replace or remove it"
    )]
    BadCertificate(usize),
    /// A validUntil cannot be parsed.
    #[error(
        "the IdP metadata has a validUntil that is not a date. \
         Download it again from the identity provider"
    )]
    BadValidUntil,
    /// The validUntil has passed.
    #[error("the IdP metadata was valid until {0}. Download it again from the identity provider")]
    Expired(String),
    /// The key that decrypts assertions cannot be used.
    #[error("{0}")]
    DecryptionKey(&'static str),
    /// A setting other than the metadata cannot be used.
    #[error("{0}")]
    Setting(&'static str),
}

/// A problem in the metadata that does not prevent sign-in, for the operator to check.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Warning {
    /// A signing certificate has expired; its key is still accepted.
    CertificateExpired {
        /// Position of the certificate in the metadata, from 1.
        number: usize,
        /// Time of expiry, as RFC 3339.
        at: String,
    },
    /// A signing certificate expires within 30 days.
    CertificateExpires {
        /// Position of the certificate in the metadata, from 1.
        number: usize,
        /// Time of expiry, as RFC 3339.
        at: String,
    },
    /// An RSA key of less than 2048 bits.
    WeakKey {
        /// Position of the certificate in the metadata, from 1.
        number: usize,
        /// Size of the key in bits.
        bits: u32,
    },
    /// A signing certificate is followed by others in the same X509Data. They form its chain, and
    /// their keys are not accepted.
    ChainIgnored {
        /// Position of the signing certificate in the metadata, from 1.
        number: usize,
    },
    /// A signing certificate whose key can verify none of the accepted algorithms, such as an
    /// Ed25519 key or one for RSA-PSS only.
    KeyNotUsable {
        /// Position of the certificate in the metadata, from 1.
        number: usize,
    },
    /// The identity provider asks for signed requests; this service provider does not sign them.
    WantsSignedRequests,
    /// The sign-in address has no TLS, so that passwords would be sent unencrypted.
    SignOnWithoutTls,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CertificateExpired { number, at } => write!(
                f,
                "signing certificate number {number} in the IdP metadata expired at {at}; \
                 its key is still accepted. Get newer metadata, without it"
            ),
            Self::CertificateExpires { number, at } => {
                write!(
                    f,
                    "signing certificate number {number} in the IdP metadata expires at {at}. \
                     Get newer metadata before"
                )
            }
            Self::WeakKey { number, bits } => write!(
                f,
                "signing certificate number {number} in the IdP metadata has an RSA key \
                 of {bits} bits. Ask for 2048 or more"
            ),
            Self::ChainIgnored { number } => write!(
                f,
                "other certificates follow signing certificate number {number} \
                 in the same X509Data of the IdP metadata. Only the first is accepted: if sign-ins \
                 are refused for their signature, put the signing certificate first, or each into \
                 a KeyDescriptor of its own"
            ),
            Self::KeyNotUsable { number } => write!(
                f,
                "signing certificate number {number} in the IdP metadata is not used, because its \
                 key is neither RSA nor EC (it may be Ed25519, or for RSA-PSS only). If sign-ins \
                 are refused for their signature, let the identity provider sign with RSA-SHA256"
            ),
            Self::WantsSignedRequests => f.write_str(
                "the IdP metadata asks for signed AuthnRequests; ours are not signed. \
                 Turn that off at the identity provider",
            ),
            Self::SignOnWithoutTls => f.write_str(
                "the identity provider's sign-in address is http. \
                     Passwords would be sent unencrypted: use https",
            ),
        }
    }
}

/// The kinds of signatures that can be verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SignatureKind {
    Rsa,
    Ecdsa,
}

/// The kinds of keys whose signatures can be verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyKind {
    Rsa,
    /// On a curve of this many bits.
    Ec(u32),
}

impl KeyKind {
    /// Whether a key of this kind makes signatures of that kind.
    pub(crate) fn makes(self, signature: SignatureKind) -> bool {
        match self {
            Self::Rsa => signature == SignatureKind::Rsa,
            Self::Ec(_) => signature == SignatureKind::Ecdsa,
        }
    }
}

/// A signing certificate. Only its key matters; its validity causes warnings.
#[derive(Debug, Clone)]
pub(crate) struct Certificate {
    /// Position among the signing certificates of the metadata, from 1.
    number: usize,
    pub(crate) der: Vec<u8>,
    pub(crate) kind: KeyKind,
    /// End of the validity, in Unix milliseconds.
    expires_at: i64,
    rsa_bits: Option<u32>,
}

/// An endpoint with the HTTP-Redirect binding.
#[derive(Debug, Clone)]
pub(crate) struct Service {
    pub(crate) url: Url,
    /// The URL as the metadata writes it: a strict identity provider compares the Destination of a
    /// request by characters.
    pub(crate) location: String,
}

/// The identity provider, as its metadata describes it.
#[derive(Debug, Clone)]
pub(crate) struct IdpMetadata {
    pub(crate) entity_id: String,
    pub(crate) sign_on: Service,
    pub(crate) logout: Option<Service>,
    pub(crate) certificates: Vec<Certificate>,
    /// What is wrong with single certificates, whatever the time.
    certificate_warnings: Vec<Warning>,
    wants_signed_requests: bool,
}

impl IdpMetadata {
    /// Parses metadata. `now`, in Unix milliseconds, is compared with validUntil.
    pub(crate) fn parse(text: &str, now: i64) -> Result<Self, MetadataError> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let root = xml::parse(text, &OPTIONS).map_err(MetadataError::Xml)?;
        let entity = find_only_idp(&root)?;
        let roles: Vec<&Element> = idp_roles_of(entity).collect();
        for element in [&root, entity].into_iter().chain(roles.iter().copied()) {
            check_valid_until(element, now)?;
        }
        let entity_id = entity
            .attribute("entityID")
            .filter(|id| !id.is_empty())
            .ok_or(MetadataError::NoEntityId)?;
        let (certificates, certificate_warnings) = signing_certificates(&roles)?;
        let sign_on = redirect_service(&roles, "SingleSignOnService")?
            .ok_or(MetadataError::NoSignOnService)?;
        Ok(Self {
            entity_id: entity_id.to_owned(),
            sign_on,
            logout: redirect_service(&roles, "SingleLogoutService")?,
            certificates,
            certificate_warnings,
            wants_signed_requests: roles.iter().any(|role| {
                matches!(
                    role.attribute("WantAuthnRequestsSigned"),
                    Some("true" | "1")
                )
            }),
        })
    }

    /// Lists the problems that the operator should check, as of `now` (Unix milliseconds).
    pub(crate) fn warnings(&self, now: i64) -> Vec<Warning> {
        let mut warnings = Vec::new();
        for certificate in &self.certificates {
            let number = certificate.number;
            let at = rfc3339(certificate.expires_at);
            if certificate.expires_at <= now {
                warnings.push(Warning::CertificateExpired { number, at });
            } else if certificate.expires_at <= now + WARN_DAYS * DAY_MS {
                warnings.push(Warning::CertificateExpires { number, at });
            }
            if let Some(bits) = certificate.rsa_bits.filter(|bits| *bits < 2048) {
                warnings.push(Warning::WeakKey { number, bits });
            }
        }
        warnings.extend(self.certificate_warnings.iter().cloned());
        if self.wants_signed_requests {
            warnings.push(Warning::WantsSignedRequests);
        }
        if self.sign_on.url.scheme() == "http" && !is_local(&self.sign_on.url) {
            warnings.push(Warning::SignOnWithoutTls);
        }
        warnings
    }
}

/// Whether requests to this URL stay on this machine.
pub(crate) fn is_local(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost" || name == "host.docker.internal",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

fn find_only_idp(root: &Element) -> Result<&Element, MetadataError> {
    let mut found = Vec::new();
    collect_idps(root, &mut found);
    match found.as_slice() {
        [] => Err(MetadataError::NoIdp),
        [one] => Ok(one),
        several => Err(MetadataError::SeveralIdps(several.len())),
    }
}

fn collect_idps<'a>(element: &'a Element, found: &mut Vec<&'a Element>) {
    if element.is(Ns::Md, "EntityDescriptor") {
        if idp_roles_of(element).next().is_some() {
            found.push(element);
        }
    } else if element.is(Ns::Md, "EntitiesDescriptor") {
        element
            .children
            .iter()
            .for_each(|child| collect_idps(child, found));
    }
}

/// Lists the roles of an identity provider that speaks SAML 2.0. There may be several; the keys of
/// each count.
fn idp_roles_of(entity: &Element) -> impl Iterator<Item = &Element> {
    entity.all(Ns::Md, "IDPSSODescriptor").filter(|role| {
        role.attribute("protocolSupportEnumeration")
            .is_some_and(|protocols| {
                protocols
                    .split_ascii_whitespace()
                    .any(|protocol| protocol == SAMLP)
            })
    })
}

fn check_valid_until(element: &Element, now: i64) -> Result<(), MetadataError> {
    let Some(text) = element.attribute("validUntil") else {
        return Ok(());
    };
    let until = xml::parse_date_time(text).ok_or(MetadataError::BadValidUntil)?;
    if until <= now {
        Err(MetadataError::Expired(rfc3339(until)))
    } else {
        Ok(())
    }
}

fn redirect_service(
    roles: &[&Element],
    name: &'static str,
) -> Result<Option<Service>, MetadataError> {
    let Some(service) = roles
        .iter()
        .flat_map(|role| role.all(Ns::Md, name))
        .find(|service| service.attribute("Binding") == Some(REDIRECT_BINDING))
    else {
        return Ok(None);
    };
    let location = service.attribute("Location").unwrap_or_default();
    let url = Url::parse(location)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https") && url.host().is_some())
        .ok_or(MetadataError::BadLocation(name))?;
    Ok(Some(Service {
        url,
        location: location.to_owned(),
    }))
}

/// Returns the usable signing certificates, and warnings about those that are not used: of a kind
/// that cannot be verified, and those that follow another in its X509Data. The latter belong to
/// certificate authorities, which do not speak for the identity provider.
fn signing_certificates(
    roles: &[&Element],
) -> Result<(Vec<Certificate>, Vec<Warning>), MetadataError> {
    let for_signing = |key: &&Element| matches!(key.attribute("use"), None | Some("" | "signing"));
    let sets = roles
        .iter()
        .flat_map(|role| role.all(Ns::Md, "KeyDescriptor"))
        .filter(for_signing)
        .flat_map(|key| key.all(Ns::Ds, "KeyInfo"))
        .flat_map(|info| info.all(Ns::Ds, "X509Data"));
    let mut certificates = Vec::new();
    let mut warnings = Vec::new();
    let mut number = 0;
    for data in sets {
        let mut chain = data.all(Ns::Ds, "X509Certificate");
        let Some(first) = chain.next() else { continue };
        number += 1;
        let unreadable = MetadataError::BadCertificate(number);
        match parse_certificate(&first.text, number).ok_or(unreadable)? {
            Some(certificate) => certificates.push(certificate),
            None => warnings.push(Warning::KeyNotUsable { number }),
        }
        if chain.next().is_some() {
            warnings.push(Warning::ChainIgnored { number });
        }
    }
    match (certificates.is_empty(), number) {
        (false, _) => Ok((certificates, warnings)),
        (true, 0) => Err(MetadataError::NoSigningCertificate),
        (true, _) => Err(MetadataError::BadCertificate(1)),
    }
}

/// Parses a certificate. `Some(None)` when its key is of a kind that cannot be verified, such as
/// Ed25519 or one for RSA-PSS only.
fn parse_certificate(text: &str, number: usize) -> Option<Option<Certificate>> {
    let base64: String = text.chars().filter(|c| !xml::is_xml_space(*c)).collect();
    let parsed = X509::from_der(&STANDARD.decode(base64).ok()?).ok()?;
    let key: PKey<Public> = parsed.public_key().ok()?;
    let (kind, rsa_bits) = match key.id() {
        Id::RSA => (KeyKind::Rsa, Some(key.bits())),
        Id::EC => (KeyKind::Ec(key.bits()), None),
        _ => return Some(None),
    };
    Some(Some(Certificate {
        number,
        der: parsed.to_der().ok()?,
        kind,
        expires_at: unix_millis(parsed.not_after())?,
        rsa_bits,
    }))
}

fn unix_millis(time: &Asn1TimeRef) -> Option<i64> {
    let since = Asn1Time::from_unix(0).ok()?.diff(time).ok()?;
    Some(i64::from(since.days) * DAY_MS + i64::from(since.secs) * 1000)
}

fn rfc3339(millis: i64) -> String {
    DateTime::from_timestamp_millis(millis)
        .map(|time| time.to_rfc3339_opts(SecondsFormat::Secs, true))
        .unwrap_or_default()
}

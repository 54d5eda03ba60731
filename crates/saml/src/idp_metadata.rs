//! The identity provider's metadata (SAML metadata 2.4.3), read by ourselves.
//!
//! Only the parts that sign-in needs are taken; WS-Federation and attribute roles, signatures and
//! extensions are passed over. The file is the operator's, so comments and the like are no attack
//! here.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, SecondsFormat};
use openssl::asn1::{Asn1Time, Asn1TimeRef};
use openssl::pkey::{Id, PKey, Public};
use openssl::x509::X509;
use url::Url;

use crate::xml::{self, Element, Ns, Rules, SAMLP, XmlFault};

const RULES: Rules = Rules {
    lenient: true,
    max_depth: 64,
    max_elements: 100_000,
    max_attributes: 128,
};
const REDIRECT: &str = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect";
const DAY_MS: i64 = 86_400_000;
/// How long before its end a certificate is warned about.
const WARN_DAYS: i64 = 30;

/// Why a provider cannot be built. Each says what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MetadataError {
    /// Not XML.
    #[error("the IdP metadata cannot be read: {0}. Download it again from the identity provider")]
    Xml(XmlFault),
    /// No EntityDescriptor with an IDPSSODescriptor for SAML 2.0.
    #[error(
        "the IdP metadata describes no SAML 2.0 identity provider (no EntityDescriptor with an IDPSSODescriptor). Use the metadata of the identity provider, not of a service provider"
    )]
    NoIdp,
    /// A federation's file.
    #[error(
        "the IdP metadata describes {0} identity providers. Keep only the EntityDescriptor of yours"
    )]
    SeveralIdps(usize),
    /// No entityID.
    #[error("the IdP metadata has no entityID. Download it again from the identity provider")]
    NoEntityId,
    /// No place to send people to.
    #[error(
        "the IdP metadata has no SingleSignOnService with the HTTP-Redirect binding. Turn that binding on at the identity provider"
    )]
    NoSignOnService,
    /// A Location that is no http or https URL.
    #[error("the IdP metadata has a {0} whose Location is not an http or https URL")]
    BadLocation(&'static str),
    /// Nothing to check signatures with.
    #[error(
        "the IdP metadata has no signing certificate (a KeyDescriptor with use=\"signing\", or without use, that holds an X509Certificate). Without one no sign-in could be trusted: add the identity provider's signing certificate"
    )]
    NoSigningCertificate,
    /// A certificate that is not one.
    #[error(
        "signing certificate number {0} in the IdP metadata cannot be read, or its key is neither RSA nor EC. Replace or remove it"
    )]
    BadCertificate(usize),
    /// A date that is not one.
    #[error(
        "the IdP metadata has a validUntil that is not a date. Download it again from the identity provider"
    )]
    BadValidUntil,
    /// validUntil has passed.
    #[error("the IdP metadata was valid until {0}. Download it again from the identity provider")]
    Expired(String),
    /// A setting beside the metadata.
    #[error("{0}")]
    Setting(&'static str),
}

/// Something that works today and should be looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Warning {
    /// A signing certificate has ended; its key is still accepted.
    CertificateExpired {
        /// Its place in the metadata, from 1.
        number: usize,
        /// When, as RFC 3339.
        at: String,
    },
    /// A signing certificate ends within 30 days.
    CertificateExpires {
        /// Its place in the metadata, from 1.
        number: usize,
        /// When, as RFC 3339.
        at: String,
    },
    /// An RSA key of less than 2048 bits.
    WeakKey {
        /// Its place in the metadata, from 1.
        number: usize,
        /// Its size.
        bits: u32,
    },
    /// Behind a signing certificate stand others in the same X509Data: a chain, whose keys are not
    /// accepted.
    ChainIgnored {
        /// The place of the signing certificate in the metadata, from 1.
        number: usize,
    },
    /// The IdP asks for signed requests; ours are not signed.
    WantsSignedRequests,
    /// People would type their password at an address without TLS.
    SignOnWithoutTls,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CertificateExpired { number, at } => write!(
                f,
                "signing certificate number {number} in the IdP metadata ended at {at}; its key is still accepted. Get newer metadata, without it"
            ),
            Self::CertificateExpires { number, at } => {
                write!(f, "signing certificate number {number} in the IdP metadata ends at {at}. Get newer metadata before")
            }
            Self::WeakKey { number, bits } => write!(
                f,
                "signing certificate number {number} in the IdP metadata has an RSA key of {bits} bits. Ask for 2048 or more"
            ),
            Self::ChainIgnored { number } => write!(
                f,
                "other certificates stand in the same X509Data behind signing certificate number {number} in the IdP metadata. Only the first is accepted: if sign-ins are refused for their signature, put the signing certificate first, or each into a KeyDescriptor of its own"
            ),
            Self::WantsSignedRequests => f.write_str(
                "the IdP metadata asks for signed AuthnRequests; ours are not signed. Turn that off at the identity provider",
            ),
            Self::SignOnWithoutTls => {
                f.write_str("the identity provider's sign-in address is http. Passwords would travel in the clear: use https")
            }
        }
    }
}

/// A signing certificate: its key is what counts.
#[derive(Debug, Clone)]
pub(crate) struct Certificate {
    pub(crate) der: Vec<u8>,
    ends: i64,
    rsa_bits: Option<u32>,
}

/// An endpoint with the HTTP-Redirect binding.
#[derive(Debug, Clone)]
pub(crate) struct Service {
    pub(crate) url: Url,
    /// As the metadata writes it: a strict peer compares a Destination by characters.
    pub(crate) location: String,
}

/// What is known about the identity provider.
#[derive(Debug, Clone)]
pub(crate) struct Idp {
    pub(crate) entity_id: String,
    pub(crate) sign_on: Service,
    pub(crate) logout: Option<Service>,
    pub(crate) certificates: Vec<Certificate>,
    /// Of each X509Data that holds more certificates than the one that counts: the number of its
    /// certificate.
    chains: Vec<usize>,
    wants_signed_requests: bool,
}

impl Idp {
    /// Reads metadata; `now` is milliseconds since 1970.
    pub(crate) fn read(text: &str, now: i64) -> Result<Self, MetadataError> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let root = xml::read(text, &RULES).map_err(MetadataError::Xml)?;
        let entity = only_idp(&root)?;
        let role = role_of(entity).ok_or(MetadataError::NoIdp)?;
        for element in [&root, entity, role] {
            not_over(element, now)?;
        }
        let entity_id = entity
            .attribute("entityID")
            .filter(|id| !id.is_empty())
            .ok_or(MetadataError::NoEntityId)?;
        let (certificates, chains) = certificates(role)?;
        let sign_on =
            location(role, "SingleSignOnService")?.ok_or(MetadataError::NoSignOnService)?;
        Ok(Self {
            entity_id: entity_id.to_owned(),
            sign_on,
            logout: location(role, "SingleLogoutService")?,
            certificates,
            chains,
            wants_signed_requests: matches!(
                role.attribute("WantAuthnRequestsSigned"),
                Some("true" | "1")
            ),
        })
    }

    /// What should be looked at, as of `now`.
    pub(crate) fn warnings(&self, now: i64) -> Vec<Warning> {
        let mut warnings = Vec::new();
        for (index, certificate) in self.certificates.iter().enumerate() {
            let number = index + 1;
            let at = date(certificate.ends);
            if certificate.ends <= now {
                warnings.push(Warning::CertificateExpired { number, at });
            } else if certificate.ends <= now + WARN_DAYS * DAY_MS {
                warnings.push(Warning::CertificateExpires { number, at });
            }
            if let Some(bits) = certificate.rsa_bits.filter(|bits| *bits < 2048) {
                warnings.push(Warning::WeakKey { number, bits });
            }
        }
        warnings.extend(
            self.chains
                .iter()
                .map(|number| Warning::ChainIgnored { number: *number }),
        );
        if self.wants_signed_requests {
            warnings.push(Warning::WantsSignedRequests);
        }
        if self.sign_on.url.scheme() == "http" && !is_local(&self.sign_on.url) {
            warnings.push(Warning::SignOnWithoutTls);
        }
        warnings
    }
}

/// Whether an address cannot leave this machine.
pub(crate) fn is_local(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost" || name == "host.docker.internal",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

fn only_idp(root: &Element) -> Result<&Element, MetadataError> {
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
        if role_of(element).is_some() {
            found.push(element);
        }
    } else if element.is(Ns::Md, "EntitiesDescriptor") {
        element
            .children
            .iter()
            .for_each(|child| collect_idps(child, found));
    }
}

fn role_of(entity: &Element) -> Option<&Element> {
    entity.all(Ns::Md, "IDPSSODescriptor").find(|role| {
        role.attribute("protocolSupportEnumeration")
            .is_some_and(|protocols| {
                protocols
                    .split_ascii_whitespace()
                    .any(|protocol| protocol == SAMLP)
            })
    })
}

fn not_over(element: &Element, now: i64) -> Result<(), MetadataError> {
    let Some(text) = element.attribute("validUntil") else {
        return Ok(());
    };
    let until = DateTime::parse_from_rfc3339(text)
        .map_err(|_| MetadataError::BadValidUntil)?
        .timestamp_millis();
    if until <= now {
        Err(MetadataError::Expired(date(until)))
    } else {
        Ok(())
    }
}

fn location(role: &Element, name: &'static str) -> Result<Option<Service>, MetadataError> {
    let Some(service) = role
        .all(Ns::Md, name)
        .find(|service| service.attribute("Binding") == Some(REDIRECT))
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

/// The signing certificates, and the numbers of those with a chain behind them. A chain's other
/// certificates are those of authorities: what such a key signs is not the identity provider's
/// word.
fn certificates(role: &Element) -> Result<(Vec<Certificate>, Vec<usize>), MetadataError> {
    let for_signing = |key: &&Element| matches!(key.attribute("use"), None | Some("" | "signing"));
    let sets = role
        .all(Ns::Md, "KeyDescriptor")
        .filter(for_signing)
        .flat_map(|key| key.all(Ns::Ds, "KeyInfo"))
        .flat_map(|info| info.all(Ns::Ds, "X509Data"));
    let (mut certificates, mut chains) = (Vec::new(), Vec::new());
    for data in sets {
        let mut chain = data.all(Ns::Ds, "X509Certificate");
        let Some(first) = chain.next() else { continue };
        let number = certificates.len() + 1;
        certificates.push(certificate(&first.text).ok_or(MetadataError::BadCertificate(number))?);
        if chain.next().is_some() {
            chains.push(number);
        }
    }
    if certificates.is_empty() {
        return Err(MetadataError::NoSigningCertificate);
    }
    Ok((certificates, chains))
}

fn certificate(text: &str) -> Option<Certificate> {
    let packed: String = text.chars().filter(|c| !xml::is_space(*c)).collect();
    let parsed = X509::from_der(&STANDARD.decode(packed).ok()?).ok()?;
    let key: PKey<Public> = parsed.public_key().ok()?;
    let rsa_bits = match key.id() {
        Id::RSA => Some(key.bits()),
        Id::EC => None,
        _ => return None,
    };
    Some(Certificate {
        der: parsed.to_der().ok()?,
        ends: millis(parsed.not_after())?,
        rsa_bits,
    })
}

fn millis(time: &Asn1TimeRef) -> Option<i64> {
    let since = Asn1Time::from_unix(0).ok()?.diff(time).ok()?;
    Some(i64::from(since.days) * DAY_MS + i64::from(since.secs) * 1000)
}

fn date(millis: i64) -> String {
    DateTime::from_timestamp_millis(millis)
        .map(|time| time.to_rfc3339_opts(SecondsFormat::Secs, true))
        .unwrap_or_default()
}

//! Reads `application/pem-certificate-chain` (RFC 8555 section 9.1): a leaf certificate and its
//! intermediates.

use pem::{EncodeConfig, LineEnding, Pem};
use starchart_domain::time::Timestamp;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

/// A leaf certificate and its intermediates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain {
    /// The leaf certificate in PEM.
    pub certificate: String,
    /// The intermediates in PEM, the leaf's issuer first; empty when there are none.
    pub intermediates: String,
    /// Validity and names of the leaf certificate.
    pub leaf: Leaf,
}

/// Validity and names of a leaf certificate (RFC 5280).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaf {
    /// Start of the validity.
    pub not_before: Timestamp,
    /// End of the validity.
    pub not_after: Timestamp,
    /// The DNS names of the subjectAltName extension, as written.
    pub names: Vec<String>,
}

/// Why a text is not a certificate chain.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a certificate chain: {0}")]
pub struct ChainError(String);

/// Splits a PEM chain into the leaf, which comes first, and its intermediates. The leaf's subject
/// may be empty, and its lifetime does not matter.
///
/// # Errors
/// The text contains no certificate, or something else than certificates.
pub fn split(pem: &str) -> Result<Chain, ChainError> {
    let certificates = certificates_der(pem)?;
    let (first, others) = certificates
        .split_first()
        .ok_or_else(|| ChainError("it is empty".to_owned()))?;
    let leaf = read_leaf(&parse(first)?)?;
    let mut intermediates = String::new();
    for other in others {
        parse(other)?;
        intermediates.push_str(&to_pem(other));
    }
    Ok(Chain {
        certificate: to_pem(first),
        intermediates,
        leaf,
    })
}

/// Decodes every certificate of a PEM text to DER.
fn certificates_der(pem: &str) -> Result<Vec<Vec<u8>>, ChainError> {
    let read = |block: Pem| match block.tag() {
        "CERTIFICATE" => Ok(block.into_contents()),
        other => Err(ChainError(format!("it contains a block named {other}"))),
    };
    pem::parse_many(pem)
        .map_err(|error| ChainError(format!("it is not PEM: {error}")))?
        .into_iter()
        .map(read)
        .collect()
}

/// Decodes the first certificate of a PEM text to DER.
pub(crate) fn first_der(pem: &str) -> Result<Vec<u8>, ChainError> {
    certificates_der(pem)?
        .into_iter()
        .next()
        .ok_or_else(|| ChainError("it is empty".to_owned()))
}

pub(crate) fn parse(der: &[u8]) -> Result<X509Certificate<'_>, ChainError> {
    match X509Certificate::from_der(der) {
        Ok(([], certificate)) => Ok(certificate),
        Ok(_) => Err(ChainError("something follows a certificate".to_owned())),
        Err(error) => Err(ChainError(error.to_string())),
    }
}

fn read_leaf(certificate: &X509Certificate<'_>) -> Result<Leaf, ChainError> {
    let names = certificate
        .subject_alternative_name()
        .map_err(|error| ChainError(error.to_string()))?;
    let dns_name = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        _ => None,
    };
    let validity = certificate.validity();
    Ok(Leaf {
        not_before: Timestamp::from_millis(validity.not_before.timestamp().saturating_mul(1_000)),
        not_after: Timestamp::from_millis(validity.not_after.timestamp().saturating_mul(1_000)),
        names: names
            .map(|names| {
                names
                    .value
                    .general_names
                    .iter()
                    .filter_map(dns_name)
                    .collect()
            })
            .unwrap_or_default(),
    })
}

fn to_pem(der: &[u8]) -> String {
    pem::encode_config(
        &Pem::new("CERTIFICATE", der),
        EncodeConfig::new().set_line_ending(LineEnding::LF),
    )
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests fail by panicking")]
    use rcgen::{
        CertificateParams, CertifiedIssuer, DistinguishedName, DnType, IsCa, KeyPair, date_time_ymd,
    };

    use super::*;

    fn issuer(name: &str) -> CertifiedIssuer<'static, KeyPair> {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
    }

    #[test]
    fn a_chain_without_subject_and_with_a_short_lifetime_is_split() {
        let ca = issuer("Intermediate");
        let mut params = CertificateParams::new([
            "*.user1.example.com".to_owned(),
            "user1.example.com".to_owned(),
        ])
        .unwrap();
        params.distinguished_name = DistinguishedName::new();
        params.not_before = date_time_ymd(2026, 11, 21);
        params.not_after = date_time_ymd(2026, 11, 27);
        let leaf = params
            .signed_by(&KeyPair::generate().unwrap(), &ca)
            .unwrap()
            .pem();
        let bundle = format!("{}\n{}", leaf.replace('\n', "\r\n"), ca.pem());
        let chain = split(&bundle).unwrap();
        assert_eq!(chain.certificate, leaf);
        assert_eq!(chain.intermediates, ca.pem());
        assert_eq!(
            chain.leaf.names,
            ["*.user1.example.com", "user1.example.com"]
        );
        assert_eq!(
            chain.leaf.not_after.since(chain.leaf.not_before),
            6 * 24 * 3_600_000
        );
        assert_eq!(chain.leaf.not_before.date(), "2026-11-21");
        assert_eq!(split(&leaf).unwrap().intermediates, "");
    }

    #[test]
    fn text_that_is_not_a_certificate_chain_is_refused() {
        let key = KeyPair::generate().unwrap().serialize_pem();
        let good = issuer("CA").pem();
        let cut = good
            .lines()
            .filter(|line| line.len() < 64 || line.starts_with('M'))
            .collect::<Vec<_>>()
            .join("\n");
        for text in [
            "",
            "hello",
            &key,
            &format!("{good}{key}"),
            &cut,
            &good.replace("CERTIFICATE", "X509"),
        ] {
            assert!(split(text).is_err(), "{text}");
        }
    }
}

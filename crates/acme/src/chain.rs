//! What a certificate authority hands out: a leaf and its intermediates in one PEM text (RFC 8555
//! section 9.1).

use pem::{EncodeConfig, LineEnding, Pem};
use starchart_domain::time::Timestamp;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::authority::Leaf;

/// A chain in its parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain {
    /// The certificate itself, in PEM.
    pub certificate: String,
    /// The intermediates in PEM, the issuer of the certificate first; empty when the authority sent
    /// none.
    pub intermediates: String,
    /// What the certificate says.
    pub leaf: Leaf,
}

/// Why a text is no chain of certificates.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a chain of certificates: {0}")]
pub struct ChainError(String);

/// Takes a chain apart. The first certificate is the leaf; nothing is assumed of its subject, which
/// may be empty, or of how long it is valid.
///
/// # Errors
/// It holds no certificate, or something that is none.
pub fn split(pem: &str) -> Result<Chain, ChainError> {
    let blocks = blocks(pem)?;
    let (first, others) = blocks
        .split_first()
        .ok_or_else(|| ChainError("it is empty".to_owned()))?;
    let leaf = leaf(&parse(first)?)?;
    let mut intermediates = String::new();
    for other in others {
        parse(other)?;
        intermediates.push_str(&in_pem(other));
    }
    Ok(Chain {
        certificate: in_pem(first),
        intermediates,
        leaf,
    })
}

/// Every block of a PEM text, which holds certificates only.
fn blocks(pem: &str) -> Result<Vec<Vec<u8>>, ChainError> {
    let read = |block: Pem| match block.tag() {
        "CERTIFICATE" => Ok(block.into_contents()),
        other => Err(ChainError(format!("it holds a block named {other}"))),
    };
    pem::parse_many(pem)
        .map_err(|error| ChainError(format!("it is no PEM: {error}")))?
        .into_iter()
        .map(read)
        .collect()
}

/// The first certificate of a PEM text, in DER.
pub(crate) fn first_der(pem: &str) -> Result<Vec<u8>, ChainError> {
    blocks(pem)?
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

fn leaf(certificate: &X509Certificate<'_>) -> Result<Leaf, ChainError> {
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

fn in_pem(der: &[u8]) -> String {
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
    fn an_empty_subject_and_six_days_are_a_certificate_like_any() {
        let ca = issuer("Intermediate");
        let mut params = CertificateParams::new([
            "*.user1.example.com".to_owned(),
            "user1.example.com".to_owned(),
        ])
        .unwrap();
        params.distinguished_name = DistinguishedName::new();
        (params.not_before, params.not_after) =
            (date_time_ymd(2026, 11, 21), date_time_ymd(2026, 11, 27));
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
    fn what_is_no_chain_is_refused() {
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

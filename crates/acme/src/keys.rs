//! Private keys of certificates, and certificate signing requests (CSR) for them. New keys are
//! P-256. The ACME account's key is never used here (RFC 8555 section 11.1).

use rcgen::{CertificateParams, DistinguishedName, KeyPair, PKCS_ECDSA_P256_SHA256, PublicKeyData};
use starchart_domain::secret::Secret;

use crate::chain::{self, ChainError};

/// Why a key cannot be created or used. Never contains key material (invariant I9).
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The private key cannot be read or generated.
    #[error("the private key cannot be used: {0}")]
    Key(rcgen::Error),
    /// A name cannot be part of a certificate signing request.
    #[error("the certificate signing request cannot be created: {0}")]
    Request(rcgen::Error),
    /// The certificate to compare with cannot be read.
    #[error(transparent)]
    Certificate(#[from] ChainError),
}

/// Generates a P-256 private key, as PKCS#8 in PEM.
///
/// # Errors
/// The system's random number generator fails.
pub fn generate() -> Result<Secret, KeyError> {
    KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)
        .map(|key| Secret::new(key.serialize_pem()))
        .map_err(KeyError::Key)
}

/// Creates a certificate signing request (DER, RFC 2986) for these names, with an empty subject.
/// The same key and names give an equivalent request.
///
/// # Errors
/// The key is not a P-256 key in PEM, or a name cannot be part of a certificate.
pub fn create_csr(private_key: &Secret, names: &[String]) -> Result<Vec<u8>, KeyError> {
    let key = parse_p256(private_key)?;
    let mut params = CertificateParams::new(names).map_err(KeyError::Request)?;
    params.distinguished_name = DistinguishedName::new();
    params
        .serialize_request(&key)
        .map(|request| request.der().to_vec())
        .map_err(KeyError::Request)
}

/// Returns whether the first certificate of the PEM text belongs to this private key, which may be
/// in any of the formats PKCS#8, PKCS#1 and SEC1.
///
/// # Errors
/// The key or the certificate cannot be read.
pub fn matches_certificate(private_key: &Secret, certificate_pem: &str) -> Result<bool, KeyError> {
    let key = KeyPair::from_pem(private_key.expose()).map_err(KeyError::Key)?;
    let der = chain::first_der(certificate_pem)?;
    Ok(chain::parse(&der)?.public_key().raw == key.subject_public_key_info())
}

fn parse_p256(private_key: &Secret) -> Result<KeyPair, KeyError> {
    KeyPair::from_pkcs8_pem_and_sign_algo(private_key.expose(), &PKCS_ECDSA_P256_SHA256)
        .map_err(KeyError::Key)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests fail by panicking")]
    use rcgen::{CertificateSigningRequestParams, DnType};

    use super::*;

    #[test]
    fn a_csr_contains_the_names_and_a_key_matches_only_its_certificate() {
        let key = generate().unwrap();
        let other = generate().unwrap();
        assert_ne!(key, other);
        let names = [
            "*.user1.example.com".to_owned(),
            "user1.example.com".to_owned(),
        ];
        let der = create_csr(&key, &names).unwrap();
        let read = CertificateSigningRequestParams::from_der(&der.as_slice().into()).unwrap();
        assert_eq!(read.params.subject_alt_names.len(), 2);
        assert_eq!(
            read.params.distinguished_name.get(&DnType::CommonName),
            None
        );

        let pair = KeyPair::from_pem(key.expose()).unwrap();
        let certificate = CertificateParams::new(names)
            .unwrap()
            .self_signed(&pair)
            .unwrap()
            .pem();
        assert!(matches_certificate(&key, &certificate).unwrap());
        assert!(!matches_certificate(&other, &certificate).unwrap());
    }

    #[test]
    fn an_rsa_key_matches_its_certificate_and_cannot_create_a_csr() {
        let names = vec!["user1.example.com".to_owned()];
        let pair = KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).unwrap();
        let certificate = CertificateParams::new(names)
            .unwrap()
            .self_signed(&pair)
            .unwrap()
            .pem();
        let rsa = Secret::new(pair.serialize_pem());
        assert!(matches_certificate(&rsa, &certificate).unwrap());
        assert!(!matches_certificate(&generate().unwrap(), &certificate).unwrap());
        assert!(
            create_csr(&rsa, &[]).is_err(),
            "only P-256 keys create requests"
        );
    }

    #[test]
    fn an_error_contains_no_key_material() {
        let key = generate().unwrap();
        let broken = Secret::new(key.expose().replacen("-----BEGIN", "-----BEGUN", 1));
        let fault = format!("{0} {0:?}", create_csr(&broken, &[]).unwrap_err());
        let inside = key.expose().lines().nth(1).unwrap().to_owned();
        assert!(!fault.contains(&inside[..16]), "{fault}");
    }
}

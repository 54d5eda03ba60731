//! Private keys of certificates, and the requests made with them. P-256 throughout; never the
//! account's key.

use rcgen::{CertificateParams, DistinguishedName, KeyPair, PKCS_ECDSA_P256_SHA256, PublicKeyData};
use starchart_domain::secret::Secret;

use crate::chain::{self, ChainError};

/// Why a key cannot be made or used. Holds nothing of the key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The private key.
    #[error("the private key cannot be used: {0}")]
    Key(rcgen::Error),
    /// The names of the request.
    #[error("a certificate request cannot be made: {0}")]
    Request(rcgen::Error),
    /// The certificate to compare with.
    #[error(transparent)]
    Certificate(#[from] ChainError),
}

/// A new P-256 private key: PKCS#8 in PEM.
///
/// # Errors
/// The system has no randomness.
pub fn generate() -> Result<Secret, KeyError> {
    KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)
        .map(|key| Secret::new(key.serialize_pem()))
        .map_err(KeyError::Key)
}

/// A certificate request for these names (DER, RFC 2986), with an empty subject. The same key and
/// names make an equivalent request.
///
/// # Errors
/// The key is no P-256 key in PEM, or a name cannot stand in a certificate.
pub fn create_csr(private_key: &Secret, names: &[String]) -> Result<Vec<u8>, KeyError> {
    let key = read(private_key)?;
    let mut params = CertificateParams::new(names).map_err(KeyError::Request)?;
    params.distinguished_name = DistinguishedName::new();
    params
        .serialize_request(&key)
        .map(|request| request.der().to_vec())
        .map_err(KeyError::Request)
}

/// Whether the certificate (the first in the PEM text) is for this private key, of whatever kind it
/// is (PKCS#8, PKCS#1, SEC1).
///
/// # Errors
/// One of them cannot be read.
pub fn matches_certificate(private_key: &Secret, certificate_pem: &str) -> Result<bool, KeyError> {
    let key = KeyPair::from_pem(private_key.expose()).map_err(KeyError::Key)?;
    let der = chain::first_der(certificate_pem)?;
    Ok(chain::parse(&der)?.public_key().raw == key.subject_public_key_info())
}

fn read(private_key: &Secret) -> Result<KeyPair, KeyError> {
    KeyPair::from_pkcs8_pem_and_sign_algo(private_key.expose(), &PKCS_ECDSA_P256_SHA256)
        .map_err(KeyError::Key)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests fail by panicking")]
    use rcgen::{CertificateSigningRequestParams, DnType};

    use super::*;

    #[test]
    fn a_key_makes_requests_and_knows_its_certificate() {
        let (key, other) = (generate().unwrap(), generate().unwrap());
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
    fn keys_of_other_kinds_know_their_certificates() {
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
        assert!(create_csr(&rsa, &[]).is_err(), "ours are P-256");
    }

    #[test]
    fn a_fault_shows_nothing_of_the_key() {
        let key = generate().unwrap();
        let broken = Secret::new(key.expose().replacen("-----BEGIN", "-----BEGUN", 1));
        let fault = format!("{0} {0:?}", create_csr(&broken, &[]).unwrap_err());
        let inside = key.expose().lines().nth(1).unwrap().to_owned();
        assert!(!fault.contains(&inside[..16]), "{fault}");
    }
}

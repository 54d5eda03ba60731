//! The root certificates that a client trusts.

use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};

/// The root certificates that a client trusts; at least one.
#[derive(Debug, Clone)]
pub struct Roots(RootCertStore);

/// Why root certificates cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RootsError {
    /// The system has no root certificate that can be read.
    #[error("the system's root certificates cannot be used: {0}")]
    System(String),
    /// The text is not PEM (RFC 7468).
    #[error("it is not PEM: {0}")]
    NotPem(#[source] pem::PemError),
    /// The PEM text has no block `CERTIFICATE`.
    #[error("it contains no certificate")]
    NoCertificate,
    /// A certificate cannot be parsed.
    #[error("a certificate cannot be used: {0}")]
    Certificate(#[source] rustls::Error),
}

impl Roots {
    /// Reads the system's root certificates: those of the files and folders that OpenSSL uses, or
    /// of `SSL_CERT_FILE` and `SSL_CERT_DIR`.
    ///
    /// # Errors
    /// There is none.
    pub fn system() -> Result<Self, RootsError> {
        let read = rustls_native_certs::load_native_certs();
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(read.certs);
        if roots.is_empty() {
            let reasons: Vec<_> = read.errors.iter().map(ToString::to_string).collect();
            return Err(RootsError::System(if reasons.is_empty() {
                "there is none".to_owned()
            } else {
                reasons.join("; ")
            }));
        }
        Ok(Self(roots))
    }

    /// Parses the certificates in a PEM text. Only they are trusted, not those of the system.
    ///
    /// # Errors
    /// The text contains no certificate, or one that cannot be parsed.
    pub fn from_pem(text: &str) -> Result<Self, RootsError> {
        let blocks = pem::parse_many(text).map_err(RootsError::NotPem)?;
        let mut roots = RootCertStore::empty();
        for block in blocks
            .into_iter()
            .filter(|block| block.tag() == "CERTIFICATE")
        {
            add(&mut roots, block.into_contents())?;
        }
        if roots.is_empty() {
            return Err(RootsError::NoCertificate);
        }
        Ok(Self(roots))
    }

    /// Trusts one more root certificate (DER).
    ///
    /// # Errors
    /// The certificate cannot be parsed.
    pub fn with_der(mut self, der: &[u8]) -> Result<Self, RootsError> {
        add(&mut self.0, der.to_vec())?;
        Ok(self)
    }

    /// Creates the configuration of a TLS client that trusts these roots and presents no
    /// certificate.
    ///
    /// # Errors
    /// The TLS library does not support its own default versions.
    pub fn into_client_config(self) -> Result<ClientConfig, rustls::Error> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        Ok(ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(self.0)
            .with_no_client_auth())
    }
}

fn add(roots: &mut RootCertStore, der: Vec<u8>) -> Result<(), RootsError> {
    roots
        .add(CertificateDer::from(der))
        .map_err(RootsError::Certificate)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests fail by panicking")]
    use super::*;

    #[test]
    fn an_unusable_root_certificate_is_an_error_that_says_why() {
        for (pem, reason) in [
            ("", "it contains no certificate"),
            ("hello", "it contains no certificate"),
            (
                "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
                "it contains no certificate",
            ),
            (
                "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
                "a certificate cannot be used: ",
            ),
            (
                "-----BEGIN CERTIFICATE-----\n*\n-----END CERTIFICATE-----\n",
                "it is not PEM: ",
            ),
        ] {
            let error = Roots::from_pem(pem).unwrap_err().to_string();
            assert!(error.starts_with(reason), "{pem:?}: {error}");
        }
    }
}

//! A certificate for localhost, from a generated CA.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::wait::WAIT_LIMIT;

/// The certificate, its key and its root: as files for a child process, and for this process.
#[derive(Debug, Clone)]
pub struct Identity {
    root_path: PathBuf,
    certificate_path: PathBuf,
    key_path: PathBuf,
    root: CertificateDer<'static>,
    root_pem: String,
    certificate: CertificateDer<'static>,
    key: Vec<u8>,
}

impl Identity {
    /// Generates them in the folder: `root.pem`, `cert.pem` and `key.pem`.
    ///
    /// # Panics
    /// When a file cannot be written.
    #[must_use]
    pub fn generate(dir: &Path) -> Self {
        Self::try_generate(dir)
            .unwrap_or_else(|error| panic!("a certificate for localhost: {error}"))
    }

    fn try_generate(dir: &Path) -> Result<Self, rcgen::Error> {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        let root = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new(["localhost".to_owned(), "127.0.0.1".to_owned()])?;
        params.distinguished_name = rcgen::DistinguishedName::new();
        let certificate = params.signed_by(&key, &root)?;
        let root_path = dir.join("root.pem");
        let certificate_path = dir.join("cert.pem");
        let key_path = dir.join("key.pem");
        let write = |path: &Path, text: &str| {
            std::fs::write(path, text)
                .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        };
        write(&root_path, &root.pem());
        write(&certificate_path, &certificate.pem());
        write(&key_path, &key.serialize_pem());
        Ok(Self {
            root_path,
            certificate_path,
            key_path,
            root: root.der().clone(),
            root_pem: root.pem(),
            certificate: certificate.der().clone(),
            key: key.serialize_der(),
        })
    }

    /// Returns the path of the root, in PEM.
    #[must_use]
    pub fn root_path(&self) -> &Path {
        &self.root_path
    }

    /// Returns the root, in PEM.
    #[must_use]
    pub fn root_pem(&self) -> &str {
        &self.root_pem
    }

    /// Returns the root, in DER.
    #[must_use]
    pub fn root_der(&self) -> &[u8] {
        &self.root
    }

    pub(crate) fn certificate_path(&self) -> &Path {
        &self.certificate_path
    }

    pub(crate) fn key_path(&self) -> &Path {
        &self.key_path
    }

    /// Creates a client that trusts only this CA.
    pub(crate) fn client(&self) -> reqwest::Client {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let root = reqwest::Certificate::from_pem(self.root_pem.as_bytes());
        let root = root.unwrap_or_else(|error| panic!("our own root: {error}"));
        reqwest::Client::builder()
            .tls_certs_only([root])
            .timeout(WAIT_LIMIT)
            .no_proxy()
            .build()
            .unwrap_or_else(|error| panic!("no HTTP client: {error}"))
    }

    /// Returns the TLS configuration of a server in this process.
    pub(crate) fn server(&self) -> Arc<ServerConfig> {
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(self.key.clone()));
        let config = ServerConfig::builder_with_provider(Arc::new(
            rustls::crypto::aws_lc_rs::default_provider(),
        ))
        .with_safe_default_protocol_versions()
        .and_then(|builder| {
            builder
                .with_no_client_auth()
                .with_single_cert(vec![self.certificate.clone()], key)
        });
        Arc::new(config.unwrap_or_else(|error| panic!("our own certificate: {error}")))
    }
}

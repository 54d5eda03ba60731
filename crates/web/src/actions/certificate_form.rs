//! The forms that a certificate can be taken away in.

mod kubernetes;
mod pkcs12;
#[cfg(test)]
mod tests;
mod zip;

use sha2::{Digest, Sha256};
use starchart_domain::secret::Secret;
use starchart_store::certificates::Certificate;
use strum::VariantArray;
use zeroize::Zeroizing;

pub(crate) use kubernetes::secret_name;
pub(crate) use pkcs12::{Pkcs12Password, Pkcs12PasswordFault};

/// A form of a certificate: one of its parts, or several parts in one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, VariantArray)]
pub(crate) enum CertificateForm {
    /// The certificate of the domain, PEM.
    Certificate,
    /// The private key, PEM (PKCS#8).
    PrivateKey,
    /// The certificates of the intermediates, without that of the domain, PEM.
    Chain,
    /// Certificate and chain in one file, PEM.
    FullChain,
    /// Private key and full chain in one file, as HAProxy reads it, PEM.
    Bundle,
    /// Private key and full chain, encrypted with a password (PKCS#12, RFC 7292).
    Pkcs12,
    /// The PEM files of the four parts in one archive.
    Zip,
    /// A Secret of the type `kubernetes.io/tls` in YAML.
    Kubernetes,
}

/// What a form is made of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Parts<'a> {
    pub(super) certificate: &'a Certificate,
    pub(super) key: &'a Secret,
}

impl CertificateForm {
    /// Every form, in the order of pages.
    pub(crate) const ALL: &'static [Self] = Self::VARIANTS;

    /// Returns its name in paths of the API.
    pub(crate) const fn key(self) -> &'static str {
        match self {
            Self::Certificate => "certificate",
            Self::PrivateKey => "key",
            Self::Chain => "chain",
            Self::FullChain => "fullchain",
            Self::Bundle => "bundle",
            Self::Pkcs12 => "p12",
            Self::Zip => "zip",
            Self::Kubernetes => "kubernetes",
        }
    }

    /// Returns the form with this name in the API.
    pub(crate) fn parse(key: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|form| form.key() == key)
    }

    /// Returns whether the private key is in it.
    pub(crate) const fn has_key(self) -> bool {
        !matches!(self, Self::Certificate | Self::Chain | Self::FullChain)
    }

    /// Returns its media type.
    pub(crate) const fn media_type(self) -> &'static str {
        match self {
            Self::Certificate | Self::PrivateKey | Self::Chain | Self::FullChain | Self::Bundle => {
                "application/x-pem-file"
            }
            Self::Pkcs12 => "application/x-pkcs12",
            Self::Zip => "application/zip",
            Self::Kubernetes => "application/yaml",
        }
    }

    /// Returns the name of its file. The full chain is called `bundle`, as the original calls it.
    pub(crate) fn file_name(self, domain: &str) -> String {
        let ending = match self {
            Self::Certificate => "certificate.pem",
            Self::PrivateKey => "privkey.pem",
            Self::Chain => "chain.pem",
            Self::FullChain => "bundle.pem",
            Self::Bundle => "haproxy.pem",
            Self::Pkcs12 => "p12",
            Self::Zip => "zip",
            Self::Kubernetes => "yaml",
        };
        format!("{domain}.{ending}")
    }

    /// Returns whether every making of it has the same bytes. An encrypted one has a new salt.
    pub(crate) const fn is_reproducible(self) -> bool {
        !matches!(self, Self::Pkcs12)
    }

    /// Returns a text that changes with the certificate and with the form, never with the salt.
    pub(crate) fn revision(self, certificate: &Certificate) -> String {
        let mut hash = Sha256::new();
        for text in [self.key(), &certificate.certificate, &certificate.chain] {
            hash.update(text.as_bytes());
            hash.update([0]);
        }
        hex::encode(&hash.finalize()[..16])
    }
}

/// Joins certificate and chain, each PEM block on its own lines.
pub(crate) fn full_chain(certificate: &Certificate) -> String {
    let (own, chain) = (&certificate.certificate, &certificate.chain);
    format!("{}\n{}\n", own.trim_end(), chain.trim_end())
}

/// Makes a form without the private key; `None` for one that has it.
pub(super) fn render_public(form: CertificateForm, certificate: &Certificate) -> Option<String> {
    match form {
        CertificateForm::Certificate => Some(certificate.certificate.clone()),
        CertificateForm::Chain => Some(certificate.chain.clone()),
        CertificateForm::FullChain => Some(full_chain(certificate)),
        _ => None,
    }
}

impl Parts<'_> {
    /// Makes a form with the private key, which is not encrypted. `None` for a form without it,
    /// and for PKCS#12, which needs a password.
    pub(super) fn render(self, form: CertificateForm) -> Option<Result<Plain, FormError>> {
        let text = |text: String| Ok(Plain::new(text.into_bytes()));
        match form {
            CertificateForm::PrivateKey => Some(text(self.key.expose().to_owned())),
            CertificateForm::Bundle => Some(text(self.bundle())),
            CertificateForm::Kubernetes => Some(text(kubernetes::secret(self))),
            CertificateForm::Zip => Some(zip::archive(self).map(Plain::new)),
            CertificateForm::Certificate
            | CertificateForm::Chain
            | CertificateForm::FullChain
            | CertificateForm::Pkcs12 => None,
        }
    }

    /// Encrypts private key and full chain with a password.
    pub(super) fn encrypt(self, password: &Pkcs12Password) -> Result<Vec<u8>, FormError> {
        pkcs12::encrypt(self, password)
    }

    fn bundle(self) -> String {
        let key = self.key.expose().trim_end();
        format!("{key}\n{}", full_chain(self.certificate))
    }
}

/// A file with a private key in it, wiped when dropped.
pub(super) type Plain = Zeroizing<Vec<u8>>;

/// Why a form was not made of what is stored.
#[derive(Debug, thiserror::Error)]
pub(super) enum FormError {
    #[error("a part of the certificate is no PEM")]
    Pem(#[from] pem::PemError),
    #[error("PKCS#12 not made")]
    Pkcs12(#[from] p12_keystore::error::Error),
    #[error("archive not made")]
    Zip(#[from] ::zip::result::ZipError),
    #[error("archive not written")]
    Write(#[from] std::io::Error),
}

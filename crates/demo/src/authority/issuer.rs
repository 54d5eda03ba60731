//! A root and an intermediate certificate, and leaf certificates issued from CSRs (RFC 5280).

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, CertifiedIssuer,
    DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose, SanType,
    SerialNumber,
};
use starchart_acme::authority::AuthorityError;
use time::{Duration, OffsetDateTime};

use crate::error::Error;

/// Lifetime of the root and the intermediate.
const CA_DAYS: i64 = 3_650;
/// Certificates for up to this many days have no subject.
const SHORT_LIVED_DAYS: u16 = 10;

pub(super) struct Issuer {
    root_path: PathBuf,
    intermediate_pem: String,
    intermediate: rcgen::Issuer<'static, KeyPair>,
    days: u16,
}

impl Issuer {
    /// Reads the CA certificates and the key from `folder`, or generates them.
    pub(super) fn open(folder: &Path, days: u16) -> Result<Self, Error> {
        let at = |name: &str| folder.join(name);
        let root_path = at("ca-root.pem");
        let certificate_path = at("ca-intermediate.pem");
        let key_path = at("ca-intermediate-key.pem");
        if !root_path.exists() || !certificate_path.exists() || !key_path.exists() {
            let (root, intermediate, key) =
                generate().map_err(|error| Error::Key(error.to_string()))?;
            write(&key_path, &key)?;
            write(&certificate_path, &intermediate)?;
            write(&root_path, &root)?;
        }
        let intermediate_pem = read(&certificate_path)?;
        let unreadable = |path: &Path, error: rcgen::Error| {
            Error::Unreadable(format!("{}: {error}", path.display()))
        };
        let key =
            KeyPair::from_pem(&read(&key_path)?).map_err(|error| unreadable(&key_path, error))?;
        let intermediate = rcgen::Issuer::from_ca_cert_pem(&intermediate_pem, key)
            .map_err(|error| unreadable(&certificate_path, error))?;
        Ok(Self {
            root_path,
            intermediate_pem,
            intermediate,
            days,
        })
    }

    pub(super) fn root_path(&self) -> &Path {
        &self.root_path
    }

    /// Issues a certificate for the public key of the CSR; returns it and the intermediate in PEM.
    /// The CSR must contain exactly these names; everything else in it is ignored.
    pub(super) fn issue(&self, csr_der: &[u8], names: &[String]) -> Result<String, AuthorityError> {
        let refused = |error: rcgen::Error| {
            AuthorityError::Refused(format!("The certificate request is not valid: {error}."))
        };
        let request =
            CertificateSigningRequestParams::from_der(&csr_der.into()).map_err(refused)?;
        let mut params = CertificateParams::new(names).map_err(refused)?;
        let sorted = |names: &[SanType]| {
            let mut names: Vec<String> = names.iter().map(|name| format!("{name:?}")).collect();
            names.sort();
            names
        };
        if sorted(&request.params.subject_alt_names) != sorted(&params.subject_alt_names) {
            return Err(AuthorityError::Refused(
                "The certificate request asks for other names than the order.".to_owned(),
            ));
        }
        params.distinguished_name = DistinguishedName::new();
        if self.days > SHORT_LIVED_DAYS
            && let Some(name) = names.iter().find(|name| name.len() < 64)
        {
            params
                .distinguished_name
                .push(DnType::CommonName, name.as_str());
        }
        // Backdated, because clients' clocks may be slow.
        params.not_before = OffsetDateTime::from(SystemTime::now()) - Duration::hours(1);
        params.not_after = params.not_before + Duration::days(self.days.into());
        params.serial_number = Some(random_serial());
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let certificate = params
            .signed_by(&request.public_key, &self.intermediate)
            .map_err(refused)?;
        Ok(certificate.pem() + &self.intermediate_pem)
    }
}

/// Generates the root, the intermediate and the intermediate's key, in PEM. The root's key is not
/// needed again and is dropped.
fn generate() -> Result<(String, String, String), rcgen::Error> {
    let root = CertifiedIssuer::self_signed(
        ca_params("Starchart demo root, not to be trusted", 1),
        KeyPair::generate()?,
    )?;
    let mut params = ca_params("Starchart demo intermediate", 0);
    params.use_authority_key_identifier_extension = true;
    let key = KeyPair::generate()?;
    let intermediate = params.signed_by(&key, &root)?;
    Ok((root.pem(), intermediate.pem(), key.serialize_pem()))
}

fn ca_params(name: &str, path_length: u8) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(path_length));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.not_before = OffsetDateTime::from(SystemTime::now()) - Duration::days(1);
    params.not_after = params.not_before + Duration::days(CA_DAYS);
    params.serial_number = Some(random_serial());
    params
}

/// Generates a serial number: positive and at most 20 octets (RFC 5280 section 4.1.2.2).
fn random_serial() -> SerialNumber {
    let mut octets = rand::random::<[u8; 16]>();
    octets[0] = octets[0] & 0x7f | 0x40;
    SerialNumber::from_slice(&octets)
}

fn read(path: &Path) -> Result<String, Error> {
    std::fs::read_to_string(path).map_err(Error::io(format!("reading {}", path.display())))
}

fn write(path: &Path, text: &str) -> Result<(), Error> {
    std::fs::write(path, text).map_err(Error::io(format!("writing {}", path.display())))
}

//! The parts as PEM files in one archive.

use std::io::{Cursor, Write as _};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::{CertificateForm, FormError, Parts, full_chain};

/// Makes the archive. It is the same for the same certificate, so its files have no date.
pub(super) fn archive(parts: Parts<'_>) -> Result<Vec<u8>, FormError> {
    let Parts { certificate, key } = parts;
    let full_chain = full_chain(certificate);
    let files = [
        (
            CertificateForm::Certificate,
            certificate.certificate.as_str(),
        ),
        (CertificateForm::PrivateKey, key.expose()),
        (CertificateForm::Chain, certificate.chain.as_str()),
        (CertificateForm::FullChain, full_chain.as_str()),
    ];
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .unix_permissions(0o600);
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (form, text) in files {
        archive.start_file(form.file_name(&certificate.domain), options)?;
        archive.write_all(text.as_bytes())?;
    }
    Ok(archive.finish()?.into_inner())
}

//! Encrypts assertions for a service provider (XML Encryption 1.1).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use openssl::encrypt::Encrypter;
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::rsa::Padding;
use openssl::symm::{self, Cipher, Crypter, Mode};
use openssl::x509::X509;

use super::identity_provider::IssuerError;
use crate::xml::{DS, SAML};

const XENC: &str = "http://www.w3.org/2001/04/xmlenc#";
const XENC11: &str = "http://www.w3.org/2009/xmlenc11#";

/// The cipher of an assertion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each variant is the cipher that its name says")]
pub enum AssertionCipher {
    Aes128Gcm,
    Aes256Gcm,
    Aes128Cbc,
    Aes256Cbc,
}

/// How the cipher's key is encrypted, with RSA-OAEP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Oaep {
    /// `rsa-oaep-mgf1p` without a digest: SHA-1.
    Mgf1p,
    /// `rsa-oaep-mgf1p` with SHA-256 as its digest.
    Mgf1pSha256,
    /// `rsa-oaep` with SHA-256 for both.
    Sha256,
}

/// How an assertion is encrypted.
#[derive(Debug, Clone)]
pub struct Encryption {
    /// The certificate of the service provider: DER in base64.
    pub certificate: String,
    /// The cipher of the assertion.
    pub cipher: AssertionCipher,
    /// The encryption of its key.
    pub oaep: Oaep,
    /// Puts the EncryptedKey beside the EncryptedData, not into its KeyInfo.
    pub key_beside: bool,
    /// Replacements (from, to) in the EncryptedAssertion.
    pub edits: Vec<(String, String)>,
}

impl Encryption {
    /// Encrypts an assertion and returns the EncryptedAssertion.
    ///
    /// # Errors
    /// OpenSSL fails.
    pub fn encrypt(&self, assertion: &str) -> Result<String, IssuerError> {
        let (cipher, name) = match self.cipher {
            AssertionCipher::Aes128Gcm => (Cipher::aes_128_gcm(), "xmlenc11#aes128-gcm"),
            AssertionCipher::Aes256Gcm => (Cipher::aes_256_gcm(), "xmlenc11#aes256-gcm"),
            AssertionCipher::Aes128Cbc => (Cipher::aes_128_cbc(), "xmlenc#aes128-cbc"),
            AssertionCipher::Aes256Cbc => (Cipher::aes_256_cbc(), "xmlenc#aes256-cbc"),
        };
        let namespace = if name.starts_with("xmlenc11") {
            XENC11
        } else {
            XENC
        };
        let algorithm = format!(
            "{namespace}{}",
            name.split_once('#').map_or(name, |(_, last)| last)
        );
        let random: [u8; 32] = rand::random();
        let key = random.get(..cipher.key_len()).unwrap_or_default();
        let ciphertext = STANDARD.encode(encrypt(cipher, key, assertion.as_bytes())?);
        let element = self.encrypted_key(key)?;
        let link = format!("<ds:RetrievalMethod Type=\"{XENC}EncryptedKey\" URI=\"#_key\"/>");
        let (inline, beside) = if self.key_beside {
            (link, element)
        } else {
            (element, String::new())
        };
        let mut xml = format!(
            "<saml:EncryptedAssertion xmlns:saml=\"{SAML}\">\
             <xenc:EncryptedData xmlns:xenc=\"{XENC}\" Id=\"_data\" Type=\"{XENC}Element\">\
             <xenc:EncryptionMethod Algorithm=\"{algorithm}\"/>\
             <ds:KeyInfo xmlns:ds=\"{DS}\">{inline}</ds:KeyInfo>\
             <xenc:CipherData><xenc:CipherValue>{ciphertext}</xenc:CipherValue></xenc:CipherData>\
             </xenc:EncryptedData>{beside}</saml:EncryptedAssertion>"
        );
        for (from, to) in &self.edits {
            xml = xml.replace(from, to);
        }
        Ok(xml)
    }

    fn encrypted_key(&self, key: &[u8]) -> Result<String, IssuerError> {
        let (method, digest, mask, content) = match self.oaep {
            Oaep::Mgf1p => (
                format!("{XENC}rsa-oaep-mgf1p"),
                MessageDigest::sha1(),
                MessageDigest::sha1(),
                String::new(),
            ),
            Oaep::Mgf1pSha256 => (
                format!("{XENC}rsa-oaep-mgf1p"),
                MessageDigest::sha256(),
                MessageDigest::sha1(),
                format!("<ds:DigestMethod xmlns:ds=\"{DS}\" Algorithm=\"{XENC}sha256\"/>"),
            ),
            Oaep::Sha256 => (
                format!("{XENC11}rsa-oaep"),
                MessageDigest::sha256(),
                MessageDigest::sha256(),
                format!(
                    "<ds:DigestMethod xmlns:ds=\"{DS}\" Algorithm=\"{XENC}sha256\"/>\
                     <xenc11:MGF xmlns:xenc11=\"{XENC11}\" Algorithm=\"{XENC11}mgf1sha256\"/>"
                ),
            ),
        };
        let der = STANDARD
            .decode(&self.certificate)
            .map_err(|_| IssuerError::Sign("the certificate is not base64".to_owned()))?;
        let public = X509::from_der(&der)?.public_key()?;
        let mut encrypter = Encrypter::new(&public)?;
        encrypter.set_rsa_padding(Padding::PKCS1_OAEP)?;
        encrypter.set_rsa_oaep_md(digest)?;
        encrypter.set_rsa_mgf1_md(mask)?;
        let mut wrapped = vec![0; encrypter.encrypt_len(key)?];
        let length = encrypter.encrypt(key, &mut wrapped)?;
        wrapped.truncate(length);
        Ok(format!(
            "<xenc:EncryptedKey xmlns:xenc=\"{XENC}\" Id=\"_key\">\
             <xenc:EncryptionMethod Algorithm=\"{method}\">{content}</xenc:EncryptionMethod>\
             <xenc:CipherData><xenc:CipherValue>{}</xenc:CipherValue></xenc:CipherData>\
             </xenc:EncryptedKey>",
            STANDARD.encode(wrapped)
        ))
    }
}

/// Encrypts with a random initialization vector, which comes first.
fn encrypt(cipher: Cipher, key: &[u8], plain: &[u8]) -> Result<Vec<u8>, ErrorStack> {
    let random: [u8; 16] = rand::random();
    let iv = random
        .get(..cipher.iv_len().unwrap_or_default())
        .unwrap_or_default();
    let mut out = iv.to_vec();
    if iv.len() == 12 {
        let mut tag = [0; 16];
        out.extend(symm::encrypt_aead(
            cipher,
            key,
            Some(iv),
            &[],
            plain,
            &mut tag,
        )?);
        out.extend(tag);
        return Ok(out);
    }
    // Only the last byte of the padding is defined.
    let block = cipher.block_size();
    let padding = block - plain.len() % block;
    let mut padded = plain.to_vec();
    padded.extend(vec![0xaa; padding - 1]);
    padded.push(u8::try_from(padding).unwrap_or_default());
    let mut crypter = Crypter::new(cipher, Mode::Encrypt, key, Some(iv))?;
    crypter.pad(false);
    let mut body = vec![0; padded.len() + block];
    let length = crypter.update(&padded, &mut body)?;
    body.truncate(length);
    out.extend(body);
    Ok(out)
}

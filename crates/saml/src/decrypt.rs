//! Decrypts encrypted assertions, and describes the key that identity providers encrypt for.
//!
//! Every failure is one and the same refusal, and takes the same steps, so that answers do not show
//! what a ciphertext contains (the attacks of Bleichenbacher, Manger and Vaudenay). A cipher that
//! does not authenticate is decrypted only after the signature around it was verified.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use openssl::asn1::Asn1Time;
use openssl::bn::BigNum;
use openssl::encrypt::Decrypter;
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::pkey::{Id, PKey, Private};
use openssl::rsa::Padding;
use openssl::symm::{self, Crypter, Mode};
use openssl::x509::{X509, X509Name};
use starchart_domain::secret::Secret;

use crate::gate::{Cipher, EncryptedAssertion, OaepHash};
use crate::refusal::Refusal;

/// Length of the tag of AES-GCM in bytes (XML Encryption 5.2.4).
const TAG_BYTES: usize = 16;
/// 2020-01-01, and a year before ASN.1's last.
const CERTIFICATE_FROM: i64 = 1_577_836_800;
const CERTIFICATE_TO: i64 = 253_370_764_800;

/// Every failure to decrypt.
const FAILED: Refusal = Refusal::NotDecrypted("not_decrypted");

/// The key for which identity providers encrypt assertions.
pub(crate) struct DecryptionKey {
    key: PKey<Private>,
    /// The certificate for our metadata, as DER in base64.
    certificate: String,
}

impl DecryptionKey {
    /// Parses an RSA key of 2048 bits or more in PEM. The error says what is wrong.
    pub(crate) fn parse(pem: &Secret) -> Result<Self, &'static str> {
        let key = PKey::private_key_from_pem(pem.expose().as_bytes())
            .map_err(|_| "is no private key in PEM without a passphrase: openssl genrsa 3072")?;
        if key.id() != Id::RSA || key.bits() < 2048 {
            return Err("is not an RSA key of 2048 bits or more: openssl genrsa 3072");
        }
        let certificate = certificate_of(&key)
            .and_then(|certificate| certificate.to_der())
            .map_err(|_| "cannot be used: openssl genrsa 3072")?;
        Ok(Self {
            key,
            certificate: STANDARD.encode(certificate),
        })
    }

    /// Returns the certificate for our metadata: DER in base64.
    pub(crate) fn certificate_base64(&self) -> &str {
        &self.certificate
    }

    /// Decrypts an assertion to XML.
    pub(crate) fn decrypt(&self, encrypted: &EncryptedAssertion) -> Result<String, Refusal> {
        let bytes = match self.try_decrypt(encrypted) {
            Ok(Some(bytes)) => bytes,
            Ok(None) | Err(_) => return Err(FAILED),
        };
        String::from_utf8(bytes).map_err(|_| FAILED)
    }

    fn try_decrypt(&self, encrypted: &EncryptedAssertion) -> Result<Option<Vec<u8>>, ErrorStack> {
        let (cipher, iv_bytes) = match encrypted.cipher {
            Cipher::Aes128Gcm => (symm::Cipher::aes_128_gcm(), 12),
            Cipher::Aes256Gcm => (symm::Cipher::aes_256_gcm(), 12),
            Cipher::Aes128Cbc => (symm::Cipher::aes_128_cbc(), 16),
            Cipher::Aes256Cbc => (symm::Cipher::aes_256_cbc(), 16),
        };
        // A key that cannot be unwrapped is replaced by a random one, so that the rest fails as it
        // does for a wrong key.
        let random: [u8; 32] = rand::random();
        let mut key = random.get(..cipher.key_len()).unwrap_or_default().to_vec();
        if let Ok(unwrapped) = self.unwrap_key(encrypted)
            && unwrapped.len() == key.len()
        {
            key = unwrapped;
        }
        let Some((iv, rest)) = encrypted.ciphertext.split_at_checked(iv_bytes) else {
            return Ok(None);
        };
        if !encrypted.cipher.is_authenticated() {
            return decrypt_cbc(cipher, &key, iv, rest);
        }
        let Some((body, tag)) = rest
            .len()
            .checked_sub(TAG_BYTES)
            .and_then(|at| rest.split_at_checked(at))
        else {
            return Ok(None);
        };
        symm::decrypt_aead(cipher, &key, Some(iv), &[], body, tag).map(Some)
    }

    fn unwrap_key(&self, encrypted: &EncryptedAssertion) -> Result<Vec<u8>, ErrorStack> {
        let hash = |hash: OaepHash| match hash {
            OaepHash::Sha1 => MessageDigest::sha1(),
            OaepHash::Sha256 => MessageDigest::sha256(),
        };
        let mut decrypter = Decrypter::new(&self.key)?;
        decrypter.set_rsa_padding(Padding::PKCS1_OAEP)?;
        decrypter.set_rsa_oaep_md(hash(encrypted.transport.digest))?;
        decrypter.set_rsa_mgf1_md(hash(encrypted.transport.mask))?;
        let mut key = vec![0; decrypter.decrypt_len(&encrypted.encrypted_key)?];
        let length = decrypter.decrypt(&encrypted.encrypted_key, &mut key)?;
        key.truncate(length);
        Ok(key)
    }
}

/// Decrypts AES-CBC and removes the padding, of which only the last byte, its length, is defined
/// (XML Encryption 5.2.2).
fn decrypt_cbc(
    cipher: symm::Cipher,
    key: &[u8],
    iv: &[u8],
    body: &[u8],
) -> Result<Option<Vec<u8>>, ErrorStack> {
    let block = cipher.block_size();
    if body.is_empty() || !body.len().is_multiple_of(block) {
        return Ok(None);
    }
    let mut crypter = Crypter::new(cipher, Mode::Decrypt, key, Some(iv))?;
    crypter.pad(false);
    let mut plain = vec![0; body.len() + block];
    let length = crypter.update(body, &mut plain)?;
    plain.truncate(length);
    let padding = usize::from(plain.last().copied().unwrap_or_default());
    if padding == 0 || padding > block {
        return Ok(None);
    }
    plain.truncate(length - padding);
    Ok(Some(plain))
}

/// Wraps the public key in a certificate, because metadata carries keys so. It depends on the key
/// alone: every process shows the same.
fn certificate_of(key: &PKey<Private>) -> Result<X509, ErrorStack> {
    let mut name = X509Name::builder()?;
    name.append_entry_by_text("CN", "Starchart assertion encryption")?;
    let name = name.build();
    let mut builder = X509::builder()?;
    builder.set_version(2)?;
    builder.set_serial_number(&*BigNum::from_u32(1)?.to_asn1_integer()?)?;
    builder.set_subject_name(&name)?;
    builder.set_issuer_name(&name)?;
    builder.set_pubkey(key)?;
    builder.set_not_before(&*Asn1Time::from_unix(CERTIFICATE_FROM)?)?;
    builder.set_not_after(&*Asn1Time::from_unix(CERTIFICATE_TO)?)?;
    builder.sign(key, MessageDigest::sha256())?;
    Ok(builder.build())
}

#[cfg(test)]
mod tests;

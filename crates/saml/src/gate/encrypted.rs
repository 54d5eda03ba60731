//! Parses the EncryptedAssertion element (SAML core 2.3.4, XML Encryption 1.1).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::walk::{self, Children, collapsed, only_attributes};
use crate::refusal::Refusal;
use crate::xml::{Element, Ns, is_xml_space};

/// An encrypted assertion with the key that encrypts it, itself encrypted for us.
#[derive(Debug)]
pub(crate) struct EncryptedAssertion {
    pub(crate) cipher: Cipher,
    pub(crate) transport: KeyTransport,
    pub(crate) encrypted_key: Vec<u8>,
    pub(crate) ciphertext: Vec<u8>,
}

/// The ciphers of an assertion (XML Encryption 5.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cipher {
    Aes128Gcm,
    Aes256Gcm,
    Aes128Cbc,
    Aes256Cbc,
}

impl Cipher {
    /// Whether a changed ciphertext is noticed when it is decrypted.
    pub(crate) fn is_authenticated(self) -> bool {
        matches!(self, Self::Aes128Gcm | Self::Aes256Gcm)
    }
}

/// The hashes of RSA-OAEP (XML Encryption 5.5.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct KeyTransport {
    pub(crate) digest: OaepHash,
    pub(crate) mask: OaepHash,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OaepHash {
    Sha1,
    Sha256,
}

pub(super) fn parse(element: &Element) -> Result<EncryptedAssertion, Refusal> {
    only_attributes(element, &[], "encrypted_assertion")?;
    let mut children = Children::of(element, "encrypted_assertion")?;
    let data = children.required(Ns::Xenc, "EncryptedData", "encrypted_data_absent")?;
    let peer = children.optional(Ns::Xenc, "EncryptedKey");
    children.end("encrypted_assertion")?;

    only_attributes(
        data,
        &["Id", "Type", "MimeType", "Encoding"],
        "encrypted_data",
    )?;
    let mut children = Children::of(data, "encrypted_data")?;
    let method = children.required(Ns::Xenc, "EncryptionMethod", "encryption_method_absent")?;
    let cipher = match collapsed(method, "Algorithm").as_deref() {
        Some("http://www.w3.org/2009/xmlenc11#aes128-gcm") => Cipher::Aes128Gcm,
        Some("http://www.w3.org/2009/xmlenc11#aes256-gcm") => Cipher::Aes256Gcm,
        Some("http://www.w3.org/2001/04/xmlenc#aes128-cbc") => Cipher::Aes128Cbc,
        Some("http://www.w3.org/2001/04/xmlenc#aes256-cbc") => Cipher::Aes256Cbc,
        _ => return Err(Refusal::NotDecrypted("encryption_algorithm")),
    };
    // Its KeyInfo holds the key, or refers to the key beside it; the reference is not followed.
    let inline = children
        .optional(Ns::Ds, "KeyInfo")
        .and_then(|info| info.child(Ns::Xenc, "EncryptedKey"));
    let ciphertext = cipher_value(&mut children)?;
    children.skip(Ns::Xenc, "EncryptionProperties")?;
    children.end("encrypted_data")?;
    let (transport, encrypted_key) = match (inline, peer) {
        (Some(key), None) | (None, Some(key)) => encrypted_key(key)?,
        _ => return Err(Refusal::NotDecrypted("encrypted_key_count")),
    };
    Ok(EncryptedAssertion {
        cipher,
        transport,
        encrypted_key,
        ciphertext,
    })
}

fn encrypted_key(element: &Element) -> Result<(KeyTransport, Vec<u8>), Refusal> {
    only_attributes(element, &["Id", "Recipient", "Type"], "encrypted_key")?;
    let mut children = Children::of(element, "encrypted_key")?;
    let method = children.required(Ns::Xenc, "EncryptionMethod", "encryption_method_absent")?;
    let transport = key_transport(method)?;
    if let Some(info) = children.optional(Ns::Ds, "KeyInfo") {
        info.children.iter().try_for_each(walk::ignored)?;
    }
    let value = cipher_value(&mut children)?;
    while let Some(child) = children.next() {
        if !child.is(Ns::Xenc, "ReferenceList") && !child.is(Ns::Xenc, "CarriedKeyName") {
            return Err(Refusal::Structure("encrypted_key"));
        }
        walk::ignored(child)?;
    }
    Ok((transport, value))
}

fn key_transport(method: &Element) -> Result<KeyTransport, Refusal> {
    let unknown = Refusal::NotDecrypted("key_transport_algorithm");
    let algorithm = |name: &str| {
        method
            .children
            .iter()
            .find(|child| child.local == name)
            .and_then(|child| collapsed(child, "Algorithm"))
    };
    let digest = match algorithm("DigestMethod").as_deref() {
        None | Some("http://www.w3.org/2000/09/xmldsig#sha1") => OaepHash::Sha1,
        Some("http://www.w3.org/2001/04/xmlenc#sha256") => OaepHash::Sha256,
        Some(_) => return Err(unknown),
    };
    let mask = match (
        collapsed(method, "Algorithm").as_deref(),
        algorithm("MGF").as_deref(),
    ) {
        (Some("http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p"), None) => OaepHash::Sha1,
        (
            Some("http://www.w3.org/2009/xmlenc11#rsa-oaep"),
            None | Some("http://www.w3.org/2009/xmlenc11#mgf1sha1"),
        ) => OaepHash::Sha1,
        (
            Some("http://www.w3.org/2009/xmlenc11#rsa-oaep"),
            Some("http://www.w3.org/2009/xmlenc11#mgf1sha256"),
        ) => OaepHash::Sha256,
        _ => return Err(unknown),
    };
    let known = ["DigestMethod", "MGF", "KeySize"];
    if !method
        .children
        .iter()
        .all(|child| known.contains(&child.local.as_str()))
    {
        return Err(unknown);
    }
    Ok(KeyTransport { digest, mask })
}

fn cipher_value(children: &mut Children<'_>) -> Result<Vec<u8>, Refusal> {
    let data = children.required(Ns::Xenc, "CipherData", "cipher_data_absent")?;
    let mut inner = Children::of(data, "cipher_data")?;
    let value = inner.required(Ns::Xenc, "CipherValue", "cipher_value_absent")?;
    inner.end("cipher_data")?;
    let base64: String = walk::leaf_text(value, "cipher_value")?
        .chars()
        .filter(|c| !is_xml_space(*c))
        .collect();
    STANDARD
        .decode(base64)
        .map_err(|_| Refusal::Structure("cipher_value"))
}

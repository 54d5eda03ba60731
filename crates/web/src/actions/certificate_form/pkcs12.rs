//! PKCS#12 files, and the passwords that encrypt them.

use std::fmt;

use p12_keystore::{Certificate, KeyStore, KeyStoreEntry, PrivateKey, PrivateKeyChain};
use sha2::{Digest, Sha256};
use starchart_domain::secret::Secret;

use super::{FormError, Parts, full_chain};

/// The shortest password in characters: keytool of Java takes no shorter one for a keystore.
const LENGTH_MIN: usize = 6;
/// The longest password in characters.
const LENGTH_MAX: usize = 128;

/// A password that OpenSSL, Java and Windows read alike.
#[derive(Debug, Clone)]
pub(crate) struct Pkcs12Password(Secret);

/// What is wrong with a password. Displays as a sentence for the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pkcs12PasswordFault {
    Missing,
    TooShort,
    TooLong,
    /// Programs disagree about how characters beyond ASCII are written. A space at an end is lost
    /// in a header.
    Character,
}

impl Pkcs12Password {
    /// Parses a password: 6 to 128 characters of ASCII, without spaces.
    ///
    /// # Errors
    /// The first fault.
    pub(crate) fn parse(text: &str) -> Result<Self, Pkcs12PasswordFault> {
        if text.is_empty() {
            Err(Pkcs12PasswordFault::Missing)
        } else if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            Err(Pkcs12PasswordFault::Character)
        } else if text.len() < LENGTH_MIN {
            Err(Pkcs12PasswordFault::TooShort)
        } else if text.len() > LENGTH_MAX {
            Err(Pkcs12PasswordFault::TooLong)
        } else {
            Ok(Self(Secret::new(text)))
        }
    }
}

impl fmt::Display for Pkcs12PasswordFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str(
                "Choose a password: it encrypts the PKCS#12 file, and the program that opens the \
                 file asks for it.",
            ),
            Self::TooShort => write!(
                f,
                "Use at least {LENGTH_MIN} characters: Java opens no PKCS#12 file with a shorter \
                 password."
            ),
            Self::TooLong => write!(f, "Use at most {LENGTH_MAX} characters."),
            Self::Character => f.write_str(
                "Use letters, digits and signs of ASCII, without spaces: programs read other \
                 characters differently.",
            ),
        }
    }
}

/// Encrypts private key and full chain: AES-256 with PBKDF2 and HMAC-SHA-256 (RFC 8018), and a MAC
/// with SHA-256, as OpenSSL 3 and Java 8u301 or newer write and read it.
pub(super) fn encrypt(parts: Parts<'_>, password: &Pkcs12Password) -> Result<Vec<u8>, FormError> {
    let key = pem::parse(parts.key.expose())?;
    let key = PrivateKey::from_der(key.contents())?;
    let blocks = pem::parse_many(full_chain(parts.certificate))?;
    let certificates = blocks
        .iter()
        .map(|block| Certificate::from_der(block.contents()))
        .collect::<Result<Vec<_>, _>>()?;
    // It links the key to its certificate within the file.
    let own = blocks.first().map(pem::Pem::contents).unwrap_or_default();
    let key_id = &Sha256::digest(own)[..20];
    let chain = PrivateKeyChain::new(key_id, key, certificates);
    let mut store = KeyStore::new();
    store.add_entry(
        &parts.certificate.domain,
        KeyStoreEntry::PrivateKeyChain(chain),
    );
    Ok(store.writer(password.0.expose()).write()?)
}

//! Private keys at rest: sealed with XChaCha20-Poly1305 and a random nonce, under a key that is not
//! in the database.
//!
//! The associated data names the owner and the row, so that a ciphertext that was moved to another
//! user's row, or to another row, does not open.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chacha20poly1305::aead::{Aead as _, Payload};
use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305, XNonce};
use starchart_domain::secret::Secret;
use starchart_domain::user::UserId;
use zeroize::Zeroizing;

/// Why a key could not be sealed or opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    /// KEY_ENCRYPTION_KEYS is empty; an operator must set it.
    #[error("KEY_ENCRYPTION_KEYS is not set: no private key can be kept")]
    NoKeys,
    /// The key that sealed it is not among KEY_ENCRYPTION_KEYS; an operator must add it again.
    #[error("KEY_ENCRYPTION_KEYS has no key `{0}`, which sealed this private key")]
    UnknownKey(String),
    /// The ciphertext was changed, moved to another row, or sealed under another key with this id.
    #[error("a sealed private key does not open: it was changed, or belongs elsewhere")]
    Sealed,
    /// KEY_ENCRYPTION_KEYS cannot be read.
    #[error("KEY_ENCRYPTION_KEYS: key `{0}` is not base64 of 32 bytes")]
    Unreadable(String),
}

/// The row that a sealed key belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyRow {
    /// An order, while it has no certificate.
    Order(i64),
    /// An active certificate of the user.
    Certificate(i64),
}

impl KeyRow {
    fn associated_data(self, owner: UserId) -> Vec<u8> {
        let (kind, id) = match self {
            Self::Order(id) => ("order", id),
            Self::Certificate(id) => ("certificate", id),
        };
        format!("starchart private key 1, user {owner}, {kind} {id}").into_bytes()
    }
}

/// A sealed private key, as it is stored.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct SealedKey {
    /// The id of the key that sealed it.
    pub(crate) key_id: String,
    pub(crate) nonce: Vec<u8>,
    pub(crate) ciphertext: Vec<u8>,
}

impl fmt::Debug for SealedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealedKey")
            .field("key_id", &self.key_id)
            .finish_non_exhaustive()
    }
}

/// The encryption keys. The first seals; all of them open.
pub(crate) struct Vault {
    keys: Vec<(String, XChaCha20Poly1305)>,
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.keys.iter().map(|(id, _)| id))
            .finish()
    }
}

impl Vault {
    /// Parses the keys, each an id and base64 of 32 bytes.
    pub(crate) fn new(keys: &[(String, Secret)]) -> Result<Self, VaultError> {
        let read = |(id, key): &(String, Secret)| {
            let unreadable = || VaultError::Unreadable(id.clone());
            let bytes = STANDARD
                .decode(key.expose())
                .map(Zeroizing::new)
                .map_err(|_| unreadable())?;
            let cipher = XChaCha20Poly1305::new_from_slice(&bytes).map_err(|_| unreadable())?;
            Ok((id.clone(), cipher))
        };
        Ok(Self {
            keys: keys.iter().map(read).collect::<Result<_, _>>()?,
        })
    }

    /// Whether there is a key to seal with.
    pub(crate) fn can_seal(&self) -> bool {
        !self.keys.is_empty()
    }

    /// The id of the key that encrypts.
    pub(crate) fn first_key_id(&self) -> Result<&str, VaultError> {
        self.key_ids().next().ok_or(VaultError::NoKeys)
    }

    /// The ids of all keys, the one that encrypts first.
    pub(crate) fn key_ids(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().map(|(id, _)| id.as_str())
    }

    pub(crate) fn seal(
        &self,
        owner: UserId,
        key_row: KeyRow,
        key: &Secret,
    ) -> Result<SealedKey, VaultError> {
        let (key_id, cipher) = self.keys.first().ok_or(VaultError::NoKeys)?;
        // 192 random bits do not repeat.
        let nonce: [u8; 24] = rand::random();
        let payload = Payload {
            msg: key.expose().as_bytes(),
            aad: &key_row.associated_data(owner),
        };
        let ciphertext = cipher
            .encrypt(XNonce::from_slice(&nonce), payload)
            .map_err(|_| VaultError::Sealed)?;
        Ok(SealedKey {
            key_id: key_id.clone(),
            nonce: nonce.to_vec(),
            ciphertext,
        })
    }

    pub(crate) fn open(
        &self,
        owner: UserId,
        key_row: KeyRow,
        sealed: &SealedKey,
    ) -> Result<Secret, VaultError> {
        if self.keys.is_empty() {
            return Err(VaultError::NoKeys);
        }
        let key = self.keys.iter().find(|(id, _)| *id == sealed.key_id);
        let (_, cipher) = key.ok_or_else(|| VaultError::UnknownKey(sealed.key_id.clone()))?;
        if sealed.nonce.len() != 24 {
            return Err(VaultError::Sealed);
        }
        let payload = Payload {
            msg: &sealed.ciphertext,
            aad: &key_row.associated_data(owner),
        };
        let opened = cipher
            .decrypt(XNonce::from_slice(&sealed.nonce), payload)
            .map(Zeroizing::new);
        let opened = opened.map_err(|_| VaultError::Sealed)?;
        std::str::from_utf8(&opened)
            .map(Secret::new)
            .map_err(|_| VaultError::Sealed)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests fail by panicking")]
    use super::*;

    const OWNER: UserId = UserId(7);

    fn vault(keys: &[(&str, u8)]) -> Vault {
        let key =
            |(id, byte): &(&str, u8)| ((*id).to_owned(), Secret::new(STANDARD.encode([*byte; 32])));
        Vault::new(&keys.iter().map(key).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn a_sealed_key_opens_only_for_its_owner_and_row() {
        let (vault, key) = (
            vault(&[("a", 1)]),
            Secret::new("-----BEGIN PRIVATE KEY-----"),
        );
        let sealed = vault.seal(OWNER, KeyRow::Order(3), &key).unwrap();
        assert_eq!(vault.open(OWNER, KeyRow::Order(3), &sealed).unwrap(), key);
        for (owner, key_row) in [
            (UserId(8), KeyRow::Order(3)),
            (OWNER, KeyRow::Order(4)),
            (OWNER, KeyRow::Certificate(3)),
        ] {
            assert_eq!(
                vault.open(owner, key_row, &sealed),
                Err(VaultError::Sealed),
                "{owner} {key_row:?}"
            );
        }
        let mut changed = sealed.clone();
        changed.ciphertext[0] ^= 1;
        assert_eq!(
            vault.open(OWNER, KeyRow::Order(3), &changed),
            Err(VaultError::Sealed)
        );
        changed = sealed.clone();
        changed.nonce.pop();
        assert_eq!(
            vault.open(OWNER, KeyRow::Order(3), &changed),
            Err(VaultError::Sealed)
        );
        assert!(!sealed.ciphertext.windows(7).any(|part| part == b"PRIVATE"));
        assert_ne!(
            vault.seal(OWNER, KeyRow::Order(3), &key).unwrap(),
            sealed,
            "another nonce each time"
        );
    }

    #[test]
    fn the_first_key_seals_and_every_key_opens() {
        let sealed = vault(&[("old", 1)])
            .seal(OWNER, KeyRow::Certificate(1), &Secret::new("key"))
            .unwrap();
        let both = vault(&[("new", 2), ("old", 1)]);
        assert!(both.open(OWNER, KeyRow::Certificate(1), &sealed).is_ok());
        assert_eq!(
            both.seal(OWNER, KeyRow::Certificate(1), &Secret::new("key"))
                .unwrap()
                .key_id,
            "new"
        );
        let unknown = vault(&[("new", 2)]).open(OWNER, KeyRow::Certificate(1), &sealed);
        assert_eq!(unknown, Err(VaultError::UnknownKey("old".to_owned())));
        assert_eq!(
            vault(&[("old", 9)]).open(OWNER, KeyRow::Certificate(1), &sealed),
            Err(VaultError::Sealed)
        );
    }

    #[test]
    fn missing_or_unreadable_keys_are_errors_and_debug_shows_no_key() {
        let none = vault(&[]);
        assert_eq!(
            none.seal(OWNER, KeyRow::Order(1), &Secret::new("key")),
            Err(VaultError::NoKeys)
        );
        assert_eq!(format!("{:?}", vault(&[("a", 1)])), r#"["a"]"#);
        let short = [("b".to_owned(), Secret::new("c2hvcnQ="))];
        assert_eq!(
            Vault::new(&short).unwrap_err(),
            VaultError::Unreadable("b".to_owned())
        );
    }
}

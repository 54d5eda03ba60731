//! Keys derived from SESSION_SECRET: they sign CSRF tokens and the values of cookies and fields.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::Sha256;
use starchart_domain::secret::Secret;

type HmacSha256 = Hmac<Sha256>;

/// Bytes of an HMAC tag and of its mask.
const TAG_BYTES: usize = 32;
/// Bytes of a key: one block of SHA-256.
const KEY_BYTES: usize = 64;

/// Keys of one SESSION_SECRET line, one for each purpose (HKDF, RFC 5869).
struct KeySet {
    csrf: [u8; KEY_BYTES],
    value: [u8; KEY_BYTES],
}

/// Keys of all SESSION_SECRET lines: the first set signs, every set verifies.
pub(crate) struct SigningKeys(Vec<KeySet>);

impl SigningKeys {
    pub(crate) fn new(secrets: &[Secret]) -> Self {
        let derive_set = |secret| KeySet {
            csrf: derive(secret, b"starchart csrf 1"),
            value: derive(secret, b"starchart cookie 1"),
        };
        Self(secrets.iter().map(derive_set).collect())
    }

    /// Creates a CSRF token bound to a session or a browser. A random mask makes every token
    /// different, so that response compression reveals nothing about it (BREACH).
    pub(crate) fn csrf_token(&self, binding: &[u8; 32]) -> String {
        let Some(set) = self.0.first() else {
            return String::new();
        };
        let mask = rand::random::<[u8; TAG_BYTES]>();
        let tag = hmac(&set.csrf, binding).finalize().into_bytes();
        let masked = mask.iter().zip(tag).map(|(a, b)| a ^ b);
        URL_SAFE_NO_PAD.encode(mask.iter().copied().chain(masked).collect::<Vec<u8>>())
    }

    /// Returns whether the token was created for this binding with any of the keys.
    pub(crate) fn is_valid_csrf_token(&self, token: &str, binding: &[u8; 32]) -> bool {
        let Ok(bytes) = URL_SAFE_NO_PAD.decode(token) else {
            return false;
        };
        if bytes.len() != 2 * TAG_BYTES {
            return false;
        }
        let (mask, masked) = bytes.split_at(TAG_BYTES);
        let tag: Vec<u8> = mask.iter().zip(masked).map(|(a, b)| a ^ b).collect();
        self.0
            .iter()
            .any(|set| hmac(&set.csrf, binding).verify_slice(&tag).is_ok())
    }

    /// Signs a value for a cookie or a hidden field. The browser can read it but not change it;
    /// `purpose` keeps a value of one kind from passing as another.
    pub(crate) fn sign(&self, purpose: &str, value: &impl Serialize) -> Option<String> {
        let set = self.0.first()?;
        let text = URL_SAFE_NO_PAD.encode(serde_json::to_vec(value).ok()?);
        let tag = value_hmac(set, purpose, &text).finalize().into_bytes();
        Some(format!("{text}.{}", URL_SAFE_NO_PAD.encode(tag)))
    }

    /// Returns the value when one of our keys signed it for this purpose.
    pub(crate) fn verify<T: DeserializeOwned>(&self, purpose: &str, signed: &str) -> Option<T> {
        let (text, tag) = signed.split_once('.')?;
        let tag = URL_SAFE_NO_PAD.decode(tag).ok()?;
        if !self
            .0
            .iter()
            .any(|set| value_hmac(set, purpose, text).verify_slice(&tag).is_ok())
        {
            return None;
        }
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).ok()?).ok()
    }
}

fn value_hmac(set: &KeySet, purpose: &str, text: &str) -> HmacSha256 {
    hmac(&set.value, format!("{purpose}\0{text}").as_bytes())
}

fn derive(secret: &Secret, purpose: &[u8]) -> [u8; KEY_BYTES] {
    let mut key = [0; KEY_BYTES];
    // Fails only above 255 hashes of output.
    let _ = Hkdf::<Sha256>::new(None, secret.expose().as_bytes()).expand(purpose, &mut key);
    key
}

fn hmac(key: &[u8; KEY_BYTES], text: &[u8]) -> HmacSha256 {
    let mut hmac = <HmacSha256 as Mac>::new(key.into());
    hmac.update(text);
    hmac
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests fail by panicking")]
    use super::*;

    fn keys(secrets: &[&str]) -> SigningKeys {
        SigningKeys::new(&secrets.iter().map(|s| Secret::new(*s)).collect::<Vec<_>>())
    }

    #[test]
    fn a_csrf_token_is_valid_for_its_binding_only() {
        let keys = keys(&["one"]);
        let token = keys.csrf_token(&[1; 32]);
        assert!(keys.is_valid_csrf_token(&token, &[1; 32]));
        assert!(!keys.is_valid_csrf_token(&token, &[2; 32]));
        assert_ne!(
            token,
            keys.csrf_token(&[1; 32]),
            "each token has a new mask"
        );
        for at in 0..token.len() {
            let mut edited = token.clone().into_bytes();
            edited[at] = if edited[at] == b'A' { b'B' } else { b'A' };
            let edited = String::from_utf8(edited).unwrap();
            // Two bits of the last base64 digit are unused.
            assert!(
                !keys.is_valid_csrf_token(&edited, &[1; 32]) || at + 1 == token.len(),
                "{at}"
            );
        }
        for wrong in ["", "AAAA", "!", &"A".repeat(86), &token[1..]] {
            assert!(!keys.is_valid_csrf_token(wrong, &[1; 32]), "{wrong}");
        }
    }

    #[test]
    fn the_first_secret_signs_and_every_secret_verifies() {
        let old = keys(&["old"]).csrf_token(&[1; 32]);
        assert!(keys(&["new", "old"]).is_valid_csrf_token(&old, &[1; 32]));
        assert!(!keys(&["new"]).is_valid_csrf_token(&old, &[1; 32]));
        let new = keys(&["new", "old"]).csrf_token(&[1; 32]);
        assert!(
            !keys(&["old"]).is_valid_csrf_token(&new, &[1; 32]),
            "the first signs"
        );
    }

    #[test]
    fn a_signed_value_is_valid_for_its_purpose_and_unchanged_only() {
        let keys = keys(&["one"]);
        let signed = keys.sign("flash", &"hello").unwrap();
        assert_eq!(
            keys.verify::<String>("flash", &signed).as_deref(),
            Some("hello")
        );
        assert_eq!(keys.verify::<String>("signed-out", &signed), None);
        assert_eq!(keys.verify::<String>("flash", &format!("x{signed}")), None);
        let (_, tag) = signed.split_once('.').unwrap();
        assert_eq!(
            keys.verify::<String>(
                "flash",
                &format!("{}.{tag}", URL_SAFE_NO_PAD.encode("\"bye\""))
            ),
            None
        );
        assert_eq!(keys.verify::<String>("flash", ""), None);
    }
}

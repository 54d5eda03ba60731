//! Keys made from SESSION_SECRET, opaque tokens and their hashes.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use starchart_domain::secret::Secret;
use starchart_domain::user::UserId;

type HmacSha256 = Hmac<Sha256>;

/// Octets of a token and of a tag.
const LEN: usize = 32;
/// Octets of a key: one block of SHA-256.
const KEY_LEN: usize = 64;

/// An opaque token of 256 random bits, as it stands in a cookie.
pub(crate) fn new_token() -> String {
    URL_SAFE_NO_PAD.encode(rand::random::<[u8; LEN]>())
}

/// Whether a text can be a token of ours, so that anything else never reaches the database.
pub(crate) fn is_token(text: &str) -> bool {
    URL_SAFE_NO_PAD
        .decode(text)
        .is_ok_and(|octets| octets.len() == LEN)
}

/// What is stored instead of the token.
pub(crate) fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

/// What a session's forms are bound to: its token, and the person in whose place an admin sits.
pub(crate) fn session_binding(token: &str, in_place_of: Option<UserId>) -> [u8; 32] {
    in_place_of.map_or_else(
        || hash(token),
        |other| hash(&format!("{token} in place of {other}")),
    )
}

/// The keys of one SESSION_SECRET line, one for each purpose (RFC 5869).
struct Set {
    csrf: [u8; KEY_LEN],
    cookie: [u8; KEY_LEN],
}

/// All keys: the first signs, all verify.
pub(crate) struct Keys(Vec<Set>);

impl Keys {
    pub(crate) fn new(secrets: &[Secret]) -> Self {
        Self(
            secrets
                .iter()
                .map(|secret| Set {
                    csrf: derive(secret, b"starchart csrf 1"),
                    cookie: derive(secret, b"starchart cookie 1"),
                })
                .collect(),
        )
    }

    /// A token for forms, bound to a session or a browser. Each call gives another text, so that
    /// compression tells nothing.
    pub(crate) fn csrf_token(&self, binding: &[u8; 32]) -> String {
        let Some(set) = self.0.first() else {
            return String::new();
        };
        let mask = rand::random::<[u8; LEN]>();
        let tag = mac(&set.csrf, binding).finalize().into_bytes();
        let hidden = mask.iter().zip(tag).map(|(a, b)| a ^ b);
        URL_SAFE_NO_PAD.encode(mask.iter().copied().chain(hidden).collect::<Vec<u8>>())
    }

    /// Whether the token was made for this binding, by any of the keys.
    pub(crate) fn csrf_fits(&self, token: &str, binding: &[u8; 32]) -> bool {
        let Ok(octets) = URL_SAFE_NO_PAD.decode(token) else {
            return false;
        };
        if octets.len() != 2 * LEN {
            return false;
        }
        let (mask, hidden) = octets.split_at(LEN);
        let tag: Vec<u8> = mask.iter().zip(hidden).map(|(a, b)| a ^ b).collect();
        self.0
            .iter()
            .any(|set| mac(&set.csrf, binding).verify_slice(&tag).is_ok())
    }

    /// A value to keep in a cookie: readable by its owner, but of our making. `purpose` keeps one
    /// cookie from being another.
    pub(crate) fn seal(&self, purpose: &str, value: &impl Serialize) -> Option<String> {
        let set = self.0.first()?;
        let text = URL_SAFE_NO_PAD.encode(serde_json::to_vec(value).ok()?);
        let tag = cookie_mac(set, purpose, &text).finalize().into_bytes();
        Some(format!("{text}.{}", URL_SAFE_NO_PAD.encode(tag)))
    }

    /// The value, when it is of our making.
    pub(crate) fn open<T: DeserializeOwned>(&self, purpose: &str, sealed: &str) -> Option<T> {
        let (text, tag) = sealed.split_once('.')?;
        let tag = URL_SAFE_NO_PAD.decode(tag).ok()?;
        if !self
            .0
            .iter()
            .any(|set| cookie_mac(set, purpose, text).verify_slice(&tag).is_ok())
        {
            return None;
        }
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).ok()?).ok()
    }
}

fn cookie_mac(set: &Set, purpose: &str, text: &str) -> HmacSha256 {
    mac(&set.cookie, format!("{purpose}\0{text}").as_bytes())
}

fn derive(secret: &Secret, purpose: &[u8]) -> [u8; KEY_LEN] {
    let mut key = [0; KEY_LEN];
    // So few octets are always within what HKDF can give, so this cannot fail.
    let _ = Hkdf::<Sha256>::new(None, secret.expose().as_bytes()).expand(purpose, &mut key);
    key
}

fn mac(key: &[u8; KEY_LEN], text: &[u8]) -> HmacSha256 {
    let mut mac = <HmacSha256 as Mac>::new(key.into());
    mac.update(text);
    mac
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests fail by panicking")]
    use super::*;

    fn keys(secrets: &[&str]) -> Keys {
        Keys::new(&secrets.iter().map(|s| Secret::new(*s)).collect::<Vec<_>>())
    }

    #[test]
    fn a_csrf_token_fits_its_binding_only() {
        let keys = keys(&["one"]);
        let token = keys.csrf_token(&[1; 32]);
        assert!(keys.csrf_fits(&token, &[1; 32]));
        assert!(!keys.csrf_fits(&token, &[2; 32]));
        assert_ne!(token, keys.csrf_token(&[1; 32]), "masked anew each time");
        for at in 0..token.len() {
            let mut edited = token.clone().into_bytes();
            edited[at] = if edited[at] == b'A' { b'B' } else { b'A' };
            let edited = String::from_utf8(edited).unwrap();
            // The last digit carries two bits that are not used.
            assert!(
                !keys.csrf_fits(&edited, &[1; 32]) || at + 1 == token.len(),
                "{at}"
            );
        }
        for wrong in ["", "AAAA", "!", &"A".repeat(86), &token[1..]] {
            assert!(!keys.csrf_fits(wrong, &[1; 32]), "{wrong}");
        }
    }

    #[test]
    fn secrets_rotate() {
        let old = keys(&["old"]).csrf_token(&[1; 32]);
        assert!(keys(&["new", "old"]).csrf_fits(&old, &[1; 32]));
        assert!(!keys(&["new"]).csrf_fits(&old, &[1; 32]));
        let new = keys(&["new", "old"]).csrf_token(&[1; 32]);
        assert!(!keys(&["old"]).csrf_fits(&new, &[1; 32]), "the first signs");
    }

    #[test]
    fn a_sealed_value_opens_for_its_purpose_and_unedited_only() {
        let keys = keys(&["one"]);
        let sealed = keys.seal("flash", &"hello").unwrap();
        assert_eq!(
            keys.open::<String>("flash", &sealed).as_deref(),
            Some("hello")
        );
        assert_eq!(keys.open::<String>("signed-out", &sealed), None);
        assert_eq!(keys.open::<String>("flash", &format!("x{sealed}")), None);
        let (_, tag) = sealed.split_once('.').unwrap();
        assert_eq!(
            keys.open::<String>(
                "flash",
                &format!("{}.{tag}", URL_SAFE_NO_PAD.encode("\"bye\""))
            ),
            None
        );
        assert_eq!(keys.open::<String>("flash", ""), None);
    }

    #[test]
    fn tokens_are_256_bits_and_differ() {
        let (one, other) = (new_token(), new_token());
        assert_ne!(one, other);
        assert!(is_token(&one));
        assert!(!is_token("") && !is_token("short") && !is_token(&format!("{one}A")));
    }
}

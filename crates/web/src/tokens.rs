//! Opaque random tokens: session tokens, browser tokens, sign-in handles and relay states.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use starchart_domain::user::UserId;

/// Bytes of a token before encoding.
const TOKEN_BYTES: usize = 32;

/// Generates a token of 256 random bits, encoded for a cookie or a URL.
pub(crate) fn generate() -> String {
    URL_SAFE_NO_PAD.encode(rand::random::<[u8; TOKEN_BYTES]>())
}

/// Returns whether `text` has the format of a token, so that nothing else is looked up.
pub(crate) fn is_well_formed(text: &str) -> bool {
    URL_SAFE_NO_PAD
        .decode(text)
        .is_ok_and(|bytes| bytes.len() == TOKEN_BYTES)
}

/// Returns the SHA-256 hash of a token. The database stores only hashes.
pub(crate) fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

/// Returns what the CSRF tokens of a session are bound to: the session token and, during an
/// impersonation, the impersonated user.
pub(crate) fn csrf_binding(session_token: &str, impersonated: Option<UserId>) -> [u8; 32] {
    match impersonated {
        None => hash(session_token),
        Some(user) => hash(&format!("{session_token} impersonates {user}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_256_bits_and_differ() {
        let one = generate();
        let other = generate();
        assert_ne!(one, other);
        assert!(is_well_formed(&one));
        assert!(!is_well_formed(""));
        assert!(!is_well_formed("short"));
        assert!(!is_well_formed(&format!("{one}A")));
    }
}

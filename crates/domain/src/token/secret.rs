//! The secret of a token: `sc_`, 256 random bits and a checksum.

use std::fmt;

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// What every secret begins with, so that scanners of repositories find one that leaked.
const MARK: &str = "sc_";
/// Digits of the 256 random bits: 62^43 is the first power above 2^256.
const RANDOM_DIGITS: usize = 43;
/// Digits of the checksum: 62^6 is the first power above 2^32.
const CHECKSUM_DIGITS: usize = 6;
/// Characters by which the database finds a token: the mark and eight digits.
const PREFIX_CHARS: usize = MARK.len() + 8;

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The secret of a token (I9): wiped when dropped, `***` in debug output, without `Display`.
///
/// It is `sc_`, 43 base62 digits of 256 random bits, and 6 base62 digits of the CRC-32 of what is
/// before them: a text with a typing error is refused without looking it up, and a scanner can
/// tell a secret from a text that looks like one.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenSecret(Zeroizing<String>);

impl TokenSecret {
    /// Creates the secret of these random octets.
    pub fn from_random(random: &[u8; 32]) -> Self {
        let mut text = Zeroizing::new(String::with_capacity(
            MARK.len() + RANDOM_DIGITS + CHECKSUM_DIGITS,
        ));
        text.push_str(MARK);
        text.push_str(&base62::<32, RANDOM_DIGITS>(random));
        let checksum = checksum(&text);
        text.push_str(&checksum);
        Self(text)
    }

    /// Parses a secret as a client sends it. Returns `None` for every text that no
    /// [`TokenSecret::from_random`] makes.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix(MARK)?;
        let is_whole = digits.len() == RANDOM_DIGITS + CHECKSUM_DIGITS
            && digits.bytes().all(|digit| digit.is_ascii_alphanumeric());
        if !is_whole {
            return None;
        }
        let (body, sum) = text.split_at(MARK.len() + RANDOM_DIGITS);
        (checksum(body) == sum).then(|| Self(Zeroizing::new(text.to_owned())))
    }

    /// Returns the text. Search for calls of this method to see where secrets are used.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Returns the characters that identify the token on pages and in the audit trail, and that
    /// the database finds it by. 208 random bits follow them.
    pub fn prefix(&self) -> &str {
        self.0.get(..PREFIX_CHARS).unwrap_or_default()
    }

    /// Returns the SHA-256 of the text, which is all that the database stores of it.
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.0.as_bytes()).into()
    }
}

impl fmt::Debug for TokenSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

fn checksum(text: &str) -> String {
    let sum = crc32fast::hash(text.as_bytes()).to_be_bytes();
    base62::<4, CHECKSUM_DIGITS>(&sum).to_string()
}

/// Writes a number of `N` octets in `D` base62 digits, the most significant first.
fn base62<const N: usize, const D: usize>(octets: &[u8; N]) -> Zeroizing<String> {
    let mut number = Zeroizing::new(*octets);
    let mut digits = Zeroizing::new([0_u8; D]);
    for digit in digits.iter_mut().rev() {
        // Divides the number by 62, octet by octet; the remainder is the digit.
        let mut rest = 0_usize;
        for octet in number.iter_mut() {
            let part = rest * 256 + usize::from(*octet);
            *octet = u8::try_from(part / DIGITS.len()).unwrap_or_default();
            rest = part % DIGITS.len();
        }
        *digit = DIGITS[rest];
    }
    Zeroizing::new(digits.iter().copied().map(char::from).collect())
}

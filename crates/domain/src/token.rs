//! API tokens: their secrets, and what the holder of one may do.

mod form;
mod network;
mod pattern;
mod rights;
mod secret;
#[cfg(test)]
mod tests;

use std::fmt;

use crate::time::Timestamp;

pub use form::{RecordRightForm, TokenFault, TokenField, TokenForm};
pub use network::{NetworkFault, Networks};
pub use pattern::{NamePattern, PatternFault};
pub use rights::{Access, CertificateRights, RecordRight, TokenRights};
pub use secret::TokenSecret;

/// The key of a row in `tokens`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenId(pub i64);

impl fmt::Display for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The longest name of a token, in characters.
pub const TOKEN_NAME_MAX: usize = 64;
/// For how many days a token can be valid at most.
pub const TOKEN_DAYS_MAX: i64 = 365;
/// How many tokens of one user can be live at once.
pub const TOKENS_MAX: u32 = 50;

/// A token to create. Its secret is made beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewToken {
    /// What its owner calls it.
    pub name: String,
    /// What its holder may do.
    pub rights: TokenRights,
    /// The networks that it is accepted from.
    pub networks: Networks,
    /// The time at which it expires.
    pub expires_at: Timestamp,
    /// After how many milliseconds without use it ends; `None` for never.
    pub idle_ms: Option<i64>,
}

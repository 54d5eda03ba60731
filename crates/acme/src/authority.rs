//! The port to a certificate authority: what the rest of the program may ask of it (RFC 8555).

use std::time::Duration;

use async_trait::async_trait;
use starchart_domain::time::Timestamp;

/// A certificate authority that proves names by dns-01 (RFC 8555 section 8.4).
///
/// Every call names the order by its URL and keeps nothing in memory between calls, so that another
/// process can go on where this one stopped. No call waits for the authority to make up its mind:
/// the caller asks again.
#[async_trait]
pub trait Authority: Send + Sync {
    /// Opens an order for these names (`*.user.example`, `user.example`); gives its URL, which is
    /// saved before anything else.
    ///
    /// # Errors
    /// [`AuthorityError`] says whether and when to ask again.
    async fn new_order(&self, names: &[String]) -> Result<String, AuthorityError>;

    /// How far the order has come, with the dns-01 values that its pending authorizations want.
    /// Changes nothing.
    ///
    /// # Errors
    /// As [`Authority::new_order`]; [`AuthorityError::Gone`] when the authority knows no such
    /// order.
    async fn fetch_order(&self, url: &str) -> Result<Order, AuthorityError>;

    /// Says that the values of all pending authorizations can be looked at (RFC 8555 section
    /// 7.5.1). Asked for twice, it is asked for once.
    ///
    /// # Errors
    /// As [`Authority::fetch_order`].
    async fn respond_to_challenges(&self, url: &str) -> Result<(), AuthorityError>;

    /// Hands in the certificate request (DER, RFC 2986) of an order that is ready. For an order
    /// that was finalized already nothing is done: hand in the same request again after a restart.
    ///
    /// # Errors
    /// As [`Authority::fetch_order`].
    async fn finalize(&self, url: &str, csr_der: &[u8]) -> Result<(), AuthorityError>;

    /// The certificate and its chain in PEM, once the order is valid.
    ///
    /// # Errors
    /// As [`Authority::fetch_order`].
    async fn download_chain(&self, url: &str) -> Result<String, AuthorityError>;

    /// Revokes a certificate that was issued to this account (RFC 8555 section 7.6), with the reason
    /// cessationOfOperation (RFC 5280 section 5.3.1). Succeeds when the certificate has expired or
    /// is revoked already.
    ///
    /// # Errors
    /// As [`Authority::new_order`].
    async fn revoke(&self, certificate_pem: &str) -> Result<(), AuthorityError>;
}

/// An order as the authority sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// How far it has come.
    pub status: OrderStatus,
    /// The pending authorizations: none when all were proven before.
    pub pending: Vec<PendingAuthorization>,
    /// Why it is invalid, in plain words, the authority's own behind them; none: its time is over,
    /// and nobody refused anything.
    pub problem: Option<String>,
}

/// The statuses of an order (RFC 8555 section 7.1.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderStatus {
    /// Names are still to be proven.
    Pending,
    /// All names are proven: it waits for the certificate request.
    Ready,
    /// The certificate is being made.
    Processing,
    /// The certificate can be fetched.
    Valid,
    /// It failed, expired or was given up; only a new order helps.
    Invalid,
}

/// A name that is still to be proven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingAuthorization {
    /// Where the TXT value has to stand: `_acme-challenge.user.example`, no trailing dot.
    pub fqdn: String,
    /// The TXT value.
    pub value: String,
}

/// Why the authority did not do it, which says what to do next.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuthorityError {
    /// A limit is reached (429, RFC 8555 section 6.6): ask again after this long, or at the
    /// earliest in an hour when nothing was said.
    #[error("rate limited: {detail}")]
    RateLimited {
        /// The authority's Retry-After.
        retry_after: Option<Duration>,
        /// The authority's words.
        detail: String,
    },
    /// No answer, or one that says "not now". Ask again with growing waits, and not before the
    /// moment that was named.
    #[error("the certificate authority does not answer: {detail}")]
    Unavailable {
        /// The authority's Retry-After.
        retry_after: Option<Duration>,
        /// What went wrong.
        detail: String,
    },
    /// The order is not known there (any more), or not in a state that allows this: read it again,
    /// or begin anew.
    #[error("the order is gone: {0}")]
    Gone(String),
    /// The authority says no, in plain words with those of its problem document behind them; the
    /// same again would be refused again.
    #[error("refused: {0}")]
    Refused(String),
    /// Our account or its key: an operator must mend it.
    #[error("the account at the certificate authority cannot be used: {0}")]
    Account(String),
}

impl AuthorityError {
    /// [`AuthorityError::Unavailable`], with no word on when to ask again.
    pub fn unavailable(detail: impl Into<String>) -> Self {
        Self::Unavailable {
            retry_after: None,
            detail: detail.into(),
        }
    }
}

/// What a chain in PEM says of its first certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaf {
    /// From when.
    pub not_before: Timestamp,
    /// Until when.
    pub not_after: Timestamp,
    /// The names in it (subjectAltName), as written.
    pub names: Vec<String>,
}

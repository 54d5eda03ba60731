//! The port to a certificate authority: the calls that the rest of the program may make to it.

use std::time::Duration;

use async_trait::async_trait;
use starchart_domain::certificate::RevocationReason;
use starchart_domain::certificate::renewal_info::{RenewalInfoFailure, RenewalWindow};

/// A certificate authority that validates names by the dns-01 challenge (RFC 8555 section 8.4).
///
/// Every call takes the order's URL, and no state is kept between calls: after a restart another
/// process continues the order. No call waits for the authority to finish; the caller polls with
/// [`Authority::fetch_order`].
#[async_trait]
pub trait Authority: Send + Sync {
    /// Fetches the directory (RFC 8555 section 7.1.1) without an account, to try the settings. The
    /// default is for an authority without one.
    ///
    /// # Errors
    /// [`AuthorityError::Unavailable`] says why it could not be read; [`AuthorityError::Profile`]
    /// that it does not offer the profile that is set.
    async fn check_directory(&self) -> Result<(), AuthorityError> {
        Ok(())
    }

    /// Creates an order for these names (`*.user.example`, `user.example`; RFC 8555 section 7.4).
    /// The caller stores its URL before it makes another call.
    ///
    /// `replaced` is the certificate that the order renews. It is named in the order (RFC 9773
    /// section 5) if the authority offers renewal information, and if account and names permit it;
    /// when the authority refuses an order for that, one without it is created.
    ///
    /// # Errors
    /// [`AuthorityError`] says whether and when to retry.
    async fn new_order(
        &self,
        names: &[String],
        replaced: Option<ReplacedCertificate<'_>>,
    ) -> Result<NewOrder, AuthorityError>;

    /// Asks when to renew a certificate (PEM) and when to ask again (RFC 9773 section 4.2). `None`
    /// when the authority offers no renewal information, which is the default.
    ///
    /// # Errors
    /// [`RenewalInfoError`] says when to ask again.
    async fn renewal_info(
        &self,
        _certificate_pem: &str,
    ) -> Result<Option<RenewalInfo>, RenewalInfoError> {
        Ok(None)
    }

    /// Fetches the order's status, and the TXT values for its pending authorizations (RFC 8555
    /// section 7.5). Changes nothing.
    ///
    /// # Errors
    /// As [`Authority::new_order`]; [`AuthorityError::Gone`] when the authority does not know the
    /// order.
    async fn fetch_order(&self, url: &str) -> Result<Order, AuthorityError>;

    /// Asks the authority to validate all pending authorizations (RFC 8555 section 7.5.1). Skips
    /// challenges that it validates already, so the call is idempotent. Returns how long to wait
    /// before the next [`Authority::fetch_order`], if the authority says so (Retry-After).
    ///
    /// # Errors
    /// As [`Authority::fetch_order`].
    async fn respond_to_challenges(&self, url: &str) -> Result<Option<Duration>, AuthorityError>;

    /// Finalizes a ready order with a certificate signing request (DER, RFC 2986). Does nothing for
    /// an order that is finalized already, so after a restart the same request can be sent again.
    /// Returns how long to wait before the next [`Authority::fetch_order`], if the authority says
    /// so (Retry-After).
    ///
    /// # Errors
    /// As [`Authority::fetch_order`].
    async fn finalize(&self, url: &str, csr_der: &[u8])
    -> Result<Option<Duration>, AuthorityError>;

    /// Downloads the certificate and its chain (PEM) of a valid order (RFC 8555 section 7.4.2).
    ///
    /// # Errors
    /// As [`Authority::fetch_order`].
    async fn download_chain(&self, url: &str) -> Result<String, AuthorityError>;

    /// Revokes a certificate that was issued to this account (RFC 8555 section 7.6). Succeeds when
    /// the certificate has expired or is revoked already.
    ///
    /// # Errors
    /// As [`Authority::new_order`].
    async fn revoke(
        &self,
        certificate_pem: &str,
        reason: RevocationReason,
    ) -> Result<(), AuthorityError>;
}

/// A certificate that an order renews.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReplacedCertificate<'a> {
    /// The certificate in PEM.
    pub certificate: &'a str,
    /// URL of the ACME account that it was issued to; `None` when unknown.
    pub account: Option<&'a str>,
}

/// An order that was created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewOrder {
    /// The order's URL at the authority.
    pub url: String,
    /// URL of the ACME account that it belongs to.
    pub account: String,
    /// Whether the authority accepted it as the replacement of a certificate, which at Let's
    /// Encrypt exempts it from all rate limits.
    pub is_replacement: bool,
}

/// When to renew a certificate, and when to ask again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenewalInfo {
    /// The period in which the authority suggests to renew it.
    pub window: RenewalWindow,
    /// How long the authority asks to wait before the next question (Retry-After).
    pub retry_after: Duration,
    /// A web page that explains the window.
    pub explanation_url: Option<String>,
}

/// Why there is no renewal information.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no renewal information: {detail}")]
pub struct RenewalInfoError {
    /// When to ask again.
    pub failure: RenewalInfoFailure,
    /// The transport error, the authority's text, or what is wrong with the answer.
    pub detail: String,
}

/// The state of an order at the authority.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// The status at the time of the call.
    pub status: OrderStatus,
    /// The pending authorizations; empty when the authority reuses earlier validations.
    pub pending: Vec<PendingAuthorization>,
    /// Why the order is invalid: an explanation for the user, then the authority's own text. `None`
    /// for an order that expired.
    pub problem: Option<String>,
    /// How long the authority asks to wait before the next look at an order that is processing or
    /// whose validation is pending (Retry-After, RFC 8555 sections 7.4 and 7.5.1).
    pub retry_after: Option<Duration>,
}

/// The statuses of an order (RFC 8555 section 7.1.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderStatus {
    /// At least one authorization is pending.
    Pending,
    /// All names are validated; the order can be finalized.
    Ready,
    /// The authority issues the certificate.
    Processing,
    /// The certificate can be downloaded.
    Valid,
    /// A validation failed, or the order expired; a new order is needed.
    Invalid,
}

/// A name that the authority has yet to validate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingAuthorization {
    /// Owner name of the TXT record: `_acme-challenge.user.example`, without a trailing dot.
    pub fqdn: String,
    /// Value of the TXT record (RFC 8555 section 8.4).
    pub value: String,
}

/// Why a call failed. Each variant says what to do next.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuthorityError {
    /// A rate limit is exceeded (RFC 8555 section 6.6): retry after `retry_after`, or after an hour
    /// when it is `None`.
    #[error("rate limited: {detail}")]
    RateLimited {
        /// The Retry-After header, if any.
        retry_after: Option<Duration>,
        /// The text of the authority's problem document.
        detail: String,
    },
    /// No response, or a temporary failure. Retry with growing pauses, and not before
    /// `retry_after`.
    #[error("the certificate authority is unavailable: {detail}")]
    Unavailable {
        /// The Retry-After header, if any.
        retry_after: Option<Duration>,
        /// The transport error or the authority's text.
        detail: String,
    },
    /// The authority does not know the order (any more), or its state does not allow the call:
    /// fetch the order, or create a new one.
    #[error("the order cannot be used: {0}")]
    Gone(String),
    /// The authority refuses: an explanation for the user, then the text of the problem document. A
    /// retry would be refused too.
    #[error("refused: {0}")]
    Refused(String),
    /// The ACME account or its key does not work: an operator must correct it.
    #[error("the ACME account cannot be used: {0}")]
    Account(String),
    /// The authority does not offer the profile that is set, and which ones it offers: an operator
    /// must correct the setting.
    #[error("{0}")]
    Profile(String),
}

impl AuthorityError {
    /// Returns what an operator can check, with the names of the settings.
    pub fn advice(&self) -> Option<&'static str> {
        match self {
            Self::Unavailable { .. } => Some(
                "Check LETS_ENCRYPT_DIRECTORY_URL, ACME_CA_ROOT_PATH and whether a firewall is in \
                 between.",
            ),
            Self::Account(_) => {
                Some("Check LETS_ENCRYPT_ACCOUNT_PRIVATE_KEY_PEM and LETS_ENCRYPT_ACCOUNT_EMAIL.")
            }
            Self::Profile(_) => Some("Correct ACME_PROFILE, or leave it out."),
            Self::RateLimited { .. } | Self::Gone(_) | Self::Refused(_) => None,
        }
    }

    /// Returns how long the authority asks to wait (Retry-After).
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::RateLimited { retry_after, .. } | Self::Unavailable { retry_after, .. } => {
                *retry_after
            }
            Self::Gone(_) | Self::Refused(_) | Self::Account(_) | Self::Profile(_) => None,
        }
    }

    /// Creates [`AuthorityError::Unavailable`] without a Retry-After.
    pub fn unavailable(detail: impl Into<String>) -> Self {
        Self::Unavailable {
            retry_after: None,
            detail: detail.into(),
        }
    }
}

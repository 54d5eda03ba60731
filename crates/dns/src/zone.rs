//! The provider port: the operations that the program uses of a DNS provider.

use std::fmt;

use async_trait::async_trait;
use starchart_domain::rrset::{Rrset, RrsetData, RrsetValues};

/// A hosted zone that can be changed in atomic batches.
///
/// There is no UPSERT (I10): an existing RRset is replaced by an [`Action::Delete`] of its exact
/// content and an [`Action::Create`] in the same batch, so that the provider refuses the batch when
/// another party changed the RRset.
#[async_trait]
pub trait Zone: Send + Sync {
    /// Applies all changes or none, in the given order, so that a deletion precedes the creation
    /// that depends on it.
    ///
    /// # Errors
    /// Each variant of [`ZoneError`] says what is known about the zone afterwards.
    async fn change(&self, changes: &[Change]) -> Result<ChangeId, ZoneError>;

    /// Reads the RRsets of every type at one name (lower case, no trailing dot), including pending
    /// changes.
    ///
    /// # Errors
    /// Never returns [`ZoneError::Refused`]. A failed read changes nothing, so
    /// [`ZoneError::OutcomeUnknown`] means that the read can be repeated.
    async fn read(&self, name: &str) -> Result<Vec<ZoneRrset>, ZoneError>;

    /// Lists every RRset of the zone, including pending changes. Route53 needs one request for each
    /// 300 RRsets.
    ///
    /// # Errors
    /// As [`Zone::read`]. A partial listing is an error.
    async fn list(&self) -> Result<Vec<ZoneRrset>, ZoneError>;

    /// Returns whether an accepted change has reached all authoritative servers.
    ///
    /// # Errors
    /// As [`Zone::read`], and [`ZoneError::Refused`] when the provider does not know the change.
    /// Providers delete old change records.
    async fn change_state(&self, id: &ChangeId) -> Result<ChangeState, ZoneError>;

    /// Returns the zone's domain in lower case without a trailing dot. [`crate::zone_verifier`]
    /// compares it with ROOT_DOMAIN.
    ///
    /// # Errors
    /// As [`Zone::read`].
    async fn domain(&self) -> Result<String, ZoneError>;

    /// Returns the host names of the zone's authoritative servers (its delegation set) in lower
    /// case without trailing dots.
    ///
    /// # Errors
    /// As [`Zone::read`].
    async fn name_servers(&self) -> Result<Vec<String>, ZoneError>;
}

/// The operation of a [`Change`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Creates an RRset, which must not exist yet.
    Create,
    /// Deletes an RRset, which must exist with this name, type, TTL and these values.
    Delete,
}

/// One change of one RRset within a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Whether the RRset is created or deleted.
    pub action: Action,
    /// The complete RRset, also for a deletion.
    pub set: Rrset,
}

impl Change {
    /// Makes a change that creates the RRset.
    pub fn create(set: Rrset) -> Self {
        Self {
            action: Action::Create,
            set,
        }
    }

    /// Makes a change that deletes the RRset; `set` is its exact current content.
    pub fn delete(set: Rrset) -> Self {
        Self {
            action: Action::Delete,
            set,
        }
    }
}

/// An RRset as the provider lists it, of any type, whether owned by Starchart or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ZoneRrset {
    /// The FQDN in lower case, unescaped, without a trailing dot.
    pub name: String,
    /// The type as the provider writes it: `A`, `SOA`, `CAA`, …
    pub rtype: String,
    /// The time to live in seconds; an alias has none.
    pub ttl: Option<u32>,
    /// The values in presentation format in the provider's spelling, which a deletion must repeat;
    /// empty for an alias.
    pub values: RrsetValues,
    /// Whether the RRset has the simple routing policy. An alias, weighted, latency, failover,
    /// geolocation, geoproximity, multivalue or traffic-policy RRset is never owned by Starchart
    /// and
    /// never changed.
    pub is_simple: bool,
}

impl ZoneRrset {
    /// Returns TTL and values for a deletion or a comparison; `None` unless the RRset is simple.
    pub fn body(&self) -> Option<RrsetData> {
        let ttl = self.ttl.filter(|_| self.is_simple)?;
        Some(RrsetData {
            ttl,
            values: self.values.clone(),
        })
    }
}

/// The provider's id of an accepted batch.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChangeId(pub String);

impl fmt::Display for ChangeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The propagation state of an accepted batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeState {
    /// Not on all authoritative servers yet.
    Pending,
    /// On all authoritative servers.
    InSync,
}

/// Why the provider did not answer a request, and what that means for a retry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ZoneError {
    /// The batch conflicts with the zone's current content; nothing was changed. The provider will
    /// refuse the same batch again: read the RRsets that the messages name ([`crate::attribution`])
    /// and send a new batch.
    #[error("the DNS provider refused the change: {}", messages.join("; "))]
    Refused {
        /// The provider's messages, one for each fault; may be empty.
        messages: Vec<String>,
    },
    /// Too many requests; nothing was changed. Retry after a second or more.
    #[error("the DNS provider throttled the request")]
    Throttled,
    /// An earlier change of the zone is not complete (`PriorRequestNotComplete`); nothing was
    /// changed. Retry after a second or more.
    #[error("the DNS provider has not completed an earlier change of the zone")]
    Busy,
    /// The request may or may not have taken effect (timeout, connection lost after sending, 5xx).
    /// Read the zone before the next change.
    #[error("the DNS provider gave no clear answer, the outcome of the request is unknown: {0}")]
    OutcomeUnknown(String),
    /// The request was never sent (connection refused, host name not found); nothing was changed.
    /// Retry with back-off.
    #[error(
        "the DNS provider cannot be reached (check the network, and AWS_ENDPOINT_URL if set): {0}"
    )]
    Unavailable(String),
    /// Access denied, unknown zone or bad credentials; nothing was changed. An operator has to
    /// correct the settings; slow retries pick up the correction.
    #[error("the DNS provider denied access: {0}")]
    Denied(String),
}

//! The port to the zone: what the rest of the program may ask of a DNS provider.

use std::collections::BTreeSet;
use std::fmt;

use async_trait::async_trait;
use starchart_domain::rrset::{Rrset, SetBody};

/// A hosted zone that can be changed in atomic batches.
///
/// There is no UPSERT: a set that exists is changed by a [`Action::Delete`] of exactly what stands
/// and a [`Action::Create`] in the same batch, so that a set somebody else touched is refused
/// instead of overwritten.
#[async_trait]
pub trait Zone: Send + Sync {
    /// Makes all the changes or none. The order is kept, so a deletion stands before the creation
    /// that needs it.
    ///
    /// # Errors
    /// Each variant of [`ZoneError`] says what is known about the zone afterwards.
    async fn change(&self, changes: &[Change]) -> Result<ChangeId, ZoneError>;

    /// The sets of one name (lower case, no trailing dot), of every type, pending changes included.
    ///
    /// # Errors
    /// Never [`ZoneError::Refused`]; a failed read changes nothing, so
    /// [`ZoneError::OutcomeUnknown`] means "ask again".
    async fn read(&self, name: &str) -> Result<Vec<ZoneSet>, ZoneError>;

    /// Every set of the zone, pending changes included. On Route53 a call for each 300 sets.
    ///
    /// # Errors
    /// As [`Zone::read`]. A part of the listing is never returned as the whole.
    async fn list(&self) -> Result<Vec<ZoneSet>, ZoneError>;

    /// How far an accepted change has come.
    ///
    /// # Errors
    /// As [`Zone::read`]; [`ZoneError::Refused`] when the provider knows no such change (it forgets
    /// old ones).
    async fn change_state(&self, id: &ChangeId) -> Result<ChangeState, ZoneError>;

    /// The zone's own domain, lower case, no trailing dot: an id says nothing about whose zone it
    /// is.
    ///
    /// # Errors
    /// As [`Zone::read`].
    async fn domain(&self) -> Result<String, ZoneError>;

    /// The host names of the zone's authoritative servers (its delegation set), lower case, no
    /// trailing dot.
    ///
    /// # Errors
    /// As [`Zone::read`].
    async fn name_servers(&self) -> Result<Vec<String>, ZoneError>;
}

/// What a [`Change`] does with its set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// The set must not exist yet.
    Create,
    /// The set must exist exactly so: name, type, TTL and values.
    Delete,
}

/// One element of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Create or delete.
    pub action: Action,
    /// The whole set.
    pub set: Rrset,
}

impl Change {
    /// Creates the set.
    pub fn create(set: Rrset) -> Self {
        Self {
            action: Action::Create,
            set,
        }
    }

    /// Deletes the set as it stands.
    pub fn delete(set: Rrset) -> Self {
        Self {
            action: Action::Delete,
            set,
        }
    }
}

/// A set as the zone holds it, of any type, ours or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ZoneSet {
    /// Full name: lower case, unescaped, no trailing dot.
    pub name: String,
    /// The type as the provider writes it: `A`, `SOA`, `CAA`, …
    pub rtype: String,
    /// Time to live in seconds; an alias has none.
    pub ttl: Option<u32>,
    /// Values in presentation format, as the provider wrote them (a deletion must repeat them);
    /// empty for an alias.
    pub values: BTreeSet<String>,
    /// False for an alias, weighted, latency, failover, geolocation, geoproximity, multivalue or
    /// traffic-policy set: such a set is never ours and never touched.
    pub plain: bool,
}

impl ZoneSet {
    /// TTL and values for a deletion or a comparison; `None` when the set is not plain.
    pub fn body(&self) -> Option<SetBody> {
        let ttl = self.ttl.filter(|_| self.plain)?;
        Some(SetBody {
            ttl,
            values: self.values.clone(),
        })
    }
}

/// The provider's name for an accepted batch.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChangeId(pub String);

impl fmt::Display for ChangeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How far an accepted batch has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeState {
    /// Not on all authoritative servers yet.
    Pending,
    /// On all authoritative servers.
    InSync,
}

/// Why the zone did not do what it was asked, and what that means for the next try.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ZoneError {
    /// The batch is wrong for the zone as it stands; nothing was changed. The same batch will be
    /// refused again: read the sets that the messages name ([`crate::attribution`]), then send
    /// another.
    #[error("the zone refused the change: {}", messages.join("; "))]
    Refused {
        /// The provider's words, one a fault; may be empty.
        messages: Vec<String>,
    },
    /// Too many requests; nothing was changed. Try again in a second or more.
    #[error("the zone's provider asks for fewer requests")]
    Throttled,
    /// An earlier change of the zone is not finished (`PriorRequestNotComplete`); nothing was
    /// changed. Try again in a second or more.
    #[error("an earlier change of the zone is not complete")]
    Busy,
    /// The request may or may not have taken effect (timeout, connection lost after sending, 5xx).
    /// Read before anything else.
    #[error(
        "the zone's provider gave no clear answer, so what became of the request is not known: {0}"
    )]
    OutcomeUnknown(String),
    /// The request was never sent (connection refused, host name not found); nothing was changed.
    /// Try again with back-off.
    #[error(
        "the zone's provider cannot be reached (check the network, and AWS_ENDPOINT_URL where it is set): {0}"
    )]
    Unavailable(String),
    /// Access denied, no such zone, bad credentials; nothing was changed. Trying again is useless
    /// until an operator mends the settings, but do try slowly, so that mending them is enough.
    #[error("the zone's provider denies access: {0}")]
    Denied(String),
}

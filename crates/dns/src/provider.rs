//! The port to a DNS provider: the operations of a hosted zone that the engine uses.
//!
//! Names are lower case, unescaped and have no trailing dot; values are in the presentation format
//! of RFC 1035. A provider converts to and from its own spelling, keeps its own rate limit, and
//! says which RRsets of a refused batch are at fault. A contract suite (`tests/contract`) runs on
//! every provider.

pub mod memory;
pub mod route53;

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use starchart_domain::presentation::same_values;
use starchart_domain::record::RecordType;
use starchart_domain::rrset::{Rrset, RrsetData, RrsetValues};

/// The maximum duration of [`Provider::change`]. The publish lease must be valid for longer than
/// this when the change begins.
pub const CHANGE_TIMEOUT: Duration = Duration::from_secs(5);

/// A hosted zone that can be changed in atomic batches.
///
/// There is no UPSERT (I10): an existing RRset is replaced by an [`Action::Delete`] of its exact
/// content and an [`Action::Create`] in the same batch, so that the provider refuses the batch when
/// another party changed the RRset.
#[async_trait]
pub trait Provider: Send + Sync {
    /// Returns the provider's name, limits and abilities.
    fn capabilities(&self) -> Capabilities;

    /// Waits until the rate limit permits a change. The engine waits before it commits what it is
    /// about to send, because it checks its lease after the wait. [`Provider::change`] does not
    /// wait; every other method waits by itself. The default returns at once.
    async fn wait_for_change(&self) {}

    /// Applies all changes or none, in the given order, so that a deletion precedes the creation
    /// that depends on it. Takes no longer than [`CHANGE_TIMEOUT`].
    ///
    /// # Errors
    /// Each variant of [`ChangeError`] says what is known about the zone afterwards.
    async fn change(&self, changes: &[Change]) -> Result<ChangeId, ChangeError>;

    /// Reads the RRsets of every type at one name, including pending changes.
    ///
    /// # Errors
    /// The provider did not answer.
    async fn read(&self, name: &str) -> Result<Vec<ZoneRrset>, ProviderError>;

    /// Lists every RRset of the zone, including pending changes and the SOA and NS RRsets of the
    /// apex.
    ///
    /// # Errors
    /// The provider did not answer every request of the listing.
    async fn list(&self) -> Result<Vec<ZoneRrset>, ProviderError>;

    /// Returns whether an accepted change has reached all authoritative servers. The default is for
    /// providers without [`Capabilities::tracks_changes`].
    ///
    /// # Errors
    /// The provider did not answer.
    async fn change_state(&self, _id: &ChangeId) -> Result<ChangeState, ProviderError> {
        Ok(ChangeState::InSync)
    }

    /// Returns the zone's domain, which [`crate::engine::zone_verifier`] compares with ROOT_DOMAIN.
    ///
    /// # Errors
    /// The provider did not answer.
    async fn domain(&self) -> Result<String, ProviderError>;

    /// Returns the host names of the zone's authoritative servers (its delegation set).
    ///
    /// # Errors
    /// The provider did not answer.
    async fn name_servers(&self) -> Result<Vec<String>, ProviderError>;
}

/// What a provider is called, takes and can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities {
    /// The provider's name in pages, reasons and messages, such as `Route53`.
    pub name: &'static str,
    /// The setting that selects the zone, for advice to operators.
    pub zone_setting: &'static str,
    /// The limits of one [`Provider::change`].
    pub batch_limits: BatchLimits,
    /// Whether [`Provider::change_state`] tells pending changes from those on all name servers.
    pub tracks_changes: bool,
}

/// The limits of one batch of changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchLimits {
    /// The maximum of records: one for each value of each change.
    pub records: usize,
    /// The maximum of characters in all values, including quotes and escapes.
    pub characters: usize,
}

impl BatchLimits {
    /// Returns whether one batch may have this size.
    pub fn allow(self, size: BatchSize) -> bool {
        size.records <= self.records && size.characters <= self.characters
    }
}

/// The size of changes as [`BatchLimits`] count it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BatchSize {
    /// The number of records: one for each value of each change.
    pub records: usize,
    /// The number of characters in all values.
    pub characters: usize,
}

impl BatchSize {
    /// Counts the values of the changes.
    pub fn of(changes: &[Change]) -> Self {
        let values = || changes.iter().flat_map(|change| &change.set.body.values);
        Self {
            records: values().count(),
            characters: values().map(|value| value.chars().count()).sum(),
        }
    }

    /// Returns the size of both together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            records: self.records + other.records,
            characters: self.characters + other.characters,
        }
    }
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
    /// The values in presentation format, spelled so that a deletion can repeat them; empty for an
    /// alias.
    pub values: RrsetValues,
    /// Whether the RRset has the simple routing policy. An alias, weighted, latency, failover,
    /// geolocation, geoproximity, multivalue or traffic-policy RRset is never owned by Starchart
    /// and never changed.
    pub is_simple: bool,
}

impl From<&Rrset> for ZoneRrset {
    fn from(set: &Rrset) -> Self {
        Self {
            name: set.name.clone(),
            rtype: set.rtype.as_str().to_owned(),
            ttl: Some(set.body.ttl),
            values: set.body.values.clone(),
            is_simple: true,
        }
    }
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

    /// Returns whether the RRset is simple and has the name, type, TTL and values of `set`, in
    /// whatever spelling.
    pub fn matches(&self, set: &Rrset) -> bool {
        let rtype = set.rtype.as_str();
        self.is_simple
            && self.name == set.name
            && self.rtype == rtype
            && self.ttl == Some(set.body.ttl)
            && same_values(rtype, &self.values, &set.body.values)
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
    /// Not known to the provider. Providers delete old change records, so the change completed long
    /// ago.
    Unknown,
}

/// Why an RRset of a refused batch is at fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetFault {
    /// The name of the RRset, which is in the batch; `None` when the provider does not say which
    /// RRset it means. The engine then bisects the batch.
    pub name: Option<String>,
    /// The type of the RRset; `None` when the fault may concern any RRset of the name.
    pub rtype: Option<RecordType>,
    /// The kind of the fault, which decides what the engine does.
    pub kind: FaultKind,
    /// The provider's sentence, for the owner of the record.
    pub message: String,
}

/// The kind of a [`SetFault`]. It is only a hint: the engine reads the RRsets of the name before it
/// decides, except for [`FaultKind::InvalidValue`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FaultKind {
    /// A creation, but the RRset exists, or another RRset excludes it (a CNAME; RFC 1034 section
    /// 3.6.2).
    Exists,
    /// A deletion, but the RRset does not exist.
    Missing,
    /// A deletion, but the RRset has another TTL or other values.
    Differs,
    /// A value that the provider does not take, whatever the zone holds.
    InvalidValue,
    /// Any other fault, or a sentence that is not recognised.
    Other,
}

/// Why a change was not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChangeError {
    /// The batch conflicts with the zone's current content or has an invalid value; nothing was
    /// changed. The provider will refuse the same batch again.
    #[error("the DNS provider refused the change: {}", join_messages(.0))]
    Refused(Vec<SetFault>),
    /// The change may or may not have taken effect, or may still take effect (timeout, connection
    /// lost after sending, server error). Read the zone before the next change.
    #[error("the DNS provider gave no clear answer, the outcome of the request is unknown: {0}")]
    OutcomeUnknown(String),
    /// The provider did not take the request; nothing was changed.
    #[error(transparent)]
    NotApplied(#[from] ProviderError),
}

/// Why the provider did not answer, and what that means for a retry. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProviderError {
    /// Too many requests. Retry after a second or more.
    #[error("the DNS provider throttled the request")]
    Throttled,
    /// An earlier change of the zone is not complete. Retry after a second or more.
    #[error("the DNS provider has not completed an earlier change of the zone")]
    Busy,
    /// No clear answer to a read. Retry after a second or more.
    #[error("the DNS provider gave no clear answer: {0}")]
    NoAnswer(String),
    /// The provider was not reached (connection refused, host name not found). Retry with back-off.
    #[error("the DNS provider cannot be reached ({0})")]
    Unavailable(String),
    /// Access denied, unknown zone or bad credentials. An operator has to correct the settings;
    /// slow retries pick up the correction.
    #[error("the DNS provider denied access: {0}")]
    Denied(String),
    /// The provider rejects the request itself. Slow retries only.
    #[error("the DNS provider rejected the request: {0}")]
    Rejected(String),
}

/// Joins the different messages of the faults, in their order.
pub fn join_messages(faults: &[SetFault]) -> String {
    let mut messages: Vec<&str> = Vec::new();
    for fault in faults {
        if !messages.contains(&fault.message.as_str()) {
            messages.push(&fault.message);
        }
    }
    messages.join("; ")
}

//! The controls of a test: faults, delays, and changes of the zone past the API.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::zone::Set;

/// A control with its new value. As JSON: `{"throttle_every": 3}`; over HTTP:
/// `POST /_knobs/throttle_every` with the body `3`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Knob {
    /// Every nth call is answered with Throttling; 0 stops it.
    ThrottleEvery(u64),
    /// This share of the calls (0.0 to 1.0), in an irregular but repeatable order, is answered with
    /// Throttling.
    ThrottleShare(f64),
    /// Calls above this many within one second are answered with Throttling; 0 stops it.
    LimitPerSecond(usize),
    /// The next n changes are answered with PriorRequestNotComplete.
    PriorRequest(u64),
    /// The next n calls are answered with AccessDenied.
    Deny(u64),
    /// Every call is answered with this error, until it is set to null.
    RefuseAll(Option<AccessFault>),
    /// The next n calls are answered with HTTP 503.
    Unavailable(u64),
    /// A change is PENDING for this many milliseconds; it counts for changes already made, too.
    PendingMs(u64),
    /// The next n changes are applied, but never answered; the connection stays open.
    TimeoutAfterApply(u64),
    /// The next n changes are applied, but the connection is closed without an answer.
    DropAfterApply(u64),
    /// The next n changes are not applied, and the connection is closed without an answer.
    DropBeforeApply(u64),
    /// Every call waits this many milliseconds before it has any effect.
    LatencyMs(u64),
    /// Refuses every change of a name with the message.
    RefuseName {
        /// The fqdn, without escapes and without a trailing dot.
        name: String,
        /// The message of InvalidChangeBatch.
        message: String,
    },
    /// Ends the refusal of a name.
    AllowName(String),
    /// The next n changes wait before they have any effect, until `Release`. Then they are applied,
    /// even if the client has disconnected: a request that arrives after its sender has ended.
    Hold(u64),
    /// Applies the held changes, and holds no more.
    Release,
    /// Whether InvalidChangeBatch is sent without an ErrorResponse around it. The AWS SDK for Rust
    /// finds no code in this form.
    BareBatchErrors(bool),
    /// The delegation set that GetHostedZone returns; the NS set stays as it is.
    NameServers(Vec<String>),
    /// Puts an RRset into the zone, in place of the one that is there, without the zone's rules.
    Put(Set),
    /// Puts many RRsets at once, as [`Self::Put`] does.
    Load(Vec<Set>),
    /// Removes an RRset (all its weighted variants) from the zone.
    Remove {
        /// The fqdn, without escapes and without a trailing dot.
        name: String,
        /// The record type: `A`, `CNAME` and so on.
        rtype: String,
    },
    /// The zone's own DNS server answers with the zone as it was this many milliseconds ago.
    DnsLagMs(u64),
}

/// Why Route53 lets nobody in: what is wrong with the settings of its client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AccessFault {
    /// The policy of the access key lacks a permission.
    AccessDenied,
    /// The zone's id is one of another account, or of none.
    NoSuchHostedZone,
    /// There is no such access key.
    InvalidClientTokenId,
    /// The secret access key is another one.
    SignatureDoesNotMatch,
}

/// How many requests came so far, by operation, refused ones included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Calls of ChangeResourceRecordSets: batches.
    pub change: u64,
    /// Calls of ListResourceRecordSets: pages.
    pub list: u64,
    /// Calls of GetChange, which polls for INSYNC.
    pub get_change: u64,
    /// Calls of GetHostedZone, ListHostedZones and GetHostedZoneCount.
    pub get_zone: u64,
    /// Calls of any operation that were answered with Throttling.
    pub throttled: u64,
    /// The most calls within any one second.
    pub most_per_second: usize,
}

impl Counts {
    /// Returns the sum over all operations.
    pub fn all(&self) -> u64 {
        self.change + self.list + self.get_change + self.get_zone
    }
}

/// A batch that was applied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch {
    /// The id for GetChange, without `/change/`.
    pub change_id: String,
    /// The changes in the order of the request.
    pub changes: Vec<AppliedChange>,
}

/// A change of an applied batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppliedChange {
    /// `CREATE`, `DELETE` or `UPSERT`.
    pub action: String,
    /// The RRset in the request, with its values in canonical form.
    pub set: Set,
}

/// The operation of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Change,
    List,
    GetChange,
    GetZone,
}

/// What a fault answers instead of the operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Throttled,
    Refused(AccessFault),
    Unavailable,
    PriorRequest,
}

/// How the request of a change ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    Answered,
    DropBefore,
    DropAfter,
    Silence,
}

/// The values of all knobs.
#[derive(Debug, Default)]
pub(crate) struct Knobs {
    throttle_every: u64,
    throttle_share: f64,
    random: u64,
    calls: u64,
    pub(crate) limit_per_second: usize,
    prior_request: u64,
    deny: u64,
    refuse_all: Option<AccessFault>,
    unavailable: u64,
    timeout_after: u64,
    drop_after: u64,
    drop_before: u64,
    pub(crate) hold: u64,
    pub(crate) pending: Duration,
    pub(crate) latency: Duration,
    pub(crate) dns_lag: Duration,
    pub(crate) refused_names: BTreeMap<String, String>,
    pub(crate) bare_batch_errors: bool,
}

impl Knobs {
    /// Sets a knob that has a value here; returns any other.
    pub(crate) fn turn(&mut self, knob: Knob) -> Option<Knob> {
        match knob {
            Knob::ThrottleEvery(every) => {
                self.throttle_every = every;
                self.calls = 0;
            }
            Knob::ThrottleShare(share) => self.throttle_share = share,
            Knob::LimitPerSecond(most) => self.limit_per_second = most,
            Knob::PriorRequest(times) => self.prior_request = times,
            Knob::Deny(times) => self.deny = times,
            Knob::RefuseAll(fault) => self.refuse_all = fault,
            Knob::Unavailable(times) => self.unavailable = times,
            Knob::PendingMs(ms) => self.pending = Duration::from_millis(ms),
            Knob::TimeoutAfterApply(times) => self.timeout_after = times,
            Knob::DropAfterApply(times) => self.drop_after = times,
            Knob::DropBeforeApply(times) => self.drop_before = times,
            Knob::LatencyMs(ms) => self.latency = Duration::from_millis(ms),
            Knob::DnsLagMs(ms) => self.dns_lag = Duration::from_millis(ms),
            Knob::RefuseName { name, message } => {
                self.refused_names.insert(name, message);
            }
            Knob::AllowName(name) => {
                self.refused_names.remove(&name);
            }
            Knob::Hold(times) => self.hold = times,
            Knob::BareBatchErrors(bare) => self.bare_batch_errors = bare,
            other => return Some(other),
        }
        None
    }

    /// Returns the fault of this call, if any. `in_last_second` counts this call as well.
    pub(crate) fn fault(&mut self, operation: Operation, in_last_second: usize) -> Option<Fault> {
        self.calls += 1;
        let every = self.throttle_every > 0 && self.calls.is_multiple_of(self.throttle_every);
        let over = self.limit_per_second > 0 && in_last_second > self.limit_per_second;
        if every || over || self.share_hits() {
            return Some(Fault::Throttled);
        }
        if let Some(fault) = self.refuse_all {
            return Some(Fault::Refused(fault));
        }
        if take(&mut self.deny) {
            return Some(Fault::Refused(AccessFault::AccessDenied));
        }
        if take(&mut self.unavailable) {
            return Some(Fault::Unavailable);
        }
        (operation == Operation::Change && take(&mut self.prior_request))
            .then_some(Fault::PriorRequest)
    }

    /// Decides whether this call is in the share of throttled calls. The order is the same in every
    /// run.
    fn share_hits(&mut self) -> bool {
        if self.throttle_share <= 0.0 {
            return false;
        }
        // Knuth's MMIX generator; only its upper bits are random enough.
        self.random = self
            .random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let draw = u32::try_from(self.random >> 32).unwrap_or_default();
        f64::from(draw) < self.throttle_share * f64::from(u32::MAX)
    }

    pub(crate) fn takes_hold(&mut self) -> bool {
        take(&mut self.hold)
    }

    /// Decides how the next change ends.
    pub(crate) fn ending(&mut self) -> Ending {
        if take(&mut self.drop_before) {
            Ending::DropBefore
        } else if take(&mut self.drop_after) {
            Ending::DropAfter
        } else if take(&mut self.timeout_after) {
            Ending::Silence
        } else {
            Ending::Answered
        }
    }
}

/// Decrements `times`; returns false if it is 0 already.
fn take(times: &mut u64) -> bool {
    let any = *times > 0;
    *times = times.saturating_sub(1);
    any
}

//! The publish side: what names want, what was put into the zone, and what is pending.
//!
//! # How an RRset is known to be ours
//!
//! `zone_rrset` has a row for every RRset that Starchart put into the zone or is about to put
//! there. [`intend`] commits what is about to be sent; after the call [`confirm`] makes it the
//! confirmed body. Between the two the zone may hold either, and an RRset equal to either is ours.
//! A send of unknown outcome that the zone does not show ([`record_read`]) stays pending for two
//! minutes, as a request can be delayed for longer than its sender waits; [`list_unpublished`]
//! brings its name back now and then to look for it.
//!
//! Every write of a publish run is fenced by [`crate::lease`]. A process that was suspended past
//! its lease cannot confirm, not even what it knows to be true: a later holder may have sent
//! something newer. It calls [`record_unfenced_changes`], which only adds to what may be in the
//! zone and makes the name unpublished; the next holder reads the zone before it sends.

mod adopt;
mod audits;
mod control;
mod drift;
mod journal;
mod quarantine;
mod registry;
mod snapshot;
mod track;
mod work;

pub use adopt::{Adopted, AdoptionGoal, AdoptionReason, adopt};
pub use audits::{
    AuditOutcome, AuditResult, AuditRow, OrphanRow, find_audit, list_orphans, record_audit,
    record_failed_audit, record_orphans,
};
pub(crate) use control::find_pause_on;
pub use control::{
    Pause, find_pause, pause, pause_after_wipe, pause_by_operator, pause_reason,
    pause_unless_paused, record_approval, resume, resume_after_wipe, resume_from,
};
pub use drift::{count_unpublished_at, mark_drift};
pub use journal::{confirm, intend, record_read, record_unfenced_changes, withdraw};
pub use quarantine::quarantine;
pub use snapshot::{Snapshot, SnapshotHashes, list_refusals, read_snapshot};
pub use track::{
    NameAnswers, NameToCheck, SentChange, has_names_to_check, list_names_to_check,
    list_unsynced_changes, mark_in_sync, record_answers,
};
pub use work::{NameCounts, count_unpublished, list_unpublished, read_work};

//! The publish side: what names want, what we put into the zone, and who may write there now.
//!
//! # How a set is known to be ours
//!
//! `zone_rrset` has a row for every set we put or are about to put. [`intend`] commits what is
//! about to be sent; after the call [`confirm`] makes it the confirmed body. Between the two the
//! zone may hold either, and a set equal to either is ours. A send of unknown outcome that the zone
//! does not show ([`adopt_read`]) stays pending for two minutes: it may have waited on its way
//! longer than its sender, and [`dirty`] brings its name back now and then to look for it.
//!
//! Every write here is fenced: it begins with an UPDATE of the lease row that demands holder, fence
//! and time left. A process that was stopped past its lease cannot confirm, not even what it knows
//! to be true: a later holder may have sent something newer since. It says so to [`late`], which
//! only adds to what may stand in the zone and makes the name dirty; the next holder reads the zone
//! before it sends.

mod adopt;
mod audits;
mod control;
mod drift;
mod registry;
mod track;
mod view;
mod work;
mod write;

pub use adopt::{Adopted, Aim, Deed, adopt};
pub use audits::{
    AuditOutcome, AuditResult, AuditRow, OrphanRow, last_audit, note_audit, note_audit_failed,
    note_orphans, orphans,
};
pub(crate) use control::pause_on;
pub use control::{
    Pause, approved, pause, pause_after_wipe, pause_by_operator, pause_now, pause_unless_paused,
    paused, resume, resume_after_wipe, resume_from,
};
pub use drift::{mark_drift, owed};
pub use track::{
    Answers, ChangeRow, Counts, counts, mark_in_sync, names_to_check, record_answers,
    unsynced_changes,
};
pub use view::{View, refusals, view};
pub use work::{Backlog, DirtyName, backlog, dirty, next_due, work};
pub use write::{adopt_read, confirm, intend, late, quarantine, withdraw};

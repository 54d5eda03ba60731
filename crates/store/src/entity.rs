//! The tables as sea-orm entities, one per file. Generated columns are left out, so that nothing
//! writes them.

pub(crate) mod audit_entry;
pub(crate) mod certificate;
pub(crate) mod certificate_order;
pub(crate) mod challenge_value;
pub(crate) mod class;
pub(crate) mod dns_record;
pub(crate) mod import;
pub(crate) mod import_row;
pub(crate) mod lease;
pub(crate) mod login_request;
pub(crate) mod login_result;
pub(crate) mod name;
pub(crate) mod outbox;
pub(crate) mod record_history;
pub(crate) mod session;
pub(crate) mod tick;
pub(crate) mod used_assertion;
pub(crate) mod user;
pub(crate) mod wipe_mark;
pub(crate) mod zone_audit;
pub(crate) mod zone_change;
pub(crate) mod zone_control;
pub(crate) mod zone_orphan;
pub(crate) mod zone_rrset;

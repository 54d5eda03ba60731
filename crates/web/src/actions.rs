//! What a user can do, whatever the channel: a page, an API, a client protocol.
//!
//! A channel parses its request and calls one of these functions; it gets the store's row, or an
//! [`ActionError`], and renders either. An action checks the input, writes the rows together with
//! the line of the audit trail, and wakes the worker. Nothing here knows HTTP or pages; a test
//! below holds that.

mod addresses;
mod admin;
mod batch;
mod caa;
mod certificate;
mod certificate_form;
mod challenges;
mod error;
mod history;
mod label;
mod lookup;
mod machines;
mod reading;
mod records;
mod rrsets;
mod scope;
mod session;
#[cfg(test)]
mod tests;
mod tokens;
mod words;

use starchart_domain::error::error_chain;
use starchart_store::Store;
use starchart_store::trail::{self, AuditContext, TrailEntry};

use crate::actor::User;

pub(crate) use addresses::{
    AddressChange, AddressUpdate, UpdatedAddresses, only_host, update_addresses,
};
pub(crate) use admin::{
    SessionTokens, delete_user, end_any_token, end_impersonation, impersonate, retry_mail,
    retry_name,
};
pub(crate) use batch::{
    BatchError, PlannedChange, change_records, conflicts, create_records, find_refusals,
};
pub(crate) use caa::{CaaCheck, CaaProblem, find_caa_problem, forbidden_by_change};
pub(crate) use certificate::{
    CertificateRules, delete_certificate, find_certificate, list_valid_certificates,
    request_certificate, revoke_certificate, take_certificate,
};
pub(crate) use certificate_form::{
    CertificateForm, Pkcs12Password, Pkcs12PasswordFault, secret_name,
};
pub(crate) use challenges::{AnswerKept, answer_challenge, only_challenge, remove_answer};
pub(crate) use error::{ActionError, Conflict, Denial, Limit};
pub(crate) use history::{
    UndoRefusal, UndoStep, UndoTogetherError, Undone, UndoneTogether, find_change, form_of_change,
    undo_change, undo_step, undo_together,
};
pub(crate) use label::{candidate_labels, claim_default_label, claim_label};
pub(crate) use lookup::request_lookup;
pub(crate) use machines::{Machine, list_machines, record_fetch, remove_machine};
pub(crate) use reading::{
    Certificate, HistoryAction, HistoryEntry, HistoryFilter, HistoryId, OrderView, Overview,
    Record, RecordVersion, list_changes, list_records, load_account, load_certificate, read_record,
};
pub(crate) use records::{
    RecordEdit, RecordRules, SavedRecord, SeenRecord, check_form, create_record, delete_record,
    edit_record, list_conflicting, neighbour, notes_of, renew_record,
};
pub(crate) use rrsets::{
    ChangedRrsets, Presence, RrsetChange, RrsetError, RrsetFault, RrsetField, RrsetView,
    change_rrsets, find_rrset, list_rrsets, wait_until_in_sync,
};
pub(crate) use session::{end_session, record_refused_sign_in, start_session};
pub(crate) use tokens::{
    Token, TokenState, create_token, end_token, list_token_usage, list_tokens,
};
pub(crate) use words::{WordError, WordRefusal, add_word, describe_source, remove_word};

/// Who calls an action, and in which request.
#[derive(Debug)]
pub(crate) struct Caller<'a, A = User> {
    pub(crate) actor: &'a A,
    pub(crate) request_id: &'a str,
}

impl<A> Clone for Caller<'_, A> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<A> Copy for Caller<'_, A> {}

impl<'a> Caller<'a> {
    /// Returns who acts and in whose account, for the audit trail.
    fn audit_context(&self) -> AuditContext<'a> {
        self.actor.audit_context(self.request_id)
    }
}

/// Appends an entry to the audit trail in a transaction of its own. An error is logged only,
/// because the action itself is already done.
async fn append_to_trail(store: &Store, entry: &TrailEntry<'_>) {
    if let Err(error) = trail::append(store, entry).await {
        tracing::error!(
            error = error_chain(&error),
            action = entry.action.as_str(),
            "audit trail entry not written"
        );
    }
}

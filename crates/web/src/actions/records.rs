//! Creating, editing, renewing and deleting a record.

use starchart_domain::fault::{Fault, Field};
use starchart_domain::record::{
    NameClass, Neighbour, NewRecord, RecordForm, RecordId, ValueNote, notes_beside,
};
use starchart_domain::user::UserId;
use starchart_domain::words::WordFilter;
use starchart_jobs::{Queue, WakeUp};
use starchart_store::Store;
use starchart_store::records::{self, Record, RecordError};

use super::{ActionError, CaaCheck, Caller, Conflict, Limit};
use crate::actor::User;

/// A record that was created or edited.
#[derive(Debug)]
pub(crate) struct SavedRecord {
    pub(crate) record: Record,
    /// Warnings about its value, which is allowed but may not be what the user meant.
    pub(crate) notes: Vec<ValueNote>,
}

/// The new fields of a record.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RecordEdit<'a> {
    pub(crate) id: RecordId,
    pub(crate) form: &'a RecordForm,
    /// The record's [`Record::fingerprint`] when the caller read it; without one, the edit replaces
    /// whatever the record is now.
    pub(crate) seen: Option<&'a str>,
}

/// Creates a record, unless its owner has `limit` records.
pub(crate) async fn create_record(
    store: &Store,
    queue: &dyn Queue,
    caller: Caller<'_>,
    form: &RecordForm,
    limit: Option<u32>,
    words: &WordFilter,
    caa: CaaCheck<'_>,
) -> Result<SavedRecord, ActionError> {
    let owner = caller.actor;
    let new = form
        .check(&owner.base, words)
        .map_err(ActionError::Invalid)?;
    caa.check(store, owner, None, Some(&new)).await?;
    let result = records::create(store, owner.id, &new, limit, &caller.audit_context()).await;
    let record = result.map_err(|error| action_error(error, Some(&new)))?;
    queue.wake(WakeUp::Publish);
    Ok(saved(store, owner, record, &new).await)
}

/// Replaces a record's name, type, value and notes, and renews it. Fails with
/// [`Conflict::RecordChanged`] when the record was edited in between, to other values than these.
pub(crate) async fn edit_record(
    store: &Store,
    queue: &dyn Queue,
    caller: Caller<'_>,
    edit: RecordEdit<'_>,
    words: &WordFilter,
    caa: CaaCheck<'_>,
) -> Result<SavedRecord, ActionError> {
    let owner = caller.actor;
    // Checked before the form: a record of another user fails like an absent one.
    let old = find_record(store, owner.id, edit.id).await?;
    let checked = edit.form.check(&owner.base, words);
    let new = checked.map_err(ActionError::Invalid)?;
    caa.check(store, owner, Some(&old), Some(&new)).await?;
    let audit = caller.audit_context();
    let result = match edit.seen {
        Some(seen) => records::edit_as_seen(store, owner.id, edit.id, &new, seen, &audit).await,
        None => records::edit(store, owner.id, edit.id, &new, &audit).await,
    };
    let record = match result {
        Err(RecordError::Changed) => {
            let current = Box::new(find_record(store, owner.id, edit.id).await?);
            return Err(ActionError::Conflict(Conflict::RecordChanged { current }));
        }
        result => result.map_err(|error| action_error(error, Some(&new)))?,
    };
    queue.wake(WakeUp::Publish);
    Ok(saved(store, owner, record, &new).await)
}

/// Renews a record: it expires after a full lifetime from now.
pub(crate) async fn renew_record(
    store: &Store,
    queue: &dyn Queue,
    caller: Caller<'_>,
    id: RecordId,
) -> Result<Record, ActionError> {
    let renewed = records::renew(store, caller.actor.id, id, &caller.audit_context()).await;
    let record = renewed.map_err(absent_or_broken)?;
    queue.wake(WakeUp::Publish);
    Ok(record)
}

/// Deletes a record and returns it as it was.
pub(crate) async fn delete_record(
    store: &Store,
    queue: &dyn Queue,
    caller: Caller<'_>,
    id: RecordId,
    caa: CaaCheck<'_>,
) -> Result<Record, ActionError> {
    let old = find_record(store, caller.actor.id, id).await?;
    caa.check(store, caller.actor, Some(&old), None).await?;
    let deleted = records::delete(store, caller.actor.id, id, &caller.audit_context()).await;
    let record = deleted.map_err(absent_or_broken)?;
    queue.wake(WakeUp::Publish);
    Ok(record)
}

pub(super) async fn find_record(store: &Store, owner: UserId, id: RecordId) -> Result<Record, ActionError> {
    records::get(store, owner, id)
        .await?
        .ok_or(ActionError::NotFound)
}

/// Adds warnings about the record alone and beside the owner's other records.
pub(super) async fn saved(store: &Store, owner: &User, record: Record, new: &NewRecord) -> SavedRecord {
    // The record is saved: without the others only warnings are missing.
    let all = records::list(store, owner.id).await.unwrap_or_default();
    let neighbours: Vec<Neighbour<'_>> = all
        .iter()
        .map(|record| Neighbour {
            name: &record.name,
            rtype: record.rtype,
            presentation: &record.presentation,
        })
        .collect();
    let mut notes = new.value.notes().to_vec();
    notes.extend(notes_beside(new, &owner.base, &neighbours));
    SavedRecord { record, notes }
}

/// Says which field of the new record the store's refusal is about; without one, a record was
/// renewed or deleted.
pub(super) fn action_error(error: RecordError, new: Option<&NewRecord>) -> ActionError {
    let Some(new) = new else {
        return absent_or_broken(error);
    };
    let wanted_cname = new.value.rtype().class() == NameClass::Cname;
    let fault = match error {
        RecordError::Duplicate => (Field::Value, Fault::Duplicate),
        RecordError::NameTaken => (Field::Name, Fault::NameTaken),
        RecordError::CnameConflict { with } => {
            let with = with.as_str();
            (Field::Name, Fault::CnameConflict { wanted_cname, with })
        }
        RecordError::NullMxConflict => {
            let wanted_null = new.value.is_null_mx();
            (Field::Name, Fault::NullMxConflict { wanted_null })
        }
        RecordError::QuotaReached { limit } => {
            return ActionError::Limit(Limit::Records { limit });
        }
        other => return absent_or_broken(other),
    };
    ActionError::Invalid(vec![fault])
}

/// Converts the errors that a renewal or a deletion can have.
fn absent_or_broken(error: RecordError) -> ActionError {
    match error {
        RecordError::NotFound => ActionError::NotFound,
        RecordError::Db(error) => ActionError::Store(error),
        other => ActionError::Store(starchart_store::Error::Corrupt(format!(
            "a refusal that does not belong to this action: {other}"
        ))),
    }
}

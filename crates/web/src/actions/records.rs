//! Creating, editing, renewing and deleting a record.

use starchart_domain::fault::{Fault, Field};
use starchart_domain::record::{NameClass, NewRecord, RecordForm, RecordId, ValueNote};
use starchart_domain::user::UserId;
use starchart_jobs::{Queue, WakeUp};
use starchart_store::Store;
use starchart_store::records::{self, Record, RecordError};

use super::{ActionError, CaaCheck, Caller, Conflict, Limit};

/// A record that was created or edited.
#[derive(Debug)]
pub(crate) struct SavedRecord {
    pub(crate) record: Record,
    /// A warning about its value, which is allowed but may not be what the user meant.
    pub(crate) note: Option<ValueNote>,
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
    caa: CaaCheck<'_>,
) -> Result<SavedRecord, ActionError> {
    let owner = caller.actor;
    let new = form.check(&owner.base).map_err(ActionError::Invalid)?;
    caa.check(store, owner, None, Some(&new)).await?;
    let result = records::create(store, owner.id, &new, limit, &caller.audit_context()).await;
    let record = result.map_err(|error| action_error(error, &new))?;
    queue.wake(WakeUp::Publish);
    Ok(saved(record, &new))
}

/// Replaces a record's name, type, value and notes, and renews it. Fails with
/// [`Conflict::RecordChanged`] when the record was edited in between, to other values than these.
pub(crate) async fn edit_record(
    store: &Store,
    queue: &dyn Queue,
    caller: Caller<'_>,
    edit: RecordEdit<'_>,
    caa: CaaCheck<'_>,
) -> Result<SavedRecord, ActionError> {
    let owner = caller.actor;
    // Checked before the form: a record of another user fails like an absent one.
    let old = find_record(store, owner.id, edit.id).await?;
    let new = edit.form.check(&owner.base).map_err(ActionError::Invalid)?;
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
        result => result.map_err(|error| action_error(error, &new))?,
    };
    queue.wake(WakeUp::Publish);
    Ok(saved(record, &new))
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

async fn find_record(store: &Store, owner: UserId, id: RecordId) -> Result<Record, ActionError> {
    records::get(store, owner, id)
        .await?
        .ok_or(ActionError::NotFound)
}

fn saved(record: Record, new: &NewRecord) -> SavedRecord {
    SavedRecord {
        record,
        note: new.value.note(),
    }
}

/// Says which field of the new record the store's refusal is about.
fn action_error(error: RecordError, new: &NewRecord) -> ActionError {
    let wanted_cname = new.value.rtype().class() == NameClass::Cname;
    let fault = match error {
        RecordError::Duplicate => (Field::Value, Fault::Duplicate),
        RecordError::NameTaken => (Field::Name, Fault::NameTaken),
        RecordError::CnameConflict { .. } => (Field::Name, Fault::CnameConflict { wanted_cname }),
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

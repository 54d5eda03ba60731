//! Undoing a change of a record.

use starchart_domain::expiry::RESTORE_MS;
use starchart_domain::fault::{Fault, Field, sentence};
use starchart_domain::names::idn::with_letters;
use starchart_domain::record::{NewRecord, RecordForm};
use starchart_domain::time::Timestamp;
use starchart_domain::ttl::TtlChoice;
use starchart_jobs::{Queue, WakeUp};
use starchart_store::Store;
use starchart_store::records::{
    self, ChangeError, HistoryAction, HistoryEntry, HistoryId, Record, RecordChange, RecordError,
    RecordVersion,
};

use super::records::{action_error, find_record, saved};
use super::{ActionError, Caller, Conflict, RecordRules, SavedRecord};
use crate::actor::User;

/// Why a change cannot be undone. Displays as a sentence for the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum UndoRefusal {
    /// The change was a renewal, which changed no value.
    #[error("A renewal changes nothing that could be undone.")]
    Renewal,
    /// The record ended too long ago.
    #[error("Records can be restored for 30 days after their end.")]
    TooOld,
    /// The record exists again.
    #[error("The record exists: it was restored already.")]
    Restored,
    /// The change was undone already.
    #[error("The record is what it was before this change.")]
    Undone,
    /// The record was changed after the page was shown.
    #[error("The record was changed meanwhile: look at the newest change.")]
    Changed,
    /// The record does not exist any more.
    #[error("The record is gone: the entry of its end restores it.")]
    Gone,
}

/// What undoing a change came to.
#[derive(Debug)]
pub(crate) enum Undone {
    /// The record has its former name, value, TTL and notes.
    Saved(SavedRecord),
    /// The record that the change had created is deleted.
    Deleted(Record),
}

/// What undoing a change does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum UndoStep<'a> {
    /// Deletes the record that the change created.
    Delete,
    /// Gives the record its former name, value, TTL and notes. Undoes later changes with it.
    Edit(&'a RecordVersion),
    /// Creates the record again.
    Restore(&'a RecordVersion),
}

/// Returns what would undo the change at `now`.
///
/// # Errors
/// Why nothing can.
pub(crate) fn undo_step(entry: &HistoryEntry, now: Timestamp) -> Result<UndoStep<'_>, UndoRefusal> {
    match (&entry.before, entry.action) {
        (_, HistoryAction::Renew) => Err(UndoRefusal::Renewal),
        (None, _) if entry.exists() => Ok(UndoStep::Delete),
        (None, _) => Err(UndoRefusal::Gone),
        (Some(_), action) if action.is_end() && entry.exists() => Err(UndoRefusal::Restored),
        (Some(before), _) if entry.now.as_ref() == Some(&before.fingerprint()) => {
            Err(UndoRefusal::Undone)
        }
        (Some(before), _) if entry.exists() => Ok(UndoStep::Edit(before)),
        (Some(_), action) if !action.is_end() => Err(UndoRefusal::Gone),
        (Some(_), _) if now.since(entry.at) > RESTORE_MS => Err(UndoRefusal::TooOld),
        (Some(before), _) => Ok(UndoStep::Restore(before)),
    }
}

/// Fills the form with what the record was.
fn form_of_version(owner: &User, version: &RecordVersion) -> RecordForm {
    let form = RecordForm::of_stored(
        &owner.base,
        &version.name,
        version.rtype,
        &version.input,
        &version.presentation,
        [&version.ports, &version.course, &version.description],
    );
    RecordForm {
        ttl: version.ttl.as_seconds().to_string(),
        ..form
    }
}

/// Fills the form with what the record was. It brings its TTL only where undoing the change sets
/// it: a record that was moved to another name or type, or that comes back, takes the TTL of the
/// records that are there.
pub(crate) fn form_of_change(
    owner: &User,
    entry: &HistoryEntry,
    before: &RecordVersion,
    present: Option<&Record>,
) -> RecordForm {
    let sets_ttl = present.is_some_and(|now| {
        let is_same_rrset = (&now.name, now.rtype) == (&before.name, before.rtype);
        let after = entry.after.as_ref();
        let changed_ttl = after.is_some_and(|after| after.ttl != before.ttl);
        is_same_rrset && now.ttl != before.ttl && (changed_ttl || entry.was_followed())
    });
    let mut form = form_of_version(owner, before);
    if !sets_ttl {
        form.ttl = String::new();
    }
    form
}

/// Checks the former record as it would be written now. A new RRset gets the TTL that it had, also
/// one from before the limits.
fn check_version(
    owner: &User,
    entry: &HistoryEntry,
    before: &RecordVersion,
    present: Option<&Record>,
    rules: &RecordRules<'_>,
) -> Result<NewRecord, Vec<(Field, Fault)>> {
    let form = form_of_change(owner, entry, before, present);
    let mut former = form.check(&owner.base, rules.words, &rules.ttls)?;
    if form.ttl.is_empty() {
        former.ttl = TtlChoice::ForNew(before.ttl);
    }
    Ok(former)
}

/// Finds a change of the owner's records.
pub(crate) async fn find_change(
    store: &Store,
    owner: &User,
    id: HistoryId,
) -> Result<HistoryEntry, ActionError> {
    records::find_history_entry(store, owner.id, id)
        .await?
        .ok_or(ActionError::NotFound)
}

/// Undoes a change by a new change. `seen` is the record's fingerprint when the user saw it: a
/// record that was changed since is left alone. The new change passes the checks of any other: the
/// record limit, the word filter, the rules of its type and what else is at its name.
pub(crate) async fn undo_change(
    store: &Store,
    queue: &dyn Queue,
    caller: Caller<'_>,
    entry: &HistoryEntry,
    seen: Option<&str>,
    rules: RecordRules<'_>,
) -> Result<Undone, ActionError> {
    let owner = caller.actor;
    let now = store.now().await?;
    let step = undo_step(entry, now)
        .map_err(|refusal| ActionError::Conflict(Conflict::NotUndoable(refusal)))?;
    let old = match step {
        UndoStep::Restore(_) => None,
        UndoStep::Delete | UndoStep::Edit(_) => {
            Some(find_record(store, owner.id, entry.record_id).await?)
        }
    };
    let new = match step {
        UndoStep::Delete => None,
        UndoStep::Edit(version) | UndoStep::Restore(version) => {
            let checked = check_version(owner, entry, version, old.as_ref(), &rules);
            Some(checked.map_err(ActionError::Invalid)?)
        }
    };
    let ended: Vec<&Record> = old.iter().collect();
    let created: Vec<_> = new.iter().collect();
    rules.caa.check(store, owner, &ended, &created).await?;
    let id = entry.record_id;
    let change = match (&step, &new) {
        (UndoStep::Restore(_), Some(new)) => RecordChange::Restore {
            entry: entry.id,
            new,
        },
        (UndoStep::Edit(_), Some(new)) => RecordChange::Edit { id, new, seen },
        _ => RecordChange::Delete { id, seen },
    };
    let audit = caller.audit_context();
    let done = records::apply(store, owner.id, &[change], rules.limit, &audit).await;
    let done = match done {
        Err(ChangeError {
            error: RecordError::Changed,
            ..
        }) => {
            return Err(ActionError::Conflict(Conflict::NotUndoable(
                UndoRefusal::Changed,
            )));
        }
        other => other.map_err(|refused| action_error(refused.error, new.as_ref()))?,
    };
    let record = done.into_iter().next().ok_or(ActionError::NotFound)?;
    queue.wake(WakeUp::Publish);
    Ok(match new {
        Some(new) => Undone::Saved(saved(store, owner, record, &new).await),
        None => Undone::Deleted(record),
    })
}

/// Why records that were deleted together were not restored: none was.
#[derive(Debug)]
pub(crate) enum RestoreError {
    /// This record cannot come back.
    Refused { name: String, why: String },
    /// The whole was refused, or failed.
    Action(ActionError),
}

impl From<ActionError> for RestoreError {
    fn from(error: ActionError) -> Self {
        Self::Action(error)
    }
}

/// Restores records that were deleted, all of them or none, through the checks of any new record.
pub(crate) async fn restore_together(
    store: &Store,
    queue: &dyn Queue,
    caller: Caller<'_>,
    entries: &[HistoryEntry],
    rules: RecordRules<'_>,
) -> Result<Vec<Record>, RestoreError> {
    let owner = caller.actor;
    let now = store.now().await.map_err(ActionError::from)?;
    let name_at = |index: usize| {
        let before = entries.get(index).and_then(|entry| entry.before.as_ref());
        before.map_or_else(String::new, |version| with_letters(&version.name))
    };
    let mut news = Vec::with_capacity(entries.len());
    for (index, entry) in entries.iter().enumerate() {
        let refused = |why: String| RestoreError::Refused {
            name: name_at(index),
            why,
        };
        let version = match undo_step(entry, now) {
            Ok(UndoStep::Restore(version)) => version,
            Ok(UndoStep::Delete | UndoStep::Edit(_)) => {
                return Err(refused(UndoRefusal::Restored.to_string()));
            }
            Err(refusal) => return Err(refused(refusal.to_string())),
        };
        let checked = check_version(owner, entry, version, None, &rules);
        news.push(checked.map_err(|faults| refused(sentences(&faults)))?);
    }
    rules
        .caa
        .check(store, owner, &[], &news.iter().collect::<Vec<_>>())
        .await?;
    let changes: Vec<RecordChange<'_>> = entries
        .iter()
        .zip(&news)
        .map(|(entry, new)| RecordChange::Restore {
            entry: entry.id,
            new,
        })
        .collect();
    let audit = caller.audit_context();
    let done = records::apply(store, owner.id, &changes, rules.limit, &audit).await;
    let restored =
        done.map_err(
            |ChangeError { index, error }| match action_error(error, news.get(index)) {
                ActionError::Invalid(faults) => RestoreError::Refused {
                    name: name_at(index),
                    why: sentences(&faults),
                },
                other => RestoreError::Action(other),
            },
        )?;
    queue.wake(WakeUp::Publish);
    Ok(restored)
}

fn sentences(faults: &[(Field, Fault)]) -> String {
    let texts: Vec<String> = faults
        .iter()
        .map(|(_, fault)| sentence(fault.to_string()))
        .collect();
    texts.join(" ")
}

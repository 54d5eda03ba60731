//! Undoing a change of a record.

use starchart_domain::expiry::RESTORE_MS;
use starchart_domain::fault::{Fault, Field, sentence};
use starchart_domain::names::idn::with_letters;
use starchart_domain::record::{NewRecord, RecordForm, RecordId, ValueNote};
use starchart_domain::time::Timestamp;
use starchart_domain::ttl::TtlChoice;
use starchart_jobs::{Queue, WakeUp};
use starchart_store::Store;
use starchart_store::records::{
    self, ChangeError, HistoryAction, HistoryEntry, HistoryId, Record, RecordChange, RecordError,
    RecordVersion,
};

use super::records::{action_error, checked_version, find_record, saved};
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

/// Finds a change of the owner's records; one that a token may not see is absent.
pub(crate) async fn find_change(
    store: &Store,
    owner: &User,
    id: HistoryId,
) -> Result<HistoryEntry, ActionError> {
    let entry = records::find_history_entry(store, owner.id, id).await?;
    entry
        .filter(|entry| owner.may_read_change(entry))
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
            Some(find_record(store, owner, entry.record_id).await?)
        }
    };
    let new = match step {
        UndoStep::Delete => None,
        UndoStep::Edit(version) | UndoStep::Restore(version) => {
            let checked = check_version(owner, entry, version, old.as_ref(), &rules);
            Some(checked.map_err(ActionError::Invalid)?)
        }
    };
    if let Some(old) = &old {
        owner.check_write(&old.name, old.rtype)?;
    }
    if let Some(new) = &new {
        owner.check_write(new.name.fqdn(), new.value.rtype())?;
    }
    let ended: Vec<&Record> = old.iter().collect();
    let created: Vec<_> = new.iter().collect();
    rules.caa.check(store, owner, &ended, &created).await?;
    let id = entry.record_id;
    let checked = checked_version(owner, old.as_ref());
    let seen = seen.or(checked.as_deref());
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
    let ttl = ttl_note(entry, &record);
    Ok(match new {
        Some(new) => {
            let mut saved = saved(store, owner, record, &new).await;
            saved.notes.extend(ttl);
            Undone::Saved(saved)
        }
        None => Undone::Deleted(record),
    })
}

/// Says that a record came back to an RRset which has another TTL by now.
fn ttl_note(entry: &HistoryEntry, now: &Record) -> Option<ValueNote> {
    let before = entry.before.as_ref()?;
    let is_back = entry.after.is_none() && before.ttl != now.ttl;
    is_back.then(|| {
        let (had, has, rtype) = (before.ttl, now.ttl, now.rtype);
        let name = now.shown_name();
        ValueNote::about(format!(
            "Its TTL was {had} and is {has} now, that of the {rtype} records of {name} that are \
             there."
        ))
    })
}

/// Several changes that were undone together.
#[derive(Debug)]
pub(crate) struct UndoneTogether {
    /// The records as they are now; those that were deleted, as they were.
    pub(crate) records: Vec<Record>,
    /// What is other than before.
    pub(crate) notes: Vec<ValueNote>,
}

/// Why changes that were made together were not undone: none was.
#[derive(Debug)]
pub(crate) enum UndoTogetherError {
    /// The change of this record cannot be undone.
    Refused { name: String, why: String },
    /// The whole was refused, or failed.
    Action(ActionError),
}

impl From<ActionError> for UndoTogetherError {
    fn from(error: ActionError) -> Self {
        Self::Action(error)
    }
}

/// Undoes changes that were made together, all of them or none, through the checks of any other
/// change. A record that was changed since then is left alone, and so are the others.
pub(crate) async fn undo_together(
    store: &Store,
    queue: &dyn Queue,
    caller: Caller<'_>,
    entries: &[HistoryEntry],
    rules: RecordRules<'_>,
) -> Result<UndoneTogether, UndoTogetherError> {
    let owner = caller.actor;
    let now = store.now().await.map_err(ActionError::from)?;
    let present = records::list(store, owner.id).await;
    let present = present.map_err(ActionError::from)?;
    let mut steps = Vec::with_capacity(entries.len());
    for entry in entries {
        let refused = |why: String| UndoTogetherError::Refused {
            name: name_of(entry),
            why,
        };
        let old = present.iter().find(|record| record.id == entry.record_id);
        let step = undo_step(entry, now).and_then(|step| match entry.was_followed() {
            true => Err(UndoRefusal::Changed),
            false => Ok(step),
        });
        let new = match step.map_err(|refusal| refused(refusal.to_string()))? {
            UndoStep::Delete => None,
            UndoStep::Edit(version) | UndoStep::Restore(version) => {
                let checked = check_version(owner, entry, version, old, &rules);
                Some(checked.map_err(|faults| refused(sentences(&faults)))?)
            }
        };
        if let Some(old) = old {
            owner.check_write(&old.name, old.rtype)?;
        }
        if let Some(new) = &new {
            owner.check_write(new.name.fqdn(), new.value.rtype())?;
        }
        steps.push(TogetherStep { entry, old, new });
    }
    let ended: Vec<&Record> = steps.iter().filter_map(|step| step.old).collect();
    let created: Vec<&NewRecord> = steps.iter().filter_map(|step| step.new.as_ref()).collect();
    rules.caa.check(store, owner, &ended, &created).await?;
    let changes: Vec<RecordChange<'_>> = steps.iter().map(TogetherStep::change).collect();
    let audit = caller.audit_context();
    let done = records::apply(store, owner.id, &changes, rules.limit, &audit).await;
    let records = done.map_err(|ChangeError { index, error }| {
        let step = steps.get(index);
        let refused = |why: String| UndoTogetherError::Refused {
            name: step.map_or_else(String::new, |step| name_of(step.entry)),
            why,
        };
        match error {
            RecordError::Changed | RecordError::NotFound => {
                refused(UndoRefusal::Changed.to_string())
            }
            error => match action_error(error, step.and_then(|step| step.new.as_ref())) {
                ActionError::Invalid(faults) => refused(sentences(&faults)),
                other => UndoTogetherError::Action(other),
            },
        }
    })?;
    queue.wake(WakeUp::Publish);
    let pairs = entries.iter().zip(&records);
    let notes = pairs.filter_map(|(entry, now)| ttl_note(entry, now));
    Ok(UndoneTogether {
        notes: notes.collect(),
        records,
    })
}

/// The undoing of one of several changes.
struct TogetherStep<'a> {
    entry: &'a HistoryEntry,
    /// The record as it is now, if it exists.
    old: Option<&'a Record>,
    /// What it becomes, unless it is deleted.
    new: Option<NewRecord>,
}

impl TogetherStep<'_> {
    fn change(&self) -> RecordChange<'_> {
        let (id, seen): (RecordId, _) = (self.entry.record_id, self.entry.now.as_deref());
        match (&self.new, self.entry.exists()) {
            (None, _) => RecordChange::Delete { id, seen },
            (Some(new), true) => RecordChange::Edit { id, new, seen },
            (Some(new), false) => RecordChange::Restore {
                entry: self.entry.id,
                new,
            },
        }
    }
}

/// Returns the name of the record of a change, for a message.
fn name_of(entry: &HistoryEntry) -> String {
    let version = entry.before.as_ref().or(entry.after.as_ref());
    version.map_or_else(String::new, |version| with_letters(&version.name))
}

fn sentences(faults: &[(Field, Fault)]) -> String {
    let texts: Vec<String> = faults
        .iter()
        .map(|(_, fault)| sentence(fault.to_string()))
        .collect();
    texts.join(" ")
}

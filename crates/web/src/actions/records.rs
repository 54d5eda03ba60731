//! Creating, editing, renewing and deleting a record.

use starchart_domain::fault::{Fault, Field};
use starchart_domain::input::clean_line;
use starchart_domain::paste::{before_part_of_base, target_options};
use starchart_domain::plural::pluralize;
use starchart_domain::record::{
    CheckedForm, NameClass, Neighbour, NewRecord, RecordForm, RecordId, RecordType, ValueNote,
    conflict_with, notes_beside,
};
use starchart_domain::ttl::{TtlChoice, TtlLimits};
use starchart_domain::words::WordFilter;
use starchart_jobs::{Queue, WakeUp};
use starchart_store::Store;
use starchart_store::records::{
    self, ChangeError, Record, RecordChange, RecordError, ResourceRecord,
};

use super::scope::{check_all, retain_readable};
use super::{ActionError, CaaCheck, Caller, Conflict, Limit};
use crate::actor::User;

/// A record that was created or edited.
#[derive(Debug)]
pub(crate) struct SavedRecord {
    pub(crate) record: Record,
    /// Warnings about its value, which is allowed but may not be what the user meant.
    pub(crate) notes: Vec<ValueNote>,
    /// The records that were deleted in its place, as they were.
    pub(crate) replaced: Vec<Record>,
}

/// What a record has to comply with besides the rules of its type.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RecordRules<'a> {
    /// The record limit of a user.
    pub(crate) limit: Option<u32>,
    pub(crate) words: &'a WordFilter,
    /// The TTLs that users may choose.
    pub(crate) ttls: TtlLimits,
    pub(crate) caa: CaaCheck<'a>,
    /// A name as typed that the user has confirmed, although it ends in a part of the domain.
    pub(crate) confirmed_name: Option<&'a str>,
}

/// A record as the caller saw it: its id and its [`Record::fingerprint`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SeenRecord {
    pub(crate) id: RecordId,
    pub(crate) fingerprint: String,
}

impl From<&Record> for SeenRecord {
    fn from(record: &Record) -> Self {
        Self {
            id: record.id,
            fingerprint: record.fingerprint(),
        }
    }
}

/// The new fields of a record.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RecordEdit<'a> {
    pub(crate) id: RecordId,
    pub(crate) form: &'a RecordForm,
    /// The record's [`Record::fingerprint`] when the caller read it; without one, the edit replaces
    /// whatever the record is now.
    pub(crate) seen: Option<&'a str>,
    /// Records that are deleted with it, because it excludes them.
    pub(crate) replaced: &'a [SeenRecord],
}

/// Creates a record and deletes those that it replaces, unless its owner then has more records than
/// the limit.
pub(crate) async fn create_record(
    store: &Store,
    queue: &dyn Queue,
    caller: Caller<'_>,
    form: &RecordForm,
    replaced: &[SeenRecord],
    rules: RecordRules<'_>,
) -> Result<SavedRecord, ActionError> {
    let owner = caller.actor;
    let new = check_form(form, owner, rules, None).map_err(ActionError::Invalid)?;
    owner.check_write(new.name.fqdn(), new.value.rtype())?;
    let ended = find_replaced(store, owner, &new, None, replaced).await?;
    check_all(owner, &ended)?;
    let caa = rules.caa;
    caa.check(store, owner, &ended.iter().collect::<Vec<_>>(), &[&new])
        .await?;
    let changes = with_deletions(RecordChange::Create(&new), replaced);
    let audit = caller.audit_context();
    let done = records::apply(store, owner.id, &changes, rules.limit, &audit).await;
    finish(store, queue, owner, done, &new).await
}

/// Replaces a record's name, type, value, TTL and notes, and renews it. Fails with
/// [`Conflict::RecordChanged`] when the record was edited in between, to other values than these.
pub(crate) async fn edit_record(
    store: &Store,
    queue: &dyn Queue,
    caller: Caller<'_>,
    edit: RecordEdit<'_>,
    rules: RecordRules<'_>,
) -> Result<SavedRecord, ActionError> {
    let owner = caller.actor;
    // Checked before the form: a record of another user fails like an absent one.
    let old = find_record(store, owner, edit.id).await?;
    owner.check_write(&old.name, old.rtype)?;
    let checked = check_form(edit.form, owner, rules, Some(&old));
    let new = checked.map_err(ActionError::Invalid)?;
    owner.check_write(new.name.fqdn(), new.value.rtype())?;
    let mut ended = find_replaced(store, owner, &new, Some(edit.id), edit.replaced).await?;
    ended.push(old);
    check_all(owner, &ended)?;
    let caa = rules.caa;
    caa.check(store, owner, &ended.iter().collect::<Vec<_>>(), &[&new])
        .await?;
    let checked = checked_version(owner, ended.last());
    let change = RecordChange::Edit {
        id: edit.id,
        new: &new,
        seen: edit.seen.or(checked.as_deref()),
    };
    let changes = with_deletions(change, edit.replaced);
    let audit = caller.audit_context();
    let done = records::apply(store, owner.id, &changes, rules.limit, &audit).await;
    if let Err(ChangeError {
        index: 0,
        error: RecordError::Changed,
    }) = done
    {
        let current = Box::new(find_record(store, owner, edit.id).await?);
        return Err(ActionError::Conflict(Conflict::RecordChanged { current }));
    }
    finish(store, queue, owner, done, &new).await
}

/// Checks a form that a user has filled in, and asks about a name and a target that may not be
/// whole, also beside faults of other fields: what was meant is never guessed. `old` is the record
/// that the form edits.
///
/// # Errors
/// Every fault and every question with its field.
pub(crate) fn check_form(
    form: &RecordForm,
    owner: &User,
    rules: RecordRules<'_>,
    old: Option<&Record>,
) -> Result<NewRecord, Vec<(Field, Fault)>> {
    // A name that was allowed once may be kept, whatever words are refused since.
    let any_word = WordFilter::default();
    let is_kept = |checked: &CheckedForm| match (old, &checked.name) {
        (Some(old), Some(name)) => old.name == name.fqdn(),
        _ => false,
    };
    let mut checked = form.check_fields(&owner.base, &any_word, &rules.ttls);
    let keeps_name = is_kept(&checked);
    if !keeps_name {
        checked = form.check_fields(&owner.base, rules.words, &rules.ttls);
        let question = ask_about_name(form, &checked, owner, rules.confirmed_name);
        checked.faults.extend(question);
    }
    let question = ask_about_target(&checked, owner, old);
    checked.faults.extend(question);
    checked.faults.sort_by_key(|(field, _)| field.position());
    checked.into_record()
}

/// Asks about a valid name that ends in a part of the user's domain.
fn ask_about_name(
    form: &RecordForm,
    checked: &CheckedForm,
    owner: &User,
    confirmed: Option<&str>,
) -> Option<(Field, Fault)> {
    checked.name.as_ref()?;
    let name = clean_line(&form.name);
    if confirmed.map(clean_line).as_deref() == Some(&*name) {
        return None;
    }
    let front = before_part_of_base(&name, &owner.base)?;
    let typed = name.to_lowercase();
    let base = owner.base.to_string();
    Some((Field::Name, Fault::NameHalfTyped { typed, base, front }))
}

/// Asks about a valid target that may not be whole, unless it is that of the old record.
fn ask_about_target(
    checked: &CheckedForm,
    owner: &User,
    old: Option<&Record>,
) -> Option<(Field, Fault)> {
    let value = checked.value.as_ref()?;
    let is_kept = old
        .is_some_and(|old| old.rtype == value.rtype() && old.presentation == value.presentation());
    let has_fault = checked
        .faults
        .iter()
        .any(|(field, _)| *field == Field::Value);
    if is_kept || has_fault {
        return None;
    }
    // The parameters of an HTTPS or SVCB record follow its target.
    let target = match value.rtype() {
        RecordType::Https | RecordType::Svcb => value.input().split_whitespace().next(),
        rtype => rtype.points_to_host().then(|| value.input()),
    };
    let target = target.filter(|target| *target != ".")?;
    let options = target_options(target, &owner.base)?;
    let typed = target.to_lowercase();
    Some((Field::Value, Fault::TargetNotWhole { typed, options }))
}

/// Finds the records that are replaced. Each must be one that excludes the new record: the form may
/// have another name or type by now than when the user saw what was in the way.
async fn find_replaced(
    store: &Store,
    owner: &User,
    new: &NewRecord,
    id: Option<RecordId>,
    replaced: &[SeenRecord],
) -> Result<Vec<Record>, ActionError> {
    if replaced.is_empty() {
        return Ok(Vec::new());
    }
    let mut conflicting = list_conflicting(store, owner, new, id).await?;
    conflicting.retain(|record| replaced.iter().any(|seen| seen.id == record.id));
    if conflicting.len() == replaced.len() {
        Ok(conflicting)
    } else {
        let fault = (Field::Form, Fault::ReplacedChanged);
        Err(ActionError::Invalid(vec![fault]))
    }
}

/// Puts the deletions behind the change, which keeps the index zero.
fn with_deletions<'a>(
    change: RecordChange<'a>,
    replaced: &'a [SeenRecord],
) -> Vec<RecordChange<'a>> {
    let deletions = replaced.iter().map(|seen| RecordChange::Delete {
        id: seen.id,
        seen: Some(&seen.fingerprint),
    });
    std::iter::once(change).chain(deletions).collect()
}

/// Wakes the worker and adds warnings; or says which field is at fault. What was to be replaced and
/// is not what the caller saw is a conflict once more.
async fn finish(
    store: &Store,
    queue: &dyn Queue,
    owner: &User,
    done: Result<Vec<Record>, ChangeError>,
    new: &NewRecord,
) -> Result<SavedRecord, ActionError> {
    let mut saved_records = match done {
        Ok(records) => records,
        Err(ChangeError {
            error: RecordError::Changed | RecordError::NotFound,
            index: 1..,
        }) => {
            return Err(ActionError::Invalid(vec![(
                Field::Form,
                Fault::ReplacedChanged,
            )]));
        }
        Err(refused) => return Err(action_error(refused.error, Some(new))),
    };
    queue.wake(WakeUp::Publish);
    if saved_records.is_empty() {
        return Err(ActionError::NotFound);
    }
    let replaced = saved_records.split_off(1);
    Ok(SavedRecord {
        replaced,
        ..saved(store, owner, saved_records.swap_remove(0), new).await
    })
}

/// Lists the owner's records that exclude the record of the form, or are the same. `id` is the
/// record that the form edits.
pub(crate) async fn list_conflicting(
    store: &Store,
    owner: &User,
    new: &NewRecord,
    id: Option<RecordId>,
) -> Result<Vec<Record>, ActionError> {
    let mut all = records::list(store, owner.id).await?;
    retain_readable(owner, &mut all);
    all.retain(|record| Some(record.id) != id && conflict_with(new, &neighbour(record)).is_some());
    Ok(all)
}

pub(super) fn resource_record(record: &ResourceRecord) -> Neighbour<'_> {
    Neighbour {
        name: &record.name,
        rtype: record.rtype,
        presentation: &record.presentation,
    }
}

pub(crate) fn neighbour(record: &Record) -> Neighbour<'_> {
    Neighbour {
        name: &record.name,
        rtype: record.rtype,
        presentation: &record.presentation,
    }
}

/// Renews a record: it expires after a full lifetime from now.
pub(crate) async fn renew_record(
    store: &Store,
    queue: &dyn Queue,
    caller: Caller<'_>,
    id: RecordId,
) -> Result<Record, ActionError> {
    let old = find_record(store, caller.actor, id).await?;
    caller.actor.check_write(&old.name, old.rtype)?;
    let renewed = records::renew(store, caller.actor.id, id, &caller.audit_context()).await;
    let record = renewed.map_err(absent_or_broken)?;
    queue.wake(WakeUp::Publish);
    Ok(record)
}

/// Deletes a record and returns it as it was. `seen` is its [`Record::fingerprint`] when the caller
/// read it; without one it is deleted whatever it is now. Fails with [`Conflict::RecordChanged`] if
/// it is another one.
pub(crate) async fn delete_record(
    store: &Store,
    queue: &dyn Queue,
    caller: Caller<'_>,
    (id, seen): (RecordId, Option<&str>),
    caa: CaaCheck<'_>,
) -> Result<Record, ActionError> {
    let old = find_record(store, caller.actor, id).await?;
    caller.actor.check_write(&old.name, old.rtype)?;
    caa.check(store, caller.actor, &[&old], &[]).await?;
    let checked = checked_version(caller.actor, Some(&old));
    let change = RecordChange::Delete {
        id,
        seen: seen.or(checked.as_deref()),
    };
    let audit = caller.audit_context();
    let deleted = match records::apply(store, caller.actor.id, &[change], None, &audit).await {
        Ok(deleted) => deleted,
        Err(ChangeError {
            error: RecordError::Changed,
            ..
        }) => {
            let current = Box::new(find_record(store, caller.actor, id).await?);
            return Err(ActionError::Conflict(Conflict::RecordChanged { current }));
        }
        Err(refused) => return Err(absent_or_broken(refused.error)),
    };
    queue.wake(WakeUp::Publish);
    deleted.into_iter().next().ok_or(ActionError::NotFound)
}

/// Returns the fingerprint of a record whose name a token's rights were checked for: the change is
/// refused if the record has another name by then. A session may change a record whatever it is.
pub(super) fn checked_version(owner: &User, old: Option<&Record>) -> Option<String> {
    let token = owner.token.as_ref();
    token.and(old).map(Record::fingerprint)
}

/// Finds a record of the owner; one that a token may not read is absent.
pub(super) async fn find_record(
    store: &Store,
    owner: &User,
    id: RecordId,
) -> Result<Record, ActionError> {
    let record = records::get(store, owner.id, id).await?;
    let record = record.ok_or(ActionError::NotFound)?;
    owner.check_read(&record.name, record.rtype)?;
    Ok(record)
}

/// Lists the records beside which a saved one gets warnings: those that the caller may read. None
/// when the database fails, because the record is saved and only warnings are missing.
pub(super) async fn list_for_warnings(store: &Store, owner: &User) -> Vec<ResourceRecord> {
    let all = records::list_resource_records(store, owner.id).await;
    let mut all = all.unwrap_or_default();
    all.retain(|record| owner.may_read(&record.name, record.rtype));
    all
}

/// Adds warnings about the record alone and beside the owner's other records.
pub(super) async fn saved(
    store: &Store,
    owner: &User,
    record: Record,
    new: &NewRecord,
) -> SavedRecord {
    let all = list_for_warnings(store, owner).await;
    let all: Vec<Neighbour<'_>> = all.iter().map(resource_record).collect();
    let shared = shared_ttl(&all, &record, new);
    let mut saved = saved_beside(&all, owner, record, new);
    saved.notes.extend(shared);
    saved
}

/// Says that other records have the TTL, too, that was chosen for one.
fn shared_ttl(all: &[Neighbour<'_>], record: &Record, new: &NewRecord) -> Option<ValueNote> {
    let TtlChoice::Set(ttl) = new.ttl else {
        return None;
    };
    let own = neighbour(record);
    let others = all
        .iter()
        .filter(|other| other.name == own.name && other.rtype == own.rtype && **other != own);
    let others = u32::try_from(others.count()).unwrap_or(u32::MAX);
    let name = record.unicode_name().unwrap_or_else(|| record.name.clone());
    (others > 0).then(|| {
        let has = pluralize(others, "other record has", "other records have");
        let rtype = record.rtype;
        ValueNote::about(format!(
            "The TTL {ttl} is that of all {rtype} records of {name}: {has} it as well."
        ))
    })
}

/// Adds warnings about a record alone and beside all records of its owner.
pub(super) fn saved_beside(
    all: &[Neighbour<'_>],
    owner: &User,
    record: Record,
    new: &NewRecord,
) -> SavedRecord {
    SavedRecord {
        record,
        notes: notes_of(new, owner, all),
        replaced: Vec::new(),
    }
}

/// Returns warnings about a new record alone and beside all records of its owner.
pub(crate) fn notes_of(new: &NewRecord, owner: &User, all: &[Neighbour<'_>]) -> Vec<ValueNote> {
    let mut notes = new.value.notes().to_vec();
    notes.extend(notes_beside(new, &owner.base, all));
    notes
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
        RecordError::AnswersChallenges => (Field::Name, Fault::AnswersChallenges),
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

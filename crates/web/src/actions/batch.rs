//! Changing several records at once: all of them, or none.

use std::collections::BTreeMap;

use starchart_domain::fault::{Fault, Field};
use starchart_domain::record::{
    Neighbour, NewRecord, RecordForm, RecordId, RecordType, conflict_with,
};
use starchart_domain::ttl::{Ttl, TtlChoice, TtlFault};
use starchart_jobs::{Queue, WakeUp};
use starchart_store::Store;
use starchart_store::records::{
    self, ChangeError, ExpectedRecords, Record, RecordChange, RecordError,
};

use super::records::{action_error, list_for_warnings, neighbour, resource_record, saved_beside};
use super::scope::check_all;
use super::{ActionError, Caller, Limit, RecordRules, SavedRecord, SeenRecord};
use crate::actor::User;

/// Why none of several records was changed.
#[derive(Debug)]
pub(crate) enum BatchError {
    /// The caller has to correct records, each given with its index and its faults.
    Invalid(IndexedFaults),
    /// A record was changed or deleted after the caller had read it.
    ChangedMeanwhile,
    /// The whole was refused, or failed.
    Refused(ActionError),
}

impl From<ActionError> for BatchError {
    fn from(error: ActionError) -> Self {
        Self::Refused(error)
    }
}

/// A change that a user has seen and wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PlannedChange {
    /// Creates a record with a new id.
    Create(NewRecord),
    /// Replaces a record's name, type, value, TTL and notes, and renews it.
    Replace { old: SeenRecord, new: NewRecord },
    /// Deletes a record; the history keeps it.
    Delete(SeenRecord),
    /// Renews a record, whatever it is now.
    Renew(RecordId),
}

impl PlannedChange {
    /// Returns the record that the change writes.
    pub(crate) fn new_record(&self) -> Option<&NewRecord> {
        match self {
            Self::Create(new) | Self::Replace { new, .. } => Some(new),
            Self::Delete(_) | Self::Renew(_) => None,
        }
    }

    /// Returns the record that the change replaces or deletes, as the user saw it.
    pub(crate) fn old_record(&self) -> Option<&SeenRecord> {
        match self {
            Self::Create(_) | Self::Renew(_) => None,
            Self::Replace { old, .. } | Self::Delete(old) => Some(old),
        }
    }

    fn as_step(&self) -> RecordChange<'_> {
        match self {
            Self::Create(new) => RecordChange::Create(new),
            Self::Replace { old, new } => RecordChange::Edit {
                id: old.id,
                new,
                seen: Some(&old.fingerprint),
            },
            Self::Delete(old) => RecordChange::Delete {
                id: old.id,
                seen: Some(&old.fingerprint),
            },
            Self::Renew(id) => RecordChange::Renew(*id),
        }
    }
}

/// The faults of records, each given with its index.
type IndexedFaults = Vec<(usize, Vec<(Field, Fault)>)>;

/// What would be refused of several changes.
#[derive(Debug, Default)]
pub(crate) struct Refusals {
    /// The faults of new records, each given with the index of its change.
    pub(crate) faulty: IndexedFaults,
    /// The limit that the changes exceed together.
    pub(crate) limit: Option<Limit>,
}

/// Finds what would be refused of changes to the owner's `present` records, and makes none.
pub(crate) fn find_refusals(
    changes: &[PlannedChange],
    present: &[Record],
    limit: Option<u32>,
) -> Refusals {
    let news = changes.iter().enumerate();
    let news = news.filter_map(|(at, change)| Some((at, change.new_record()?)));
    let (places, news): (Vec<usize>, Vec<&NewRecord>) = news.unzip();
    let kept = present.iter().filter(|record| !is_ended(changes, record));
    let mut faulty = conflicts(&news, kept);
    faulty.iter_mut().for_each(|(at, _)| *at = places[*at]);
    let (created, deleted) = count_changes(changes);
    let present = u32::try_from(present.len()).unwrap_or(u32::MAX);
    let after = (present + created).saturating_sub(deleted);
    let exceeded = limit.filter(|limit| created > deleted && after > *limit);
    Refusals {
        faulty,
        limit: exceeded.map(|limit| limit_of(changes, present, limit)),
    }
}

/// Returns whether one of the changes replaces or deletes a record.
fn is_ended(changes: &[PlannedChange], record: &Record) -> bool {
    let mut olds = changes.iter().filter_map(PlannedChange::old_record);
    olds.any(|old| old.id == record.id)
}

/// Says how many of the new records fit beside those that the changes leave.
fn limit_of(changes: &[PlannedChange], present: u32, limit: u32) -> Limit {
    let (created, deleted) = count_changes(changes);
    Limit::of_records(limit, present.saturating_sub(deleted), created)
}

/// Counts the records that changes create, and those that they delete.
fn count_changes(changes: &[PlannedChange]) -> (u32, u32) {
    let count = |is_kind: fn(&PlannedChange) -> bool| {
        let of_kind = changes.iter().filter(|change| is_kind(change)).count();
        u32::try_from(of_kind).unwrap_or(u32::MAX)
    };
    (
        count(|change| matches!(change, PlannedChange::Create(_))),
        count(|change| matches!(change, PlannedChange::Delete(_))),
    )
}

/// Finds every new record that cannot be beside one of the present records, or beside one that is
/// before it in the list. An index is that in `news`.
pub(crate) fn conflicts<'a>(
    news: &[&'a NewRecord],
    present: impl Iterator<Item = &'a Record> + Clone,
) -> IndexedFaults {
    let mut faulty = Vec::new();
    for (at, new) in news.iter().enumerate() {
        let earlier = news[..at].iter().map(|other| Neighbour {
            name: other.name.fqdn(),
            rtype: other.value.rtype(),
            presentation: other.value.presentation(),
        });
        let mut others = present.clone().map(neighbour).chain(earlier);
        if let Some(fault) = others.find_map(|other| conflict_with(new, &other)) {
            faulty.push((at, vec![fault]));
        }
    }
    faulty
}

/// Creates all records, or none.
pub(crate) async fn create_records(
    store: &Store,
    queue: &dyn Queue,
    caller: Caller<'_>,
    forms: &[RecordForm],
    rules: RecordRules<'_>,
) -> Result<Vec<SavedRecord>, BatchError> {
    let news = check(forms, caller, rules)?;
    let changes: Vec<PlannedChange> = news.iter().cloned().map(PlannedChange::Create).collect();
    let owner = caller.actor;
    let present = records::list(store, owner.id).await;
    let present = present.map_err(ActionError::from)?;
    let created = change_records(store, queue, caller, &changes, &present, rules).await?;
    let all = list_for_warnings(store, owner).await;
    let all: Vec<Neighbour<'_>> = all.iter().map(resource_record).collect();
    let saved = created.into_iter().zip(&news);
    Ok(saved
        .map(|(record, new)| saved_beside(&all, owner, record, new))
        .collect())
}

/// Makes all changes, or none, and returns each record as it is now, a deleted one as it was.
/// `present` holds all records of the owner, as the caller has read them.
pub(crate) async fn change_records(
    store: &Store,
    queue: &dyn Queue,
    caller: Caller<'_>,
    changes: &[PlannedChange],
    present: &[Record],
    rules: RecordRules<'_>,
) -> Result<Vec<Record>, BatchError> {
    check_scope(caller.actor, changes, present)?;
    apply_changes(store, queue, caller, changes, (present, &[]), rules).await
}

/// Makes all changes as [`change_records`] does, for an action that has checked whether the caller
/// may. The records at `names` must be as the caller has read them.
pub(super) async fn apply_changes(
    store: &Store,
    queue: &dyn Queue,
    caller: Caller<'_>,
    changes: &[PlannedChange],
    (present, names): (&[Record], &[&str]),
    rules: RecordRules<'_>,
) -> Result<Vec<Record>, BatchError> {
    let owner = caller.actor;
    // All at once: the transaction below stops at the first.
    let refusals = find_refusals(changes, present, None);
    if !refusals.faulty.is_empty() {
        return Err(BatchError::Invalid(refusals.faulty));
    }
    let is_ended = |record: &&Record| is_ended(changes, record);
    let olds: Vec<&Record> = present.iter().filter(is_ended).collect();
    let news = changes.iter().filter_map(PlannedChange::new_record);
    let news: Vec<&NewRecord> = news.collect();
    rules.caa.check(store, owner, &olds, &news).await?;
    let audit = caller.audit_context();
    let steps: Vec<RecordChange<'_>> = changes.iter().map(PlannedChange::as_step).collect();
    let expected = ExpectedRecords {
        names,
        records: present,
    };
    let applied =
        records::apply_expecting(store, owner.id, &steps, expected, rules.limit, &audit).await;
    if let Err(ChangeError {
        error: RecordError::QuotaReached { limit },
        ..
    }) = applied
    {
        let present = records::count(store, owner.id).await;
        let limit = limit_of(changes, present.map_err(ActionError::from)?, limit);
        return Err(ActionError::Limit(limit).into());
    }
    let records = applied.map_err(|refused| {
        let at = refused.index;
        let change = changes.get(at);
        match (refused.error, change.and_then(PlannedChange::new_record)) {
            (RecordError::Changed | RecordError::NotFound, _) if change.is_some() => {
                BatchError::ChangedMeanwhile
            }
            (error, Some(new)) => match action_error(error, Some(new)) {
                ActionError::Invalid(faults) => BatchError::Invalid(vec![(at, faults)]),
                other => BatchError::Refused(other),
            },
            (RecordError::Db(error), None) => BatchError::Refused(ActionError::Store(error)),
            (_, None) => BatchError::Refused(ActionError::NotFound),
        }
    })?;
    queue.wake(WakeUp::Publish);
    Ok(records)
}

/// Fails unless a token may make all changes: to the records as they are, and to what they become.
pub(super) fn check_scope(
    owner: &User,
    changes: &[PlannedChange],
    present: &[Record],
) -> Result<(), BatchError> {
    if owner.token.is_none() {
        return Ok(());
    }
    for change in changes {
        let id = match change {
            PlannedChange::Create(_) => None,
            PlannedChange::Replace { old, .. } | PlannedChange::Delete(old) => Some(old.id),
            PlannedChange::Renew(id) => Some(*id),
        };
        if let Some(id) = id {
            let found = present.iter().find(|record| record.id == id);
            let found = found.ok_or(ActionError::NotFound)?;
            check_all(owner, [found])?;
            let seen = change.old_record();
            // Another version may have another name.
            if seen.is_some_and(|seen| seen.fingerprint != found.fingerprint()) {
                return Err(BatchError::ChangedMeanwhile);
            }
        }
        if let Some(new) = change.new_record() {
            owner.check_write(new.name.fqdn(), new.value.rtype())?;
        }
    }
    Ok(())
}

fn check(
    forms: &[RecordForm],
    caller: Caller<'_>,
    rules: RecordRules<'_>,
) -> Result<Vec<NewRecord>, BatchError> {
    let mut news = Vec::with_capacity(forms.len());
    let mut faulty = Vec::new();
    for (at, form) in forms.iter().enumerate() {
        match form.check(&caller.actor.base, rules.words, &rules.ttls) {
            Ok(new) => news.push(new),
            Err(faults) => faulty.push((at, faults)),
        }
    }
    if faulty.is_empty() {
        faulty = ttl_faults(&news);
    }
    match faulty.is_empty() {
        true => Ok(news),
        false => Err(BatchError::Invalid(faulty)),
    }
}

/// Finds records of one name and type for which different TTLs were chosen.
fn ttl_faults(news: &[NewRecord]) -> Vec<(usize, Vec<(Field, Fault)>)> {
    let mut chosen: BTreeMap<(&str, RecordType), Ttl> = BTreeMap::new();
    let mut faulty = Vec::new();
    for (at, new) in news.iter().enumerate() {
        let TtlChoice::Set(ttl) = new.ttl else {
            continue;
        };
        let rrset = (new.name.fqdn(), new.value.rtype());
        let other = *chosen.entry(rrset).or_insert(ttl);
        if other != ttl {
            let fault = Fault::Ttl(TtlFault::Differs { other });
            faulty.push((at, vec![(Field::Ttl, fault)]));
        }
    }
    faulty
}

//! Changes records: several at once in one transaction, or none of them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use starchart_domain::expiry::record_expires_at;
use starchart_domain::record::{NameClass, NewRecord, RecordId};
use starchart_domain::time::Timestamp;
use starchart_domain::user::UserId;

use super::history::{self, HistoryAction, HistoryId};
use super::names::{self, TouchedName};
use super::ttls::{RrsetTtls, WrittenRecord};
use super::{Record, RecordError, query, read_ttl, read_type, rows};
use crate::entity::{dns_record, record_history};
use crate::error::TransactionError;
use crate::trail::{self, Action, AuditContext};
use crate::tx::Tx;
use crate::{Error, Store, users};

/// A form is submitted twice within this time: a renewal that moves the expiry by less is none.
const SUBMITTED_TWICE_MS: i64 = 60_000;

/// A change of a user's records.
#[derive(Debug, Clone, Copy)]
pub enum RecordChange<'a> {
    /// Creates a record with a new id.
    Create(&'a NewRecord),
    /// Replaces the record's name, type, value, TTL and notes, and renews it; id and creation time
    /// stay.
    Edit {
        /// The id of the record to edit.
        id: RecordId,
        /// What the record becomes.
        new: &'a NewRecord,
        /// Its [`Record::fingerprint`] when the user saw it; without one, the edit replaces
        /// whatever the record is now.
        seen: Option<&'a str>,
    },
    /// Renews the record: it expires after a full lifetime from now.
    Renew(RecordId),
    /// Deletes the record; the history keeps it.
    Delete {
        /// The id of the record to delete.
        id: RecordId,
        /// Its [`Record::fingerprint`] when the user saw it; without one, the record is deleted
        /// whatever it is now.
        seen: Option<&'a str>,
    },
    /// Creates a record that ended once more, with its former id and creation time.
    Restore {
        /// The entry of the owner's history whose record is restored.
        entry: HistoryId,
        /// What the record becomes.
        new: &'a NewRecord,
    },
}

impl<'a> RecordChange<'a> {
    /// The present record that it changes.
    fn record_id(&self) -> Option<RecordId> {
        match self {
            Self::Create(_) | Self::Restore { .. } => None,
            Self::Edit { id, .. } | Self::Delete { id, .. } | Self::Renew(id) => Some(*id),
        }
    }

    /// What the record becomes, if it is written anew.
    fn new_record(&self) -> Option<&'a NewRecord> {
        match self {
            Self::Create(new) | Self::Edit { new, .. } | Self::Restore { new, .. } => Some(new),
            Self::Renew(_) | Self::Delete { .. } => None,
        }
    }
}

/// Why changes were not made: none of them was.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
pub struct ChangeError {
    /// The place of the change in the list; zero when no change is to blame.
    pub index: usize,
    /// Why it was refused.
    #[source]
    pub error: RecordError,
}

impl ChangeError {
    fn at(index: usize) -> impl Fn(RecordError) -> Self {
        move |error| Self { index, error }
    }
}

impl From<Error> for ChangeError {
    fn from(error: Error) -> Self {
        Self {
            index: 0,
            error: error.into(),
        }
    }
}

impl From<RecordError> for ChangeError {
    fn from(error: RecordError) -> Self {
        Self { index: 0, error }
    }
}

impl TransactionError for ChangeError {
    fn store_error(&self) -> Option<&Error> {
        self.error.store_error()
    }
}

/// Makes all changes in one transaction, with a line of the audit trail for each, and returns the
/// records in the same order: as they are now, or as they were for a deletion. What one change
/// frees, another may take, whatever their order: a name, a value, a place below the limit. The
/// other records of an RRset take the TTL that is set for one of them.
///
/// # Errors
/// The first change that cannot be made. A change that adds records is refused when the owner then
/// had more than `limit`.
pub async fn apply(
    store: &Store,
    owner: UserId,
    changes: &[RecordChange<'_>],
    limit: Option<u32>,
    act: &AuditContext<'_>,
) -> Result<Vec<Record>, ChangeError> {
    let nothing = ExpectedRecords::default();
    apply_expecting(store, owner, changes, nothing, limit, act).await
}

/// The records that a caller has read at some names.
#[derive(Debug, Clone, Copy, Default)]
pub struct ExpectedRecords<'a> {
    /// The names whose records count.
    pub names: &'a [&'a str],
    /// The records of the owner that the caller has read, also at other names.
    pub records: &'a [Record],
}

impl ExpectedRecords<'_> {
    /// Fails with [`RecordError::Changed`] unless the owner's records at the names are these. The
    /// caller holds the lock of the owner's row.
    async fn check(&self, tx: &Tx, owner: UserId) -> Result<(), RecordError> {
        let mut now = BTreeMap::new();
        for row in rows::at(tx, owner, self.names).await? {
            now.insert(row.id, rows::fingerprint(&row)?);
        }
        let at_names = self
            .records
            .iter()
            .filter(|record| self.names.contains(&record.name.as_str()));
        let seen: BTreeMap<i64, String> = at_names
            .map(|record| (record.id.0, record.fingerprint()))
            .collect();
        match now == seen {
            true => Ok(()),
            false => Err(RecordError::Changed),
        }
    }
}

/// Makes all changes as [`apply`] does, if the owner's records at some names are those that the
/// caller has read: it replaces what is there as a whole.
///
/// # Errors
/// As [`apply`]; [`RecordError::Changed`] if the records are others.
pub async fn apply_expecting(
    store: &Store,
    owner: UserId,
    changes: &[RecordChange<'_>],
    expected: ExpectedRecords<'_>,
    limit: Option<u32>,
    act: &AuditContext<'_>,
) -> Result<Vec<Record>, ChangeError> {
    store
        .write(|tx| async move {
            if !users::lock(&tx, owner).await? {
                return Err(RecordError::NotFound.into());
            }
            expected.check(&tx, owner).await?;
            Batch::read(&tx, owner, changes)
                .await?
                .run(limit, act)
                .await
        })
        .await
}

/// A change with the rows that it needs.
struct Step<'a> {
    change: RecordChange<'a>,
    /// The row that it changes, as it was.
    old: Option<dns_record::Model>,
    /// The entry that it restores.
    restored: Option<record_history::Model>,
    /// Whether the record is already what the change makes of it.
    is_done: bool,
}

/// The changes of a transaction that holds the lock of the owner's row.
struct Batch<'t, 'a> {
    tx: &'t Tx,
    owner: UserId,
    now: Timestamp,
    steps: Vec<Step<'a>>,
}

impl<'t, 'a> Batch<'t, 'a> {
    /// Reads the rows of all changes.
    async fn read(
        tx: &'t Tx,
        owner: UserId,
        changes: &[RecordChange<'a>],
    ) -> Result<Self, ChangeError> {
        let ids: Vec<i64> = changes
            .iter()
            .filter_map(|change| Some(change.record_id()?.0))
            .collect();
        let mut present: HashMap<i64, dns_record::Model> = rows::find(tx.db(), owner, &ids)
            .await?
            .into_iter()
            .map(|row| (row.id, row))
            .collect();
        let mut steps = Vec::with_capacity(changes.len());
        for (index, change) in changes.iter().enumerate() {
            let mut step = Step {
                change: *change,
                old: None,
                restored: None,
                is_done: false,
            };
            let blame = ChangeError::at(index);
            if let Some(id) = change.record_id() {
                // Two changes of one record in a list are refused as well.
                let old = present.remove(&id.0).ok_or(RecordError::NotFound);
                step.old = Some(old.map_err(&blame)?);
            }
            if let RecordChange::Restore { entry, .. } = change {
                let found = history::find_row(tx.db(), owner, *entry).await?;
                let found = found.ok_or(RecordError::NotFound).map_err(&blame)?;
                let again = rows::find(tx.db(), owner, &[found.record_id]).await?;
                if !again.is_empty() {
                    return Err(blame(RecordError::Duplicate));
                }
                step.restored = Some(found);
            }
            steps.push(step);
        }
        Ok(Self {
            tx,
            owner,
            now: tx.now().await?,
            steps,
        })
    }

    async fn run(
        mut self,
        limit: Option<u32>,
        act: &AuditContext<'_>,
    ) -> Result<Vec<Record>, ChangeError> {
        self.check_seen()?;
        self.check_limit(limit).await?;
        let names = self.touch_names().await?;
        let ended: Vec<i64> = self
            .steps
            .iter()
            .filter(|step| matches!(step.change, RecordChange::Delete { .. }))
            .filter_map(|step| Some(step.old.as_ref()?.id))
            .collect();
        let ended = query::find_all(self.tx.db(), self.owner, &ended).await?;
        let ttls = RrsetTtls::choose(self.tx, self.owner, &names, &self.written()).await?;
        let replaced = self.remove_old(&names).await?;
        ttls.set_for_others(self.tx, self.owner, &names, &replaced, self.now, act)
            .await?;
        let written = self.write_new(&names, &ttls, act).await?;
        let ids: Vec<i64> = written.iter().map(|(id, _)| *id).collect();
        let mut records: HashMap<i64, Record> = query::find_all(self.tx.db(), self.owner, &ids)
            .await?
            .into_iter()
            .chain(ended)
            .map(|record| (record.id.0, record))
            .collect();
        let mut done = Vec::with_capacity(written.len());
        for (index, (id, action)) in written.into_iter().enumerate() {
            let record = records.remove(&id).ok_or(RecordError::NotFound);
            let record = record.map_err(ChangeError::at(index))?;
            if let Some(action) = action {
                audit(self.tx, act, action, &record).await?;
            }
            done.push(record);
        }
        Ok(done)
    }

    /// Refuses to change a record that is not as the user saw it. One that is by now what the edit
    /// makes of it, perhaps because its RRset got that TTL meanwhile, is renewed all the same. A
    /// form that was submitted twice finds its own edit, and nothing to do.
    fn check_seen(&mut self) -> Result<(), ChangeError> {
        for (index, step) in self.steps.iter_mut().enumerate() {
            let (seen, wanted) = match step.change {
                RecordChange::Edit {
                    new,
                    seen: Some(seen),
                    ..
                } => (seen, Some(new)),
                RecordChange::Delete {
                    seen: Some(seen), ..
                } => (seen, None),
                _ => continue,
            };
            let Some(old) = &step.old else { continue };
            let now = rows::fingerprint(old)?;
            step.is_done = now != seen;
            let present = read_ttl(old.ttl)?;
            let wanted = wanted.map(|new| new.fingerprint(Some(present)));
            if step.is_done && Some(now) != wanted {
                return Err(ChangeError::at(index)(RecordError::Changed));
            }
            let renewed_ms = record_expires_at(self.now).as_millis() - old.expires_at;
            if step.is_done && renewed_ms > SUBMITTED_TWICE_MS {
                step.change = RecordChange::Renew(RecordId(old.id));
                step.is_done = false;
            }
        }
        Ok(())
    }

    /// Refuses more records than the limit. Changes that add none pass, also above the limit.
    async fn check_limit(&self, limit: Option<u32>) -> Result<(), ChangeError> {
        let is_new = |step: &Step<'_>| {
            matches!(
                step.change,
                RecordChange::Create(_) | RecordChange::Restore { .. }
            )
        };
        let Some((limit, first)) = limit.zip(self.steps.iter().position(is_new)) else {
            return Ok(());
        };
        let added = self.steps.iter().filter(|step| is_new(step)).count();
        let removed = self
            .steps
            .iter()
            .filter(|step| matches!(step.change, RecordChange::Delete { .. }))
            .count();
        if added <= removed {
            return Ok(());
        }
        let present = rows::count(self.tx.db(), self.owner).await? as usize;
        if present + added - removed > limit as usize {
            return Err(ChangeError::at(first)(RecordError::QuotaReached { limit }));
        }
        Ok(())
    }

    /// Locks every name that a change concerns, in the order in which every transaction does.
    async fn touch_names(&self) -> Result<BTreeMap<String, TouchedName>, ChangeError> {
        let mut wanted: BTreeMap<&str, (NameClass, usize)> = BTreeMap::new();
        let open = self.steps.iter().enumerate();
        for (index, step) in open.filter(|(_, step)| !step.is_done) {
            if let Some(old) = &step.old {
                let class = read_type(&old.rtype)?.class();
                wanted.entry(&old.fqdn).or_insert((class, index));
            }
            if let Some(new) = step.change.new_record() {
                let class = new.value.rtype().class();
                wanted.entry(new.name.fqdn()).or_insert((class, index));
            }
        }
        let mut touched = BTreeMap::new();
        for (fqdn, (class, index)) in wanted {
            let name = names::touch(self.tx, self.owner, fqdn, class, self.now)
                .await
                .map_err(ChangeError::at(index))?;
            touched.insert(fqdn.to_owned(), name);
        }
        Ok(touched)
    }

    /// Lists the records that changes create, replace or restore.
    fn written(&self) -> Vec<WrittenRecord<'_>> {
        let open = self.steps.iter().filter(|step| !step.is_done);
        let written = open.filter_map(|step| {
            let new = step.change.new_record()?;
            let old = step.old.as_ref();
            Some(WrittenRecord { new, old })
        });
        written.collect()
    }

    /// Deletes the rows of records that changes delete or replace, before any row is inserted, and
    /// returns their ids.
    async fn remove_old(
        &self,
        names: &BTreeMap<String, TouchedName>,
    ) -> Result<Vec<i64>, ChangeError> {
        let mut removed = Vec::new();
        for (index, step) in self.steps.iter().enumerate() {
            let (RecordChange::Edit { .. } | RecordChange::Delete { .. }, Some(old), false) =
                (step.change, &step.old, step.is_done)
            else {
                continue;
            };
            rows::delete(self.tx, self.owner, old.id, names::find(names, &old.fqdn)?)
                .await
                .map_err(ChangeError::at(index))?;
            removed.push(old.id);
        }
        Ok(removed)
    }

    /// Inserts and renews rows and appends every change to the history. Returns the id of each
    /// record, and the action for the audit trail.
    async fn write_new(
        &self,
        names: &BTreeMap<String, TouchedName>,
        ttls: &RrsetTtls,
        act: &AuditContext<'_>,
    ) -> Result<Vec<(i64, Option<Action>)>, ChangeError> {
        let mut written = Vec::with_capacity(self.steps.len());
        let mut used = BTreeSet::new();
        for (index, step) in self.steps.iter().enumerate() {
            if let (Some(old), true) = (&step.old, step.is_done) {
                written.push((old.id, None));
                continue;
            }
            let blame = ChangeError::at(index);
            let inserted = match step.change.new_record() {
                Some(new) => {
                    let name = names::find(names, new.name.fqdn())?;
                    let row = rows::NewRow {
                        name,
                        new,
                        ttl: ttls.of(new)?,
                        former: step.former(),
                        is_first: name.is_new() && used.insert(name.fqdn()),
                    };
                    let row = rows::insert(self.tx, self.owner, row, self.now);
                    Some(row.await.map_err(blame)?)
                }
                None => None,
            };
            let (row, entry, action) = match (step.change, inserted, step.old.clone()) {
                (RecordChange::Create(_), Some(row), _) => {
                    (row, HistoryAction::Create, Action::RecordCreate)
                }
                (RecordChange::Restore { .. }, Some(row), _) => {
                    (row, HistoryAction::Restore, Action::RecordRestore)
                }
                (RecordChange::Edit { .. }, Some(_), Some(old)) => {
                    (old, HistoryAction::Edit, Action::RecordEdit)
                }
                (RecordChange::Delete { .. }, _, Some(old)) => {
                    (old, HistoryAction::Delete, Action::RecordDelete)
                }
                (RecordChange::Renew(id), _, Some(old)) => {
                    let name = names::find(names, &old.fqdn)?;
                    rows::renew(self.tx, self.owner, id, name, self.now).await?;
                    (old, HistoryAction::Renew, Action::RecordRenew)
                }
                _ => return Err(Error::Corrupt("a change without its row".to_owned()).into()),
            };
            written.push((row.id, Some(action)));
            history::append(self.tx, row, entry, self.now, act).await?;
        }
        Ok(written)
    }
}

impl Step<'_> {
    /// The id and creation time that the new row keeps.
    fn former(&self) -> Option<(RecordId, Timestamp)> {
        let (id, created_at) = match (&self.old, &self.restored) {
            (Some(old), _) => (old.id, old.created_at),
            (None, Some(entry)) => (entry.record_id, entry.created_at),
            (None, None) => return None,
        };
        Some((RecordId(id), Timestamp::from_millis(created_at)))
    }
}

/// Appends the audit trail's line about a record in the transaction that wrote it.
async fn audit(
    tx: &Tx,
    act: &AuditContext<'_>,
    action: Action,
    record: &Record,
) -> Result<(), Error> {
    let detail = format!("{} #{}", record.rtype, record.id);
    trail::write(tx, act, action, &record.name, &detail).await
}

//! Records: every function takes the owner, every write bumps its names' generations in the same
//! transaction.

pub(crate) mod leave;
pub(crate) mod moved;
pub(crate) mod names;
mod rows;
pub(crate) mod shown;

use std::collections::BTreeMap;

use starchart_domain::publish::PublishState;
use starchart_domain::record::{NewRecord, RecordId, RecordType, fingerprint};
use starchart_domain::time::Timestamp;
use starchart_domain::user::UserId;

use crate::error::Refusal;
use crate::trail::{self, AuditContext};
use crate::tx::Tx;
use crate::{Error, Store, users};

/// A record of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The row; never given twice.
    pub id: RecordId,
    /// The full name, lower case, no trailing dot.
    pub name: String,
    /// The type.
    pub rtype: RecordType,
    /// The value as typed.
    pub input: String,
    /// The value in Route53's presentation format.
    pub presentation: String,
    /// The preference of an MX record.
    pub preference: Option<u16>,
    /// A person's own note.
    pub ports: Option<String>,
    /// A person's own note.
    pub course: Option<String>,
    /// A person's own note.
    pub description: Option<String>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last edited or renewed.
    pub updated_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
    /// How far its name has come on its way to the name servers.
    pub state: PublishState,
}

impl Record {
    /// What it says, notes included, in few digits; a renewal changes nothing of that.
    pub fn fingerprint(&self) -> String {
        let notes = [&self.ports, &self.course, &self.description].map(Option::as_deref);
        fingerprint(&self.name, self.rtype, &self.presentation, notes)
    }
}

/// Why a record came into the history.
#[derive(Debug, Clone, Copy)]
enum Reason {
    Edit,
    Delete,
    UserDeleted,
}

impl Reason {
    fn as_str(self) -> &'static str {
        match self {
            Self::Edit => "edit",
            Self::Delete => "delete",
            Self::UserDeleted => "user-deleted",
        }
    }
}

/// Why a record was not written.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The person has as many as allowed.
    #[error("the limit of {limit} records is reached")]
    QuotaReached {
        /// How many are allowed.
        limit: u32,
    },
    /// The person has the same name, type and value already.
    #[error("there is such a record already")]
    Duplicate,
    /// A CNAME stands alone at its name (RFC 1034 section 3.6.2).
    #[error("{with} records are at this name")]
    CnameConflict {
        /// A type that is there.
        with: RecordType,
    },
    /// Another person's records stand at this name, from before people came here.
    #[error("another person's records are at this name")]
    NameTaken,
    /// This person has no such record.
    #[error("no such record")]
    NotFound,
    /// It was edited since it was looked at, and says something else than it was to say now.
    #[error("the record was changed meanwhile")]
    Changed,
    /// The database failed.
    #[error(transparent)]
    Db(#[from] Error),
}

impl Refusal for RecordError {
    fn fault(&self) -> Option<&Error> {
        match self {
            Self::Db(fault) => Some(fault),
            _ => None,
        }
    }
}

/// Creates a record, unless the person has `limit` already.
pub async fn create(
    store: &Store,
    owner: UserId,
    new: &NewRecord,
    limit: Option<u32>,
    act: &AuditContext<'_>,
) -> Result<Record, RecordError> {
    store
        .write(|tx| create_within(tx, owner, new, limit, act))
        .await
}

async fn create_within(
    tx: Tx,
    owner: UserId,
    new: &NewRecord,
    limit: Option<u32>,
    act: &AuditContext<'_>,
) -> Result<Record, RecordError> {
    lock_owner(&tx, owner).await?;
    if let Some(limit) = limit
        && rows::count(tx.db(), owner).await? >= limit
    {
        return Err(RecordError::QuotaReached { limit });
    }
    let now = tx.now().await?;
    let name = names::touch(&tx, owner, new.name.fqdn(), new.value.rtype().class(), now).await?;
    let id = rows::insert(&tx, owner, &name, new, now, None).await?;
    let made = read_within(&tx, owner, id).await?;
    note(&tx, act, "record.create", &made).await?;
    Ok(made)
}

/// All records of the person, by name, type and age.
pub async fn list(store: &Store, owner: UserId) -> Result<Vec<Record>, Error> {
    shown::all(store.reader(), owner).await
}

/// One record of the person.
pub async fn get(store: &Store, owner: UserId, id: RecordId) -> Result<Option<Record>, Error> {
    shown::one(store.reader(), owner, id).await
}

/// Makes the record say something else; its id and creation stay, its life begins anew. The quota
/// does not matter.
pub async fn edit(
    store: &Store,
    owner: UserId,
    id: RecordId,
    new: &NewRecord,
    act: &AuditContext<'_>,
) -> Result<Record, RecordError> {
    store
        .write(|tx| edit_within(tx, owner, id, new, None, act))
        .await
}

/// As [`edit`], unless the record says something else by now than when it was looked at (`seen`:
/// [`Record::fingerprint`]).
pub async fn edit_as_seen(
    store: &Store,
    owner: UserId,
    id: RecordId,
    new: &NewRecord,
    seen: &str,
    act: &AuditContext<'_>,
) -> Result<Record, RecordError> {
    store
        .write(|tx| edit_within(tx, owner, id, new, Some(seen), act))
        .await
}

async fn edit_within(
    tx: Tx,
    owner: UserId,
    id: RecordId,
    new: &NewRecord,
    seen: Option<&str>,
    act: &AuditContext<'_>,
) -> Result<Record, RecordError> {
    lock_owner(&tx, owner).await?;
    let old = rows::by_id(tx.db(), owner, id)
        .await?
        .ok_or(RecordError::NotFound)?;
    if let Some(seen) = seen {
        let now = rows::fingerprint(&old)?;
        if now != seen {
            // A form that was sent twice finds its own change.
            return if now == new.fingerprint() {
                read_within(&tx, owner, id).await
            } else {
                Err(RecordError::Changed)
            };
        }
    }
    let now = tx.now().await?;
    let (class, target) = (new.value.rtype().class(), new.name.fqdn());
    // In the order of the names, as everybody locks them.
    let (from, to) = if old.fqdn == target {
        (names::touch(&tx, owner, target, class, now).await?, None)
    } else if old.fqdn.as_str() < target {
        let from = names::touch(&tx, owner, &old.fqdn, class, now).await?;
        (
            from,
            Some(names::touch(&tx, owner, target, class, now).await?),
        )
    } else {
        let to = names::touch(&tx, owner, target, class, now).await?;
        (
            names::touch(&tx, owner, &old.fqdn, class, now).await?,
            Some(to),
        )
    };
    let created_at = Timestamp::from_millis(old.created_at);
    rows::retire(&tx, owner, old, &from, now, Reason::Edit, act.actor).await?;
    rows::insert(
        &tx,
        owner,
        to.as_ref().unwrap_or(&from),
        new,
        now,
        Some((id, created_at)),
    )
    .await?;
    let edited = read_within(&tx, owner, id).await?;
    note(&tx, act, "record.edit", &edited).await?;
    Ok(edited)
}

/// Begins the record's life anew.
pub async fn renew(
    store: &Store,
    owner: UserId,
    id: RecordId,
    act: &AuditContext<'_>,
) -> Result<Record, RecordError> {
    store.write(|tx| renew_within(tx, owner, id, act)).await
}

async fn renew_within(
    tx: Tx,
    owner: UserId,
    id: RecordId,
    act: &AuditContext<'_>,
) -> Result<Record, RecordError> {
    lock_owner(&tx, owner).await?;
    let old = read_within(&tx, owner, id).await?;
    let now = tx.now().await?;
    let name = names::touch(&tx, owner, &old.name, old.rtype.class(), now).await?;
    rows::renew(&tx, owner, id, &name, now).await?;
    let renewed = read_within(&tx, owner, id).await?;
    note(&tx, act, "record.renew", &renewed).await?;
    Ok(renewed)
}

/// Removes the record into the history; gives back what it was.
pub async fn delete(
    store: &Store,
    owner: UserId,
    id: RecordId,
    act: &AuditContext<'_>,
) -> Result<Record, RecordError> {
    store.write(|tx| delete_within(tx, owner, id, act)).await
}

async fn delete_within(
    tx: Tx,
    owner: UserId,
    id: RecordId,
    act: &AuditContext<'_>,
) -> Result<Record, RecordError> {
    lock_owner(&tx, owner).await?;
    let old = read_within(&tx, owner, id).await?;
    let row = rows::by_id(tx.db(), owner, id)
        .await?
        .ok_or(RecordError::NotFound)?;
    let now = tx.now().await?;
    let name = names::touch(&tx, owner, &old.name, old.rtype.class(), now).await?;
    rows::retire(&tx, owner, row, &name, now, Reason::Delete, act.actor).await?;
    note(&tx, act, "record.delete", &old).await?;
    Ok(old)
}

/// Removes records whose time is over, of any people whose rows the caller holds, into the history;
/// each given with its name.
pub(crate) async fn end_all<'a>(
    tx: &Tx,
    over: impl Iterator<Item = (i64, &'a str)> + Clone + Send,
    now: Timestamp,
) -> Result<(), Error> {
    let names = names::touch_all(tx, over.clone().map(|(_, fqdn)| fqdn).collect(), now).await?;
    rows::retire_all(tx, over, &names, now, "expiry").await
}

/// Notes in which mail the owners, whose rows the caller holds, are told that these records end.
pub(crate) async fn note_told(
    tx: &Tx,
    ids: impl Iterator<Item = i64> + Send,
    mails: &BTreeMap<UserId, i64>,
    now: Timestamp,
) -> Result<(), Error> {
    rows::note_told(tx, ids, mails, now).await
}

/// How many records count towards the person's limit.
pub async fn count(store: &Store, owner: UserId) -> Result<u32, Error> {
    rows::count(store.reader(), owner).await
}

/// The line of the trail for a record, in the transaction that wrote it.
async fn note(tx: &Tx, act: &AuditContext<'_>, action: &str, record: &Record) -> Result<(), Error> {
    trail::write(
        tx,
        act,
        action,
        &record.name,
        &format!("{} #{}", record.rtype, record.id),
    )
    .await
}

/// Locks the owner's row: first of all locks, so that quota and duplicates are counted by one
/// transaction at a time.
async fn lock_owner(tx: &Tx, owner: UserId) -> Result<(), RecordError> {
    if users::lock(tx, owner).await? {
        Ok(())
    } else {
        Err(RecordError::NotFound)
    }
}

async fn read_within(tx: &Tx, owner: UserId, id: RecordId) -> Result<Record, RecordError> {
    shown::one(tx.db(), owner, id)
        .await?
        .ok_or(RecordError::NotFound)
}

/// A type as it is stored.
pub(crate) fn read_type(text: &str) -> Result<RecordType, Error> {
    RecordType::parse(text).ok_or_else(|| Error::Corrupt(format!("record type {text}")))
}

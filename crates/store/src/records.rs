//! Records: every function takes the owner (I8), and every write increments the generations of its
//! names in the same transaction (I5).

pub(crate) mod delete_all;
pub(crate) mod names;
pub(crate) mod query;
mod rows;

use std::collections::BTreeMap;

use starchart_domain::expiry::last_day;
use starchart_domain::names::idn::to_unicode;
use starchart_domain::publish::PublishState;
use starchart_domain::record::{NewRecord, RecordId, RecordType, fingerprint};
use starchart_domain::time::Timestamp;
use starchart_domain::user::UserId;

use crate::entity::record_history::Reason;
use crate::error::TransactionError;
use crate::trail::{self, Action, AuditContext};
use crate::tx::Tx;
use crate::{Error, Store, users};

/// A record of a user, with the publish state of its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The key of the row; never reused.
    pub id: RecordId,
    /// The fqdn, in lower case and without a trailing dot.
    pub name: String,
    /// The type of the record.
    pub rtype: RecordType,
    /// The value as typed.
    pub input: String,
    /// The value in zone-file form.
    pub presentation: String,
    /// The user's note about ports.
    pub ports: Option<String>,
    /// The user's note about a course.
    pub course: Option<String>,
    /// The user's note about its purpose.
    pub description: Option<String>,
    /// The time of creation.
    pub created_at: Timestamp,
    /// The time of the last edit or renewal.
    pub updated_at: Timestamp,
    /// The time when it expires.
    pub expires_at: Timestamp,
    /// When its owner was notified that it expires.
    pub notified_at: Option<Timestamp>,
    /// How far the name was published.
    pub state: PublishState,
}

impl Record {
    /// Returns a time of the last day, in UTC, on which the record exists unless it is renewed.
    pub fn last_day(&self, now: Timestamp) -> Timestamp {
        last_day(self.expires_at, self.notified_at, now)
    }

    /// Returns a short hash of the record's name, type, value and notes. A renewal does not change
    /// it.
    pub fn fingerprint(&self) -> String {
        let notes = [&self.ports, &self.course, &self.description].map(Option::as_deref);
        fingerprint(&self.name, self.rtype, &self.presentation, notes)
    }

    /// Returns the fqdn with the letters that its labels stand for; `None` for a name in ASCII.
    pub fn unicode_name(&self) -> Option<String> {
        to_unicode(&self.name)
    }
}

/// Why a record was not written.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The user has as many records as allowed.
    #[error("the limit of {limit} records is reached")]
    QuotaReached {
        /// The record limit of a user.
        limit: u32,
    },
    /// A record with this name, type and value exists.
    #[error("there is such a record already")]
    Duplicate,
    /// A CNAME excludes any other record at its name (RFC 1034, section 3.6.2).
    #[error("{with} records are at this name")]
    CnameConflict {
        /// The type of an existing record.
        with: RecordType,
    },
    /// A null MX excludes any other MX record at its name (RFC 7505 section 3).
    #[error("a null MX has to be the only MX record at its name")]
    NullMxConflict,
    /// The name has imported records of another user.
    #[error("another user's records are at this name")]
    NameTaken,
    /// The user has no such record.
    #[error("no such record")]
    NotFound,
    /// The record was edited since the user saw it, to other values than the ones requested.
    #[error("the record was changed meanwhile")]
    Changed,
    /// The database failed to read or write the rows.
    #[error(transparent)]
    Db(#[from] Error),
}

impl TransactionError for RecordError {
    fn store_error(&self) -> Option<&Error> {
        match self {
            Self::Db(fault) => Some(fault),
            _ => None,
        }
    }
}

/// Creates a record, unless the owner has `limit` records.
pub async fn create(
    store: &Store,
    owner: UserId,
    new: &NewRecord,
    limit: Option<u32>,
    act: &AuditContext<'_>,
) -> Result<Record, RecordError> {
    store
        .write(|tx| async move {
            lock_owner(&tx, owner).await?;
            if let Some(limit) = limit
                && rows::count(tx.db(), owner).await? >= limit
            {
                return Err(RecordError::QuotaReached { limit });
            }
            let now = tx.now().await?;
            let name =
                names::touch(&tx, owner, new.name.fqdn(), new.value.rtype().class(), now).await?;
            let id = rows::insert(&tx, owner, &name, new, now, None).await?;
            let created = get_locked(&tx, owner, id).await?;
            audit_record(&tx, act, Action::RecordCreate, &created).await?;
            Ok(created)
        })
        .await
}

/// Lists the owner's records by name, type and id.
pub async fn list(store: &Store, owner: UserId) -> Result<Vec<Record>, Error> {
    query::list(store.reader(), owner).await
}

/// Finds a record of the owner.
pub async fn get(store: &Store, owner: UserId, id: RecordId) -> Result<Option<Record>, Error> {
    query::find(store.reader(), owner, id).await
}

/// Replaces the record's name, type, value and notes, and renews it; id and creation time stay. The
/// record limit does not apply.
pub async fn edit(
    store: &Store,
    owner: UserId,
    id: RecordId,
    new: &NewRecord,
    act: &AuditContext<'_>,
) -> Result<Record, RecordError> {
    store
        .write(|tx| async move { replace(&tx, owner, id, new, None, act).await })
        .await
}

/// Edits the record as [`edit`] does, unless its [`Record::fingerprint`] is not `seen` any more.
pub async fn edit_as_seen(
    store: &Store,
    owner: UserId,
    id: RecordId,
    new: &NewRecord,
    seen: &str,
    act: &AuditContext<'_>,
) -> Result<Record, RecordError> {
    store
        .write(|tx| async move { replace(&tx, owner, id, new, Some(seen), act).await })
        .await
}

/// Renews the record: it expires after a full lifetime from now.
pub async fn renew(
    store: &Store,
    owner: UserId,
    id: RecordId,
    act: &AuditContext<'_>,
) -> Result<Record, RecordError> {
    store
        .write(|tx| async move {
            lock_owner(&tx, owner).await?;
            let old = get_locked(&tx, owner, id).await?;
            let now = tx.now().await?;
            let name = names::touch(&tx, owner, &old.name, old.rtype.class(), now).await?;
            rows::renew(&tx, owner, id, &name, now).await?;
            let renewed = get_locked(&tx, owner, id).await?;
            audit_record(&tx, act, Action::RecordRenew, &renewed).await?;
            Ok(renewed)
        })
        .await
}

/// Deletes the record, which moves into the history, and returns it.
pub async fn delete(
    store: &Store,
    owner: UserId,
    id: RecordId,
    act: &AuditContext<'_>,
) -> Result<Record, RecordError> {
    store
        .write(|tx| async move {
            lock_owner(&tx, owner).await?;
            let old = get_locked(&tx, owner, id).await?;
            let row = rows::find(tx.db(), owner, id)
                .await?
                .ok_or(RecordError::NotFound)?;
            let now = tx.now().await?;
            let name = names::touch(&tx, owner, &old.name, old.rtype.class(), now).await?;
            rows::archive(&tx, owner, row, &name, now, Reason::Delete, act.actor).await?;
            audit_record(&tx, act, Action::RecordDelete, &old).await?;
            Ok(old)
        })
        .await
}

/// Archives expired records of several owners, whose rows the caller has locked. Each record is
/// given with its name.
pub(crate) async fn expire<'a>(
    tx: &Tx,
    expired: impl Iterator<Item = (i64, &'a str)> + Clone + Send,
    now: Timestamp,
) -> Result<(), Error> {
    let fqdns = expired.clone().map(|(_, fqdn)| fqdn).collect();
    let names = names::touch_all(tx, fqdns, now).await?;
    rows::archive_expired(tx, expired, &names, now).await
}

/// Stores which mail is the expiry notice of these records, whose owners' rows the caller has
/// locked.
pub(crate) async fn set_notices(
    tx: &Tx,
    ids: impl Iterator<Item = i64> + Send,
    mails: &BTreeMap<UserId, i64>,
    now: Timestamp,
) -> Result<(), Error> {
    rows::set_notices(tx, ids, mails, now).await
}

/// Counts the records that count against the owner's limit.
pub async fn count(store: &Store, owner: UserId) -> Result<u32, Error> {
    rows::count(store.reader(), owner).await
}

async fn replace(
    tx: &Tx,
    owner: UserId,
    id: RecordId,
    new: &NewRecord,
    seen: Option<&str>,
    act: &AuditContext<'_>,
) -> Result<Record, RecordError> {
    lock_owner(tx, owner).await?;
    let old = rows::find(tx.db(), owner, id)
        .await?
        .ok_or(RecordError::NotFound)?;
    if let Some(seen) = seen {
        let now = rows::fingerprint(&old)?;
        if now != seen {
            // A form that was submitted twice finds its own change.
            return if now == new.fingerprint() {
                get_locked(tx, owner, id).await
            } else {
                Err(RecordError::Changed)
            };
        }
    }
    let now = tx.now().await?;
    let class = new.value.rtype().class();
    let target = new.name.fqdn();
    // Every transaction locks names in this order.
    let (from, to) = if old.fqdn == target {
        (names::touch(tx, owner, target, class, now).await?, None)
    } else if old.fqdn.as_str() < target {
        let from = names::touch(tx, owner, &old.fqdn, class, now).await?;
        (
            from,
            Some(names::touch(tx, owner, target, class, now).await?),
        )
    } else {
        let to = names::touch(tx, owner, target, class, now).await?;
        (
            names::touch(tx, owner, &old.fqdn, class, now).await?,
            Some(to),
        )
    };
    let created_at = Timestamp::from_millis(old.created_at);
    rows::archive(tx, owner, old, &from, now, Reason::Edit, act.actor).await?;
    rows::insert(
        tx,
        owner,
        to.as_ref().unwrap_or(&from),
        new,
        now,
        Some((id, created_at)),
    )
    .await?;
    let edited = get_locked(tx, owner, id).await?;
    audit_record(tx, act, Action::RecordEdit, &edited).await?;
    Ok(edited)
}

/// Appends the audit trail's line about a record in the transaction that wrote it.
async fn audit_record(
    tx: &Tx,
    act: &AuditContext<'_>,
    action: Action,
    record: &Record,
) -> Result<(), Error> {
    trail::write(
        tx,
        act,
        action,
        &record.name,
        &format!("{} #{}", record.rtype, record.id),
    )
    .await
}

/// Locks the owner's row before any other row, so that one transaction at a time checks the limit
/// and duplicates.
async fn lock_owner(tx: &Tx, owner: UserId) -> Result<(), RecordError> {
    if users::lock(tx, owner).await? {
        Ok(())
    } else {
        Err(RecordError::NotFound)
    }
}

async fn get_locked(tx: &Tx, owner: UserId, id: RecordId) -> Result<Record, RecordError> {
    query::find(tx.db(), owner, id)
        .await?
        .ok_or(RecordError::NotFound)
}

/// Parses a type as it is stored.
pub(crate) fn read_type(text: &str) -> Result<RecordType, Error> {
    RecordType::parse(text).ok_or_else(|| Error::Corrupt(format!("record type {text}")))
}

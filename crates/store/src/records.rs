//! Records: every function takes the owner (I8), and every write increments the generations of its
//! names in the same transaction (I5).

mod changes;
pub(crate) mod delete_all;
mod history;
pub(crate) mod names;
pub(crate) mod query;
mod rows;
mod ttls;

use std::collections::BTreeMap;

use starchart_domain::expiry::last_day;
use starchart_domain::names::idn::{to_unicode, with_letters};
use starchart_domain::publish::PublishState;
use starchart_domain::record::{NewRecord, RecordId, RecordType, fingerprint};
use starchart_domain::time::Timestamp;
use starchart_domain::ttl::Ttl;
use starchart_domain::user::UserId;
use starchart_domain::zone_file::{Notes, ZoneRecord};

use crate::error::TransactionError;
use crate::trail::AuditContext;
use crate::tx::Tx;
use crate::{Error, Store};

pub use changes::{ChangeError, ExpectedRecords, RecordChange, apply, apply_expecting};
pub use history::{
    HistoryAction, HistoryEntry, HistoryFilter, HistoryId, RecordVersion, find_history_entry,
    list_changed_together, list_history,
};
pub use query::{NameProgress, progress_of_names};

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
    /// The TTL, which all records of its name and type have.
    pub ttl: Ttl,
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

/// A record as DNS has it, without its TTL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceRecord {
    /// The fqdn, in lower case and without a trailing dot.
    pub name: String,
    /// The type of the record.
    pub rtype: RecordType,
    /// The value in zone-file form.
    pub presentation: String,
}

impl Record {
    /// Returns a time on the last day, in UTC, on which the record is kept unless its owner renews
    /// it ([`last_day`]).
    pub fn last_day(&self, now: Timestamp) -> Timestamp {
        last_day(self.expires_at, self.notified_at, now)
    }

    /// Returns a short hash of the record's name, type, value, TTL and notes. A renewal does not
    /// change it.
    pub fn fingerprint(&self) -> String {
        let notes = [&self.ports, &self.course, &self.description].map(Option::as_deref);
        fingerprint(&self.name, self.rtype, &self.presentation, self.ttl, notes)
    }

    /// Whether another record has the same name and type, and so the same TTL.
    pub fn shares_rrset(&self, other: &Self) -> bool {
        self.id != other.id && self.name == other.name && self.rtype == other.rtype
    }

    /// Returns the fqdn with the letters that its labels stand for; `None` for a name in ASCII.
    pub fn unicode_name(&self) -> Option<String> {
        to_unicode(&self.name)
    }

    /// Returns the fqdn for a message: with the letters that its labels stand for, if it has such.
    pub fn shown_name(&self) -> String {
        with_letters(&self.name)
    }
}

impl From<&Record> for ZoneRecord {
    fn from(record: &Record) -> Self {
        Self {
            name: record.name.clone(),
            rtype: record.rtype,
            presentation: record.presentation.clone(),
            ttl: record.ttl,
            notes: Notes {
                ports: record.ports.clone(),
                course: record.course.clone(),
                description: record.description.clone(),
            },
            expires: Some(record.expires_at.date()),
        }
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
    /// A CNAME excludes the values that an ACME client has written at its name.
    #[error("a client answers challenges at this name")]
    AnswersChallenges,
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
    apply_one(store, owner, RecordChange::Create(new), limit, act).await
}

/// Lists the owner's records by name, type and id.
pub async fn list(store: &Store, owner: UserId) -> Result<Vec<Record>, Error> {
    query::list(store.reader(), owner).await
}

/// Lists the owner's records by name, type and id, with the database's clock.
pub async fn list_with_time(
    store: &Store,
    owner: UserId,
) -> Result<(Vec<Record>, Timestamp), Error> {
    query::list_with_time(store, owner).await
}

/// Lists the owner's records as DNS has them, in any order: it reads less than [`list`].
pub async fn list_resource_records(
    store: &Store,
    owner: UserId,
) -> Result<Vec<ResourceRecord>, Error> {
    query::list_resource_records(store.reader(), owner).await
}

/// Finds a record of the owner.
pub async fn get(store: &Store, owner: UserId, id: RecordId) -> Result<Option<Record>, Error> {
    query::find(store.reader(), owner, id).await
}

/// Replaces the record's name, type, value, TTL and notes, and renews it; id and creation time
/// stay. The record limit does not apply.
pub async fn edit(
    store: &Store,
    owner: UserId,
    id: RecordId,
    new: &NewRecord,
    act: &AuditContext<'_>,
) -> Result<Record, RecordError> {
    let seen = None;
    apply_one(
        store,
        owner,
        RecordChange::Edit { id, new, seen },
        None,
        act,
    )
    .await
}

/// Renews the record: it expires after a full lifetime from now.
pub async fn renew(
    store: &Store,
    owner: UserId,
    id: RecordId,
    act: &AuditContext<'_>,
) -> Result<Record, RecordError> {
    apply_one(store, owner, RecordChange::Renew(id), None, act).await
}

/// Deletes the record and returns it as it was. The history keeps it.
pub async fn delete(
    store: &Store,
    owner: UserId,
    id: RecordId,
    act: &AuditContext<'_>,
) -> Result<Record, RecordError> {
    let seen = None;
    apply_one(store, owner, RecordChange::Delete { id, seen }, None, act).await
}

async fn apply_one(
    store: &Store,
    owner: UserId,
    change: RecordChange<'_>,
    limit: Option<u32>,
    act: &AuditContext<'_>,
) -> Result<Record, RecordError> {
    let done = apply(store, owner, &[change], limit, act).await;
    let records = done.map_err(|refused| refused.error)?;
    records.into_iter().next().ok_or(RecordError::NotFound)
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

/// Parses a type as it is stored.
pub(crate) fn read_type(text: &str) -> Result<RecordType, Error> {
    RecordType::parse(text).ok_or_else(|| Error::Corrupt(format!("record type {text}")))
}

/// Reads a TTL as it is stored.
pub(crate) fn read_ttl(seconds: i64) -> Result<Ttl, Error> {
    let ttl = u32::try_from(seconds).ok().and_then(Ttl::from_seconds);
    ttl.ok_or_else(|| Error::Corrupt(format!("TTL {seconds}")))
}

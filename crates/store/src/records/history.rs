//! The history of a user's records: what was changed, when and by whom.

use std::collections::{BTreeMap, HashMap};

use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, NotSet, QueryFilter, QueryOrder, QuerySelect, Set,
};
use starchart_domain::record::{RecordId, RecordType, fingerprint};
use starchart_domain::time::Timestamp;
use starchart_domain::ttl::Ttl;
use starchart_domain::user::UserId;

use super::{read_ttl, read_type, rows};
use crate::entity::dns_record;
use crate::entity::record_history::{Column, Entity, Model};
use crate::entity::user;
use crate::trail::AuditContext;
use crate::tx::Tx;
use crate::{Error, Store, sql};

pub use crate::entity::record_history::HistoryAction;

/// The key of an entry of the history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HistoryId(pub i64);

/// The name, value, TTL and notes that a record had or has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordVersion {
    /// The fqdn, in lower case and without a trailing dot.
    pub name: String,
    /// The type of the record.
    pub rtype: RecordType,
    /// The value as typed.
    pub input: String,
    /// The value in zone-file form.
    pub presentation: String,
    /// The TTL of its RRset.
    pub ttl: Ttl,
    /// The user's note about ports.
    pub ports: Option<String>,
    /// The user's note about a course.
    pub course: Option<String>,
    /// The user's note about its purpose.
    pub description: Option<String>,
    /// The time when it expires.
    pub expires_at: Timestamp,
}

impl RecordVersion {
    /// Returns the [`Record::fingerprint`] that such a record has.
    ///
    /// [`Record::fingerprint`]: super::Record::fingerprint
    pub fn fingerprint(&self) -> String {
        let notes = [&self.ports, &self.course, &self.description].map(Option::as_deref);
        fingerprint(&self.name, self.rtype, &self.presentation, self.ttl, notes)
    }
}

/// A change of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryEntry {
    /// The key of the entry; it grows with time.
    pub id: HistoryId,
    /// The record that was changed.
    pub record_id: RecordId,
    /// What happened to the record.
    pub action: HistoryAction,
    /// When the change was made.
    pub at: Timestamp,
    /// The name of the admin who did it in place of the owner.
    pub admin: Option<String>,
    /// Name and prefix of the API token by which the owner did it; `None` for a page.
    pub token: Option<String>,
    /// The record before the change; `None` when the change created it.
    pub before: Option<RecordVersion>,
    /// The record after the change; `None` when it was gone.
    pub after: Option<RecordVersion>,
    /// The record's [`Record::fingerprint`] now; `None` when it does not exist.
    ///
    /// [`Record::fingerprint`]: super::Record::fingerprint
    pub now: Option<String>,
}

impl HistoryEntry {
    /// Whether the record exists now.
    pub fn exists(&self) -> bool {
        self.now.is_some()
    }

    /// Whether the record exists and was changed again.
    pub fn was_followed(&self) -> bool {
        let after = self.after.as_ref().map(RecordVersion::fingerprint);
        self.now.is_some() && after.is_some() && after != self.now
    }
}

/// Which part of the history to list.
#[derive(Debug, Clone, Copy, Default)]
pub struct HistoryFilter {
    /// Only changes of this record.
    pub record: Option<RecordId>,
    /// Only this entry and older ones.
    pub up_to: Option<HistoryId>,
}

/// Lists at most `limit` changes of the owner's records, the newest first.
pub async fn list_history(
    store: &Store,
    owner: UserId,
    filter: HistoryFilter,
    limit: u64,
) -> Result<Vec<HistoryEntry>, Error> {
    let mut select = Entity::find().filter(Column::UserId.eq(owner.0));
    if let Some(record) = filter.record {
        select = select.filter(Column::RecordId.eq(record.0));
    }
    if let Some(id) = filter.up_to {
        select = select.filter(Column::Id.lte(id.0));
    }
    let rows = select
        .order_by_desc(Column::Id)
        .limit(limit)
        .all(store.reader())
        .await?;
    complete(store.reader(), owner, rows).await
}

/// Finds a change of one of the owner's records.
pub async fn find_history_entry(
    store: &Store,
    owner: UserId,
    id: HistoryId,
) -> Result<Option<HistoryEntry>, Error> {
    let row = find_row(store.reader(), owner, id).await?;
    let entries = complete(store.reader(), owner, row.into_iter().collect()).await?;
    Ok(entries.into_iter().next())
}

/// Lists the changes that were made together with the one of this entry, in one request, the
/// oldest first, without renewals, which change no value; none for an entry that is not the
/// owner's, or that no request made.
pub async fn list_changed_together(
    store: &Store,
    owner: UserId,
    id: HistoryId,
) -> Result<Vec<HistoryEntry>, Error> {
    let row = find_row(store.reader(), owner, id).await?;
    let Some(row) = row.filter(|row| !row.request_id.is_empty()) else {
        return Ok(Vec::new());
    };
    let rows = Entity::find()
        .filter(Column::UserId.eq(owner.0))
        .filter(Column::RequestId.eq(row.request_id))
        .filter(Column::At.eq(row.at))
        .filter(Column::Action.ne(HistoryAction::Renew))
        .order_by_asc(Column::Id)
        .all(store.reader())
        .await?;
    complete(store.reader(), owner, rows).await
}

pub(super) async fn find_row(
    on: &impl ConnectionTrait,
    owner: UserId,
    id: HistoryId,
) -> Result<Option<Model>, Error> {
    let own = Entity::find_by_id(id.0).filter(Column::UserId.eq(owner.0));
    Ok(own.one(on).await?)
}

/// Adds what is not in the rows: the version after a change, which the record's next row holds or
/// the record itself, and the names of admins.
async fn complete(
    on: &impl ConnectionTrait,
    owner: UserId,
    rows: Vec<Model>,
) -> Result<Vec<HistoryEntry>, Error> {
    let Some(oldest) = rows.iter().map(|row| row.id).min() else {
        return Ok(Vec::new());
    };
    let mut ids: Vec<i64> = rows.iter().map(|row| row.record_id).collect();
    ids.sort_unstable();
    ids.dedup();
    let current: HashMap<i64, dns_record::Model> = rows::find(on, owner, &ids)
        .await?
        .into_iter()
        .map(|row| (row.id, row))
        .collect();
    let later = Entity::find()
        .filter(Column::UserId.eq(owner.0))
        .filter(Column::RecordId.is_in(ids))
        .filter(Column::Id.gt(oldest))
        .all(on)
        .await?;
    let mut by_record: BTreeMap<(i64, i64), Model> = BTreeMap::new();
    for row in later {
        by_record.insert((row.record_id, row.id), row);
    }
    let admins = names_of(on, &rows).await?;
    rows.into_iter()
        .map(|row| {
            let now = current.get(&row.record_id);
            let next = by_record
                .range((row.record_id, row.id + 1)..(row.record_id + 1, 0))
                .next()
                .map(|(_, next)| next);
            let made = version(&row)?;
            let (before, after) = if row.action.is_beginning() {
                (None, Some(made))
            } else if row.action.is_end() {
                (Some(made), None)
            } else {
                let after = match next {
                    Some(next) => Some(version(next)?),
                    None => now.map(current_version).transpose()?,
                };
                (Some(made), after)
            };
            Ok(HistoryEntry {
                id: HistoryId(row.id),
                record_id: RecordId(row.record_id),
                action: row.action,
                at: Timestamp::from_millis(row.at),
                admin: row.actor_id.and_then(|id| admins.get(&id).cloned()),
                token: row.token,
                before,
                after,
                now: now.map(rows::fingerprint).transpose()?,
            })
        })
        .collect()
}

async fn names_of(
    on: &impl ConnectionTrait,
    rows: &[Model],
) -> Result<HashMap<i64, String>, Error> {
    let ids: Vec<i64> = rows.iter().filter_map(|row| row.actor_id).collect();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let names: Vec<(i64, String)> = user::Entity::find()
        .select_only()
        .column(user::Column::Id)
        .column(user::Column::Username)
        .filter(user::Column::Id.is_in(ids))
        .into_tuple()
        .all(on)
        .await?;
    Ok(names.into_iter().collect())
}

fn version(row: &Model) -> Result<RecordVersion, Error> {
    Ok(RecordVersion {
        name: row.fqdn.clone(),
        rtype: read_type(&row.rtype)?,
        input: row.input.clone(),
        presentation: row.presentation.clone(),
        ttl: read_ttl(row.ttl)?,
        ports: row.ports.clone(),
        course: row.course.clone(),
        description: row.description.clone(),
        expires_at: Timestamp::from_millis(row.expires_at),
    })
}

fn current_version(row: &dns_record::Model) -> Result<RecordVersion, Error> {
    Ok(RecordVersion {
        name: row.fqdn.clone(),
        rtype: read_type(&row.rtype)?,
        input: row.input.clone(),
        presentation: row.presentation.clone(),
        ttl: read_ttl(row.ttl)?,
        ports: row.ports.clone(),
        course: row.course.clone(),
        description: row.description.clone(),
        expires_at: Timestamp::from_millis(row.expires_at),
    })
}

/// Appends a change. `row` is the record that it made or ended.
pub(super) async fn append(
    tx: &Tx,
    row: dns_record::Model,
    action: HistoryAction,
    now: Timestamp,
    context: &AuditContext<'_>,
) -> Result<(), Error> {
    let by = context.actor.0;
    let entry = crate::entity::record_history::ActiveModel {
        id: NotSet,
        record_id: Set(row.id),
        user_id: Set(row.user_id),
        fqdn: Set(row.fqdn),
        rtype: Set(row.rtype),
        input: Set(row.input),
        presentation: Set(row.presentation),
        ttl: Set(row.ttl),
        ports: Set(row.ports),
        course: Set(row.course),
        description: Set(row.description),
        created_at: Set(row.created_at),
        expires_at: Set(row.expires_at),
        action: Set(action),
        actor_id: Set((by != row.user_id).then_some(by)),
        token: Set(context.token.map(|token| sql::cut(token, 100))),
        request_id: Set(sql::cut(context.request_id, 64)),
        at: Set(now.as_millis()),
    };
    Entity::insert(entry)
        .exec_without_returning(tx.db())
        .await?;
    Ok(())
}

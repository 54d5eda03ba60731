//! Reads and writes rows of `dns_records` and `record_history`.

use std::collections::BTreeMap;

use sea_orm::sea_query::{CaseStatement, Expr, Order, Query};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, NotSet, PaginatorTrait, QueryFilter, SelectExt, Set,
    TryIntoModel,
};
use starchart_domain::expiry::record_expires_at;
use starchart_domain::record::mx::NULL_MX;
use starchart_domain::record::{self, NewRecord, RecordId, RecordType, value_hash};
use starchart_domain::time::Timestamp;
use starchart_domain::ttl::Ttl;
use starchart_domain::user::UserId;

use super::names::{TouchedName, TouchedNames};
use super::{RecordError, read_ttl, read_type};
use crate::Error;
use crate::entity::dns_record::{self, Column};
use crate::entity::record_history::{self, HistoryAction};
use crate::error::busy_if_duplicate;
use crate::tx::Tx;

/// Lists the rows of the owner.
pub(super) async fn of(
    on: &impl ConnectionTrait,
    owner: UserId,
) -> Result<Vec<dns_record::Model>, Error> {
    Ok(dns_record::Entity::find()
        .filter(Column::UserId.eq(owner.0))
        .all(on)
        .await?)
}

/// Finds the owner's rows with these ids, in any order.
pub(super) async fn find(
    on: &impl ConnectionTrait,
    owner: UserId,
    ids: &[i64],
) -> Result<Vec<dns_record::Model>, Error> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let own = dns_record::Entity::find()
        .filter(Column::UserId.eq(owner.0))
        .filter(Column::Id.is_in(ids.iter().copied()));
    Ok(own.all(on).await?)
}

/// Finds the owner's rows at these names.
pub(super) async fn at(
    tx: &Tx,
    owner: UserId,
    fqdns: &[&str],
) -> Result<Vec<dns_record::Model>, Error> {
    if fqdns.is_empty() {
        return Ok(Vec::new());
    }
    let own = dns_record::Entity::find()
        .filter(Column::UserId.eq(owner.0))
        .filter(Column::Fqdn.is_in(fqdns.iter().copied()));
    Ok(own.all(tx.db()).await?)
}

/// Computes the [`record::fingerprint`] of a row.
pub(super) fn fingerprint(row: &dns_record::Model) -> Result<String, Error> {
    let notes = [&row.ports, &row.course, &row.description].map(Option::as_deref);
    Ok(record::fingerprint(
        &row.fqdn,
        read_type(&row.rtype)?,
        &row.presentation,
        read_ttl(row.ttl)?,
        notes,
    ))
}

/// Counts the owner's records.
pub(super) async fn count(on: &impl ConnectionTrait, owner: UserId) -> Result<u32, Error> {
    let count = dns_record::Entity::find()
        .filter(Column::UserId.eq(owner.0))
        .count(on)
        .await?;
    Ok(u32::try_from(count).unwrap_or(u32::MAX))
}

/// A row to insert.
pub(super) struct NewRow<'a> {
    pub(super) name: &'a TouchedName,
    pub(super) new: &'a NewRecord,
    /// The TTL of its RRset.
    pub(super) ttl: Ttl,
    /// The id and creation time of the row that it replaces, which is deleted already.
    pub(super) former: Option<(RecordId, Timestamp)>,
    /// Whether the name is new and has no record yet, so that nothing can be in the way.
    pub(super) is_first: bool,
}

/// Inserts a record at a touched name and returns its row.
pub(super) async fn insert(
    tx: &Tx,
    owner: UserId,
    row: NewRow<'_>,
    now: Timestamp,
) -> Result<dns_record::Model, RecordError> {
    let NewRow { name, new, ttl, .. } = row;
    let rtype = new.value.rtype();
    let presentation = new.value.presentation();
    let hash = value_hash(presentation).to_vec();
    if !row.is_first {
        check_beside(tx, name, new, &hash).await?;
    }
    let (id, created_at) = row.former.unzip();
    let mut row = dns_record::ActiveModel {
        id: id.map_or(NotSet, |id| Set(id.0)),
        fqdn: Set(name.fqdn().to_owned()),
        class: Set(rtype.class().into()),
        user_id: Set(owner.0),
        rtype: Set(rtype.as_str().to_owned()),
        input: Set(new.value.input().to_owned()),
        presentation: Set(presentation.to_owned()),
        value_hash: Set(hash),
        ttl: Set(i64::from(ttl.as_seconds())),
        ports: Set(new.ports.clone()),
        course: Set(new.course.clone()),
        description: Set(new.description.clone()),
        created_at: Set(created_at.unwrap_or(now).as_millis()),
        updated_at: Set(now.as_millis()),
        expires_at: Set(record_expires_at(now).as_millis()),
        notified_at: Set(None),
        notice_id: Set(None),
    };
    // The locks exclude a violated constraint. If one is violated all the same, the retry finds the
    // reason.
    let done = dns_record::Entity::insert(row.clone())
        .exec(tx.db())
        .await
        .map_err(busy_if_duplicate)?;
    row.id = Set(done.last_insert_id);
    row.try_into_model()
        .map_err(|fault| Error::from(fault).into())
}

/// Refuses a record that the records at its name exclude, and sets the class of the name.
async fn check_beside(
    tx: &Tx,
    name: &TouchedName,
    new: &NewRecord,
    hash: &[u8],
) -> Result<(), RecordError> {
    let rtype = new.value.rtype();
    let same = dns_record::Entity::find()
        .filter(Column::Fqdn.eq(name.fqdn()))
        .filter(Column::Rtype.eq(rtype.as_str()))
        .filter(Column::ValueHash.eq(hash));
    if same.exists(tx.db()).await.map_err(Error::from)? {
        return Err(RecordError::Duplicate);
    }
    name.set_class(tx, rtype).await?;
    check_null_mx(tx, name, new).await
}

/// Refuses a null MX beside another MX record, in either order (RFC 7505 section 3). Whoever writes
/// a record of the name has locked it, so none is added meanwhile.
async fn check_null_mx(tx: &Tx, name: &TouchedName, new: &NewRecord) -> Result<(), RecordError> {
    if new.value.rtype() != RecordType::Mx {
        return Ok(());
    }
    let others = dns_record::Entity::find()
        .filter(Column::Fqdn.eq(name.fqdn()))
        .filter(Column::Rtype.eq(RecordType::Mx.as_str()));
    let excluding = if new.value.is_null_mx() {
        others
    } else {
        others.filter(Column::Presentation.eq(NULL_MX))
    };
    if excluding.exists(tx.db()).await.map_err(Error::from)? {
        return Err(RecordError::NullMxConflict);
    }
    Ok(())
}

/// Extends the record's life and clears its expiry notice.
pub(super) async fn renew(
    tx: &Tx,
    owner: UserId,
    id: RecordId,
    _: &TouchedName,
    now: Timestamp,
) -> Result<(), Error> {
    let renew = dns_record::Entity::update_many()
        .col_expr(Column::UpdatedAt, Expr::value(now.as_millis()))
        .col_expr(
            Column::ExpiresAt,
            Expr::value(record_expires_at(now).as_millis()),
        )
        .col_expr(Column::NotifiedAt, Expr::value(None::<i64>))
        .col_expr(Column::NoticeId, Expr::value(None::<i64>))
        .filter(Column::Id.eq(id.0))
        .filter(Column::UserId.eq(owner.0));
    renew.exec(tx.db()).await?;
    Ok(())
}

/// Sets the TTL of a record whose RRset gets another one. That does not renew the record.
pub(super) async fn set_ttl(
    tx: &Tx,
    owner: UserId,
    id: i64,
    _: &TouchedName,
    ttl: Ttl,
    now: Timestamp,
) -> Result<(), Error> {
    let set = dns_record::Entity::update_many()
        .col_expr(Column::Ttl, Expr::value(i64::from(ttl.as_seconds())))
        .col_expr(Column::UpdatedAt, Expr::value(now.as_millis()))
        .filter(Column::Id.eq(id))
        .filter(Column::UserId.eq(owner.0));
    set.exec(tx.db()).await?;
    Ok(())
}

/// Deletes the row, which was read while the owner's row was locked.
pub(super) async fn delete(
    tx: &Tx,
    owner: UserId,
    id: i64,
    _: &TouchedName,
) -> Result<(), RecordError> {
    let delete = dns_record::Entity::delete_by_id(id).filter(Column::UserId.eq(owner.0));
    let done = delete.exec(tx.db()).await.map_err(Error::from)?;
    if done.rows_affected == 1 {
        Ok(())
    } else {
        Err(RecordError::NotFound)
    }
}

/// Columns that a version in the history shares with its record, besides the record's id.
const ARCHIVED: [(Column, record_history::Column); 11] = [
    (Column::UserId, record_history::Column::UserId),
    (Column::Fqdn, record_history::Column::Fqdn),
    (Column::Rtype, record_history::Column::Rtype),
    (Column::Input, record_history::Column::Input),
    (Column::Presentation, record_history::Column::Presentation),
    (Column::Ttl, record_history::Column::Ttl),
    (Column::Ports, record_history::Column::Ports),
    (Column::Course, record_history::Column::Course),
    (Column::Description, record_history::Column::Description),
    (Column::CreatedAt, record_history::Column::CreatedAt),
    (Column::ExpiresAt, record_history::Column::ExpiresAt),
];

/// Moves expired rows into the history with two statements. Each row is given with its name and was
/// read while its owner's row was locked.
pub(super) async fn archive_expired<'a>(
    tx: &Tx,
    rows: impl Iterator<Item = (i64, &'a str)> + Send,
    names: &TouchedNames<'_>,
    now: Timestamp,
) -> Result<(), Error> {
    let mut ids = Vec::new();
    for (id, fqdn) in rows {
        if !names.contains(fqdn) {
            return Err(Error::Corrupt(format!(
                "record {id} at a name that was not touched"
            )));
        }
        ids.push(id);
    }
    let mut select = Query::select();
    select.column(Column::Id);
    let mut columns = vec![record_history::Column::RecordId];
    for (from, to) in ARCHIVED {
        select.column(from);
        columns.push(to);
    }
    select
        .expr(Expr::value(HistoryAction::Expiry))
        .expr(Expr::value(""))
        .expr(Expr::value(now.as_millis()))
        .from(dns_record::Entity)
        .and_where(Column::Id.is_in(ids.iter().copied()))
        .order_by(Column::Id, Order::Asc);
    columns.extend([
        record_history::Column::Action,
        record_history::Column::RequestId,
        record_history::Column::At,
    ]);
    let insert = Query::insert()
        .into_table(record_history::Entity)
        .columns(columns)
        .select_from(select)
        .map_err(|fault| Error::Fault(Box::new(fault)))?
        .to_owned();
    let archived = tx.db().execute(&insert).await?.rows_affected();
    let deleted = dns_record::Entity::delete_many()
        .filter(Column::Id.is_in(ids.iter().copied()))
        .exec(tx.db())
        .await?
        .rows_affected;
    let count = ids.len() as u64;
    if archived != count || deleted != count {
        return Err(Error::Busy(
            format!("{archived} archived and {deleted} deleted of {count} records").into(),
        ));
    }
    Ok(())
}

/// Sets the expiry notice of these rows to their owner's mail. No name is touched: the zone shows
/// nothing of it.
pub(super) async fn set_notices(
    tx: &Tx,
    ids: impl Iterator<Item = i64> + Send,
    mails: &BTreeMap<UserId, i64>,
    now: Timestamp,
) -> Result<(), Error> {
    let ids: Vec<i64> = ids.collect();
    let mut mail_of_owner = CaseStatement::new();
    for (owner, mail) in mails {
        mail_of_owner = mail_of_owner.case(Column::UserId.eq(owner.0), Expr::value(*mail));
    }
    let updated = dns_record::Entity::update_many()
        .col_expr(Column::NotifiedAt, Expr::value(now.as_millis()))
        .col_expr(Column::NoticeId, mail_of_owner.into())
        .filter(Column::Id.is_in(ids.iter().copied()))
        .exec(tx.db())
        .await?
        .rows_affected;
    let count = ids.len() as u64;
    if updated == count {
        Ok(())
    } else {
        Err(Error::Busy(
            format!("{updated} of {count} records updated").into(),
        ))
    }
}

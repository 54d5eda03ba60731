//! Rows of `dns_records` and `record_history`. Nothing else writes there.

use std::collections::BTreeMap;

use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, NotSet, QueryFilter, SelectExt, Set, Value,
};
use starchart_domain::expiry::record_expires_at;
use starchart_domain::record::{self, NewRecord, RecordId, RecordValue, value_hash};
use starchart_domain::rrset::TTL;
use starchart_domain::time::Timestamp;
use starchart_domain::user::UserId;

use super::names::{TouchedName, TouchedNames};
use super::{Reason, RecordError, read_type};
use crate::entity::dns_record::{self, Column};
use crate::entity::record_history;
use crate::error::busy_if_taken;
use crate::tx::Tx;
use crate::{Error, sql};

/// All rows of the owner.
pub(super) async fn of(
    on: &impl ConnectionTrait,
    owner: UserId,
) -> Result<Vec<dns_record::Model>, Error> {
    Ok(dns_record::Entity::find()
        .filter(Column::UserId.eq(owner.0))
        .all(on)
        .await?)
}

/// The owner's row with this id.
pub(super) async fn by_id(
    on: &impl ConnectionTrait,
    owner: UserId,
    id: RecordId,
) -> Result<Option<dns_record::Model>, Error> {
    let own = dns_record::Entity::find()
        .filter(Column::UserId.eq(owner.0))
        .filter(Column::Id.eq(id.0));
    Ok(own.one(on).await?)
}

/// What the row says, notes included: [`record::fingerprint`].
pub(super) fn fingerprint(row: &dns_record::Model) -> Result<String, Error> {
    let notes = [&row.ports, &row.course, &row.description].map(Option::as_deref);
    Ok(record::fingerprint(
        &row.fqdn,
        read_type(&row.rtype)?,
        &row.presentation,
        notes,
    ))
}

/// How many the owner has.
pub(super) async fn count(on: &impl ConnectionTrait, owner: UserId) -> Result<u32, Error> {
    let count = "SELECT COUNT(*) AS n FROM dns_records WHERE user_id = ?";
    let count = sql::number(on, count, vec![owner.0.into()]).await?;
    Ok(count
        .and_then(|count| u32::try_from(count).ok())
        .unwrap_or(u32::MAX))
}

/// Adds a record at a touched name; `before`: id and creation of the row it replaces, which must be
/// gone already.
pub(super) async fn insert(
    tx: &Tx,
    owner: UserId,
    name: &TouchedName,
    new: &NewRecord,
    now: Timestamp,
    before: Option<(RecordId, Timestamp)>,
) -> Result<RecordId, RecordError> {
    let (rtype, content) = (new.value.rtype(), new.value.presentation());
    let hash = value_hash(&content).to_vec();
    let same = dns_record::Entity::find()
        .filter(Column::Fqdn.eq(name.fqdn()))
        .filter(Column::Rtype.eq(rtype.as_str()))
        .filter(Column::ValueHash.eq(hash.clone()));
    if same.exists(tx.db()).await.map_err(Error::from)? {
        return Err(RecordError::Duplicate);
    }
    name.become_class(tx, rtype).await?;
    let (id, created_at) = before.unzip();
    let row = dns_record::ActiveModel {
        id: id.map_or(NotSet, |id| Set(id.0)),
        fqdn: Set(name.fqdn().to_owned()),
        class: Set(rtype.class().as_str().to_owned()),
        user_id: Set(owner.0),
        rtype: Set(rtype.as_str().to_owned()),
        input: Set(new.input.clone()),
        presentation: Set(content),
        value_hash: Set(hash),
        preference: Set(preference(&new.value)),
        ttl: Set(i64::from(TTL)),
        ports: Set(new.ports.clone()),
        course: Set(new.course.clone()),
        description: Set(new.description.clone()),
        created_at: Set(created_at.unwrap_or(now).as_millis()),
        updated_at: Set(now.as_millis()),
        expires_at: Set(record_expires_at(now).as_millis()),
        notified_at: Set(None),
        notice_id: Set(None),
    };
    // The locks make a violation impossible; the constraints say so all the same. Looked at again,
    // the reason shows.
    let done = dns_record::Entity::insert(row)
        .exec(tx.db())
        .await
        .map_err(busy_if_taken)?;
    Ok(RecordId(done.last_insert_id))
}

/// Begins the record's life anew.
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

/// Moves the row, read while the owner's was locked, into the history; `by` did it.
pub(super) async fn retire(
    tx: &Tx,
    owner: UserId,
    row: dns_record::Model,
    _: &TouchedName,
    now: Timestamp,
    reason: Reason,
    by: UserId,
) -> Result<(), RecordError> {
    let remove = dns_record::Entity::delete_by_id(row.id).filter(Column::UserId.eq(owner.0));
    if remove
        .exec(tx.db())
        .await
        .map_err(Error::from)?
        .rows_affected
        != 1
    {
        return Err(RecordError::NotFound);
    }
    let kept = record_history::ActiveModel {
        id: NotSet,
        record_id: Set(row.id),
        user_id: Set(row.user_id),
        fqdn: Set(row.fqdn),
        rtype: Set(row.rtype),
        input: Set(row.input),
        presentation: Set(row.presentation),
        preference: Set(row.preference),
        ttl: Set(row.ttl),
        ports: Set(row.ports),
        course: Set(row.course),
        description: Set(row.description),
        created_at: Set(row.created_at),
        updated_at: Set(row.updated_at),
        expires_at: Set(row.expires_at),
        notified_at: Set(row.notified_at),
        reason: Set(reason.as_str().to_owned()),
        actor_id: Set((by != owner).then_some(by.0)),
        archived_at: Set(now.as_millis()),
    };
    record_history::Entity::insert(kept)
        .exec_without_returning(tx.db())
        .await
        .map_err(Error::from)?;
    Ok(())
}

/// Moves rows, each given with its name and read while their owners' were locked, into the history:
/// two statements for all.
pub(super) async fn retire_all<'a>(
    tx: &Tx,
    rows: impl Iterator<Item = (i64, &'a str)> + Send,
    names: &TouchedNames<'_>,
    now: Timestamp,
    reason: &str,
) -> Result<(), Error> {
    let mut ids = Vec::new();
    for (id, fqdn) in rows {
        if !names.has(fqdn) {
            return Err(Error::Corrupt(format!(
                "record {id} at a name that was not touched"
            )));
        }
        ids.push(Value::from(id));
    }
    let (places, count) = (sql::places(ids.len()), ids.len() as u64);
    let keep = format!(
        "INSERT INTO record_history (record_id, user_id, fqdn, type, input, presentation, preference, ttl, ports, course, description, \
         created_at, updated_at, expires_at, notified_at, reason, actor_id, archived_at) \
         SELECT id, user_id, fqdn, type, input, presentation, preference, ttl, ports, course, description, \
         created_at, updated_at, expires_at, notified_at, ?, NULL, ? FROM dns_records WHERE id IN ({places}) ORDER BY id"
    );
    let values = [reason.into(), now.as_millis().into()]
        .into_iter()
        .chain(ids.iter().cloned())
        .collect();
    let kept = sql::touch(tx.db(), &keep, values).await?;
    let removed = sql::touch(
        tx.db(),
        &format!("DELETE FROM dns_records WHERE id IN ({places})"),
        ids,
    )
    .await?;
    if kept != count || removed != count {
        return Err(Error::Busy(
            format!("{kept} kept and {removed} removed of {count} records").into(),
        ));
    }
    Ok(())
}

/// Notes the mail of each owner in these rows. It changes nothing that the zone shows, so no name
/// is touched.
pub(super) async fn note_told(
    tx: &Tx,
    ids: impl Iterator<Item = i64> + Send,
    mails: &BTreeMap<UserId, i64>,
    now: Timestamp,
) -> Result<(), Error> {
    let ids: Vec<Value> = ids.map(Value::from).collect();
    let (arms, places, count) = (
        "WHEN ? THEN ? ".repeat(mails.len()),
        sql::places(ids.len()),
        ids.len() as u64,
    );
    let note = format!(
        "UPDATE dns_records SET notified_at = ?, notice_id = CASE user_id {arms}END WHERE id IN ({places})"
    );
    let mut values = vec![Value::from(now.as_millis())];
    values.extend(
        mails
            .iter()
            .flat_map(|(user, mail)| [Value::from(user.0), Value::from(*mail)]),
    );
    values.extend(ids);
    let noted = sql::touch(tx.db(), &note, values).await?;
    if noted == count {
        Ok(())
    } else {
        Err(Error::Busy(
            format!("{noted} of {count} records noted").into(),
        ))
    }
}

fn preference(value: &RecordValue) -> Option<i32> {
    match value {
        RecordValue::Mx { preference, .. } => Some(i32::from(*preference)),
        _ => None,
    }
}

//! The values at `_acme-challenge` names. They change only under the lock of their name, so that
//! its generation grows with them (invariant I5).

use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, NotSet, QueryFilter, QuerySelect, SelectExt, Set,
};
use starchart_domain::certificate::{CHALLENGE_TYPE, challenge_name};
use starchart_domain::publish::PublishState;
use starchart_domain::record::NameClass;
use starchart_domain::time::Timestamp;
use starchart_domain::user::UserId;

use crate::entity::challenge_value::{self, Column};
use crate::entity::class::Class;
use crate::error::busy_if_duplicate;
use crate::records::RecordError;
use crate::records::names::{TouchedName, touch};
use crate::records::query::{self, PublishProgress};
use crate::tx::Tx;
use crate::{Error, zone};

/// Replaces all values at the owner's challenge name by these.
pub(super) async fn replace_values(
    tx: &Tx,
    owner: UserId,
    domain: &str,
    order: i64,
    values: &[String],
    now: Timestamp,
) -> Result<(), Error> {
    let name = lock_name(tx, owner, domain, now).await?;
    delete_at(tx, &name).await?;
    let rows = values.iter().map(|value| challenge_value::ActiveModel {
        id: NotSet,
        fqdn: Set(name.fqdn().to_owned()),
        class: Set(Class::Other),
        order_id: Set(order),
        value: Set(value.clone()),
        created_at: Set(now.as_millis()),
    });
    challenge_value::Entity::insert_many(rows)
        .exec_without_returning(tx.db())
        .await
        .map_err(busy_if_duplicate)?;
    Ok(())
}

/// Deletes the owner's values. A user has at most one pending order, and finished orders have no
/// values.
pub(super) async fn delete_values(
    tx: &Tx,
    owner: UserId,
    domain: &str,
    now: Timestamp,
) -> Result<(), Error> {
    let at_name = Column::Fqdn.eq(challenge_name(domain));
    let values = challenge_value::Entity::find().filter(at_name);
    // Without values the name's generation stays as it is.
    if !values.exists(tx.db()).await? {
        return Ok(());
    }
    let name = lock_name(tx, owner, domain, now).await?;
    delete_at(tx, &name).await
}

/// Locks the owner's challenge name. No record is ever at such a name.
async fn lock_name(
    tx: &Tx,
    owner: UserId,
    domain: &str,
    now: Timestamp,
) -> Result<TouchedName, Error> {
    let fqdn = challenge_name(domain);
    touch(tx, owner, &fqdn, NameClass::Other, now)
        .await
        .map_err(|refusal| match refusal {
            RecordError::Db(fault) => fault,
            _ => Error::Corrupt(format!("{fqdn} belongs to another user")),
        })
}

async fn delete_at(tx: &Tx, name: &TouchedName) -> Result<(), Error> {
    challenge_value::Entity::delete_many()
        .filter(Column::Fqdn.eq(name.fqdn()))
        .exec(tx.db())
        .await?;
    Ok(())
}

/// How far the order's values are published; `None` when it has none.
pub(super) async fn publish_state(
    on: &impl ConnectionTrait,
    domain: &str,
    order: i64,
) -> Result<Option<PublishState>, Error> {
    let Some((progress, _)) = progress(on, domain, order).await? else {
        return Ok(None);
    };
    let paused = zone::find_pause_on(on).await?.is_some();
    Ok(Some(progress.state(CHALLENGE_TYPE).while_paused(paused)))
}

/// The publish progress of the challenge name, and the order's values there; `None` when it has
/// none.
pub(super) async fn progress(
    on: &impl ConnectionTrait,
    domain: &str,
    order: i64,
) -> Result<Option<(PublishProgress, Vec<String>)>, Error> {
    let fqdn = challenge_name(domain);
    let values: Vec<String> = challenge_value::Entity::find()
        .select_only()
        .column(Column::Value)
        .filter(Column::Fqdn.eq(&fqdn))
        .filter(Column::OrderId.eq(order))
        .into_tuple()
        .all(on)
        .await?;
    if values.is_empty() {
        return Ok(None);
    }
    let progress = query::publish_progress(on, &fqdn).await?;
    Ok(progress.map(|progress| (progress, values)))
}

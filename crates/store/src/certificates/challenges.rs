//! Rows of `challenge_values`: written under the lock of their name only, so that its generation
//! goes up with them.

use sea_orm::ConnectionTrait;
use starchart_domain::certificate::challenge_name;
use starchart_domain::publish::PublishState;
use starchart_domain::record::{NameClass, RecordType};
use starchart_domain::time::Timestamp;
use starchart_domain::user::UserId;

use crate::records::RecordError;
use crate::records::names::{TouchedName, touch};
use crate::records::shown::{self, Way};
use crate::tx::Tx;
use crate::{Error, sql, zone};

/// Makes these the order's only values.
pub(super) async fn put(
    tx: &Tx,
    owner: UserId,
    domain: &str,
    order: i64,
    values: &[String],
    now: Timestamp,
) -> Result<(), Error> {
    let name = lock(tx, owner, domain, now).await?;
    clear(tx, &name).await?;
    let insert = "INSERT INTO challenge_values (fqdn, class, order_id, value, created_at) VALUES (?, ?, ?, ?, ?)";
    for value in values {
        let values = vec![
            name.fqdn().into(),
            NameClass::Other.as_str().into(),
            order.into(),
            value.as_str().into(),
            now.as_millis().into(),
        ];
        sql::touch(tx.db(), insert, values).await?;
    }
    Ok(())
}

/// Removes the person's values, if there are any; a person has one live order at most, and ended
/// ones have none.
pub(super) async fn remove(
    tx: &Tx,
    owner: UserId,
    domain: &str,
    now: Timestamp,
) -> Result<(), Error> {
    let fqdn = challenge_name(domain);
    let look = "SELECT COUNT(*) AS n FROM challenge_values WHERE fqdn = ?";
    if sql::number(tx.db(), look, vec![fqdn.as_str().into()]).await? == Some(0) {
        return Ok(());
    }
    let name = lock(tx, owner, domain, now).await?;
    clear(tx, &name).await
}

/// Locks the name of the person's values, where nobody else has anything: there are no records at
/// such names.
async fn lock(tx: &Tx, owner: UserId, domain: &str, now: Timestamp) -> Result<TouchedName, Error> {
    let fqdn = challenge_name(domain);
    touch(tx, owner, &fqdn, NameClass::Other, now)
        .await
        .map_err(|refusal| match refusal {
            RecordError::Db(fault) => fault,
            _ => Error::Corrupt(format!("{fqdn} is another person's name")),
        })
}

async fn clear(tx: &Tx, name: &TouchedName) -> Result<(), Error> {
    sql::touch(
        tx.db(),
        "DELETE FROM challenge_values WHERE fqdn = ?",
        vec![name.fqdn().into()],
    )
    .await
    .map(drop)
}

/// How far the order's values have come; none when it has none.
pub(super) async fn way(
    on: &impl ConnectionTrait,
    domain: &str,
    order: i64,
) -> Result<Option<PublishState>, Error> {
    let Some((way, _)) = standing(on, domain, order).await? else {
        return Ok(None);
    };
    let paused = zone::pause_on(on).await?.is_some();
    Ok(Some(way.state(RecordType::Txt).while_paused(paused)))
}

/// The way of the name and the order's values at it; none when there are none.
pub(super) async fn standing(
    on: &impl ConnectionTrait,
    domain: &str,
    order: i64,
) -> Result<Option<(Way, Vec<String>)>, Error> {
    #[derive(sea_orm::FromQueryResult)]
    struct Row {
        value: String,
    }
    let fqdn = challenge_name(domain);
    let look = "SELECT value FROM challenge_values WHERE fqdn = ? AND order_id = ?";
    let rows: Vec<Row> = sql::all(on, look, vec![fqdn.as_str().into(), order.into()]).await?;
    if rows.is_empty() {
        return Ok(None);
    }
    let way = shown::way(on, &fqdn).await?;
    Ok(way.map(|way| (way, rows.into_iter().map(|row| row.value).collect())))
}

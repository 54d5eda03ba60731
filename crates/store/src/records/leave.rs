//! A person goes: everything that stands at their names goes with them.

use sea_orm::FromQueryResult;
use starchart_domain::record::NameClass;
use starchart_domain::user::UserId;

use super::{Reason, RecordError, names, read_type, rows};
use crate::tx::Tx;
use crate::{Error, sql};

/// Moves all records of the owner, whose row is locked, into the history, and takes away what their
/// certificate orders have asked for; so all their names leave the zone. Says how many records
/// there were.
pub(crate) async fn retire_all(tx: &Tx, owner: UserId, by: UserId) -> Result<u32, RecordError> {
    let now = tx.now().await?;
    let records = rows::of(tx.db(), owner).await?;
    let count = u32::try_from(records.len()).unwrap_or(u32::MAX);
    let challenges = challenge_names(tx, owner).await?;
    // All records of a name have its class.
    let mut classes: Vec<(String, NameClass)> = challenges
        .iter()
        .map(|fqdn| (fqdn.clone(), NameClass::Other))
        .collect();
    for row in &records {
        classes.push((row.fqdn.clone(), read_type(&row.rtype)?.class()));
    }
    // In the order of the names, as everybody locks them.
    classes.sort_by(|one, other| one.0.cmp(&other.0));
    classes.dedup_by(|one, other| one.0 == other.0);
    let mut touched = Vec::with_capacity(classes.len());
    for (fqdn, class) in classes {
        touched.push(names::touch(tx, owner, &fqdn, class, now).await?);
    }
    for row in records {
        let name = touched.iter().find(|name| name.fqdn() == row.fqdn);
        let name =
            name.ok_or_else(|| Error::Corrupt(format!("{} has a record and no name", row.fqdn)))?;
        rows::retire(tx, owner, row, name, now, Reason::UserDeleted, by).await?;
    }
    if !challenges.is_empty() {
        let sql = "DELETE FROM challenge_values WHERE order_id IN (SELECT id FROM certificate_orders WHERE user_id = ?)";
        sql::touch(tx.db(), sql, vec![owner.0.into()]).await?;
    }
    Ok(count)
}

/// The names at which the owner's orders have asked for values.
async fn challenge_names(tx: &Tx, owner: UserId) -> Result<Vec<String>, Error> {
    #[derive(FromQueryResult)]
    struct Row {
        fqdn: String,
    }
    let sql = "SELECT DISTINCT v.fqdn AS fqdn FROM challenge_values v JOIN certificate_orders o ON o.id = v.order_id \
         WHERE o.user_id = ?";
    let rows: Vec<Row> = sql::all(tx.db(), sql, vec![owner.0.into()]).await?;
    Ok(rows.into_iter().map(|row| row.fqdn).collect())
}

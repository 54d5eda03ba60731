//! Deletes everything of a user that is published.

use sea_orm::sea_query::{Alias, Expr, Query, SelectStatement};
use sea_orm::{ConnectionTrait, ExprTrait};
use starchart_domain::record::NameClass;
use starchart_domain::user::UserId;

use super::history::{self, HistoryAction};
use super::{RecordError, names, read_type, rows};
use crate::trail::AuditContext;
use crate::tx::Tx;
use crate::{Error, client_challenges};

/// Deletes the records of the owner, whose row is locked, and the answers to ACME challenges, of
/// orders and of clients: the records move into the history, and all names of the owner become
/// unpublished. Returns the number of
/// records.
pub(crate) async fn delete_all(
    tx: &Tx,
    owner: UserId,
    act: &AuditContext<'_>,
) -> Result<u32, RecordError> {
    let now = tx.now().await?;
    let records = rows::of(tx.db(), owner).await?;
    let count = u32::try_from(records.len()).unwrap_or(u32::MAX);
    let challenges = challenge_names(tx, owner).await?;
    let answered = client_challenges::names_of(tx, owner).await?;
    // All records of a name have its class.
    let mut classes: Vec<(String, NameClass)> = challenges
        .iter()
        .chain(&answered)
        .map(|fqdn| (fqdn.clone(), NameClass::Other))
        .collect();
    for row in &records {
        classes.push((row.fqdn.clone(), read_type(&row.rtype)?.class()));
    }
    // Every transaction locks names in this order.
    classes.sort_by(|one, other| one.0.cmp(&other.0));
    classes.dedup_by(|one, other| one.0 == other.0);
    let mut touched = Vec::with_capacity(classes.len());
    for (fqdn, class) in classes {
        touched.push(names::touch(tx, owner, &fqdn, class, now).await?);
    }
    for row in records {
        let name = touched
            .iter()
            .find(|name| name.fqdn() == row.fqdn)
            .ok_or_else(|| Error::Corrupt(format!("{} has a record and no name", row.fqdn)))?;
        rows::delete(tx, owner, row.id, name).await?;
        history::append(tx, row, HistoryAction::UserDeleted, now, act).await?;
    }
    if !challenges.is_empty() {
        let delete = Query::delete()
            .from_table(Alias::new("challenge_values"))
            .and_where(Expr::col(Alias::new("order_id")).in_subquery(orders_of(owner)))
            .to_owned();
        tx.db().execute(&delete).await.map_err(Error::from)?;
    }
    client_challenges::delete_at(tx, owner, &touched).await?;
    Ok(count)
}

/// Lists the names with challenge values of the owner's orders.
async fn challenge_names(tx: &Tx, owner: UserId) -> Result<Vec<String>, Error> {
    let select = Query::select()
        .distinct()
        .column(Alias::new("fqdn"))
        .from(Alias::new("challenge_values"))
        .and_where(Expr::col(Alias::new("order_id")).in_subquery(orders_of(owner)))
        .to_owned();
    let rows = tx.db().query_all(&select).await?;
    rows.iter()
        .map(|row| Ok(row.try_get::<String>("", "fqdn")?))
        .collect()
}

/// Selects the ids of the owner's certificate orders.
fn orders_of(owner: UserId) -> SelectStatement {
    Query::select()
        .column(Alias::new("id"))
        .from(Alias::new("certificate_orders"))
        .and_where(Expr::col(Alias::new("user_id")).eq(owner.0))
        .to_owned()
}

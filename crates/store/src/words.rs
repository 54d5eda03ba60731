//! The entries that admins added to the lists of words and labels. [`crate::admin`] changes them.

use sea_orm::{EntityTrait, QueryOrder, QuerySelect};
use starchart_domain::words::ListKind;

use crate::entity::listed_word::{Column, Entity, Kind};
use crate::{Error, Store};

/// Lists the entries that hold now.
///
/// # Errors
/// The database does not answer or refuses the statement.
pub async fn list_entries(store: &Store) -> Result<Vec<(ListKind, String)>, Error> {
    let rows: Vec<(Kind, String)> = Entity::find()
        .select_only()
        .column(Column::Kind)
        .column(Column::Entry)
        .order_by_asc(Column::Id)
        .into_tuple()
        .all(store.reader())
        .await?;
    let entry = |(kind, entry): (Kind, String)| (kind.into(), entry);
    Ok(rows.into_iter().map(entry).collect())
}

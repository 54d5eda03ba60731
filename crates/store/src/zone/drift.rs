//! Drift: RRsets of ours that the audit found to be otherwise than confirmed become unpublished.

use std::collections::BTreeSet;

use sea_orm::sea_query::{Expr, Func};
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, ExprTrait, PaginatorTrait, QueryFilter, QuerySelect,
};
use starchart_domain::plan::{OwnedRrset, PublishedName};
use starchart_domain::time::Timestamp;

use super::Snapshot;
use super::registry::{
    self, LATE_ARRIVAL_MS, ROWS_PER_STATEMENT, RegistryEntry, Send, UNFENCED, fqdns_of, in_order,
    lock_names,
};
use super::snapshot::list_generations;
use crate::entity::name::{self, Column, is_unpublished};
use crate::entity::zone_rrset;
use crate::tx::Tx;
use crate::{Error, Store};

/// Makes names unpublished whose RRsets are not in the zone as wanted. Returns their names.
///
/// Each of `found` brings what the zone holds of ours (`None`: nothing) by a listing after
/// `snapshot`; that is confirmed, so that publish changes exactly it. A name that is not as it was
/// in `snapshot`, or is being published, is left alone.
///
/// Not fenced: at a published name without pending sends no send is under way, and none begins but
/// by making the name unpublished under the lock of its row.
///
/// # Errors
/// The database does not answer or refuses the statements.
pub async fn mark_drift(
    store: &Store,
    snapshot: &Snapshot,
    found: &[PublishedName],
) -> Result<BTreeSet<String>, Error> {
    let sorted = in_order(found);
    let mut marked = BTreeSet::new();
    for chunk in sorted.chunks(ROWS_PER_STATEMENT) {
        let of_chunk = store
            .write(|tx| async move {
                let now = tx.now().await?;
                let fqdns = fqdns_of(chunk.iter().copied());
                lock_names(&tx, &fqdns).await?;
                let names = list_generations(tx.db(), Some(&fqdns)).await?;
                let mut registry = registry::list_by_name(tx.db(), &fqdns).await?;
                let mut marked = Vec::new();
                let mut with_row = Vec::new();
                let mut entries = Vec::new();
                for name in chunk {
                    let key = name.name.as_str();
                    let row = names.get(key);
                    let here = registry.remove(key).unwrap_or_default();
                    if !is_as_in(snapshot, key, row, &here) || !is_at_rest(row, &here, now) {
                        continue;
                    }
                    let has_row = row.is_some();
                    let found = here
                        .into_iter()
                        .map(|entry| as_found(entry, name, has_row, now));
                    entries.extend(found);
                    marked.push(name.name.clone());
                    with_row.extend(has_row.then_some(key));
                }
                make_unpublished(&tx, with_row, now).await?;
                registry::put_all(&tx, entries, now).await?;
                Ok::<_, Error>(marked)
            })
            .await?;
        marked.extend(of_chunk);
    }
    Ok(marked)
}

fn is_as_in(
    snapshot: &Snapshot,
    name: &str,
    row: Option<&(i64, bool)>,
    here: &[RegistryEntry],
) -> bool {
    let sets: Vec<OwnedRrset> = here.iter().cloned().map(RegistryEntry::into_set).collect();
    let before = snapshot.owned.get(name).map_or(&[][..], Vec::as_slice);
    row == snapshot.names.get(name) && sets == before
}

fn is_at_rest(row: Option<&(i64, bool)>, here: &[RegistryEntry], now: Timestamp) -> bool {
    let mut pending = here.iter().flat_map(|entry| &entry.pending);
    match row {
        Some((_, is_unpublished)) => !is_unpublished && pending.next().is_none(),
        None => !pending.any(|send| send.until.is_some_and(|until| until > now)),
    }
}

/// Makes names that have a row unpublished.
pub(super) async fn make_unpublished(
    tx: &Tx,
    fqdns: Vec<&str>,
    now: Timestamp,
) -> Result<(), Error> {
    if fqdns.is_empty() {
        return Ok(());
    }
    let now = now.as_millis();
    let since = Func::coalesce([Expr::col(Column::UnpublishedSince), Expr::value(now)]);
    name::Entity::update_many()
        .col_expr(Column::UnpublishedSince, since.into())
        .col_expr(Column::Generation, Expr::col(Column::Generation).add(1))
        .col_expr(Column::UpdatedAt, Expr::value(now))
        .filter(Column::Fqdn.is_in(fqdns))
        .exec(tx.db())
        .await?;
    Ok(())
}

/// Makes publish look at an RRset whose name has no row and so cannot be unpublished: by a send
/// that may still arrive.
pub(super) fn look_for_nameless(entry: &mut RegistryEntry, now: Timestamp) {
    let until = Some(now.plus(LATE_ARRIVAL_MS));
    entry.pending = entry
        .confirmed
        .iter()
        .map(|body| Send {
            fence: UNFENCED,
            body: Some(body.clone()),
            until,
        })
        .collect();
}

fn as_found(
    mut entry: RegistryEntry,
    name: &PublishedName,
    has_row: bool,
    now: Timestamp,
) -> RegistryEntry {
    let Some((_, found)) = name.sets.iter().find(|(rtype, _)| *rtype == entry.rtype) else {
        return entry;
    };
    entry.confirmed.clone_from(found);
    if !has_row {
        look_for_nameless(&mut entry, now);
    }
    entry
}

/// Counts the names that were unpublished at that moment and still are, without those that the zone
/// refused.
///
/// # Errors
/// The database does not answer or refuses the statements.
pub async fn count_unpublished_at(store: &Store, at: Timestamp) -> Result<u64, Error> {
    let is_not_refused = Condition::any()
        .add(Column::RefusedGeneration.is_null())
        .add(Expr::col(Column::RefusedGeneration).ne(Expr::col(Column::Generation)));
    let named = name::Entity::find()
        .filter(is_unpublished())
        .filter(Column::UnpublishedSince.lte(at.as_millis()))
        .filter(is_not_refused)
        .count(store.reader())
        .await?;
    let nameless = zone_rrset::Entity::find()
        .select_only()
        .column(zone_rrset::Column::Fqdn)
        .distinct()
        .left_join(name::Entity)
        .filter(zone_rrset::Column::LookAt.is_not_null())
        .filter(Expr::col((name::Entity, Column::Fqdn)).is_null())
        .count(store.reader())
        .await?;
    Ok(named + nameless)
}

//! The journal of the publish run: what is intended before a call to the zone, and what is known
//! after it. [`super::quarantine`] belongs to it.
//!
//! Every function takes a whole batch and runs a number of statements that does not depend on how
//! many names are in it.

use std::collections::BTreeMap;

use sea_orm::sea_query::{CaseStatement, Expr, Func, OnConflict};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, EntityTrait, ExprTrait, QueryFilter, Value,
};
use starchart_domain::plan::PublishedName;
use starchart_domain::time::Timestamp;

use super::control::find_pause_on;
use super::registry::{self, ROWS_PER_STATEMENT, UNFENCED, fqdns_of};
use crate::entity::name::{self, Column};
use crate::entity::zone_change;
use crate::lease::{Lease, assert_lease};
use crate::tx::Tx;
use crate::{Error, Store};

/// Commits what is about to be sent. Returns false when less than `margin_ms` milliseconds of the
/// lease are left, or publishing is paused: then nothing may be sent.
///
/// # Errors
/// The database does not answer or refuses the statements.
pub async fn intend(
    store: &Store,
    lease: &Lease,
    margin_ms: i64,
    batch: &[PublishedName],
) -> Result<bool, Error> {
    store
        .write(|tx| async move {
            let Some(now) = assert_lease(&tx, lease, margin_ms).await? else {
                return Ok(false);
            };
            if find_pause_on(tx.db()).await?.is_some() {
                return Ok(false);
            }
            registry::update(&tx, batch, now, |entry, body| {
                entry.intend(lease.fence, body);
            })
            .await?;
            Ok(true)
        })
        .await
}

/// Withdraws what this lease intended and what was certainly not done. Returns false when the
/// lease was lost.
///
/// # Errors
/// The database does not answer or refuses the statements.
pub async fn withdraw(
    store: &Store,
    lease: &Lease,
    batch: &[PublishedName],
) -> Result<bool, Error> {
    store
        .write(|tx| async move {
            let Some(now) = assert_lease(&tx, lease, 0).await? else {
                return Ok(false);
            };
            registry::update(&tx, batch, now, |entry, _| {
                entry.withdraw(lease.fence);
            })
            .await?;
            Ok(true)
        })
        .await
}

/// Records what the zone holds now: bodies confirmed, generations applied, refusals cleared.
///
/// `change_id` is the provider's id of the call that did it, to be tracked until it is in sync;
/// none when nothing had to be sent. Returns false when the lease was lost: what was intended stays
/// pending, which is true as well; a send is then recorded by [`record_unfenced_changes`].
///
/// # Errors
/// The database does not answer or refuses the statements.
pub async fn confirm(
    store: &Store,
    lease: &Lease,
    names: &[PublishedName],
    change_id: Option<&str>,
) -> Result<bool, Error> {
    store
        .write(|tx| async move {
            let Some(now) = assert_lease(&tx, lease, 0).await? else {
                return Ok(false);
            };
            registry::update(&tx, names, now, |entry, body| entry.confirm(body, now)).await?;
            apply_generations(&tx, names, change_id, now).await?;
            if let Some(id) = change_id {
                track_change(&tx, id, now).await?;
            }
            Ok(true)
        })
        .await
}

async fn track_change(tx: &Tx, id: &str, now: Timestamp) -> Result<(), Error> {
    let change = zone_change::ActiveModel {
        id: Set(id.to_owned()),
        sent_at: Set(now.as_millis()),
        in_sync_at: NotSet,
    };
    // A known change stays as it is; MySQL has no DO NOTHING.
    let keep = OnConflict::column(zone_change::Column::Id)
        .update_column(zone_change::Column::Id)
        .to_owned();
    zone_change::Entity::insert(change)
        .on_conflict(keep)
        .exec_without_returning(tx.db())
        .await?;
    Ok(())
}

/// Marks the names' generations as applied: one statement for the names of a generation. The caller
/// holds their rows.
async fn apply_generations(
    tx: &Tx,
    names: &[PublishedName],
    change_id: Option<&str>,
    now: Timestamp,
) -> Result<(), Error> {
    let mut by_generation: BTreeMap<i64, Vec<&str>> = BTreeMap::new();
    for name in names {
        by_generation
            .entry(name.generation)
            .or_default()
            .push(&name.name);
    }
    for (generation, fqdns) in by_generation {
        for fqdns in fqdns.chunks(ROWS_PER_STATEMENT) {
            let applied = applied(generation);
            let update = match change_id {
                Some(id) => sent(applied, id, now),
                None => not_sent(applied, now),
            };
            update
                .filter(Column::Fqdn.is_in(fqdns.iter().copied()))
                .exec(tx.db())
                .await?;
        }
    }
    Ok(())
}

type UpdateNames = sea_orm::UpdateMany<name::Entity>;

fn null<T>() -> Expr
where
    Option<T>: Into<Value>,
{
    Expr::value(None::<T>)
}

/// What an applied generation means for its name. It never goes back, and never past what the name
/// has. MySQL assigns from left to right, so a column comes after those that are computed from it.
/// The count of refusals of this generation stays: one of the name's RRsets may be refused again in
/// a moment.
fn applied(generation: i64) -> UpdateNames {
    let since = CaseStatement::new()
        .case(
            Expr::col(Column::Generation).gt(generation),
            Expr::col(Column::UnpublishedSince),
        )
        .finally(null::<i64>());
    let applied = CaseStatement::new()
        .case(
            Expr::col(Column::AppliedGeneration).gt(generation),
            Expr::col(Column::AppliedGeneration),
        )
        .case(
            Expr::col(Column::Generation).lt(generation),
            Expr::col(Column::Generation),
        )
        .finally(Expr::value(generation));
    let attempts = CaseStatement::new()
        .case(
            Expr::col(Column::RefusedGeneration).eq(generation),
            Expr::col(Column::Attempts),
        )
        .finally(Expr::value(0));
    name::Entity::update_many()
        .col_expr(Column::UnpublishedSince, since.into())
        .col_expr(Column::AppliedGeneration, applied.into())
        .col_expr(Column::Attempts, attempts.into())
        .col_expr(Column::RefusedGeneration, null::<i64>())
        .col_expr(Column::Refusal, null::<String>())
        .col_expr(Column::RefusalType, null::<String>())
        .col_expr(Column::NextAttemptAt, null::<i64>())
}

/// After a call that the zone accepted.
fn sent(update: UpdateNames, change_id: &str, now: Timestamp) -> UpdateNames {
    not_answered(
        update
            .col_expr(Column::ChangeId, Expr::value(change_id))
            .col_expr(Column::SentAt, Expr::value(now.as_millis()))
            .col_expr(Column::InSyncAt, null::<i64>()),
    )
}

/// After no call was needed: what the zone held already counts as sent and in sync. A change that
/// is not in sync yet stays so.
fn not_sent(update: UpdateNames, now: Timestamp) -> UpdateNames {
    let in_sync = CaseStatement::new()
        .case(
            Expr::col(Column::SentAt).is_null(),
            Expr::value(now.as_millis()),
        )
        .finally(Expr::col(Column::InSyncAt));
    let sent = Func::coalesce([Expr::col(Column::SentAt), Expr::value(now.as_millis())]);
    update
        .col_expr(Column::InSyncAt, in_sync.into())
        .col_expr(Column::SentAt, sent.into())
}

fn not_answered(update: UpdateNames) -> UpdateNames {
    update
        .col_expr(Column::AnsweredBy, null::<i32>())
        .col_expr(Column::AnsweredOf, null::<i32>())
        .col_expr(Column::AnswersCheckedAt, null::<i64>())
}

/// Records changes that the zone accepted after the lease was lost. Not fenced: it claims nothing
/// about what the zone holds now, only that this too may be there and is ours. The names become
/// unpublished, so the next run reads the zone first.
///
/// # Errors
/// The database does not answer or refuses the statements.
pub async fn record_unfenced_changes(store: &Store, names: &[PublishedName]) -> Result<(), Error> {
    store
        .write(|tx| async move {
            let now = tx.now().await?;
            let since = Func::coalesce([
                Expr::col(Column::UnpublishedSince),
                Expr::value(now.as_millis()),
            ]);
            registry::update(&tx, names, now, |entry, body| {
                entry.intend(UNFENCED, body);
            })
            .await?;
            for names in names.chunks(ROWS_PER_STATEMENT) {
                name::Entity::update_many()
                    .col_expr(Column::UnpublishedSince, since.clone().into())
                    .col_expr(Column::Generation, Expr::col(Column::Generation).add(1))
                    .filter(Column::Fqdn.is_in(fqdns_of(names)))
                    .exec(tx.db())
                    .await?;
            }
            Ok(())
        })
        .await
}

/// Records what was read in the zone as confirmed; a `None` body: nothing is there. Only for RRsets
/// that are ours. A send that was not seen stays pending for two minutes and
/// [`super::list_unpublished`] brings its name back now and then, as it may still arrive. Returns
/// false when the lease was lost.
///
/// # Errors
/// The database does not answer or refuses the statements.
pub async fn record_read(
    store: &Store,
    lease: &Lease,
    names: &[PublishedName],
) -> Result<bool, Error> {
    store
        .write(|tx| async move {
            let Some(now) = assert_lease(&tx, lease, 0).await? else {
                return Ok(false);
            };
            let changed =
                registry::update(&tx, names, now, |entry, body| entry.record_read(body, now))
                    .await?;
            track_without_id(&tx, &changed, now).await?;
            Ok(true)
        })
        .await
}

/// Marks the names as sent by a change whose id is unknown: GetChange cannot be asked, so the name
/// servers must tell.
async fn track_without_id(tx: &Tx, fqdns: &[String], now: Timestamp) -> Result<(), Error> {
    for fqdns in fqdns.chunks(ROWS_PER_STATEMENT) {
        let update = name::Entity::update_many()
            .col_expr(Column::ChangeId, null::<String>())
            .col_expr(Column::SentAt, Expr::value(now.as_millis()))
            .col_expr(Column::InSyncAt, Expr::value(now.as_millis()));
        not_answered(update)
            .filter(Column::Fqdn.is_in(fqdns))
            .exec(tx.db())
            .await?;
    }
    Ok(())
}

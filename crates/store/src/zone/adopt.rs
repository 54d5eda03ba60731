//! Ownership rebuilt from the zone.

use sea_orm::sea_query::{CaseStatement, Expr};
use sea_orm::{ColumnTrait, Condition, EntityTrait, ExprTrait, QueryFilter};
use starchart_domain::plan::PublishedName;
use starchart_domain::time::Timestamp;

use super::control::keep_or_set_pause;
use super::drift::{look_for_nameless, make_unpublished};
use super::registry::{self, ROWS_PER_STATEMENT, RegistryEntry, fqdns_of, in_order};
use super::snapshot::list_generations;
use super::track::PROPAGATION_CHECK_MS;
use crate::entity::name::{self, Column, is_unpublished};
use crate::lease::{Lease, assert_lease};
use crate::progress::ProgressLog;
use crate::trail::Action;
use crate::tx::Tx;
use crate::{Error, Store, trail};

/// Why an operator adopts RRsets, for the line of the trail that begins the adoption.
#[derive(Debug, Clone, Copy)]
pub struct AdoptionReason<'a> {
    /// The domain of the zone.
    pub zone: &'a str,
    /// The detail of the trail's line.
    pub detail: &'a str,
    /// What becomes of the adopted RRsets.
    pub goal: AdoptionGoal<'a>,
}

/// What becomes of RRsets that are adopted.
#[derive(Debug, Clone, Copy)]
pub enum AdoptionGoal<'a> {
    /// They stay; publishing is paused for this reason, unless it is paused already.
    Keep(&'a str),
    /// No row wants them: publish deletes them.
    Delete,
}

/// The result of an adoption.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Adopted {
    /// RRsets that were not ours before.
    pub sets: u64,
    /// Names that were reached, in their order.
    pub names: Vec<String>,
    /// False when the lease was lost before all names were reached.
    pub complete: bool,
}

/// Makes RRsets of the zone ours, with what the zone holds as confirmed; `None` bodies are ignored.
///
/// The caller holds the publish lease since before the zone was listed. Each name is adopted, and
/// marked where it is to be deleted, in one transaction.
///
/// # Errors
/// The database does not answer or refuses the statements.
pub async fn adopt(
    store: &Store,
    lease: &Lease,
    found: &[PublishedName],
    reason: AdoptionReason<'_>,
) -> Result<Adopted, Error> {
    let sorted = in_order(found);
    let mut adopted = Adopted::default();
    if !begin(store, lease, reason).await? {
        return Ok(adopted);
    }
    let mut progress = ProgressLog::new("adopting names of the zone", sorted.len());
    for chunk in sorted.chunks(ROWS_PER_STATEMENT) {
        let new = store
            .write(|tx| async move {
                let Some(now) = assert_lease(&tx, lease, 0).await? else {
                    return Ok::<_, Error>(None);
                };
                adopt_names(&tx, chunk, reason.goal, now).await.map(Some)
            })
            .await?;
        let Some(new) = new else {
            return Ok(adopted);
        };
        adopted.sets += new;
        adopted.names.extend(fqdns_of(chunk.iter().copied()));
        progress.step(chunk.len());
    }
    adopted.complete = true;
    Ok(adopted)
}

/// Pauses publishing before the first RRset is ours, so that nothing is sent for it.
async fn begin(store: &Store, lease: &Lease, reason: AdoptionReason<'_>) -> Result<bool, Error> {
    store
        .write(|tx| async move {
            if assert_lease(&tx, lease, 0).await?.is_none() {
                return Ok(false);
            }
            let action = match reason.goal {
                AdoptionGoal::Keep(pause) => {
                    keep_or_set_pause(&tx, pause).await?;
                    Action::ZoneAdopt
                }
                AdoptionGoal::Delete => Action::ZoneDeleteOrphans,
            };
            let line = trail::TrailEntry {
                object: reason.zone,
                detail: reason.detail,
                ..trail::TrailEntry::new(action)
            };
            trail::write_entry(&tx, &line).await?;
            Ok(true)
        })
        .await
}

/// Adopts the RRsets of these names. Returns how many were not ours before.
async fn adopt_names(
    tx: &Tx,
    found: &[&PublishedName],
    goal: AdoptionGoal<'_>,
    now: Timestamp,
) -> Result<u64, Error> {
    let fqdns = fqdns_of(found.iter().copied());
    settle(tx, &fqdns, now).await?;
    let mut registry = registry::list_by_name(tx.db(), &fqdns).await?;
    let mut adopted = 0;
    let mut entries = Vec::new();
    for name in found {
        let before = registry.remove(&name.name).unwrap_or_default();
        let mut after = before.clone();
        for (rtype, body) in &name.sets {
            let Some(body) = body else { continue };
            let known = after.iter().position(|entry| entry.rtype == *rtype);
            let at = known.unwrap_or_else(|| {
                after.push(RegistryEntry::new(&name.name, *rtype));
                after.len() - 1
            });
            let entry = &mut after[at];
            adopted += u64::from(entry.confirmed.is_none());
            entry.record_read(Some(body), now);
        }
        if after != before {
            entries.extend(after);
        }
    }
    if matches!(goal, AdoptionGoal::Delete) {
        let with_row = list_generations(tx.db(), Some(&fqdns)).await?;
        let nameless = entries
            .iter_mut()
            .filter(|entry| !with_row.contains_key(&entry.fqdn));
        nameless.for_each(|entry| look_for_nameless(entry, now));
        make_unpublished(tx, with_row.keys().map(String::as_str).collect(), now).await?;
    }
    registry::put_all(tx, entries, now).await?;
    Ok(adopted)
}

/// Retries names that the zone refused because an RRset was not ours, and marks published names
/// that were never sent from here as in sync for so long that no name server has to be asked.
async fn settle(tx: &Tx, fqdns: &[String], now: Timestamp) -> Result<(), Error> {
    let long_ago = now.plus(-PROPAGATION_CHECK_MS).as_millis();
    let is_retried = Condition::all()
        .add(is_unpublished())
        .add(Column::NextAttemptAt.is_not_null());
    let was_never_sent = Condition::all()
        .add(is_unpublished().not())
        .add(Column::SentAt.is_null());
    let next_attempt_at = CaseStatement::new()
        .case(is_retried, Expr::value(now.as_millis()))
        .finally(Expr::col(Column::NextAttemptAt));
    let in_sync_at = CaseStatement::new()
        .case(was_never_sent.clone(), Expr::value(long_ago))
        .finally(Expr::col(Column::InSyncAt));
    let sent_at = CaseStatement::new()
        .case(was_never_sent, Expr::value(long_ago))
        .finally(Expr::col(Column::SentAt));
    name::Entity::update_many()
        .col_expr(Column::NextAttemptAt, next_attempt_at.into())
        .col_expr(Column::InSyncAt, in_sync_at.into())
        .col_expr(Column::SentAt, sent_at.into())
        .filter(Column::Fqdn.is_in(fqdns))
        .exec(tx.db())
        .await?;
    Ok(())
}

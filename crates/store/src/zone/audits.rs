//! The result of the last audit, and the RRsets under users' labels that Starchart did not make.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::sea_query::{Expr, Func, OnConflict};
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, ExprTrait, QueryFilter, QueryOrder};
use starchart_domain::time::Timestamp;

use crate::entity::zone_audit::{self, Column};
use crate::entity::zone_orphan;
use crate::tx::Tx;
use crate::{Error, Store, sql};

pub use crate::entity::zone_audit::AuditOutcome;

/// What an audit found and did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditResult {
    /// How the audit ended.
    pub outcome: AuditOutcome,
    /// The plan's SHA-256, in hex.
    pub plan_hash: String,
    /// RRsets in the zone.
    pub listed: u64,
    /// RRsets of the registry.
    pub owned: u64,
    /// RRsets that the plan creates.
    pub creates: u64,
    /// RRsets that the plan deletes.
    pub deletes: u64,
    /// RRsets that the plan changes.
    pub replaces: u64,
    /// RRsets that are as rows want and are not in the registry.
    pub unclaimed: u64,
    /// RRsets that are not ours, orphans among them.
    pub foreign: u64,
    /// RRsets under users' labels that no row explains and that are not ours.
    pub orphans: u64,
    /// Differences that this audit marked for publish.
    pub repaired: u64,
    /// Why the plan needs approval.
    pub approval_reason: Option<String>,
}

/// The audits so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRow {
    /// When the last audit completed, and its result; none before the first.
    pub last: Option<(Timestamp, AuditResult)>,
    /// Differences marked for publish by all audits since the database was made.
    pub repaired_total: u64,
    /// Audits with a plan that needs approval, since the database was made.
    pub needing_approval_total: u64,
    /// Since when a plan needs approval.
    pub needs_approval_since: Option<Timestamp>,
    /// When the last audit failed, and why; none when it completed.
    pub problem: Option<(Timestamp, String)>,
}

/// Finds the result of the audits; none before the first was tried.
///
/// # Errors
/// The database does not answer or refuses the statements.
pub async fn find_audit(store: &Store) -> Result<Option<AuditRow>, Error> {
    let row = zone_audit::Entity::find_by_id(zone_audit::ID)
        .one(store.reader())
        .await?;
    Ok(row.map(AuditRow::from))
}

impl From<zone_audit::Model> for AuditRow {
    fn from(row: zone_audit::Model) -> Self {
        let count = |n: i64| u64::try_from(n).unwrap_or(0);
        let last = row.at.zip(row.outcome).map(|(at, outcome)| {
            let result = AuditResult {
                outcome,
                plan_hash: row.plan_hash.unwrap_or_default(),
                listed: count(row.listed),
                owned: count(row.owned),
                creates: count(row.creates),
                deletes: count(row.deletes),
                replaces: count(row.replaces),
                unclaimed: count(row.unclaimed),
                foreign: count(row.foreign_sets),
                orphans: count(row.orphans),
                repaired: count(row.repaired),
                approval_reason: row.approval_reason,
            };
            (Timestamp::from_millis(at), result)
        });
        let problem_at = row.problem_at.map(Timestamp::from_millis);
        Self {
            last,
            repaired_total: count(row.repaired_total),
            needing_approval_total: count(row.needing_approval_total),
            needs_approval_since: row.needs_approval_since.map(Timestamp::from_millis),
            problem: problem_at.zip(row.problem),
        }
    }
}

/// Records the result of an audit.
///
/// # Errors
/// The database does not answer or refuses the statements.
pub async fn record_audit(store: &Store, result: &AuditResult) -> Result<(), Error> {
    store
        .write(|tx| async move {
            let now = tx.now().await?.as_millis();
            insert_row(&tx).await?;
            let count = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
            let needs_approval = result.outcome == AuditOutcome::NeedsApproval;
            let plus = |column: Column, n: i64| Expr::col(column).add(n);
            let needs_approval_since = if needs_approval {
                Func::coalesce([Expr::col(Column::NeedsApprovalSince), Expr::value(now)]).into()
            } else {
                Expr::value(None::<i64>)
            };
            let approval_reason = result.approval_reason.as_deref();
            zone_audit::Entity::update_many()
                .col_expr(Column::At, Expr::value(now))
                .col_expr(Column::Outcome, Expr::value(result.outcome.as_str()))
                .col_expr(Column::PlanHash, Expr::value(result.plan_hash.as_str()))
                .col_expr(Column::Listed, Expr::value(count(result.listed)))
                .col_expr(Column::Owned, Expr::value(count(result.owned)))
                .col_expr(Column::Creates, Expr::value(count(result.creates)))
                .col_expr(Column::Deletes, Expr::value(count(result.deletes)))
                .col_expr(Column::Replaces, Expr::value(count(result.replaces)))
                .col_expr(Column::Unclaimed, Expr::value(count(result.unclaimed)))
                .col_expr(Column::ForeignSets, Expr::value(count(result.foreign)))
                .col_expr(Column::Orphans, Expr::value(count(result.orphans)))
                .col_expr(Column::Repaired, Expr::value(count(result.repaired)))
                .col_expr(
                    Column::RepairedTotal,
                    plus(Column::RepairedTotal, count(result.repaired)),
                )
                .col_expr(
                    Column::NeedingApprovalTotal,
                    plus(Column::NeedingApprovalTotal, i64::from(needs_approval)),
                )
                .col_expr(Column::NeedsApprovalSince, needs_approval_since)
                .col_expr(Column::ApprovalReason, Expr::value(approval_reason))
                .col_expr(Column::Problem, Expr::value(None::<String>))
                .col_expr(Column::ProblemAt, Expr::value(None::<i64>))
                .filter(Column::Id.eq(zone_audit::ID))
                .exec(tx.db())
                .await?;
            Ok(())
        })
        .await
}

/// The longest problem that is stored, in characters.
const PROBLEM_LEN: usize = 2_000;

/// Records why an audit failed. The result of the last one stays.
///
/// # Errors
/// The database does not answer or refuses the statements.
pub async fn record_failed_audit(store: &Store, problem: &str) -> Result<(), Error> {
    store
        .write(|tx| async move {
            let now = tx.now().await?.as_millis();
            insert_row(&tx).await?;
            zone_audit::Entity::update_many()
                .col_expr(Column::Problem, Expr::value(sql::cut(problem, PROBLEM_LEN)))
                .col_expr(Column::ProblemAt, Expr::value(now))
                .filter(Column::Id.eq(zone_audit::ID))
                .exec(tx.db())
                .await?;
            Ok(())
        })
        .await
}

/// Inserts the one row, unless it is there.
async fn insert_row(tx: &Tx) -> Result<(), Error> {
    let row = zone_audit::ActiveModel {
        id: Set(zone_audit::ID),
        ..Default::default()
    };
    let keep = OnConflict::column(Column::Id)
        .update_column(Column::Id)
        .to_owned();
    zone_audit::Entity::insert(row)
        .on_conflict(keep)
        .exec_without_returning(tx.db())
        .await?;
    Ok(())
}

/// An RRset under a user's label that no row explains and that is not ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrphanRow {
    /// The owner name, as an fqdn.
    pub fqdn: String,
    /// The type of the RRset.
    pub rtype: String,
    /// Its values, or the target of an alias.
    pub target: String,
    /// When an audit first saw it.
    pub first_seen_at: Timestamp,
}

/// Lists the orphans of the last audit, by name and type.
///
/// # Errors
/// The database does not answer or refuses the statements.
pub async fn list_orphans(store: &Store) -> Result<Vec<OrphanRow>, Error> {
    let rows = zone_orphan::Entity::find()
        .order_by_asc(zone_orphan::Column::Fqdn)
        .order_by_asc(zone_orphan::Column::Rtype)
        .all(store.reader())
        .await?;
    let orphan = |row: zone_orphan::Model| OrphanRow {
        fqdn: row.fqdn,
        rtype: row.rtype,
        target: row.target,
        first_seen_at: Timestamp::from_millis(row.first_seen_at),
    };
    Ok(rows.into_iter().map(orphan).collect())
}

/// Rows of one statement: few enough for every database's limit of parameters.
const ROWS_PER_STATEMENT: usize = 500;

/// Replaces the orphans by these (name, type, target). Known ones keep the time when they were
/// first seen.
///
/// # Errors
/// The database does not answer or refuses the statements.
pub async fn record_orphans(
    store: &Store,
    found: &[(String, String, String)],
) -> Result<(), Error> {
    let seen: BTreeSet<(&str, &str)> = found
        .iter()
        .map(|(name, rtype, _)| (name.as_str(), rtype.as_str()))
        .collect();
    let mut gone: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for row in list_orphans(store).await? {
        if !seen.contains(&(row.fqdn.as_str(), row.rtype.as_str())) {
            gone.entry(row.rtype).or_default().push(row.fqdn);
        }
    }
    for (rtype, fqdns) in &gone {
        for fqdns in fqdns.chunks(ROWS_PER_STATEMENT) {
            delete_orphans(store, rtype, fqdns).await?;
        }
    }
    for orphans in found.chunks(ROWS_PER_STATEMENT) {
        put_orphans(store, orphans).await?;
    }
    Ok(())
}

async fn delete_orphans(store: &Store, rtype: &str, fqdns: &[String]) -> Result<(), Error> {
    store
        .write(|tx| async move {
            zone_orphan::Entity::delete_many()
                .filter(zone_orphan::Column::Rtype.eq(rtype))
                .filter(zone_orphan::Column::Fqdn.is_in(fqdns))
                .exec(tx.db())
                .await?;
            Ok(())
        })
        .await
}

async fn put_orphans(store: &Store, orphans: &[(String, String, String)]) -> Result<(), Error> {
    store
        .write(|tx| async move {
            let now = tx.now().await?.as_millis();
            let rows = orphans
                .iter()
                .map(|(fqdn, rtype, target)| zone_orphan::ActiveModel {
                    fqdn: Set(fqdn.clone()),
                    rtype: Set(rtype.clone()),
                    target: Set(target.clone()),
                    first_seen_at: Set(now),
                });
            let update =
                OnConflict::columns([zone_orphan::Column::Fqdn, zone_orphan::Column::Rtype])
                    .update_column(zone_orphan::Column::Target)
                    .to_owned();
            zone_orphan::Entity::insert_many(rows)
                .on_conflict(update)
                .exec_without_returning(tx.db())
                .await?;
            Ok(())
        })
        .await
}

//! What monitoring reads: how much waits, and for how long. Few statements, each on an index.

use sea_orm::sea_query::{Expr, Query};
use sea_orm::{
    ColumnTrait, EntityTrait, ExprTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
};
use starchart_domain::certificate::{ALARM_SHARE, NOTICE_SHARE};
use starchart_domain::time::Timestamp;

use crate::certificates::has_share_left;
use crate::entity::certificate::{self, ACTIVE_SLOT, State};
use crate::entity::certificate_order::{self, Step};
use crate::entity::lease;
use crate::machines::{self, MachineCounts};
use crate::zone::{self, NameCounts};
use crate::{Error, Store, outbox};

const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

/// All counts of one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetricsSnapshot {
    /// The database's clock when it was read.
    pub now: Timestamp,
    /// Numbers of unpublished and refused names.
    pub names: NameCounts,
    /// Whether publishing is paused.
    pub is_paused: bool,
    /// The audits of the zone; `None` when none was tried.
    pub audit: Option<zone::AuditRow>,
    /// Numbers of orders for certificates.
    pub orders: OrderMetrics,
    /// Numbers of certificates by their state.
    pub certificates: CertificateMetrics,
    /// Numbers of machines that fetch certificates.
    pub machines: MachineCounts,
    /// Numbers of mails by their state.
    pub mails: outbox::MailCounts,
    /// Every lease that was ever acquired, by name.
    pub leases: Vec<LeaseMetrics>,
}

/// Counts of orders for certificates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OrderMetrics {
    /// Orders that are not finished.
    pub pending: u64,
    /// Orders that failed in the last 24 hours.
    pub failed_24h: u64,
    /// When the oldest pending order was opened.
    pub oldest_created_at: Option<Timestamp>,
    /// When the pending order that is due longest became due; it may be in the future.
    pub oldest_step_due_at: Option<Timestamp>,
}

/// Numbers of certificates by their state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CertificateMetrics {
    /// Active certificates of all users.
    pub active: u64,
    /// When the next of them expires.
    pub next_expiry: Option<Timestamp>,
    /// Active certificates with at most a quarter of their life left.
    pub with_quarter_left: u64,
    /// Active certificates with at most a sixth of their life left.
    pub with_sixth_left: u64,
    /// Certificates that expired within the last 7 days and have no successor.
    pub expired_last_7_days: u64,
}

/// How long a lease has been held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseMetrics {
    /// The stored name of the lease: `publish`.
    pub name: String,
    /// Milliseconds since the present holder acquired it; 0 when no process holds it.
    pub held_ms: i64,
}

/// Reads the metrics in one snapshot.
pub async fn read_snapshot(store: &Store) -> Result<MetricsSnapshot, Error> {
    let now = store.now().await?;
    Ok(MetricsSnapshot {
        now,
        names: zone::count_unpublished(store).await?,
        is_paused: zone::pause_reason(store).await?.is_some(),
        audit: zone::find_audit(store).await?,
        orders: count_orders(store, now).await?,
        certificates: count_certificates(store, now).await?,
        machines: machines::count(store).await?,
        mails: outbox::count_mails(store).await?,
        leases: list_leases(store, now).await?,
    })
}

async fn count_orders(store: &Store, now: Timestamp) -> Result<OrderMetrics, Error> {
    use certificate_order::{Column, Entity};
    let counts: Option<(i64, Option<i64>, Option<i64>)> = Entity::find()
        .select_only()
        .column_as(Column::Id.count(), "pending")
        .column_as(Column::CreatedAt.min(), "oldest_created_at")
        .column_as(Column::NextStepAt.min(), "oldest_step_due_at")
        .filter(Column::FinishedAt.is_null())
        .into_tuple()
        .one(store.reader())
        .await?;
    let (pending, oldest_created_at, oldest_step_due_at) = counts.unwrap_or_default();
    let failed_24h = Entity::find()
        .filter(Column::FinishedAt.gt(now.plus(-DAY_MS).as_millis()))
        .filter(Column::Step.eq(Step::Failed))
        .count(store.reader())
        .await?;
    Ok(OrderMetrics {
        pending: u64::try_from(pending).unwrap_or_default(),
        failed_24h,
        oldest_created_at: oldest_created_at.map(Timestamp::from_millis),
        oldest_step_due_at: oldest_step_due_at.map(Timestamp::from_millis),
    })
}

async fn count_certificates(store: &Store, now: Timestamp) -> Result<CertificateMetrics, Error> {
    use certificate::{Column, Entity};
    let days = |days: i64| now.plus(days * DAY_MS).as_millis();
    let expiring = || {
        Entity::find()
            .select_only()
            .filter(Column::State.eq(State::Active))
            .filter(Column::NotAfter.gt(days(0)))
    };
    // Of the computed column, because its index is small.
    let active: Option<i64> = Entity::find()
        .select_only()
        .column_as(Expr::col(ACTIVE_SLOT).count(), "active")
        .into_tuple()
        .one(store.reader())
        .await?;
    let next_expiry: Option<i64> = expiring()
        .column(Column::NotAfter)
        .order_by_asc(Column::NotAfter)
        .into_tuple()
        .one(store.reader())
        .await?;
    let sixth = Expr::case(has_share_left(ALARM_SHARE, now), 1);
    let counts: Option<(i64, i64)> = expiring()
        .column_as(Column::Id.count(), "quarter")
        .column_as(Expr::expr(sixth).count(), "sixth")
        .filter(has_share_left(NOTICE_SHARE, now))
        .into_tuple()
        .one(store.reader())
        .await?;
    let (quarter, sixth) = counts.unwrap_or_default();
    Ok(CertificateMetrics {
        active: u64::try_from(active.unwrap_or_default()).unwrap_or_default(),
        next_expiry: next_expiry.map(Timestamp::from_millis),
        with_quarter_left: u64::try_from(quarter).unwrap_or_default(),
        with_sixth_left: u64::try_from(sixth).unwrap_or_default(),
        expired_last_7_days: count_expired(store, days(-7), days(0)).await?,
    })
}

/// Counts certificates that expired between these times and have no successor. One that its owner
/// deleted, or that another replaced, does not count.
async fn count_expired(store: &Store, since: i64, now: i64) -> Result<u64, Error> {
    use certificate::{Column, Entity};
    const SUCCESSOR: &str = "successor";
    let successor = Query::select()
        .expr(Expr::value(1))
        .from_as(Entity, SUCCESSOR)
        .and_where(Expr::col((SUCCESSOR, Column::UserId)).equals((Entity, Column::UserId)))
        .and_where(Expr::col((SUCCESSOR, Column::NotAfter)).gt(now))
        .take();
    Ok(Entity::find()
        .filter(Column::State.is_in([State::Active, State::Expired]))
        .filter(Column::NotAfter.gt(since))
        .filter(Column::NotAfter.lte(now))
        .filter(Expr::not_exists(successor))
        .count(store.reader())
        .await?)
}

async fn list_leases(store: &Store, now: Timestamp) -> Result<Vec<LeaseMetrics>, Error> {
    use lease::Column;
    // The name as text, because a newer release may have leases that this one does not know.
    let rows: Vec<(String, i64, Option<i64>)> = lease::Entity::find()
        .select_only()
        .column(Column::Name)
        .column(Column::ExpiresAt)
        .column(Column::TakenAt)
        .order_by_asc(Column::Name)
        .into_tuple()
        .all(store.reader())
        .await?;
    let metrics = |(name, expires_at, taken_at): (String, i64, Option<i64>)| {
        let taken_at = taken_at.filter(|_| expires_at > now.as_millis());
        let held_ms = |taken_at| std::cmp::max(now.since(Timestamp::from_millis(taken_at)), 0);
        LeaseMetrics {
            name,
            held_ms: taken_at.map_or(0, held_ms),
        }
    };
    Ok(rows.into_iter().map(metrics).collect())
}

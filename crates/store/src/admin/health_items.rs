//! What needs an admin: refused names, failed mails, stuck orders; and how to retry them.

use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveEnum, ColumnTrait, Condition, EntityTrait, ExprTrait, JoinType, PaginatorTrait,
    QueryFilter, QueryOrder, QuerySelect, RelationDef, RelationTrait, Select,
};
use starchart_domain::certificate::MAX_STARTS;
use starchart_domain::time::Timestamp;

use super::Admin;
use crate::certificates::renewal_info::{self, ExplainedRenewals};
use crate::entity::certificate_order::{self, Step};
use crate::entity::{certificate, name, user};
use crate::trail::Action;
use crate::{Error, Store, outbox, trail, zone};

/// Items of each kind that are listed at most; the totals say how many there are.
const MAX_ITEMS: u32 = 50;
/// Explanations, and reasons why there is none, that are listed at most.
const MAX_EXPLANATIONS: u64 = 5;
/// A pending order that is older is stuck, in milliseconds.
const STUCK_MS: i64 = 30 * 60 * 1_000;
/// A pending order whose step was begun this often is stuck, however young; it is about to fail.
const STUCK_STARTS: u32 = MAX_STARTS - 1;
/// A pending order with this many consecutive failures of the authority is stuck.
const STUCK_FAILURES: u32 = 5;

/// What an admin should look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthItems {
    /// Names that the zone refused, oldest first.
    pub refused: Vec<RefusedNameRow>,
    /// How many names the zone refused.
    pub refused_total: u64,
    /// Mails that could not be sent, newest first.
    pub failed_mails: Vec<outbox::FailedMail>,
    /// How many mails failed, and how many are pending.
    pub mails: outbox::MailCounts,
    /// Orders for certificates that make no progress, oldest first.
    pub stuck_orders: Vec<StuckOrder>,
    /// What the authority explains about the renewals of active certificates, earliest first.
    pub explained_renewals: Vec<ExplainedRenewals>,
    /// Why the authority gives no renewal information, with the number of active certificates.
    pub renewal_info_problems: Vec<(String, u64)>,
    /// Certificates of deleted users that are valid and not revoked yet.
    pub pending_revocations: u64,
    /// Unpublished names, without the refused ones.
    pub unpublished: u64,
    /// For how long the oldest of them has been unpublished, in milliseconds.
    pub oldest_unpublished_ms: Option<i64>,
    /// For how long the oldest mail has been pending, in milliseconds.
    pub oldest_mail_ms: Option<i64>,
    /// Why publishing is paused, if it is.
    pub paused: Option<zone::Pause>,
    /// The audits of the zone; `None` when none was tried.
    pub audit: Option<zone::AuditRow>,
}

/// A name whose last change the zone refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedNameRow {
    /// The full name, without a trailing dot.
    pub fqdn: String,
    /// The user name of its owner.
    pub username: String,
    /// The reason as its owner reads it.
    pub reason: String,
    /// Since when it is unpublished.
    pub since: Option<Timestamp>,
    /// When it is retried.
    pub next_try: Option<Timestamp>,
}

/// A pending order that makes no progress.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StuckOrder {
    /// The id of its row.
    pub id: i64,
    /// The user name of its owner.
    pub username: String,
    /// The owner's base domain.
    pub domain: String,
    /// The stored word of its step.
    pub step: String,
    /// How often the step was begun.
    pub starts: u32,
    /// Why the last attempt failed.
    pub problem: Option<String>,
    /// When it was opened.
    pub since: Timestamp,
    /// When it is retried.
    pub next_try: Timestamp,
}

/// Lists what an admin should look at.
pub async fn list_health_items(store: &Store, _: &Admin) -> Result<HealthItems, Error> {
    let names = zone::count_unpublished(store).await?;
    let now = store.now().await?;
    let mails = outbox::count_mails(store).await?;
    let age_ms = |since: Timestamp| std::cmp::max(now.since(since), 0);
    Ok(HealthItems {
        refused: list_refused_names(store).await?,
        refused_total: names.refused,
        failed_mails: outbox::list_failed(store, u64::from(MAX_ITEMS)).await?,
        mails,
        stuck_orders: list_stuck_orders(store, now).await?,
        explained_renewals: renewal_info::list_explanations(store, MAX_EXPLANATIONS).await?,
        renewal_info_problems: renewal_info::list_problems(store, MAX_EXPLANATIONS).await?,
        pending_revocations: count_pending_revocations(store, now).await?,
        unpublished: names.unpublished,
        oldest_unpublished_ms: names.oldest_unpublished_at.map(age_ms),
        oldest_mail_ms: mails.oldest_pending_at.map(age_ms),
        paused: zone::find_pause(store).await?,
        audit: zone::find_audit(store).await?,
    })
}

async fn count_pending_revocations(store: &Store, now: Timestamp) -> Result<u64, Error> {
    use certificate::Column;
    Ok(certificate::Entity::find()
        .filter(Column::RevocationRequestedAt.is_not_null())
        .filter(Column::RevokedAt.is_null())
        .filter(Column::NotAfter.gt(now.as_millis()))
        .count(store.reader())
        .await?)
}

/// Names whose last change the zone refused.
fn refused_names() -> Select<name::Entity> {
    use name::Column;
    let of_last_change = Expr::col((name::Entity, Column::RefusedGeneration))
        .equals((name::Entity, Column::Generation));
    name::Entity::find()
        .filter(is_unpublished())
        .filter(of_last_change)
}

/// The computed column of names; its index finds the few unpublished ones.
fn is_unpublished() -> Expr {
    Expr::col("is_unpublished").eq(1)
}

async fn list_refused_names(store: &Store) -> Result<Vec<RefusedNameRow>, Error> {
    use name::Column;
    type Row = (String, String, Option<String>, Option<i64>, Option<i64>);
    let owner: RelationDef = name::Entity::belongs_to(user::Entity)
        .from(Column::UserId)
        .to(user::Column::Id)
        .into();
    let rows: Vec<Row> = refused_names()
        .select_only()
        .column(Column::Fqdn)
        .column(user::Column::Username)
        .column(Column::Refusal)
        .column(Column::UnpublishedSince)
        .column(Column::NextAttemptAt)
        .join(JoinType::InnerJoin, owner)
        .order_by_asc(Column::UnpublishedSince)
        .order_by_asc(Column::Fqdn)
        .limit(u64::from(MAX_ITEMS))
        .into_tuple()
        .all(store.reader())
        .await?;
    let name = |(fqdn, username, refusal, since, next_try): Row| RefusedNameRow {
        fqdn,
        username,
        reason: refusal.unwrap_or_default(),
        since: since.map(Timestamp::from_millis),
        next_try: next_try.map(Timestamp::from_millis),
    };
    Ok(rows.into_iter().map(name).collect())
}

async fn list_stuck_orders(store: &Store, now: Timestamp) -> Result<Vec<StuckOrder>, Error> {
    use certificate_order::{Column, Relation};
    type Row = (i64, String, String, Step, i32, Option<String>, i64, i64);
    let is_stuck = Condition::any()
        .add(Column::CreatedAt.lt(now.plus(-STUCK_MS).as_millis()))
        .add(Column::Starts.gte(STUCK_STARTS))
        .add(Column::Failures.gte(STUCK_FAILURES));
    let rows: Vec<Row> = certificate_order::Entity::find()
        .select_only()
        .column(Column::Id)
        .column(user::Column::Username)
        .column(Column::Domain)
        .column(Column::Step)
        .column(Column::Starts)
        .column(Column::Problem)
        .column(Column::CreatedAt)
        .column(Column::NextStepAt)
        .join(JoinType::InnerJoin, Relation::User.def())
        .filter(Column::FinishedAt.is_null())
        .filter(is_stuck)
        .order_by_asc(Column::Id)
        .limit(u64::from(MAX_ITEMS))
        .into_tuple()
        .all(store.reader())
        .await?;
    let order = |row: Row| {
        let (id, username, domain, step, starts, problem, created_at, next_step_at) = row;
        StuckOrder {
            id,
            username,
            domain,
            step: step.to_value(),
            starts: u32::try_from(starts).unwrap_or_default(),
            problem,
            since: Timestamp::from_millis(created_at),
            next_try: Timestamp::from_millis(next_step_at),
        }
    };
    Ok(rows.into_iter().map(order).collect())
}

/// Retries a failed mail from its first attempt, to the address that its user has now. Returns
/// whether there was such a failed mail.
pub async fn retry_mail(
    store: &Store,
    admin: &Admin,
    id: i64,
    request_id: &str,
) -> Result<bool, Error> {
    outbox::retry(store, id, &admin.audit_context(request_id)).await
}

/// Makes a refused name due now; wake the publisher afterwards. Returns whether the name was
/// refused.
pub async fn retry_name(
    store: &Store,
    admin: &Admin,
    fqdn: &str,
    request_id: &str,
) -> Result<bool, Error> {
    use name::Column;
    store
        .write(|tx| async move {
            let now = tx.now().await?;
            let retried = name::Entity::update_many()
                .col_expr(Column::NextAttemptAt, Expr::value(now.as_millis()))
                .filter(Column::Fqdn.eq(fqdn))
                .filter(is_unpublished())
                .filter(Expr::col(Column::RefusedGeneration).equals(Column::Generation))
                .exec(tx.db())
                .await?;
            if retried.rows_affected == 0 {
                return Ok(false);
            }
            let context = admin.audit_context(request_id);
            trail::write(&tx, &context, Action::NameRetry, fqdn, "").await?;
            Ok(true)
        })
        .await
}

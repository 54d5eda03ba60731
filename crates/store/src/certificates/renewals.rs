//! What the sweep does without a user's request: renewals, orders whose outcome at the authority is
//! unknown, and pending revocations.

use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, ExprTrait, JoinType, QueryFilter, QueryOrder, QuerySelect,
    QueryTrait, RelationTrait, SelectExt, Set,
};
use starchart_domain::certificate::{RevocationReason, renewal_retry_ms};
use starchart_domain::time::Timestamp;
use starchart_domain::user::UserId;

use super::claim::Claim;
use super::ends::{self, IssuedCertificate};
use super::rows;
use crate::entity::certificate::{self, ACTIVE_SLOT, Reason, State};
use crate::entity::certificate_order::{self, PENDING_SLOT, Step};
use crate::entity::user;
use crate::{Error, Store, users};

/// Opens orders for up to `limit` certificates that are due for renewal and whose owner has no
/// pending order, and returns how many were opened. A certificate gets one order, however many
/// processes sweep at once.
pub async fn open_due(store: &Store, limit: u64) -> Result<u64, Error> {
    let mut opened = 0;
    for (id, owner) in list_due(store, limit).await? {
        opened += u64::from(open_order(store, id, UserId(owner)).await?);
    }
    Ok(opened)
}

/// Ids and owners of certificates that are due for renewal, earliest end first.
async fn list_due(store: &Store, limit: u64) -> Result<Vec<(i64, i64)>, Error> {
    use certificate::Column;
    let of_owner = Expr::col((certificate_order::Entity, PENDING_SLOT))
        .equals((certificate::Entity, Column::UserId));
    let pending_order = certificate_order::Entity::find()
        .select_only()
        .column(certificate_order::Column::Id)
        .filter(of_owner);
    Ok(certificate::Entity::find()
        .select_only()
        .column(Column::Id)
        .column(Column::UserId)
        .join(JoinType::InnerJoin, certificate::Relation::User.def())
        .filter(Column::State.eq(State::Active))
        .filter(is_renewal_due(Expr::cust(store.now_sql())))
        .filter(user::Column::DeletedAt.is_null())
        .filter(user::Column::SuspendedAt.is_null())
        .filter(Expr::not_exists(pending_order.into_query()))
        .order_by_asc(Column::NotAfter)
        .limit(limit)
        .into_tuple()
        .all(store.reader())
        .await?)
}

/// Whether a certificate is to be renewed at `now`: its time has come, and it does not wait after a
/// renewal that failed.
fn is_renewal_due(now: Expr) -> Condition {
    use certificate::Column;
    let waits_until = Expr::col(Column::NextRenewalAt);
    Condition::all()
        .add(Expr::col(Column::RenewAt).lte(now.clone()))
        .add(waits_until.clone().is_null().or(waits_until.lte(now)))
}

async fn open_order(store: &Store, id: i64, owner: UserId) -> Result<bool, Error> {
    store
        .write(|tx| async move {
            if !users::lock(&tx, owner).await? {
                return Ok(false);
            }
            // Read again under the lock: another sweep or the user may have been faster.
            let now = tx.now().await?;
            let is_due = certificate::Entity::find_by_id(id)
                .filter(Expr::col(ACTIVE_SLOT).eq(owner.0))
                .filter(is_renewal_due(Expr::value(now.as_millis())))
                .exists(tx.db())
                .await?;
            if !is_due || rows::find_pending_order(tx.db(), owner).await?.is_some() {
                return Ok(false);
            }
            let Some(active) = rows::find_active(tx.db(), owner).await? else {
                return Ok(false);
            };
            rows::insert_order(&tx, owner, &active.domain, Some(id), true, now).await?;
            Ok(true)
        })
        .await
}

/// The certificate that an order renews.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenewedCertificate {
    /// The certificate of the domain, PEM.
    pub certificate: String,
    /// The ACME account that it was issued to, if it is known.
    pub account: Option<String>,
}

/// Reads the certificate that the order renews.
pub async fn find_renewed(
    store: &Store,
    claim: &Claim,
) -> Result<Option<RenewedCertificate>, Error> {
    use certificate::Column;
    let renewed = certificate_order::Entity::find_by_id(claim.order)
        .select_only()
        .column(certificate_order::Column::ReplacesId)
        .into_query();
    let row: Option<(String, Option<String>)> = certificate::Entity::find()
        .select_only()
        .column(Column::Certificate)
        .column(Column::Account)
        .filter(Column::Id.in_subquery(renewed))
        .filter(Column::UserId.eq(claim.owner.0))
        .into_tuple()
        .one(store.reader())
        .await?;
    Ok(row.map(|(certificate, account)| RenewedCertificate {
        certificate,
        account,
    }))
}

/// An order that ended without a certificate although its signing request may have been submitted:
/// the authority may have issued a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnresolvedOrder {
    claim: Claim,
    /// Its URL at the authority.
    pub url: String,
    /// When the order ended.
    pub at: Timestamp,
}

/// Lists orders of which it is unknown whether the authority issued a certificate.
pub async fn list_unresolved_orders(
    store: &Store,
    limit: u64,
) -> Result<Vec<UnresolvedOrder>, Error> {
    use certificate_order::Column;
    let rows: Vec<(i64, i64, String, String, i64)> = certificate_order::Entity::find()
        .select_only()
        .column(Column::Id)
        .column(Column::UserId)
        .column(Column::Domain)
        .column(Column::OrderUrl)
        .column(Column::FinishedAt)
        .filter(Column::Step.is_in([Step::Abandoned, Step::Failed]))
        .filter(Column::Csr.is_not_null())
        .filter(Column::OrderUrl.is_not_null())
        .filter(Column::FinishedAt.is_not_null())
        // When the authority may be asked about it again.
        .filter(Expr::col(Column::NextStepAt).lte(Expr::cust(store.now_sql())))
        .order_by_asc(Column::NextStepAt)
        .order_by_asc(Column::Id)
        .limit(limit)
        .into_tuple()
        .all(store.reader())
        .await?;
    let order = |(id, owner, domain, url, finished_at)| UnresolvedOrder {
        claim: Claim::of_finished(id, UserId(owner), domain),
        url,
        at: Timestamp::from_millis(finished_at),
    };
    Ok(rows.into_iter().map(order).collect())
}

/// Leaves the order alone for this many milliseconds, because the authority asks for it.
pub async fn postpone_unresolved_order(
    store: &Store,
    order: &UnresolvedOrder,
    for_ms: i64,
) -> Result<(), Error> {
    use certificate_order::Column;
    store
        .write(|tx| async move {
            let until = tx.now().await?.plus(for_ms).as_millis();
            certificate_order::Entity::update_many()
                .col_expr(Column::NextStepAt, Expr::value(until))
                .filter(Column::Id.eq(order.claim.order))
                .exec(tx.db())
                .await?;
            Ok(())
        })
        .await
}

/// Resolves the order: stores the issued certificate as deleted, without a key and with its
/// revocation requested, or records that nothing was issued.
pub async fn resolve_order(
    store: &Store,
    order: &UnresolvedOrder,
    issued: Option<&IssuedCertificate>,
) -> Result<(), Error> {
    use certificate_order::Column;
    store
        .write(|tx| async move {
            let now = tx.now().await?;
            let claim = &order.claim;
            // The user before the order, as in all transactions; a deleted user's tombstone is
            // locked by no transaction.
            users::lock(&tx, claim.owner).await?;
            // The row's signing request makes this happen once, also when two processes sweep.
            let resolved = certificate_order::Entity::update_many()
                .set(certificate_order::ActiveModel {
                    csr: Set(None),
                    ..Default::default()
                })
                .filter(Column::Id.eq(claim.order))
                .filter(Column::Csr.is_not_null())
                .exec(tx.db())
                .await?;
            let (1.., Some(issued)) = (resolved.rows_affected, issued) else {
                return Ok(());
            };
            let id = ends::insert_certificate(&tx, claim, issued, State::Deleted, now).await?;
            certificate::Entity::update_many()
                .set(certificate::ActiveModel {
                    ended_at: Set(Some(now.as_millis())),
                    revocation_requested_at: Set(Some(now.as_millis())),
                    ..Default::default()
                })
                .filter(certificate::Column::Id.eq(id))
                .exec(tx.db())
                .await?;
            ends::link_certificate(&tx, claim.order, id).await
        })
        .await
}

/// A certificate that is to be revoked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingRevocation {
    /// The id of its row.
    pub id: i64,
    /// The certificate to revoke, PEM.
    pub certificate: String,
    /// Why it is revoked.
    pub reason: RevocationReason,
}

/// Lists pending revocations that may be tried now, oldest first. An expired certificate needs
/// none.
pub async fn list_pending_revocations(
    store: &Store,
    limit: u64,
) -> Result<Vec<PendingRevocation>, Error> {
    use certificate::Column;
    let now = store.now().await?.as_millis();
    let may_be_tried = Condition::any()
        .add(Column::NextRevocationAt.is_null())
        .add(Column::NextRevocationAt.lte(now));
    let rows: Vec<(i64, String, Option<Reason>)> = certificate::Entity::find()
        .select_only()
        .column(Column::Id)
        .column(Column::Certificate)
        .column(Column::RevocationReason)
        .filter(Column::RevocationRequestedAt.is_not_null())
        .filter(Column::RevokedAt.is_null())
        .filter(Column::NotAfter.gt(now))
        .filter(may_be_tried)
        .order_by_asc(Column::RevocationRequestedAt)
        .order_by_asc(Column::Id)
        .limit(limit)
        .into_tuple()
        .all(store.reader())
        .await?;
    let pending = |(id, certificate, reason): (i64, String, Option<Reason>)| PendingRevocation {
        id,
        certificate,
        reason: reason.map_or(RevocationReason::CessationOfOperation, Into::into),
    };
    Ok(rows.into_iter().map(pending).collect())
}

/// Records that the authority revoked the certificate.
pub async fn mark_revoked(store: &Store, id: i64) -> Result<(), Error> {
    use certificate::Column;
    store
        .write(|tx| async move {
            let now = tx.now().await?;
            certificate::Entity::update_many()
                .set(certificate::ActiveModel {
                    revoked_at: Set(Some(now.as_millis())),
                    ..Default::default()
                })
                .filter(Column::Id.eq(id))
                .filter(Column::RevokedAt.is_null())
                .exec(tx.db())
                .await?;
            Ok(())
        })
        .await
}

/// Postpones every pending revocation by at least this many milliseconds, because the authority
/// asks for it.
pub async fn postpone_all_revocations(store: &Store, for_ms: i64) -> Result<(), Error> {
    use certificate::Column;
    store
        .write(|tx| async move {
            let until = tx.now().await?.plus(for_ms).as_millis();
            let is_earlier = Condition::any()
                .add(Column::NextRevocationAt.is_null())
                .add(Column::NextRevocationAt.lt(until));
            certificate::Entity::update_many()
                .col_expr(Column::NextRevocationAt, Expr::value(until))
                .filter(Column::RevocationRequestedAt.is_not_null())
                .filter(Column::RevokedAt.is_null())
                .filter(is_earlier)
                .exec(tx.db())
                .await?;
            Ok(())
        })
        .await
}

/// Backs off after the authority did not revoke the certificate; the wait grows with each attempt,
/// so that the other revocations get their turn.
pub async fn postpone_revocation(store: &Store, id: i64) -> Result<(), Error> {
    use certificate::Column;
    store
        .write(|tx| async move {
            let now = tx.now().await?;
            let attempts: Option<i32> = certificate::Entity::find_by_id(id)
                .select_only()
                .column(Column::RevocationAttempts)
                .into_tuple()
                .one(tx.db())
                .await?;
            let attempts = attempts
                .and_then(|n| u32::try_from(n).ok())
                .unwrap_or_default();
            let next = now.plus(renewal_retry_ms(attempts)).as_millis();
            let next_attempt = Expr::col(Column::RevocationAttempts).add(1);
            certificate::Entity::update_many()
                .col_expr(Column::NextRevocationAt, Expr::value(next))
                .col_expr(Column::RevocationAttempts, next_attempt)
                .filter(Column::Id.eq(id))
                .exec(tx.db())
                .await?;
            Ok(())
        })
        .await
}

//! How orders end: with a certificate, without one, or abandoned.

use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, EntityTrait, ExprTrait, PaginatorTrait, QueryFilter, SelectExt, Set, UpdateMany,
};
use starchart_domain::certificate::{FailureReason, OrderStep, Validity, certificate_names};
use starchart_domain::notice::{Notice, NoticeItem, NoticeKind};
use starchart_domain::time::Timestamp;
use starchart_domain::user::UserId;

use super::claim::{Claim, update_fenced};
use super::rows::{self, OrderRow};
use super::{budget, challenges};
use crate::entity::certificate::{self, State};
use crate::entity::certificate_order::{self, Step};
use crate::entity::user;
use crate::tx::Tx;
use crate::vault::KeyRow;
use crate::{Error, outbox, sql, users};

/// What the authority issued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuedCertificate {
    /// The certificate of the domain, PEM.
    pub certificate: String,
    /// The certificates of the intermediates, PEM.
    pub chain: String,
    /// The start of its validity.
    pub not_before: Timestamp,
    /// The end of its validity.
    pub not_after: Timestamp,
}

impl IssuedCertificate {
    /// Returns its validity period.
    pub const fn validity(&self) -> Validity {
        Validity::new(self.not_before, self.not_after)
    }
}

/// Characters of a problem that are stored.
pub(super) const PROBLEM_LENGTH: usize = 2_000;

/// Builds the update that finishes an order and deletes its claim and key.
fn finish(
    step: OrderStep,
    problem: Option<String>,
    now: Timestamp,
) -> UpdateMany<certificate_order::Entity> {
    certificate_order::Entity::update_many().set(certificate_order::ActiveModel {
        step: Set(step.into()),
        updated_at: Set(now.as_millis()),
        finished_at: Set(Some(now.as_millis())),
        problem: Set(problem),
        retry_at: Set(None),
        claimed_by: Set(None),
        claimed_until: Set(None),
        key_id: Set(None),
        key_nonce: Set(None),
        key_ciphertext: Set(None),
        ..Default::default()
    })
}

/// Also deletes the certificate signing request.
fn without_csr(
    update: UpdateMany<certificate_order::Entity>,
) -> UpdateMany<certificate_order::Entity> {
    update.set(certificate_order::ActiveModel {
        csr: Set(None),
        ..Default::default()
    })
}

/// Finishes an order that ended without a certificate. Where its signing request may have been
/// submitted, the request is kept until the revocation job knows whether the authority issued a
/// certificate: its key is deleted here, so it has to be revoked.
fn finish_without_certificate(
    order: &OrderRow,
    step: OrderStep,
    problem: Option<String>,
    now: Timestamp,
) -> UpdateMany<certificate_order::Entity> {
    let update = finish(step, problem, now);
    match order.step {
        Step::KeySaved | Step::Finalizing => update,
        _ => without_csr(update),
    }
}

/// Finishes the claimed order with its certificate, as [`super::orders::issue`] describes. A user
/// who was suspended after the claim gets no certificate; the order is abandoned.
pub(super) async fn issue(
    tx: &Tx,
    claim: &Claim,
    issued: &IssuedCertificate,
) -> Result<bool, Error> {
    let now = tx.now().await?;
    let owner = claim.owner;
    if !users::lock(tx, owner).await? {
        return Ok(false);
    }
    if is_suspended(tx, owner).await? {
        abandon_claimed(tx, claim, now).await?;
        return Ok(false);
    }
    let sealed = rows::find_sealed_order_key(tx.db(), claim.order).await?;
    let update = without_csr(finish(OrderStep::Issued, None, now));
    if !update_fenced(tx, claim, update, now).await? {
        return Ok(false);
    }
    let sealed = sealed
        .ok_or_else(|| Error::Corrupt(format!("order {} is issued and has no key", claim.order)))?;
    let vault = tx.store().vault();
    let key = vault.open(owner, KeyRow::Order(claim.order), &sealed)?;
    challenges::delete_values(tx, owner, &claim.domain, now).await?;
    if let Some(old) = rows::find_active(tx.db(), owner).await? {
        rows::end_certificate(tx, old.id, State::Replaced, now).await?;
    }
    let id = insert_certificate(tx, claim, issued, State::Active, now).await?;
    // Sealed again, because the associated data names the row.
    let sealed = vault.seal(owner, KeyRow::Certificate(id), &key)?;
    rows::set_key(tx, id, sealed).await?;
    link_certificate(tx, claim.order, id).await?;
    let [name, _] = certificate_names(&claim.domain);
    let item = NoticeItem {
        name,
        what: Some(format!("for {}", issued.validity().describe_life())),
        on: Some(issued.not_after.to_minute()),
        reason: None,
    };
    queue_mail(tx, claim, NoticeKind::CertificateReady, item).await?;
    Ok(true)
}

/// Inserts the certificate without its key, and returns its id.
pub(super) async fn insert_certificate(
    tx: &Tx,
    claim: &Claim,
    issued: &IssuedCertificate,
    state: State,
    now: Timestamp,
) -> Result<i64, Error> {
    let order = rows::find_order(tx.db(), claim.order).await?;
    let is_active = state == State::Active;
    let row = certificate::ActiveModel {
        user_id: Set(claim.owner.0),
        domain: Set(claim.domain.clone()),
        state: Set(state),
        certificate: Set(issued.certificate.clone()),
        chain: Set(issued.chain.clone()),
        not_before: Set(issued.not_before.as_millis()),
        not_after: Set(issued.not_after.as_millis()),
        renew_at: Set(issued.validity().renewal_at().as_millis()),
        account: Set(order.and_then(|order| order.account)),
        // The authority is asked at once when to renew it.
        ari_check_at: Set(is_active.then_some(now.as_millis())),
        created_at: Set(now.as_millis()),
        ..Default::default()
    };
    let inserted = certificate::Entity::insert(row).exec(tx.db()).await?;
    Ok(inserted.last_insert_id)
}

/// Records which certificate came of the order.
pub(super) async fn link_certificate(tx: &Tx, order: i64, certificate: i64) -> Result<(), Error> {
    certificate_order::Entity::update_many()
        .set(certificate_order::ActiveModel {
            certificate_id: Set(Some(certificate)),
            ..Default::default()
        })
        .filter(certificate_order::Column::Id.eq(order))
        .exec(tx.db())
        .await?;
    Ok(())
}

async fn queue_mail(
    tx: &Tx,
    claim: &Claim,
    kind: NoticeKind,
    item: NoticeItem,
) -> Result<(), Error> {
    let notice = Notice {
        kind,
        items: vec![item],
    };
    outbox::queue_mail(tx, claim.owner, &format!("order:{}", claim.order), &notice).await
}

/// Finishes the claimed order as failed. Of the failures of an automatic renewal only the first
/// queues a mail, and only one that its owner may mend, since the sweep retries.
pub(super) async fn fail(tx: &Tx, claim: &Claim, reason: &FailureReason) -> Result<bool, Error> {
    let now = tx.now().await?;
    if !users::lock(tx, claim.owner).await? {
        return Ok(false);
    }
    let Some(order) = rows::find_order(tx.db(), claim.order).await? else {
        return Ok(false);
    };
    let message = sql::cut(&reason.message(), PROBLEM_LENGTH);
    let problem = Some(message.clone());
    let update = finish_without_certificate(&order, OrderStep::Failed, problem, now);
    if !update_fenced(tx, claim, update, now).await? {
        return Ok(false);
    }
    challenges::delete_values(tx, claim.owner, &claim.domain, now).await?;
    give_back(tx, &order, now).await?;
    let is_mailed = if order.automatic {
        postpone_renewal(tx, &order, now).await? == 0 && reason.concerns_owner()
    } else {
        true
    };
    if is_mailed {
        let [name, _] = certificate_names(&claim.domain);
        let item = NoticeItem {
            name,
            what: None,
            on: None,
            reason: Some(message),
        };
        queue_mail(tx, claim, NoticeKind::CertificateFailed, item).await?;
    }
    Ok(true)
}

/// Gives back what an order took of the issuance budget, unless its signing request may have been
/// submitted: then the authority may have issued a certificate and counts it.
async fn give_back(tx: &Tx, order: &OrderRow, now: Timestamp) -> Result<(), Error> {
    match order.step {
        Step::KeySaved | Step::Finalizing => Ok(()),
        _ => budget::give_back(tx, order, now).await,
    }
}

/// Makes the sweep wait before it renews the certificate again, and returns how many of its
/// renewals had failed before.
async fn postpone_renewal(tx: &Tx, order: &OrderRow, now: Timestamp) -> Result<u32, Error> {
    use certificate_order::Column;
    let Some(certificate) = order.replaces_id else {
        return Ok(0);
    };
    let failed_before = certificate_order::Entity::find()
        .filter(Column::ReplacesId.eq(certificate))
        .filter(Column::Automatic.eq(true))
        .filter(Column::Step.eq(Step::Failed))
        .filter(Column::Id.lt(order.id))
        .count(tx.db())
        .await?;
    let failed_before = u32::try_from(failed_before).unwrap_or(u32::MAX);
    let Some(validity) = rows::find_validity(tx.db(), certificate).await? else {
        return Ok(failed_before);
    };
    let next = now.plus(validity.renewal_retry_ms(failed_before));
    certificate::Entity::update_many()
        .set(certificate::ActiveModel {
            next_renewal_at: Set(Some(next.as_millis())),
            ..Default::default()
        })
        .filter(certificate::Column::Id.eq(certificate))
        .exec(tx.db())
        .await?;
    Ok(failed_before)
}

/// Abandons the claimed order, as long as the claim holds. The caller holds the user's row.
pub(super) async fn abandon_claimed(tx: &Tx, claim: &Claim, now: Timestamp) -> Result<(), Error> {
    let next_fence = Expr::col(certificate_order::Column::Fence).add(1);
    let update = certificate_order::Entity::update_many()
        .col_expr(certificate_order::Column::Fence, next_fence);
    if update_fenced(tx, claim, update, now).await? {
        abandon_pending_order(tx, claim.owner).await?;
    }
    Ok(())
}

async fn is_suspended(tx: &Tx, owner: UserId) -> Result<bool, Error> {
    Ok(user::Entity::find_by_id(owner.0)
        .filter(user::Column::SuspendedAt.is_not_null())
        .exists(tx.db())
        .await?)
}

/// Abandons the user's pending order, if there is one, with its challenge values and its key, so
/// that nothing is issued to the user afterwards. Returns whether there was one. The caller holds
/// the user's row.
///
/// Where the signing request may have been submitted it stays with the order until the worker knows
/// whether the authority issued a certificate, which is then to be revoked.
pub(crate) async fn abandon_pending_order(tx: &Tx, owner: UserId) -> Result<bool, Error> {
    use certificate_order::Column;
    let Some(order) = rows::find_pending_order(tx.db(), owner).await? else {
        return Ok(false);
    };
    let now = tx.now().await?;
    finish_without_certificate(&order, OrderStep::Abandoned, None, now)
        // Invalidates a claim that is held at this moment.
        .col_expr(Column::Fence, Expr::col(Column::Fence).add(1))
        .filter(Column::Id.eq(order.id))
        .exec(tx.db())
        .await?;
    challenges::delete_values(tx, owner, &order.domain, now).await?;
    give_back(tx, &order, now).await?;
    Ok(true)
}

/// Takes the user's certificates out of use, deletes their keys, and requests the revocation of
/// each that has not expired, since its key has been handed out. Returns how many revocations were
/// requested. The caller holds the user's row.
pub(crate) async fn request_revocations(tx: &Tx, owner: UserId) -> Result<u64, Error> {
    use certificate::Column;
    let now = tx.now().await?;
    let requested = certificate::Entity::update_many()
        .set(certificate::ActiveModel {
            revocation_requested_at: Set(Some(now.as_millis())),
            ..Default::default()
        })
        .filter(Column::UserId.eq(owner.0))
        .filter(Column::NotAfter.gt(now.as_millis()))
        .filter(Column::RevokedAt.is_null())
        .filter(Column::RevocationRequestedAt.is_null())
        .exec(tx.db())
        .await?;
    let is_active = Column::State.eq(State::Active);
    let state = Expr::case(is_active, State::Deleted).finally(Expr::col(Column::State));
    rows::key_deletion(now)
        .col_expr(Column::State, state.into())
        .filter(Column::UserId.eq(owner.0))
        .exec(tx.db())
        .await?;
    Ok(requested.rows_affected)
}

//! Reads and writes of `certificates` and `certificate_orders` that several modules share.

use sea_orm::sea_query::{Expr, Func};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DerivePartialModel, EntityTrait, ExprTrait, QueryFilter,
    QueryOrder, QuerySelect, SelectExt, Set,
};
use starchart_domain::certificate::{OrderStep, Validity};
use starchart_domain::time::Timestamp;
use starchart_domain::user::UserId;

use super::Certificate;
use crate::Error;
use crate::entity::certificate::{self, ACTIVE_SLOT};
use crate::entity::certificate_order::{self, PENDING_SLOT, Step};
use crate::error::busy_if_duplicate;
use crate::tx::Tx;
use crate::vault::{KeyRow, SealedKey};

/// A certificate, without its key.
#[derive(Debug, Clone, DerivePartialModel)]
#[sea_orm(entity = "certificate::Entity")]
pub(crate) struct CertificateRow {
    pub(super) id: i64,
    pub(super) domain: String,
    pub(super) certificate: String,
    pub(super) chain: String,
    pub(super) not_before: i64,
    pub(super) not_after: i64,
    pub(super) renew_at: i64,
    pub(super) created_at: i64,
}

impl From<CertificateRow> for Certificate {
    fn from(row: CertificateRow) -> Self {
        Self {
            id: row.id,
            domain: row.domain,
            certificate: row.certificate,
            chain: row.chain,
            not_before: Timestamp::from_millis(row.not_before),
            not_after: Timestamp::from_millis(row.not_after),
            renew_at: Timestamp::from_millis(row.renew_at),
            created_at: Timestamp::from_millis(row.created_at),
        }
    }
}

/// An order, without its key and its certificate signing request.
#[derive(Debug, Clone, DerivePartialModel)]
#[sea_orm(entity = "certificate_order::Entity")]
pub(crate) struct OrderRow {
    pub(super) id: i64,
    pub(super) user_id: i64,
    pub(super) domain: String,
    pub(super) step: Step,
    pub(super) order_url: Option<String>,
    pub(super) account: Option<String>,
    pub(super) key_id: Option<String>,
    pub(super) replaces_id: Option<i64>,
    pub(super) turn_at: Option<i64>,
    pub(super) counted_ms: i64,
    pub(super) starts: i32,
    pub(super) fence: i64,
    pub(super) problem: Option<String>,
    pub(super) retry_at: Option<i64>,
    pub(super) ca_wait_until: Option<i64>,
    pub(super) dns_not_checked: bool,
    pub(super) created_at: i64,
    pub(super) updated_at: i64,
    pub(super) finished_at: Option<i64>,
    pub(super) automatic: bool,
    pub(super) failures: i32,
    pub(super) openings: i32,
}

/// Finds the user's active certificate.
pub(crate) async fn find_active(
    on: &impl ConnectionTrait,
    owner: UserId,
) -> Result<Option<CertificateRow>, Error> {
    Ok(certificate::Entity::find()
        .filter(Expr::col(ACTIVE_SLOT).eq(owner.0))
        .into_partial_model()
        .one(on)
        .await?)
}

/// Whether the user has an active certificate or a pending order.
pub(super) async fn has_any(on: &impl ConnectionTrait, owner: UserId) -> Result<bool, Error> {
    let active = certificate::Entity::find().filter(Expr::col(ACTIVE_SLOT).eq(owner.0));
    let pending = certificate_order::Entity::find().filter(Expr::col(PENDING_SLOT).eq(owner.0));
    Ok(active.exists(on).await? || pending.exists(on).await?)
}

/// Finds the user's pending order.
pub(crate) async fn find_pending_order(
    on: &impl ConnectionTrait,
    owner: UserId,
) -> Result<Option<OrderRow>, Error> {
    Ok(certificate_order::Entity::find()
        .filter(Expr::col(PENDING_SLOT).eq(owner.0))
        .into_partial_model()
        .one(on)
        .await?)
}

/// Finds the user's latest order, finished or not.
pub(super) async fn find_last_order(
    on: &impl ConnectionTrait,
    owner: UserId,
) -> Result<Option<OrderRow>, Error> {
    Ok(certificate_order::Entity::find()
        .filter(certificate_order::Column::UserId.eq(owner.0))
        .order_by_desc(certificate_order::Column::Id)
        .into_partial_model()
        .one(on)
        .await?)
}

/// Finds any user's order, for the worker.
pub(super) async fn find_order(
    on: &impl ConnectionTrait,
    id: i64,
) -> Result<Option<OrderRow>, Error> {
    Ok(certificate_order::Entity::find_by_id(id)
        .into_partial_model()
        .one(on)
        .await?)
}

/// Reads the validity period of a certificate.
pub(super) async fn find_validity(
    on: &impl ConnectionTrait,
    certificate: i64,
) -> Result<Option<Validity>, Error> {
    use certificate::Column;
    let dates: Option<(i64, i64)> = certificate::Entity::find_by_id(certificate)
        .select_only()
        .column(Column::NotBefore)
        .column(Column::NotAfter)
        .into_tuple()
        .one(on)
        .await?;
    let at = Timestamp::from_millis;
    Ok(dates.map(|(not_before, not_after)| Validity::new(at(not_before), at(not_after))))
}

/// The times at which the user asked for a certificate since then, oldest first.
pub(super) async fn list_requests_since(
    on: &impl ConnectionTrait,
    owner: UserId,
    since: Timestamp,
) -> Result<Vec<i64>, Error> {
    use certificate_order::Column;
    Ok(certificate_order::Entity::find()
        .select_only()
        .column(Column::CreatedAt)
        .filter(Column::UserId.eq(owner.0))
        .filter(Column::CreatedAt.gt(since.as_millis()))
        .filter(Column::Automatic.eq(false))
        .order_by_asc(Column::CreatedAt)
        .into_tuple()
        .all(on)
        .await?)
}

/// Opens an order. The caller holds the user's row and has seen that no order is pending.
pub(super) async fn insert_order(
    tx: &Tx,
    owner: UserId,
    domain: &str,
    replaces: Option<i64>,
    automatic: bool,
    now: Timestamp,
) -> Result<(), Error> {
    let order = certificate_order::ActiveModel {
        user_id: Set(owner.0),
        domain: Set(domain.to_owned()),
        step: Set(OrderStep::Requested.into()),
        replaces_id: Set(replaces),
        automatic: Set(automatic),
        next_step_at: Set(now.as_millis()),
        created_at: Set(now.as_millis()),
        updated_at: Set(now.as_millis()),
        ..Default::default()
    };
    certificate_order::Entity::insert(order)
        .exec_without_returning(tx.db())
        .await
        .map_err(busy_if_duplicate)?;
    Ok(())
}

/// The columns of a sealed key.
#[derive(DerivePartialModel)]
#[sea_orm(entity = "certificate::Entity")]
struct CertificateKey {
    key_id: Option<String>,
    key_nonce: Option<Vec<u8>>,
    key_ciphertext: Option<Vec<u8>>,
}

#[derive(DerivePartialModel)]
#[sea_orm(entity = "certificate_order::Entity")]
struct OrderKey {
    key_id: Option<String>,
    key_nonce: Option<Vec<u8>>,
    key_ciphertext: Option<Vec<u8>>,
}

/// Reads the sealed key of the user's active certificate, if that is its id.
pub(super) async fn find_sealed_key(
    on: &impl ConnectionTrait,
    owner: UserId,
    id: i64,
) -> Result<Option<SealedKey>, Error> {
    let row: Option<CertificateKey> = certificate::Entity::find_by_id(id)
        .filter(Expr::col(ACTIVE_SLOT).eq(owner.0))
        .into_partial_model()
        .one(on)
        .await?;
    Ok(row.and_then(|row| sealed_key(row.key_id, row.key_nonce, row.key_ciphertext)))
}

/// Reads the sealed key of an order.
pub(super) async fn find_sealed_order_key(
    on: &impl ConnectionTrait,
    id: i64,
) -> Result<Option<SealedKey>, Error> {
    let row: Option<OrderKey> = certificate_order::Entity::find_by_id(id)
        .into_partial_model()
        .one(on)
        .await?;
    Ok(row.and_then(|row| sealed_key(row.key_id, row.key_nonce, row.key_ciphertext)))
}

/// Reads the sealed key of any user's certificate or order, for the operator.
pub(super) async fn find_any_sealed_key(
    on: &impl ConnectionTrait,
    row: KeyRow,
) -> Result<Option<SealedKey>, Error> {
    let id = match row {
        KeyRow::Order(id) => return find_sealed_order_key(on, id).await,
        KeyRow::Certificate(id) => id,
    };
    let row: Option<CertificateKey> = certificate::Entity::find_by_id(id)
        .into_partial_model()
        .one(on)
        .await?;
    Ok(row.and_then(|row| sealed_key(row.key_id, row.key_nonce, row.key_ciphertext)))
}

fn sealed_key(
    key_id: Option<String>,
    nonce: Option<Vec<u8>>,
    ciphertext: Option<Vec<u8>>,
) -> Option<SealedKey> {
    Some(SealedKey {
        key_id: key_id?,
        nonce: nonce?,
        ciphertext: ciphertext?,
    })
}

/// Stores the sealed key of a certificate that has none.
pub(crate) async fn set_key(tx: &Tx, id: i64, sealed: SealedKey) -> Result<(), Error> {
    let key = certificate::ActiveModel {
        key_id: Set(Some(sealed.key_id)),
        key_nonce: Set(Some(sealed.nonce)),
        key_ciphertext: Set(Some(sealed.ciphertext)),
        ..Default::default()
    };
    certificate::Entity::update_many()
        .set(key)
        .filter(certificate::Column::Id.eq(id))
        .exec(tx.db())
        .await?;
    Ok(())
}

/// An update that deletes the key of a certificate, ends the questions about its renewal, and gives
/// it an end, unless it has one.
pub(crate) fn key_deletion(now: Timestamp) -> sea_orm::UpdateMany<certificate::Entity> {
    use certificate::Column;
    let ended_at = Func::coalesce([Expr::col(Column::EndedAt), Expr::value(now.as_millis())]);
    certificate::Entity::update_many()
        .set(certificate::ActiveModel {
            key_id: Set(None),
            key_nonce: Set(None),
            key_ciphertext: Set(None),
            ari_check_at: Set(None),
            ..Default::default()
        })
        .col_expr(Column::EndedAt, ended_at.into())
}

/// Whether at most one `share`th of a certificate's life is left at `now`.
pub(crate) fn has_share_left(share: i64, now: Timestamp) -> Expr {
    use certificate::Column;
    let left = Expr::col(Column::NotAfter).sub(now.as_millis());
    let life = Expr::col(Column::NotAfter).sub(Expr::col(Column::NotBefore));
    left.mul(share).lte(life)
}

/// Takes a certificate out of use and deletes its key.
pub(super) async fn end_certificate(
    tx: &Tx,
    id: i64,
    state: certificate::State,
    now: Timestamp,
) -> Result<(), Error> {
    key_deletion(now)
        .set(certificate::ActiveModel {
            state: Set(state),
            ..Default::default()
        })
        .filter(certificate::Column::Id.eq(id))
        .exec(tx.db())
        .await?;
    Ok(())
}

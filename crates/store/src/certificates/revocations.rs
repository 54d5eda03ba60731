//! What an owner may revoke: each certificate that is valid, in use here or not.

use sea_orm::{ColumnTrait, DerivePartialModel, EntityTrait, QueryFilter, QueryOrder, Set};
use starchart_domain::certificate::RevocationReason;
use starchart_domain::time::Timestamp;
use starchart_domain::user::UserId;

use super::{abandon_pending_order, rows};
use crate::entity::certificate::{self, State};
use crate::trail::{self, Action, AuditContext};
use crate::tx::Tx;
use crate::{Error, Store, users};

/// A certificate that has not expired.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValidCertificate {
    /// The id of its row.
    pub id: i64,
    /// The base domain; the certificate is for it and for `*.` it.
    pub domain: String,
    /// Whether it is in use here.
    pub is_active: bool,
    /// When we got it.
    pub created_at: Timestamp,
    /// The end of its validity.
    pub not_after: Timestamp,
    /// How far its revocation is.
    pub revocation: Revocation,
}

/// How far the revocation of a certificate is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Revocation {
    /// Nobody asked for it.
    None,
    /// The certificate authority is asked until it revokes the certificate.
    Pending,
    /// The certificate authority revoked it then.
    Done(Timestamp),
}

#[derive(DerivePartialModel)]
#[sea_orm(entity = "certificate::Entity")]
struct Row {
    id: i64,
    domain: String,
    state: State,
    created_at: i64,
    not_after: i64,
    revocation_requested_at: Option<i64>,
    revoked_at: Option<i64>,
}

impl From<Row> for ValidCertificate {
    fn from(row: Row) -> Self {
        let revocation = match (row.revocation_requested_at, row.revoked_at) {
            (_, Some(at)) => Revocation::Done(Timestamp::from_millis(at)),
            (Some(_), None) => Revocation::Pending,
            (None, None) => Revocation::None,
        };
        Self {
            id: row.id,
            domain: row.domain,
            is_active: row.state == State::Active,
            created_at: Timestamp::from_millis(row.created_at),
            not_after: Timestamp::from_millis(row.not_after),
            revocation,
        }
    }
}

/// Lists the user's certificates that have not expired, the newest first.
pub async fn list_valid(store: &Store, owner: UserId) -> Result<Vec<ValidCertificate>, Error> {
    use certificate::Column;
    let now = store.now().await?.as_millis();
    let rows: Vec<Row> = certificate::Entity::find()
        .filter(Column::UserId.eq(owner.0))
        .filter(Column::NotAfter.gt(now))
        .order_by_desc(Column::Id)
        .into_partial_model()
        .all(store.reader())
        .await?;
    Ok(rows.into_iter().map(Into::into).collect())
}

/// What happens to the user's domain when the active certificate is revoked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replacement {
    /// It has no certificate until the user requests one.
    None,
    /// Another certificate, with a new key, is requested in the same transaction. It does not count
    /// towards the daily limit.
    Request,
}

/// Requests the revocation of a certificate that has not expired. One in use is taken out of use
/// and its key is deleted; a pending automatic renewal is abandoned, unless a replacement is
/// wanted, which it then is. Returns whether there was something to revoke.
pub async fn revoke(
    store: &Store,
    owner: UserId,
    id: i64,
    reason: RevocationReason,
    replacement: Replacement,
    context: &AuditContext<'_>,
) -> Result<bool, Error> {
    store
        .write(|tx| async move {
            if !users::lock(&tx, owner).await? {
                return Ok(false);
            }
            let Some(revoked) = find_revocable(&tx, owner, id).await? else {
                return Ok(false);
            };
            let now = tx.now().await?;
            certificate::Entity::update_many()
                .set(certificate::ActiveModel {
                    revocation_requested_at: Set(Some(now.as_millis())),
                    revocation_reason: Set(Some(reason.into())),
                    ..Default::default()
                })
                .filter(certificate::Column::Id.eq(id))
                .exec(tx.db())
                .await?;
            if revoked.state == State::Active {
                rows::end_certificate(&tx, id, State::Deleted, now).await?;
                replace(&tx, owner, &revoked.domain, replacement, now).await?;
            }
            let detail = format!("#{id}, {}", reason.as_str());
            let action = Action::CertificateRevoke;
            trail::write(&tx, context, action, &revoked.domain, &detail).await?;
            Ok(true)
        })
        .await
}

async fn find_revocable(tx: &Tx, owner: UserId, id: i64) -> Result<Option<Row>, Error> {
    use certificate::Column;
    let now = tx.now().await?.as_millis();
    Ok(certificate::Entity::find_by_id(id)
        .filter(Column::UserId.eq(owner.0))
        .filter(Column::NotAfter.gt(now))
        .filter(Column::RevocationRequestedAt.is_null())
        .filter(Column::RevokedAt.is_null())
        .into_partial_model()
        .one(tx.db())
        .await?)
}

async fn replace(
    tx: &Tx,
    owner: UserId,
    domain: &str,
    replacement: Replacement,
    now: Timestamp,
) -> Result<(), Error> {
    let pending = rows::find_pending_order(tx.db(), owner).await?;
    match (replacement, pending) {
        (Replacement::Request, None) => {
            // Opened by us, so it does not count as a request of the user.
            rows::insert_order(tx, owner, domain, None, true, now).await
        }
        (Replacement::None, Some(order)) if order.automatic => {
            abandon_pending_order(tx, owner).await?;
            Ok(())
        }
        _ => Ok(()),
    }
}

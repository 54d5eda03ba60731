//! Deleting a user: everything of theirs ends in one transaction. What remains is a tombstone that
//! keeps user name and label, so that no other user ever gets either. A deleted user who signs in
//! again gets both back, and nothing more.

use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, SelectExt};
use starchart_domain::plural::pluralize;
use starchart_domain::user::UserId;

use super::{Admin, AdminError, check_admin};
use crate::entity::outbox::{self, State as MailState};
use crate::entity::{certificate, certificate_order, dns_record, session, user};
use crate::records::RecordError;
use crate::records::delete_all::delete_all;
use crate::sessions::IDLE_TIMEOUT_MS;
use crate::trail::Action;
use crate::tx::Tx;
use crate::{Error, Store, certificates, lookups, sessions, tokens, trail, users};

/// What the deletion of a user would end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeletionPreview {
    /// Records that would leave the zone.
    pub records: u64,
    /// Certificates that would be revoked: all that have not expired, in use or not.
    pub certificates: u64,
    /// Whether an order is pending.
    pub order: bool,
    /// Sessions that have not ended.
    pub sessions: u64,
    /// Mails to the user that are not sent yet.
    pub mails: u64,
    /// API tokens that are live.
    pub tokens: u64,
    /// Whether the user is suspended, which outlasts the deletion.
    pub suspended: bool,
}

/// What the deletion of a user ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeletedUser {
    /// Records that leave the zone.
    pub records: u32,
    /// Certificates whose revocation is pending now.
    pub certificates: u64,
    /// Orders that were abandoned.
    pub orders: u64,
    /// Sessions that were ended.
    pub sessions: u64,
    /// Mails that were deleted unsent.
    pub mails: u64,
    /// API tokens that were ended.
    pub tokens: u64,
}

/// Counts what the deletion of the user would end.
pub async fn preview_deletion(
    store: &Store,
    _: &Admin,
    user: UserId,
) -> Result<DeletionPreview, Error> {
    let on = store.snapshot().await?;
    let now = store.now_on(&on).await?;
    let records = dns_record::Entity::find()
        .filter(dns_record::Column::UserId.eq(user.0))
        .count(&on)
        .await?;
    let certificates = certificate::Entity::find()
        .filter(certificate::Column::UserId.eq(user.0))
        .filter(certificate::Column::NotAfter.gt(now.as_millis()))
        .filter(certificate::Column::RevokedAt.is_null())
        .filter(certificate::Column::RevocationRequestedAt.is_null())
        .count(&on)
        .await?;
    let order = certificate_order::Entity::find()
        .filter(certificate_order::Column::UserId.eq(user.0))
        .filter(certificate_order::Column::FinishedAt.is_null())
        .exists(&on)
        .await?;
    let sessions = session::Entity::find()
        .filter(session::Column::UserId.eq(user.0))
        .filter(session::Column::EndedAt.is_null())
        .filter(session::Column::ExpiresAt.gt(now.as_millis()))
        .filter(session::Column::LastSeenAt.gt(now.plus(-IDLE_TIMEOUT_MS).as_millis()))
        .count(&on)
        .await?;
    let mails = unsent_mails(user).count(&on).await?;
    let tokens = tokens::count_live(&on, user, now).await?;
    let suspended = user::Entity::find_by_id(user.0)
        .filter(user::Column::SuspendedAt.is_not_null())
        .exists(&on)
        .await?;
    on.commit().await?;
    Ok(DeletionPreview {
        records,
        certificates,
        order,
        sessions,
        mails,
        tokens,
        suspended,
    })
}

fn unsent_mails(user: UserId) -> sea_orm::Select<outbox::Entity> {
    outbox::Entity::find()
        .filter(outbox::Column::UserId.eq(user.0))
        .filter(outbox::Column::State.ne(MailState::Sent))
}

/// Deletes the user. Afterwards their names are unpublished: wake the publisher.
pub async fn delete_user(
    store: &Store,
    admin: &Admin,
    user: UserId,
    request_id: &str,
) -> Result<DeletedUser, AdminError> {
    store
        .write(|tx| async move {
            if user == admin.id {
                return Err(AdminError::Oneself);
            }
            if !users::lock(&tx, user).await? {
                return Err(AdminError::NotFound);
            }
            let now = check_admin(&tx, admin).await?;
            let context = admin.audit_context(request_id);
            let deleted = DeletedUser {
                records: delete_all(&tx, user, &context).await.map_err(store_error)?,
                orders: u64::from(certificates::abandon_pending_order(&tx, user).await?),
                certificates: certificates::request_revocations(&tx, user).await?,
                sessions: sessions::end_sessions_of(&tx, user, request_id).await?,
                mails: delete_unsent_mails(&tx, user).await?,
                tokens: tokens::delete_of(&tx, user, now).await?,
            };
            lookups::delete_of(&tx, user).await?;
            let subject = users::tombstone(&tx, user, now).await?;
            let detail = describe(&deleted);
            trail::write(&tx, &context, Action::UserDelete, subject.as_str(), &detail).await?;
            Ok(deleted)
        })
        .await
}

async fn delete_unsent_mails(tx: &Tx, user: UserId) -> Result<u64, Error> {
    let deleted = outbox::Entity::delete_many()
        .filter(outbox::Column::UserId.eq(user.0))
        .filter(outbox::Column::State.ne(MailState::Sent))
        .exec(tx.db())
        .await?;
    Ok(deleted.rows_affected)
}

fn describe(deleted: &DeletedUser) -> String {
    [
        pluralize(deleted.records, "record", "records"),
        pluralize(
            deleted.certificates,
            "certificate to revoke",
            "certificates to revoke",
        ),
        pluralize(deleted.orders, "order", "orders"),
        pluralize(deleted.sessions, "session", "sessions"),
        pluralize(deleted.mails, "mail", "mails"),
        pluralize(deleted.tokens, "token", "tokens"),
    ]
    .join(", ")
}

/// The one error that the deletion of all records can have is the store's.
fn store_error(error: RecordError) -> AdminError {
    match error {
        RecordError::Db(fault) => fault.into(),
        other => Error::Corrupt(format!("a user's records could not be deleted: {other}")).into(),
    }
}

//! Impersonation: an admin sees and uses the pages as another user, for half an hour.
//!
//! It is a state of the session's row, read with every request ([`crate::sessions::find`]). Its
//! start and its end give the session a new token: a page or a cookie from before cannot act in the
//! other account. However it ends, the trail gets one line about it.

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, ExprTrait, QueryFilter, Set};
use starchart_domain::user::UserId;

use super::{Admin, AdminError, check_admin};
use crate::entity::session::{self, ActiveModel, Column};
use crate::entity::user;
use crate::sessions::IMPERSONATION_MS;
use crate::trail::{self, Action, AuditContext};
use crate::tx::Tx;
use crate::users::{self, User};
use crate::{Error, Store};

/// Starts the impersonation of a user. The session has `new_token` from now on; the old token ends.
pub async fn impersonate(
    store: &Store,
    admin: &Admin,
    user: UserId,
    old_token: [u8; 32],
    new_token: [u8; 32],
    request_id: &str,
) -> Result<User, AdminError> {
    store
        .write(|tx| async move {
            if user == admin.id {
                return Err(AdminError::Oneself);
            }
            if !users::lock(&tx, user).await? {
                return Err(AdminError::NotFound);
            }
            let now = check_admin(&tx, admin).await?;
            let user = find_impersonable(&tx, user).await?;
            let until = now.plus(IMPERSONATION_MS);
            let begun = session::Entity::update_many()
                .set(ActiveModel {
                    token_hash: Set(new_token.to_vec()),
                    impersonated_id: Set(Some(user.id.0)),
                    impersonation_until: Set(Some(until.as_millis())),
                    ..Default::default()
                })
                .filter(Column::TokenHash.eq(old_token.to_vec()))
                .filter(Column::UserId.eq(admin.id.0))
                .filter(Column::EndedAt.is_null())
                .exec(tx.db())
                .await
                .map_err(Error::from)?;
            if begun.rows_affected != 1 {
                return Err(AdminError::NoLongerAdmin);
            }
            let context = AuditContext {
                actor: admin.id,
                on_behalf_of: Some(user.id),
                token: None,
                request_id,
            };
            let object = user.subject.as_str();
            let detail = format!("until {}", until.rfc3339());
            trail::write(&tx, &context, Action::ImpersonationStart, object, &detail).await?;
            Ok(user)
        })
        .await
}

/// Finds the user, who must be no admin, not suspended, and have a label.
async fn find_impersonable(tx: &Tx, user: UserId) -> Result<User, AdminError> {
    let row = user::Entity::find_by_id(user.0)
        .one(tx.db())
        .await
        .map_err(Error::from)?;
    let row = row
        .filter(|row| row.suspended_at.is_none())
        .ok_or(AdminError::NotFound)?;
    let user = User::try_from(row)?;
    if user.groups.admin {
        return Err(AdminError::IsAdmin);
    }
    if user.label.is_none() {
        return Err(AdminError::NoLabel);
    }
    Ok(user)
}

/// Ends the impersonation and gives the session `new_token`; the old token ends. Returns whether
/// there was an impersonation.
pub async fn stop_impersonating(
    store: &Store,
    old_token: [u8; 32],
    new_token: [u8; 32],
    request_id: &str,
) -> Result<bool, Error> {
    store
        .write(|tx| async move {
            let of_token = || {
                Column::TokenHash
                    .eq(old_token.to_vec())
                    .and(Column::EndedAt.is_null())
            };
            end_impersonations(&tx, of_token(), request_id, "").await?;
            let stopped = session::Entity::update_many()
                .set(ActiveModel {
                    token_hash: Set(new_token.to_vec()),
                    impersonated_id: Set(None),
                    impersonation_until: Set(None),
                    ..Default::default()
                })
                .filter(of_token())
                .filter(Column::ImpersonatedId.is_not_null())
                .exec(tx.db())
                .await?;
            Ok(stopped.rows_affected == 1)
        })
        .await
}

/// The `impersonation_until` of an impersonation that ended and is in the trail. The impersonated
/// user stays in the row, because a page from then may still be open.
pub(crate) const ENDED: i64 = 0;

/// Ends the impersonations of these sessions and writes one line of the trail for each, however
/// many requests notice the end at once.
pub(crate) async fn end_impersonations(
    tx: &Tx,
    which: Expr,
    request_id: &str,
    detail: &str,
) -> Result<(), Error> {
    let rows = session::Entity::find()
        .filter(which)
        .filter(Column::ImpersonationUntil.ne(ENDED))
        .all(tx.db())
        .await?;
    for row in rows {
        let ended = session::Entity::update_many()
            .set(ActiveModel {
                impersonation_until: Set(Some(ENDED)),
                ..Default::default()
            })
            .filter(Column::Id.eq(row.id))
            .filter(Column::ImpersonatedId.eq(row.impersonated_id))
            .filter(Column::ImpersonationUntil.eq(row.impersonation_until))
            .exec(tx.db())
            .await?;
        if ended.rows_affected != 1 {
            continue;
        }
        let impersonated = user::Entity::find_by_id(row.impersonated_id.unwrap_or_default())
            .one(tx.db())
            .await?;
        let (on_behalf_of, object) = impersonated
            .map(|user| (UserId(user.id), user.subject))
            .unzip();
        let context = AuditContext {
            actor: UserId(row.user_id),
            on_behalf_of,
            token: None,
            request_id,
        };
        let object = object.unwrap_or_default();
        trail::write(tx, &context, Action::ImpersonationEnd, &object, detail).await?;
    }
    Ok(())
}

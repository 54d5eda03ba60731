//! Impersonation: an admin sees and uses the pages as another person, for half an hour.
//!
//! It is a state of the session's row, looked at with every request ([`crate::sessions::find`]).
//! Beginning and ending it gives the session a new token: a page or a cookie of before cannot act
//! in the other account. However it ends, the trail says so once.

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, ExprTrait, QueryFilter};
use starchart_domain::user::UserId;

use super::{Admin, AdminError, may_touch};
use crate::entity::session::{self, Column};
use crate::entity::user;
use crate::sessions::IMPERSONATION_MS;
use crate::trail::{self, AuditContext};
use crate::tx::Tx;
use crate::users::{self, User};
use crate::{Error, Store};

/// Puts the admin into the person's place. The session is known by `new_token` from now on, and the
/// old token ends.
pub async fn impersonate(
    store: &Store,
    admin: &Admin,
    person: UserId,
    old_token: [u8; 32],
    new_token: [u8; 32],
    request_id: &str,
) -> Result<User, AdminError> {
    store
        .write(|tx| impersonate_within(tx, admin, person, (old_token, new_token), request_id))
        .await
}

async fn impersonate_within(
    tx: Tx,
    admin: &Admin,
    person: UserId,
    (old_token, new_token): ([u8; 32], [u8; 32]),
    request_id: &str,
) -> Result<User, AdminError> {
    if person == admin.id {
        return Err(AdminError::Oneself);
    }
    if !users::lock(&tx, person).await? {
        return Err(AdminError::NotFound);
    }
    let now = may_touch(&tx, admin).await?;
    let row = user::Entity::find_by_id(person.0)
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
    let until = now.plus(IMPERSONATION_MS);
    let begin = session::Entity::update_many()
        .col_expr(Column::TokenHash, Expr::value(new_token.to_vec()))
        .col_expr(Column::ImpersonatedId, Expr::value(person.0))
        .col_expr(Column::ImpersonationUntil, Expr::value(until.as_millis()))
        .filter(Column::TokenHash.eq(old_token.to_vec()))
        .filter(Column::UserId.eq(admin.id.0))
        .filter(Column::EndedAt.is_null());
    if begin
        .exec(tx.db())
        .await
        .map_err(Error::from)?
        .rows_affected
        != 1
    {
        return Err(AdminError::NoLongerAdmin);
    }
    let act = AuditContext {
        actor: admin.id,
        on_behalf_of: Some(person),
        request_id,
    };
    trail::write(
        &tx,
        &act,
        "impersonation.start",
        user.subject.as_str(),
        &format!("until {}", until.rfc3339()),
    )
    .await?;
    Ok(user)
}

/// Gives the session back to the admin, under `new_token`; the old token ends. False: nobody was
/// impersonated.
pub async fn stop_impersonating(
    store: &Store,
    old_token: [u8; 32],
    new_token: [u8; 32],
    request_id: &str,
) -> Result<bool, Error> {
    store
        .write(|tx| stop_within(tx, old_token, new_token, request_id))
        .await
}

async fn stop_within(
    tx: Tx,
    old_token: [u8; 32],
    new_token: [u8; 32],
    request_id: &str,
) -> Result<bool, Error> {
    let of_token = || {
        Column::TokenHash
            .eq(old_token.to_vec())
            .and(Column::EndedAt.is_null())
    };
    note_ends(&tx, of_token(), request_id, "").await?;
    let stop = session::Entity::update_many()
        .col_expr(Column::TokenHash, Expr::value(new_token.to_vec()))
        .col_expr(Column::ImpersonatedId, Expr::value(None::<i64>))
        .col_expr(Column::ImpersonationUntil, Expr::value(None::<i64>))
        .filter(of_token())
        .filter(Column::ImpersonatedId.is_not_null());
    Ok(stop.exec(tx.db()).await?.rows_affected == 1)
}

/// `impersonation_until` of one that is over and noted. Whom it was of stays, because a page of
/// then may still be open.
pub(crate) const ENDED: i64 = 0;

/// Ends the impersonations in these sessions and writes the line of each: once, whoever finds first
/// that it is over.
pub(crate) async fn note_ends(
    tx: &Tx,
    which: Expr,
    request_id: &str,
    why: &str,
) -> Result<(), Error> {
    let rows = session::Entity::find()
        .filter(which)
        .filter(Column::ImpersonationUntil.ne(ENDED))
        .all(tx.db())
        .await?;
    for row in rows {
        let end = session::Entity::update_many()
            .col_expr(Column::ImpersonationUntil, Expr::value(ENDED))
            .filter(Column::Id.eq(row.id))
            .filter(Column::ImpersonatedId.eq(row.impersonated_id))
            .filter(Column::ImpersonationUntil.eq(row.impersonation_until));
        if end.exec(tx.db()).await?.rows_affected != 1 {
            continue;
        }
        let other = user::Entity::find_by_id(row.impersonated_id.unwrap_or_default())
            .one(tx.db())
            .await?;
        let (on_behalf_of, object) = other.map(|other| (UserId(other.id), other.subject)).unzip();
        let act = AuditContext {
            actor: UserId(row.user_id),
            on_behalf_of,
            request_id,
        };
        trail::write(
            tx,
            &act,
            "impersonation.end",
            &object.unwrap_or_default(),
            why,
        )
        .await?;
    }
    Ok(())
}

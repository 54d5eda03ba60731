//! Sessions: server-side rows, found by the SHA-256 of an opaque token.

mod recent;

use std::time::Instant;

use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, EntityTrait, ExprTrait, FromQueryResult, QueryFilter, QuerySelect, Set,
};
use starchart_domain::time::Timestamp;
use starchart_domain::user::{NameId, UserId};

use crate::admin::{Admin, ENDED, end_impersonations};
use crate::entity::session::{self, Column};
use crate::entity::user;
use crate::tx::Tx;
use crate::users::{self, User};
use crate::{Error, Store};

pub(crate) use recent::RecentSessions;

/// How long a session lives without a request, in milliseconds.
pub const IDLE_TIMEOUT_MS: i64 = 8 * 60 * 60 * 1_000;
/// How long a session lives at most, in milliseconds.
pub const ABSOLUTE_TIMEOUT_MS: i64 = 24 * 60 * 60 * 1_000;
/// The precision of `last_seen_at`, in milliseconds.
const SEEN_MS: i64 = 60 * 1_000;

/// How long an impersonation lasts at most, in milliseconds.
pub const IMPERSONATION_MS: i64 = 30 * 60 * 1_000;

/// A live session and its effective user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The key of the session's row.
    pub id: i64,
    /// The effective user, whose pages are shown: the user who signed in, or the user whom that
    /// admin impersonates.
    pub user: User,
    /// Set while an admin impersonates.
    pub impersonation: Option<Impersonation>,
    /// The user of an impersonation that expired or is no longer allowed.
    pub impersonated_before: Option<UserId>,
    /// When the session began.
    pub created_at: Timestamp,
    /// When the session expires at the latest.
    pub expires_at: Timestamp,
    /// The SAML NameID, for a logout at the identity provider.
    pub name_id: Option<NameId>,
    /// The SAML SessionIndex, for the same logout.
    pub session_index: Option<String>,
}

/// An admin's use of another user's pages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Impersonation {
    /// The admin who signed in.
    pub admin: User,
    /// When the impersonation ends.
    pub until: Timestamp,
}

impl Session {
    /// Returns the user who signed in, also during an impersonation.
    pub fn signed_in(&self) -> &User {
        self.impersonation
            .as_ref()
            .map_or(&self.user, |impersonation| &impersonation.admin)
    }

    /// Returns the capability of admin functions; `None` during an impersonation.
    pub fn admin(&self) -> Option<Admin> {
        let may = self.impersonation.is_none() && self.user.groups.admin;
        may.then(|| Admin::new(self.user.id, self.created_at))
    }
}

/// Creates a session; `token_hash` is the SHA-256 of the cookie's token.
pub async fn create(
    store: &Store,
    user: UserId,
    token_hash: [u8; 32],
    name_id: Option<&NameId>,
    session_index: Option<&str>,
) -> Result<(), Error> {
    store
        .write(|tx| async move {
            let now = tx.now().await?;
            let name_id = name_id.cloned();
            let session = session::ActiveModel {
                token_hash: Set(token_hash.to_vec()),
                user_id: Set(user.0),
                created_at: Set(now.as_millis()),
                last_seen_at: Set(now.as_millis()),
                expires_at: Set(now.plus(ABSOLUTE_TIMEOUT_MS).as_millis()),
                saml_name_id: Set(name_id.as_ref().map(|id| id.value.clone())),
                saml_name_id_format: Set(name_id.as_ref().and_then(|id| id.format.clone())),
                saml_name_qualifier: Set(name_id.as_ref().and_then(|id| id.name_qualifier.clone())),
                saml_sp_name_qualifier: Set(name_id
                    .as_ref()
                    .and_then(|id| id.sp_name_qualifier.clone())),
                saml_sp_provided_id: Set(name_id.and_then(|id| id.sp_provided_id)),
                saml_session_index: Set(session_index.map(str::to_owned)),
                ..Default::default()
            };
            session::Entity::insert(session)
                .exec_without_returning(tx.db())
                .await?;
            Ok(())
        })
        .await
}

/// A session's row and the database's clock, read by one statement.
#[derive(FromQueryResult)]
struct Found {
    #[sea_orm(nested)]
    row: session::Model,
    now: i64,
}

/// Finds the session, if it is live and its user is neither suspended nor deleted. Updates
/// `last_seen_at` at most once a minute.
pub async fn find(store: &Store, token_hash: [u8; 32]) -> Result<Option<Session>, Error> {
    load(store, token_hash, true).await
}

/// Finds the session as [`find`] does, for a request that changes nothing. What was read in the
/// last half second is taken from memory if this process has written nothing since; so another
/// process's sign-out or suspension is noticed half a second later. An admin's is always read, so
/// that the right is lost at once.
pub async fn find_recent(store: &Store, token_hash: [u8; 32]) -> Result<Option<Session>, Error> {
    let recent = store.recent_sessions();
    if let Some(session) = recent.get(&token_hash) {
        return Ok(Some(session));
    }
    let (read_at, writes) = (Instant::now(), recent.writes());
    let session = load(store, token_hash, true).await?;
    if let Some(session) = &session
        && !session.signed_in().groups.admin
    {
        recent.keep(token_hash, session.clone(), read_at, writes);
    }
    Ok(session)
}

/// Finds the session as [`find`] does, for a request that a page makes by itself: it is no activity
/// of the user, so that a page that stays open does not keep the session alive.
pub async fn find_for_poll(store: &Store, token_hash: [u8; 32]) -> Result<Option<Session>, Error> {
    load(store, token_hash, false).await
}

async fn load(
    store: &Store,
    token_hash: [u8; 32],
    is_activity: bool,
) -> Result<Option<Session>, Error> {
    let found = session::Entity::find()
        .find_both_related(user::Entity)
        // The first entity's columns begin with A_.
        .expr_as(Expr::cust(store.now_sql()), "A_now")
        .filter(Column::TokenHash.eq(token_hash.to_vec()))
        .filter(Column::EndedAt.is_null())
        .filter(user::Column::DeletedAt.is_null())
        .filter(user::Column::SuspendedAt.is_null())
        .into_model::<Found, user::Model>();
    let Some((Found { row, now }, user)) = found.one(store.reader()).await? else {
        return Ok(None);
    };
    if now >= row.expires_at || now - row.last_seen_at >= IDLE_TIMEOUT_MS {
        return Ok(None);
    }
    if is_activity && now - row.last_seen_at >= SEEN_MS {
        mark_seen(store, row.id, now).await;
    }
    let effective = effective_user(store, &row, user.try_into()?, now).await?;
    Ok(Some(Session {
        id: row.id,
        user: effective.user,
        impersonation: effective.impersonation,
        impersonated_before: effective.impersonated_before,
        created_at: Timestamp::from_millis(row.created_at),
        expires_at: Timestamp::from_millis(row.expires_at),
        name_id: row.saml_name_id.map(|value| NameId {
            value,
            format: row.saml_name_id_format,
            name_qualifier: row.saml_name_qualifier,
            sp_name_qualifier: row.saml_sp_name_qualifier,
            sp_provided_id: row.saml_sp_provided_id,
        }),
        session_index: row.saml_session_index,
    }))
}

/// The user whose pages a session shows, and why.
struct EffectiveUser {
    user: User,
    impersonation: Option<Impersonation>,
    impersonated_before: Option<UserId>,
}

/// Determines the effective user at every request. The impersonation ends for good if the admin is
/// no admin any more, or if the other user is deleted, suspended or an admin. The session continues
/// as the admin's own.
async fn effective_user(
    store: &Store,
    row: &session::Model,
    signed_in: User,
    now: i64,
) -> Result<EffectiveUser, Error> {
    let (Some(other), Some(until)) = (row.impersonated_id.map(UserId), row.impersonation_until)
    else {
        return Ok(EffectiveUser {
            user: signed_in,
            impersonation: None,
            impersonated_before: None,
        });
    };
    if now < until
        && signed_in.groups.admin
        && let Some(user) = users::get(store, other).await?
        && !user.groups.admin
        && user.label.is_some()
    {
        let impersonation = Impersonation {
            admin: signed_in,
            until: Timestamp::from_millis(until),
        };
        return Ok(EffectiveUser {
            user,
            impersonation: Some(impersonation),
            impersonated_before: None,
        });
    }
    if until != ENDED {
        let why = if now < until {
            "no longer allowed"
        } else {
            "expired"
        };
        record_impersonation_end(store, row.id, why).await;
    }
    Ok(EffectiveUser {
        user: signed_in,
        impersonation: None,
        impersonated_before: Some(other),
    })
}

/// Records the end in the audit trail. A failure is logged only: the page can be shown anyway.
async fn record_impersonation_end(store: &Store, id: i64, why: &str) {
    let recorded = store
        .write(|tx| async move { end_impersonations(&tx, Column::Id.eq(id), "", why).await })
        .await;
    if let Err(fault) = recorded
        && !fault.is_outage()
    {
        tracing::warn!(
            error = %fault,
            "the end of an impersonation was not recorded; the next request retries"
        );
    }
}

/// Updates `last_seen_at`. A failure is logged only: the next request tries again.
async fn mark_seen(store: &Store, id: i64, now: i64) {
    let seen = session::Entity::update_many()
        .col_expr(Column::LastSeenAt, Expr::value(now))
        .filter(Column::Id.eq(id))
        .filter(Column::LastSeenAt.lt(now));
    if let Err(fault) = seen.exec(store.writer()).await {
        tracing::debug!(error = %fault, "last_seen_at of a session was not updated");
    }
}

/// Ends the session and its impersonation. Other processes may show pages to it for half a second
/// more ([`find_recent`]). An unknown token is no error.
pub async fn end(store: &Store, token_hash: [u8; 32], request_id: &str) -> Result<(), Error> {
    store
        .write(|tx| async move {
            end_where(&tx, Column::TokenHash.eq(token_hash.to_vec()), request_id).await
        })
        .await
        .map(drop)
}

/// Ends the user's sessions and every impersonation of the user. Returns the number of sessions.
pub(crate) async fn end_sessions_of(tx: &Tx, user: UserId, request_id: &str) -> Result<u64, Error> {
    end_impersonations(
        tx,
        Column::ImpersonatedId.eq(user.0),
        request_id,
        "the user was deleted",
    )
    .await?;
    let clear = session::Entity::update_many()
        .col_expr(Column::ImpersonatedId, Expr::value(None::<i64>))
        .col_expr(Column::ImpersonationUntil, Expr::value(None::<i64>))
        .filter(Column::ImpersonatedId.eq(user.0));
    clear.exec(tx.db()).await?;
    end_where(tx, Column::UserId.eq(user.0), request_id).await
}

/// Ends the live sessions among these. Returns their number.
async fn end_where(tx: &Tx, which: Expr, request_id: &str) -> Result<u64, Error> {
    let now = tx.now().await?;
    let alive = which.and(Column::EndedAt.is_null());
    end_impersonations(tx, alive.clone(), request_id, "the session ended").await?;
    let end = session::Entity::update_many()
        .col_expr(Column::EndedAt, Expr::value(now.as_millis()))
        .filter(alive);
    Ok(end.exec(tx.db()).await?.rows_affected)
}

//! Sessions: server-side rows, found by the hash of an opaque token.

use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, EntityTrait, ExprTrait, FromQueryResult, QueryFilter, QuerySelect, Set,
};
use starchart_domain::time::Timestamp;
use starchart_domain::user::UserId;

use crate::admin::{Admin, ENDED, note_ends};
use crate::entity::session::{self, Column};
use crate::entity::user;
use crate::tx::Tx;
use crate::users::{self, User};
use crate::{Error, Store};

/// Without a request for this long a session ends, in milliseconds.
pub const IDLE_MS: i64 = 8 * 60 * 60 * 1_000;
/// A session ends this long after sign-in whatever happens, in milliseconds.
pub const ABSOLUTE_MS: i64 = 24 * 60 * 60 * 1_000;
/// A session's last use is noted to this many milliseconds.
const SEEN_MS: i64 = 60 * 1_000;

/// An admin uses the pages as another person for this long at most, in milliseconds.
pub const IMPERSONATION_MS: i64 = 30 * 60 * 1_000;

/// A live session and the person whose pages it shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The row.
    pub id: i64,
    /// Whose pages are shown: who signed in, or whom that admin impersonates.
    pub user: User,
    /// Set while an admin impersonates.
    pub impersonation: Option<Impersonation>,
    /// Whom the admin impersonated until the time was over or it was no longer allowed.
    pub impersonated_before: Option<UserId>,
    /// When it began.
    pub created_at: Timestamp,
    /// When it ends at the latest.
    pub expires_at: Timestamp,
    /// The SAML NameID, for a logout at the identity provider.
    pub name_id: Option<String>,
    /// The SAML SessionIndex, likewise.
    pub session_index: Option<String>,
}

/// An admin in another person's place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Impersonation {
    /// Who signed in.
    pub admin: User,
    /// When the pages are the admin's own again.
    pub until: Timestamp,
}

impl Session {
    /// Who signed in, whosever pages are shown.
    pub fn signed_in(&self) -> &User {
        self.impersonation
            .as_ref()
            .map_or(&self.user, |impersonation| &impersonation.admin)
    }

    /// What admins may do; nothing of it while they impersonate.
    pub fn admin(&self) -> Option<Admin> {
        let may = self.impersonation.is_none() && self.user.groups.admin;
        may.then(|| Admin::new(self.user.id, self.created_at))
    }
}

/// Begins a session; `token_hash` is the SHA-256 of the cookie's token.
pub async fn create(
    store: &Store,
    user: UserId,
    token_hash: [u8; 32],
    name_id: Option<&str>,
    session_index: Option<&str>,
) -> Result<(), Error> {
    store
        .write(|tx| create_within(tx, user, token_hash, name_id, session_index))
        .await
}

async fn create_within(
    tx: Tx,
    user: UserId,
    token_hash: [u8; 32],
    name_id: Option<&str>,
    session_index: Option<&str>,
) -> Result<(), Error> {
    let now = tx.now().await?;
    let session = session::ActiveModel {
        token_hash: Set(token_hash.to_vec()),
        user_id: Set(user.0),
        created_at: Set(now.as_millis()),
        last_seen_at: Set(now.as_millis()),
        expires_at: Set(now.plus(ABSOLUTE_MS).as_millis()),
        saml_name_id: Set(name_id.map(str::to_owned)),
        saml_session_index: Set(session_index.map(str::to_owned)),
        ..Default::default()
    };
    session::Entity::insert(session)
        .exec_without_returning(tx.db())
        .await?;
    Ok(())
}

/// A session's row and the database's clock in one answer.
#[derive(FromQueryResult)]
struct Found {
    #[sea_orm(nested)]
    row: session::Model,
    now: i64,
}

/// The session, when it is alive and its person is neither suspended nor deleted. Marks it used, at
/// most once a minute.
pub async fn find(store: &Store, token_hash: [u8; 32]) -> Result<Option<Session>, Error> {
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
    if now >= row.expires_at || now - row.last_seen_at >= IDLE_MS {
        return Ok(None);
    }
    if now - row.last_seen_at >= SEEN_MS {
        mark_seen(store, row.id, now).await;
    }
    let seat = seat(store, &row, user.try_into()?, now).await?;
    Ok(Some(Session {
        id: row.id,
        user: seat.user,
        impersonation: seat.impersonation,
        impersonated_before: seat.impersonated_before,
        created_at: Timestamp::from_millis(row.created_at),
        expires_at: Timestamp::from_millis(row.expires_at),
        name_id: row.saml_name_id,
        session_index: row.saml_session_index,
    }))
}

/// In whose place somebody sits.
struct Seat {
    user: User,
    impersonation: Option<Impersonation>,
    impersonated_before: Option<UserId>,
}

/// Asked at every request: an admin who is none any more, a person who is gone or has become an
/// admin, end it at once and for good. The session stays, as the admin's own.
async fn seat(
    store: &Store,
    row: &session::Model,
    signed_in: User,
    now: i64,
) -> Result<Seat, Error> {
    let (Some(other), Some(until)) = (row.impersonated_id.map(UserId), row.impersonation_until)
    else {
        return Ok(Seat {
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
        return Ok(Seat {
            user,
            impersonation: Some(impersonation),
            impersonated_before: None,
        });
    }
    if until != ENDED {
        let why = if now < until {
            "no longer allowed"
        } else {
            "its time was over"
        };
        note_over(store, row.id, why).await;
    }
    Ok(Seat {
        user: signed_in,
        impersonation: None,
        impersonated_before: Some(other),
    })
}

/// A page must not fail because this could not be noted either.
async fn note_over(store: &Store, id: i64, why: &str) {
    let noted = store
        .write(|tx| async move { note_ends(&tx, Column::Id.eq(id), "", why).await })
        .await;
    if let Err(fault) = noted {
        tracing::warn!(error = %fault, "the end of an impersonation was not noted; the next request tries again");
    }
}

/// A page must not fail because this could not be noted: the next request notes it.
async fn mark_seen(store: &Store, id: i64, now: i64) {
    let seen = session::Entity::update_many()
        .col_expr(Column::LastSeenAt, Expr::value(now))
        .filter(Column::Id.eq(id))
        .filter(Column::LastSeenAt.lt(now));
    if let Err(fault) = seen.exec(store.writer()).await {
        tracing::debug!(error = %fault, "the use of a session was not noted");
    }
}

/// Ends the session on every replica at once, and an impersonation with it. An unknown token is no
/// error.
pub async fn end(store: &Store, token_hash: [u8; 32], request_id: &str) -> Result<(), Error> {
    store
        .write(|tx| end_where(tx, Column::TokenHash.eq(token_hash.to_vec()), request_id))
        .await
        .map(drop)
}

/// Ends every session of the person; says how many.
pub async fn end_all(store: &Store, user: UserId) -> Result<u64, Error> {
    store
        .write(|tx| end_where(tx, Column::UserId.eq(user.0), ""))
        .await
}

/// Ends every session of the person, and every impersonation of theirs; says how many sessions.
pub(crate) async fn end_all_within(tx: &Tx, user: UserId, request_id: &str) -> Result<u64, Error> {
    note_ends(
        tx,
        Column::ImpersonatedId.eq(user.0),
        request_id,
        "the person was deleted",
    )
    .await?;
    let stop = session::Entity::update_many()
        .col_expr(Column::ImpersonatedId, Expr::value(None::<i64>))
        .col_expr(Column::ImpersonationUntil, Expr::value(None::<i64>))
        .filter(Column::ImpersonatedId.eq(user.0));
    stop.exec(tx.db()).await?;
    end_where(tx.clone(), Column::UserId.eq(user.0), request_id).await
}

async fn end_where(tx: Tx, which: Expr, request_id: &str) -> Result<u64, Error> {
    let now = tx.now().await?;
    let alive = which.and(Column::EndedAt.is_null());
    note_ends(&tx, alive.clone(), request_id, "the session ended").await?;
    let end = session::Entity::update_many()
        .col_expr(Column::EndedAt, Expr::value(now.as_millis()))
        .filter(alive);
    Ok(end.exec(tx.db()).await?.rows_affected)
}

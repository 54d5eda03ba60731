//! Sessions: server-side rows, found by the hash of an opaque token.

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, FromQueryResult, QueryFilter, QuerySelect, Set};
use starchart_domain::time::Timestamp;
use starchart_domain::user::UserId;

use crate::entity::session::{self, Column};
use crate::entity::user;
use crate::tx::Tx;
use crate::users::User;
use crate::{Error, Store};

/// Without a request for this long a session ends, in milliseconds.
pub const IDLE_MS: i64 = 8 * 60 * 60 * 1_000;
/// A session ends this long after sign-in whatever happens, in milliseconds.
pub const ABSOLUTE_MS: i64 = 24 * 60 * 60 * 1_000;
/// A session's last use is noted to this many milliseconds.
const SEEN_MS: i64 = 60 * 1_000;

/// A live session and the person it belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The row.
    pub id: i64,
    /// Who signed in.
    pub user: User,
    /// When it began.
    pub created_at: Timestamp,
    /// When it ends at the latest.
    pub expires_at: Timestamp,
    /// The SAML NameID, for a logout at the identity provider.
    pub name_id: Option<String>,
    /// The SAML SessionIndex, likewise.
    pub session_index: Option<String>,
}

/// Begins a session; `token_hash` is the SHA-256 of the cookie's token.
pub async fn create(
    store: &Store,
    user: UserId,
    token_hash: [u8; 32],
    name_id: Option<&str>,
    session_index: Option<&str>,
) -> Result<(), Error> {
    store.write(|tx| create_within(tx, user, token_hash, name_id, session_index)).await
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
    session::Entity::insert(session).exec_without_returning(tx.db()).await?;
    Ok(())
}

/// A session's row and the database's clock in one answer.
#[derive(FromQueryResult)]
struct Found {
    #[sea_orm(nested)]
    row: session::Model,
    now: i64,
}

/// The session, when it is alive and its person is neither suspended nor deleted. Marks it used, at most once a minute.
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
    Ok(Some(Session {
        id: row.id,
        user: user.try_into()?,
        created_at: Timestamp::from_millis(row.created_at),
        expires_at: Timestamp::from_millis(row.expires_at),
        name_id: row.saml_name_id,
        session_index: row.saml_session_index,
    }))
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

/// Ends the session on every replica at once. An unknown token is no error.
pub async fn end(store: &Store, token_hash: [u8; 32]) -> Result<(), Error> {
    store.write(|tx| end_where(tx, Column::TokenHash.eq(token_hash.to_vec()))).await.map(drop)
}

/// Ends every session of the person; says how many.
pub async fn end_all(store: &Store, user: UserId) -> Result<u64, Error> {
    store.write(|tx| end_where(tx, Column::UserId.eq(user.0))).await
}

async fn end_where(tx: Tx, which: Expr) -> Result<u64, Error> {
    let now = tx.now().await?;
    let end = session::Entity::update_many()
        .col_expr(Column::EndedAt, Expr::value(now.as_millis()))
        .filter(which)
        .filter(Column::EndedAt.is_null());
    Ok(end.exec(tx.db()).await?.rows_affected)
}

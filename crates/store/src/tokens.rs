//! API tokens: rows found by the first characters of the secret, of which only a hash is stored.

use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, FromQueryResult, NotSet, QueryFilter,
    QueryOrder, QuerySelect, Set,
};
use starchart_domain::time::Timestamp;
use starchart_domain::token::{Networks, NewToken, TOKENS_MAX, TokenId, TokenRights, TokenSecret};
use starchart_domain::user::UserId;
use subtle::ConstantTimeEq as _;

use crate::entity::token::{self, Column, Entity};
use crate::entity::user;
use crate::error::{TransactionError, busy_if_duplicate};
use crate::trail::{self, Action, AuditContext};
use crate::tx::Tx;
use crate::users::{self, User};
use crate::{Error, Store, machines, sql, token_usage};

/// The precision of the last use, in milliseconds.
const USED_MS: i64 = 60 * 1_000;

/// A token of a user, without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// The key of its row.
    pub id: TokenId,
    /// What its owner calls it.
    pub name: String,
    /// The first characters of its secret.
    pub prefix: String,
    /// What its holder may do.
    pub rights: TokenRights,
    /// The networks that it is accepted from.
    pub networks: Networks,
    /// When it was created.
    pub created_at: Timestamp,
    /// The time at which it expires.
    pub expires_at: Timestamp,
    /// After how many milliseconds without use it ends; `None` for never.
    pub idle_ms: Option<i64>,
    /// Its last use; exact to a minute.
    pub last_used: Option<LastUse>,
    /// When its owner or an admin ended it.
    pub ended_at: Option<Timestamp>,
}

/// The last use of a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastUse {
    /// When it was used.
    pub at: Timestamp,
    /// The whole address of the client.
    pub from: String,
    /// What the client calls itself.
    pub by: String,
}

/// Whether a token is accepted, or why it is not any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenState {
    /// The token is accepted.
    Live,
    /// Its owner or an admin ended it.
    Ended(Timestamp),
    /// Its time is over.
    Expired(Timestamp),
    /// It was not used for too long.
    Idle(Timestamp),
}

impl Token {
    /// Returns whether the token is accepted at `now`.
    pub fn state(&self, now: Timestamp) -> TokenState {
        let last_seen = self
            .last_used
            .as_ref()
            .map_or(self.created_at, |use_| use_.at);
        let idle_at = self.idle_ms.map(|idle_ms| last_seen.plus(idle_ms));
        match (self.ended_at, idle_at) {
            (Some(at), _) => TokenState::Ended(at),
            (None, Some(at)) if at <= now && at < self.expires_at => TokenState::Idle(at),
            _ if self.expires_at <= now => TokenState::Expired(self.expires_at),
            _ => TokenState::Live,
        }
    }

    /// Returns the token as the audit trail names it: `name (sc_Ab3dE6gH)`.
    pub fn audit_name(&self) -> String {
        format!("{} ({})", self.name, self.prefix)
    }
}

/// A token that is accepted now, with its owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveToken {
    /// The token without its secret.
    pub token: Token,
    /// Its owner, who is neither suspended nor deleted.
    pub user: User,
    /// The time on the database's clock.
    pub now: Timestamp,
}

/// Why a token was not created.
#[derive(Debug, thiserror::Error)]
pub enum CreateTokenError {
    /// The owner has [`TOKENS_MAX`] live tokens.
    #[error("the owner has too many tokens")]
    TooMany,
    /// The owner was deleted a moment ago.
    #[error("no such user")]
    NotFound,
    /// The database failed to read or write the rows.
    #[error(transparent)]
    Db(#[from] Error),
}

impl TransactionError for CreateTokenError {
    fn store_error(&self) -> Option<&Error> {
        match self {
            Self::Db(fault) => Some(fault),
            Self::TooMany | Self::NotFound => None,
        }
    }
}

/// Creates a token of the owner with this secret, and a line of the audit trail.
pub async fn create(
    store: &Store,
    owner: UserId,
    new: &NewToken,
    secret: &TokenSecret,
    context: &AuditContext<'_>,
) -> Result<Token, CreateTokenError> {
    store
        .write(|tx| async move {
            if !users::lock(&tx, owner).await? {
                return Err(CreateTokenError::NotFound);
            }
            let now = tx.now().await?;
            if count_live(tx.db(), owner, now).await? >= u64::from(TOKENS_MAX) {
                return Err(CreateTokenError::TooMany);
            }
            let rights = serde_json::to_string(&new.rights);
            let row = token::ActiveModel {
                id: NotSet,
                user_id: Set(owner.0),
                name: Set(new.name.clone()),
                prefix: Set(secret.prefix().to_owned()),
                hash: Set(secret.hash().to_vec()),
                rights: Set(rights.map_err(|fault| Error::Fault(fault.into()))?),
                networks: Set(new.networks.to_string()),
                created_at: Set(now.as_millis()),
                expires_at: Set(new.expires_at.as_millis()),
                idle_ms: Set(new.idle_ms),
                last_used_at: Set(None),
                last_used_from: Set(None),
                last_used_by: Set(None),
                ended_at: Set(None),
            };
            // Two secrets with the same prefix: the caller makes another one.
            let inserted = Entity::insert(row).exec(tx.db()).await;
            let id = inserted.map_err(busy_if_duplicate)?.last_insert_id;
            let token = find_row(&tx, owner, TokenId(id)).await?;
            let token = token.ok_or_else(|| Error::Corrupt(format!("token {id} vanished")))?;
            let token = Token::try_from(token)?;
            let detail = format!("until {}", token.expires_at.rfc3339());
            let object = token.audit_name();
            trail::write(&tx, context, Action::TokenCreate, &object, &detail).await?;
            Ok(token)
        })
        .await
}

/// Lists the owner's tokens, the newest first. Those that have ended are in the list until they
/// are purged.
pub async fn list(store: &Store, owner: UserId) -> Result<Vec<Token>, Error> {
    let rows = of_owner(owner)
        .order_by_desc(Column::Id)
        .all(store.reader())
        .await?;
    rows.into_iter().map(Token::try_from).collect()
}

/// Finds a token of the owner, also one that has ended.
pub async fn find(store: &Store, owner: UserId, id: TokenId) -> Result<Option<Token>, Error> {
    let own = of_owner(owner).filter(Column::Id.eq(id.0));
    let row = own.one(store.reader()).await?;
    row.map(Token::try_from).transpose()
}

/// Ends a token of the owner, and writes a line of the audit trail. Returns it as it was; `None`
/// when the owner has no such token, or it has ended before.
pub async fn end(
    store: &Store,
    owner: UserId,
    id: TokenId,
    context: &AuditContext<'_>,
) -> Result<Option<Token>, Error> {
    store
        .write(|tx| async move {
            let row = find_row(&tx, owner, id).await?;
            match row.filter(|row| row.ended_at.is_none()) {
                Some(row) => end_row(&tx, row, context).await,
                None => Ok(None),
            }
        })
        .await
}

/// Ends the token of a row in the caller's transaction, and forgets its machines; `None` when
/// another one has ended it.
pub(crate) async fn end_row(
    tx: &Tx,
    row: token::Model,
    context: &AuditContext<'_>,
) -> Result<Option<Token>, Error> {
    let now = tx.now().await?.as_millis();
    let ended = Entity::update_many()
        .col_expr(Column::EndedAt, Expr::value(now))
        .filter(Column::Id.eq(row.id))
        .filter(Column::EndedAt.is_null())
        .exec(tx.db())
        .await?;
    if ended.rows_affected == 0 {
        return Ok(None);
    }
    machines::delete_of_token(tx, TokenId(row.id)).await?;
    let token = Token::try_from(row)?;
    let object = token.audit_name();
    trail::write(tx, context, Action::TokenEnd, &object, "").await?;
    Ok(Some(token))
}

/// Counts the tokens of the owner that are live.
pub(crate) async fn count_live(
    on: &impl ConnectionTrait,
    owner: UserId,
    now: Timestamp,
) -> Result<u64, Error> {
    let rows = of_owner(owner)
        .filter(Column::EndedAt.is_null())
        .all(on)
        .await?;
    let mut live = 0;
    for row in rows {
        live += u64::from(Token::try_from(row)?.state(now) == TokenState::Live);
    }
    Ok(live)
}

/// Deletes the tokens of a user who is deleted, and with them their machines. Returns how many were
/// live.
pub(crate) async fn delete_of(tx: &Tx, owner: UserId, now: Timestamp) -> Result<u64, Error> {
    let live = count_live(tx.db(), owner, now).await?;
    let ids: Vec<i64> = of_owner(owner)
        .select_only()
        .column(Column::Id)
        .into_tuple()
        .all(tx.db())
        .await?;
    token_usage::delete_of(tx, &ids).await?;
    Entity::delete_many()
        .filter(Column::UserId.eq(owner.0))
        .exec(tx.db())
        .await?;
    Ok(live)
}

/// A token's row and the database's clock, read by one statement.
#[derive(FromQueryResult)]
struct Found {
    #[sea_orm(nested)]
    row: token::Model,
    now: i64,
}

/// Finds the token of a secret, if it is live and its owner is neither suspended nor deleted. The
/// row is read at every call, so that every process refuses a token as soon as it has ended.
pub async fn find_by_secret(
    store: &Store,
    secret: &TokenSecret,
) -> Result<Option<LiveToken>, Error> {
    let found = Entity::find()
        .find_both_related(user::Entity)
        // The first entity's columns begin with A_.
        .expr_as(Expr::cust(store.now_sql()), "A_now")
        .filter(Column::Prefix.eq(secret.prefix()))
        .filter(Column::EndedAt.is_null())
        .filter(user::Column::DeletedAt.is_null())
        .filter(user::Column::SuspendedAt.is_null())
        .into_model::<Found, user::Model>();
    let Some((Found { row, now }, user)) = found.one(store.reader()).await? else {
        return Ok(None);
    };
    // In constant time: how long it takes tells nothing about the stored hash.
    if !bool::from(row.hash.ct_eq(&secret.hash())) {
        return Ok(None);
    }
    let now = Timestamp::from_millis(now);
    // Rights that a newer program wrote may be limited in a way that this one does not know.
    if serde_json::from_str::<TokenRights>(&row.rights).is_err() {
        return Ok(None);
    }
    let token = Token::try_from(row)?;
    if token.state(now) != TokenState::Live {
        return Ok(None);
    }
    let user = user.try_into()?;
    Ok(Some(LiveToken { token, user, now }))
}

/// Stores the use of a token from this address by a client that calls itself so, at most once a
/// minute. A failure is logged only: the next request tries again.
pub async fn mark_used(store: &Store, live: &LiveToken, from: &str, by: &str) {
    let LiveToken { token, now, .. } = live;
    let last = token.last_used.as_ref();
    if last.is_some_and(|last| now.since(last.at) < USED_MS) {
        return;
    }
    let before = Condition::any()
        .add(Column::LastUsedAt.is_null())
        .add(Column::LastUsedAt.lt(now.as_millis()));
    let used = Entity::update_many()
        .col_expr(Column::LastUsedAt, Expr::value(now.as_millis()))
        .col_expr(Column::LastUsedFrom, Expr::value(sql::cut(from, 45)))
        .col_expr(Column::LastUsedBy, Expr::value(sql::cut(by, 255)))
        .filter(Column::Id.eq(token.id.0))
        .filter(before);
    if let Err(fault) = used.exec(store.writer()).await {
        tracing::warn!(error = %fault, "the last use of a token was not stored");
    }
}

fn of_owner(owner: UserId) -> sea_orm::Select<Entity> {
    Entity::find().filter(Column::UserId.eq(owner.0))
}

async fn find_row(tx: &Tx, owner: UserId, id: TokenId) -> Result<Option<token::Model>, Error> {
    let own = of_owner(owner).filter(Column::Id.eq(id.0));
    Ok(own.one(tx.db()).await?)
}

impl TryFrom<token::Model> for Token {
    type Error = Error;

    fn try_from(row: token::Model) -> Result<Self, Error> {
        let corrupt = |what: &str| Error::Corrupt(format!("{what} of token {}", row.id));
        let from_millis = Timestamp::from_millis;
        let used = row.last_used_at.map(|at| LastUse {
            at: from_millis(at),
            from: row.last_used_from.clone().unwrap_or_default(),
            by: row.last_used_by.clone().unwrap_or_default(),
        });
        Ok(Self {
            id: TokenId(row.id),
            // Of rights that a newer program wrote and this one does not know, the token has none:
            // it is refused, and can be listed, ended and deleted.
            rights: serde_json::from_str(&row.rights).unwrap_or_default(),
            networks: Networks::parse(&row.networks).map_err(|_| corrupt("networks"))?,
            created_at: from_millis(row.created_at),
            expires_at: from_millis(row.expires_at),
            idle_ms: row.idle_ms,
            last_used: used,
            ended_at: row.ended_at.map(from_millis),
            name: row.name,
            prefix: row.prefix,
        })
    }
}

//! The API tokens of all users.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, SelectTwoRequired};
use starchart_domain::time::Timestamp;
use starchart_domain::token::TokenId;
use starchart_domain::user::{Subject, UserId};

use super::Admin;
use crate::entity::token::{self, Column, Entity};
use crate::entity::user;
use crate::tokens::{Token, end_row};
use crate::trail::AuditContext;
use crate::users::User;
use crate::{Error, Store};

/// Tokens on one page.
pub const TOKEN_ROWS: usize = 50;

/// A token with its owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnedToken {
    /// The token without its secret.
    pub token: Token,
    /// Its owner, who may be suspended.
    pub owner: User,
}

/// One page of tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenPage {
    /// The tokens, newest first.
    pub rows: Vec<OwnedToken>,
    /// The `before` of the next, older page.
    pub older: Option<i64>,
    /// The time on the database's clock.
    pub now: Timestamp,
}

/// Lists the tokens that have neither been ended nor expired, newest first: those of the user with
/// this name, or of all users when it is empty. With `before`, only those older than that token.
pub async fn list_tokens(
    store: &Store,
    _: &Admin,
    username: &str,
    before: Option<i64>,
) -> Result<TokenPage, Error> {
    let now = store.now().await?;
    let mut open = open_tokens(now).filter(Column::Id.lt(before.unwrap_or(i64::MAX)));
    if !username.is_empty() {
        // A name that is not valid matches no user.
        let subject = Subject::parse(username);
        let subject = subject.as_ref().map_or("", Subject::as_str);
        open = open.filter(user::Column::Subject.eq(subject));
    }
    let mut found = open
        .order_by_desc(Column::Id)
        .limit(TOKEN_ROWS as u64 + 1)
        .all(store.reader())
        .await?;
    let has_more = found.len() > TOKEN_ROWS;
    found.truncate(TOKEN_ROWS);
    let rows = found.into_iter().map(|(token, owner)| {
        Ok(OwnedToken {
            token: token.try_into()?,
            owner: owner.try_into()?,
        })
    });
    let rows: Vec<OwnedToken> = rows.collect::<Result<_, Error>>()?;
    let last = rows.last().map(|row| row.token.id.0);
    Ok(TokenPage {
        older: last.filter(|_| has_more),
        rows,
        now,
    })
}

fn open_tokens(now: Timestamp) -> SelectTwoRequired<Entity, user::Entity> {
    Entity::find()
        .find_both_related(user::Entity)
        .filter(Column::EndedAt.is_null())
        .filter(Column::ExpiresAt.gt(now.as_millis()))
}

/// Ends a token of any user, and writes a line of the audit trail. Returns it as it was; `None`
/// when there is no such token, or it has ended before.
pub async fn end_token(
    store: &Store,
    admin: &Admin,
    id: TokenId,
    request_id: &str,
) -> Result<Option<Token>, Error> {
    store
        .write(|tx| async move {
            let row: Option<token::Model> = Entity::find_by_id(id.0).one(tx.db()).await?;
            let Some(row) = row.filter(|row| row.ended_at.is_none()) else {
                return Ok(None);
            };
            let owner = UserId(row.user_id);
            let context = AuditContext {
                on_behalf_of: Some(owner).filter(|owner| *owner != admin.id()),
                ..admin.audit_context(request_id)
            };
            end_row(&tx, row, &context).await
        })
        .await
}

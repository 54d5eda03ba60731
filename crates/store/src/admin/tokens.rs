//! The API tokens of all users.

use sea_orm::{
    ColumnTrait, Condition, EntityTrait, JoinType, QueryFilter, QueryOrder, QuerySelect,
    RelationTrait,
};
use starchart_domain::time::Timestamp;
use starchart_domain::token::TokenId;
use starchart_domain::user::{Subject, UserId};

use super::Admin;
use crate::entity::token::{self, Column, Entity};
use crate::entity::{token_usage as usage_rows, user};
use crate::machines::MachineCounts;
use crate::token_usage::{self, Rate, TokenUsage};
use crate::tokens::{Token, end_row};
use crate::trail::AuditContext;
use crate::users::User;
use crate::{Error, Store, machines};

/// Tokens on one page.
pub const TOKEN_ROWS: usize = 50;

/// A token with its owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnedToken {
    /// The token without its secret.
    pub token: Token,
    /// Its owner, who may be suspended.
    pub owner: User,
    /// What it was used for lately.
    pub usage: TokenUsage,
}

/// Which tokens a page has, and in which order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenOrder {
    /// All, the newest first; on a page after the first, those that are older than this token.
    Newest(Option<i64>),
    /// Those with requests within the last hour, the most first.
    Requests,
    /// Those with requests that did not succeed within the last hour, the most first.
    Errors,
}

/// One page of tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenPage {
    /// The tokens in their order.
    pub rows: Vec<OwnedToken>,
    /// The `before` of the next, older page.
    pub older: Option<i64>,
    /// The time on the database's clock.
    pub now: Timestamp,
}

/// Lists a page of the tokens that have neither been ended nor expired: those of the user with this
/// name, or of all users when it is empty.
pub async fn list_tokens(
    store: &Store,
    _: &Admin,
    username: &str,
    order: TokenOrder,
) -> Result<TokenPage, Error> {
    let now = store.now().await?;
    let are_open = are_open(now, username);
    let (mut rows, has_more) = match order {
        TokenOrder::Newest(before) => {
            let older = Column::Id.lt(before.unwrap_or(i64::MAX));
            let mut rows = find(store, are_open.add(older)).await?;
            let has_more = rows.len() > TOKEN_ROWS;
            rows.truncate(TOKEN_ROWS);
            (rows, has_more)
        }
        TokenOrder::Requests => (find_busiest(store, are_open, Rate::Requests).await?, false),
        TokenOrder::Errors => (find_busiest(store, are_open, Rate::Errors).await?, false),
    };
    let ids: Vec<TokenId> = rows.iter().map(|row| row.token.id).collect();
    let mut usage = token_usage::list_of(store, &ids).await?;
    for row in &mut rows {
        row.usage = usage.remove(&row.token.id).unwrap_or_default();
    }
    let last = rows.last().map(|row| row.token.id.0);
    Ok(TokenPage {
        older: last.filter(|_| has_more),
        rows,
        now,
    })
}

/// Counts the machines of all users that fetch certificates.
pub async fn count_machines(store: &Store, _: &Admin) -> Result<MachineCounts, Error> {
    machines::count(store).await
}

fn are_open(now: Timestamp, username: &str) -> Condition {
    let open = Condition::all()
        .add(Column::EndedAt.is_null())
        .add(Column::ExpiresAt.gt(now.as_millis()));
    if username.is_empty() {
        return open;
    }
    // A name that is not valid matches no user.
    let subject = Subject::parse(username);
    let subject = subject.as_ref().map_or("", Subject::as_str);
    open.add(user::Column::Subject.eq(subject))
}

/// Finds tokens, the newest first: one more than a page has, if there are more.
async fn find(store: &Store, condition: Condition) -> Result<Vec<OwnedToken>, Error> {
    let found = Entity::find()
        .find_both_related(user::Entity)
        .filter(condition)
        .order_by_desc(Column::Id)
        .limit(TOKEN_ROWS as u64 + 1)
        .all(store.reader())
        .await?;
    let rows = found.into_iter().map(|(token, owner)| {
        Ok(OwnedToken {
            token: token.try_into()?,
            owner: owner.try_into()?,
            usage: TokenUsage::default(),
        })
    });
    rows.collect()
}

async fn find_busiest(
    store: &Store,
    condition: Condition,
    by: Rate,
) -> Result<Vec<OwnedToken>, Error> {
    let counted = usage_rows::Entity::find()
        .join(JoinType::InnerJoin, usage_rows::Relation::Token.def())
        .join(JoinType::InnerJoin, token::Relation::User.def())
        .filter(condition);
    let ids = token_usage::list_busiest(store, counted, by, TOKEN_ROWS as u64).await?;
    let of_them = Column::Id.is_in(ids.iter().map(|id| id.0));
    let mut rows = find(store, Condition::all().add(of_them)).await?;
    rows.sort_by_key(|row| ids.iter().position(|id| *id == row.token.id));
    Ok(rows)
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

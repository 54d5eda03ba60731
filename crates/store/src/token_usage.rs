//! How many requests API tokens make, and what comes of them.
//!
//! A request writes nothing: each process counts, and adds its counts here once a minute, in slots
//! of ten minutes. Rows are kept for a day.

use std::collections::BTreeMap;

use sea_orm::sea_query::{Alias, Expr, OnConflict};
use sea_orm::{
    ColumnTrait, EntityTrait, ExprTrait, FromQueryResult, IdenStatic, JoinType, QueryFilter,
    QueryOrder, QuerySelect, RelationTrait, Select, Set,
};
use starchart_domain::api::Protocol;
use starchart_domain::time::Timestamp;
use starchart_domain::token::TokenId;
use starchart_domain::user::UserId;

use crate::entity::token;
use crate::entity::token_usage::{ActiveModel, Column, Entity, Relation};
use crate::tx::Tx;
use crate::{Error, Store};

const MINUTE_MS: i64 = 60 * 1_000;
/// The length of a slot.
const SLOT_MS: i64 = 10 * MINUTE_MS;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;

/// The columns with numbers, in the order of [`RequestCounts`].
const COUNTS: [Column; 5] = [
    Column::Requests,
    Column::Refused,
    Column::Throttled,
    Column::Faulty,
    Column::Failed,
];

/// How many requests were made, and what came of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RequestCounts {
    /// All of them, whatever they came to.
    pub requests: u64,
    /// Those that were not allowed: the token's rights or networks do not cover them (401, 403).
    pub refused: u64,
    /// Those that were too many (429).
    pub throttled: u64,
    /// Those with another fault of the client (all other 4xx).
    pub faulty: u64,
    /// Those that failed here (5xx).
    pub failed: u64,
}

impl RequestCounts {
    /// Adds the counts of other requests.
    pub fn add(&mut self, other: &Self) {
        self.requests += other.requests;
        self.refused += other.refused;
        self.throttled += other.throttled;
        self.faulty += other.faulty;
        self.failed += other.failed;
    }
}

/// The requests of one token by one protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenRequests {
    /// The token that they had.
    pub token: TokenId,
    /// What its client speaks.
    pub protocol: Protocol,
    /// How many there were.
    pub counts: RequestCounts,
}

/// What a token was used for lately; exact to ten minutes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TokenUsage {
    /// The requests within the last hour.
    pub hour: RequestCounts,
    /// The requests within the last day.
    pub day: RequestCounts,
    /// The requests within the last day by protocol.
    pub protocols: BTreeMap<Protocol, u64>,
}

/// Adds requests that a process has counted since it did this before.
pub async fn add(store: &Store, counted: &[TokenRequests]) -> Result<(), Error> {
    if counted.is_empty() {
        return Ok(());
    }
    // In one order in every process, so that two of them do not wait for each other.
    let mut rows = counted.to_vec();
    rows.sort_by_key(|row| (row.token, row.protocol));
    let rows = &rows;
    store
        .write(|tx| async move {
            let now = tx.now().await?.as_millis();
            for row in rows {
                add_row(&tx, row, now - now.rem_euclid(SLOT_MS)).await?;
            }
            Ok(())
        })
        .await
}

async fn add_row(tx: &Tx, row: &TokenRequests, slot: i64) -> Result<(), Error> {
    let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    let RequestCounts {
        requests,
        refused,
        throttled,
        faulty,
        failed,
    } = row.counts;
    let counts = [requests, refused, throttled, faulty, failed].map(number);
    let mut add = OnConflict::columns([Column::TokenId, Column::Protocol, Column::Slot]);
    for (column, count) in COUNTS.into_iter().zip(counts) {
        add.value(column, Expr::col(column).add(count));
    }
    let [requests, refused, throttled, faulty, failed] = counts;
    let model = ActiveModel {
        token_id: Set(row.token.0),
        protocol: Set(row.protocol.as_str().to_owned()),
        slot: Set(slot),
        requests: Set(requests),
        refused: Set(refused),
        throttled: Set(throttled),
        faulty: Set(faulty),
        failed: Set(failed),
    };
    Entity::insert(model)
        .on_conflict(add)
        .exec_without_returning(tx.db())
        .await?;
    Ok(())
}

/// Reads what the tokens of the owner were used for.
pub async fn list(store: &Store, owner: UserId) -> Result<BTreeMap<TokenId, TokenUsage>, Error> {
    let of_owner = Entity::find()
        .join(JoinType::InnerJoin, Relation::Token.def())
        .filter(token::Column::UserId.eq(owner.0));
    read(store, of_owner).await
}

/// Reads what these tokens were used for.
pub(crate) async fn list_of(
    store: &Store,
    tokens: &[TokenId],
) -> Result<BTreeMap<TokenId, TokenUsage>, Error> {
    if tokens.is_empty() {
        return Ok(BTreeMap::new());
    }
    let ids = tokens.iter().map(|token| token.0);
    read(store, Entity::find().filter(Column::TokenId.is_in(ids))).await
}

/// The sums of a token's rows of one protocol.
#[derive(FromQueryResult)]
struct Sums {
    token_id: i64,
    protocol: String,
    requests: i64,
    refused: i64,
    throttled: i64,
    faulty: i64,
    failed: i64,
}

impl Sums {
    fn counts(&self) -> RequestCounts {
        let number = |count: i64| u64::try_from(count).unwrap_or_default();
        RequestCounts {
            requests: number(self.requests),
            refused: number(self.refused),
            throttled: number(self.throttled),
            faulty: number(self.faulty),
            failed: number(self.failed),
        }
    }
}

async fn read(store: &Store, rows: Select<Entity>) -> Result<BTreeMap<TokenId, TokenUsage>, Error> {
    let now = store.now().await?;
    let mut usage: BTreeMap<TokenId, TokenUsage> = BTreeMap::new();
    for sums in sum_since(store, rows.clone(), now.plus(-DAY_MS)).await? {
        let of_token = usage.entry(TokenId(sums.token_id)).or_default();
        let counts = sums.counts();
        of_token.day.add(&counts);
        let mut known = Protocol::ALL.iter();
        // A newer program may have counted a protocol that this one does not know.
        if let Some(protocol) = known.find(|known| known.as_str() == sums.protocol) {
            *of_token.protocols.entry(*protocol).or_default() += counts.requests;
        }
    }
    for sums in sum_since(store, rows, now.plus(-HOUR_MS)).await? {
        let of_token = usage.entry(TokenId(sums.token_id)).or_default();
        of_token.hour.add(&sums.counts());
    }
    Ok(usage)
}

async fn sum_since(
    store: &Store,
    rows: Select<Entity>,
    since: Timestamp,
) -> Result<Vec<Sums>, Error> {
    let mut sums = rows
        .filter(Column::Slot.gt(since.as_millis()))
        .select_only()
        .column(Column::TokenId)
        .column(Column::Protocol);
    for column in COUNTS {
        sums = sums.expr_as(sum_of(column), column.as_str());
    }
    let sums = sums.group_by(Column::TokenId).group_by(Column::Protocol);
    Ok(sums.into_model().all(store.reader()).await?)
}

/// Sums a column. MySQL's sum is a decimal number.
fn sum_of(column: Column) -> Expr {
    Expr::col((Entity, column))
        .sum()
        .cast_as(Alias::new("SIGNED"))
}

/// What tokens are ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rate {
    /// By the number of all.
    Requests,
    /// By the number of those that did not succeed.
    Errors,
}

/// Lists tokens with requests within the last hour, those with the most of them first. `tokens`
/// says which tokens.
pub(crate) async fn list_busiest(
    store: &Store,
    tokens: Select<Entity>,
    by: Rate,
    limit: u64,
) -> Result<Vec<TokenId>, Error> {
    let columns: &[Column] = match by {
        Rate::Requests => &COUNTS[..1],
        Rate::Errors => &COUNTS[1..],
    };
    let mut sum = Expr::val(0);
    for column in columns {
        sum = sum.add(sum_of(*column));
    }
    let since = store.now().await?.plus(-HOUR_MS);
    let ids: Vec<i64> = tokens
        .filter(Column::Slot.gt(since.as_millis()))
        .select_only()
        .column(Column::TokenId)
        .group_by(Column::TokenId)
        .having(sum.clone().gt(0))
        .order_by(sum, sea_orm::Order::Desc)
        .order_by(Column::TokenId, sea_orm::Order::Desc)
        .limit(limit)
        .into_tuple()
        .all(store.reader())
        .await?;
    Ok(ids.into_iter().map(TokenId).collect())
}

/// Deletes the counts of tokens, in the caller's transaction.
pub(crate) async fn delete_of(tx: &Tx, tokens: &[i64]) -> Result<(), Error> {
    Entity::delete_many()
        .filter(Column::TokenId.is_in(tokens.iter().copied()))
        .exec(tx.db())
        .await?;
    Ok(())
}

/// Deletes rows that no page shows any more. Returns how many.
pub(crate) async fn purge(store: &Store, now: Timestamp) -> Result<u64, Error> {
    let before = now.plus(-DAY_MS - HOUR_MS).as_millis();
    store
        .write(|tx| async move {
            let old = Entity::delete_many().filter(Column::Slot.lt(before));
            Ok(old.exec(tx.db()).await?.rows_affected)
        })
        .await
}

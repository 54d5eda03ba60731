//! Lookups: what name servers and resolvers answer for a user's record, asked by a job when the
//! user requests it, and again after each change.

use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, EntityTrait, NotSet, QueryFilter, QueryOrder, QuerySelect, QueryTrait, SelectExt,
    Set,
};
use serde::{Deserialize, Serialize};
use starchart_domain::record::RecordType;
use starchart_domain::time::Timestamp;
use starchart_domain::user::UserId;

use crate::entity::lookup::{ActiveModel, Column, Entity, Model};
use crate::entity::name;
use crate::error::busy_if_duplicate;
use crate::records::read_type;
use crate::tx::Tx;
use crate::{Error, Store};

/// How soon the same RRset can be looked up again, in milliseconds.
pub const LOOKUP_INTERVAL_MS: i64 = 5_000;

/// The kind of server that was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ServerKind {
    /// An authoritative name server of the zone.
    NameServer,
    /// A public resolver, which remembers answers.
    Resolver,
}

/// What a server answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// The values in canonical presentation format; none when there is no such record.
    Values(Vec<String>),
    /// Why the answer says nothing, or why there was none.
    Failed(String),
}

/// What one server answered for an RRset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerAnswer {
    /// The server as configured or delegated.
    pub server: String,
    /// Whether it is authoritative.
    pub kind: ServerKind,
    /// The values, or why there are none.
    pub answer: Answer,
    /// Seconds for which the answer may be remembered.
    pub ttl_s: Option<u32>,
}

/// The latest lookup of an RRset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lookup {
    /// When the servers were asked; `None` before the first answers.
    pub asked_at: Option<Timestamp>,
    /// The answers, one of each server.
    pub answers: Vec<ServerAnswer>,
    /// Whether they are to be asked, or asked again.
    pub is_pending: bool,
}

/// An RRset to look up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueLookup {
    id: i64,
    due_at: i64,
    /// The owner name, as an fqdn.
    pub fqdn: String,
    /// The type of the RRset.
    pub rtype: RecordType,
}

/// Finds the latest lookup of an RRset.
///
/// # Errors
/// The database does not answer, or the stored answers are unreadable.
pub async fn find(store: &Store, fqdn: &str, rtype: RecordType) -> Result<Option<Lookup>, Error> {
    let row = of(fqdn, rtype).one(store.reader()).await?;
    row.map(|row| {
        let answers = match &row.answers {
            Some(text) => serde_json::from_str(text).map_err(|fault| {
                Error::Corrupt(format!("answers of lookup {}: {fault}", row.id))
            })?,
            None => Vec::new(),
        };
        Ok(Lookup {
            asked_at: row.asked_at.map(Timestamp::from_millis),
            answers,
            is_pending: row.due_at.is_some(),
        })
    })
    .transpose()
}

/// Requests a lookup of an RRset, unless one was requested within [`LOOKUP_INTERVAL_MS`]. Returns
/// whether the job has something to do.
///
/// # Errors
/// The database does not answer or refuses the statements.
pub async fn request(store: &Store, fqdn: &str, rtype: RecordType) -> Result<bool, Error> {
    store
        .write(|tx| async move {
            let now = tx.now().await?.as_millis();
            let Some(row) = of(fqdn, rtype).one(tx.db()).await? else {
                let new = ActiveModel {
                    id: NotSet,
                    fqdn: Set(fqdn.to_owned()),
                    rtype: Set(rtype.as_str().to_owned()),
                    requested_at: Set(now),
                    due_at: Set(Some(now)),
                    asked_at: Set(None),
                    answers: Set(None),
                };
                let insert = Entity::insert(new).exec_without_returning(tx.db());
                insert.await.map_err(busy_if_duplicate)?;
                return Ok(true);
            };
            if row.due_at.is_some() {
                return Ok(true);
            }
            if now - row.requested_at < LOOKUP_INTERVAL_MS {
                return Ok(false);
            }
            Entity::update_many()
                .col_expr(Column::RequestedAt, Expr::value(now))
                .col_expr(Column::DueAt, Expr::value(now))
                .filter(Column::Id.eq(row.id))
                .exec(tx.db())
                .await?;
            Ok(true)
        })
        .await
}

/// Requests every lookup of these names again, because what they should answer has changed. Returns
/// whether there are any.
///
/// # Errors
/// The database does not answer or refuses the statement.
pub async fn request_again(store: &Store, fqdns: &[&str]) -> Result<bool, Error> {
    let known = Entity::find().filter(Column::Fqdn.is_in(fqdns.iter().copied()));
    if fqdns.is_empty() || !known.exists(store.reader()).await? {
        return Ok(false);
    }
    store
        .write(|tx| async move {
            let now = tx.now().await?.as_millis();
            let due = Entity::update_many()
                .col_expr(Column::DueAt, Expr::value(now))
                .filter(Column::Fqdn.is_in(fqdns.iter().copied()));
            Ok::<_, Error>(due.exec(tx.db()).await?.rows_affected > 0)
        })
        .await
}

/// Deletes the lookups of all names of a user, whose row is locked.
pub(crate) async fn delete_of(tx: &Tx, owner: UserId) -> Result<(), Error> {
    let names = name::Entity::find()
        .select_only()
        .column(name::Column::Fqdn)
        .filter(name::Column::UserId.eq(owner.0))
        .into_query();
    let delete = Entity::delete_many().filter(Column::Fqdn.in_subquery(names));
    delete.exec(tx.db()).await?;
    Ok(())
}

/// Lists RRsets to look up, those first that have waited longest.
///
/// # Errors
/// The database does not answer or refuses the statement.
pub async fn list_due(store: &Store, limit: u64) -> Result<Vec<DueLookup>, Error> {
    let rows: Vec<Model> = Entity::find()
        .filter(Column::DueAt.is_not_null())
        .order_by_asc(Column::DueAt)
        .limit(limit)
        .all(store.reader())
        .await?;
    rows.into_iter()
        .map(|row| {
            Ok(DueLookup {
                id: row.id,
                due_at: row.due_at.unwrap_or_default(),
                fqdn: row.fqdn,
                rtype: read_type(&row.rtype)?,
            })
        })
        .collect()
}

/// Stores the answers. A lookup that was requested again meanwhile stays due.
///
/// # Errors
/// The database does not answer or refuses the statements.
pub async fn record(store: &Store, due: &DueLookup, answers: &[ServerAnswer]) -> Result<(), Error> {
    let text = serde_json::to_string(answers).map_err(|fault| Error::Fault(Box::new(fault)))?;
    let text = text.as_str();
    store
        .write(|tx| async move {
            let now = tx.now().await?.as_millis();
            Entity::update_many()
                .col_expr(Column::AskedAt, Expr::value(now))
                .col_expr(Column::Answers, Expr::value(text))
                .filter(Column::Id.eq(due.id))
                .exec(tx.db())
                .await?;
            Entity::update_many()
                .col_expr(Column::DueAt, Expr::value(None::<i64>))
                .filter(Column::Id.eq(due.id))
                .filter(Column::DueAt.eq(due.due_at))
                .exec(tx.db())
                .await?;
            Ok(())
        })
        .await
}

fn of(fqdn: &str, rtype: RecordType) -> sea_orm::Select<Entity> {
    Entity::find()
        .filter(Column::Fqdn.eq(fqdn))
        .filter(Column::Rtype.eq(rtype.as_str()))
}

//! Machines that fetch the certificate of their user with an API token: a row for each owner, token
//! and name of a machine.

mod stopped;

use sea_orm::{
    ColumnTrait, EntityTrait, NotSet, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, Set,
};
use starchart_domain::machine::{MACHINES_MAX, MachineName};
use starchart_domain::time::Timestamp;
use starchart_domain::token::TokenId;
use starchart_domain::user::UserId;

use crate::entity::machine::{ActiveModel, Column, Entity, Model};
use crate::entity::token;
use crate::error::busy_if_duplicate;
use crate::trail::{self, Action, AuditContext};
use crate::tx::Tx;
use crate::{Error, Store, users};

pub use stopped::{MachineCounts, count, notify_stopped};

/// The precision of the last fetch, in milliseconds.
const SEEN_MS: i64 = 60 * 1_000;

/// A machine that fetches the certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// The key of its row.
    pub id: i64,
    /// What it calls itself.
    pub name: String,
    /// The token that it fetches with.
    pub token: TokenId,
    /// The name of that token.
    pub token_name: String,
    /// The certificate that it fetched last.
    pub certificate: i64,
    /// When it was seen first.
    pub first_seen: Timestamp,
    /// When it was seen last, whether there was a new certificate or not; exact to a minute.
    pub last_seen: Timestamp,
}

/// That a machine has a certificate of the owner: it was sent, or the machine had it already.
#[derive(Debug, Clone, Copy)]
pub struct Fetch<'a> {
    /// The owner of the certificate.
    pub owner: UserId,
    /// The token of the request.
    pub token: TokenId,
    /// What the machine calls itself.
    pub machine: &'a MachineName,
    /// The id of the certificate.
    pub certificate: i64,
}

/// Stores that a machine has fetched, at most once a minute unless it has another certificate. At
/// the limit of [`MACHINES_MAX`] the machine that was not seen for longest is forgotten. A failure
/// is logged only: the next request tries again.
pub async fn record_fetch(store: &Store, fetch: Fetch<'_>) {
    if let Err(fault) = try_record(store, fetch).await {
        tracing::debug!(error = %fault, "a fetch of a certificate was not stored");
    }
}

async fn try_record(store: &Store, fetch: Fetch<'_>) -> Result<(), Error> {
    let now = store.now().await?;
    let present = find_of(fetch).one(store.reader()).await?;
    let is_known = |row: &Model| {
        row.certificate_id == fetch.certificate && now.as_millis() - row.last_seen_at < SEEN_MS
    };
    if present.is_some_and(|row| is_known(&row)) {
        return Ok(());
    }
    store
        .write(|tx| async move {
            // A user who was deleted a moment ago, or a token that has ended, has no machines.
            if !users::lock(&tx, fetch.owner).await? || !is_token_open(&tx, fetch).await? {
                return Ok(());
            }
            let now = tx.now().await?;
            match find_of(fetch).one(tx.db()).await? {
                Some(row) => mark_seen(&tx, &row, fetch, now).await,
                None => insert(&tx, fetch, now).await,
            }
        })
        .await
}

fn find_of(fetch: Fetch<'_>) -> sea_orm::Select<Entity> {
    of_owner(fetch.owner)
        .filter(Column::TokenId.eq(fetch.token.0))
        .filter(Column::Name.eq(fetch.machine.as_str()))
}

async fn is_token_open(tx: &Tx, fetch: Fetch<'_>) -> Result<bool, Error> {
    let open = token::Entity::find_by_id(fetch.token.0).filter(token::Column::EndedAt.is_null());
    Ok(open.count(tx.db()).await? > 0)
}

async fn mark_seen(tx: &Tx, row: &Model, fetch: Fetch<'_>, now: Timestamp) -> Result<(), Error> {
    let first_seen = Timestamp::from_millis(row.first_seen_at);
    let is_regular = row.is_regular || first_seen.start_of_day() != now.start_of_day();
    Entity::update_many()
        .set(ActiveModel {
            certificate_id: Set(fetch.certificate),
            last_seen_at: Set(now.as_millis()),
            is_regular: Set(is_regular),
            notified_at: Set(None),
            ..Default::default()
        })
        .filter(Column::Id.eq(row.id))
        .exec(tx.db())
        .await?;
    Ok(())
}

async fn insert(tx: &Tx, fetch: Fetch<'_>, now: Timestamp) -> Result<(), Error> {
    let others: Vec<i64> = of_owner(fetch.owner)
        .select_only()
        .column(Column::Id)
        .order_by_desc(Column::LastSeenAt)
        .order_by_desc(Column::Id)
        .into_tuple()
        .all(tx.db())
        .await?;
    let kept = MACHINES_MAX as usize - 1;
    if let Some(forgotten) = others.get(kept..).filter(|ids| !ids.is_empty()) {
        Entity::delete_many()
            .filter(Column::Id.is_in(forgotten.iter().copied()))
            .exec(tx.db())
            .await?;
    }
    let row = ActiveModel {
        id: NotSet,
        user_id: Set(fetch.owner.0),
        token_id: Set(fetch.token.0),
        name: Set(fetch.machine.as_str().to_owned()),
        certificate_id: Set(fetch.certificate),
        first_seen_at: Set(now.as_millis()),
        last_seen_at: Set(now.as_millis()),
        is_regular: Set(false),
        notified_at: Set(None),
    };
    Entity::insert(row)
        .exec_without_returning(tx.db())
        .await
        .map_err(busy_if_duplicate)?;
    Ok(())
}

/// Lists the owner's machines, the one seen last first.
pub async fn list(store: &Store, owner: UserId) -> Result<Vec<Machine>, Error> {
    let rows = of_owner(owner)
        .find_also_related(token::Entity)
        .order_by_desc(Column::LastSeenAt)
        .order_by_desc(Column::Id)
        .all(store.reader())
        .await?;
    let machine = |(row, token): (Model, Option<token::Model>)| Machine {
        id: row.id,
        name: row.name,
        token: TokenId(row.token_id),
        token_name: token.map(|token| token.name).unwrap_or_default(),
        certificate: row.certificate_id,
        first_seen: Timestamp::from_millis(row.first_seen_at),
        last_seen: Timestamp::from_millis(row.last_seen_at),
    };
    Ok(rows.into_iter().map(machine).collect())
}

/// Forgets a machine of the owner, and writes a line of the audit trail. It is listed again when it
/// fetches. Returns its name; `None` when the owner has no such machine.
pub async fn remove(
    store: &Store,
    owner: UserId,
    id: i64,
    context: &AuditContext<'_>,
) -> Result<Option<String>, Error> {
    store
        .write(|tx| async move {
            let own = of_owner(owner).filter(Column::Id.eq(id));
            let Some(row) = own.one(tx.db()).await? else {
                return Ok(None);
            };
            Entity::delete_many()
                .filter(Column::Id.eq(id))
                .exec(tx.db())
                .await?;
            trail::write(&tx, context, Action::MachineRemove, &row.name, "").await?;
            Ok(Some(row.name))
        })
        .await
}

/// Forgets the machines of a token that ends.
pub(crate) async fn delete_of_token(tx: &Tx, token: TokenId) -> Result<(), Error> {
    Entity::delete_many()
        .filter(Column::TokenId.eq(token.0))
        .exec(tx.db())
        .await?;
    Ok(())
}

fn of_owner(owner: UserId) -> sea_orm::Select<Entity> {
    Entity::find().filter(Column::UserId.eq(owner.0))
}

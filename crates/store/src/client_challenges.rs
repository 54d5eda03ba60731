//! Answers to DNS challenges that users' own ACME clients write. They are published beside records
//! and the values of our own orders, and change only under the lock of their name (I5).

use std::collections::BTreeSet;

use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, NotSet, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect, SelectExt, Set,
};
use starchart_domain::certificate::{
    CHALLENGE_TYPE, CLIENT_VALUE_KEPT_MS, CLIENT_VALUES_MAX, ChallengeName, ChallengeValue,
};
use starchart_domain::record::NameClass;
use starchart_domain::time::Timestamp;
use starchart_domain::user::UserId;

use crate::entity::client_challenge::{ActiveModel, Column, Entity, Model};
use crate::error::{TransactionError, busy_if_duplicate};
use crate::housekeeping::BATCH;
use crate::records::RecordError;
use crate::records::names::{self, TouchedName, touch};
use crate::trail::{self, Action, AuditContext};
use crate::tx::Tx;
use crate::{Error, Store, users};

/// Rolling values that stay at a name, the newest included: two for a name and its wildcard.
const ROLLING_KEPT: usize = 2;

/// A value that a client of the owner has written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientChallenge {
    /// The name of the challenge, in lower case and without a trailing dot.
    pub fqdn: String,
    /// The value, without quotation marks.
    pub value: String,
    /// When the client wrote it.
    pub created_at: Timestamp,
}

/// What a client wants to change at a name.
#[derive(Debug, Clone, Copy)]
pub enum ChallengeChange<'a> {
    /// Adds a value, which the client removes.
    Add(&'a ChallengeValue),
    /// Adds a value in place of the oldest of those added in this way: the client removes none.
    Roll(&'a ChallengeValue),
    /// Removes a value of the owner.
    Remove(&'a ChallengeValue),
    /// Makes these the owner's values at the name.
    Replace(&'a [ChallengeValue]),
}

/// Why a client's values were not changed.
#[derive(Debug, thiserror::Error)]
pub enum ChallengeError {
    /// The user's clients have as many values as allowed.
    #[error("the limit of {CLIENT_VALUES_MAX} values is reached")]
    LimitReached,
    /// A CNAME record excludes the values.
    #[error("a CNAME record is at this name")]
    Cname,
    /// The name has imported records of another user.
    #[error("another user's records are at this name")]
    NameTaken,
    /// The user was deleted.
    #[error("no such user")]
    NoUser,
    /// The database failed to read or write the rows.
    #[error(transparent)]
    Db(#[from] Error),
}

impl TransactionError for ChallengeError {
    fn store_error(&self) -> Option<&Error> {
        match self {
            Self::Db(fault) => Some(fault),
            _ => None,
        }
    }
}

impl From<RecordError> for ChallengeError {
    fn from(error: RecordError) -> Self {
        match error {
            RecordError::CnameConflict { .. } => Self::Cname,
            RecordError::NameTaken => Self::NameTaken,
            RecordError::Db(error) => Self::Db(error),
            other => Self::Db(Error::Corrupt(format!(
                "a name refuses a challenge: {other}"
            ))),
        }
    }
}

/// The rows that a change deletes and the values that it adds.
#[derive(Debug, Default)]
struct Difference<'a> {
    removed: Vec<Model>,
    added: Vec<&'a ChallengeValue>,
    is_rolling: bool,
}

impl<'a> Difference<'a> {
    /// Compares a change with the owner's rows at the name, the oldest first.
    fn of(change: ChallengeChange<'a>, present: Vec<Model>) -> Self {
        let has = |value: &ChallengeValue| present.iter().any(|row| row.value == value.as_str());
        match change {
            ChallengeChange::Add(value) if has(value) => Self::default(),
            ChallengeChange::Add(value) => Self {
                added: vec![value],
                ..Self::default()
            },
            ChallengeChange::Roll(value) => {
                // A value that was added stays, however many values roll.
                let is_kept = |row: &Model| !row.is_rolling && row.value == value.as_str();
                if present.iter().any(is_kept) {
                    return Self::default();
                }
                let mut rolling: Vec<Model> =
                    present.into_iter().filter(|row| row.is_rolling).collect();
                match rolling.iter().position(|row| row.value == value.as_str()) {
                    Some(at) if at + 1 == rolling.len() => return Self::default(),
                    // It becomes the newest.
                    Some(at) => {
                        return Self {
                            removed: vec![rolling.swap_remove(at)],
                            added: vec![value],
                            is_rolling: true,
                        };
                    }
                    None => {}
                }
                let kept = rolling.len().min(ROLLING_KEPT - 1);
                rolling.truncate(rolling.len() - kept);
                Self {
                    removed: rolling,
                    added: vec![value],
                    is_rolling: true,
                }
            }
            ChallengeChange::Remove(value) => Self {
                removed: present
                    .into_iter()
                    .filter(|row| row.value == value.as_str())
                    .collect(),
                ..Self::default()
            },
            ChallengeChange::Replace(values) => {
                let wanted: BTreeSet<&ChallengeValue> = values.iter().collect();
                let added = wanted.iter().copied().filter(|value| !has(value)).collect();
                let is_kept = |row: &Model| wanted.iter().any(|value| value.as_str() == row.value);
                Self {
                    added,
                    removed: present.into_iter().filter(|row| !is_kept(row)).collect(),
                    is_rolling: false,
                }
            }
        }
    }

    fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty()
    }
}

/// Changes the owner's values at a name, with a line of the audit trail for each, and returns
/// whether anything changed: what is as wanted is not written.
///
/// # Errors
/// The change is refused, or the database does not answer.
pub async fn change(
    store: &Store,
    owner: UserId,
    name: &ChallengeName,
    change: ChallengeChange<'_>,
    act: &AuditContext<'_>,
) -> Result<bool, ChallengeError> {
    let present = list_at(store.reader(), owner, name.fqdn()).await?;
    if Difference::of(change, present).is_empty() {
        return Ok(false);
    }
    store
        .write(|tx| async move {
            if !users::lock(&tx, owner).await? {
                return Err(ChallengeError::NoUser);
            }
            let present = list_at(tx.db(), owner, name.fqdn()).await?;
            let difference = Difference::of(change, present);
            if difference.is_empty() {
                return Ok(false);
            }
            write(&tx, owner, name, &difference, act).await?;
            Ok(true)
        })
        .await
}

async fn write(
    tx: &Tx,
    owner: UserId,
    name: &ChallengeName,
    difference: &Difference<'_>,
    act: &AuditContext<'_>,
) -> Result<(), ChallengeError> {
    let now = tx.now().await?;
    let touched = touch(tx, owner, name.fqdn(), NameClass::Other, now).await?;
    if !difference.added.is_empty() {
        touched.set_class(tx, CHALLENGE_TYPE).await?;
    }
    let removed = difference.removed.iter().map(|row| row.id);
    delete(tx, &touched, removed.collect()).await?;
    let present = Entity::find()
        .filter(Column::UserId.eq(owner.0))
        .count(tx.db())
        .await
        .map_err(Error::from)?;
    if present + difference.added.len() as u64 > u64::from(CLIENT_VALUES_MAX)
        && !difference.added.is_empty()
    {
        return Err(ChallengeError::LimitReached);
    }
    for value in &difference.added {
        insert(tx, owner, &touched, value, difference.is_rolling, now).await?;
        let action = Action::ChallengeAnswer;
        trail::write(tx, act, action, name.fqdn(), value.as_str()).await?;
    }
    for row in &difference.removed {
        let action = Action::ChallengeRemove;
        trail::write(tx, act, action, name.fqdn(), &row.value).await?;
    }
    Ok(())
}

async fn insert(
    tx: &Tx,
    owner: UserId,
    name: &TouchedName,
    value: &ChallengeValue,
    is_rolling: bool,
    now: Timestamp,
) -> Result<(), Error> {
    let row = ActiveModel {
        id: NotSet,
        user_id: Set(owner.0),
        fqdn: Set(name.fqdn().to_owned()),
        class: Set(NameClass::Other.into()),
        value: Set(value.as_str().to_owned()),
        is_rolling: Set(is_rolling),
        created_at: Set(now.as_millis()),
    };
    Entity::insert(row)
        .exec_without_returning(tx.db())
        .await
        .map_err(busy_if_duplicate)?;
    Ok(())
}

async fn delete(tx: &Tx, _: &TouchedName, ids: Vec<i64>) -> Result<(), Error> {
    if ids.is_empty() {
        return Ok(());
    }
    let delete = Entity::delete_many().filter(Column::Id.is_in(ids));
    delete.exec(tx.db()).await?;
    Ok(())
}

/// Lists the owner's values by name and age.
///
/// # Errors
/// The database does not answer or refuses the statement.
pub async fn list(store: &Store, owner: UserId) -> Result<Vec<ClientChallenge>, Error> {
    let rows = Entity::find()
        .filter(Column::UserId.eq(owner.0))
        .order_by_asc(Column::Fqdn)
        .order_by_asc(Column::Id);
    let rows = rows.all(store.reader()).await?;
    Ok(rows.into_iter().map(ClientChallenge::from).collect())
}

impl From<Model> for ClientChallenge {
    fn from(row: Model) -> Self {
        Self {
            fqdn: row.fqdn,
            value: row.value,
            created_at: Timestamp::from_millis(row.created_at),
        }
    }
}

async fn list_at(
    on: &impl ConnectionTrait,
    owner: UserId,
    fqdn: &str,
) -> Result<Vec<Model>, Error> {
    let rows = Entity::find()
        .filter(Column::UserId.eq(owner.0))
        .filter(Column::Fqdn.eq(fqdn))
        .order_by_asc(Column::Id);
    Ok(rows.all(on).await?)
}

/// Deletes values that are older than [`CLIENT_VALUE_KEPT_MS`], at most [`BATCH`], and returns
/// their number: call again until it is zero. Afterwards their names are unpublished: wake the
/// publisher.
///
/// # Errors
/// The database does not answer or refuses the statements.
pub async fn expire(store: &Store) -> Result<u64, Error> {
    let before = store.now().await?.plus(-CLIENT_VALUE_KEPT_MS).as_millis();
    let old = || Entity::find().filter(Column::CreatedAt.lte(before));
    if !old().exists(store.reader()).await? {
        return Ok(0);
    }
    store
        .write(|tx| async move {
            let owners: Vec<i64> = old()
                .select_only()
                .column(Column::UserId)
                .distinct()
                .order_by_asc(Column::UserId)
                .limit(BATCH)
                .into_tuple()
                .all(tx.db())
                .await?;
            let owners: Vec<UserId> = owners.into_iter().map(UserId).collect();
            users::lock_all(&tx, &owners).await?;
            let rows = old()
                .filter(Column::UserId.is_in(owners.iter().map(|owner| owner.0)))
                .order_by_asc(Column::CreatedAt)
                .limit(BATCH)
                .all(tx.db())
                .await?;
            let fqdns = rows.iter().map(|row| row.fqdn.as_str()).collect();
            let now = tx.now().await?;
            let _touched = names::touch_all(&tx, fqdns, now).await?;
            let ids = rows.iter().map(|row| row.id);
            let delete = Entity::delete_many().filter(Column::Id.is_in(ids));
            Ok::<_, Error>(delete.exec(tx.db()).await?.rows_affected)
        })
        .await
}

/// Lists the names with values of the owner.
pub(crate) async fn names_of(tx: &Tx, owner: UserId) -> Result<Vec<String>, Error> {
    Ok(Entity::find()
        .select_only()
        .column(Column::Fqdn)
        .distinct()
        .filter(Column::UserId.eq(owner.0))
        .into_tuple()
        .all(tx.db())
        .await?)
}

/// Deletes the owner's values at these names.
pub(crate) async fn delete_at(tx: &Tx, owner: UserId, names: &[TouchedName]) -> Result<(), Error> {
    let fqdns = names.iter().map(TouchedName::fqdn);
    let delete = Entity::delete_many()
        .filter(Column::UserId.eq(owner.0))
        .filter(Column::Fqdn.is_in(fqdns));
    delete.exec(tx.db()).await?;
    Ok(())
}

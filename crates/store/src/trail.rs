//! The audit trail: who did what. Entries are added and never changed.

use sea_orm::{EntityTrait, NotSet, Set};
use starchart_domain::user::UserId;

use crate::entity::audit_entry;
use crate::tx::Tx;
use crate::{Error, Store, sql};

/// Who acts, for the entry that is written in the transaction of the action.
#[derive(Debug, Clone, Copy)]
pub struct AuditContext<'a> {
    /// The user who acts.
    pub actor: UserId,
    /// The user whose rows change, while an admin impersonates them.
    pub on_behalf_of: Option<UserId>,
    /// The id of the request.
    pub request_id: &'a str,
}

/// An entry of the trail.
#[derive(Debug, Clone, Default)]
pub struct Entry<'a> {
    /// The user who acted; `None` when no user was signed in.
    pub actor: Option<UserId>,
    /// The user whose rows changed, when it was not the actor.
    pub on_behalf_of: Option<UserId>,
    /// The action, from a fixed list of words: `record.create`, `session.refused`.
    pub action: &'a str,
    /// What it was done to: a name, an id. No secrets.
    pub object: &'a str,
    /// More about it. No secrets.
    pub detail: &'a str,
    /// The id of the request.
    pub request_id: &'a str,
}

/// Appends an entry in a transaction of its own.
pub async fn append(store: &Store, entry: &Entry<'_>) -> Result<(), Error> {
    store
        .write(|tx| async move { write_entry(&tx, entry).await })
        .await
}

/// Appends an entry in the transaction of the action, so that both are committed or neither is.
pub(crate) async fn write(
    tx: &Tx,
    context: &AuditContext<'_>,
    action: &str,
    object: &str,
    detail: &str,
) -> Result<(), Error> {
    let entry = Entry {
        actor: Some(context.actor),
        on_behalf_of: context.on_behalf_of,
        action,
        object,
        detail,
        request_id: context.request_id,
    };
    write_entry(tx, &entry).await
}

/// Appends an entry in the caller's transaction, also without a signed-in user.
pub(crate) async fn write_entry(tx: &Tx, entry: &Entry<'_>) -> Result<(), Error> {
    let row = audit_entry::ActiveModel {
        id: NotSet,
        at: Set(tx.now().await?.as_millis()),
        actor_id: Set(entry.actor.map(|user| user.0)),
        on_behalf_of: Set(entry.on_behalf_of.map(|user| user.0)),
        action: Set(sql::cut(entry.action, 64)),
        object: Set(sql::cut(entry.object, 255)),
        detail: Set(sql::cut(entry.detail, 4_000)),
        request_id: Set(sql::cut(entry.request_id, 64)),
    };
    audit_entry::Entity::insert(row)
        .exec_without_returning(tx.db())
        .await?;
    Ok(())
}

//! The audit trail: who did what, for admins and for the record.

use sea_orm::{EntityTrait, NotSet, Set};
use starchart_domain::user::UserId;

use crate::entity::audit_entry;
use crate::tx::Tx;
use crate::{Error, Store, sql};

/// Who does something, for the line of the trail that is written with it in one transaction.
#[derive(Debug, Clone, Copy)]
pub struct AuditContext<'a> {
    /// Who did it.
    pub actor: UserId,
    /// Whose account it was done in, when an admin impersonates.
    pub on_behalf_of: Option<UserId>,
    /// The request it came with.
    pub request_id: &'a str,
}

/// Appends a line in the caller's transaction: what was done and its trace stand or fall together.
pub(crate) async fn write(
    tx: &Tx,
    act: &AuditContext<'_>,
    action: &str,
    object: &str,
    detail: &str,
) -> Result<(), Error> {
    let AuditContext {
        actor,
        on_behalf_of,
        request_id,
    } = *act;
    write_entry(
        tx,
        &Entry {
            actor: Some(actor),
            on_behalf_of,
            action,
            object,
            detail,
            request_id,
        },
    )
    .await
}

/// One line of the trail.
#[derive(Debug, Clone, Default)]
pub struct Entry<'a> {
    /// Who did it; none when nobody was signed in.
    pub actor: Option<UserId>,
    /// Whose account it was done in, when it was not the actor's own.
    pub on_behalf_of: Option<UserId>,
    /// What was done, from a fixed list of words: `record.create`, `session.refused`.
    pub action: &'a str,
    /// What it was done to: a name, an id. No secrets.
    pub object: &'a str,
    /// More about it; no secrets.
    pub detail: &'a str,
    /// The request it came with.
    pub request_id: &'a str,
}

/// Appends a line.
pub async fn append(store: &Store, entry: &Entry<'_>) -> Result<(), Error> {
    store
        .write(|tx| async move { write_entry(&tx, entry).await })
        .await
}

/// Appends a line in the caller's transaction, also of somebody who is no user.
pub(crate) async fn write_entry(tx: &Tx, entry: &Entry<'_>) -> Result<(), Error> {
    let line = audit_entry::ActiveModel {
        id: NotSet,
        at: Set(tx.now().await?.as_millis()),
        actor_id: Set(entry.actor.map(|user| user.0)),
        on_behalf_of: Set(entry.on_behalf_of.map(|user| user.0)),
        action: Set(sql::cut(entry.action, 64)),
        object: Set(sql::cut(entry.object, 255)),
        detail: Set(sql::cut(entry.detail, 4_000)),
        request_id: Set(sql::cut(entry.request_id, 64)),
    };
    audit_entry::Entity::insert(line)
        .exec_without_returning(tx.db())
        .await?;
    Ok(())
}

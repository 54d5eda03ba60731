//! What an admin can do to other users' accounts and to work that is stuck.

use starchart_domain::token::TokenId;
use starchart_jobs::{Queue, WakeUp};
use starchart_store::Store;
use starchart_store::admin::{self, Admin, DeletedUser};
use starchart_store::tokens::Token;
use starchart_store::users::User;

use super::{ActionError, Caller};

/// The hashes of a session's token before and after an impersonation starts or ends.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SessionTokens {
    pub(crate) old: [u8; 32],
    pub(crate) new: [u8; 32],
}

/// Starts the impersonation of the user with this name in the admin's session.
pub(crate) async fn impersonate(
    store: &Store,
    caller: Caller<'_, Admin>,
    username: &str,
    tokens: SessionTokens,
) -> Result<User, ActionError> {
    let user = find_user(store, caller.actor, username).await?;
    let SessionTokens { old, new } = tokens;
    let request_id = caller.request_id;
    Ok(admin::impersonate(store, caller.actor, user.id, old, new, request_id).await?)
}

/// Ends the impersonation in this session. Returns whether there was one.
pub(crate) async fn end_impersonation(
    store: &Store,
    tokens: SessionTokens,
    request_id: &str,
) -> Result<bool, ActionError> {
    Ok(admin::stop_impersonating(store, tokens.old, tokens.new, request_id).await?)
}

/// Deletes the user with this name: records, certificates, sessions, mails and personal data.
/// Returns the user as they were, and what was deleted.
pub(crate) async fn delete_user(
    store: &Store,
    queue: &dyn Queue,
    caller: Caller<'_, Admin>,
    username: &str,
) -> Result<(User, DeletedUser), ActionError> {
    let user = find_user(store, caller.actor, username).await?;
    let deleted = admin::delete_user(store, caller.actor, user.id, caller.request_id).await?;
    queue.wake(WakeUp::Publish);
    Ok((user, deleted))
}

/// Publishes a refused name again at once. Fails with [`ActionError::NotFound`] when the name is
/// not refused any more.
pub(crate) async fn retry_name(
    store: &Store,
    queue: &dyn Queue,
    caller: Caller<'_, Admin>,
    fqdn: &str,
) -> Result<(), ActionError> {
    let found = admin::retry_name(store, caller.actor, fqdn, caller.request_id).await?;
    queue.wake(WakeUp::Publish);
    found.then_some(()).ok_or(ActionError::NotFound)
}

/// Sends a failed mail again. Fails with [`ActionError::NotFound`] when no failed mail has this id.
pub(crate) async fn retry_mail(
    store: &Store,
    queue: &dyn Queue,
    caller: Caller<'_, Admin>,
    id: i64,
) -> Result<(), ActionError> {
    let found = admin::retry_mail(store, caller.actor, id, caller.request_id).await?;
    queue.wake(WakeUp::Mail);
    found.then_some(()).ok_or(ActionError::NotFound)
}

/// Ends an API token of any user and returns it as it was. Fails with [`ActionError::NotFound`]
/// when it has ended before.
pub(crate) async fn end_any_token(
    store: &Store,
    caller: Caller<'_, Admin>,
    id: TokenId,
) -> Result<Token, ActionError> {
    let ended = admin::end_token(store, caller.actor, id, caller.request_id).await?;
    ended.ok_or(ActionError::NotFound)
}

async fn find_user(store: &Store, admin: &Admin, username: &str) -> Result<User, ActionError> {
    admin::find_user(store, admin, username)
        .await?
        .ok_or(ActionError::NotFound)
}

//! Creating, listing and ending API tokens.

use std::collections::BTreeMap;

use starchart_domain::token::{NewToken, TOKENS_MAX, TokenId, TokenSecret};
use starchart_store::Store;
use starchart_store::token_usage::{self, TokenUsage};
use starchart_store::tokens::{self, CreateTokenError};

/// A token of a user, and whether it is accepted; a channel names them from here.
pub(crate) use starchart_store::tokens::{Token, TokenState};

use super::{ActionError, Caller, Denial, Limit};
use crate::actor::User;

/// Creates a token of the user. Its secret is returned this once and not stored. No token and no
/// admin who impersonates the user can do this.
pub(crate) async fn create_token(
    store: &Store,
    caller: Caller<'_>,
    new: &NewToken,
) -> Result<(Token, TokenSecret), ActionError> {
    let owner = caller.actor;
    owner.check_session()?;
    if owner.impersonator.is_some() {
        return Err(ActionError::Denied(Denial::TokenWithheld));
    }
    let secret = TokenSecret::from_random(&rand::random());
    let audit = caller.audit_context();
    let created = tokens::create(store, owner.id, new, &secret, &audit).await;
    match created {
        Ok(token) => Ok((token, secret)),
        Err(CreateTokenError::TooMany) => {
            Err(ActionError::Limit(Limit::Tokens { limit: TOKENS_MAX }))
        }
        Err(CreateTokenError::NotFound) => Err(ActionError::NotFound),
        Err(CreateTokenError::Db(error)) => Err(ActionError::Store(error)),
    }
}

/// Lists the user's tokens, the newest first, and those that ended lately. A token sees itself
/// only.
pub(crate) async fn list_tokens(store: &Store, owner: &User) -> Result<Vec<Token>, ActionError> {
    Ok(match &owner.token {
        None => tokens::list(store, owner.id).await?,
        Some(used) => {
            let own = tokens::find(store, owner.id, used.id).await?;
            own.into_iter().collect()
        }
    })
}

/// Reads what the user's tokens were used for lately.
pub(crate) async fn list_token_usage(
    store: &Store,
    owner: &User,
) -> Result<BTreeMap<TokenId, TokenUsage>, ActionError> {
    owner.check_session()?;
    Ok(token_usage::list(store, owner.id).await?)
}

/// Ends a token of the user and returns it as it was. A token can end itself only.
pub(crate) async fn end_token(
    store: &Store,
    caller: Caller<'_>,
    id: TokenId,
) -> Result<Token, ActionError> {
    let owner = caller.actor;
    if owner.token.as_ref().is_some_and(|used| used.id != id) {
        return Err(ActionError::NotFound);
    }
    let ended = tokens::end(store, owner.id, id, &caller.audit_context()).await?;
    ended.ok_or(ActionError::NotFound)
}

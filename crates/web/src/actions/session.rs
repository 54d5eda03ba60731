//! Signing in and out, and sign-ins that were refused.

use starchart_domain::user::Identity;
use starchart_store::Store;
use starchart_store::sessions::{self, Session};
use starchart_store::trail::{Action, TrailEntry};
use starchart_store::users::User;

use super::{ActionError, append_to_trail};
use crate::tokens;

/// Creates a session for the user and ends the previous one of this browser, by its token. Returns
/// the token of the new session.
pub(crate) async fn start_session(
    store: &Store,
    user: &User,
    identity: &Identity,
    previous: Option<&str>,
    request_id: &str,
) -> Result<String, ActionError> {
    if let Some(previous) = previous {
        sessions::end(store, tokens::hash(previous), request_id).await?;
    }
    let token = tokens::generate();
    sessions::create(
        store,
        user.id,
        tokens::hash(&token),
        identity.name_id.as_ref(),
        identity.session_index.as_deref(),
    )
    .await?;
    append_session_entry(store, Action::SessionStart, user, request_id).await;
    Ok(token)
}

/// Ends the session with this token.
pub(crate) async fn end_session(
    store: &Store,
    session: &Session,
    token: &str,
    request_id: &str,
) -> Result<(), ActionError> {
    sessions::end(store, tokens::hash(token), request_id).await?;
    // During an impersonation this is the admin.
    append_session_entry(store, Action::SessionEnd, session.signed_in(), request_id).await;
    Ok(())
}

/// Appends a sign-in that was refused, or a response of the identity provider that no sign-in asked
/// for. `code` is the reason.
pub(crate) async fn record_refused_sign_in(
    store: &Store,
    is_unsolicited: bool,
    code: &str,
    request_id: &str,
) {
    let action = if is_unsolicited {
        Action::SessionUnsolicited
    } else {
        Action::SessionRefused
    };
    let entry = TrailEntry {
        detail: code,
        request_id,
        ..TrailEntry::new(action)
    };
    append_to_trail(store, &entry).await;
}

async fn append_session_entry(store: &Store, action: Action, user: &User, request_id: &str) {
    let entry = TrailEntry {
        actor: Some(user.id),
        object: user.subject.as_str(),
        request_id,
        ..TrailEntry::new(action)
    };
    append_to_trail(store, &entry).await;
}

//! Who makes a request. A handler that needs a user takes one of these types as an argument, and
//! only this file creates them, from a session or an API token (invariant I8).

use std::rc::Rc;

use starchart_domain::names::{BaseDomain, RootDomain};
use starchart_domain::token::{TokenId, TokenRights};
use starchart_domain::user::UserId;
/// A signed-in user who was an admin at the last sign-in and does not impersonate.
pub(crate) use starchart_store::admin::Admin;
use starchart_store::sessions::Session;
use starchart_store::tokens::LiveToken;
use starchart_store::trail::AuditContext;

/// A user who has a label, signed in or by an API token of theirs. During an impersonation this is
/// the impersonated user.
#[derive(Debug, Clone)]
pub(crate) struct User {
    /// The owner in every call to the store.
    pub(crate) id: UserId,
    pub(crate) base: BaseDomain,
    /// The admin who impersonates this user.
    pub(crate) impersonator: Option<UserId>,
    /// The token by which the user acts; `None` for a session, which may do everything. Every
    /// action checks what the token may do.
    pub(crate) token: Option<Rc<UsedToken>>,
}

/// The API token of a request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct UsedToken {
    pub(crate) id: TokenId,
    /// Its name and its prefix, as the audit trail names it.
    pub(crate) audit_name: String,
    pub(crate) rights: TokenRights,
}

impl User {
    /// Makes the user whom a live token stands for; `None` for a user without a label, who has no
    /// names.
    pub(crate) fn from_token(live: &LiveToken, root: &RootDomain) -> Option<Self> {
        let LiveToken { token, user, .. } = live;
        let used = UsedToken {
            id: token.id,
            audit_name: token.audit_name(),
            rights: token.rights.clone(),
        };
        Some(Self {
            id: user.id,
            base: root.base(user.label.as_ref()?),
            impersonator: None,
            token: Some(Rc::new(used)),
        })
    }

    /// Returns who acts and in whose account, for the audit trail.
    pub(crate) fn audit_context<'a>(&'a self, request_id: &'a str) -> AuditContext<'a> {
        let by = self.impersonator.unwrap_or(self.id);
        AuditContext {
            actor: by,
            on_behalf_of: self.impersonator.map(|_| self.id),
            token: self.token.as_ref().map(|token| token.audit_name.as_str()),
            request_id,
        }
    }
}

/// A signed-in user who has to choose a label first.
#[derive(Debug, Clone)]
pub(crate) struct UserWithoutLabel {
    pub(crate) id: UserId,
    /// As the identity provider wrote it.
    pub(crate) username: String,
}

/// What a session allows.
#[derive(Debug, Clone)]
pub(crate) enum Actor {
    /// Not signed in, or the session has ended.
    Guest,
    UserWithoutLabel(UserWithoutLabel),
    /// The second field is set when the user is an admin and does not impersonate.
    User(User, Option<Admin>),
}

impl Actor {
    /// Reads the actor from a session. During an impersonation the actor is the impersonated user
    /// and has none of the admin's rights.
    pub(crate) fn from_session(session: Option<&Session>, root: &RootDomain) -> Self {
        let Some(session) = session else {
            return Self::Guest;
        };
        let user = &session.user;
        match &user.label {
            None => Self::UserWithoutLabel(UserWithoutLabel {
                id: user.id,
                username: user.username.clone(),
            }),
            Some(label) => {
                let impersonator = session
                    .impersonation
                    .as_ref()
                    .map(|impersonation| impersonation.admin.id);
                Self::User(
                    User {
                        id: user.id,
                        base: root.base(label),
                        impersonator,
                        token: None,
                    },
                    session.admin(),
                )
            }
        }
    }

    /// Returns the user who signed in: during an impersonation the admin.
    pub(crate) fn signed_in_id(&self) -> Option<UserId> {
        match self {
            Self::Guest => None,
            Self::UserWithoutLabel(user) => Some(user.id),
            Self::User(user, _) => Some(user.impersonator.unwrap_or(user.id)),
        }
    }
}

//! Who makes a request. Handlers that need a signed-in person take one of these, and only this file
//! makes them.

use starchart_domain::names::{BaseDomain, RootDomain};
use starchart_domain::user::UserId;
/// A signed-in person whom the identity provider called an admin at the last sign-in, and who
/// impersonates nobody.
pub(crate) use starchart_store::admin::Admin;
use starchart_store::sessions::Session;
use starchart_store::trail::AuditContext;

/// A signed-in person who has a label.
#[derive(Debug, Clone)]
pub(crate) struct Person {
    /// The row: the owner in every question to the store.
    pub(crate) id: UserId,
    /// The person's own domain.
    pub(crate) base: BaseDomain,
    /// The admin who uses the pages as this person, if so.
    pub(crate) impersonator: Option<UserId>,
}

impl Person {
    /// For the audit trail: who does it, in whose account.
    pub(crate) fn act<'a>(&self, request_id: &'a str) -> AuditContext<'a> {
        let by = self.impersonator.unwrap_or(self.id);
        AuditContext {
            actor: by,
            on_behalf_of: self.impersonator.map(|_| self.id),
            request_id,
        }
    }
}

/// A signed-in person who has to choose a label first.
#[derive(Debug, Clone)]
pub(crate) struct Newcomer {
    /// The row.
    pub(crate) id: UserId,
    /// As the identity provider wrote it.
    pub(crate) username: String,
}

/// What a session allows.
#[derive(Debug, Clone)]
pub(crate) enum Actor {
    /// Nobody is signed in, or the session ended.
    Guest,
    /// Signed in, without a label.
    Newcomer(Newcomer),
    /// Signed in, with a label.
    Person(Person, Option<Admin>),
}

impl Actor {
    /// While an admin impersonates, this is the other person, with nothing of the admin's rights.
    pub(crate) fn of(session: Option<&Session>, root: &RootDomain) -> Self {
        let Some(session) = session else {
            return Self::Guest;
        };
        let user = &session.user;
        match &user.label {
            None => Self::Newcomer(Newcomer {
                id: user.id,
                username: user.username.clone(),
            }),
            Some(label) => {
                let impersonator = session
                    .impersonation
                    .as_ref()
                    .map(|impersonation| impersonation.admin.id);
                Self::Person(
                    Person {
                        id: user.id,
                        base: root.base(label),
                        impersonator,
                    },
                    session.admin(),
                )
            }
        }
    }

    /// The row of who sits at the browser, when somebody is signed in: an admin's own while they
    /// impersonate.
    pub(crate) fn user_id(&self) -> Option<UserId> {
        match self {
            Self::Guest => None,
            Self::Newcomer(newcomer) => Some(newcomer.id),
            Self::Person(person, _) => Some(person.impersonator.unwrap_or(person.id)),
        }
    }
}

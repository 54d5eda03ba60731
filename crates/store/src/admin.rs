//! What only admins may see and do: the rows of all users.
//!
//! Every function here takes an [`Admin`], which only a live session of an admin yields
//! (invariant I8).

mod delete;
mod health_items;
mod impersonate;
mod search;
mod tokens;
mod trail;
mod words;

use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, SelectExt};
use starchart_domain::time::Timestamp;
use starchart_domain::user::{Subject, UserId};

use crate::entity::certificate::{self, State};
use crate::entity::{dns_record, user};
use crate::error::TransactionError;
use crate::trail::AuditContext;
use crate::tx::Tx;
use crate::users::User;
use crate::{Error, Store, users};

pub use delete::{DeletedUser, DeletionPreview, delete_user, preview_deletion};
pub use health_items::{
    HealthItems, RefusedNameRow, StuckOrder, list_health_items, retry_mail, retry_name,
};
pub(crate) use impersonate::{ENDED, end_impersonations};
pub use impersonate::{impersonate, stop_impersonating};
pub use search::{CertificateStatus, PAGE_ROWS, UserPage, UserRow, search_users};
pub use tokens::{
    OwnedToken, TOKEN_ROWS, TokenOrder, TokenPage, count_machines, end_token, list_tokens,
};
pub use trail::{TRAIL_ROWS, TrailFilter, TrailLine, TrailPage, list_trail};
pub use words::{
    ADDED_WORDS_MAX, Addition, ListedWord, NameInUse, add_word, list_label_holders,
    list_names_in_use, list_words, remove_word,
};

/// How long after a sign-in an admin may change another user's account, in milliseconds. A session
/// that was left open since the morning is too old.
pub const RECENT_SIGN_IN_MS: i64 = 4 * 60 * 60 * 1_000;

/// A signed-in admin who does not impersonate another user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admin {
    id: UserId,
    signed_in_at: Timestamp,
}

impl Admin {
    pub(crate) fn new(id: UserId, signed_in_at: Timestamp) -> Self {
        Self { id, signed_in_at }
    }

    /// The id of the admin's own row.
    pub fn id(&self) -> UserId {
        self.id
    }

    /// The admin as the actor of an entry in the audit trail.
    pub fn audit_context<'a>(&self, request_id: &'a str) -> AuditContext<'a> {
        AuditContext {
            actor: self.id,
            on_behalf_of: None,
            token: None,
            request_id,
        }
    }
}

/// Why an admin may not act on an account.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// It is the admin's own account.
    #[error("that is your own account")]
    Oneself,
    /// It is another admin's account.
    #[error("that is an admin")]
    IsAdmin,
    /// The user has not chosen a domain, so there is nothing to see.
    #[error("no domain was chosen yet")]
    NoLabel,
    /// The user does not exist, was deleted, or is suspended.
    #[error("no such user")]
    NotFound,
    /// The sign-in is older than [`RECENT_SIGN_IN_MS`].
    #[error("the sign-in is too old")]
    SignInAgain,
    /// The actor is not an admin any more, or the session has ended.
    #[error("no admin any more")]
    NoLongerAdmin,
    /// The database failed to read or write the rows.
    #[error(transparent)]
    Db(#[from] Error),
}

impl TransactionError for AdminError {
    fn store_error(&self) -> Option<&Error> {
        match self {
            Self::Db(fault) => Some(fault),
            _ => None,
        }
    }
}

/// The totals on the dashboard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Totals {
    /// Users who are not deleted.
    pub users: u64,
    /// Active certificates of all users.
    pub certificates: u64,
    /// Records of all users.
    pub records: u64,
}

/// Counts users, active certificates, and records.
pub async fn count_totals(store: &Store, _: &Admin) -> Result<Totals, Error> {
    let users = user::Entity::find().filter(user::Column::DeletedAt.is_null());
    let certificates =
        certificate::Entity::find().filter(certificate::Column::State.eq(State::Active));
    Ok(Totals {
        users: users.count(store.reader()).await?,
        certificates: certificates.count(store.reader()).await?,
        records: dns_record::Entity::find().count(store.reader()).await?,
    })
}

/// Finds the user with this name, unless deleted.
pub async fn find_user(store: &Store, _: &Admin, username: &str) -> Result<Option<User>, Error> {
    match Subject::parse(username) {
        Ok(subject) => users::find_by_subject(store, &subject).await,
        Err(_) => Ok(None),
    }
}

/// Fails unless the actor still is an admin and has signed in recently. Returns the database's
/// clock.
async fn check_admin(tx: &Tx, admin: &Admin) -> Result<Timestamp, AdminError> {
    let is_admin = user::Entity::find_by_id(admin.id.0)
        .filter(user::Column::IsAdmin.eq(true))
        .filter(user::Column::DeletedAt.is_null())
        .filter(user::Column::SuspendedAt.is_null())
        .exists(tx.db())
        .await
        .map_err(Error::from)?;
    if !is_admin {
        return Err(AdminError::NoLongerAdmin);
    }
    let now = tx.now().await?;
    if now.since(admin.signed_in_at) > RECENT_SIGN_IN_MS {
        Err(AdminError::SignInAgain)
    } else {
        Ok(now)
    }
}

//! What only admins may see and do: everybody's rows.
//!
//! Every function here wants an [`Admin`], and only a live session of somebody who is one gives it:
//! a page that is not an admin's cannot ask.

mod delete;
mod health_items;
mod impersonate;
mod search;
mod trail;

use starchart_domain::time::Timestamp;
use starchart_domain::user::{Subject, UserId};

use crate::error::Refusal;
use crate::trail::AuditContext;
use crate::tx::Tx;
use crate::users::User;
use crate::{Error, Store, sql, users};

pub use delete::{DeletedUser, DeletionPreview, delete_user, preview_deletion};
pub use health_items::{
    HealthItems, RefusedName, StuckOrder, list_health_items, retry_mail, retry_name,
};
pub(crate) use impersonate::{ENDED, note_ends};
pub use impersonate::{impersonate, stop_impersonating};
pub use search::{CertificateStatus, PAGE_ROWS, UserPage, UserRow, search_users};
pub use trail::{TRAIL_ROWS, TrailFilter, TrailLine, TrailPage, list_trail};

/// Somebody else's account is only touched in this time after a sign-in, in milliseconds: a screen
/// that was left open since the morning is not enough.
pub const FRESH_MS: i64 = 4 * 60 * 60 * 1_000;

/// A signed-in admin who does not impersonate anybody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admin {
    id: UserId,
    signed_in_at: Timestamp,
}

impl Admin {
    pub(crate) fn new(id: UserId, signed_in_at: Timestamp) -> Self {
        Self { id, signed_in_at }
    }

    /// The row.
    pub fn id(&self) -> UserId {
        self.id
    }

    /// For the audit trail.
    pub fn audit_context<'a>(&self, request_id: &'a str) -> AuditContext<'a> {
        AuditContext {
            actor: self.id,
            on_behalf_of: None,
            request_id,
        }
    }
}

/// Why an admin may not touch an account.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// It is their own.
    #[error("that is your own account")]
    Oneself,
    /// It is another admin's.
    #[error("that is an admin")]
    IsAdmin,
    /// The person has no domain yet, so there is nothing to see.
    #[error("no domain was chosen yet")]
    NoLabel,
    /// Nobody, or somebody who was deleted or is suspended.
    #[error("no such person")]
    NotFound,
    /// The sign-in is older than [`FRESH_MS`].
    #[error("the sign-in is too old")]
    SignInAgain,
    /// They are no admin any more, or the session has ended.
    #[error("no admin any more")]
    NoLongerAdmin,
    /// The database failed.
    #[error(transparent)]
    Db(#[from] Error),
}

impl Refusal for AdminError {
    fn fault(&self) -> Option<&Error> {
        match self {
            Self::Db(fault) => Some(fault),
            _ => None,
        }
    }
}

/// How much there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Totals {
    /// People who are not deleted.
    pub users: u64,
    /// Certificates in use.
    pub certificates: u64,
    /// Records.
    pub records: u64,
}

/// Counts everything.
pub async fn count_totals(store: &Store, _: &Admin) -> Result<Totals, Error> {
    Ok(Totals {
        users: count(
            store,
            "SELECT COUNT(*) AS n FROM users WHERE deleted_at IS NULL",
        )
        .await?,
        certificates: count(
            store,
            "SELECT COUNT(*) AS n FROM certificates WHERE state = 'active'",
        )
        .await?,
        records: count(store, "SELECT COUNT(*) AS n FROM dns_records").await?,
    })
}

/// The person with this user name, unless deleted.
pub async fn find_user(store: &Store, _: &Admin, username: &str) -> Result<Option<User>, Error> {
    match Subject::parse(username) {
        Ok(subject) => users::by_subject(store, &subject).await,
        Err(_) => Ok(None),
    }
}

async fn count(store: &Store, sql: &str) -> Result<u64, Error> {
    let n = sql::number(store.reader(), sql, vec![]).await?;
    Ok(n.and_then(|n| u64::try_from(n).ok()).unwrap_or(0))
}

/// Refuses unless the admin still is one and has signed in not long ago. The moment is given back.
async fn may_touch(tx: &Tx, admin: &Admin) -> Result<Timestamp, AdminError> {
    let sql = "SELECT COUNT(*) AS n FROM users WHERE id = ? AND is_admin = 1 AND deleted_at IS NULL AND suspended_at IS NULL";
    if sql::number(tx.db(), sql, vec![admin.id.0.into()]).await? != Some(1) {
        return Err(AdminError::NoLongerAdmin);
    }
    let now = tx.now().await?;
    if now.since(admin.signed_in_at) > FRESH_MS {
        Err(AdminError::SignInAgain)
    } else {
        Ok(now)
    }
}

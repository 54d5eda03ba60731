//! Sign-ins in progress: the SAML request, the one-time use of its response, and the handle that
//! returns the identity to the same browser.

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, ExprTrait, QueryFilter, SelectExt, Set};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use starchart_domain::time::Timestamp;
use starchart_domain::user::{Groups, Identity, NameId, Subject};

use crate::entity::{login_request, login_result, used_assertion};
use crate::error::is_unique_violation;
use crate::{Error, Store};

/// How long a sign-in may take, in milliseconds.
pub const REQUEST_LIFE_MS: i64 = 10 * 60 * 1_000;
/// How long the browser may take to follow the assertion consumer service's redirect, in
/// milliseconds.
pub const HANDLE_LIFE_MS: i64 = 2 * 60 * 1_000;

/// A SAML request to store before it is sent.
#[derive(Debug, Clone)]
pub struct NewLogin {
    /// The ID of the AuthnRequest.
    pub request_id: String,
    /// SHA-256 of the pre-login cookie.
    pub browser_hash: [u8; 32],
    /// SHA-256 of the relay state.
    pub relay_hash: [u8; 32],
    /// The local path to redirect to after the sign-in.
    pub return_to: String,
    /// A form that was posted after the session expired, to submit after the sign-in.
    pub saved_form: Option<String>,
}

/// A SAML request that has no response yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingLogin {
    /// SHA-256 of the relay state.
    pub relay_hash: [u8; 32],
    /// The local path to redirect to after the sign-in.
    pub return_to: String,
    /// When the request was created.
    pub created_at: Timestamp,
}

/// The result of [`accept`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accept {
    /// The response was accepted; its handle can be used once.
    Ok,
    /// No such request was sent, it expired, or it has a response already.
    UnknownRequest,
    /// The assertion was used before.
    Replayed,
}

/// The user of a finished sign-in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finished {
    /// The identity that the identity provider asserted.
    pub identity: Identity,
    /// The local path to redirect to.
    pub return_to: String,
    /// The form that was posted after the session expired.
    pub saved_form: Option<String>,
}

/// Stores a request before it is sent to the identity provider.
pub async fn begin(store: &Store, login: &NewLogin) -> Result<(), Error> {
    store
        .write(|tx| async move {
            let now = tx.now().await?;
            let request = login_request::ActiveModel {
                request_id: Set(login.request_id.clone()),
                browser_hash: Set(login.browser_hash.to_vec()),
                relay_hash: Set(login.relay_hash.to_vec()),
                return_to: Set(login.return_to.clone()),
                saved_form: Set(login.saved_form.clone()),
                created_at: Set(now.as_millis()),
                expires_at: Set(now.plus(REQUEST_LIFE_MS).as_millis()),
                ..Default::default()
            };
            login_request::Entity::insert(request)
                .exec_without_returning(tx.db())
                .await?;
            Ok(())
        })
        .await
}

/// Finds the request with this ID, unless it expired or has a response.
pub async fn find_pending(store: &Store, request_id: &str) -> Result<Option<PendingLogin>, Error> {
    let pending = login_request::Entity::find_by_id(request_id)
        .filter(login_request::Column::ConsumedAt.is_null())
        .filter(Expr::col(login_request::Column::ExpiresAt).gt(Expr::cust(store.now_sql())));
    let row = pending.one(store.reader()).await?;
    row.map(|row| {
        let relay_hash = row
            .relay_hash
            .try_into()
            .map_err(|_| Error::Corrupt("hash of a relay state".to_owned()))?;
        let created_at = Timestamp::from_millis(row.created_at);
        Ok(PendingLogin {
            relay_hash,
            return_to: row.return_to,
            created_at,
        })
    })
    .transpose()
}

/// Accepts a validated response in one transaction: consumes the request, stores the assertion ID
/// until `assertion_expires`, and stores the identity under the SHA-256 of its handle.
pub async fn accept(
    store: &Store,
    request_id: &str,
    assertion_id: &str,
    assertion_expires: Timestamp,
    identity: &Identity,
    handle_hash: [u8; 32],
) -> Result<Accept, Error> {
    let identity = serde_json::to_string(&StoredIdentity::from(identity))
        .map_err(|fault| Error::Fault(Box::new(fault)))?;
    // Hashed, because an identity provider chooses the length of its IDs.
    let assertion_hash = Sha256::digest(assertion_id.as_bytes()).to_vec();
    let identity = &identity;
    let assertion_hash = &assertion_hash;
    store
        .write(|tx| async move {
            let now = tx.now().await?;
            if used_assertion::Entity::find_by_id(assertion_hash.clone())
                .exists(tx.db())
                .await?
            {
                return Ok(Accept::Replayed);
            }
            let consume = login_request::Entity::update_many()
                .col_expr(
                    login_request::Column::ConsumedAt,
                    Expr::value(now.as_millis()),
                )
                .filter(login_request::Column::RequestId.eq(request_id))
                .filter(login_request::Column::ConsumedAt.is_null())
                .filter(login_request::Column::ExpiresAt.gt(now.as_millis()));
            if consume.exec(tx.db()).await?.rows_affected == 0 {
                return Ok(Accept::UnknownRequest);
            }
            let used = used_assertion::ActiveModel {
                id_hash: Set(assertion_hash.clone()),
                expires_at: Set(assertion_expires.as_millis()),
            };
            match used_assertion::Entity::insert(used)
                .exec_without_returning(tx.db())
                .await
            {
                Ok(_) => {}
                // Another process accepted this assertion concurrently; the request stays used.
                Err(fault) if is_unique_violation(&fault) => return Ok(Accept::Replayed),
                Err(fault) => return Err(fault.into()),
            }
            let result = login_result::ActiveModel {
                handle_hash: Set(handle_hash.to_vec()),
                request_id: Set(request_id.to_owned()),
                identity: Set(identity.clone()),
                created_at: Set(now.as_millis()),
                expires_at: Set(now.plus(HANDLE_LIFE_MS).as_millis()),
            };
            login_result::Entity::insert(result)
                .exec_without_returning(tx.db())
                .await?;
            Ok(Accept::Ok)
        })
        .await
}

/// Returns the identity to the browser that began the sign-in, once. Returns `None` if the handle
/// is unknown, expired or used, or if another browser sends it (which does not use it up).
pub async fn finish(
    store: &Store,
    handle_hash: [u8; 32],
    browser_hash: [u8; 32],
) -> Result<Option<Finished>, Error> {
    let found = store
        .write(|tx| async move {
            let now = tx.now().await?;
            let pair = login_result::Entity::find_by_id(handle_hash)
                .find_both_related(login_request::Entity)
                .filter(login_request::Column::BrowserHash.eq(browser_hash.to_vec()))
                .filter(login_result::Column::ExpiresAt.gt(now.as_millis()));
            let Some(found) = pair.one(tx.db()).await? else {
                return Ok::<_, Error>(None);
            };
            // Of two concurrent requests one deletes the row.
            let deleted = login_result::Entity::delete_by_id(handle_hash)
                .exec(tx.db())
                .await?;
            Ok((deleted.rows_affected == 1).then_some(found))
        })
        .await?;
    let Some((result, request)) = found else {
        return Ok(None);
    };
    let stored: StoredIdentity = serde_json::from_str(&result.identity)
        .map_err(|_| Error::Corrupt("identity of a sign-in".to_owned()))?;
    Ok(Some(Finished {
        identity: stored.try_into()?,
        return_to: request.return_to,
        saved_form: request.saved_form,
    }))
}

/// The JSON of `login_results.identity`.
#[derive(Serialize, Deserialize)]
struct StoredIdentity {
    subject: String,
    username: String,
    display_name: String,
    email: String,
    student: bool,
    faculty: bool,
    admin: bool,
    groups_not_sent: bool,
    name_id: Option<NameId>,
    session_index: Option<String>,
}

impl From<&Identity> for StoredIdentity {
    fn from(identity: &Identity) -> Self {
        Self {
            subject: identity.subject.as_str().to_owned(),
            username: identity.username.clone(),
            display_name: identity.display_name.clone(),
            email: identity.email.clone(),
            student: identity.groups.student,
            faculty: identity.groups.faculty,
            admin: identity.groups.admin,
            groups_not_sent: identity.groups.not_sent,
            name_id: identity.name_id.clone(),
            session_index: identity.session_index.clone(),
        }
    }
}

impl TryFrom<StoredIdentity> for Identity {
    type Error = Error;

    fn try_from(stored: StoredIdentity) -> Result<Self, Error> {
        Ok(Self {
            subject: Subject::parse(&stored.subject)
                .map_err(|_| Error::Corrupt("subject of a sign-in".to_owned()))?,
            username: stored.username,
            display_name: stored.display_name,
            email: stored.email,
            groups: Groups {
                student: stored.student,
                faculty: stored.faculty,
                admin: stored.admin,
                not_sent: stored.groups_not_sent,
            },
            name_id: stored.name_id,
            session_index: stored.session_index,
        })
    }
}

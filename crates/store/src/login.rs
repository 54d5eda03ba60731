//! A sign-in on its way: the request we sent, the answer's one use, and the handle that brings it
//! back to the same browser.

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, ExprTrait, QueryFilter, SelectExt, Set};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use starchart_domain::time::Timestamp;
use starchart_domain::user::{Groups, Identity, Subject};

use crate::entity::{login_request, login_result, used_assertion};
use crate::error::is_taken;
use crate::tx::Tx;
use crate::{Error, Store};

/// A sign-in must be finished within this time, in milliseconds.
pub const REQUEST_LIFE_MS: i64 = 10 * 60 * 1_000;
/// The redirect after the assertion consumer service must come within this time, in milliseconds.
pub const HANDLE_LIFE_MS: i64 = 2 * 60 * 1_000;

/// A sign-in that begins.
#[derive(Debug, Clone)]
pub struct NewLogin {
    /// The AuthnRequest's ID.
    pub request_id: String,
    /// SHA-256 of the pre-login cookie.
    pub browser_hash: [u8; 32],
    /// SHA-256 of the relay state.
    pub relay_hash: [u8; 32],
    /// A local path to go to afterwards.
    pub return_to: String,
    /// A form that was posted after the session ended, to be offered again.
    pub held_form: Option<String>,
}

/// A sign-in that waits for its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingLogin {
    /// SHA-256 of the relay state.
    pub relay_hash: [u8; 32],
    /// A local path to go to afterwards.
    pub return_to: String,
    /// When it began.
    pub created_at: Timestamp,
}

/// What became of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accept {
    /// Taken; the handle is good once.
    Ok,
    /// We never asked, or too long ago, or it was answered already.
    UnknownRequest,
    /// This assertion was used before.
    Replayed,
}

/// A finished sign-in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finished {
    /// Who it is.
    pub identity: Identity,
    /// A local path to go to.
    pub return_to: String,
    /// A form that was held.
    pub held_form: Option<String>,
}

/// Notes a request that is about to be sent to the identity provider.
pub async fn begin(store: &Store, login: &NewLogin) -> Result<(), Error> {
    store.write(|tx| begin_within(tx, login)).await
}

async fn begin_within(tx: Tx, login: &NewLogin) -> Result<(), Error> {
    let now = tx.now().await?;
    let request = login_request::ActiveModel {
        request_id: Set(login.request_id.clone()),
        browser_hash: Set(login.browser_hash.to_vec()),
        relay_hash: Set(login.relay_hash.to_vec()),
        return_to: Set(login.return_to.clone()),
        held_form: Set(login.held_form.clone()),
        created_at: Set(now.as_millis()),
        expires_at: Set(now.plus(REQUEST_LIFE_MS).as_millis()),
        ..Default::default()
    };
    login_request::Entity::insert(request)
        .exec_without_returning(tx.db())
        .await?;
    Ok(())
}

/// The request with this ID, while it waits for an answer.
pub async fn pending(store: &Store, request_id: &str) -> Result<Option<PendingLogin>, Error> {
    let waiting = login_request::Entity::find_by_id(request_id)
        .filter(login_request::Column::ConsumedAt.is_null())
        .filter(Expr::col(login_request::Column::ExpiresAt).gt(Expr::cust(store.now_sql())));
    let row = waiting.one(store.reader()).await?;
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

/// Takes a checked answer, in one transaction: the request is used up, the assertion recorded until
/// `assertion_expires`, the identity kept under the handle (its SHA-256).
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
    let answer = Answer {
        request_id,
        // Hashed, because an identity provider may make its IDs as long as it likes.
        assertion_hash: Sha256::digest(assertion_id.as_bytes()).to_vec(),
        assertion_expires,
        identity,
        handle_hash,
    };
    store.write(|tx| accept_within(tx, &answer)).await
}

struct Answer<'a> {
    request_id: &'a str,
    assertion_hash: Vec<u8>,
    assertion_expires: Timestamp,
    identity: String,
    handle_hash: [u8; 32],
}

async fn accept_within(tx: Tx, answer: &Answer<'_>) -> Result<Accept, Error> {
    let now = tx.now().await?;
    if used_assertion::Entity::find_by_id(answer.assertion_hash.clone())
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
        .filter(login_request::Column::RequestId.eq(answer.request_id))
        .filter(login_request::Column::ConsumedAt.is_null())
        .filter(login_request::Column::ExpiresAt.gt(now.as_millis()));
    if consume.exec(tx.db()).await?.rows_affected == 0 {
        return Ok(Accept::UnknownRequest);
    }
    let used = used_assertion::ActiveModel {
        id_hash: Set(answer.assertion_hash.clone()),
        expires_at: Set(answer.assertion_expires.as_millis()),
    };
    match used_assertion::Entity::insert(used)
        .exec_without_returning(tx.db())
        .await
    {
        Ok(_) => {}
        // Another process took the same assertion in this moment. The request stays used up.
        Err(fault) if is_taken(&fault) => return Ok(Accept::Replayed),
        Err(fault) => return Err(fault.into()),
    }
    let result = login_result::ActiveModel {
        handle_hash: Set(answer.handle_hash.to_vec()),
        request_id: Set(answer.request_id.to_owned()),
        identity: Set(answer.identity.clone()),
        created_at: Set(now.as_millis()),
        expires_at: Set(now.plus(HANDLE_LIFE_MS).as_millis()),
    };
    login_result::Entity::insert(result)
        .exec_without_returning(tx.db())
        .await?;
    Ok(Accept::Ok)
}

/// Gives the identity to the browser that began, once. `None`: unknown, late, used, or another
/// browser's (a foreign browser does not use it up).
pub async fn finish(
    store: &Store,
    handle_hash: [u8; 32],
    browser_hash: [u8; 32],
) -> Result<Option<Finished>, Error> {
    let Some((result, request)) = store
        .write(|tx| finish_within(tx, handle_hash, browser_hash))
        .await?
    else {
        return Ok(None);
    };
    let stored: StoredIdentity = serde_json::from_str(&result.identity)
        .map_err(|_| Error::Corrupt("identity of a sign-in".to_owned()))?;
    Ok(Some(Finished {
        identity: stored.try_into()?,
        return_to: request.return_to,
        held_form: request.held_form,
    }))
}

async fn finish_within(
    tx: Tx,
    handle_hash: [u8; 32],
    browser_hash: [u8; 32],
) -> Result<Option<(login_result::Model, login_request::Model)>, Error> {
    let now = tx.now().await?;
    let look = login_result::Entity::find_by_id(handle_hash)
        .find_both_related(login_request::Entity)
        .filter(login_request::Column::BrowserHash.eq(browser_hash.to_vec()))
        .filter(login_result::Column::ExpiresAt.gt(now.as_millis()));
    let Some(found) = look.one(tx.db()).await? else {
        return Ok(None);
    };
    // Of two requests at once only one removes the row.
    let taken = login_result::Entity::delete_by_id(handle_hash)
        .exec(tx.db())
        .await?;
    Ok((taken.rows_affected == 1).then_some(found))
}

/// An identity on its way between two requests.
#[derive(Serialize, Deserialize)]
struct StoredIdentity {
    subject: String,
    username: String,
    display_name: String,
    email: String,
    student: bool,
    faculty: bool,
    admin: bool,
    name_id: Option<String>,
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
            },
            name_id: stored.name_id,
            session_index: stored.session_index,
        })
    }
}

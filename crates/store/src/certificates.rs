//! Certificates of users: the issued ones, and the orders for new ones. Every function takes the
//! owner.
//!
//! [`orders`] is the worker's side: orders are claimed for some seconds with a fence, and every
//! write of a claim's holder is fenced. [`renewals`] opens orders for certificates near their end,
//! and lists the pending revocations. [`renewal_info`] has
//! the questions to the authority about the best time to renew.

pub mod budget;
mod challenges;
mod claim;
mod ends;
pub mod orders;
pub mod renewal_info;
pub mod renewals;
pub mod revocations;
pub mod rotation;
pub(crate) mod rows;

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, Set};
use starchart_domain::certificate::{OrderStep, Validity, renewable_from};
use starchart_domain::publish::PublishState;
use starchart_domain::secret::Secret;
use starchart_domain::time::Timestamp;
use starchart_domain::user::UserId;

use crate::entity::certificate::State;
use crate::entity::certificate_order::{self, Step};
use crate::error::TransactionError;
use crate::trail::{self, Action, AuditContext};
use crate::tx::Tx;
use crate::vault::KeyRow;
use crate::{Error, Store, users};

use rows::OrderRow;

pub(crate) use ends::{abandon_pending_order, request_revocations};
pub(crate) use rows::{has_share_left, key_deletion};

const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

/// An active certificate of a user, without its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// The id of its row.
    pub id: i64,
    /// The base domain; the certificate is for it and for `*.` it.
    pub domain: String,
    /// The certificate of the domain, PEM.
    pub certificate: String,
    /// The certificates of the intermediates, PEM.
    pub chain: String,
    /// The start of its validity.
    pub not_before: Timestamp,
    /// The end of its validity.
    pub not_after: Timestamp,
    /// When the sweep renews it.
    pub renew_at: Timestamp,
    /// When we got it.
    pub created_at: Timestamp,
}

impl Certificate {
    /// Returns its validity period.
    pub const fn validity(&self) -> Validity {
        Validity::new(self.not_before, self.not_after)
    }

    /// Returns from when its owner may renew it.
    pub fn renewable_from(&self) -> Timestamp {
        renewable_from(self.validity(), self.renew_at)
    }
}

/// An order, as its owner may see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderView {
    /// The id of its row.
    pub id: i64,
    /// How far it is.
    pub step: OrderStep,
    /// Whether the renewal sweep opened it; such an order waits longer between its attempts, until
    /// its owner asks for the certificate.
    pub automatic: bool,
    /// Why it failed or waits, in plain words.
    pub problem: Option<String>,
    /// When the authority is asked again, while the order waits for that.
    pub retry_at: Option<Timestamp>,
    /// Whether the values were not checked, because no name server could be asked (port 53 closed).
    pub dns_not_checked: bool,
    /// How far the values at `_acme-challenge` are published, while there are any.
    pub dns: Option<PublishState>,
    /// How many orders have their turn before it, while it waits for the issuance budget.
    pub waiting_before: Option<u32>,
    /// When it was opened.
    pub created_at: Timestamp,
    /// When its present step began.
    pub updated_at: Timestamp,
}

/// Everything that the certificate page shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overview {
    /// The active certificate of the user.
    pub active: Option<Certificate>,
    /// The pending order; without one, the last order, if it ended in [`OrderStep::Failed`] after
    /// the active certificate was issued.
    pub order: Option<OrderView>,
}

/// Why no order was opened.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// The user has a pending order; the page shows it.
    #[error("an order is pending")]
    OrderPending,
    /// The active certificate is not due for renewal.
    #[error("not due before {}", .from.rfc3339())]
    NotDue {
        /// When renewal is possible.
        from: Timestamp,
    },
    /// The daily limit is reached.
    #[error("{limit} requests a day are allowed")]
    TooManyRequests {
        /// Requests allowed in 24 hours.
        limit: u32,
        /// When the next request is allowed.
        next_at: Timestamp,
    },
    /// The user does not exist or was deleted.
    #[error("no such user")]
    NotFound,
    /// The database failed to read or write the rows.
    #[error(transparent)]
    Db(#[from] Error),
}

impl TransactionError for RequestError {
    fn store_error(&self) -> Option<&Error> {
        match self {
            Self::Db(fault) => Some(fault),
            _ => None,
        }
    }
}

/// Loads the user's active certificate and order.
pub async fn load_overview(store: &Store, owner: UserId) -> Result<Overview, Error> {
    let snapshot = store.snapshot().await?;
    let active = rows::find_active(&snapshot, owner).await?;
    let last = rows::find_last_order(&snapshot, owner).await?;
    let since = active.as_ref().map_or(i64::MIN, |active| active.created_at);
    // A failure before the present certificate does not matter any more.
    let is_shown = |order: &OrderRow| {
        order.finished_at.is_none() || (order.step == Step::Failed && order.created_at >= since)
    };
    let order = match last.filter(is_shown) {
        Some(row) => Some(view(&snapshot, row).await?),
        None => None,
    };
    snapshot.commit().await?;
    Ok(Overview {
        active: active.map(Into::into),
        order,
    })
}

/// Whether the user has an active certificate or a pending order.
pub async fn has_any(store: &Store, owner: UserId) -> Result<bool, Error> {
    rows::has_any(store.reader(), owner).await
}

async fn view(on: &impl ConnectionTrait, row: OrderRow) -> Result<OrderView, Error> {
    let dns = match row.finished_at {
        None => challenges::publish_state(on, &row.domain, row.id).await?,
        Some(_) => None,
    };
    let waits = row.turn_at.is_none() && row.retry_at.is_some() && row.finished_at.is_none();
    let waiting_before = match waits {
        true => Some(budget::count_before(on, Some(row.id)).await?),
        false => None,
    };
    Ok(OrderView {
        waiting_before,
        id: row.id,
        step: row.step.into(),
        automatic: row.automatic,
        problem: row.problem,
        retry_at: row.retry_at.map(Timestamp::from_millis),
        dns_not_checked: row.dns_not_checked,
        dns,
        created_at: Timestamp::from_millis(row.created_at),
        updated_at: Timestamp::from_millis(row.updated_at),
    })
}

/// Opens an order for the user's base domain, unless one is pending or the active certificate is
/// not due for renewal ([`Certificate::renewable_from`]). A pending order of the renewal sweep
/// becomes the user's own and is expedited instead. `daily` is the limit of requests in 24 hours;
/// the sweep's renewals do not count.
pub async fn request(
    store: &Store,
    owner: UserId,
    domain: &str,
    daily: u32,
    context: &AuditContext<'_>,
) -> Result<OrderView, RequestError> {
    store
        .write(|tx| async move {
            if !users::lock(&tx, owner).await? {
                return Err(RequestError::NotFound);
            }
            let now = tx.now().await?;
            match rows::find_pending_order(tx.db(), owner).await? {
                Some(order) if order.automatic => {
                    return expedite(&tx, order, daily, now, context).await;
                }
                Some(_) => return Err(RequestError::OrderPending),
                None => {}
            }
            let active = rows::find_active(tx.db(), owner).await?;
            let active = active.map(Certificate::from);
            if let Some(active) = &active {
                let from = active.renewable_from();
                if now < from {
                    return Err(RequestError::NotDue { from });
                }
            }
            check_daily_limit(&tx, owner, daily, now).await?;
            let replaces = active.map(|active| active.id);
            rows::insert_order(&tx, owner, domain, replaces, false, now).await?;
            trail::write(&tx, context, Action::CertificateRequest, domain, "").await?;
            let order = rows::find_pending_order(tx.db(), owner)
                .await?
                .ok_or_else(|| {
                    Error::Corrupt(format!("user {owner} has no order after its insert"))
                })?;
            Ok(view(tx.db(), order).await?)
        })
        .await
}

/// Makes the sweep's renewal the user's own and due now; a wait that the authority asked for is
/// kept.
async fn expedite(
    tx: &Tx,
    order: OrderRow,
    daily: u32,
    now: Timestamp,
    context: &AuditContext<'_>,
) -> Result<OrderView, RequestError> {
    let owner = UserId(order.user_id);
    check_daily_limit(tx, owner, daily, now).await?;
    let wait_until = order.ca_wait_until.filter(|until| *until > now.as_millis());
    certificate_order::Entity::update_many()
        .set(certificate_order::ActiveModel {
            automatic: Set(false),
            failures: Set(0),
            next_step_at: Set(wait_until.unwrap_or(now.as_millis())),
            retry_at: Set(wait_until),
            ..Default::default()
        })
        .filter(certificate_order::Column::Id.eq(order.id))
        .exec(tx.db())
        .await
        .map_err(Error::from)?;
    let detail = "the pending automatic renewal";
    trail::write(
        tx,
        context,
        Action::CertificateRequest,
        &order.domain,
        detail,
    )
    .await?;
    let order = rows::find_order(tx.db(), order.id)
        .await?
        .ok_or_else(|| Error::Corrupt(format!("order {} has no row", order.id)))?;
    Ok(view(tx.db(), order).await?)
}

async fn check_daily_limit(
    tx: &Tx,
    owner: UserId,
    limit: u32,
    now: Timestamp,
) -> Result<(), RequestError> {
    match blocked_until(tx.db(), owner, limit, now).await? {
        Some(next_at) => Err(RequestError::TooManyRequests { limit, next_at }),
        None => Ok(()),
    }
}

/// Returns until when the user may not ask for a certificate, after `daily` requests within 24
/// hours; `None` when a request is allowed.
pub async fn next_request_at(
    store: &Store,
    owner: UserId,
    daily: u32,
    now: Timestamp,
) -> Result<Option<Timestamp>, Error> {
    blocked_until(store.reader(), owner, daily, now).await
}

async fn blocked_until(
    on: &impl ConnectionTrait,
    owner: UserId,
    limit: u32,
    now: Timestamp,
) -> Result<Option<Timestamp>, Error> {
    let recent = rows::list_requests_since(on, owner, now.plus(-DAY_MS)).await?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    if recent.len() < limit {
        return Ok(None);
    }
    // A request is allowed once this one is a day old.
    let blocking = recent
        .get(recent.len() - limit)
        .map_or(now, |at| Timestamp::from_millis(*at));
    Ok(Some(blocking.plus(DAY_MS)))
}

/// Ends the active certificate and deletes its key; does not revoke it. A pending automatic
/// renewal is abandoned. Returns whether there was a certificate.
pub async fn delete(
    store: &Store,
    owner: UserId,
    context: &AuditContext<'_>,
) -> Result<bool, Error> {
    store
        .write(|tx| async move {
            if !users::lock(&tx, owner).await? {
                return Ok(false);
            }
            let Some(active) = rows::find_active(tx.db(), owner).await? else {
                return Ok(false);
            };
            let now = tx.now().await?;
            rows::end_certificate(&tx, active.id, State::Deleted, now).await?;
            let pending = rows::find_pending_order(tx.db(), owner).await?;
            if pending.is_some_and(|order| order.automatic) {
                abandon_pending_order(&tx, owner).await?;
            }
            trail::write(&tx, context, Action::CertificateDelete, &active.domain, "").await?;
            Ok(true)
        })
        .await
}

/// Loads and opens the private key (PEM, PKCS#8) of the user's certificate; `None` when that is not
/// the user's active certificate.
pub async fn load_private_key(
    store: &Store,
    owner: UserId,
    id: i64,
) -> Result<Option<Secret>, Error> {
    let Some(sealed) = rows::find_sealed_key(store.reader(), owner, id).await? else {
        return Ok(None);
    };
    let key_row = KeyRow::Certificate(id);
    Ok(Some(store.vault().open(owner, key_row, &sealed)?))
}

//! A person's certificate: what is issued and what is under way. Every function takes the owner.
//!
//! [`orders`] is the worker's side: orders are claimed by a lease with a fence, and every write of
//! a claim's holder is fenced. [`renewals`] opens orders for certificates near their end, and knows
//! which revocations are owed.

mod challenges;
mod ends;
pub(crate) mod moved;
pub mod orders;
pub mod renewals;
mod rows;

use sea_orm::ConnectionTrait;
use starchart_domain::certificate::{OrderStep, renewable_from};
use starchart_domain::publish::PublishState;
use starchart_domain::secret::Secret;
use starchart_domain::time::Timestamp;
use starchart_domain::user::UserId;

use crate::error::Refusal;
use crate::trail::{self, AuditContext};
use crate::tx::Tx;
use crate::vault::Place;
use crate::{Error, Store, sql, users};

use rows::OrderRow;

pub(crate) use ends::{abandon_within, owe_revocation_within};

const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

/// A certificate that was issued and is in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// The row.
    pub id: i64,
    /// The base domain; the certificate is for it and for `*.` it.
    pub domain: String,
    /// The certificate, PEM.
    pub certificate: String,
    /// The intermediates, PEM.
    pub chain: String,
    /// From when it is valid.
    pub not_before: Timestamp,
    /// Until when.
    pub not_after: Timestamp,
    /// When it was issued to us.
    pub created_at: Timestamp,
}

/// An order, as its person may see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderView {
    /// The row.
    pub id: i64,
    /// How far it has come.
    pub step: OrderStep,
    /// Whether the renewal sweep opened it, so that it is patient until its person asks.
    pub automatic: bool,
    /// Why it failed or waits, in plain words.
    pub problem: Option<String>,
    /// When the authority may be asked again, while it waits for that.
    pub retry_at: Option<Timestamp>,
    /// Whether no name server could be asked whether it answers (port 53 closed), so that nobody
    /// checked.
    pub dns_not_checked: bool,
    /// How far the values at `_acme-challenge` have come on their way to the name servers, while
    /// there are any.
    pub dns: Option<PublishState>,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When it last moved.
    pub updated_at: Timestamp,
}

/// All that the certificate's page shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overview {
    /// The one in use.
    pub active: Option<Certificate>,
    /// The live order; without one, the last that ended in [`OrderStep::Failed`] after the active
    /// certificate was issued.
    pub order: Option<OrderView>,
}

/// Why no certificate was asked for.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// One is under way already; the page shows it.
    #[error("an order is under way")]
    OrderInProgress,
    /// The one in use is good for longer; a renewal is taken from this moment on.
    #[error("not due before {}", .from.rfc3339())]
    NotDue {
        /// From when.
        from: Timestamp,
    },
    /// Asked for too often today.
    #[error("{limit} requests a day are allowed")]
    TooManyRequests {
        /// Allowed in 24 hours.
        limit: u32,
        /// When the next is taken.
        next_at: Timestamp,
    },
    /// This person is gone.
    #[error("no such person")]
    NotFound,
    /// The database failed.
    #[error(transparent)]
    Db(#[from] Error),
}

impl Refusal for RequestError {
    fn fault(&self) -> Option<&Error> {
        match self {
            Self::Db(fault) => Some(fault),
            _ => None,
        }
    }
}

/// What the person has and what is under way.
pub async fn load_overview(store: &Store, owner: UserId) -> Result<Overview, Error> {
    let snapshot = store.snapshot().await?;
    let active = rows::active(&snapshot, owner).await?;
    let last = rows::last_order(&snapshot, owner).await?;
    let since = active.as_ref().map_or(i64::MIN, |active| active.created_at);
    // What failed before the certificate came is of no interest any more.
    let order = match last {
        Some(row)
            if row.finished_at.is_none()
                || (row.step()? == OrderStep::Failed && row.created_at >= since) =>
        {
            Some(view(&snapshot, row).await?)
        }
        _ => None,
    };
    snapshot.commit().await?;
    Ok(Overview {
        active: active.map(Into::into),
        order,
    })
}

/// Whether the person has a certificate in use or an order under way.
pub async fn has_any(store: &Store, owner: UserId) -> Result<bool, Error> {
    rows::any(store.reader(), owner).await
}

async fn view(on: &impl ConnectionTrait, row: OrderRow) -> Result<OrderView, Error> {
    let dns = match row.finished_at {
        None => challenges::way(on, &row.domain, row.id).await?,
        Some(_) => None,
    };
    Ok(OrderView {
        id: row.id,
        step: row.step()?,
        automatic: row.automatic,
        problem: row.problem,
        retry_at: row.retry_at.map(Timestamp::from_millis),
        dns_not_checked: row.dns_not_checked,
        dns,
        created_at: Timestamp::from_millis(row.created_at),
        updated_at: Timestamp::from_millis(row.updated_at),
    })
}

/// Opens an order for the person's base domain, unless one is live or the one in use is not due for
/// renewal ([`starchart_domain::certificate::renewable_from`]). A live one that the renewal sweep
/// opened becomes the person's own instead, and goes on at once. `daily`: requests of a person in
/// 24 hours; renewals that the sweep opens do not count.
pub async fn request(
    store: &Store,
    owner: UserId,
    domain: &str,
    daily: u32,
    act: &AuditContext<'_>,
) -> Result<OrderView, RequestError> {
    store
        .write(|tx| request_within(tx, owner, domain, daily, act))
        .await
}

async fn request_within(
    tx: Tx,
    owner: UserId,
    domain: &str,
    daily: u32,
    act: &AuditContext<'_>,
) -> Result<OrderView, RequestError> {
    if !users::lock(&tx, owner).await? {
        return Err(RequestError::NotFound);
    }
    let now = tx.now().await?;
    match rows::live_order(tx.db(), owner).await? {
        Some(order) if order.automatic => return hasten(&tx, order, daily, now, act).await,
        Some(_) => return Err(RequestError::OrderInProgress),
        None => {}
    }
    let active = rows::active(tx.db(), owner).await?;
    if let Some(active) = &active {
        let from = renewable_from(
            Timestamp::from_millis(active.not_before),
            Timestamp::from_millis(active.not_after),
        );
        if now < from {
            return Err(RequestError::NotDue { from });
        }
    }
    within_daily_limit(&tx, owner, daily, now).await?;
    rows::insert_order(
        &tx,
        owner,
        domain,
        active.map(|active| active.id),
        false,
        now,
    )
    .await?;
    trail::write(&tx, act, "certificate.request", domain, "").await?;
    let row = rows::live_order(tx.db(), owner).await?;
    let row =
        row.ok_or_else(|| Error::Corrupt(format!("no order of user {owner} after it was made")))?;
    Ok(view(tx.db(), row).await?)
}

/// Makes the sweep's patient renewal the person's own, and due now; a wait that the authority asked
/// for is kept.
async fn hasten(
    tx: &Tx,
    order: OrderRow,
    daily: u32,
    now: Timestamp,
    act: &AuditContext<'_>,
) -> Result<OrderView, RequestError> {
    let owner = UserId(order.user_id);
    within_daily_limit(tx, owner, daily, now).await?;
    let until = order.patient_until.filter(|until| *until > now.as_millis());
    let own = "UPDATE certificate_orders SET automatic = 0, failures = 0, next_step_at = ?, retry_at = ? WHERE id = ?";
    let values = vec![
        until.unwrap_or(now.as_millis()).into(),
        until.into(),
        order.id.into(),
    ];
    sql::touch(tx.db(), own, values).await?;
    trail::write(
        tx,
        act,
        "certificate.request",
        &order.domain,
        "the renewal under way",
    )
    .await?;
    let row = rows::order(tx.db(), order.id).await?;
    let row = row.ok_or_else(|| Error::Corrupt(format!("order {} vanished", order.id)))?;
    Ok(view(tx.db(), row).await?)
}

async fn within_daily_limit(
    tx: &Tx,
    owner: UserId,
    limit: u32,
    now: Timestamp,
) -> Result<(), RequestError> {
    match room_at(tx.db(), owner, limit, now).await? {
        Some(next_at) => Err(RequestError::TooManyRequests { limit, next_at }),
        None => Ok(()),
    }
}

/// Until when the person cannot ask for a certificate, having asked `daily` times within 24 hours;
/// none: they can.
pub async fn next_request_at(
    store: &Store,
    owner: UserId,
    daily: u32,
    now: Timestamp,
) -> Result<Option<Timestamp>, Error> {
    room_at(store.reader(), owner, daily, now).await
}

async fn room_at(
    on: &impl ConnectionTrait,
    owner: UserId,
    limit: u32,
    now: Timestamp,
) -> Result<Option<Timestamp>, Error> {
    let recent = rows::asked_since(on, owner, now.plus(-DAY_MS)).await?;
    let limit_rows = usize::try_from(limit).unwrap_or(usize::MAX);
    if recent.len() < limit_rows {
        return Ok(None);
    }
    // The one that has to be a day old before there is room again.
    let blocking = recent
        .get(recent.len() - limit_rows)
        .map_or(now, |at| Timestamp::from_millis(*at));
    Ok(Some(blocking.plus(DAY_MS)))
}

/// Takes the certificate out of use and shreds its key; does not revoke it. A renewal that the
/// sweep has under way is given up. False: there was none.
pub async fn delete(store: &Store, owner: UserId, act: &AuditContext<'_>) -> Result<bool, Error> {
    store.write(|tx| delete_within(tx, owner, act)).await
}

async fn delete_within(tx: Tx, owner: UserId, act: &AuditContext<'_>) -> Result<bool, Error> {
    if !users::lock(&tx, owner).await? {
        return Ok(false);
    }
    let Some(active) = rows::active(tx.db(), owner).await? else {
        return Ok(false);
    };
    let now = tx.now().await?;
    rows::end_certificate(&tx, active.id, "deleted", now).await?;
    if rows::live_order(tx.db(), owner)
        .await?
        .is_some_and(|order| order.automatic)
    {
        abandon_within(&tx, owner).await?;
    }
    trail::write(&tx, act, "certificate.delete", &active.domain, "").await?;
    Ok(true)
}

/// The private key (PEM, PKCS#8) of the person's certificate, decrypted; none when the person has
/// no such certificate in use.
pub async fn load_private_key(
    store: &Store,
    owner: UserId,
    id: i64,
) -> Result<Option<Secret>, Error> {
    let Some(sealed) = rows::sealed_key(store.reader(), owner, id).await? else {
        return Ok(None);
    };
    Ok(Some(store.vault().open(
        owner,
        Place::Certificate(id),
        &sealed,
    )?))
}

//! What nobody asks for: renewals, what became of orders that were given up, and revocations that
//! are owed.

use std::sync::Arc;
use std::time::Duration;

use starchart_acme::authority::{Authority, AuthorityError, OrderStatus};
use starchart_store::Error;
use starchart_store::certificates::renewals::{self, UnresolvedOrder};
use starchart_store::lease::{self, LeaseName};
use tracing::{info, warn};

use super::steps::{read_chain, within};
use crate::Context;
use crate::handlers::keep::keep;

/// Between two sweeps of all processes together. The lease is not given back, and kept while a
/// sweep takes longer.
pub(super) const EVERY: Duration = Duration::from_secs(10);
const EVERY_MS: i64 = EVERY.as_millis() as i64;
/// Between two tries to pay revocations, likewise.
const REVOKE_EVERY_MS: i64 = 10 * 60 * 1_000;
/// Renewals opened by one sweep.
const RENEWALS: u64 = 50;
/// Calls of one sweep.
const CALLS: u64 = 20;
/// An order that was given up before its certificate request arrived may still get it for so long.
const MAY_COME_MS: i64 = 2 * 60 * 1_000;
/// An authority that has not decided by then never will.
const DECIDED_MS: i64 = 7 * 24 * 60 * 60 * 1_000;

pub(super) async fn sweep(context: Context, authority: Arc<dyn Authority>) -> Result<(), Error> {
    let store = &context.store;
    let Some(lease) =
        lease::acquire(store, LeaseName::Certificates, &context.holder, EVERY_MS).await?
    else {
        return Ok(());
    };
    tokio::select! {
        swept = sweep_held(&context, authority.as_ref()) => swept,
        never = keep(store, lease, EVERY_MS) => match never {},
    }
}

async fn sweep_held(context: &Context, authority: &dyn Authority) -> Result<(), Error> {
    let store = &context.store;
    let opened = renewals::open_due(store, RENEWALS).await?;
    if opened > 0 {
        info!(opened, "certificates are renewed");
    }
    for order in renewals::list_unresolved_orders(store, CALLS).await? {
        if context.stop.is_cancelled() {
            return Ok(());
        }
        settle(context, authority, &order).await?;
    }
    pay_revocations(context, authority).await
}

/// Sees whether a certificate came of an order that ended without one.
async fn settle(
    context: &Context,
    authority: &dyn Authority,
    order: &UnresolvedOrder,
) -> Result<(), Error> {
    let store = &context.store;
    let age = store.now().await?.since(order.at);
    match within(authority.fetch_order(&order.url))
        .await
        .map(|read| read.status)
    {
        Ok(OrderStatus::Valid) => match within(authority.download_chain(&order.url)).await {
            Ok(pem) => match read_chain(&pem) {
                Ok(issued) => renewals::resolve_order(store, order, Some(&issued)).await,
                Err(error) => {
                    warn!(error = %error, "what an order that was given up came to cannot be read");
                    renewals::resolve_order(store, order, None).await
                }
            },
            Err(_) if age > DECIDED_MS => renewals::resolve_order(store, order, None).await,
            Err(_) => Ok(()),
        },
        Ok(OrderStatus::Invalid) | Err(AuthorityError::Gone(_)) => {
            renewals::resolve_order(store, order, None).await
        }
        Ok(OrderStatus::Pending | OrderStatus::Ready) if age > MAY_COME_MS => {
            renewals::resolve_order(store, order, None).await
        }
        _ if age > DECIDED_MS => renewals::resolve_order(store, order, None).await,
        _ => Ok(()),
    }
}

/// Revokes what is owed. What the authority does not take stays a row, for the next try and for
/// admins to see.
async fn pay_revocations(context: &Context, authority: &dyn Authority) -> Result<(), Error> {
    let store = &context.store;
    let owed = renewals::list_pending_revocations(store, CALLS).await?;
    if owed.is_empty()
        || lease::acquire(
            store,
            LeaseName::Revocations,
            &context.holder,
            REVOKE_EVERY_MS,
        )
        .await?
        .is_none()
    {
        return Ok(());
    }
    for certificate in owed {
        if context.stop.is_cancelled() {
            return Ok(());
        }
        match within(authority.revoke(&certificate.certificate)).await {
            Ok(()) => {
                renewals::mark_revoked(store, certificate.id).await?;
                info!(certificate = certificate.id, "a certificate was revoked");
            }
            Err(error @ (AuthorityError::Refused(_) | AuthorityError::Gone(_))) => {
                warn!(certificate = certificate.id, error = %error, "a certificate was not revoked");
                renewals::postpone_revocation(store, certificate.id).await?;
            }
            Err(error) => {
                warn!(error = %error, "revocations have to wait");
                // It may be this one that the authority cannot digest: the next round begins with
                // another.
                renewals::postpone_revocation(store, certificate.id).await?;
                return Ok(());
            }
        }
    }
    Ok(())
}

//! Opens renewals, reads the final state of abandoned orders, and revokes certificates.

use std::sync::Arc;
use std::time::Duration;

use starchart_acme::authority::{Authority, AuthorityError, OrderStatus};
use starchart_store::Error;
use starchart_store::certificates::renewals::{self, UnresolvedOrder};
use starchart_store::lease::{self, LeaseName};
use tracing::{info, warn};

use super::steps::{read_chain, with_timeout};
use crate::Context;
use crate::lease_renewal::keep_renewed;

/// The interval of sweeps by all processes together. The lease is not released, so that it also
/// limits the rate; a sweep that takes longer renews it.
pub(super) const INTERVAL: Duration = Duration::from_secs(10);
const INTERVAL_MS: i64 = INTERVAL.as_millis() as i64;
/// The interval of attempts to revoke, limited by a lease in the same way.
const REVOKE_INTERVAL_MS: i64 = 10 * 60 * 1_000;
/// The maximum of renewals opened in one sweep.
const MAX_RENEWALS: u64 = 50;
/// The maximum of orders and of revocations handled in one sweep.
const MAX_CALLS: u64 = 20;
/// A finalize request that was sent shortly before the order was abandoned may still arrive during
/// this time.
const FINALIZE_MAY_ARRIVE_MS: i64 = 2 * 60 * 1_000;
/// An order that the authority has not decided after this time is closed.
const DECISION_LIMIT_MS: i64 = 7 * 24 * 60 * 60 * 1_000;

pub(super) async fn sweep(context: Context, authority: Arc<dyn Authority>) -> Result<(), Error> {
    let store = &context.store;
    let Some(lease) =
        lease::acquire(store, LeaseName::Certificates, &context.holder, INTERVAL_MS).await?
    else {
        return Ok(());
    };
    tokio::select! {
        swept = sweep_with_lease(&context, authority.as_ref()) => swept,
        never = keep_renewed(store, lease, INTERVAL_MS) => match never {},
    }
}

async fn sweep_with_lease(context: &Context, authority: &dyn Authority) -> Result<(), Error> {
    let store = &context.store;
    let opened = renewals::open_due(store, MAX_RENEWALS).await?;
    if opened > 0 {
        info!(opened, "opened certificate renewals");
    }
    for order in renewals::list_unresolved_orders(store, MAX_CALLS).await? {
        if context.stop.is_cancelled() {
            return Ok(());
        }
        close_abandoned_order(context, authority, &order).await?;
    }
    revoke_pending(context, authority).await
}

/// Reads the final state of an abandoned order and stores the certificate if one was issued.
async fn close_abandoned_order(
    context: &Context,
    authority: &dyn Authority,
    order: &UnresolvedOrder,
) -> Result<(), Error> {
    let store = &context.store;
    let age = store.now().await?.since(order.at);
    match with_timeout(authority.fetch_order(&order.url))
        .await
        .map(|read| read.status)
    {
        Ok(OrderStatus::Valid) => match with_timeout(authority.download_chain(&order.url)).await {
            Ok(pem) => match read_chain(&pem) {
                Ok(issued) => renewals::resolve_order(store, order, Some(&issued)).await,
                Err(error) => {
                    warn!(error = %error, "cannot parse the certificate of an abandoned order");
                    renewals::resolve_order(store, order, None).await
                }
            },
            Err(_) if age > DECISION_LIMIT_MS => renewals::resolve_order(store, order, None).await,
            Err(_) => Ok(()),
        },
        Ok(OrderStatus::Invalid) | Err(AuthorityError::Gone(_)) => {
            renewals::resolve_order(store, order, None).await
        }
        Ok(OrderStatus::Pending | OrderStatus::Ready) if age > FINALIZE_MAY_ARRIVE_MS => {
            renewals::resolve_order(store, order, None).await
        }
        _ if age > DECISION_LIMIT_MS => renewals::resolve_order(store, order, None).await,
        _ => Ok(()),
    }
}

/// Revokes the certificates whose revocation is pending. A refused revocation stays pending; it is
/// retried later and shown to admins.
async fn revoke_pending(context: &Context, authority: &dyn Authority) -> Result<(), Error> {
    let store = &context.store;
    let pending = renewals::list_pending_revocations(store, MAX_CALLS).await?;
    if pending.is_empty()
        || lease::acquire(
            store,
            LeaseName::Revocations,
            &context.holder,
            REVOKE_INTERVAL_MS,
        )
        .await?
        .is_none()
    {
        return Ok(());
    }
    for certificate in pending {
        if context.stop.is_cancelled() {
            return Ok(());
        }
        match with_timeout(authority.revoke(&certificate.certificate)).await {
            Ok(()) => {
                renewals::mark_revoked(store, certificate.id).await?;
                info!(certificate = certificate.id, "certificate revoked");
            }
            Err(error @ (AuthorityError::Refused(_) | AuthorityError::Gone(_))) => {
                warn!(certificate = certificate.id, error = %error, "authority refused to revoke \
                    a certificate");
                renewals::postpone_revocation(store, certificate.id).await?;
            }
            Err(error) => {
                warn!(error = %error, "cannot revoke certificates now, retrying");
                // This certificate may be the cause, so the next attempt begins with another one.
                renewals::postpone_revocation(store, certificate.id).await?;
                return Ok(());
            }
        }
    }
    Ok(())
}

//! Opens renewals, and reads what became of abandoned orders, in one process at a time.

use std::time::Duration;

use starchart_acme::authority::{Authority, AuthorityError, OrderStatus};
use starchart_domain::timers::Timers;
use starchart_jobs::{Outcome, WakeUp};
use starchart_store::Error;
use starchart_store::certificates::renewals::{self, UnresolvedOrder};
use starchart_store::lease::{Lease, LeaseName};
use tracing::{info, warn};

use crate::authority::{read_chain, with_timeout};
use crate::context::Context;
use crate::job::{Check, Job};
use crate::with_lease::{LeaseTerms, Release};

/// The interval of runs by all processes together: the lease is not released, so that it also
/// limits the rate.
const INTERVAL_MS: i64 = 10_000;
/// The maximum of renewals opened in one run.
const MAX_RENEWALS: u64 = 50;
/// The maximum of orders handled in one run.
const MAX_ORDERS: u64 = 20;
/// A finalize request that was sent shortly before the order was abandoned may still arrive during
/// this time.
const FINALIZE_MAY_ARRIVE_MS: i64 = 2 * 60 * 1_000;
/// An order that the authority has not decided after this time is closed.
const DECISION_LIMIT_MS: i64 = 7 * 24 * 60 * 60 * 1_000;

/// Opens due renewals and closes abandoned orders.
pub(crate) struct Renewal;

impl Job for Renewal {
    const NAME: &'static str = "renewal";
    const LEASE: Option<LeaseTerms> = Some(LeaseTerms::new(LeaseName::Certificates, INTERVAL_MS));

    fn period(timers: &Timers) -> Duration {
        timers.sweep
    }

    async fn check(&self, context: &Context) -> Result<Check, Error> {
        Ok(match context.authority {
            Some(_) => Check::Due,
            // Certificates are off, as logged at start.
            None => Check::Skip(Outcome::Done),
        })
    }

    async fn run(&self, context: &Context, _: Option<&Lease>) -> Result<Outcome, Error> {
        let Some(authority) = &context.authority else {
            return Ok(Outcome::Done);
        };
        let opened = renewals::open_due(&context.store, MAX_RENEWALS).await?;
        if opened > 0 {
            info!(opened, "opened certificate renewals");
            context.queue.wake(WakeUp::Certificate);
        }
        for order in renewals::list_unresolved_orders(&context.store, MAX_ORDERS).await? {
            if context.stop.is_cancelled() {
                break;
            }
            close_abandoned_order(context, authority.as_ref(), &order).await?;
        }
        Ok(Outcome::Done)
    }

    fn release(&self, _: &Context) -> Release {
        Release::AtExpiry
    }
}

/// Reads the final state of an abandoned order and stores the certificate if one was issued.
async fn close_abandoned_order(
    context: &Context,
    authority: &dyn Authority,
    order: &UnresolvedOrder,
) -> Result<(), Error> {
    let store = &context.store;
    let age = store.now().await?.since(order.at);
    let read = with_timeout(authority.fetch_order(&order.url)).await;
    let asked = match &read {
        Ok(read) => read.retry_after,
        Err(error) => error.retry_after(),
    };
    if let Some(asked) = asked {
        let asked = i64::try_from(asked.as_millis()).unwrap_or(i64::MAX);
        renewals::postpone_unresolved_order(store, order, asked).await?;
    }
    match read.map(|read| read.status) {
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

#[cfg(test)]
mod tests;

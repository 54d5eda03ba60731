//! Acquires a lease, renews it while its work runs, and releases it.

use std::convert::Infallible;
use std::time::Duration;

use starchart_domain::error::error_chain;
use starchart_jobs::Outcome;
use starchart_store::lease::{self, Lease, LeaseName};
use starchart_store::{Error, Store};
use tokio::time::{Instant, sleep};
use tracing::debug;

use crate::Context;

/// How long a process keeps a lease before it should offer it to others. A busy site always has
/// work, and an operator's command needs the lease too.
pub(crate) const MAX_HOLD: Duration = Duration::from_secs(5);
/// The pause after a long hold; processes that wait for the lease poll more often.
const GAP: Duration = Duration::from_millis(250);

/// The lease that some work needs, and its rules.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LeaseTerms {
    name: LeaseName,
    ttl_ms: i64,
    retry_when_held: Option<Duration>,
}

impl LeaseTerms {
    /// Returns the terms of a lease that is valid for `ttl_ms` milliseconds. Work that takes longer
    /// renews it; a short lease lets another process take over soon after a crash.
    pub(crate) const fn new(name: LeaseName, ttl_ms: i64) -> Self {
        Self {
            name,
            ttl_ms,
            retry_when_held: None,
        }
    }

    /// Lets the job check again after this time while another process holds the lease.
    pub(crate) const fn retry_when_held(self, after: Duration) -> Self {
        Self {
            retry_when_held: Some(after),
            ..self
        }
    }

    /// Returns the outcome of a run that found the lease held by another process.
    pub(crate) fn outcome_when_held(self) -> Outcome {
        self.retry_when_held.map_or(Outcome::Done, Outcome::Again)
    }
}

/// When a lease ends after its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Release {
    /// At once, for any process.
    Now,
    /// After this time, so that no process does the same work sooner.
    After(Duration),
    /// When it expires, so that it also limits the rate of the work.
    AtExpiry,
}

/// Acquires the lease, does the work, and releases the lease as `release` says after the work.
/// Returns `None`, without doing the work, while another process holds the lease.
///
/// # Errors
/// The database did not answer when the lease was acquired or released.
pub(crate) async fn with_lease<T>(
    context: &Context,
    terms: LeaseTerms,
    release: impl FnOnce() -> Release,
    work: impl AsyncFnOnce(&Lease) -> T,
) -> Result<Option<T>, Error> {
    let Some(lease) = acquire(context, terms).await? else {
        return Ok(None);
    };
    hold(context, terms, lease, release, work).await.map(Some)
}

/// Acquires the lease; returns `None` while another process holds it.
///
/// # Errors
/// The database did not answer.
pub(crate) async fn acquire(context: &Context, terms: LeaseTerms) -> Result<Option<Lease>, Error> {
    lease::acquire(&context.store, terms.name, &context.holder, terms.ttl_ms).await
}

/// Does the work with an acquired lease, and releases the lease as `release` says after the work.
///
/// # Errors
/// The database did not answer when the lease was released.
pub(crate) async fn hold<T>(
    context: &Context,
    terms: LeaseTerms,
    mut lease: Lease,
    release: impl FnOnce() -> Release,
    work: impl AsyncFnOnce(&Lease) -> T,
) -> Result<T, Error> {
    let store = &context.store;
    let begun = Instant::now();
    let done = tokio::select! {
        done = work(&lease) => done,
        never = keep_renewed(store, lease.clone(), terms.ttl_ms) => match never {},
    };
    match release() {
        Release::Now => lease::release(store, &lease).await?,
        Release::After(time) => {
            let ttl_ms = i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
            lease::renew(store, &mut lease, ttl_ms).await?;
        }
        Release::AtExpiry => {}
    }
    if begun.elapsed() >= MAX_HOLD {
        sleep(GAP).await;
    }
    Ok(done)
}

/// Renews the lease, and returns whether it is still held. Work whose writes are not fenced by the
/// lease asks before each step.
///
/// # Errors
/// The database did not answer.
pub(crate) async fn is_still_held(
    store: &Store,
    terms: LeaseTerms,
    lease: &Lease,
) -> Result<bool, Error> {
    lease::renew(store, &mut lease.clone(), terms.ttl_ms).await
}

/// Renews the lease, valid for `ttl_ms` milliseconds, until the caller drops the future.
///
/// Never returns after the lease is lost; the work ends at its next fenced write.
async fn keep_renewed(store: &Store, mut lease: Lease, ttl_ms: i64) -> Infallible {
    let interval = Duration::from_millis(ttl_ms.unsigned_abs() / 4);
    loop {
        sleep(interval).await;
        match lease::renew(store, &mut lease, ttl_ms).await {
            Ok(true) => {}
            Ok(false) => return std::future::pending().await,
            // The work meets the same error, or loses the lease.
            Err(error) => debug!(
                error = error_chain(&error),
                lease = lease.name.as_str(),
                "cannot renew a lease"
            ),
        }
    }
}

#[cfg(test)]
mod tests;

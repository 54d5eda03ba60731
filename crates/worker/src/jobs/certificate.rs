//! Advances certificate orders, several concurrently.
//!
//! The database holds the step that an order has reached. A process claims an order that is due and
//! advances it ([`steps`]) until it has to wait, then releases the claim, so that any process can
//! continue it later.

mod steps;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use starchart_acme::authority::Authority;
use starchart_domain::error::error_chain;
use starchart_domain::timers::Timers;
use starchart_jobs::{Outcome, WakeUp};
use starchart_store::certificates::orders::{self, Claim, Postponement};
use starchart_store::lease::Lease;
use starchart_store::{Error, Store};
use tokio::task::JoinSet;
use tracing::{Instrument as _, debug, error, info_span};

use crate::context::Context;
use crate::job::Job;
use crate::with_lease::LeaseTerms;

/// The validity of a claim in milliseconds. After a crash, another process continues the order
/// after this time.
const CLAIM_MS: i64 = 10_000;
/// The interval at which a long step renews the claim.
const RENEW_INTERVAL: Duration = Duration::from_secs(3);
/// The number of orders advanced concurrently.
const CONCURRENCY: usize = 8;
/// The interval at which due orders are looked for while others are advanced.
const POLL_INTERVAL: Duration = Duration::from_millis(200);
/// The minimum delay between two runs.
const MIN_DELAY: Duration = Duration::from_millis(20);

/// Advances due orders, each with its own claim, so that every process takes part.
pub(crate) struct Certificate;

impl Job for Certificate {
    const NAME: &'static str = "certificate";
    const WAKE_UP: Option<WakeUp> = Some(WakeUp::Certificate);
    const LEASE: Option<LeaseTerms> = None;

    fn period(timers: &Timers) -> Duration {
        timers.sweep
    }

    async fn run(&self, context: &Context, _: Option<&Lease>) -> Result<Outcome, Error> {
        // Certificates are off, as logged at start.
        let Some(authority) = &context.authority else {
            return Ok(Outcome::Done);
        };
        advance_due_orders(context, authority).await?;
        let next_due_ms = orders::next_due_ms(&context.store).await?;
        Ok(
            match next_due_ms
                .and_then(|ms| u64::try_from(ms).ok())
                .map(Duration::from_millis)
            {
                Some(wait) if wait < context.timers.sweep && !context.stop.is_cancelled() => {
                    Outcome::Again(wait.max(MIN_DELAY))
                }
                _ => Outcome::Done,
            },
        )
    }
}

/// Advances due orders until none is due.
async fn advance_due_orders(
    context: &Context,
    authority: &Arc<dyn Authority>,
) -> Result<(), Error> {
    let mut running = JoinSet::new();
    let mut failure = None;
    loop {
        if failure.is_none() && !context.stop.is_cancelled() {
            let room = CONCURRENCY.saturating_sub(running.len());
            for order in due(&context.store, room).await? {
                let span = info_span!("order", order);
                let advance = advance(context.clone(), Arc::clone(authority), order);
                running.spawn(advance.instrument(span));
            }
        }
        if running.is_empty() {
            break;
        }
        let ended = tokio::select! {
            Some(ended) = running.join_next() => ended,
            () = tokio::time::sleep(POLL_INTERVAL) => continue,
        };
        match ended {
            Ok(Ok(())) => {}
            Ok(Err(error)) => failure = Some(error),
            // Starts are counted, so an order that panics repeatedly fails.
            Err(panic) => error!(error = %panic, "a step of an order panicked"),
        }
    }
    failure.map_or(Ok(()), Err)
}

async fn due(store: &Store, room: usize) -> Result<Vec<i64>, Error> {
    if room == 0 {
        return Ok(Vec::new());
    }
    orders::list_due(store, u64::try_from(room).unwrap_or(1)).await
}

/// Claims an order and advances it until it has to wait.
async fn advance(context: Context, authority: Arc<dyn Authority>, order: i64) -> Result<(), Error> {
    let store = &context.store;
    let Some(work) = orders::claim(store, order, &context.holder, CLAIM_MS).await? else {
        return Ok(());
    };
    let claim = work.claim.clone();
    let result = tokio::select! {
        result = steps::advance(&context, authority.as_ref(), work) => result,
        never = keep_claimed(store, &claim) => match never {},
    };
    if let Err(error) = &result
        && let Some(pause) = pause_after_store_error(&context, error)
    {
        // Release the claim if the database permits; a temporary error is no failed step.
        let _ = orders::postpone(store, &claim, &pause).await;
        if !error.is_temporary() {
            return Ok(());
        }
    }
    result
}

/// Decides when to retry an order after a database error.
fn pause_after_store_error(context: &Context, error: &Error) -> Option<Postponement> {
    let log = |cause: &str, message| {
        context
            .outages
            .job_is_broken(Certificate::NAME, cause, message)
    };
    match error {
        Error::Vault(reason) => {
            let message = "cannot encrypt or decrypt an order's private key";
            log(&reason.to_string(), message);
            let problem = "Private keys cannot be stored at the moment. The administrators have \
                           to correct the settings.";
            Some(Postponement {
                for_ms: 60_000,
                problem: Some(problem.to_owned()),
                show_retry_time: true,
                ..Postponement::default()
            })
        }
        error if error.is_temporary() => Some(Postponement {
            for_ms: 1_000,
            ..Postponement::default()
        }),
        error => {
            log(&error_chain(error), "database error in an order");
            None
        }
    }
}

/// Renews the claim during a long step. Never returns after the claim is lost; the step ends at its
/// next fenced write.
async fn keep_claimed(store: &Store, claim: &Claim) -> Infallible {
    loop {
        tokio::time::sleep(RENEW_INTERVAL).await;
        match orders::extend_claim(store, claim, CLAIM_MS).await {
            Ok(true) => {}
            Ok(false) => return std::future::pending().await,
            // The step meets the same error.
            Err(error) => debug!(error = error_chain(&error), "cannot renew an order's claim"),
        }
    }
}

#[cfg(test)]
mod tests;

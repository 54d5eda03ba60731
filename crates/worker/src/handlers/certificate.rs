//! Takes orders for certificates a step further, several at once.
//!
//! An order's rows say how far it is; whoever finds it due claims it and walks on from there
//! ([`steps`]). Where it has to wait, the claim is given back, so that another process can go on,
//! and this one can take the next.

mod steps;
mod sweep;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use starchart_acme::authority::Authority;
use starchart_domain::error::error_chain;
use starchart_jobs::Outcome;
use starchart_store::certificates::orders::{self, Claim, Postponement};
use starchart_store::{Error, Store};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tracing::{Instrument as _, error, info_span, warn};

use crate::Context;
use crate::schedule::again_after;

/// How long a claim holds, in milliseconds: after a kill, so long until another process goes on.
const CLAIM_MS: i64 = 10_000;
/// A step that takes longer renews the claim so often.
const RENEW: Duration = Duration::from_secs(3);
/// Orders worked at at once.
const PARALLEL: usize = 8;
/// While some are worked at, others are looked for so often.
const LOOK: Duration = Duration::from_millis(200);
/// The shortest pause between two runs.
const SHORT: Duration = Duration::from_millis(20);

pub(crate) async fn run(context: Context) -> Outcome {
    // Certificates are off; the settings said why at start.
    let Some(authority) = context.authority.clone() else {
        return Outcome::Done;
    };
    match work(&context, &authority).await {
        Ok(outcome) => outcome,
        Err(error) => again_after(&error),
    }
}

/// Walks every order that is due, until none is.
async fn work(context: &Context, authority: &Arc<dyn Authority>) -> Result<Outcome, Error> {
    let store = &context.store;
    // The sweep has its own place: a slow one takes no order's.
    let (mut running, mut sweeping) = (JoinSet::new(), JoinSet::new());
    let (mut swept, mut fault) = (None::<Instant>, None);
    loop {
        let goes_on = fault.is_none() && !context.stop.is_cancelled();
        if goes_on && sweeping.is_empty() && swept.is_none_or(|at| at.elapsed() >= sweep::EVERY) {
            sweeping.spawn(sweep::sweep(context.clone(), Arc::clone(authority)).in_current_span());
            swept = Some(Instant::now());
        }
        if goes_on {
            let room = PARALLEL.saturating_sub(running.len());
            for order in due(store, room).await? {
                let span = info_span!("order", order);
                running.spawn(walk(context.clone(), Arc::clone(authority), order).instrument(span));
            }
        }
        if running.is_empty() && sweeping.is_empty() {
            break;
        }
        let ended = tokio::select! {
            Some(ended) = running.join_next() => ended,
            Some(ended) = sweeping.join_next() => ended,
            () = tokio::time::sleep(LOOK) => continue,
        };
        match ended {
            Ok(Ok(())) => {}
            Ok(Err(error)) => fault = Some(error),
            // Its start is counted: an order that breaks again and again ends.
            Err(panic) => error!(error = %panic, "a step of an order, or a sweep, broke"),
        }
    }
    if let Some(error) = fault {
        return Err(error);
    }
    Ok(
        match orders::next_due_ms(store)
            .await?
            .and_then(|ms| u64::try_from(ms).ok())
            .map(Duration::from_millis)
        {
            Some(wait) if wait < context.sweep && !context.stop.is_cancelled() => {
                Outcome::Again(wait.max(SHORT))
            }
            _ => Outcome::Done,
        },
    )
}

async fn due(store: &Store, room: usize) -> Result<Vec<i64>, Error> {
    if room == 0 {
        return Ok(Vec::new());
    }
    orders::list_due(store, u64::try_from(room).unwrap_or(1)).await
}

/// Claims the order and takes it as far as it goes now.
async fn walk(context: Context, authority: Arc<dyn Authority>, order: i64) -> Result<(), Error> {
    let store = &context.store;
    let Some(work) = orders::claim(store, order, &context.holder, CLAIM_MS).await? else {
        return Ok(());
    };
    let claim = work.claim.clone();
    let result = tokio::select! {
        result = steps::walk(&context, authority.as_ref(), work) => result,
        never = keep(store, &claim) => match never {},
    };
    if let Err(error) = &result
        && let Some(pause) = after_fault(error)
    {
        // A database that fails now and then is no step that breaks: give the order back, when that
        // can be said.
        let _ = orders::postpone(store, &claim, &pause).await;
        if !error.is_temporary() {
            return Ok(());
        }
    }
    result
}

/// When to come back to an order whose rows could not be read or written.
fn after_fault(fault: &Error) -> Option<Postponement> {
    match fault {
        Error::Vault(reason) => {
            error!(error = %reason, "an order's private key cannot be kept or read");
            let problem =
                "Private keys cannot be kept at the moment; the administrators have to mend that.";
            Some(Postponement {
                for_ms: 60_000,
                problem: Some(problem.to_owned()),
                show_retry_time: true,
                ..Postponement::default()
            })
        }
        fault if fault.is_temporary() => Some(Postponement {
            for_ms: 1_000,
            ..Postponement::default()
        }),
        fault => {
            error!(
                error = error_chain(fault),
                "an order's rows cannot be worked with"
            );
            None
        }
    }
}

/// Renews the claim while its step takes longer. Ends only with it: once the claim is lost, the
/// next write says so.
async fn keep(store: &Store, claim: &Claim) -> Infallible {
    loop {
        tokio::time::sleep(RENEW).await;
        match orders::extend_claim(store, claim, CLAIM_MS).await {
            Ok(true) => {}
            Ok(false) => return std::future::pending().await,
            Err(error) => warn!(error = error_chain(&error), "a claim could not be renewed"),
        }
    }
}

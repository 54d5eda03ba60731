//! Deletes expired rows, in one process of each period, among them values that ACME clients left
//! behind.

use std::time::Duration;

use starchart_domain::timers::Timers;
use starchart_jobs::{Outcome, WakeUp};
use starchart_store::lease::Lease;
use starchart_store::{Error, client_challenges, housekeeping, outbox, ticks};
use tracing::info;

use crate::context::Context;
use crate::job::Job;

/// How often expired rows are deleted.
const INTERVAL: Duration = Duration::from_secs(600);
/// The length of a slot, of which one process claims each.
const SLOT_MS: i64 = INTERVAL.as_millis() as i64;

/// Deletes expired rows when this process claims the current slot.
pub(crate) struct Housekeeping;

impl Job for Housekeeping {
    const NAME: &'static str = "housekeeping";

    fn period(_: &Timers) -> Duration {
        INTERVAL
    }

    async fn run(&self, context: &Context, _: Option<&Lease>) -> Result<Outcome, Error> {
        let slot = context.store.now().await?.as_millis() / SLOT_MS;
        if ticks::claim(&context.store, Self::NAME, slot).await? {
            let rows = purge(context).await?;
            if rows > 0 {
                info!(rows, "deleted expired rows");
            }
            expire_challenges(context).await?;
        }
        Ok(Outcome::Done)
    }
}

/// Deletes every expired row and returns the number.
async fn purge(context: &Context) -> Result<u64, Error> {
    let kept_ms = i64::try_from(context.timers.job_removal_every.as_millis()).unwrap_or(i64::MAX);
    let mut rows = 0;
    loop {
        match housekeeping::purge(&context.store).await?
            + outbox::purge(&context.store, kept_ms).await?
        {
            0 => return Ok(rows),
            some => rows += some,
        }
    }
}

/// Deletes the values that ACME clients have left behind, also from the zone.
async fn expire_challenges(context: &Context) -> Result<(), Error> {
    let mut values = 0;
    loop {
        match client_challenges::expire(&context.store).await? {
            0 => break,
            some => values += some,
        }
    }
    if values > 0 {
        context.queue.wake(WakeUp::Publish);
        info!(
            values,
            "deleted the challenge values that ACME clients left"
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests;

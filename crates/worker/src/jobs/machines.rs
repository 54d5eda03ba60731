//! Tells users about machines that no longer fetch their certificate, in one process of each
//! period.

use std::time::Duration;

use starchart_domain::timers::Timers;
use starchart_jobs::{Outcome, WakeUp};
use starchart_store::lease::Lease;
use starchart_store::{Error, machines, ticks};
use tracing::info;

use crate::context::Context;
use crate::job::Job;

/// How often machines are looked at. The shortest certificates live for days.
const INTERVAL: Duration = Duration::from_secs(600);
/// The length of a slot, of which one process claims each.
const SLOT_MS: i64 = INTERVAL.as_millis() as i64;
/// The maximum of users handled at once.
const BATCH: u64 = 50;

/// Queues mails about machines that have stopped when this process claims the current slot.
pub(crate) struct Machines;

impl Job for Machines {
    const NAME: &'static str = "machines";

    fn period(_: &Timers) -> Duration {
        INTERVAL
    }

    async fn run(&self, context: &Context, _: Option<&Lease>) -> Result<Outcome, Error> {
        let slot = context.store.now().await?.as_millis() / SLOT_MS;
        if !ticks::claim(&context.store, Self::NAME, slot).await? {
            return Ok(Outcome::Done);
        }
        let mut mails = 0;
        while !context.stop.is_cancelled() {
            match machines::notify_stopped(&context.store, BATCH).await? {
                0 => break,
                some => mails += some,
            }
        }
        if mails > 0 {
            context.queue.wake(WakeUp::Mail);
            info!(mails, "queued mails about machines that stopped fetching");
        }
        Ok(Outcome::Done)
    }
}

#[cfg(test)]
mod tests;

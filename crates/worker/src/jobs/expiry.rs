//! Notifies users of approaching expiry and expires records and certificates: one run for each
//! EXPIRATION_REPEAT_FREQUENCY_S, in one process at a time.
//!
//! A run's slot number is the database's clock divided by the interval, so that all processes agree
//! on it, and one run makes up for any downtime. A run holds a lease and claims its slot at the
//! end; after a crash, a process that finds neither lease nor claim repeats the run.
//!
//! After a restore from an old dump, records may look expired that were renewed since. So no record
//! expires before an audit has compared the zone, or while publishing is paused.

use std::time::Duration;

use starchart_domain::error::error_chain;
use starchart_domain::time::Timestamp;
use starchart_domain::timers::Timers;
use starchart_domain::user::UserId;
use starchart_jobs::{Outcome, WakeUp};
use starchart_store::expiry::{self, BATCH, ExpiryStep};
use starchart_store::lease::{Lease, LeaseName};
use starchart_store::zone::{self, AuditOutcome};
use starchart_store::{Error, ticks};
use tracing::{debug, error, info, warn};

use crate::context::Context;
use crate::job::{Check, Job};
use crate::start_time::StartTime;
use crate::with_lease::{LeaseTerms, is_still_held};

const LEASE: LeaseTerms = LeaseTerms::new(LeaseName::Expiry, 60_000);
/// The number of users read at once.
const USER_PAGE: u64 = 5_000;
/// The maximum delay between two checks whether a run is due.
const CHECK_MAX: Duration = Duration::from_secs(10);
/// The minimum delay between two checks.
const CHECK_MIN: Duration = Duration::from_secs(1);

/// Makes the run of the current slot, unless a process has made it.
pub(crate) struct Expiry {
    start: StartTime,
}

impl Expiry {
    /// Creates the job; `start` is the start of this process.
    pub(crate) const fn new(start: StartTime) -> Self {
        Self { start }
    }
}

impl Job for Expiry {
    const NAME: &'static str = "expiry";
    const LEASE: Option<LeaseTerms> = Some(LEASE);

    fn period(timers: &Timers) -> Duration {
        timers.expiration_every.clamp(CHECK_MIN, CHECK_MAX)
    }

    async fn check(&self, context: &Context) -> Result<Check, Error> {
        self.start.get(&context.store).await?;
        let slot = current_slot(context).await?;
        Ok(
            if ticks::is_claimed(&context.store, Self::NAME, slot).await? {
                Check::Skip(Outcome::Done)
            } else {
                Check::Due
            },
        )
    }

    async fn run(&self, context: &Context, lease: Option<&Lease>) -> Result<Outcome, Error> {
        let store = &context.store;
        let slot = current_slot(context).await?;
        // Another process may have claimed the slot before this one acquired the lease.
        let (Some(lease), false) = (lease, ticks::is_claimed(store, Self::NAME, slot).await?)
        else {
            return Ok(Outcome::Done);
        };
        info!(slot, "expiry run started");
        let started = self.start.get(store).await?;
        let complete = sweep(context, lease, started).await?;
        if complete && !ticks::claim(store, Self::NAME, slot).await? {
            warn!(slot, "two processes made the same expiry run");
        }
        Ok(Outcome::Done)
    }
}

/// Returns the number of the current run.
async fn current_slot(context: &Context) -> Result<i64, Error> {
    let every_ms = i64::try_from(context.timers.expiration_every.as_millis())
        .unwrap_or(i64::MAX)
        .max(1);
    Ok(context.store.now().await?.as_millis().div_euclid(every_ms))
}

/// Takes every step for all users. Returns false when the run is incomplete: the process stops, the
/// lease is lost, or records may not expire now.
async fn sweep(context: &Context, lease: &Lease, started: Timestamp) -> Result<bool, Error> {
    let mut held = false;
    for &step in ExpiryStep::ALL {
        let mut after = None;
        let mut rows = 0;
        let complete = loop {
            let users = expiry::list_due_users(&context.store, step, after, USER_PAGE).await?;
            let Some((last, _)) = users.last() else {
                break true;
            };
            after = Some(*last);
            if step == ExpiryStep::ExpireRecords && may_be_outdated(context, started).await? {
                debug!(
                    "no records expire: publishing is paused, a plan needs approval, or there was \
                     no audit since the start"
                );
                held = true;
                break true;
            }
            let mut taken_all = true;
            for group in groups(&users) {
                if context.stop.is_cancelled()
                    || !is_still_held(&context.store, LEASE, lease).await?
                {
                    taken_all = false;
                    break;
                }
                rows += run_step(context, step, &group).await?;
            }
            if !taken_all {
                break false;
            }
        };
        if rows > 0 {
            info!(rows, step = step.as_str(), "expiry step finished");
            context.queue.wake(WakeUp::Publish);
            context.queue.wake(WakeUp::Mail);
        }
        if !complete {
            return Ok(false);
        }
    }
    Ok(!held)
}

/// Returns whether the database may be older than the zone: publishing is paused, the last plan
/// needs approval, or there was no audit since the start of this process.
async fn may_be_outdated(context: &Context, started: Timestamp) -> Result<bool, Error> {
    if zone::find_pause(&context.store).await?.is_some() {
        return Ok(true);
    }
    let last = zone::find_audit(&context.store)
        .await?
        .and_then(|row| row.last);
    Ok(last
        .is_none_or(|(at, result)| at < started || result.outcome == AuditOutcome::NeedsApproval))
}

/// Groups users so that the rows of a group fit into one transaction, unless one user has more.
fn groups(users: &[(UserId, u64)]) -> Vec<Vec<UserId>> {
    let mut groups = Vec::new();
    let mut group = Vec::new();
    let mut rows = 0;
    for (user, count) in users {
        if !group.is_empty() && rows + count > BATCH {
            groups.push(std::mem::take(&mut group));
            rows = 0;
        }
        group.push(*user);
        rows += count;
    }
    groups.push(group);
    groups
}

/// Processes all rows of the group. A user whose rows cause an error is logged and skipped.
async fn run_step(context: &Context, step: ExpiryStep, group: &[UserId]) -> Result<u64, Error> {
    match run_step_for_all(context, step, group).await {
        Err(error) if !error.is_temporary() && group.len() > 1 => {
            let mut rows = 0;
            for user in group {
                rows += Box::pin(run_step(context, step, std::slice::from_ref(user))).await?;
            }
            Ok(rows)
        }
        Err(error) if !error.is_temporary() => {
            let user = group.first().map_or(0, |user| user.0);
            error!(
                user,
                step = step.as_str(),
                error = error_chain(&error),
                "expiry step failed for a user"
            );
            Ok(0)
        }
        taken => taken,
    }
}

async fn run_step_for_all(
    context: &Context,
    step: ExpiryStep,
    group: &[UserId],
) -> Result<u64, Error> {
    let mut rows = 0;
    loop {
        let taken = expiry::run_step(&context.store, step, group).await?;
        rows += taken;
        if taken < BATCH || context.stop.is_cancelled() {
            return Ok(rows);
        }
    }
}

#[cfg(test)]
mod tests;

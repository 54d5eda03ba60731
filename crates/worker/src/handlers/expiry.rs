//! Ends what is over, and says so before: one run in every EXPIRATION_REPEAT_FREQUENCY_S, whichever
//! process makes it.
//!
//! The run's number is the database's clock divided by the frequency, so that processes agree
//! whatever their own clocks say, and a stop of any length is made up for by one run. A run holds a
//! lease, and claims its number at its end: whoever finds neither lease nor claim goes on where it
//! died.
//!
//! Rows of an old dump are over that were renewed since, so no record ends before an operator or an
//! audit has had its say.

use std::time::Duration;

use starchart_domain::error::error_chain;
use starchart_domain::time::Timestamp;
use starchart_domain::user::UserId;
use starchart_jobs::{Job, Outcome};
use starchart_store::expiry::{self, BATCH, ExpiryStep};
use starchart_store::lease::{self, Lease, LeaseName};
use starchart_store::zone::{self, AuditOutcome};
use starchart_store::{Error, ticks};
use tracing::{debug, error, info, warn};

use crate::Context;
use crate::schedule::{Started, again_after};

const LEASE_MS: i64 = 60_000;
/// People looked up at once.
const PEOPLE: u64 = 5_000;
/// How long until the next look at the clock, at most and at least.
const LOOK: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(1));

pub(crate) async fn run(context: Context, started: Started) -> Outcome {
    match tick(&context, &started).await {
        Ok(()) => Outcome::Again(context.expire_every.clamp(LOOK.1, LOOK.0)),
        Err(error) => again_after(&error),
    }
}

async fn tick(context: &Context, started: &Started) -> Result<(), Error> {
    let store = &context.store;
    let started = started.at(store).await?;
    let every_ms = i64::try_from(context.expire_every.as_millis())
        .unwrap_or(i64::MAX)
        .max(1);
    let slot = store.now().await?.as_millis().div_euclid(every_ms);
    if ticks::is_claimed(store, "expiry", slot).await? {
        return Ok(());
    }
    let Some(mut lease) =
        lease::acquire(store, LeaseName::Expiry, &context.holder, LEASE_MS).await?
    else {
        return Ok(());
    };
    // Somebody may have ended the run between the two questions.
    let complete = match ticks::is_claimed(store, "expiry", slot).await? {
        true => false,
        false => {
            info!(slot, "looking for what expires");
            sweep(context, &mut lease, started).await?
        }
    };
    if complete && !ticks::claim(store, "expiry", slot).await? {
        warn!(slot, "a run of expiry was made twice");
    }
    lease::release(store, &lease).await
}

/// Every step for everybody. False: told to stop, or the lease was lost, or records may not end
/// now; the rest is still due.
async fn sweep(context: &Context, lease: &mut Lease, started: Timestamp) -> Result<bool, Error> {
    let mut held = false;
    for step in ExpiryStep::ALL {
        let (mut after, mut rows) = (None, 0);
        let complete = loop {
            let people = expiry::list_due_users(&context.store, step, after, PEOPLE).await?;
            let Some((last, _)) = people.last() else {
                break true;
            };
            after = Some(*last);
            if step == ExpiryStep::ExpireRecords && is_held(context, started).await? {
                debug!(
                    "no record ends while publishing is paused or a plan is refused, nor before an audit since this start"
                );
                held = true;
                break true;
            }
            let mut taken_all = true;
            for group in groups(&people) {
                if context.stop.is_cancelled()
                    || !lease::renew(&context.store, lease, LEASE_MS).await?
                {
                    taken_all = false;
                    break;
                }
                rows += take(context, step, &group).await?;
            }
            if !taken_all {
                break false;
            }
        };
        if rows > 0 {
            info!(rows, step = step.as_str(), "expiry");
            context.queue.wake(Job::Publish);
            context.queue.wake(Job::Mail);
        }
        if !complete {
            return Ok(false);
        }
    }
    Ok(!held)
}

/// Whether the rows may be of another time than the zone: publishing is paused, the last plan was
/// refused, or no audit has ended since this process began to work.
async fn is_held(context: &Context, started: Timestamp) -> Result<bool, Error> {
    if zone::find_pause(&context.store).await?.is_some() {
        return Ok(true);
    }
    let last = zone::find_audit(&context.store)
        .await?
        .and_then(|row| row.last);
    Ok(last.is_none_or(|(at, result)| at < started || result.outcome == AuditOutcome::Refused))
}

/// People in groups that have about as many rows together as one transaction takes.
fn groups(people: &[(UserId, u64)]) -> Vec<Vec<UserId>> {
    let (mut groups, mut group, mut rows) = (Vec::new(), Vec::new(), 0);
    for (user, count) in people {
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

/// All rows of the group. A person whose rows cannot be read is left out, and the others go on.
async fn take(context: &Context, step: ExpiryStep, group: &[UserId]) -> Result<u64, Error> {
    match take_all(context, step, group).await {
        Err(error) if !error.is_temporary() && group.len() > 1 => {
            let mut rows = 0;
            for user in group {
                rows += Box::pin(take(context, step, std::slice::from_ref(user))).await?;
            }
            Ok(rows)
        }
        Err(error) if !error.is_temporary() => {
            let user = group.first().map_or(0, |user| user.0);
            error!(
                user,
                step = step.as_str(),
                error = error_chain(&error),
                "what a person has cannot be taken"
            );
            Ok(0)
        }
        taken => taken,
    }
}

async fn take_all(context: &Context, step: ExpiryStep, group: &[UserId]) -> Result<u64, Error> {
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
mod tests {
    use super::*;

    #[test]
    fn nobody_is_parted_who_fits_into_one_transaction() {
        let people: Vec<(UserId, u64)> = [(1, 300), (2, 300), (3, 100), (4, 2_000), (5, 1)]
            .map(|(n, c)| (UserId(n), c))
            .into();
        let cut: Vec<Vec<i64>> = groups(&people)
            .iter()
            .map(|group| group.iter().map(|user| user.0).collect())
            .collect();
        assert_eq!(cut, [vec![1], vec![2, 3], vec![4], vec![5]]);
    }
}

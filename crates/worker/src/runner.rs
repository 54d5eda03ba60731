//! Runs the loop of each job.

use std::time::Duration;

use futures_util::future::{BoxFuture, join_all};
use starchart_jobs::Outcome;
use tokio::sync::Notify;
use tokio::time::Instant;
use tracing::{Instrument, error, info_span};

use crate::Context;
use crate::job::JobEntry;
use crate::jobs;
use crate::outages::retry_after;

/// The delay before a job that panicked runs again, doubled up to the maximum.
const RETRY_AFTER_PANIC: Duration = Duration::from_secs(5);
const RETRY_AFTER_PANIC_MAX: Duration = Duration::from_secs(60);

/// Runs all jobs until [`Context::stop`] is cancelled and each run has ended.
pub async fn run(context: Context) {
    run_table(&context, jobs::table()).await;
}

async fn run_table(context: &Context, table: Vec<JobEntry>) {
    // Each job with its pending wake-up.
    let jobs: Vec<(JobEntry, Notify)> = table.into_iter().map(|job| (job, Notify::new())).collect();
    let listen = async {
        loop {
            let wake_up = tokio::select! {
                wake_up = context.queue.next() => wake_up,
                () = context.stop.cancelled() => return,
            };
            for (_, woken) in jobs.iter().filter(|(job, _)| job.wake_up == Some(wake_up)) {
                woken.notify_one();
            }
        }
    };
    let loops = jobs.iter().map(|(job, woken)| {
        let period = (job.period)(&context.timers);
        let run_once = || (job.run_once)(context.clone());
        run_loop(context, job.name, period, woken, run_once)
    });
    tokio::join!(listen, join_all(loops));
}

/// Runs one job, then waits for a wake-up, for the delay that the run asked for, or for the end of
/// the job's period.
async fn run_loop(
    context: &Context,
    job: &'static str,
    period: Duration,
    woken: &Notify,
    run_once: impl Fn() -> BoxFuture<'static, Outcome>,
) {
    let stop = &context.stop;
    let mut run = 0_u64;
    let mut logged_reason = None;
    while !stop.is_cancelled() {
        run += 1;
        // Runs in its own task, so that a panic ends this run only.
        let outcome = tokio::spawn(run_once().instrument(info_span!("job", job, run)))
            .await
            .unwrap_or_else(|panic| {
                let message = "job panicked, retrying";
                let failures = context
                    .outages
                    .job_is_broken(job, &panic.to_string(), message);
                let (first, max) = (RETRY_AFTER_PANIC, RETRY_AFTER_PANIC_MAX);
                Outcome::Again(retry_after(failures, first, max))
            });
        let delay = match outcome {
            Outcome::Done => {
                logged_reason = None;
                period
            }
            Outcome::Again(after) => after,
            Outcome::GiveUp(reason) => {
                // Logged once, not at every run.
                if logged_reason.as_ref() != Some(&reason) {
                    error!(job, reason, "job cannot run");
                    logged_reason = Some(reason);
                }
                period
            }
        };
        let next = Instant::now() + delay;
        tokio::select! {
            () = woken.notified() => {}
            () = tokio::time::sleep_until(next) => {}
            () = stop.cancelled() => {}
        }
    }
}

#[cfg(test)]
mod tests;

//! Runs the loop of each job.

use std::future::Future;
use std::time::Duration;

use starchart_jobs::{Outcome, WakeUp};
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, error, info_span};

use crate::Context;
use crate::handlers::{audit, certificate, expiry, housekeeping, mail, publish, track};
use crate::start_time::StartTime;

/// How often expired rows are deleted.
const HOUSEKEEPING_INTERVAL: Duration = Duration::from_secs(600);
/// How often the job checks whether an expiry run is due.
const EXPIRY_INTERVAL: Duration = Duration::from_secs(10);
/// How often the job checks whether an audit is due.
const AUDIT_INTERVAL: Duration = Duration::from_secs(10);

/// The delay before a job that panicked runs again.
const RETRY_AFTER_PANIC: Duration = Duration::from_secs(5);

/// Runs all jobs until [`Context::stop`] is cancelled and each handler has ended.
pub async fn run(context: Context) {
    let stop = context.stop.clone();
    let wakeups = Wakeups::default();
    let listen = async {
        loop {
            tokio::select! {
                job = context.queue.next() => wakeups.of(job).notify_one(),
                () = stop.cancelled() => return,
            }
        }
    };
    let sweep = context.sweep;
    let start = StartTime::default();
    tokio::join!(
        listen,
        run_loop("publish", sweep, &wakeups.publish, &stop, || publish::run(
            context.clone()
        )),
        run_loop("track", sweep, &wakeups.track, &stop, || track::run(
            context.clone()
        )),
        run_loop("certificate", sweep, &wakeups.certificate, &stop, || {
            certificate::run(context.clone())
        }),
        run_loop("mail", sweep, &wakeups.mail, &stop, || mail::run(
            context.clone()
        )),
        run_loop("expiry", EXPIRY_INTERVAL, &wakeups.expiry, &stop, || {
            expiry::run(context.clone(), start.clone())
        }),
        run_loop("audit", AUDIT_INTERVAL, &wakeups.audit, &stop, || {
            audit::run(context.clone(), start.clone())
        }),
        run_loop(
            "housekeeping",
            HOUSEKEEPING_INTERVAL,
            &wakeups.housekeeping,
            &stop,
            || housekeeping::run(context.clone())
        ),
    );
}

/// The pending wake-up of each job.
#[derive(Default)]
struct Wakeups {
    publish: Notify,
    track: Notify,
    certificate: Notify,
    mail: Notify,
    expiry: Notify,
    audit: Notify,
    housekeeping: Notify,
}

impl Wakeups {
    fn of(&self, job: WakeUp) -> &Notify {
        match job {
            WakeUp::Publish => &self.publish,
            WakeUp::Track => &self.track,
            WakeUp::Certificate => &self.certificate,
            WakeUp::Mail => &self.mail,
        }
    }
}

/// Runs one job, then waits for a wake-up, for the delay that the handler asked for, or for the
/// sweep.
async fn run_loop<F, R>(
    job: &'static str,
    sweep: Duration,
    wakeup: &Notify,
    stop: &CancellationToken,
    handler: F,
) where
    F: Fn() -> R,
    R: Future<Output = Outcome> + Send + 'static,
{
    let mut run = 0_u64;
    let mut logged_reason = None;
    while !stop.is_cancelled() {
        run += 1;
        // Runs in its own task, so that a panic ends this run only.
        let outcome = tokio::spawn(handler().instrument(info_span!("job", job, run)))
            .await
            .unwrap_or_else(|panic| {
                error!(job, run, error = %panic, "job panicked, retrying");
                Outcome::Again(RETRY_AFTER_PANIC)
            });
        let delay = match outcome {
            Outcome::Done => {
                logged_reason = None;
                sweep
            }
            Outcome::Again(after) => after,
            Outcome::GiveUp(reason) => {
                // Logged once, not at every sweep.
                if logged_reason.as_ref() != Some(&reason) {
                    error!(job, reason, "job cannot run");
                    logged_reason = Some(reason);
                }
                sweep
            }
        };
        let next = Instant::now() + delay;
        tokio::select! {
            () = wakeup.notified() => {}
            () = tokio::time::sleep_until(next) => {}
            () = stop.cancelled() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_panic_ends_only_one_run() {
        let runs = Arc::new(AtomicU32::new(0));
        let stop = CancellationToken::new();
        let wakeup = Notify::new();
        let handler = || {
            let runs = Arc::clone(&runs);
            async move {
                assert!(
                    runs.fetch_add(1, Ordering::SeqCst) > 0,
                    "the first run panics"
                );
                Outcome::Done
            }
        };
        let running = run_loop("test", Duration::from_secs(1), &wakeup, &stop, handler);
        let _ = tokio::time::timeout(Duration::from_secs(20), running).await;
        assert!(runs.load(Ordering::SeqCst) > 2, "the loop continues");
    }
}

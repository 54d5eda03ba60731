//! The loops: one a job, and one that cleans up.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use starchart_domain::error::error_chain;
use starchart_domain::time::Timestamp;
use starchart_jobs::{Job, Outcome};
use starchart_store::{Error, Store};
use tokio::sync::{Notify, OnceCell};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, error, info_span, warn};

use crate::Context;
use crate::handlers::{audit, certificate, expiry, housekeeping, mail, publish, track};

/// How often rows whose time is over are looked for.
const HOUSEKEEPING: Duration = Duration::from_secs(600);
/// How often it is asked whether the next run of expiry is due.
const EXPIRY: Duration = Duration::from_secs(10);
/// How often it is asked whether the next audit is due.
const AUDIT: Duration = Duration::from_secs(10);

/// A job that panicked is tried again after this.
const AFTER_PANIC: Duration = Duration::from_secs(5);

/// Works until [`Context::stop`], then lets each handler come to its end.
pub async fn run(context: Context) {
    let stop = context.stop.clone();
    let bells = Bells::default();
    let listen = async {
        loop {
            tokio::select! {
                job = context.queue.next() => bells.of(job).notify_one(),
                () = stop.cancelled() => return,
            }
        }
    };
    let sweep = context.sweep;
    let started = Started::default();
    tokio::join!(
        listen,
        work("publish", sweep, &bells.publish, &stop, || publish::run(
            context.clone()
        )),
        work("track", sweep, &bells.track, &stop, || track::run(
            context.clone()
        )),
        work("certificate", sweep, &bells.certificate, &stop, || {
            certificate::run(context.clone())
        }),
        work("mail", sweep, &bells.mail, &stop, || mail::run(
            context.clone()
        )),
        work("expiry", EXPIRY, &bells.expiry, &stop, || expiry::run(
            context.clone(),
            started.clone()
        )),
        work("audit", AUDIT, &bells.audit, &stop, || audit::run(
            context.clone(),
            started.clone()
        )),
        work(
            "housekeeping",
            HOUSEKEEPING,
            &bells.housekeeping,
            &stop,
            || housekeeping::run(context.clone())
        ),
    );
}

/// When this process began to work, by the database's clock; known since somebody first asked.
#[derive(Clone, Default)]
pub(crate) struct Started(Arc<OnceCell<Timestamp>>);

impl Started {
    pub(crate) async fn at(&self, store: &Store) -> Result<Timestamp, Error> {
        self.0.get_or_try_init(|| store.now()).await.copied()
    }
}

#[derive(Default)]
struct Bells {
    publish: Notify,
    track: Notify,
    certificate: Notify,
    mail: Notify,
    expiry: Notify,
    audit: Notify,
    housekeeping: Notify,
}

impl Bells {
    fn of(&self, job: Job) -> &Notify {
        match job {
            Job::Publish => &self.publish,
            Job::Track => &self.track,
            Job::Certificate => &self.certificate,
            Job::Mail => &self.mail,
        }
    }
}

/// One job's loop: run, then wait for the bell, or for the time that the handler asked for, or for
/// the sweep.
async fn work<F, R>(
    job: &'static str,
    sweep: Duration,
    bell: &Notify,
    stop: &CancellationToken,
    handler: F,
) where
    F: Fn() -> R,
    R: Future<Output = Outcome> + Send + 'static,
{
    let mut run = 0_u64;
    let mut told = None;
    while !stop.is_cancelled() {
        run += 1;
        // A task of its own: a panic ends this run, not the loop and its neighbours.
        let outcome = tokio::spawn(handler().instrument(info_span!("job", job, run)))
            .await
            .unwrap_or_else(|fault| {
                error!(job, run, error = %fault, "a job broke, trying again");
                Outcome::Again(AFTER_PANIC)
            });
        let pause = match outcome {
            Outcome::Done => {
                told = None;
                sweep
            }
            Outcome::Again(after) => after,
            Outcome::GiveUp(reason) => {
                // Said once, not at every sweep.
                if told.as_ref() != Some(&reason) {
                    error!(job, reason, "a job cannot be done");
                    told = Some(reason);
                }
                sweep
            }
        };
        let next = Instant::now() + pause;
        tokio::select! {
            () = bell.notified() => {}
            () = tokio::time::sleep_until(next) => {}
            () = stop.cancelled() => {}
        }
    }
}

/// What a handler says when the database fails it: the rows still say what is owed.
pub(crate) fn again_after(error: &starchart_store::Error) -> Outcome {
    warn!(
        error = error_chain(error),
        "the database did not answer a job, trying again"
    );
    Outcome::Again(Duration::from_secs(1))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_panic_ends_one_run_only() {
        let (runs, stop, bell) = (
            std::sync::Arc::new(AtomicU32::new(0)),
            CancellationToken::new(),
            Notify::new(),
        );
        let handler = || {
            let runs = std::sync::Arc::clone(&runs);
            async move {
                assert!(
                    runs.fetch_add(1, Ordering::SeqCst) > 0,
                    "the first run breaks"
                );
                Outcome::Done
            }
        };
        let working = work("test", Duration::from_secs(1), &bell, &stop, handler);
        let _ = tokio::time::timeout(Duration::from_secs(20), working).await;
        assert!(runs.load(Ordering::SeqCst) > 2, "it went on");
    }
}

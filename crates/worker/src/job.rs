//! What a background job is, and how one run of it goes.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use starchart_domain::timers::Timers;
use starchart_jobs::{Outcome, WakeUp};
use starchart_store::Error;
use starchart_store::lease::Lease;

use crate::context::Context;
use crate::outages::retry_after;
use crate::with_lease::{LeaseTerms, Release, with_lease};

/// The delay before a run that a database error ended is repeated, doubled up to the maximum.
const RETRY_AFTER: Duration = Duration::from_secs(1);
const RETRY_AFTER_MAX: Duration = Duration::from_secs(5);

/// A kind of background work.
///
/// A run must be idempotent: it finds its work in the database, and may end or be repeated at any
/// point.
pub(crate) trait Job: Send + Sync + 'static {
    /// The name in logs; the wake-up has the same name.
    const NAME: &'static str;

    /// The wake-up that starts a run at once; `None` when no other part of the program starts it.
    const WAKE_UP: Option<WakeUp> = None;

    /// The lease that a run needs; `None` when the rows themselves keep the processes apart.
    const LEASE: Option<LeaseTerms> = None;

    /// Returns the time from the end of a run to the next one without a wake-up.
    fn period(timers: &Timers) -> Duration;

    /// Decides whether there is anything to do, before a lease is acquired.
    fn check(&self, _context: &Context) -> impl Future<Output = Result<Check, Error>> + Send {
        async { Ok(Check::Due) }
    }

    /// Does the pending work. `lease` is `Some` exactly if [`Self::LEASE`] is.
    ///
    /// # Errors
    /// The database did not answer; the run is repeated soon.
    fn run(
        &self,
        context: &Context,
        lease: Option<&Lease>,
    ) -> impl Future<Output = Result<Outcome, Error>> + Send;

    /// Decides when the lease ends after a run.
    fn release(&self, _context: &Context) -> Release {
        Release::Now
    }
}

/// Whether a job has anything to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Check {
    /// The job runs, once it has its lease.
    Due,
    /// The job does not run now; the outcome says why and when to check again.
    Skip(Outcome),
}

/// Runs a job once: checks, acquires the lease, does the work and releases the lease.
pub(crate) async fn run_once<J: Job>(job: &J, context: &Context) -> Outcome {
    match try_run(job, context).await {
        Ok(outcome) => {
            context.outages.job_works(J::NAME);
            outcome
        }
        Err(error) => {
            // The rows still say what is to do.
            let failures = context.outages.job_failed(J::NAME, &error);
            Outcome::Again(retry_after(failures, RETRY_AFTER, RETRY_AFTER_MAX))
        }
    }
}

async fn try_run<J: Job>(job: &J, context: &Context) -> Result<Outcome, Error> {
    if let Check::Skip(outcome) = job.check(context).await? {
        return Ok(outcome);
    }
    let Some(terms) = J::LEASE else {
        return job.run(context, None).await;
    };
    let work = async |lease: &Lease| job.run(context, Some(lease)).await;
    match with_lease(context, terms, || job.release(context), work).await? {
        Some(result) => result,
        None => Ok(terms.outcome_when_held()),
    }
}

/// A job in the runner's table.
pub(crate) struct JobEntry {
    /// The job's name in logs.
    pub(crate) name: &'static str,
    /// The wake-up that starts the job.
    pub(crate) wake_up: Option<WakeUp>,
    /// Returns the time between two runs.
    pub(crate) period: fn(&Timers) -> Duration,
    /// Runs the job once, with its lease.
    pub(crate) run_once: Box<dyn Fn(Context) -> BoxFuture<'static, Outcome> + Send + Sync>,
}

/// Makes the table's entry of a job.
pub(crate) fn entry<J: Job>(job: J) -> JobEntry {
    let job = Arc::new(job);
    JobEntry {
        name: J::NAME,
        wake_up: J::WAKE_UP,
        period: J::period,
        run_once: Box::new(move |context| {
            let job = Arc::clone(&job);
            Box::pin(async move { run_once(job.as_ref(), &context).await })
        }),
    }
}

//! Asks the authority when to renew certificates (RFC 9773), in one process at a time.
//!
//! Each certificate has its own next question, so that the questions are spread over the day as the
//! certificates' issues were.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::join_all;
use starchart_acme::authority::{Authority, AuthorityError, RenewalInfoError};
use starchart_domain::certificate::renewal_info::{
    self as decide, RenewalInfoFailure, UNSUPPORTED_MS,
};
use starchart_domain::time::Timestamp;
use starchart_domain::timers::Timers;
use starchart_jobs::Outcome;
use starchart_store::Error;
use starchart_store::certificates::renewal_info::{self, CheckOutcome, CheckResult, DueCheck};
use starchart_store::lease::{Lease, LeaseName};
use tracing::{info, warn};

use crate::context::Context;
use crate::job::{Check, Job};
use crate::with_lease::{LeaseTerms, Release};

/// The interval of runs by all processes together: the lease is not released, so that it also
/// limits the rate.
const INTERVAL_MS: i64 = 10_000;
/// The maximum of questions in one run.
const MAX_QUESTIONS: u64 = 200;
/// The number of questions that are asked concurrently and recorded together.
const CONCURRENCY: usize = 10;

/// Asks about certificates whose next question is due.
pub(crate) struct RenewalInfo;

/// What came of one question.
enum Reply {
    /// The authority answered, or failed.
    Result(CheckResult, Option<RenewalInfoFailure>),
    /// The authority offers no renewal information.
    Unsupported,
}

impl Job for RenewalInfo {
    const NAME: &'static str = "renewal-info";
    const LEASE: Option<LeaseTerms> = Some(LeaseTerms::new(LeaseName::RenewalInfo, INTERVAL_MS));

    fn period(timers: &Timers) -> Duration {
        timers.sweep
    }

    async fn check(&self, context: &Context) -> Result<Check, Error> {
        // Without an authority, certificates are off, as logged at start.
        let is_due = context.authority.is_some() && renewal_info::has_due(&context.store).await?;
        Ok(if is_due {
            Check::Due
        } else {
            Check::Skip(Outcome::Done)
        })
    }

    async fn run(&self, context: &Context, lease: Option<&Lease>) -> Result<Outcome, Error> {
        let (Some(authority), Some(lease)) = (&context.authority, lease) else {
            return Ok(Outcome::Done);
        };
        let due = renewal_info::list_due(&context.store, MAX_QUESTIONS).await?;
        let mut explained = BTreeMap::new();
        for group in due.chunks(CONCURRENCY) {
            if context.stop.is_cancelled()
                || !ask_group(context, authority.as_ref(), lease, group, &mut explained).await?
            {
                break;
            }
        }
        for (url, certificates) in explained {
            info!(
                url,
                certificates, "the certificate authority explains its renewal windows"
            );
        }
        Ok(Outcome::Done)
    }

    fn release(&self, _: &Context) -> Release {
        Release::AtExpiry
    }
}

/// Asks about these certificates and records the answers. Counts the certificates by explanation.
/// Returns false when no more questions should be asked now.
async fn ask_group(
    context: &Context,
    authority: &dyn Authority,
    lease: &Lease,
    group: &[DueCheck],
    explained: &mut BTreeMap<String, u32>,
) -> Result<bool, Error> {
    let now = context.store.now().await?;
    let replies = join_all(group.iter().map(|due| ask(context, authority, due, now))).await;
    let mut results = Vec::new();
    let mut goes_on = true;
    for reply in replies {
        match reply {
            Reply::Unsupported => {
                renewal_info::postpone_due(&context.store, UNSUPPORTED_MS).await?;
                return Ok(false);
            }
            Reply::Result(result, failure) => {
                // An authority in trouble is asked about the other certificates in the next run.
                goes_on &= !matches!(failure, Some(RenewalInfoFailure::Temporary { .. }));
                log(&result, explained);
                results.push(result);
            }
        }
    }
    Ok(renewal_info::record(&context.store, lease, &results).await? && goes_on)
}

/// Asks about one certificate, and decides what follows.
async fn ask(
    context: &Context,
    authority: &dyn Authority,
    due: &DueCheck,
    now: Timestamp,
) -> Reply {
    let failed = |failure, problem: String| {
        let result = CheckResult {
            id: due.id,
            domain: due.domain.clone(),
            outcome: CheckOutcome::Failed {
                check_at: decide::check_after(failure, due.state.failures, now),
                problem,
            },
        };
        Reply::Result(result, Some(failure))
    };
    let info = match authority.renewal_info(&due.certificate).await {
        Ok(Some(info)) => info,
        Ok(None) => return Reply::Unsupported,
        Err(RenewalInfoError { failure, detail }) => {
            let error = AuthorityError::unavailable(detail.clone());
            context.outages.authority_failed(RenewalInfo::NAME, &error);
            return failed(failure, detail);
        }
    };
    let retry_after_ms = i64::try_from(info.retry_after.as_millis()).unwrap_or(i64::MAX);
    let planned = decide::plan(&due.state, info.window, retry_after_ms, rand::random(), now);
    match planned {
        Ok(plan) => {
            context.outages.authority_works(RenewalInfo::NAME);
            let outcome = CheckOutcome::Answered {
                window: info.window,
                plan,
                explanation_url: info.explanation_url,
            };
            let result = CheckResult {
                id: due.id,
                domain: due.domain.clone(),
                outcome,
            };
            Reply::Result(result, None)
        }
        Err(failure) => {
            let problem = "the renewal window does not end after its start".to_owned();
            warn!(certificate = due.id, "{problem}");
            failed(failure, problem)
        }
    }
}

fn log(result: &CheckResult, explained: &mut BTreeMap<String, u32>) {
    let CheckOutcome::Answered {
        plan,
        explanation_url,
        ..
    } = &result.outcome
    else {
        return;
    };
    if plan.is_brought_forward {
        warn!(
            certificate = result.id,
            renew_at = plan.renew_at.rfc3339(),
            url = explanation_url,
            "the certificate authority brought a renewal forward"
        );
    }
    if let Some(url) = explanation_url {
        *explained.entry(url.clone()).or_default() += 1;
    }
}

#[cfg(test)]
mod tests;

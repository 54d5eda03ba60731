//! What an error of the authority means for an order.

use starchart_acme::authority::AuthorityError;
use starchart_domain::certificate::{FailureReason, back_off_ms, clamped_retry_ms};
use starchart_store::Error;
use starchart_store::certificates::budget;
use starchart_store::certificates::orders::Postponement;
use tracing::warn;

use super::{Flow, OrderRun, UNEXPECTED_STATE_MS, millis};
use crate::job::Job as _;
use crate::jobs::certificate::Certificate;

/// The delay after a rate limit without Retry-After, in milliseconds.
const RATE_LIMITED_MS: i64 = 60 * 60 * 1_000;
/// The minimum delay after an error that an operator has to correct, in milliseconds.
const OPERATOR_ERROR_MS: i64 = 60_000;

impl OrderRun<'_> {
    /// Handles an error of the authority: fails the order, or pauses it until a retry.
    pub(super) async fn retry_or_fail(&mut self, error: AuthorityError) -> Result<Flow, Error> {
        if let AuthorityError::Refused(detail) = error {
            return self.fail(&FailureReason::Refused(detail)).await;
        }
        let wait = back_off_ms(
            self.work.failures + 1,
            self.work.facts.automatic,
            self.work.renewed,
        );
        match &error {
            AuthorityError::Unavailable { .. }
            | AuthorityError::Account(_)
            | AuthorityError::Profile(_) => {
                let outages = &self.context.outages;
                outages.authority_failed(Certificate::NAME, &error);
            }
            // Concerns this order only.
            error => warn!(%error, "request to the certificate authority failed, retrying"),
        }
        let (usual, asked, problem) = match error {
            AuthorityError::RateLimited {
                retry_after,
                detail,
            } => {
                let asked = retry_after.map_or(RATE_LIMITED_MS, millis);
                if !self.work.facts.has_url {
                    // The authority knows better what is left; the orders behind this one wait too.
                    let until = self.now.plus(asked);
                    let (store, limits) = (&self.context.store, &self.context.issuance);
                    budget::empty_until(store, limits, until).await?;
                }
                (
                    wait,
                    Some(asked),
                    format!("The certificate authority takes no more requests for now: {detail}"),
                )
            }
            AuthorityError::Account(_) => {
                let problem = "The certificate authority does not accept our account; the \
                               administrators have to mend that.";
                (wait.max(OPERATOR_ERROR_MS), None, problem.to_owned())
            }
            AuthorityError::Profile(_) => {
                let problem = "The certificate authority does not offer the kind of certificate \
                               that is set; the administrators have to correct that.";
                (wait.max(OPERATOR_ERROR_MS), None, problem.to_owned())
            }
            AuthorityError::Gone(_) => (
                wait.max(UNEXPECTED_STATE_MS),
                None,
                "The certificate authority is busy with the order.".to_owned(),
            ),
            AuthorityError::Unavailable { retry_after, .. } => {
                let problem =
                    "The certificate authority does not answer at the moment. We keep trying.";
                (wait, retry_after.map(millis), problem.to_owned())
            }
            // Handled above.
            AuthorityError::Refused(detail) => (wait, None, detail),
        };
        let for_ms = clamped_retry_ms(self.work.facts.created_at, self.now, usual, asked);
        let pause = Postponement {
            for_ms,
            problem: Some(problem),
            failed: Some(true),
            show_retry_time: true,
            requested_by_ca: asked.is_some(),
        };
        self.pause(pause).await
    }
}

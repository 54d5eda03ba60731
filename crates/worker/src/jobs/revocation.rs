//! Revokes certificates whose revocation is pending, in one process at a time.

use std::time::Duration;

use starchart_acme::authority::AuthorityError;
use starchart_domain::timers::Timers;
use starchart_jobs::Outcome;
use starchart_store::Error;
use starchart_store::certificates::renewals;
use starchart_store::lease::{Lease, LeaseName};
use tracing::{info, warn};

use crate::authority::with_timeout;
use crate::context::Context;
use crate::job::{Check, Job};
use crate::with_lease::{LeaseTerms, Release};

/// The interval of attempts by all processes together: the lease is not released, so that it also
/// limits the rate.
const INTERVAL_MS: i64 = 60 * 1_000;
/// The maximum of revocations in one run.
const MAX_REVOCATIONS: u64 = 20;

/// Revokes the certificates whose revocation is pending. A refused revocation stays pending; it is
/// retried later and shown to admins.
pub(crate) struct Revocation;

impl Job for Revocation {
    const NAME: &'static str = "revocation";
    const LEASE: Option<LeaseTerms> = Some(LeaseTerms::new(LeaseName::Revocations, INTERVAL_MS));

    fn period(timers: &Timers) -> Duration {
        timers.sweep
    }

    async fn check(&self, context: &Context) -> Result<Check, Error> {
        // Without an authority, certificates are off, as logged at start.
        let is_idle = context.authority.is_none()
            || renewals::list_pending_revocations(&context.store, 1)
                .await?
                .is_empty();
        Ok(if is_idle {
            Check::Skip(Outcome::Done)
        } else {
            Check::Due
        })
    }

    async fn run(&self, context: &Context, _: Option<&Lease>) -> Result<Outcome, Error> {
        let Some(authority) = &context.authority else {
            return Ok(Outcome::Done);
        };
        let store = &context.store;
        for certificate in renewals::list_pending_revocations(store, MAX_REVOCATIONS).await? {
            if context.stop.is_cancelled() {
                break;
            }
            match with_timeout(authority.revoke(&certificate.certificate, certificate.reason)).await
            {
                Ok(()) => {
                    renewals::mark_revoked(store, certificate.id).await?;
                    info!(certificate = certificate.id, "certificate revoked");
                }
                Err(error @ (AuthorityError::Refused(_) | AuthorityError::Gone(_))) => {
                    warn!(
                        certificate = certificate.id,
                        error = %error,
                        "authority refused to revoke a certificate"
                    );
                    renewals::postpone_revocation(store, certificate.id).await?;
                }
                Err(error) => {
                    warn!(error = %error, "cannot revoke certificates now, retrying");
                    // This certificate may be the cause, so the next attempt begins with another
                    // one.
                    renewals::postpone_revocation(store, certificate.id).await?;
                    if let Some(asked) = error.retry_after() {
                        let asked = i64::try_from(asked.as_millis()).unwrap_or(i64::MAX);
                        renewals::postpone_all_revocations(store, asked).await?;
                    }
                    break;
                }
            }
        }
        Ok(Outcome::Done)
    }

    fn release(&self, _: &Context) -> Release {
        Release::AtExpiry
    }
}

#[cfg(test)]
mod tests;

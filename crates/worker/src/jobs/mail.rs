//! Sends pending mails, in one process at a time. The holder keeps the lease until its send rate
//! permits the next mail, so that the rate limit holds for all processes together.

use std::convert::Infallible;
use std::time::Duration;

use starchart_domain::error::error_chain;
use starchart_domain::timers::Timers;
use starchart_jobs::{Outcome, WakeUp};
use starchart_mail::{Mailer, RenderedMail, SendError};
use starchart_store::lease::{Lease, LeaseName};
use starchart_store::outbox::{self, ClaimedMail, SendOutcome};
use starchart_store::{Error, Store};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info, warn};

use crate::context::Context;
use crate::job::{Check, Job};
use crate::with_lease::{LeaseTerms, Release, is_still_held};

/// The validity of the lease and of a mail's claim in milliseconds. After a crash, another process
/// continues after this time.
const LEASE_MS: i64 = 60_000;
const LEASE: LeaseTerms = LeaseTerms::new(LeaseName::Mail, LEASE_MS);
/// The interval at which a mail that takes longer renews its claim.
const RENEW_INTERVAL: Duration = Duration::from_secs(15);
/// The interval at which new mails are looked for while the send rate is caught up with.
const POLL_INTERVAL: Duration = Duration::from_millis(500);
/// How long to wait for the mail server's answer during shutdown.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(8);
/// The delay before the first retry of a mail, doubled for each retry.
const BACK_OFF_MS: i64 = 60_000;
/// The maximum delay between two attempts.
const BACK_OFF_MAX_MS: i64 = 4 * 60 * 60 * 1_000;

/// Sends the mails that are due, within the send rate.
pub(crate) struct Mail;

impl Job for Mail {
    const NAME: &'static str = "mail";
    const WAKE_UP: Option<WakeUp> = Some(WakeUp::Mail);
    const LEASE: Option<LeaseTerms> = Some(LEASE);

    fn period(timers: &Timers) -> Duration {
        timers.sweep
    }

    async fn check(&self, context: &Context) -> Result<Check, Error> {
        // Mail is off, as logged at start; mails stay pending.
        let Some(mailer) = &context.mailer else {
            return Ok(Check::Skip(Outcome::Done));
        };
        if let Some(wait) = mailer.back_off() {
            return Ok(Check::Skip(Outcome::Again(wait)));
        }
        Ok(if outbox::has_due_mail(&context.store).await? {
            Check::Due
        } else {
            Check::Skip(Outcome::Done)
        })
    }

    async fn run(&self, context: &Context, lease: Option<&Lease>) -> Result<Outcome, Error> {
        match (&context.mailer, lease) {
            (Some(mailer), Some(lease)) => send_pending(context, mailer, lease).await,
            _ => Ok(Outcome::Done),
        }
    }

    /// The next holder knows nothing of our send rate, so the lease is kept until it is caught up
    /// with.
    fn release(&self, context: &Context) -> Release {
        let ahead = context
            .mailer
            .as_ref()
            .and_then(|mailer| mailer.rate_debt());
        ahead.map_or(Release::Now, Release::After)
    }
}

/// Sends mails one by one within the send rate, until none is due and the rate is caught up with,
/// or until the mail server has to be left alone.
async fn send_pending(context: &Context, mailer: &Mailer, lease: &Lease) -> Result<Outcome, Error> {
    let store = &context.store;
    loop {
        if context.stop.is_cancelled() || !is_still_held(store, LEASE, lease).await? {
            return Ok(Outcome::Done);
        }
        if let Some(wait) = mailer.back_off() {
            return Ok(Outcome::Again(wait));
        }
        if let Some(wait) = mailer.send_delay() {
            sleep_unless_stopped(wait.min(RENEW_INTERVAL), &context.stop).await;
            continue;
        }
        let Some(mail) = outbox::claim_next(store, &context.holder, LEASE_MS).await? else {
            let Some(ahead) = mailer.rate_debt() else {
                return Ok(Outcome::Done);
            };
            sleep_unless_stopped(ahead.min(POLL_INTERVAL), &context.stop).await;
            continue;
        };
        let outcome = tokio::select! {
            outcome = attempt(context, mailer, &mail) => outcome,
            () = grace_over(&context.stop) => SendOutcome::Unknown {
                after_ms: BACK_OFF_MS,
                reason: "the process stopped before the mail server answered".to_owned(),
            },
            never = keep_claimed(store, &mail) => match never {},
        };
        if !outbox::record_outcome(store, &mail, &outcome).await? {
            warn!(
                mail = mail.id,
                "a mail took longer than its claim was valid"
            );
        }
    }
}

async fn sleep_unless_stopped(wait: Duration, stop: &CancellationToken) {
    tokio::select! {
        () = sleep(wait) => {}
        () = stop.cancelled() => {}
    }
}

/// Waits for the shutdown and then for the time that a running attempt still has.
async fn grace_over(stop: &CancellationToken) {
    stop.cancelled().await;
    sleep(SHUTDOWN_GRACE).await;
}

/// Renews the claim during an attempt, so that no other process sends a second copy. Never returns.
async fn keep_claimed(store: &Store, mail: &ClaimedMail) -> Infallible {
    loop {
        sleep(RENEW_INTERVAL).await;
        match outbox::extend_claim(store, mail, LEASE_MS).await {
            Ok(true) => {}
            Ok(false) => return std::future::pending().await,
            // Recording the outcome meets the same error.
            Err(error) => debug!(error = error_chain(&error), "cannot renew a mail's claim"),
        }
    }
}

/// Sends one mail and logs the result. The mail server's message about a user's address is not
/// logged; the admin page shows it.
async fn attempt(context: &Context, mailer: &Mailer, claimed: &ClaimedMail) -> SendOutcome {
    let mail = claimed.id;
    let kind = claimed.notice.kind.as_str();
    let (subject, body) = match mailer
        .theme()
        .render(&claimed.name, &claimed.notice, claimed.more)
    {
        Ok(written) => written,
        Err(fault) => {
            error!(mail, kind, error = %fault, "cannot render a mail");
            return SendOutcome::Rejected("the mail could not be rendered".to_owned());
        }
    };
    let rendered = RenderedMail {
        name: claimed.name.clone(),
        address: claimed.address.clone(),
        message_id: claimed.message_id.clone(),
        subject,
        body,
    };
    let result = mailer.send(&rendered).await;
    let after_s = mailer.back_off().map(|wait| wait.as_secs());
    match (&result, after_s) {
        (Err(error), Some(after_s)) => context.outages.mail_failed(Mail::NAME, error, after_s),
        _ => context.outages.mail_works(Mail::NAME),
    }
    match result {
        Ok(_) => {
            let attempt = claimed.attempt;
            info!(mail, kind, attempt, "mail sent");
            SendOutcome::Sent
        }
        Err(error) => outcome_of_error(error, claimed),
    }
}

/// Logs why a mail was not sent, unless the server failed all mails, and decides what happens to
/// it.
fn outcome_of_error(error: SendError, claimed: &ClaimedMail) -> SendOutcome {
    let mail = claimed.id;
    let kind = claimed.notice.kind.as_str();
    let attempt = claimed.attempt;
    let after_ms = back_off_ms(attempt);
    match error {
        SendError::Deferred(reason) => {
            debug!(mail, kind, attempt, "mail deferred");
            SendOutcome::Deferred { after_ms, reason }
        }
        SendError::Unknown(reason) => {
            warn!(
                mail,
                kind, attempt, reason, "mail outcome unknown, it may arrive twice"
            );
            SendOutcome::Unknown { after_ms, reason }
        }
        SendError::Rejected(reason) => {
            warn!(
                mail,
                kind, attempt, "mail rejected permanently, the admin page shows why"
            );
            SendOutcome::Rejected(reason)
        }
        SendError::InvalidAddress(reason) => {
            warn!(
                mail,
                kind, attempt, "mail address rejected, the admin page shows why"
            );
            SendOutcome::InvalidAddress(reason)
        }
        SendError::ConnectionLost { reason, .. } | SendError::NotPermitted { reason, .. } => {
            debug!(mail, kind, attempt, "mail deferred");
            SendOutcome::Deferred { after_ms, reason }
        }
        SendError::Unreachable(_) | SendError::Misconfigured(_) => SendOutcome::NotAttempted,
    }
}

fn back_off_ms(attempt: u32) -> i64 {
    BACK_OFF_MS
        .saturating_mul(1 << attempt.saturating_sub(1).min(16))
        .min(BACK_OFF_MAX_MS)
}

#[cfg(test)]
mod tests;

//! Sends the mails that are owed, one process at a time: who holds the lease keeps it until the
//! pace of what it sent is made up for, so that the pace of all processes is one.

use std::convert::Infallible;
use std::time::Duration;

use starchart_domain::error::error_chain;
use starchart_jobs::Outcome;
use starchart_mail::{Mailer, RenderedMail, SendError};
use starchart_store::lease::{self, Lease, LeaseName};
use starchart_store::outbox::{self, ClaimedMail, SendOutcome};
use starchart_store::{Error, Store};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info, warn};

use crate::Context;
use crate::schedule::again_after;

/// How long a run holds its lease, and a mail its claim, in milliseconds: after a kill, so long
/// until another process goes on.
const LEASE_MS: i64 = 60_000;
/// A mail that takes longer renews both so often.
const RENEW: Duration = Duration::from_secs(15);
/// While the pace is made up for, mails are looked for so often.
const LOOK: Duration = Duration::from_millis(500);
/// How long a mail server may still think once this process is to end.
const LAST_WORDS: Duration = Duration::from_secs(8);
/// The first pause of a mail that was put off, doubled each time.
const PUT_OFF_MS: i64 = 60_000;
/// The longest.
const PUT_OFF_MAX_MS: i64 = 4 * 60 * 60 * 1_000;

pub(crate) async fn run(context: Context) -> Outcome {
    // Mails stay owed while mail is off; the line at the start said so.
    let Some(mailer) = context.mailer.clone() else {
        return Outcome::Done;
    };
    if let Some(wait) = mailer.backoff() {
        return Outcome::Again(wait);
    }
    match with_lease(&context, &mailer).await {
        Ok(outcome) => outcome,
        Err(error) => again_after(&error),
    }
}

async fn with_lease(context: &Context, mailer: &Mailer) -> Result<Outcome, Error> {
    let store = &context.store;
    if !outbox::has_due_mail(store).await? {
        return Ok(Outcome::Done);
    }
    let Some(mut lease) = lease::acquire(store, LeaseName::Mail, &context.holder, LEASE_MS).await?
    else {
        return Ok(Outcome::Done);
    };
    let outcome = send_owed(context, mailer, &mut lease).await;
    // Whoever sends next starts with a pace of its own: not before ours is made up for.
    match mailer
        .rate_debt()
        .and_then(|ahead| i64::try_from(ahead.as_millis()).ok())
    {
        Some(ahead_ms) => drop(lease::renew(store, &mut lease, ahead_ms).await?),
        None => lease::release(store, &lease).await?,
    }
    outcome
}

/// One mail after the other, at the pace, until none is due and the pace is made up for, or the
/// server wants to be left alone.
async fn send_owed(
    context: &Context,
    mailer: &Mailer,
    lease: &mut Lease,
) -> Result<Outcome, Error> {
    let store = &context.store;
    loop {
        if context.stop.is_cancelled() || !lease::renew(store, lease, LEASE_MS).await? {
            return Ok(Outcome::Done);
        }
        if let Some(wait) = mailer.backoff() {
            return Ok(Outcome::Again(wait));
        }
        if let Some(wait) = mailer.send_delay() {
            pause(wait.min(RENEW), &context.stop).await;
            continue;
        }
        let Some(owed) = outbox::claim_next(store, &context.holder, LEASE_MS).await? else {
            let Some(ahead) = mailer.rate_debt() else {
                return Ok(Outcome::Done);
            };
            pause(ahead.min(LOOK), &context.stop).await;
            continue;
        };
        let verdict = tokio::select! {
            verdict = attempt(mailer, &owed) => verdict,
            () = stopped(&context.stop) => SendOutcome::Unknown {
                after_ms: PUT_OFF_MS,
                reason: "the sender ended before the mail server had answered".to_owned(),
            },
            never = keep(store, lease, &owed) => match never {},
        };
        if !outbox::record_outcome(store, &owed, &verdict).await? {
            warn!(mail = owed.id, "a mail took longer than its claim");
        }
    }
}

async fn pause(wait: Duration, stop: &CancellationToken) {
    tokio::select! {
        () = sleep(wait) => {}
        () = stop.cancelled() => {}
    }
}

/// When no more time is left for a mail that is on its way.
async fn stopped(stop: &CancellationToken) {
    stop.cancelled().await;
    sleep(LAST_WORDS).await;
}

/// Renews lease and claim while the mail server thinks, so that nobody sends a second copy
/// meanwhile. Ends only with the attempt.
async fn keep(store: &Store, lease: &mut Lease, owed: &ClaimedMail) -> Infallible {
    loop {
        sleep(RENEW).await;
        let kept = match lease::renew(store, lease, LEASE_MS).await {
            Ok(_) => outbox::extend_claim(store, owed, LEASE_MS).await,
            Err(fault) => Err(fault),
        };
        match kept {
            Ok(true) => {}
            Ok(false) => return std::future::pending().await,
            Err(error) => warn!(
                error = error_chain(&error),
                "a mail's claim could not be renewed"
            ),
        }
    }
}

/// Sends one mail and says in the log what became of it. What a server says about a person's
/// address is for the admins' page, and not for the log.
async fn attempt(mailer: &Mailer, owed: &ClaimedMail) -> SendOutcome {
    let (mail, kind, attempt) = (owed.id, owed.notice.kind.as_str(), owed.attempt);
    let (subject, body) = match mailer.theme().render(&owed.name, &owed.notice, owed.more) {
        Ok(written) => written,
        Err(fault) => {
            error!(mail, kind, error = %fault, "a mail could not be written");
            return SendOutcome::Rejected("its text could not be written".to_owned());
        }
    };
    let rendered = RenderedMail {
        name: owed.name.clone(),
        address: owed.address.clone(),
        message_id: owed.message_id.clone(),
        subject,
        body,
    };
    match mailer.send(&rendered).await {
        Ok(_) => {
            info!(mail, kind, attempt, "sent a mail");
            SendOutcome::Sent
        }
        Err(SendError::Deferred(reason)) => {
            debug!(mail, kind, attempt, "a mail was put off");
            SendOutcome::Deferred {
                after_ms: put_off_ms(attempt),
                reason,
            }
        }
        Err(SendError::Unknown(reason)) => {
            warn!(
                mail,
                kind,
                attempt,
                reason,
                "it is not known whether a mail was taken; it may come twice"
            );
            SendOutcome::Unknown {
                after_ms: put_off_ms(attempt),
                reason,
            }
        }
        Err(SendError::Rejected(reason)) => {
            warn!(
                mail,
                kind, attempt, "a mail was refused for good; the admin page says why"
            );
            SendOutcome::Rejected(reason)
        }
        Err(SendError::InvalidAddress(reason)) => {
            warn!(
                mail,
                kind, attempt, "an address takes no mail; the admin page says why"
            );
            SendOutcome::InvalidAddress(reason)
        }
        Err(SendError::ConnectionLost { codes, reason }) => {
            warn!(
                mail,
                kind,
                attempt,
                codes,
                after_s = seconds(mailer.send_delay()),
                "the mail server broke off, the mail is put off"
            );
            SendOutcome::Deferred {
                after_ms: put_off_ms(attempt),
                reason,
            }
        }
        Err(SendError::NotPermitted { codes, reason }) => {
            error!(
                mail,
                kind,
                attempt,
                codes,
                after_s = seconds(mailer.send_delay()),
                "the mail server does not let us send a mail"
            );
            SendOutcome::Deferred {
                after_ms: put_off_ms(attempt),
                reason,
            }
        }
        Err(SendError::Unreachable(reason)) => {
            warn!(
                reason,
                after_s = seconds(mailer.send_delay()),
                "the mail server cannot be reached, mails wait"
            );
            SendOutcome::NotAttempted
        }
        Err(SendError::Misconfigured(reason)) => {
            error!(
                reason,
                after_s = seconds(mailer.send_delay()),
                "the mail server does not let us in, mails wait"
            );
            SendOutcome::NotAttempted
        }
    }
}

fn put_off_ms(attempt: u32) -> i64 {
    PUT_OFF_MS
        .saturating_mul(1 << attempt.saturating_sub(1).min(16))
        .min(PUT_OFF_MAX_MS)
}

fn seconds(wait: Option<Duration>) -> u64 {
    wait.unwrap_or_default().as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_is_tried_for_about_five_days() {
        let hours: i64 = (1..36).map(put_off_ms).sum::<i64>() / 3_600_000;
        assert!((100..140).contains(&hours), "{hours} h");
    }
}

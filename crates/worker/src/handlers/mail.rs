//! Sends the mails that are owed, one process at a time, so that their pace is one.

use std::time::Duration;

use starchart_jobs::Outcome;
use starchart_mail::{Letter, Mailer, SendError};
use starchart_store::Error;
use starchart_store::outbox::{self, Owed, Verdict};
use starchart_store::zone::{self, Lease};
use tracing::{debug, error, info, warn};

use crate::Context;
use crate::schedule::again_after;

/// How long a run holds its lease, and a mail its claim, in milliseconds: longer than the slowest mail takes.
const LEASE_MS: i64 = 60_000;
/// The first pause of a mail that was put off, doubled each time.
const PUT_OFF_MS: i64 = 60_000;
/// The longest.
const PUT_OFF_MAX_MS: i64 = 4 * 60 * 60 * 1_000;

pub(crate) async fn run(context: Context) -> Outcome {
    // Mails stay owed while mail is off; the line at the start said so.
    let Some(mailer) = context.mailer.clone() else { return Outcome::Done };
    if let Some(wait) = mailer.wait() {
        return Outcome::Again(wait);
    }
    match with_lease(&context, &mailer).await {
        Ok(outcome) => outcome,
        Err(error) => again_after(&error),
    }
}

async fn with_lease(context: &Context, mailer: &Mailer) -> Result<Outcome, Error> {
    let store = &context.store;
    if !outbox::is_due(store).await? {
        return Ok(Outcome::Done);
    }
    let Some(mut lease) = zone::acquire_lease(store, "mail", &context.holder, LEASE_MS).await? else {
        return Ok(Outcome::Done);
    };
    let outcome = send_owed(context, mailer, &mut lease).await;
    zone::release(store, &lease).await?;
    outcome
}

/// One mail after the other, until none is due, or the server or the pace wants a pause.
async fn send_owed(context: &Context, mailer: &Mailer, lease: &mut Lease) -> Result<Outcome, Error> {
    let store = &context.store;
    loop {
        if context.stop.is_cancelled() || !zone::extend(store, lease, LEASE_MS).await? {
            return Ok(Outcome::Done);
        }
        if let Some(wait) = mailer.wait() {
            return Ok(Outcome::Again(wait));
        }
        let Some(owed) = outbox::claim(store, &context.holder, LEASE_MS).await? else { return Ok(Outcome::Done) };
        let verdict = attempt(mailer, &owed).await;
        if !outbox::settle(store, &owed, &verdict).await? {
            warn!(mail = owed.id, "a mail took longer than its claim");
        }
    }
}

/// Sends one mail and says in the log what became of it. What a server says about a person's address is for the admins' page, and
/// not for the log.
async fn attempt(mailer: &Mailer, owed: &Owed) -> Verdict {
    let (mail, kind, attempt) = (owed.id, owed.notice.kind.as_str(), owed.attempt);
    let (subject, body) = match mailer.letterhead().write(&owed.name, &owed.notice, owed.more) {
        Ok(written) => written,
        Err(fault) => {
            error!(mail, kind, error = %fault, "a mail could not be written");
            return Verdict::Refused("its text could not be written".to_owned());
        }
    };
    let letter =
        Letter { name: owed.name.clone(), address: owed.address.clone(), message_id: owed.message_id.clone(), subject, body };
    match mailer.send(&letter).await {
        Ok(_) => {
            info!(mail, kind, attempt, "sent a mail");
            Verdict::Sent
        }
        Err(SendError::Later(reason)) => {
            debug!(mail, kind, attempt, "a mail was put off");
            Verdict::Later { after_ms: put_off_ms(attempt), reason }
        }
        Err(SendError::Unclear(reason)) => {
            warn!(mail, kind, attempt, reason, "it is not known whether a mail was taken; it may come twice");
            Verdict::Unclear { after_ms: put_off_ms(attempt), reason }
        }
        Err(SendError::Refused(reason)) => {
            warn!(mail, kind, attempt, "a mail was refused for good; the admin page says why");
            Verdict::Refused(reason)
        }
        Err(SendError::Unreachable(reason)) => {
            warn!(reason, after_s = seconds(mailer.wait()), "the mail server cannot be reached, mails wait");
            Verdict::NotTried
        }
        Err(SendError::Broken(reason)) => {
            error!(reason, after_s = seconds(mailer.wait()), "the mail server does not let us in, mails wait");
            Verdict::NotTried
        }
    }
}

fn put_off_ms(attempt: u32) -> i64 {
    PUT_OFF_MS.saturating_mul(1 << attempt.saturating_sub(1).min(16)).min(PUT_OFF_MAX_MS)
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

//! Tries the mail server, the certificate authority and the name servers at the start of a process,
//! every hour, and more often while one fails, so that a wrong setting or an expired password is in
//! the log before a user needs the server. The audit does the same for the zone.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use starchart_dns::propagation::NameServers;
use starchart_domain::timers::Timers;
use starchart_jobs::Outcome;
use starchart_store::Error;
use starchart_store::lease::Lease;

use crate::authority::with_timeout;
use crate::context::Context;
use crate::job::Job;
use crate::outages::retry_after;

/// The interval while all servers work.
const INTERVAL: Duration = Duration::from_secs(60 * 60);
/// The delay after a server failed, doubled up to the maximum.
const RETRY_AFTER: Duration = Duration::from_secs(30);
const RETRY_AFTER_MAX: Duration = Duration::from_secs(10 * 60);

/// Tries the servers that are needed only now and then. No mail is sent, and nothing is requested
/// but the authority's directory and an RRset at the zone's apex.
#[derive(Debug, Default)]
pub(crate) struct CheckServers {
    /// The runs in a row in which a server failed.
    failures: AtomicU32,
}

impl Job for CheckServers {
    const NAME: &'static str = "check-servers";

    fn period(_: &Timers) -> Duration {
        INTERVAL
    }

    async fn run(&self, context: &Context, _: Option<&Lease>) -> Result<Outcome, Error> {
        let checks = async {
            tokio::join!(
                check_mail(context),
                check_authority(context),
                check_name_servers(context)
            )
        };
        let results = tokio::select! {
            results = checks => results,
            () = context.stop.cancelled() => return Ok(Outcome::Done),
        };
        if results == (true, true, true) {
            self.failures.store(0, Ordering::Relaxed);
            return Ok(Outcome::Done);
        }
        let failures = self.failures.fetch_add(1, Ordering::Relaxed) + 1;
        Ok(Outcome::Again(retry_after(
            failures,
            RETRY_AFTER,
            RETRY_AFTER_MAX,
        )))
    }
}

/// Signs in to the mail server, unless it has to be left alone after a failure.
async fn check_mail(context: &Context) -> bool {
    let Some(mailer) = &context.mailer else {
        return true;
    };
    if mailer.back_off().is_some() {
        return false;
    }
    match mailer.check().await {
        Ok(()) => {
            context.outages.mail_works(CheckServers::NAME);
            true
        }
        Err(error) => {
            let after_s = mailer.back_off().unwrap_or_default().as_secs();
            let outages = &context.outages;
            outages.mail_failed(CheckServers::NAME, &error, after_s);
            false
        }
    }
}

async fn check_authority(context: &Context) -> bool {
    let Some(authority) = &context.authority else {
        return true;
    };
    match with_timeout(authority.check_directory()).await {
        Ok(()) => {
            context.outages.authority_works(CheckServers::NAME);
            true
        }
        Err(error) => {
            let outages = &context.outages;
            outages.authority_failed(CheckServers::NAME, &error);
            false
        }
    }
}

async fn check_name_servers(context: &Context) -> bool {
    let found = context.propagation.servers(context.provider.as_ref()).await;
    let Ok(found) = found else {
        // The audit logs what the provider answers.
        return false;
    };
    // Hosts that do not resolve are logged already.
    let resolved = found.servers().iter().filter(|it| !it.addresses.is_empty());
    let resolved = NameServers::new(resolved.cloned().collect());
    let silent = resolved.list_silent(context.root.as_str()).await;
    let outages = &context.outages;
    outages.name_servers_answered(CheckServers::NAME, &silent);
    silent.is_empty() && resolved.servers().len() == found.servers().len()
}

#[cfg(test)]
mod tests;

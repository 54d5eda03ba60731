//! What is logged about the servers that jobs use while they fail, for all jobs of a process.

use std::time::{Duration, Instant};

use starchart_acme::authority::AuthorityError;
use starchart_dns::provider::ProviderError;
use starchart_domain::error::error_chain;
use starchart_domain::outage::{OutageLog, back_off};
use starchart_mail::SendError;
use starchart_store::Error;
use tracing::{debug, error, info, warn};

/// The outages of the servers that jobs use. A cause is logged once a minute, however many jobs it
/// affects, and the end of an outage once.
#[derive(Debug, Default)]
pub struct Outages {
    database: OutageLog,
    /// Errors in single jobs, of which the database is not the cause.
    jobs: OutageLog,
    provider: OutageLog,
    mail: OutageLog,
    authority: OutageLog,
    name_servers: OutageLog,
}

impl Outages {
    /// Logs why `part` of the program cannot use the database. Returns the failures in a row.
    pub fn database_failed(&self, part: &'static str, error: &Error) -> u32 {
        // The cause below an outage differs with the statement that met it.
        let failure = self
            .database
            .failed(part, &error.to_string(), Instant::now());
        let error = error_chain(error);
        let message = "DATABASE_URL: the database cannot be used, retrying";
        match failure.is_news {
            true => warn!(error, "{message}"),
            false => debug!(error, "{message}"),
        }
        failure.in_a_row
    }

    /// Records that `part` of the program can use the database, and logs the end of an outage.
    pub fn database_works(&self, part: &'static str) {
        if let Some(outage) = self.database.worked(part, Instant::now()) {
            let after_s = outage.as_secs();
            info!(after_s, "DATABASE_URL: the database can be used again");
        }
    }

    /// Logs the database error that ended a run of `job`. Returns the failures in a row.
    pub(crate) fn job_failed(&self, job: &'static str, error: &Error) -> u32 {
        if matches!(error, Error::Denied(_) | Error::ReadOnly(_)) {
            return self.database_failed(job, error);
        }
        let is_logged_by_watch = error.is_outage();
        let error = error_chain(error);
        if is_logged_by_watch {
            debug!(error, "database error in a job, retrying");
            return self
                .jobs
                .failed(job, "unreachable", Instant::now())
                .in_a_row;
        }
        let failure = self.jobs.failed(job, &error, Instant::now());
        match failure.is_news {
            true => warn!(error, "database error in a job, retrying"),
            false => debug!(error, "database error in a job, retrying"),
        }
        failure.in_a_row
    }

    /// Logs a fault that an operator has to mend and that ends a step of `job`.
    pub(crate) fn job_is_broken(
        &self,
        job: &'static str,
        cause: &str,
        message: &'static str,
    ) -> u32 {
        let failure = self.jobs.failed(job, message, Instant::now());
        match failure.is_news {
            true => error!(job, error = cause, "{message}"),
            false => debug!(job, error = cause, "{message}"),
        }
        failure.in_a_row
    }

    /// Records that a run of `job` ended without an error.
    pub(crate) fn job_works(&self, job: &'static str) {
        self.database_works(job);
        self.jobs.worked(job, Instant::now());
    }

    /// Logs why the DNS provider failed `job`: the message says what that means. Returns the
    /// failures in a row.
    pub(crate) fn provider_failed(
        &self,
        job: &'static str,
        error: &ProviderError,
        message: &'static str,
    ) -> u32 {
        let failure = self
            .provider
            .failed(job, &error.to_string(), Instant::now());
        match failure.is_news {
            true => warn!(error = %error, "{message}"),
            false => debug!(error = %error, "{message}"),
        }
        failure.in_a_row
    }

    /// Logs that `job` found another zone than ours, or an incomplete one.
    pub(crate) fn zone_is_wrong(&self, job: &'static str, error: &str, message: &'static str) {
        match self.provider.failed(job, error, Instant::now()).is_news {
            true => error!(error, "{message}"),
            false => debug!(error, "{message}"),
        }
    }

    /// Records that the DNS provider did what `job` asked for.
    pub(crate) fn provider_works(&self, job: &'static str) {
        if let Some(outage) = self.provider.worked(job, Instant::now()) {
            info!(after_s = outage.as_secs(), "DNS provider works again");
        }
    }

    /// Logs why the mail server failed `part`, unless the fault is one of a single mail. `after_s`
    /// is the time until the next attempt.
    pub(crate) fn mail_failed(&self, part: &'static str, error: &SendError, after_s: u64) {
        let failed = |cause: &str| self.mail.failed(part, cause, Instant::now()).is_news;
        let advice = error.advice();
        match error {
            SendError::Unreachable(reason) if failed(reason) => {
                warn!(
                    reason,
                    after_s, advice, "mail server unreachable, mails are pending"
                );
            }
            SendError::Misconfigured(reason) if failed(reason) => error!(
                reason,
                after_s,
                advice,
                "mail server rejected the connection or credentials, mails are pending"
            ),
            SendError::NotPermitted { codes, .. } if failed(codes) => {
                error!(
                    codes,
                    after_s, advice, "mail server denied sending, mail deferred"
                );
            }
            SendError::ConnectionLost { codes, .. } if failed(codes) => {
                warn!(
                    codes,
                    after_s, "mail server closed the connection, mail deferred"
                );
            }
            // The reply may contain an address.
            _ => debug!(after_s, "mail server failed again"),
        }
    }

    /// Records that the mail server answered `part`.
    pub(crate) fn mail_works(&self, part: &'static str) {
        if let Some(outage) = self.mail.worked(part, Instant::now()) {
            info!(after_s = outage.as_secs(), "mail server works again");
        }
    }

    /// Logs why the certificate authority failed `job`.
    pub(crate) fn authority_failed(&self, job: &'static str, error: &AuthorityError) -> u32 {
        let message = "request to the certificate authority failed, retrying";
        let advice = error.advice();
        let failure = self
            .authority
            .failed(job, &error.to_string(), Instant::now());
        match failure.is_news {
            true => warn!(error = %error, advice, "{message}"),
            false => debug!(error = %error, "{message}"),
        }
        failure.in_a_row
    }

    /// Records that the certificate authority answered `job`.
    pub(crate) fn authority_works(&self, job: &'static str) {
        if let Some(outage) = self.authority.worked(job, Instant::now()) {
            let after_s = outage.as_secs();
            info!(after_s, "certificate authority works again");
        }
    }

    /// Logs which name servers do not answer for the zone; none ends the outage.
    pub(crate) fn name_servers_answered(&self, job: &'static str, silent: &[String]) {
        let servers = silent.join("; ");
        let now = Instant::now();
        if silent.is_empty() {
            if let Some(outage) = self.name_servers.worked(job, now) {
                info!(after_s = outage.as_secs(), "all name servers answer again");
            }
        } else if self.name_servers.failed(job, &servers, now).is_news {
            let advice =
                "check DNS_SERVERS if set, and that UDP and TCP port 53 are open from here";
            warn!(servers, advice, "name servers do not answer for the zone");
        }
    }
}

/// Returns the delay after so many failures in a row, with jitter.
pub(crate) fn retry_after(failures: u32, first: Duration, max: Duration) -> Duration {
    back_off(failures, first, max, rand::random())
}

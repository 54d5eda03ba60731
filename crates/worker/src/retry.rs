//! Retries after database errors.

use std::time::Duration;

use starchart_domain::error::error_chain;
use starchart_jobs::Outcome;
use starchart_store::Error;
use tracing::warn;

const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Logs a database error that ended a run and asks for a retry. The rows still say what is to do.
pub(crate) fn retry_after_store_error(error: &Error) -> Outcome {
    warn!(
        error = error_chain(error),
        "database error in a job, retrying"
    );
    Outcome::Again(RETRY_AFTER)
}

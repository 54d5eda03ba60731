//! Sends the mails that are owed.

use starchart_jobs::Outcome;

use crate::Context;

pub(crate) async fn run(_: Context) -> Outcome {
    Outcome::Done
}

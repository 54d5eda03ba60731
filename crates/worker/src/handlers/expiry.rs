//! Ends what is over, and says so before.

use starchart_jobs::Outcome;

use crate::Context;

pub(crate) async fn run(_: Context) -> Outcome {
    Outcome::Done
}

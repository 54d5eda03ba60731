//! Deletes expired rows, in one process at a time.

use starchart_jobs::Outcome;
use starchart_store::{Error, housekeeping, outbox, ticks};
use tracing::info;

use crate::Context;
use crate::retry::retry_after_store_error;

const SLOT_MS: i64 = 600_000;

pub(crate) async fn run(context: Context) -> Outcome {
    match purge(&context).await {
        Ok(0) => Outcome::Done,
        Ok(rows) => {
            info!(rows, "deleted expired rows");
            Outcome::Done
        }
        Err(error) => retry_after_store_error(&error),
    }
}

async fn purge(context: &Context) -> Result<u64, Error> {
    let slot = context.store.now().await?.as_millis() / SLOT_MS;
    if !ticks::claim(&context.store, "housekeeping", slot).await? {
        return Ok(0);
    }
    let mut rows = 0;
    loop {
        let kept_ms = i64::try_from(context.keep_finished.as_millis()).unwrap_or(i64::MAX);
        match housekeeping::purge(&context.store).await?
            + outbox::purge(&context.store, kept_ms).await?
        {
            0 => return Ok(rows),
            some => rows += some,
        }
    }
}

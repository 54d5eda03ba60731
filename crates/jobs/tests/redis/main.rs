//! The queue and the counters on a real Redis.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]
#![expect(clippy::print_stdout, reason = "measurements are printed")]

mod counters;
mod queue;

use std::time::{Duration, Instant};

/// Waits until `holds` says yes, or fails with `what` after `limit`.
async fn eventually(what: &str, limit: Duration, holds: impl AsyncFn() -> bool) {
    let start = Instant::now();
    while !holds().await {
        assert!(start.elapsed() < limit, "{what}: not within {limit:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

//! Short leases for long runs.

use std::convert::Infallible;
use std::time::Duration;

use starchart_domain::error::error_chain;
use starchart_store::Store;
use starchart_store::lease::{self, Lease};
use tracing::warn;

/// Renews the lease, which is given for `ttl_ms` milliseconds, while its run takes longer; so a
/// process that dies is followed soon. Once it is lost for certain this waits for ever: what the
/// run still learns must be noted, it ends by its own next step. When the database does not answer,
/// the run finds out by itself.
pub(crate) async fn keep(store: &Store, mut lease: Lease, ttl_ms: i64) -> Infallible {
    let pause = Duration::from_millis(ttl_ms.unsigned_abs() / 4);
    loop {
        tokio::time::sleep(pause).await;
        match lease::renew(store, &mut lease, ttl_ms).await {
            Ok(true) => {}
            Ok(false) => return std::future::pending().await,
            Err(error) => {
                warn!(
                    error = error_chain(&error),
                    lease = lease.name.as_str(),
                    "a lease could not be renewed"
                )
            }
        }
    }
}

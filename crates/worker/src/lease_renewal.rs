//! Renews a lease while its job runs.

use std::convert::Infallible;
use std::time::Duration;

use starchart_domain::error::error_chain;
use starchart_store::Store;
use starchart_store::lease::{self, Lease};
use tracing::warn;

/// Renews the lease, valid for `ttl_ms` milliseconds, until the caller drops the future. A short
/// lease lets another process take over soon after a crash.
///
/// Never returns after the lease is lost; the job ends at its next fenced write.
pub(crate) async fn keep_renewed(store: &Store, mut lease: Lease, ttl_ms: i64) -> Infallible {
    let interval = Duration::from_millis(ttl_ms.unsigned_abs() / 4);
    loop {
        tokio::time::sleep(interval).await;
        match lease::renew(store, &mut lease, ttl_ms).await {
            Ok(true) => {}
            Ok(false) => return std::future::pending().await,
            Err(error) => {
                warn!(
                    error = error_chain(&error),
                    lease = lease.name.as_str(),
                    "cannot renew a lease"
                )
            }
        }
    }
}

//! Whether this process is alive and should receive requests.

use std::sync::atomic::{AtomicBool, Ordering};

/// State behind `/healthcheck` (readiness) and `/alive` (liveness).
#[derive(Debug, Default)]
pub struct Readiness {
    /// Set at SIGTERM: `/healthcheck` fails from then on, while requests are still served.
    pub draining: AtomicBool,
    /// Set once the schema was found to fit; until then every health check looks at it again.
    pub schema_fits: AtomicBool,
    /// Set once the process was ready for the first time: `/alive` succeeds from then on.
    pub was_ready: AtomicBool,
}

impl Readiness {
    /// Marks the start as finished.
    pub fn begin(&self) {
        self.was_ready.store(true, Ordering::SeqCst);
    }

    /// Returns whether the start has finished. A lost database or a shutdown does not change it.
    pub fn is_alive(&self) -> bool {
        self.was_ready.load(Ordering::SeqCst)
    }

    /// Makes `/healthcheck` fail, so that a load balancer sends no more requests.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::SeqCst);
    }
}

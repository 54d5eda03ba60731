//! Limits how often the same fault is logged.

use std::time::{Duration, Instant};

/// The shortest time between two lines about the same fault.
const EVERY: Duration = Duration::from_secs(10);

/// Limits the lines about one fault to one every ten seconds.
#[derive(Debug, Default)]
pub(crate) struct LogThrottle(Option<Instant>);

impl LogThrottle {
    /// Returns whether a line may be logged now, and counts it if so.
    pub(crate) fn allows_line(&mut self) -> bool {
        let is_too_soon = self.0.is_some_and(|at| at.elapsed() < EVERY);
        if !is_too_soon {
            self.0 = Some(Instant::now());
        }
        !is_too_soon
    }
}

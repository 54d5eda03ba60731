//! A line in the log, but not one for each failure.

use std::time::{Duration, Instant};

/// Between two lines about the same trouble.
const EVERY: Duration = Duration::from_secs(10);

/// Remembers when the last line was written.
#[derive(Debug, Default)]
pub(crate) struct Quiet(Option<Instant>);

impl Quiet {
    /// Whether the next line may be written; if so, it counts as written.
    pub(crate) fn may_speak(&mut self) -> bool {
        let rests = self.0.is_some_and(|at| at.elapsed() < EVERY);
        if !rests {
            self.0 = Some(Instant::now());
        }
        !rests
    }
}

//! Logs the progress of long work.

use std::time::Duration;

use tokio::time::Instant;

/// The interval between two lines.
const LOG_INTERVAL: Duration = Duration::from_secs(5);

/// The progress of a piece of work, logged every few seconds.
#[derive(Debug)]
pub(crate) struct ProgressLog {
    what: &'static str,
    done: usize,
    of: Option<usize>,
    logged_at: Instant,
}

impl ProgressLog {
    /// Starts the progress of work on a known number of things.
    pub(crate) fn new(what: &'static str, of: usize) -> Self {
        Self {
            of: Some(of),
            ..Self::without_end(what)
        }
    }

    /// Starts the progress of work whose end is not known.
    pub(crate) fn without_end(what: &'static str) -> Self {
        Self {
            what,
            done: 0,
            of: None,
            logged_at: Instant::now(),
        }
    }

    /// Counts further things as done. Returns whether it wrote a line, as the last one is old.
    pub(crate) fn step(&mut self, more: usize) -> bool {
        self.done += more;
        let is_time = self.logged_at.elapsed() >= LOG_INTERVAL;
        if is_time {
            self.logged_at = Instant::now();
            tracing::info!(done = self.done, of = self.of, "{}", self.what);
        }
        is_time
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn only_long_work_is_logged() {
        let mut progress = ProgressLog::new("importing records", 1_000);
        let mut said = 0;
        for _ in 0..100 {
            tokio::time::advance(Duration::from_millis(110)).await;
            said += usize::from(progress.step(10));
        }
        assert_eq!((said, progress.done), (2, 1_000), "in eleven seconds");
    }
}

//! Long work says now and then how far it has come.

use std::time::Duration;

use tokio::time::Instant;

/// The interval between two lines.
const LOG_INTERVAL: Duration = Duration::from_secs(5);

/// How far a piece of work has come.
#[derive(Debug)]
pub(crate) struct ProgressLog {
    what: &'static str,
    done: usize,
    of: Option<usize>,
    said: Instant,
}

impl ProgressLog {
    /// Work on so many things.
    pub(crate) fn new(what: &'static str, of: usize) -> Self {
        Self {
            of: Some(of),
            ..Self::without_end(what)
        }
    }

    /// Work whose end is not known yet.
    pub(crate) fn without_end(what: &'static str) -> Self {
        Self {
            what,
            done: 0,
            of: None,
            said: Instant::now(),
        }
    }

    /// So many more are done. Writes a line when the last one is some seconds old; whether it did.
    pub(crate) fn step(&mut self, more: usize) -> bool {
        self.done += more;
        let is_time = self.said.elapsed() >= LOG_INTERVAL;
        if is_time {
            self.said = Instant::now();
            tracing::info!(done = self.done, of = self.of, "{}", self.what);
        }
        is_time
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn quick_work_says_nothing_and_long_work_now_and_then() {
        let mut pace = ProgressLog::new("importing records", 1_000);
        let mut said = 0;
        for _ in 0..100 {
            tokio::time::advance(Duration::from_millis(110)).await;
            said += usize::from(pace.step(10));
        }
        assert_eq!((said, pace.done), (2, 1_000), "in eleven seconds");
    }
}

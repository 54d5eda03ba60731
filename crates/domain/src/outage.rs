//! Outages of servers: what is logged about them, and when to try again.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The time after which a cause that lasts is logged again.
const REPEAT: Duration = Duration::from_secs(60);
/// How many causes are logged within that time. Texts of errors may contain anything.
const MAX_CAUSES: usize = 4;

/// Decides what is logged about one server: a new cause at once, then once a minute, and one line
/// when every part of the program that failed works again.
#[derive(Debug)]
pub struct OutageLog {
    repeat: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The parts that failed since they last worked, with their failures in a row.
    failing: BTreeMap<&'static str, u32>,
    /// When the first of them failed.
    begun: Option<Instant>,
    /// The same time, once a line was logged about these failures.
    logged_since: Option<Instant>,
    /// The causes of the last lines.
    lines: Vec<(String, Instant)>,
}

/// How a failure is logged, and how many came before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failure {
    /// Whether to log a line; otherwise the cause was logged a moment ago.
    pub is_news: bool,
    /// How often this part has failed in a row, at least 1.
    pub in_a_row: u32,
}

impl Default for OutageLog {
    fn default() -> Self {
        Self::repeating(REPEAT)
    }
}

impl OutageLog {
    /// Creates a log that repeats a lasting cause after this time instead of a minute.
    pub fn repeating(repeat: Duration) -> Self {
        Self {
            repeat,
            state: Mutex::default(),
        }
    }

    /// Records that `part` of the program failed for this cause: the text of the error, or a
    /// shorter one when that differs at every attempt.
    pub fn failed(&self, part: &'static str, cause: &str, now: Instant) -> Failure {
        let mut state = self.state();
        let failures = state.failing.entry(part).or_default();
        *failures = failures.saturating_add(1);
        let in_a_row = *failures;
        let begun = *state.begun.get_or_insert(now);
        let is_recent = |at: &Instant| now.saturating_duration_since(*at) < self.repeat;
        state.lines.retain(|(_, at)| is_recent(at));
        let is_news = state.lines.len() < MAX_CAUSES
            && !state.lines.iter().any(|(logged, _)| logged == cause);
        if is_news {
            state.lines.push((cause.to_owned(), now));
            state.logged_since.get_or_insert(begun);
        }
        Failure { is_news, in_a_row }
    }

    /// Records that `part` works. Returns the length of the outage if this is to be logged: the
    /// last part that failed works again, and a line was logged about the failures.
    pub fn worked(&self, part: &'static str, now: Instant) -> Option<Duration> {
        let mut state = self.state();
        state.failing.remove(part);
        if !state.failing.is_empty() {
            return None;
        }
        state.begun = None;
        let since = state.logged_since.take()?;
        Some(now.saturating_duration_since(since))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the time until the next attempt after so many failures in a row: `first`, doubled for
/// each further failure up to `max`, of which `random` (0 to 1) takes away up to a half, so that
/// processes that failed together do not retry together.
pub fn back_off(failures: u32, first: Duration, max: Duration, random: f64) -> Duration {
    let doublings = failures.saturating_sub(1).min(16);
    let longest = first.saturating_mul(1 << doublings).min(max);
    longest.mul_f64(1.0 - random.clamp(0.0, 1.0) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What happens to a server, and whether that is logged.
    enum Event {
        Fails(&'static str, &'static str, bool),
        Works(&'static str, Option<u64>),
    }
    use Event::{Fails, Works};

    #[test]
    fn a_lasting_cause_is_logged_once_a_minute_and_the_end_of_an_outage_once() {
        let start = Instant::now();
        let log = OutageLog::default();
        for (second, event) in [
            (0, Works("mail", None)),
            (1, Fails("mail", "refused", true)),
            (2, Fails("mail", "refused", false)),
            (3, Fails("check", "refused", false)),
            (4, Fails("check", "no answer", true)),
            (60, Fails("mail", "refused", false)),
            (61, Fails("mail", "refused", true)),
            (62, Works("check", None)),
            (71, Works("mail", Some(70))),
            (72, Works("mail", None)),
            // It fails again for a moment: the line of second 61 is enough.
            (73, Fails("mail", "refused", false)),
            (74, Works("mail", None)),
            (121, Fails("mail", "refused", true)),
            (122, Works("mail", Some(1))),
        ] {
            let now = start + Duration::from_secs(second);
            match event {
                Fails(part, cause, is_news) => {
                    assert_eq!(log.failed(part, cause, now).is_news, is_news, "{second} s");
                }
                Works(part, outage_s) => assert_eq!(
                    log.worked(part, now).map(|outage| outage.as_secs()),
                    outage_s,
                    "{second} s"
                ),
            }
        }
    }

    #[test]
    fn causes_that_differ_at_every_attempt_do_not_fill_the_log() {
        let now = Instant::now();
        let log = OutageLog::default();
        let lines = (0..1_000).filter(|n| log.failed("mail", &format!("request {n}"), now).is_news);
        assert_eq!(lines.count(), MAX_CAUSES);
        assert_eq!(log.failed("mail", "request", now).in_a_row, 1_001);
        log.worked("mail", now);
        assert_eq!(log.failed("mail", "request", now).in_a_row, 1);
    }

    #[test]
    fn attempts_back_off_up_to_the_maximum() {
        let wait = |failures, random| {
            let (first, max) = (Duration::from_secs(1), Duration::from_secs(5));
            back_off(failures, first, max, random).as_millis()
        };
        assert_eq!(
            [1, 2, 3, 4, 99].map(|n| wait(n, 0.0)),
            [1_000, 2_000, 4_000, 5_000, 5_000]
        );
        assert_eq!(
            [0.0, 0.5, 1.0].map(|random| wait(2, random)),
            [2_000, 1_500, 1_000]
        );
    }
}

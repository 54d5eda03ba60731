//! Counters in this process.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;

use super::{Counters, RateLimit, seconds};

/// Keys that are remembered before the idle ones are dropped.
const KEYS_MAX: usize = 10_000;
/// Looking through all keys takes a while, so that it must not happen for each new one.
const PRUNE_EVERY: Duration = Duration::from_secs(1);

/// Counts in this process only.
#[derive(Debug, Default)]
pub struct LocalCounters {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// When each key has its whole allowance again.
    full_again: HashMap<String, Instant>,
    pruned: Option<Instant>,
}

impl LocalCounters {
    /// [`Counters::take`] at this time.
    fn take_at(&self, key: &str, allowance: RateLimit, now: Instant) -> Result<(), u64> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.prune(now);
        let since = state.full_again.get(key).copied().unwrap_or(now).max(now);
        let full_again = since + allowance.each();
        let wait = full_again
            .saturating_duration_since(now)
            .saturating_sub(allowance.window);
        if !wait.is_zero() {
            return Err(seconds(wait));
        }
        match state.full_again.get_mut(key) {
            Some(known) => *known = full_again,
            None => _ = state.full_again.insert(key.to_owned(), full_again),
        }
        Ok(())
    }
}

#[async_trait]
impl Counters for LocalCounters {
    async fn take(&self, key: &str, allowance: RateLimit) -> Result<(), u64> {
        self.take_at(key, allowance, Instant::now())
    }
}

impl State {
    /// Drops the keys that have their whole allowance, when there are many and it was not done a
    /// moment ago.
    fn prune(&mut self, now: Instant) {
        let rests = self
            .pruned
            .is_some_and(|at| now.saturating_duration_since(at) < PRUNE_EVERY);
        if self.full_again.len() < KEYS_MAX || rests {
            return;
        }
        self.pruned = Some(now);
        self.full_again.retain(|_, full_again| *full_again > now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: RateLimit = RateLimit::per_minute(30);

    #[test]
    fn an_allowance_is_used_up_and_comes_back() {
        let (counters, start) = (LocalCounters::default(), Instant::now());
        assert!((0..30).all(|_| counters.take_at("a", RATE, start).is_ok()));
        assert_eq!(
            counters.take_at("a", RATE, start),
            Err(2),
            "one every two seconds"
        );
        assert_eq!(
            counters.take_at("b", RATE, start),
            Ok(()),
            "others have their own"
        );
        assert_eq!(
            counters.take_at("a", RATE, start + Duration::from_secs(2)),
            Ok(())
        );
        assert!(
            counters
                .take_at("a", RATE, start + Duration::from_secs(2))
                .is_err()
        );
        let later = start + Duration::from_secs(3_600);
        assert_eq!(
            (0..40)
                .filter(|_| counters.take_at("a", RATE, later).is_ok())
                .count(),
            30,
            "never more than all"
        );
    }

    #[test]
    fn many_keys_do_not_pile_up() {
        let (counters, start) = (LocalCounters::default(), Instant::now());
        let state = || {
            counters
                .state
                .lock()
                .map(|state| (state.full_again.len(), state.pruned))
                .ok()
        };
        for key in 0..KEYS_MAX + 10 {
            assert!(counters.take_at(&key.to_string(), RATE, start).is_ok());
        }
        assert_eq!(
            state(),
            Some((KEYS_MAX + 10, Some(start))),
            "none of them is idle, and looking was done once"
        );
        assert!(counters.take_at("0", RATE, start + PRUNE_EVERY / 2).is_ok());
        assert_eq!(
            state(),
            Some((KEYS_MAX + 10, Some(start))),
            "not again in the same second"
        );
        let later = start + Duration::from_secs(61);
        assert!(counters.take_at("0", RATE, later).is_ok());
        assert_eq!(state(), Some((1, Some(later))));
    }
}

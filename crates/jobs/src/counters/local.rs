//! Counters inside one process.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;

use super::{Counters, RateLimit, seconds};

/// The number of keys from which idle ones are removed.
const KEYS_MAX: usize = 10_000;
/// The shortest time between removals, because each one looks at every key.
const PRUNE_EVERY: Duration = Duration::from_secs(1);

/// Counters that only this process sees.
#[derive(Debug, Default)]
pub struct LocalCounters {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// When each key has regained all its actions.
    full_again: HashMap<String, Instant>,
    pruned: Option<Instant>,
}

impl LocalCounters {
    /// Does what [`Counters::take`] does, at a given time.
    fn take_at(&self, key: &str, limit: RateLimit, now: Instant) -> Result<(), u64> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.prune(now);
        let since = state.full_again.get(key).copied().unwrap_or(now).max(now);
        let full_again = since + limit.each();
        let wait = full_again
            .saturating_duration_since(now)
            .saturating_sub(limit.window);
        if !wait.is_zero() {
            return Err(seconds(wait));
        }
        match state.full_again.get_mut(key) {
            Some(stored) => *stored = full_again,
            None => _ = state.full_again.insert(key.to_owned(), full_again),
        }
        Ok(())
    }
}

#[async_trait]
impl Counters for LocalCounters {
    async fn take(&self, key: &str, limit: RateLimit) -> Result<(), u64> {
        self.take_at(key, limit, Instant::now())
    }
}

impl State {
    /// Drops the keys that have their whole limit, when there are many and it was not done a
    /// moment ago.
    fn prune(&mut self, now: Instant) {
        let pruned_recently = self
            .pruned
            .is_some_and(|at| now.saturating_duration_since(at) < PRUNE_EVERY);
        if self.full_again.len() < KEYS_MAX || pruned_recently {
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
    fn a_limit_is_reached_and_regained() {
        let counters = LocalCounters::default();
        let start = Instant::now();
        assert!((0..30).all(|_| counters.take_at("a", RATE, start).is_ok()));
        assert_eq!(
            counters.take_at("a", RATE, start),
            Err(2),
            "one every two seconds"
        );
        assert_eq!(
            counters.take_at("b", RATE, start),
            Ok(()),
            "keys are independent"
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
            "never more than the whole limit"
        );
    }

    #[test]
    fn idle_keys_are_removed() {
        let counters = LocalCounters::default();
        let start = Instant::now();
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
            "none is idle, and the keys were looked at once"
        );
        assert!(counters.take_at("0", RATE, start + PRUNE_EVERY / 2).is_ok());
        assert_eq!(
            state(),
            Some((KEYS_MAX + 10, Some(start))),
            "not looked at again in the same second"
        );
        let later = start + Duration::from_secs(61);
        assert!(counters.take_at("0", RATE, later).is_ok());
        assert_eq!(state(), Some((1, Some(later))));
    }
}

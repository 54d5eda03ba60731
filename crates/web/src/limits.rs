//! Rate limits: token buckets in this process.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use starchart_domain::user::UserId;

use crate::config::RateLimits;

/// Keys that are remembered before the idle ones are dropped.
const KEYS_MAX: usize = 10_000;
/// Looking through all keys takes a while, so that it must not happen for each new one.
const PRUNE_EVERY: Duration = Duration::from_secs(1);
/// Sign-ins that one browser may start in a minute.
const BROWSER_PER_MINUTE: u32 = 30;

/// A bucket for each key: `capacity` at once, refilled in a minute.
pub(crate) struct Limiter<K> {
    capacity: f64,
    state: Mutex<State<K>>,
}

struct State<K> {
    buckets: HashMap<K, Bucket>,
    pruned: Option<Instant>,
}

struct Bucket {
    left: f64,
    at: Instant,
}

impl<K: Eq + Hash> Limiter<K> {
    pub(crate) fn new(per_minute: u32) -> Self {
        let state = State { buckets: HashMap::new(), pruned: None };
        Self { capacity: f64::from(per_minute.max(1)), state: Mutex::new(state) }
    }

    /// Takes one, or says in how many seconds there is one.
    pub(crate) fn take(&self, key: K, now: Instant) -> Result<(), u64> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.prune(now);
        let per_second = self.capacity / 60.0;
        let bucket = state.buckets.entry(key).or_insert(Bucket { left: self.capacity, at: now });
        let refill = now.saturating_duration_since(bucket.at).as_secs_f64() * per_second;
        bucket.left = (bucket.left + refill).min(self.capacity);
        bucket.at = now;
        if bucket.left >= 1.0 {
            bucket.left -= 1.0;
            return Ok(());
        }
        let wait = (1.0 - bucket.left) / per_second;
        Err(Duration::from_secs_f64(wait).as_secs() + 1)
    }
}

impl<K: Eq + Hash> State<K> {
    /// Drops the buckets that are full again, when there are many and it was not done a moment ago.
    fn prune(&mut self, now: Instant) {
        let rests = self.pruned.is_some_and(|at| now.saturating_duration_since(at) < PRUNE_EVERY);
        if self.buckets.len() < KEYS_MAX || rests {
            return;
        }
        self.pruned = Some(now);
        let full_again = Duration::from_secs(60);
        self.buckets.retain(|_, bucket| now.saturating_duration_since(bucket.at) < full_again);
    }
}

/// All limits of the web.
pub(crate) struct Limiters {
    /// Sign-ins that begin.
    pub(crate) begin: Limiter<IpAddr>,
    /// Answers of the identity provider.
    pub(crate) answer: Limiter<IpAddr>,
    /// Sign-ins of one browser.
    pub(crate) browser: Limiter<[u8; 32]>,
    /// Writes of one person.
    pub(crate) writes: Limiter<UserId>,
}

impl Limiters {
    pub(crate) fn new(limits: RateLimits) -> Self {
        Self {
            begin: Limiter::new(limits.sign_in_per_minute),
            answer: Limiter::new(limits.sign_in_per_minute),
            browser: Limiter::new(BROWSER_PER_MINUTE),
            writes: Limiter::new(limits.record_writes_per_minute),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_empties_and_refills() {
        let (limiter, start) = (Limiter::new(30), Instant::now());
        assert!((0..30).all(|_| limiter.take("a", start).is_ok()));
        assert_eq!(limiter.take("a", start), Err(3), "one every two seconds");
        assert_eq!(limiter.take("b", start), Ok(()), "others have their own");
        assert_eq!(limiter.take("a", start + Duration::from_secs(2)), Ok(()));
        assert!(limiter.take("a", start + Duration::from_secs(2)).is_err());
        let later = start + Duration::from_secs(3_600);
        assert_eq!((0..40).filter(|_| limiter.take("a", later).is_ok()).count(), 30, "never more than full");
    }

    #[test]
    fn many_keys_do_not_pile_up() {
        let (limiter, start) = (Limiter::new(30), Instant::now());
        for key in 0..KEYS_MAX {
            assert!(limiter.take(key, start).is_ok());
        }
        let len = || limiter.state.lock().map(|state| state.buckets.len()).ok();
        assert!(limiter.take(KEYS_MAX, start).is_ok(), "none of them is idle");
        assert_eq!(len(), Some(KEYS_MAX + 1));
        assert!(limiter.take(0, start + Duration::from_secs(61)).is_ok());
        assert_eq!(len(), Some(1));
    }

    #[test]
    fn all_keys_are_looked_through_once_a_second_at_most() {
        let (limiter, start) = (Limiter::new(30), Instant::now());
        let pruned = || limiter.state.lock().map(|state| state.pruned).ok().flatten();
        for key in 0..KEYS_MAX + 10 {
            assert!(limiter.take(key, start).is_ok());
        }
        assert_eq!(pruned(), Some(start));
        assert!(limiter.take(1, start + PRUNE_EVERY / 2).is_ok());
        assert_eq!(pruned(), Some(start));
        assert!(limiter.take(1, start + PRUNE_EVERY).is_ok());
        assert_eq!(pruned(), Some(start + PRUNE_EVERY));
    }
}

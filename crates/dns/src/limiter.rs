//! Keeps our requests under the account's rate (Route53: 5 a second for the whole account) and lets
//! the urgent ones go first.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

/// A second, and a little for what the network shifts, so that no second at the provider's end sees
/// one request more.
const WINDOW: Duration = Duration::from_millis(1_020);

/// What a request is for; the first goes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    /// Bringing a person's change into the zone, and the reads that need to precede it.
    Publish,
    /// Asking how far a change has come.
    Track,
    /// Listing the zone.
    Audit,
}

/// At most `rate` requests in any second, in order of priority, then of arrival. One of them is
/// kept for [`Priority::Publish`] where the rate is two or more, so that a listing of a large zone
/// delays no save.
#[derive(Debug)]
pub struct Limiter {
    rate: usize,
    window: Duration,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    sent: VecDeque<Instant>,
    waiting: BTreeSet<(Priority, u64)>,
    tickets: u64,
}

impl Limiter {
    /// `rate` requests a second; 0 counts as 1.
    pub fn new(rate: u32) -> Self {
        Self::within(rate, WINDOW)
    }

    fn within(rate: u32, window: Duration) -> Self {
        let rate = usize::try_from(rate.max(1)).unwrap_or(usize::MAX);
        Self {
            rate,
            window,
            state: Mutex::default(),
            changed: Notify::new(),
        }
    }

    /// Returns when the request may be sent. Dropping the future gives the place up.
    pub async fn admit(&self, priority: Priority) {
        let place = Place::take(self, priority);
        loop {
            let changed = self.changed.notified();
            match place.try_go() {
                Turn::Go => return,
                Turn::Later(at) => {
                    tokio::select! {
                        () = changed => {}
                        () = tokio::time::sleep_until(at) => {}
                    }
                }
                Turn::Behind => changed.await,
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn share(&self, priority: Priority) -> usize {
        if priority == Priority::Publish {
            self.rate
        } else {
            (self.rate - 1).max(1)
        }
    }
}

enum Turn {
    Go,
    Later(Instant),
    Behind,
}

/// A place in the queue, given up when dropped.
struct Place<'a> {
    limiter: &'a Limiter,
    key: (Priority, u64),
}

impl<'a> Place<'a> {
    fn take(limiter: &'a Limiter, priority: Priority) -> Self {
        let mut state = limiter.state();
        state.tickets += 1;
        let key = (priority, state.tickets);
        state.waiting.insert(key);
        drop(state);
        limiter.changed.notify_waiters();
        Self { limiter, key }
    }

    fn try_go(&self) -> Turn {
        let mut state = self.limiter.state();
        if state.waiting.first() != Some(&self.key) {
            return Turn::Behind;
        }
        let now = Instant::now();
        while state
            .sent
            .front()
            .is_some_and(|sent| *sent + self.limiter.window <= now)
        {
            state.sent.pop_front();
        }
        let share = self.limiter.share(self.key.0);
        // The request that must leave the window before this one fits.
        match state
            .sent
            .len()
            .checked_sub(share)
            .and_then(|i| state.sent.get(i))
        {
            Some(sent) => Turn::Later(*sent + self.limiter.window),
            None => {
                state.sent.push_back(now);
                Turn::Go
            }
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.limiter.state().waiting.remove(&self.key);
        self.limiter.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests fail by panicking")]
    use std::sync::Arc;

    use super::*;

    const SHORT: Duration = Duration::from_millis(100);

    fn queue(
        limiter: &Arc<Limiter>,
        priority: Priority,
        count: usize,
    ) -> Vec<tokio::task::JoinHandle<Instant>> {
        (0..count)
            .map(|_| {
                let limiter = Arc::clone(limiter);
                tokio::spawn(async move {
                    limiter.admit(priority).await;
                    Instant::now()
                })
            })
            .collect()
    }

    async fn settle() {
        for _ in 0..50 {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn no_window_sees_more_than_the_rate() {
        let limiter = Arc::new(Limiter::within(4, SHORT));
        let mut sent = Vec::new();
        for request in queue(&limiter, Priority::Publish, 21) {
            sent.push(request.await.unwrap());
        }
        sent.sort();
        // What is measured is the waking, which may be late but not early; so whole windows are
        // compared.
        let whole = *sent.last().unwrap() - sent[0];
        assert!(
            whole >= SHORT * 5 - Duration::from_millis(20),
            "21 requests at 4 a window in {whole:?}"
        );
        assert!(whole < SHORT * 15, "the rate is used: {whole:?}");
    }

    #[tokio::test]
    async fn a_publish_passes_a_queue_of_audits() {
        let limiter = Arc::new(Limiter::within(4, Duration::from_secs(30)));
        let audits = queue(&limiter, Priority::Audit, 12);
        settle().await;
        assert_eq!(
            audits.iter().filter(|audit| audit.is_finished()).count(),
            3,
            "one place is kept"
        );
        let publish = queue(&limiter, Priority::Publish, 2);
        settle().await;
        assert!(publish[0].is_finished() && !publish[1].is_finished());
        let state = limiter.state();
        let next: Vec<_> = state
            .waiting
            .iter()
            .map(|(priority, _)| *priority)
            .take(2)
            .collect();
        assert_eq!(next, [Priority::Publish, Priority::Audit]);
    }

    #[tokio::test]
    async fn the_change_state_goes_before_an_audit_that_waits() {
        let limiter = Arc::new(Limiter::within(2, SHORT));
        let mut audits = queue(&limiter, Priority::Audit, 3);
        settle().await;
        let track = queue(&limiter, Priority::Track, 1).remove(0).await.unwrap();
        let last = audits.remove(2).await.unwrap();
        assert!(track < last);
    }

    #[tokio::test]
    async fn a_place_given_up_blocks_nobody() {
        let limiter = Arc::new(Limiter::within(1, SHORT));
        limiter.admit(Priority::Audit).await;
        let waiting = queue(&limiter, Priority::Publish, 1).remove(0);
        settle().await;
        let audit = queue(&limiter, Priority::Audit, 1).remove(0);
        settle().await;
        waiting.abort();
        assert!(
            tokio::time::timeout(Duration::from_secs(5), audit)
                .await
                .is_ok(),
            "the audit goes once the publish has given up"
        );
    }
}

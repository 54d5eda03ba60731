//! Keeps requests under the account's rate (Route53: 5 per second for the whole account), urgent
//! requests first.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

/// One second plus a margin for network jitter, so that the provider never counts more than `rate`
/// requests in a second.
const WINDOW: Duration = Duration::from_millis(1_020);

/// The purpose of a request, in descending order of priority.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Priority {
    /// A user's change of the zone, and the reads that it needs.
    Publish,
    /// A query for the state of an accepted change.
    Track,
    /// A listing of the zone.
    Audit,
}

/// Permits at most `rate` requests in any second, in order of priority, then of arrival. At a rate
/// of two or more, one of them is reserved for [`Priority::Publish`], so that listing a large zone
/// does not delay a user's change.
#[derive(Debug)]
pub(super) struct Limiter {
    rate: usize,
    window: Duration,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    sent: VecDeque<Instant>,
    queued: BTreeSet<(Priority, u64)>,
    last_ticket: u64,
}

impl Limiter {
    /// Permits `rate` requests per second; 0 counts as 1.
    pub(super) fn new(rate: u32) -> Self {
        Self::with_window(rate, WINDOW)
    }

    fn with_window(rate: u32, window: Duration) -> Self {
        let rate = usize::try_from(rate.max(1)).unwrap_or(usize::MAX);
        Self {
            rate,
            window,
            state: Mutex::default(),
            changed: Notify::new(),
        }
    }

    /// Waits until the request may be sent. Dropping the future leaves the queue.
    pub(super) async fn acquire(&self, priority: Priority) {
        let request = QueuedRequest::new(self, priority);
        loop {
            let changed = self.changed.notified();
            match request.try_acquire() {
                Admission::Granted => return,
                Admission::NotBefore(at) => {
                    tokio::select! {
                        () = changed => {}
                        () = tokio::time::sleep_until(at) => {}
                    }
                }
                Admission::Behind => changed.await,
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

enum Admission {
    Granted,
    NotBefore(Instant),
    /// Another request is ahead in the queue.
    Behind,
}

/// A request in the queue; dropping it leaves the queue.
struct QueuedRequest<'a> {
    limiter: &'a Limiter,
    key: (Priority, u64),
}

impl<'a> QueuedRequest<'a> {
    fn new(limiter: &'a Limiter, priority: Priority) -> Self {
        let mut state = limiter.state();
        state.last_ticket += 1;
        let key = (priority, state.last_ticket);
        state.queued.insert(key);
        drop(state);
        limiter.changed.notify_waiters();
        Self { limiter, key }
    }

    fn try_acquire(&self) -> Admission {
        let mut state = self.limiter.state();
        if state.queued.first() != Some(&self.key) {
            return Admission::Behind;
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
        // The request that has to leave the window before this one fits.
        match state
            .sent
            .len()
            .checked_sub(share)
            .and_then(|i| state.sent.get(i))
        {
            Some(sent) => Admission::NotBefore(*sent + self.limiter.window),
            None => {
                state.sent.push_back(now);
                Admission::Granted
            }
        }
    }
}

impl Drop for QueuedRequest<'_> {
    fn drop(&mut self) {
        self.limiter.state().queued.remove(&self.key);
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
                    limiter.acquire(priority).await;
                    Instant::now()
                })
            })
            .collect()
    }

    async fn let_tasks_run() {
        for _ in 0..50 {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn no_window_exceeds_the_rate() {
        let limiter = Arc::new(Limiter::with_window(4, SHORT));
        let mut sent = Vec::new();
        for request in queue(&limiter, Priority::Publish, 21) {
            sent.push(request.await.unwrap());
        }
        sent.sort();
        // Tasks may wake late but not early, so only the total is compared.
        let whole = *sent.last().unwrap() - sent[0];
        assert!(
            whole >= SHORT * 5 - Duration::from_millis(20),
            "21 requests at 4 per window in {whole:?}"
        );
    }

    #[tokio::test]
    async fn a_publish_request_overtakes_queued_audits() {
        let limiter = Arc::new(Limiter::with_window(4, Duration::from_secs(30)));
        let audits = queue(&limiter, Priority::Audit, 12);
        let_tasks_run().await;
        assert_eq!(
            audits.iter().filter(|audit| audit.is_finished()).count(),
            3,
            "one request is reserved for publish"
        );
        let publish = queue(&limiter, Priority::Publish, 2);
        let_tasks_run().await;
        assert!(publish[0].is_finished() && !publish[1].is_finished());
        let state = limiter.state();
        let next: Vec<_> = state
            .queued
            .iter()
            .map(|(priority, _)| *priority)
            .take(2)
            .collect();
        assert_eq!(next, [Priority::Publish, Priority::Audit]);
    }

    #[tokio::test]
    async fn a_change_state_request_overtakes_queued_audits() {
        let limiter = Arc::new(Limiter::with_window(2, SHORT));
        let mut audits = queue(&limiter, Priority::Audit, 3);
        let_tasks_run().await;
        let track = queue(&limiter, Priority::Track, 1).remove(0).await.unwrap();
        let last = audits.remove(2).await.unwrap();
        assert!(track < last);
    }

    #[tokio::test]
    async fn a_dropped_request_blocks_no_other() {
        let limiter = Arc::new(Limiter::with_window(1, SHORT));
        limiter.acquire(Priority::Audit).await;
        let waiting = queue(&limiter, Priority::Publish, 1).remove(0);
        let_tasks_run().await;
        let audit = queue(&limiter, Priority::Audit, 1).remove(0);
        let_tasks_run().await;
        waiting.abort();
        let what = "the audit to proceed once the publish request is dropped";
        starchart_testkit::wait::completes(what, audit)
            .await
            .unwrap();
    }
}

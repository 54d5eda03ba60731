//! Queues that do not leave the process.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use tokio::sync::Notify;

use crate::{Queue, WakeUp};

/// A queue that wakes the worker of the same process. Other processes find the rows at their next
/// sweep.
#[derive(Debug, Default)]
pub struct InProcessQueue {
    woken: Mutex<BTreeSet<WakeUp>>,
    notify: Notify,
}

#[async_trait]
impl Queue for InProcessQueue {
    fn wake(&self, job: WakeUp) {
        self.woken
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(job);
        self.notify.notify_one();
    }

    async fn next(&self) -> WakeUp {
        loop {
            if let Some(job) = self
                .woken
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .pop_first()
            {
                return job;
            }
            self.notify.notified().await;
        }
    }
}

/// A queue that drops every wake-up, which leaves all work to the sweep (I4).
#[derive(Debug, Default)]
pub struct NullQueue;

#[async_trait]
impl Queue for NullQueue {
    fn wake(&self, _: WakeUp) {}

    async fn next(&self) -> WakeUp {
        std::future::pending().await
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn wake_ups_of_one_job_are_merged() {
        let queue = InProcessQueue::default();
        queue.wake(WakeUp::Track);
        queue.wake(WakeUp::Publish);
        queue.wake(WakeUp::Publish);
        assert_eq!(
            (queue.next().await, queue.next().await),
            (WakeUp::Publish, WakeUp::Track)
        );
        assert!(
            tokio::time::timeout(Duration::from_millis(20), queue.next())
                .await
                .is_err()
        );
    }
}

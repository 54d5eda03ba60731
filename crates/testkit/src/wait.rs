//! How tests wait. Machines that run tests are shared and noisy, so every wait has the same
//! generous limit ([`WAIT_LIMIT`]), and no test asserts that something took less than some time.
//!
//! A wait that fails panics with what it last saw. While a test panics, each [`Server`] that it
//! started prints the end of its log when it is dropped.
//!
//! [`Server`]: crate::server::Server

use std::fmt::{self, Debug, Formatter};
use std::time::{Duration, Instant};

use tokio::time::sleep;

/// How long a test waits for anything before it fails.
pub const WAIT_LIMIT: Duration = Duration::from_secs(120);

/// How long a wait pauses between two looks at its condition.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// The outcome of one look at the condition that a test waits for.
pub trait Probe {
    /// What the wait returns once the condition holds.
    type Value;

    /// Returns the value when the condition holds, otherwise a description of what was seen.
    ///
    /// # Errors
    /// When the condition does not hold yet.
    fn outcome(self) -> Result<Self::Value, String>;
}

impl Probe for bool {
    type Value = ();

    fn outcome(self) -> Result<(), String> {
        self.then_some(()).ok_or_else(|| "false".to_owned())
    }
}

impl<T> Probe for Option<T> {
    type Value = T;

    fn outcome(self) -> Result<T, String> {
        self.ok_or_else(|| "None".to_owned())
    }
}

impl<T, E: Debug> Probe for Result<T, E> {
    type Value = T;

    fn outcome(self) -> Result<T, String> {
        self.map_err(|seen| format!("{seen:?}"))
    }
}

/// Compares what was seen with what is expected; a failed wait prints both.
///
/// # Errors
/// When they differ.
pub fn equal<T, U>(seen: T, expected: U) -> Result<(), Difference>
where
    T: PartialEq<U> + Debug,
    U: Debug,
{
    if seen == expected {
        Ok(())
    } else {
        Err(Difference(format!("{seen:?}, expected {expected:?}")))
    }
}

/// The two values that [`equal`] compared, as text.
pub struct Difference(String);

impl Debug for Difference {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Polls `probe` until its condition holds and returns the value of that look.
///
/// # Panics
/// When the condition does not hold within [`WAIT_LIMIT`], with `what` and what was last seen.
pub async fn eventually<P: Probe>(what: &str, probe: impl AsyncFnMut() -> P) -> P::Value {
    eventually_within(WAIT_LIMIT, what, probe).await
}

/// Polls as [`eventually`] does, with another limit: benchmarks wait longer.
///
/// # Panics
/// When the condition does not hold within `limit`, with `what` and what was last seen.
pub async fn eventually_within<P: Probe>(
    limit: Duration,
    what: &str,
    mut probe: impl AsyncFnMut() -> P,
) -> P::Value {
    let start = Instant::now();
    loop {
        match probe().await.outcome() {
            Ok(value) => return value,
            Err(seen) => assert!(
                start.elapsed() < limit,
                "gave up after {limit:?} waiting for: {what}\nlast seen: {seen}"
            ),
        }
        sleep(POLL_INTERVAL).await;
    }
}

/// Awaits a future that must complete and returns its output.
///
/// # Panics
/// When it does not complete within [`WAIT_LIMIT`].
pub async fn completes<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(WAIT_LIMIT, future)
        .await
        .unwrap_or_else(|_| panic!("gave up after {WAIT_LIMIT:?} waiting for: {what}"))
}

/// Polls `probe` for `duration` and checks that its condition holds at every look. A busy machine
/// looks less often, which never fails a test.
///
/// # Panics
/// When the condition does not hold at one of the looks, with `what` and what was seen.
pub async fn holds_for<P: Probe>(
    duration: Duration,
    what: &str,
    mut probe: impl AsyncFnMut() -> P,
) {
    let start = Instant::now();
    loop {
        if let Err(seen) = probe().await.outcome() {
            panic!("no longer true: {what}\nseen: {seen}");
        }
        if start.elapsed() >= duration {
            return;
        }
        sleep(POLL_INTERVAL).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_value_of_the_last_look_is_returned() {
        let mut looks = 0;
        let value = eventually("the third look", async || {
            looks += 1;
            (looks == 3).then_some(looks)
        })
        .await;
        assert_eq!(value, 3);
    }

    #[tokio::test]
    #[should_panic(expected = "waiting for: two records\nlast seen: 1, expected 2")]
    async fn a_failed_wait_prints_what_it_last_saw() {
        let limit = Duration::ZERO;
        eventually_within(limit, "two records", async || equal(1, 2)).await;
    }

    #[tokio::test]
    #[should_panic(expected = "no longer true: nothing is sent\nseen: false")]
    async fn a_condition_that_stops_holding_fails() {
        let mut looks = 0;
        holds_for(WAIT_LIMIT, "nothing is sent", async || {
            looks += 1;
            looks < 3
        })
        .await;
    }
}

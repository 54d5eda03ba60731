//! The issuance budget: what the certificate authority lets all users together have, counted as it
//! counts, so that it never has to refuse an order.
//!
//! Let's Encrypt counts with buckets that refill evenly ("Rate limits" in its documentation), and
//! so does this module. A bucket's state is one point in time.

use crate::time::Timestamp;

/// A rate limit: a bucket of this size that refills by one in each interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    /// How many the full bucket holds, at least 1.
    pub size: u32,
    /// The time in which it refills by one, in milliseconds.
    pub refill_ms: i64,
}

impl RateLimit {
    /// Makes the limit of `size` in a period of so many milliseconds.
    pub fn per_period(size: u32, period_ms: i64) -> Self {
        let size = size.max(1);
        Self {
            size,
            refill_ms: (period_ms / i64::from(size)).max(1),
        }
    }

    fn refill_of(self, count: u32) -> i64 {
        self.refill_ms.saturating_mul(i64::from(count))
    }
}

/// The state of a bucket: when it is full again, if nothing more is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bucket {
    full_at: Timestamp,
}

impl Bucket {
    /// A bucket from which nothing was ever taken.
    pub const FULL: Self = Self {
        full_at: Timestamp::from_millis(0),
    };

    /// Makes the bucket that is full again at this time.
    pub const fn full_at(full_at: Timestamp) -> Self {
        Self { full_at }
    }

    /// Returns when the bucket is full again, for the database.
    pub const fn when_full(self) -> Timestamp {
        self.full_at
    }

    /// Returns how many can be taken at `now`.
    pub fn available(self, limit: RateLimit, now: Timestamp) -> u32 {
        let missing_ms = self.full_at.since(now).max(0);
        let missing = missing_ms.div_euclid(limit.refill_ms)
            + i64::from(missing_ms.rem_euclid(limit.refill_ms) > 0);
        limit
            .size
            .saturating_sub(u32::try_from(missing).unwrap_or(u32::MAX))
    }

    /// Returns the earliest time, not before `now`, by which `count` have been in the bucket
    /// together or one after the other: when the last of `count` waiting takers has its turn.
    pub fn ready_at(self, limit: RateLimit, count: u32, now: Timestamp) -> Timestamp {
        let spare = limit.refill_of(limit.size) - limit.refill_of(count);
        self.full_at.max(now).plus(-spare).max(now)
    }

    /// Returns the bucket after `count` are taken at `now`.
    #[must_use]
    pub fn take(self, limit: RateLimit, count: u32, now: Timestamp) -> Self {
        Self {
            full_at: self.full_at.max(now).plus(limit.refill_of(count)),
        }
    }

    /// Returns the bucket after one that was taken is given back, because the authority did not
    /// count it.
    #[must_use]
    pub fn give_back(self, limit: RateLimit) -> Self {
        Self {
            full_at: self.full_at.plus(-limit.refill_ms),
        }
    }

    /// Returns the bucket after the authority has said that there is nothing before `until`: the
    /// authority knows better.
    #[must_use]
    pub fn empty_until(self, limit: RateLimit, until: Timestamp) -> Self {
        let full_at = until.plus(limit.refill_of(limit.size.saturating_sub(1)));
        Self {
            full_at: self.full_at.max(full_at),
        }
    }
}

/// Certificates that an admin keeps free for a time, such as the day of a course.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reservation {
    /// From when they are handed out.
    pub from: Timestamp,
    /// Until when they are kept free.
    pub until: Timestamp,
    /// How many are left of it.
    pub left: u32,
}

/// Returns when an order may be opened that has `before` other orders before it and none of the
/// reserved certificates: not before the bucket has enough for all of them and for every
/// reservation at its beginning.
pub fn turn_at(
    bucket: Bucket,
    limit: RateLimit,
    before: u32,
    reservations: &[Reservation],
    now: Timestamp,
) -> Timestamp {
    let count = before.saturating_add(1);
    let mut at = bucket.ready_at(limit, count, now);
    // Each step passes the end of a reservation, so this ends.
    while let Some(blocking) = reservations
        .iter()
        .filter(|it| it.left > 0 && at < it.until)
        .find(|it| !leaves_enough(bucket, limit, count, it, at, now))
    {
        at = blocking.until;
    }
    at
}

/// Returns whether the reservation can still be filled when `count` are taken, the last at `at`.
fn leaves_enough(
    bucket: Bucket,
    limit: RateLimit,
    count: u32,
    reservation: &Reservation,
    at: Timestamp,
    now: Timestamp,
) -> bool {
    let after = bucket.take(limit, count, now);
    after.available(limit, reservation.from.max(at)) >= reservation.left.min(limit.size)
}

#[cfg(test)]
mod tests;

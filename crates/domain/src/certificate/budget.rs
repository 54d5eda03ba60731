//! The issuance budget: what the certificate authority lets all users together have, counted as it
//! counts, so that it never has to refuse an order.
//!
//! Let's Encrypt counts with buckets that refill evenly ("Rate limits" in its documentation), and
//! so does this module. A bucket's state is one point in time.

use crate::time::Timestamp;

const HOUR_MS: i64 = 60 * 60 * 1_000;
/// The period of the weekly limits, in milliseconds.
pub const WEEK_MS: i64 = 7 * 24 * HOUR_MS;

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

    /// Returns the bucket under another limit than that under which it was counted: what is missing
    /// stays missing, but never more than the whole.
    #[must_use]
    pub fn under(self, limit: RateLimit, counted_refill_ms: i64, now: Timestamp) -> Self {
        if counted_refill_ms == limit.refill_ms || counted_refill_ms <= 0 {
            return self;
        }
        let missing_ms = self.full_at.since(now).max(0);
        let whole_ms = limit.refill_of(limit.size);
        // A part of one counts as that part.
        let scaled = i128::from(missing_ms) * i128::from(limit.refill_ms);
        let scaled = scaled / i128::from(counted_refill_ms);
        let scaled = i64::try_from(scaled).unwrap_or(whole_ms).min(whole_ms);
        Self {
            full_at: now.plus(scaled),
        }
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
    /// count it. It had this time to refill when it was taken, in milliseconds.
    #[must_use]
    pub fn give_back(self, refill_ms: i64) -> Self {
        Self {
            full_at: self.full_at.plus(-refill_ms),
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

/// What the certificate authority lets all users together have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IssuanceLimits {
    /// Certificates for names that had none before, under the registered domain.
    pub certificates: RateLimit,
    /// A larger limit of them that the authority grants until a time.
    pub granted: Option<(RateLimit, Timestamp)>,
    /// Orders of the account.
    pub orders: RateLimit,
    /// Certificates for the same names.
    pub same_names: RateLimit,
}

impl IssuanceLimits {
    /// Returns the limit of certificates that holds at `now`.
    pub fn certificates_at(&self, now: Timestamp) -> RateLimit {
        match self.granted {
            Some((granted, until)) if now < until => granted,
            _ => self.certificates,
        }
    }
}

impl Default for IssuanceLimits {
    /// Those of Let's Encrypt: 50 certificates a week, 300 orders in 3 hours, 5 certificates a week
    /// for the same names.
    fn default() -> Self {
        Self {
            certificates: RateLimit::per_period(50, WEEK_MS),
            granted: None,
            orders: RateLimit::per_period(300, 3 * HOUR_MS),
            same_names: RateLimit::per_period(5, WEEK_MS),
        }
    }
}

#[cfg(test)]
mod tests;

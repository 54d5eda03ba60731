use proptest::prelude::*;

use super::*;

const MINUTE: i64 = 60 * 1_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
/// 50 in a week: one every 201.6 minutes.
const WEEKLY: i64 = 7 * DAY;
const NOW: Timestamp = Timestamp::from_millis(1_000 * DAY);

fn weekly(size: u32) -> RateLimit {
    RateLimit::per_period(size, WEEKLY)
}

fn taken(limit: RateLimit, count: u32) -> Bucket {
    Bucket::FULL.take(limit, count, NOW)
}

#[test]
fn a_bucket_refills_evenly() {
    let limit = weekly(50);
    let bucket = taken(limit, 50);
    for (after_ms, available) in [
        (0, 0),
        (201 * MINUTE, 0),
        (202 * MINUTE, 1),
        (404 * MINUTE, 2),
        (WEEKLY / 2, 25),
        (WEEKLY, 50),
        (10 * WEEKLY, 50),
    ] {
        let at = NOW.plus(after_ms);
        assert_eq!(bucket.available(limit, at), available, "{after_ms}");
    }
    assert_eq!(bucket.give_back(limit.refill_ms).available(limit, NOW), 1);
    assert_eq!(Bucket::FULL.available(limit, NOW), 50);
}

#[test]
fn who_waits_gets_the_turn_after_those_before() {
    let limit = weekly(50);
    let bucket = taken(limit, 48);
    for (before, minutes) in [(0, 0), (1, 0), (2, 202), (3, 404), (52, 202 * 51)] {
        let turn = bucket.ready_at(limit, before + 1, NOW).since(NOW);
        assert_eq!(turn / (2 * HOUR), minutes * MINUTE / (2 * HOUR), "{before}");
    }
}

#[test]
fn a_refusal_of_the_authority_empties_the_bucket() {
    let limit = weekly(50);
    let until = NOW.plus(5 * HOUR);
    let bucket = Bucket::FULL.empty_until(limit, until);
    assert_eq!(bucket.available(limit, until.plus(-1)), 0);
    assert_eq!(bucket.available(limit, until), 1);
    // It is never fuller than it was counted.
    assert_eq!(taken(limit, 50).empty_until(limit, NOW), taken(limit, 50));
}

#[test]
fn a_granted_limit_ends_at_its_time() {
    let until = NOW.plus(DAY);
    let limits = IssuanceLimits {
        granted: Some((weekly(500), until)),
        ..IssuanceLimits::default()
    };
    assert_eq!(limits.certificates_at(NOW), weekly(500));
    assert_eq!(limits.certificates_at(until), weekly(50));
    // What is missing from one limit is missing from the other.
    for (counted, taken, other, available) in [
        (50, 50, 500, 450),
        (50, 20, 500, 480),
        (500, 20, 50, 30),
        (500, 500, 50, 0),
        (50, 7, 50, 43),
    ] {
        let (counted, other) = (weekly(counted), weekly(other));
        let bucket = Bucket::FULL.take(counted, taken, NOW);
        let bucket = bucket.under(other, counted.refill_ms, NOW);
        assert_eq!(bucket.available(other, NOW), available, "{taken}");
        assert_eq!(bucket.available(other, NOW.plus(WEEKLY)), other.size);
    }
}

proptest! {
    /// A bucket never gives more than its size and what came back meanwhile.
    #[test]
    fn no_window_has_more_than_the_limit(
        size in 1u32..60,
        waits in prop::collection::vec(0i64..(6 * HOUR), 1..200),
    ) {
        let limit = weekly(size);
        let (mut bucket, mut now, mut given) = (Bucket::FULL, NOW, 0i64);
        for wait in waits {
            now = now.plus(wait);
            if bucket.available(limit, now) > 0 {
                bucket = bucket.take(limit, 1, now);
                given += 1;
            }
            prop_assert!(given <= i64::from(size) + now.since(NOW) / limit.refill_ms);
        }
    }

    /// The turn that is told is kept: when it comes, there is one for each of those before and for
    /// this one, and not a minute earlier.
    #[test]
    fn a_told_turn_is_kept(size in 1u32..60, used in 0u32..200, before in 0u32..200) {
        let limit = weekly(size);
        let bucket = taken(limit, used);
        let turn = bucket.ready_at(limit, before + 1, NOW);
        let earlier = bucket.take(limit, before, NOW);
        prop_assert!(earlier.available(limit, turn) >= 1);
        if turn > NOW {
            prop_assert_eq!(earlier.available(limit, turn.plus(-1)), 0);
        }
    }
}

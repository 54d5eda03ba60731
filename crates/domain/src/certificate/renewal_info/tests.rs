//! RFC 9773 as a table: what each answer and failure means.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use super::*;

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

fn hours(hours: i64) -> Timestamp {
    NOW.plus(hours * HOUR_MS)
}

fn window(start: i64, end: i64) -> RenewalWindow {
    RenewalWindow {
        start: hours(start),
        end: hours(end),
    }
}

/// A certificate of 64 days that was issued this many hours ago and never had an answer.
fn issued(hours_ago: i64) -> RenewalState {
    let start = hours(-hours_ago);
    let validity = Validity::new(start, start.plus(64 * DAY_MS));
    RenewalState {
        validity,
        renew_at: validity.renewal_at(),
        window: None,
        failures: 0,
    }
}

fn answered(state: &RenewalState, window: RenewalWindow, draw: u32) -> RenewalPlan {
    plan(state, window, 6 * HOUR_MS, draw, NOW).unwrap()
}

#[test]
fn an_instant_of_the_window_is_chosen_uniformly() {
    let state = issued(0);
    let window = window(1_000, 1_040);
    for (draw, hour) in [
        (0, 1_000),
        (1 << 30, 1_010),
        (1 << 31, 1_020),
        (3 << 30, 1_030),
    ] {
        let plan = answered(&state, window, draw);
        assert_eq!(plan.renew_at, hours(hour), "{draw}");
    }
    let last = answered(&state, window, u32::MAX).renew_at;
    assert!(last < window.end && window.end.since(last) < 1_000);
}

#[test]
fn an_instant_in_the_past_means_now() {
    let state = issued(1_000);
    assert_eq!(answered(&state, window(-30, -20), 7).renew_at, NOW);
    // The window has begun: the first half of it is over.
    let begun = window(-10, 10);
    assert_eq!(answered(&state, begun, 1 << 30).renew_at, NOW);
    assert_eq!(answered(&state, begun, 3 << 30).renew_at, hours(5));
}

#[test]
fn a_certificate_that_was_just_issued_is_not_renewed_again_at_once() {
    for (hours_ago, expected) in [(0, 6), (5, 1), (6, 0), (7, 0)] {
        let state = issued(hours_ago);
        let renew_at = answered(&state, window(-48, -24), 0).renew_at;
        assert_eq!(renew_at, hours(expected), "{hours_ago}");
    }
}

#[test]
fn the_chosen_instant_stays_until_the_window_moves() {
    let mut state = issued(0);
    let first = window(1_000, 1_040);
    state.renew_at = answered(&state, first, 1 << 31).renew_at;
    state.window = Some(first);
    assert_eq!(answered(&state, first, 9).renew_at, hours(1_020));
    assert_eq!(
        answered(&state, window(1_100, 1_140), 0).renew_at,
        hours(1_100)
    );
}

#[test]
fn no_window_is_later_than_the_notice_to_the_owner() {
    let state = issued(0);
    let late = window(64 * 24 + 1, 64 * 24 + 9);
    assert_eq!(
        answered(&state, late, 0).renew_at,
        state.validity.notice_at()
    );
}

#[test]
fn only_an_earlier_start_brings_a_renewal_forward() {
    let last = window(1_000, 1_040);
    let state = RenewalState {
        window: Some(last),
        ..issued(0)
    };
    for (window, expected) in [
        (last, false),
        (window(1_000, 1_020), false),
        (window(1_010, 1_050), false),
        (window(999, 1_040), true),
        (window(-48, -24), true),
    ] {
        let plan = answered(&state, window, 0);
        assert_eq!(plan.is_brought_forward, expected, "{window:?}");
    }
    assert!(!answered(&issued(0), window(-48, -24), 0).is_brought_forward);
}

#[test]
fn a_window_without_a_duration_is_no_answer() {
    for (start, end) in [(10, 10), (10, 9), (1_000, -1_000)] {
        let plan = plan(&issued(0), window(start, end), HOUR_MS, 0, NOW);
        assert_eq!(plan, Err(RenewalInfoFailure::LongTerm), "{start} {end}");
    }
}

#[test]
fn the_next_question_is_at_retry_after_within_a_minute_and_a_day() {
    for (asked, minutes) in [
        (0, 1),
        (-5, 1),
        (30 * 1_000, 1),
        (90 * MINUTE_MS, 90),
        (6 * HOUR_MS, 360),
        (7 * DAY_MS, 1_440),
        (i64::MAX, 1_440),
    ] {
        let plan = plan(&issued(0), window(1_000, 1_040), asked, 0, NOW).unwrap();
        assert_eq!(plan.check_at.since(NOW) / MINUTE_MS, minutes, "{asked}");
    }
}

#[test]
fn temporary_failures_back_off_and_others_wait_for_six_hours() {
    let minutes = |failure, failures| check_after(failure, failures, NOW).since(NOW) / MINUTE_MS;
    let temporary = |retry_after_ms| RenewalInfoFailure::Temporary { retry_after_ms };
    let waits: Vec<i64> = (0..11).map(|n| minutes(temporary(None), n)).collect();
    assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 360, 360]);
    assert_eq!(minutes(temporary(None), u32::MAX), 360);
    for (asked, failures, expected) in [
        (5 * MINUTE_MS, 0, 5),
        (5 * MINUTE_MS, 4, 16),
        (7 * DAY_MS, 0, 1_440),
    ] {
        assert_eq!(
            minutes(temporary(Some(asked)), failures),
            expected,
            "{asked}"
        );
    }
    for failures in [0, 3, 99] {
        assert_eq!(minutes(RenewalInfoFailure::LongTerm, failures), 360);
    }
}

#[test]
fn without_an_answer_the_own_share_of_life_decides() {
    let state = issued(0);
    assert_eq!(state.renew_at, hours(64 * 24 * 2 / 3));
}

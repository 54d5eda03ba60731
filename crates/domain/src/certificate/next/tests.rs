//! Every step with everything that may be observed at it.

use super::*;

const NOW: Timestamp = Timestamp::from_millis(1_000_000_000_000);

fn facts(step: OrderStep) -> OrderFacts {
    OrderFacts {
        step,
        has_url: step >= OrderStep::Ordered,
        has_key: step >= OrderStep::KeySaved,
        created_at: NOW.plus(-5_000),
        step_since: NOW.plus(-1_000),
        ca_wait_until: None,
        starts: 1,
        openings: 1,
        user_gone: false,
        automatic: false,
    }
}

fn order(seen: ObservedOrder) -> Observations {
    Observations {
        order: Some(seen),
        ..Observations::default()
    }
}

fn zone(seen: ObservedZone) -> Observations {
    Observations {
        zone: Some(seen),
        ..Observations::default()
    }
}

fn in_sync(seconds: i64, answers: Option<(u32, u32)>) -> ObservedZone {
    ObservedZone::InSync {
        since: NOW.plus(-seconds * 1_000),
        answers: answers.map(|(by, of)| Answers { by, of }),
    }
}

fn next(step: OrderStep, seen: &Observations) -> NextStep {
    next_step(&facts(step), seen, NOW)
}

const LIVE: [OrderStep; 6] = [
    OrderStep::Requested,
    OrderStep::Ordered,
    OrderStep::Publishing,
    OrderStep::Validating,
    OrderStep::KeySaved,
    OrderStep::Finalizing,
];

#[test]
fn without_observations_each_step_observes_first() {
    for &step in OrderStep::ALL {
        let wanted = match step {
            OrderStep::Requested => NextStep::Open,
            OrderStep::Publishing => NextStep::ReadZone,
            step if step.is_final() => NextStep::Nothing,
            _ => NextStep::ReadOrder,
        };
        assert_eq!(next(step, &Observations::default()), wanted, "{step}");
    }
}

#[test]
fn the_state_at_the_ca_decides_each_step() {
    use ObservedOrder::{Pending, Processing, Ready, Valid};
    use OrderStep::{Finalizing, KeySaved, Ordered, Validating};
    for (step, seen, wanted) in [
        (Ordered, Pending(2), NextStep::Publish),
        (Ordered, Pending(1), NextStep::Publish),
        (Ordered, Pending(0), NextStep::Wait(None)),
        (Ordered, Ready, NextStep::SaveKey),
        (Ordered, Processing, NextStep::Reopen),
        (Ordered, Valid, NextStep::Reopen),
        (Validating, Pending(2), NextStep::Wait(None)),
        (Validating, Pending(0), NextStep::Wait(None)),
        (Validating, Ready, NextStep::SaveKey),
        (Validating, Valid, NextStep::Reopen),
        (KeySaved, Ready, NextStep::Finalize),
        (KeySaved, Processing, NextStep::NoteFinalizing),
        (KeySaved, Valid, NextStep::NoteFinalizing),
        (KeySaved, Pending(1), NextStep::Wait(None)),
        (Finalizing, Ready, NextStep::Finalize),
        (Finalizing, Processing, NextStep::Wait(None)),
        (Finalizing, Valid, NextStep::Fetch),
    ] {
        assert_eq!(next(step, &order(seen.clone())), wanted, "{step} {seen:?}");
    }
}

#[test]
fn an_order_that_the_ca_ended_is_reopened_and_a_refused_one_fails() {
    for step in [
        OrderStep::Ordered,
        OrderStep::Validating,
        OrderStep::KeySaved,
        OrderStep::Finalizing,
    ] {
        assert_eq!(
            next(step, &order(ObservedOrder::Gone)),
            NextStep::Reopen,
            "{step}"
        );
        assert_eq!(
            next(step, &order(ObservedOrder::Invalid(None))),
            NextStep::Reopen,
            "{step}: expired"
        );
        let refused = FailureReason::Refused("CAA forbids".to_owned());
        assert_eq!(
            next(
                step,
                &order(ObservedOrder::Invalid(Some("CAA forbids".into())))
            ),
            NextStep::Fail(refused),
            "{step}"
        );
        let mut often = facts(step);
        often.openings = MAX_ORDERS;
        assert_eq!(
            next_step(&often, &order(ObservedOrder::Gone), NOW),
            NextStep::Fail(FailureReason::OrdersEnded),
            "{step}"
        );
    }
}

#[test]
fn validation_waits_for_every_name_server() {
    use ObservedZone::{Refused, UnderWay};
    let checked = NextStep::Validate { unchecked: false };
    let wait = NextStep::Wait(None);
    let lagging = |by, of| NextStep::Fail(FailureReason::NotAnswered(Answers { by, of }));
    for (seen, wanted) in [
        (zone(UnderWay), wait.clone()),
        (
            zone(Refused("not ours".into())),
            NextStep::Wait(Some("not ours".into())),
        ),
        (zone(in_sync(0, None)), wait.clone()),
        (zone(in_sync(0, Some((4, 4)))), checked.clone()),
        (zone(in_sync(59, Some((0, 4)))), wait.clone()),
        (zone(in_sync(3_000, Some((3, 4)))), wait.clone()),
        (zone(in_sync(3_601, Some((3, 4)))), lagging(3, 4)),
        (zone(in_sync(60, Some((0, 4)))), NextStep::AskServers),
        (zone(in_sync(60, None)), NextStep::AskServers),
        (zone(in_sync(60, Some((0, 0)))), NextStep::AskServers),
        // They answer, only not yet rightly: nothing may be asked for.
        (
            Observations {
                all_silent: Some(false),
                ..zone(in_sync(600, Some((0, 4))))
            },
            wait,
        ),
        (
            Observations {
                all_silent: Some(false),
                ..zone(in_sync(3_601, Some((0, 4))))
            },
            lagging(0, 4),
        ),
        (
            Observations {
                all_silent: Some(true),
                ..zone(in_sync(60, Some((0, 4))))
            },
            NextStep::Validate { unchecked: true },
        ),
    ] {
        assert_eq!(next(OrderStep::Publishing, &seen), wanted, "{seen:?}");
    }
}

#[test]
fn a_stuck_validation_is_requested_again() {
    let mut stuck = facts(OrderStep::Validating);
    stuck.step_since = NOW.plus(-61_000);
    assert_eq!(
        next_step(&stuck, &order(ObservedOrder::Pending(1)), NOW),
        NextStep::Validate { unchecked: false }
    );
}

#[test]
fn every_unfinished_order_ends() {
    let all = [
        Observations::default(),
        order(ObservedOrder::Pending(1)),
        order(ObservedOrder::Ready),
        order(ObservedOrder::Valid),
        zone(in_sync(1, Some((1, 1)))),
    ];
    for step in LIVE {
        for seen in &all {
            let mut gone = facts(step);
            gone.user_gone = true;
            assert_eq!(next_step(&gone, seen, NOW), NextStep::Abandon, "{step}");
            let mut broken = facts(step);
            broken.starts = MAX_STARTS + 1;
            assert_eq!(
                next_step(&broken, seen, NOW),
                NextStep::Fail(FailureReason::Broken),
                "{step}"
            );
            let mut old = facts(step);
            old.created_at = NOW.plus(-4 * DAY_MS);
            let late = next_step(&old, seen, NOW);
            // What the authority has made by then is still taken.
            let taken = matches!(
                late,
                NextStep::ReadOrder
                    | NextStep::Finalize
                    | NextStep::NoteFinalizing
                    | NextStep::Fetch
            );
            assert!(
                late == NextStep::Fail(FailureReason::TooLong)
                    || (step >= OrderStep::KeySaved && taken),
                "{step} {seen:?} {late:?}"
            );
            // Not for ever, and nothing is asked first: the answer may never come.
            old.created_at = NOW.plus(-8 * DAY_MS);
            old.ca_wait_until = Some(NOW.plus(90 * DAY_MS));
            assert_eq!(
                next_step(&old, seen, NOW),
                NextStep::Fail(FailureReason::TooLong),
                "{step} {seen:?}"
            );
        }
    }
}

#[test]
fn retry_after_extends_the_deadline_up_to_a_maximum() {
    assert_eq!(deadline(NOW, None), NOW.plus(3 * DAY_MS));
    assert_eq!(deadline(NOW, Some(NOW.plus(HOUR_MS))), NOW.plus(3 * DAY_MS));
    assert_eq!(
        deadline(NOW, Some(NOW.plus(5 * DAY_MS))),
        NOW.plus(6 * DAY_MS)
    );
    assert_eq!(
        deadline(NOW, Some(NOW.plus(90 * DAY_MS))),
        NOW.plus(8 * DAY_MS)
    );
}

#[test]
fn an_automatic_renewal_outlasts_an_authority_that_is_away() {
    for step in LIVE {
        let mut old = facts(step);
        old.automatic = true;
        for (days, fails) in [(4, false), (7, false), (8, true)] {
            old.created_at = NOW.plus(-days * DAY_MS);
            let next = next_step(&old, &Observations::default(), NOW);
            let too_long = NextStep::Fail(FailureReason::TooLong);
            assert_eq!(next == too_long, fails, "{step} {days}");
        }
    }
}

#[test]
fn an_order_that_waited_for_retry_after_continues() {
    for step in LIVE {
        let mut obeyed = facts(step);
        obeyed.created_at = NOW.plus(-5 * DAY_MS);
        obeyed.ca_wait_until = Some(NOW.plus(-MINUTE_MS));
        assert_ne!(
            next_step(&obeyed, &Observations::default(), NOW),
            NextStep::Fail(FailureReason::TooLong),
            "{step}"
        );
    }
}

#[test]
fn retry_after_is_followed_within_limits() {
    let wait = |asked| clamped_retry_ms(NOW.plus(-DAY_MS), NOW, MINUTE_MS, asked);
    assert_eq!(wait(None), MINUTE_MS);
    assert_eq!(
        [0, -5].map(|asked| wait(Some(asked))),
        [MINUTE_MS; 2],
        "no loop without a pause"
    );
    assert_eq!(wait(Some(HOUR_MS)), HOUR_MS);
    assert_eq!(
        [90 * DAY_MS, i64::MAX].map(|asked| wait(Some(asked))),
        [7 * DAY_MS; 2],
        "its last moment is kept"
    );
    assert_eq!(
        clamped_retry_ms(NOW.plus(-9 * DAY_MS), NOW, MINUTE_MS, None),
        0
    );
}

#[test]
fn poll_and_back_off_intervals_grow() {
    let interactive: Vec<i64> = (1..=9)
        .map(|n| back_off_ms(n, false, None) / 1_000)
        .collect();
    assert_eq!(interactive, [3, 6, 12, 24, 48, 96, 192, 384, 600]);
    let automatic: Vec<i64> = (1..=5)
        .map(|n| back_off_ms(n, true, None) / 60_000)
        .collect();
    assert_eq!(automatic, [1, 10, 100, 1_440, 1_440]);
    // A day is too long for a certificate that lives six.
    let validity = Validity::new(NOW, NOW.plus(160 * HOUR_MS));
    let short: Vec<i64> = (1..=5)
        .map(|n| back_off_ms(n, true, Some(validity)) / MINUTE_MS)
        .collect();
    assert_eq!(short, [1, 10, 100, 240, 240]);
    assert_eq!(
        [0, 30_000, 300_000, 900_000].map(|ms| poll_ms(ms, false)),
        [250, 500, 1_000, 10_000]
    );
    assert_eq!(poll_ms(0, true), 1_000);
    assert_eq!(back_off_ms(u32::MAX, false, None), 600_000);
}

#[test]
fn failure_reasons_are_whole_sentences() {
    let all = [
        FailureReason::Refused("CAA forbids it.".to_owned()),
        FailureReason::TooLong,
        FailureReason::NotAnswered(Answers { by: 1, of: 4 }),
        FailureReason::Broken,
        FailureReason::OrdersEnded,
    ];
    for reason in all {
        assert!(
            reason.message().ends_with('.') && reason.message().starts_with(char::is_uppercase),
            "{}",
            reason.message()
        );
    }
}

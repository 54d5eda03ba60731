//! Every step with everything that may be seen at it.

use super::*;

const NOW: Timestamp = Timestamp::from_millis(1_000_000_000_000);

fn facts(step: OrderStep) -> OrderFacts {
    OrderFacts {
        step,
        has_url: step >= OrderStep::Ordered,
        has_key: step >= OrderStep::KeySaved,
        created_at: NOW.plus(-5_000),
        step_since: NOW.plus(-1_000),
        patient_until: None,
        starts: 1,
        openings: 1,
        person_gone: false,
    }
}

fn order(seen: OrderSeen) -> Seen {
    Seen {
        order: Some(seen),
        ..Seen::default()
    }
}

fn zone(seen: ZoneSeen) -> Seen {
    Seen {
        zone: Some(seen),
        ..Seen::default()
    }
}

fn in_sync(seconds: i64, answers: Option<(u32, u32)>) -> ZoneSeen {
    ZoneSeen::InSync {
        since: NOW.plus(-seconds * 1_000),
        answers: answers.map(|(by, of)| Answers { by, of }),
    }
}

fn next(step: OrderStep, seen: &Seen) -> Next {
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
fn with_nothing_seen_each_step_looks_first() {
    for step in OrderStep::ALL {
        let wanted = match step {
            OrderStep::Requested => Next::Open,
            OrderStep::Publishing => Next::ReadZone,
            step if step.is_final() => Next::Nothing,
            _ => Next::ReadOrder,
        };
        assert_eq!(next(step, &Seen::default()), wanted, "{step}");
    }
}

#[test]
fn what_the_authority_says_at_each_step() {
    use OrderSeen::{Pending, Processing, Ready, Valid};
    use OrderStep::{Finalizing, KeySaved, Ordered, Validating};
    for (step, seen, wanted) in [
        (Ordered, Pending(2), Next::Publish),
        (Ordered, Pending(1), Next::Publish),
        (Ordered, Pending(0), Next::Wait(None)),
        (Ordered, Ready, Next::SaveKey),
        (Ordered, Processing, Next::Anew),
        (Ordered, Valid, Next::Anew),
        (Validating, Pending(2), Next::Wait(None)),
        (Validating, Pending(0), Next::Wait(None)),
        (Validating, Ready, Next::SaveKey),
        (Validating, Valid, Next::Anew),
        (KeySaved, Ready, Next::Finalize),
        (KeySaved, Processing, Next::NoteFinalizing),
        (KeySaved, Valid, Next::NoteFinalizing),
        (KeySaved, Pending(1), Next::Wait(None)),
        (Finalizing, Ready, Next::Finalize),
        (Finalizing, Processing, Next::Wait(None)),
        (Finalizing, Valid, Next::Fetch),
    ] {
        assert_eq!(next(step, &order(seen.clone())), wanted, "{step} {seen:?}");
    }
}

#[test]
fn an_order_that_ended_there_begins_anew_and_one_that_was_refused_fails() {
    for step in [
        OrderStep::Ordered,
        OrderStep::Validating,
        OrderStep::KeySaved,
        OrderStep::Finalizing,
    ] {
        assert_eq!(next(step, &order(OrderSeen::Gone)), Next::Anew, "{step}");
        assert_eq!(
            next(step, &order(OrderSeen::Invalid(None))),
            Next::Anew,
            "{step}: expired"
        );
        let refused = NotDone::Refused("CAA forbids".to_owned());
        assert_eq!(
            next(step, &order(OrderSeen::Invalid(Some("CAA forbids".into())))),
            Next::Fail(refused),
            "{step}"
        );
        let mut often = facts(step);
        often.openings = MAX_OPENINGS;
        assert_eq!(
            next_step(&often, &order(OrderSeen::Gone), NOW),
            Next::Fail(NotDone::KeptEnding),
            "{step}"
        );
    }
}

#[test]
fn validation_waits_for_every_name_server() {
    use ZoneSeen::{Refused, UnderWay};
    let checked = Next::Validate { unchecked: false };
    let wait = Next::Wait(None);
    let lagging = |by, of| Next::Fail(NotDone::NotAnswered(Answers { by, of }));
    for (seen, wanted) in [
        (zone(UnderWay), wait.clone()),
        (
            zone(Refused("not ours".into())),
            Next::Wait(Some("not ours".into())),
        ),
        (zone(in_sync(0, None)), wait.clone()),
        (zone(in_sync(0, Some((4, 4)))), checked.clone()),
        (zone(in_sync(59, Some((0, 4)))), wait.clone()),
        (zone(in_sync(3_000, Some((3, 4)))), wait.clone()),
        (zone(in_sync(3_601, Some((3, 4)))), lagging(3, 4)),
        (zone(in_sync(60, Some((0, 4)))), Next::AskServers),
        (zone(in_sync(60, None)), Next::AskServers),
        (zone(in_sync(60, Some((0, 0)))), Next::AskServers),
        // They answer, only not yet rightly: nothing may be asked for.
        (
            Seen {
                all_silent: Some(false),
                ..zone(in_sync(600, Some((0, 4))))
            },
            wait,
        ),
        (
            Seen {
                all_silent: Some(false),
                ..zone(in_sync(3_601, Some((0, 4))))
            },
            lagging(0, 4),
        ),
        (
            Seen {
                all_silent: Some(true),
                ..zone(in_sync(60, Some((0, 4))))
            },
            Next::Validate { unchecked: true },
        ),
    ] {
        assert_eq!(next(OrderStep::Publishing, &seen), wanted, "{seen:?}");
    }
}

#[test]
fn a_validation_that_does_not_move_is_asked_for_again() {
    let mut stuck = facts(OrderStep::Validating);
    stuck.step_since = NOW.plus(-61_000);
    assert_eq!(
        next_step(&stuck, &order(OrderSeen::Pending(1)), NOW),
        Next::Validate { unchecked: false }
    );
}

#[test]
fn every_live_order_ends() {
    let all = [
        Seen::default(),
        order(OrderSeen::Pending(1)),
        order(OrderSeen::Ready),
        order(OrderSeen::Valid),
        zone(in_sync(1, Some((1, 1)))),
    ];
    for step in LIVE {
        for seen in &all {
            let mut gone = facts(step);
            gone.person_gone = true;
            assert_eq!(next_step(&gone, seen, NOW), Next::Abandon, "{step}");
            let mut broken = facts(step);
            broken.starts = MAX_STARTS + 1;
            assert_eq!(
                next_step(&broken, seen, NOW),
                Next::Fail(NotDone::Broken),
                "{step}"
            );
            let mut old = facts(step);
            old.created_at = NOW.plus(-4 * DAY_MS);
            let late = next_step(&old, seen, NOW);
            // What the authority has made by then is still taken.
            let taken = matches!(
                late,
                Next::ReadOrder | Next::Finalize | Next::NoteFinalizing | Next::Fetch
            );
            assert!(
                late == Next::Fail(NotDone::TooLong) || (step >= OrderStep::KeySaved && taken),
                "{step} {seen:?} {late:?}"
            );
            // Not for ever, and nothing is asked first: the answer may never come.
            old.created_at = NOW.plus(-8 * DAY_MS);
            old.patient_until = Some(NOW.plus(90 * DAY_MS));
            assert_eq!(
                next_step(&old, seen, NOW),
                Next::Fail(NotDone::TooLong),
                "{step} {seen:?}"
            );
        }
    }
}

#[test]
fn a_wait_that_the_authority_asks_for_moves_the_deadline_within_reason() {
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
fn an_order_that_waited_as_it_was_told_goes_on() {
    for step in LIVE {
        let mut obeyed = facts(step);
        obeyed.created_at = NOW.plus(-5 * DAY_MS);
        obeyed.patient_until = Some(NOW.plus(-MINUTE_MS));
        assert_ne!(
            next_step(&obeyed, &Seen::default(), NOW),
            Next::Fail(NotDone::TooLong),
            "{step}"
        );
    }
}

#[test]
fn what_the_authority_asks_for_is_waited_for_within_reason() {
    let wait = |asked| wait_ms(NOW.plus(-DAY_MS), NOW, MINUTE_MS, asked);
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
    assert_eq!(wait_ms(NOW.plus(-9 * DAY_MS), NOW, MINUTE_MS, None), 0);
}

#[test]
fn waits_grow() {
    let person: Vec<i64> = (1..=9).map(|n| back_off_ms(n, false) / 1_000).collect();
    assert_eq!(person, [3, 6, 12, 24, 48, 96, 192, 384, 600]);
    let automatic: Vec<i64> = (1..=5).map(|n| back_off_ms(n, true) / 60_000).collect();
    assert_eq!(automatic, [1, 10, 100, 1_440, 1_440]);
    assert_eq!(
        [0, 30_000, 300_000, 900_000].map(|ms| poll_ms(ms, false)),
        [250, 500, 1_000, 10_000]
    );
    assert_eq!(poll_ms(0, true), 1_000);
    assert_eq!(back_off_ms(u32::MAX, false), 600_000);
}

#[test]
fn reasons_are_whole_sentences() {
    let all = [
        NotDone::Refused("CAA forbids it.".to_owned()),
        NotDone::TooLong,
        NotDone::NotAnswered(Answers { by: 1, of: 4 }),
        NotDone::Broken,
        NotDone::KeptEnding,
    ];
    for reason in all {
        assert!(
            reason.words().ends_with('.') && reason.words().starts_with(char::is_uppercase),
            "{}",
            reason.words()
        );
    }
}

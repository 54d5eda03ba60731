//! What publish does when the provider gives no clear answer, and which RRsets it then takes for
//! its own. Time is paused.

use std::time::Duration;

use starchart_dns::engine::publish::{PublishError, PublishReport};
use starchart_dns::provider::{Change, ChangeError, FaultKind, ProviderError, SetFault, ZoneRrset};
use starchart_domain::record::RecordType;
use starchart_domain::rrset::{Rrset, RrsetData};

use super::scripted::{Answer, ScriptedWorld, no_effect};
use super::{a, name, txt};

fn holds(batch: &[Change], label: &str) -> bool {
    batch.iter().any(|change| change.set.name == name(label))
}

fn report(published: usize, refused: usize, calls: usize) -> PublishReport {
    PublishReport {
        published,
        refused,
        calls,
    }
}

/// Makes names want one address each, in their order.
fn want_names(world: &mut ScriptedWorld, count: usize) {
    for n in 0..count {
        world.want(&[a(&format!("n{n}"), "192.0.2.1")]);
    }
}

#[tokio::test(start_paused = true)]
async fn batches_without_an_answer_are_halved_and_quarantined_after_four_attempts() {
    let mut world = ScriptedWorld::new(|_, batch| {
        if holds(batch, "n2") {
            no_effect()
        } else {
            Answer::Usual
        }
    });
    want_names(&mut world, 8);
    assert_eq!(world.publish().await.unwrap(), report(6, 2, 6));
    assert_eq!(
        world.provider.log().sent,
        [
            "n0 n1 n2 n3 n4 n5 n6 n7",
            "n0 n1 n2 n3 n4 n5 n6 n7",
            "n4 n5 n6 n7",
            "n0 n1 n2 n3",
            "n2 n3",
            "n0 n1"
        ]
    );
    let reason = "Memory gives no clear answer to this change".to_owned();
    for label in ["n2", "n3"] {
        let refused = world.rows.refused(&name(label));
        assert_eq!(refused, Some((None, reason.clone())), "{label}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_name_without_an_answer_is_sent_four_times() {
    for (last, expected) in [
        (no_effect(), report(0, 1, 4)),
        // What took effect is read, not quarantined.
        (Answer::Lost, report(1, 0, 4)),
    ] {
        let mut world = ScriptedWorld::answering([no_effect(), no_effect(), no_effect(), last]);
        world.want(&[a("www", "192.0.2.1")]);
        assert_eq!(world.publish().await.unwrap(), expected);
        assert_eq!(world.provider.log().sent, ["www"; 4]);
    }
}

#[tokio::test(start_paused = true)]
async fn up_to_twenty_names_are_read_and_more_are_listed() {
    for (count, reads, lists) in [(1, 1, 0), (20, 20, 0), (21, 0, 1), (40, 0, 1)] {
        let mut world = ScriptedWorld::answering([Answer::Lost]);
        want_names(&mut world, count);
        assert_eq!(world.publish().await.unwrap(), report(count, 0, 1));
        let log = world.provider.log();
        assert_eq!((log.reads, log.lists), (reads, lists), "{count} names");
    }
}

/// How long to wait before the next run; `None`: the run ended well.
fn retry_after<E>(outcome: &Result<PublishReport, PublishError<E>>) -> Option<Duration> {
    match outcome {
        Err(PublishError::RetryAfter(after, _)) => Some(*after),
        _ => None,
    }
}

#[tokio::test(start_paused = true)]
async fn temporary_errors_of_a_read_are_retried_four_times() {
    use ProviderError::{Busy, Denied, NoAnswer, Rejected, Throttled, Unavailable};
    let text = || "because".to_owned();
    let soon = Some(Duration::from_secs(2));
    let later = Some(Duration::from_secs(30));
    for (errors, expected) in [
        (vec![Throttled, Busy, NoAnswer(text()), Throttled], None),
        (vec![Throttled; 5], soon),
        (vec![Busy; 5], soon),
        (vec![NoAnswer(text()); 5], soon),
        (vec![Unavailable(text())], soon),
        (vec![Denied(text())], later),
        (vec![Rejected(text())], later),
    ] {
        for count in [1, 21] {
            let mut world = ScriptedWorld::answering([Answer::Lost]);
            want_names(&mut world, count);
            world.provider.fail_reads(errors.clone());
            let outcome = world.publish().await;
            assert_eq!(retry_after(&outcome), expected, "{count}: {errors:?}");
            assert_eq!(outcome.is_ok(), expected.is_none());
            let unpublished = if expected.is_none() { 0 } else { count };
            assert_eq!(world.rows.work().len(), unpublished, "{errors:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_change_that_was_not_applied_is_sent_again_or_withdrawn() {
    let failed = |error: ProviderError| Answer::Error(ChangeError::NotApplied(error));
    let throttled = vec![failed(ProviderError::Throttled); 4];
    let mut world = ScriptedWorld::answering(throttled);
    world.want(&[a("www", "192.0.2.1")]);
    assert_eq!(world.publish().await.unwrap(), report(1, 0, 5));

    let denied = failed(ProviderError::Denied("no permission".to_owned()));
    let mut world = ScriptedWorld::answering([denied]);
    world.want(&[a("www", "192.0.2.1")]);
    let outcome = world.publish().await;
    assert_eq!(retry_after(&outcome), Some(Duration::from_secs(30)));
    assert!(
        !world.rows.has_pending(),
        "the next run need not read the zone"
    );
}

#[tokio::test(start_paused = true)]
async fn an_accepted_change_resets_the_back_off() {
    let throttled = || Answer::Error(ChangeError::NotApplied(ProviderError::Throttled));
    let mut answers = vec![throttled(), throttled(), throttled(), Answer::Usual];
    answers.extend(answers.clone());
    let mut world = ScriptedWorld::answering(answers);
    // Two batches: each name has half of what a batch takes.
    for label in ["n0", "n1"] {
        let values = (0..600).map(|n| format!("10.1.{}.{}", n / 250, n % 250));
        world.want(&[Rrset::new(name(label), RecordType::A, values)]);
    }
    assert_eq!(world.publish().await.unwrap(), report(2, 0, 8));
}

#[tokio::test(start_paused = true)]
async fn a_refusal_without_a_name_is_bisected() {
    let unnamed = || SetFault {
        name: None,
        rtype: None,
        kind: FaultKind::Other,
        message: "not today".to_owned(),
    };
    let mut world = ScriptedWorld::new(move |_, batch| {
        if holds(batch, "n2") {
            Answer::Error(ChangeError::Refused(vec![unnamed(), unnamed()]))
        } else {
            Answer::Usual
        }
    });
    want_names(&mut world, 4);
    assert_eq!(world.publish().await.unwrap(), report(3, 1, 6));
    assert_eq!(
        world.provider.log().sent,
        ["n0 n1 n2 n3", "n0 n1", "n2 n3", "n2", "n3", "n2"],
        "the name is read once and sent once more"
    );
    let reason = "Memory does not take the change: not today".to_owned();
    assert_eq!(world.rows.refused(&name("n2")), Some((None, reason)));
}

#[tokio::test(start_paused = true)]
async fn a_name_that_is_refused_again_and_again_is_quarantined() {
    let mut world = ScriptedWorld::new(|_, batch| {
        if holds(batch, "n1") {
            Answer::Error(ChangeError::Refused(vec![SetFault {
                name: Some(name("n1")),
                rtype: Some(RecordType::A),
                kind: FaultKind::Exists,
                message: "it exists".to_owned(),
            }]))
        } else {
            Answer::Usual
        }
    });
    want_names(&mut world, 3);
    assert_eq!(world.publish().await.unwrap(), report(2, 1, 6));
    assert_eq!(
        world.provider.log().sent,
        ["n0 n1 n2", "n0 n2", "n1", "n1", "n1", "n1"]
    );
    assert_eq!(world.provider.log().reads, 4, "before each further attempt");
}

#[tokio::test(start_paused = true)]
async fn an_rrset_whose_answer_was_lost_is_ours_beside_an_older_one() {
    let mut world = ScriptedWorld::answering([Answer::Usual, Answer::Lost]);
    world.want(&[a("www", "192.0.2.1")]);
    world.publish().await.unwrap();
    let sets = [a("www", "192.0.2.2"), txt("www", "new")];
    world.want(&sets);
    assert_eq!(world.publish().await.unwrap(), report(1, 0, 1));
    for set in &sets {
        assert_eq!(world.values(set), Some(set.body.values.clone()));
    }
}

#[tokio::test(start_paused = true)]
async fn an_equal_rrset_of_another_party_is_not_taken_over() {
    let mut world = ScriptedWorld::answering([]);
    let foreign = txt("www", "same");
    world.put(&foreign);
    world.want(&[a("www", "192.0.2.1"), foreign.clone()]);
    assert_eq!(world.publish().await.unwrap(), report(0, 1, 2));
    let refused = world.rows.refused(&name("www")).map(|(rtype, _)| rtype);
    assert_eq!(refused, Some(Some(RecordType::Txt)));
    let registry = world.rows.confirmed();
    let types: Vec<&str> = registry.iter().map(|set| set.1.as_str()).collect();
    assert_eq!(types, ["A"], "only what was created here is ours");
}

/// An RRset of ours that was read stays ours when another party edits it before the next attempt.
#[tokio::test(start_paused = true)]
async fn an_rrset_that_was_read_stays_ours_during_the_run() {
    let mut edited = false;
    let mut world = ScriptedWorld::new(move |zone, _| {
        if !std::mem::replace(&mut edited, true) {
            zone.put(ZoneRrset::from(&a("www", "203.0.113.9")));
        }
        Answer::Usual
    });
    let sent = a("www", "192.0.2.1");
    world.rows.send_without_answer(&sent);
    world.put(&sent);
    let wanted = a("www", "192.0.2.2");
    world.want(std::slice::from_ref(&wanted));
    assert_eq!(world.publish().await.unwrap(), report(1, 0, 2));
    assert_eq!(world.values(&wanted), Some(wanted.body.values));
}

/// A request of an earlier run may arrive after the zone was read without it.
#[tokio::test(start_paused = true)]
async fn an_rrset_that_arrives_late_is_ours() {
    let sent = a("www", "192.0.2.1");
    let mut late = Some(ZoneRrset::from(&sent));
    let mut world = ScriptedWorld::new(move |zone, _| {
        if let Some(set) = late.take() {
            zone.put(set);
        }
        Answer::Usual
    });
    world.rows.send_without_answer(&sent);
    let wanted = a("www", "192.0.2.2");
    world.want(std::slice::from_ref(&wanted));
    assert_eq!(world.publish().await.unwrap(), report(1, 0, 2));
    assert_eq!(world.values(&wanted), Some(wanted.body.values));
}

/// An RRset that was never confirmed is ours if it is what was sent, in whatever spelling.
#[tokio::test(start_paused = true)]
async fn an_unconfirmed_rrset_is_ours_only_with_the_ttl_and_values_that_were_sent() {
    let address = |ttl, value: &str| Rrset {
        name: name("www"),
        rtype: RecordType::Aaaa,
        body: RrsetData {
            ttl,
            values: [value.to_owned()].into(),
        },
    };
    for (in_zone, is_ours) in [
        (address(300, "2001:db8::1"), true),
        (address(300, "2001:DB8:0::1"), true),
        (address(60, "2001:db8::1"), false),
        (address(300, "2001:db8::2"), false),
    ] {
        let mut world = ScriptedWorld::answering([]);
        let sent = address(300, "2001:db8::1");
        world.rows.send_without_answer(&sent);
        world.put(&in_zone);
        let other = txt("www", "beside");
        world.want(&[sent, other.clone()]);
        let outcome = world.publish().await.unwrap();
        let expected = if is_ours { (1, 0) } else { (0, 1) };
        assert_eq!(
            (outcome.published, outcome.refused),
            expected,
            "{in_zone:?}"
        );
        assert_eq!(world.values(&in_zone), Some(in_zone.body.values.clone()));
        assert_eq!(world.values(&other), Some(other.body.values));
    }
}

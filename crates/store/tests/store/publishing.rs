//! The publish side: leases and their fence, what is pending and confirmed, refusals, and what
//! follows a send.

use futures_util::future::join_all;
use starchart_domain::publish::PublishState;
use starchart_domain::record::RecordType;
use starchart_store::lease::{self, LeaseName};
use starchart_store::records;
use starchart_store::zone;

use crate::world::{World, answers, body, outcome, refused};

on_both!(
    one_of_many_gets_the_lease,
    a_stopped_holder_writes_nothing,
    sending_needs_time_left,
    a_send_is_pending_before_and_confirmed_after,
    a_send_that_was_not_seen_is_looked_for_again,
    a_send_that_nobody_confirmed_is_read_first,
    a_change_during_the_call_keeps_the_name_dirty,
    a_late_send_is_remembered_and_the_name_read_again,
    a_late_send_survives_those_who_could_not_know,
    a_refusal_is_told_and_waits_longer_each_time,
    a_refused_set_waits_longer_though_the_others_go_through,
    records_of_one_name_share_their_sets,
    a_record_shows_how_far_it_is,
    names_that_wait_longest_come_first,
    a_pause_is_seen_by_all,
    a_batch_of_many_names_is_written_as_each_name_would_be,
    saves_during_publishing_are_not_lost,
);

async fn one_of_many_gets_the_lease(world: &World) {
    let other = world.another().await;
    let holders: Vec<String> = (0..20).map(|n| format!("holder{n}")).collect();
    let tries = holders.iter().enumerate().map(|(n, holder)| {
        lease::acquire(
            if n % 2 == 0 { &world.store } else { &other },
            LeaseName::Publish,
            holder,
            15_000,
        )
    });
    let got: Vec<_> = join_all(tries)
        .await
        .into_iter()
        .filter_map(Result::unwrap)
        .collect();
    assert_eq!(got.len(), 1, "{got:?}");
    assert!(
        lease::acquire(&world.store, LeaseName::Track, "another", 15_000)
            .await
            .unwrap()
            .is_some(),
        "another lease"
    );
    lease::release(&world.store, &got[0]).await.unwrap();
    let next = lease::acquire(&other, LeaseName::Publish, "next", 15_000)
        .await
        .unwrap()
        .unwrap();
    assert!(next.fence > got[0].fence);
    lease::release(&world.store, &got[0]).await.unwrap();
    assert!(
        lease::acquire(&world.store, LeaseName::Publish, "third", 15_000)
            .await
            .unwrap()
            .is_none(),
        "released once"
    );
}

async fn a_stopped_holder_writes_nothing(world: &World) {
    let user = world.person("user1").await;
    world
        .create(&user, "www", "A", "192.168.1.1")
        .await
        .unwrap();
    let fqdn = user.fqdn("www");
    let mut old = world.lease().await;
    let late = world.another().await;
    late.set_clock_offset(16_000);
    let new = lease::acquire(&late, LeaseName::Publish, "two", 60_000)
        .await
        .unwrap()
        .unwrap();
    // By its own clock the first holder still has time; the fence says otherwise.
    let names = [outcome(
        &fqdn,
        1,
        &[(RecordType::A, Some(body(&["192.168.1.1"])))],
    )];
    let store = &world.store;
    assert!(!zone::intend(store, &old, 0, &names).await.unwrap());
    assert!(
        !zone::confirm(store, &old, Some("C1"), &names)
            .await
            .unwrap()
    );
    assert!(!zone::record_read(store, &old, &names).await.unwrap());
    assert!(
        !zone::quarantine(store, &old, &refused(&fqdn, 1, None, "no"))
            .await
            .unwrap()
    );
    assert!(!lease::renew(store, &mut old, 60_000).await.unwrap());
    assert!(world.owned().await.is_empty());
    assert_eq!(zone::list_unpublished(store, 10).await.unwrap().len(), 1);
    assert!(zone::list_unsynced_changes(store).await.unwrap().is_empty());
    assert!(
        zone::intend(&late, &new, 0, &names).await.unwrap(),
        "and the new one may"
    );

    // Nor does a lease work past its end, taken by nobody else.
    late.set_clock_offset(90_000);
    assert!(
        !zone::confirm(&late, &new, Some("C2"), &names)
            .await
            .unwrap()
    );
}

async fn sending_needs_time_left(world: &World) {
    let mut lease = lease::acquire(&world.store, LeaseName::Publish, "one", 5_000)
        .await
        .unwrap()
        .unwrap();
    assert!(
        !zone::intend(&world.store, &lease, 6_000, &[])
            .await
            .unwrap()
    );
    assert!(
        zone::intend(&world.store, &lease, 1_000, &[])
            .await
            .unwrap()
    );
    assert!(
        lease::renew(&world.store, &mut lease, 20_000)
            .await
            .unwrap()
    );
    assert!(
        zone::intend(&world.store, &lease, 6_000, &[])
            .await
            .unwrap()
    );
    zone::pause(&world.store, "in this moment").await.unwrap();
    assert!(
        !zone::intend(&world.store, &lease, 6_000, &[])
            .await
            .unwrap(),
        "a pause holds back what was taken up before"
    );
}

async fn a_send_is_pending_before_and_confirmed_after(world: &World) {
    let user = world.person("user1").await;
    let record = world
        .create(&user, "www", "A", "192.168.1.1")
        .await
        .unwrap();
    let fqdn = user.fqdn("www");
    let lease = world.lease().await;
    let store = &world.store;

    let first = world.outcome(&fqdn).await;
    assert_eq!(
        first,
        outcome(&fqdn, 1, &[(RecordType::A, Some(body(&["192.168.1.1"])))])
    );
    for _ in 0..2 {
        assert!(
            zone::intend(store, &lease, 0, std::slice::from_ref(&first))
                .await
                .unwrap()
        );
    }
    let owned = world.owned().await.remove(0).1;
    assert_eq!(
        (owned.confirmed, owned.pending),
        (None, vec![Some(body(&["192.168.1.1"]))]),
        "a repeated send is one"
    );

    for _ in 0..2 {
        assert!(
            zone::confirm(store, &lease, Some("C1"), std::slice::from_ref(&first))
                .await
                .unwrap()
        );
    }
    let owned = world.owned().await.remove(0).1;
    assert_eq!(
        (owned.confirmed, owned.pending),
        (Some(body(&["192.168.1.1"])), vec![])
    );
    assert!(zone::list_unpublished(store, 10).await.unwrap().is_empty());
    assert_eq!(zone::list_unsynced_changes(store).await.unwrap().len(), 1);

    records::delete(store, user.id, record.id, &user.act)
        .await
        .unwrap();
    let second = world.outcome(&fqdn).await;
    assert_eq!(second, outcome(&fqdn, 2, &[(RecordType::A, None)]));
    assert!(
        zone::intend(store, &lease, 0, std::slice::from_ref(&second))
            .await
            .unwrap()
    );
    let owned = zone::read_work(store, std::slice::from_ref(&fqdn))
        .await
        .unwrap()
        .remove(0)
        .owned
        .remove(0);
    assert_eq!(
        (owned.confirmed, owned.pending),
        (Some(body(&["192.168.1.1"])), vec![None]),
        "a removal on its way"
    );
    assert!(
        zone::confirm(store, &lease, Some("C2"), &[second])
            .await
            .unwrap()
    );
    assert!(world.owned().await.is_empty());
}

async fn a_send_that_nobody_confirmed_is_read_first(world: &World) {
    let user = world.person("user1").await;
    let record = world
        .create(&user, "www", "A", "192.168.1.1")
        .await
        .unwrap();
    let fqdn = user.fqdn("www");
    let lease = world.lease().await;
    let store = &world.store;
    let name = world.outcome(&fqdn).await;
    zone::intend(store, &lease, 0, std::slice::from_ref(&name))
        .await
        .unwrap();
    lease::release(store, &lease).await.unwrap();

    let lease = world.lease().await;
    let work = zone::read_work(store, std::slice::from_ref(&fqdn))
        .await
        .unwrap()
        .remove(0);
    assert!(work.owned[0].needs_read() && work.owned[0].is_ours(&body(&["192.168.1.1"])));
    // It was read, and there it stood.
    assert!(
        zone::record_read(store, &lease, std::slice::from_ref(&name))
            .await
            .unwrap()
    );
    assert!(zone::confirm(store, &lease, None, &[name]).await.unwrap());
    assert!(!world.owned().await[0].1.needs_read());
    assert!(zone::list_unpublished(store, 10).await.unwrap().is_empty());
    assert!(
        zone::list_unsynced_changes(store).await.unwrap().is_empty(),
        "no change id to ask about"
    );
    assert_eq!(
        records::get(store, user.id, record.id)
            .await
            .unwrap()
            .unwrap()
            .state,
        PublishState::InSync
    );
    assert_eq!(
        zone::list_names_to_check(store, 10).await.unwrap().len(),
        1,
        "the name servers tell"
    );

    // It was read, and nothing stood there.
    let nothing = outcome(&fqdn, 1, &[(RecordType::A, None)]);
    assert!(
        zone::record_read(store, &lease, std::slice::from_ref(&nothing))
            .await
            .unwrap()
    );
    assert!(world.owned().await.is_empty());
}

async fn a_change_during_the_call_keeps_the_name_dirty(world: &World) {
    let user = world.person("user1").await;
    let record = world
        .create(&user, "www", "A", "192.168.1.1")
        .await
        .unwrap();
    let fqdn = user.fqdn("www");
    let lease = world.lease().await;
    let store = &world.store;
    let name = world.outcome(&fqdn).await;
    zone::intend(store, &lease, 0, std::slice::from_ref(&name))
        .await
        .unwrap();
    records::edit(
        store,
        user.id,
        record.id,
        &user.record("www", "A", "192.168.1.2"),
        &user.act,
    )
    .await
    .unwrap();
    zone::confirm(store, &lease, Some("C1"), std::slice::from_ref(&name))
        .await
        .unwrap();
    assert_eq!(
        zone::list_unpublished(store, 10).await.unwrap()[0].generation,
        2
    );
    assert_eq!(
        records::get(store, user.id, record.id)
            .await
            .unwrap()
            .unwrap()
            .state,
        PublishState::Saved
    );
    world.publish(&lease, &fqdn, "C2").await;
    // An older result after a newer one changes no generation.
    zone::confirm(store, &lease, None, &[outcome(&fqdn, 1, &[])])
        .await
        .unwrap();
    assert!(zone::list_unpublished(store, 10).await.unwrap().is_empty());
}

async fn a_late_send_is_remembered_and_the_name_read_again(world: &World) {
    let user = world.person("user1").await;
    world
        .create(&user, "www", "A", "192.168.1.1")
        .await
        .unwrap();
    let fqdn = user.fqdn("www");
    let lease = world.lease().await;
    let store = &world.store;
    let current = world.publish(&lease, &fqdn, "C1").await;
    assert!(zone::list_unpublished(store, 10).await.unwrap().is_empty());

    let stale = outcome(
        &fqdn,
        1,
        &[
            (RecordType::A, Some(body(&["192.168.1.9"]))),
            (RecordType::Txt, None),
        ],
    );
    zone::record_unfenced_changes(store, &[stale])
        .await
        .unwrap();
    assert_eq!(
        zone::list_unpublished(store, 10).await.unwrap()[0].generation,
        2
    );
    let work = zone::read_work(store, std::slice::from_ref(&fqdn))
        .await
        .unwrap()
        .remove(0);
    let owned = &work.owned[0];
    assert_eq!(owned.confirmed, current.sets[0].1);
    assert!(owned.needs_read() && owned.is_ours(&body(&["192.168.1.9"])));
    assert_eq!(
        (work.owned[1].rtype, &work.owned[1].pending),
        (RecordType::Txt, &vec![None])
    );

    let read = outcome(
        &fqdn,
        work.generation,
        &[
            (RecordType::A, Some(body(&["192.168.1.9"]))),
            (RecordType::Txt, None),
        ],
    );
    assert!(
        zone::record_read(store, &lease, std::slice::from_ref(&read))
            .await
            .unwrap()
    );
    let owned = world.owned().await;
    assert_eq!(owned.len(), 1);
    assert_eq!(
        (owned[0].1.confirmed.clone(), owned[0].1.needs_read()),
        (Some(body(&["192.168.1.9"])), false)
    );
}

/// The holder read its work before the late word came: neither its confirmation nor its refusal may
/// wipe that out.
async fn a_late_send_survives_those_who_could_not_know(world: &World) {
    let user = world.person("user1").await;
    world
        .create(&user, "www", "A", "192.168.1.1")
        .await
        .unwrap();
    let fqdn = user.fqdn("www");
    let lease = world.lease().await;
    let store = &world.store;
    let name = world.outcome(&fqdn).await;
    let stale = outcome(&fqdn, 1, &[(RecordType::A, Some(body(&["192.168.1.9"])))]);
    let pending = async || world.owned().await.remove(0).1.pending;

    zone::intend(store, &lease, 0, std::slice::from_ref(&name))
        .await
        .unwrap();
    zone::record_unfenced_changes(store, std::slice::from_ref(&stale))
        .await
        .unwrap();
    assert_eq!(pending().await.len(), 2);
    assert!(
        zone::quarantine(store, &lease, &refused(&fqdn, 1, None, "no"))
            .await
            .unwrap()
    );
    assert_eq!(
        pending().await,
        stale
            .sets
            .iter()
            .map(|(_, body)| body.clone())
            .collect::<Vec<_>>()
    );
    zone::intend(store, &lease, 0, std::slice::from_ref(&name))
        .await
        .unwrap();
    zone::confirm(store, &lease, Some("C1"), std::slice::from_ref(&name))
        .await
        .unwrap();
    assert_eq!(
        pending().await,
        stale
            .sets
            .iter()
            .map(|(_, body)| body.clone())
            .collect::<Vec<_>>()
    );
    assert_eq!(
        zone::list_unpublished(store, 10).await.unwrap().len(),
        1,
        "and somebody will look"
    );
}

/// A request may outlive its sender: what was sent and not seen is looked for again, and is ours
/// when it comes.
async fn a_send_that_was_not_seen_is_looked_for_again(world: &World) {
    let user = world.person("user1").await;
    let record = world
        .create(&user, "www", "A", "192.168.1.1")
        .await
        .unwrap();
    let fqdn = user.fqdn("www");
    let lease = world.lease().await;
    let store = &world.store;
    let sent = world.outcome(&fqdn).await;
    assert!(
        zone::intend(store, &lease, 0, std::slice::from_ref(&sent))
            .await
            .unwrap()
    );
    records::delete(store, user.id, record.id, &user.act)
        .await
        .unwrap();
    // The next run reads the zone, finds nothing and has nothing to send.
    let nothing = outcome(&fqdn, 2, &[(RecordType::A, None)]);
    assert!(
        zone::record_read(store, &lease, std::slice::from_ref(&nothing))
            .await
            .unwrap()
    );
    assert!(
        zone::confirm(store, &lease, None, &[outcome(&fqdn, 2, &[])])
            .await
            .unwrap()
    );
    assert!(
        zone::list_unpublished(store, 10).await.unwrap().is_empty(),
        "not at once"
    );
    world
        .run("UPDATE zone_rrset SET look_at = look_at - 2000")
        .await
        .unwrap();
    assert_eq!(
        zone::list_unpublished(store, 10).await.unwrap()[0].fqdn,
        fqdn,
        "two seconds later"
    );
    let owned = zone::read_work(store, std::slice::from_ref(&fqdn))
        .await
        .unwrap()
        .remove(0)
        .owned
        .remove(0);
    assert!(owned.needs_read() && owned.is_ours(&body(&["192.168.1.1"])));
    // It came: it is known now, and to be removed.
    let seen = outcome(&fqdn, 2, &[(RecordType::A, Some(body(&["192.168.1.1"])))]);
    assert!(
        zone::record_read(store, &lease, std::slice::from_ref(&seen))
            .await
            .unwrap()
    );
    let owned = world.owned().await.remove(0).1;
    assert_eq!(
        (owned.confirmed, owned.pending),
        (Some(body(&["192.168.1.1"])), vec![])
    );
    assert!(
        zone::intend(store, &lease, 0, std::slice::from_ref(&nothing))
            .await
            .unwrap()
    );
    assert!(
        zone::confirm(store, &lease, Some("C1"), std::slice::from_ref(&nothing))
            .await
            .unwrap()
    );
    assert!(world.owned().await.is_empty());
}

async fn a_refusal_is_told_and_waits_longer_each_time(world: &World) {
    let user = world.person("user1").await;
    let a = world
        .create(&user, "www", "A", "192.168.1.1")
        .await
        .unwrap();
    let txt = world.create(&user, "www", "TXT", "text").await.unwrap();
    let fqdn = user.fqdn("www");
    let store = &world.store;
    let state = async |id| {
        records::get(store, user.id, id)
            .await
            .unwrap()
            .unwrap()
            .state
    };
    let mut clock = 0;
    for minutes in [1, 5, 30, 120, 120] {
        let lease = world.lease().await;
        let name = world.outcome(&fqdn).await;
        zone::intend(store, &lease, 0, &[name]).await.unwrap();
        assert!(
            zone::quarantine(
                store,
                &lease,
                &refused(&fqdn, 2, Some(RecordType::Txt), "too long")
            )
            .await
            .unwrap()
        );
        assert!(
            world.owned().await.is_empty(),
            "nothing of it is in the zone"
        );
        lease::release(store, &lease).await.unwrap();
        assert_eq!(
            state(txt.id).await,
            PublishState::Refused {
                reason: "too long".to_owned()
            }
        );
        assert_eq!(state(a.id).await, PublishState::Saved);
        assert!(
            zone::list_unpublished(store, 10).await.unwrap().is_empty(),
            "set aside"
        );
        let wait = world.next_attempt_in().await;
        assert!(
            (minutes * 60_000 - 5_000..=minutes * 60_000).contains(&wait),
            "{wait} for {minutes}"
        );
        let counts = zone::count_unpublished(store).await.unwrap();
        assert_eq!((counts.waiting, counts.refused), (0, 1));
        clock += minutes * 60_000 + 1_000;
        store.set_clock_offset(clock);
        assert_eq!(
            zone::list_unpublished(store, 10).await.unwrap().len(),
            1,
            "its time has come"
        );
    }
    let lease = world.lease().await;
    zone::quarantine(store, &lease, &refused(&fqdn, 2, None, "in the way"))
        .await
        .unwrap();
    assert_eq!(
        state(a.id).await,
        PublishState::Refused {
            reason: "in the way".to_owned()
        }
    );
    // A change comes before its time, with a fresh count.
    records::edit(
        store,
        user.id,
        txt.id,
        &user.record("www", "TXT", "shorter"),
        &user.act,
    )
    .await
    .unwrap();
    assert_eq!(
        zone::list_unpublished(store, 10).await.unwrap()[0].generation,
        3
    );
    assert_eq!(state(txt.id).await, PublishState::Saved);
    zone::quarantine(store, &lease, &refused(&fqdn, 3, None, "still"))
        .await
        .unwrap();
    assert!(world.next_attempt_in().await <= 60_000);
    store.set_clock_offset(clock + 61_000);
    let lease = lease::acquire(store, LeaseName::Publish, "two", 15_000)
        .await
        .unwrap()
        .unwrap();
    world.publish(&lease, &fqdn, "C1").await;
    assert_eq!(state(txt.id).await, PublishState::Sent);
    assert_eq!(
        world
            .number("SELECT COUNT(*) FROM names WHERE refusal IS NULL")
            .await,
        1
    );
}

async fn a_refused_set_waits_longer_though_the_others_go_through(world: &World) {
    let user = world.person("user1").await;
    world
        .create(&user, "www", "A", "192.168.1.1")
        .await
        .unwrap();
    world.create(&user, "www", "TXT", "text").await.unwrap();
    let fqdn = user.fqdn("www");
    let store = &world.store;
    let mut clock = 0;
    for minutes in [1, 5, 30] {
        let lease = world.lease().await;
        let a = outcome(&fqdn, 2, &[(RecordType::A, Some(body(&["192.168.1.1"])))]);
        assert!(zone::confirm(store, &lease, None, &[a]).await.unwrap());
        assert!(
            zone::quarantine(
                store,
                &lease,
                &refused(&fqdn, 2, Some(RecordType::Txt), "too long")
            )
            .await
            .unwrap()
        );
        lease::release(store, &lease).await.unwrap();
        let wait = world.next_attempt_in().await;
        assert!(
            (minutes * 60_000 - 5_000..=minutes * 60_000).contains(&wait),
            "{wait} for {minutes}"
        );
        clock += minutes * 60_000 + 1_000;
        store.set_clock_offset(clock);
    }
}

async fn records_of_one_name_share_their_sets(world: &World) {
    let user = world.person("user1").await;
    for (kind, value) in [
        ("A", "192.168.1.2"),
        ("A", "192.168.1.1"),
        ("TXT", "a \"b\""),
        ("MX", "mail.example.com"),
    ] {
        world.create(&user, "www", kind, value).await.unwrap();
    }
    world
        .create(&user, "other", "A", "192.168.1.3")
        .await
        .unwrap();
    let asked = [user.fqdn("www"), user.fqdn("nowhere")];
    let work = zone::read_work(&world.store, &asked).await.unwrap();
    assert_eq!(work.len(), 1);
    let sets: Vec<_> = work[0]
        .desired
        .iter()
        .map(|set| (set.rtype, set.body.clone()))
        .collect();
    let expected = [
        (RecordType::A, body(&["192.168.1.1", "192.168.1.2"])),
        (RecordType::Mx, body(&["10 mail.example.com."])),
        (RecordType::Txt, body(&[r#""a \"b\"""#])),
    ];
    assert_eq!(sets, expected);
    assert_eq!(
        zone::read_snapshot(&world.store)
            .await
            .unwrap()
            .desired
            .values()
            .flatten()
            .count(),
        4
    );
    let counts = zone::count_unpublished(&world.store).await.unwrap();
    assert_eq!((counts.waiting, counts.refused), (2, 0));
    assert!(zone::read_work(&world.store, &[]).await.unwrap().is_empty());
}

async fn a_record_shows_how_far_it_is(world: &World) {
    let user = world.person("user1").await;
    let record = world
        .create(&user, "www", "A", "192.168.1.1")
        .await
        .unwrap();
    let fqdn = user.fqdn("www");
    let lease = world.lease().await;
    let store = &world.store;
    let state = async || records::list(store, user.id).await.unwrap().remove(0).state;
    assert_eq!(record.state, PublishState::Saved);
    world.publish(&lease, &fqdn, "C1").await;
    assert_eq!(state().await, PublishState::Sent);
    assert!(
        zone::list_names_to_check(store, 10)
            .await
            .unwrap()
            .is_empty(),
        "not before it is in sync"
    );
    zone::mark_in_sync(store, "C0").await.unwrap();
    assert_eq!(state().await, PublishState::Sent);
    zone::mark_in_sync(store, "C1").await.unwrap();
    assert_eq!(state().await, PublishState::InSync);
    assert!(zone::list_unsynced_changes(store).await.unwrap().is_empty());

    let ask = zone::list_names_to_check(store, 10)
        .await
        .unwrap()
        .remove(0);
    assert_eq!(
        (ask.fqdn.as_str(), ask.generation, ask.desired.len()),
        (fqdn.as_str(), 1, 1)
    );
    zone::record_answers(store, &answers(&fqdn, 1, 2, 4))
        .await
        .unwrap();
    assert_eq!(state().await, PublishState::Answered { by: 2, of: 4 });
    assert_eq!(zone::list_names_to_check(store, 10).await.unwrap().len(), 1);
    zone::record_answers(store, &answers(&fqdn, 1, 4, 4))
        .await
        .unwrap();
    assert_eq!(state().await, PublishState::Answered { by: 4, of: 4 });
    assert!(
        zone::list_names_to_check(store, 10)
            .await
            .unwrap()
            .is_empty()
    );

    // Nothing had to be sent: the state stays. Something had: it begins again, and late answers are
    // about the past.
    records::renew(store, user.id, record.id, &user.act)
        .await
        .unwrap();
    zone::confirm(store, &lease, None, &[outcome(&fqdn, 2, &[])])
        .await
        .unwrap();
    assert_eq!(state().await, PublishState::Answered { by: 4, of: 4 });
    records::edit(
        store,
        user.id,
        record.id,
        &user.record("www", "A", "192.168.1.2"),
        &user.act,
    )
    .await
    .unwrap();
    zone::record_answers(store, &answers(&fqdn, 2, 1, 4))
        .await
        .unwrap();
    world.publish(&lease, &fqdn, "C2").await;
    zone::record_answers(store, &answers(&fqdn, 2, 1, 4))
        .await
        .unwrap();
    assert_eq!(state().await, PublishState::Sent);
    zone::mark_in_sync(store, "C2").await.unwrap();
    store.set_clock_offset(3_700_000);
    assert!(
        zone::list_names_to_check(store, 10)
            .await
            .unwrap()
            .is_empty(),
        "asked for an hour"
    );
}

async fn names_that_wait_longest_come_first(world: &World) {
    let user = world.person("user1").await;
    for (n, name) in ["zz", "mm", "aa"].iter().enumerate() {
        world
            .store
            .set_clock_offset(i64::try_from(n).unwrap() * 1_000);
        world.create(&user, name, "A", "192.168.1.1").await.unwrap();
    }
    // Changing again does not send a name to the end of the queue.
    world.create(&user, "zz", "A", "192.168.1.2").await.unwrap();
    let dirty = zone::list_unpublished(&world.store, 2).await.unwrap();
    assert_eq!(
        dirty
            .iter()
            .map(|name| name.fqdn.clone())
            .collect::<Vec<_>>(),
        [user.fqdn("zz"), user.fqdn("mm")]
    );
}

async fn a_pause_is_seen_by_all(world: &World) {
    let other = world.another().await;
    assert_eq!(zone::pause_reason(&other).await.unwrap(), None);
    zone::resume(&world.store).await.unwrap();
    for reason in ["restored", "imported"] {
        zone::pause(&world.store, reason).await.unwrap();
        assert_eq!(
            zone::pause_reason(&other).await.unwrap().as_deref(),
            Some(reason)
        );
    }
    zone::resume(&other).await.unwrap();
    assert_eq!(zone::pause_reason(&world.store).await.unwrap(), None);
}

/// Savers and a publisher at once: in the end the registry equals the rows, and nothing is owed.
async fn saves_during_publishing_are_not_lost(world: &World) {
    let user = world.person("user1").await;
    let other = world.another().await;
    let lease = lease::acquire(&world.store, LeaseName::Publish, "one", 120_000)
        .await
        .unwrap()
        .unwrap();
    let saves = async {
        for n in 0..30 {
            let new = user.record(&format!("n{}", n % 5), "A", &format!("192.168.1.{n}"));
            let made = records::create(&other, user.id, &new, None, &user.act)
                .await
                .unwrap();
            if n % 3 == 0 {
                records::delete(&other, user.id, made.id, &user.act)
                    .await
                    .unwrap();
            }
        }
    };
    let publishing = async {
        for round in 0..30 {
            for name in zone::list_unpublished(&world.store, 10).await.unwrap() {
                world
                    .publish(&lease, &name.fqdn, &format!("C{round}{}", name.fqdn))
                    .await;
            }
        }
    };
    tokio::join!(saves, publishing);
    for name in zone::list_unpublished(&world.store, 10).await.unwrap() {
        world
            .publish(&lease, &name.fqdn, &format!("last {}", name.fqdn.len()))
            .await;
    }
    assert!(
        zone::list_unpublished(&world.store, 10)
            .await
            .unwrap()
            .is_empty()
    );
    let desired: Vec<_> = zone::read_snapshot(&world.store)
        .await
        .unwrap()
        .desired
        .into_values()
        .flatten()
        .map(|set| (set.name, Some(set.body)))
        .collect();
    let owned: Vec<_> = world
        .owned()
        .await
        .into_iter()
        .map(|(name, set)| (name, set.confirmed))
        .collect();
    assert_eq!(owned, desired);
    assert_eq!(records::count(&world.store, user.id).await.unwrap(), 20);
}

/// More names than one statement takes, of different generations, with every kind of outcome.
async fn a_batch_of_many_names_is_written_as_each_name_would_be(world: &World) {
    const NAMES: usize = 1_203;
    let user = world.person("user1").await;
    let user_id = user.id.0;
    world.create(&user, "www", "A", "192.0.2.1").await.unwrap();
    let store = &world.store;
    let lease = world.lease().await;
    let fqdn = |n: usize| format!("n{n:04}.{}", user.fqdn("www"));
    for first in (0..NAMES).step_by(400) {
        let rows = (first..NAMES.min(first + 400)).map(|n| {
            let name = fqdn(n);
            let generation = 1 + n % 3;
            format!("('{name}', {user_id}, 'other', {generation}, 0, {n}, 0, 0)")
        });
        let rows: Vec<String> = rows.collect();
        world
            .run(&format!(
                "INSERT INTO names (fqdn, user_id, class, generation, applied_generation,
                     unpublished_since, created_at, updated_at) VALUES {}",
                rows.join(", ")
            ))
            .await
            .unwrap();
    }
    let generation = |n: usize| i64::try_from(1 + n % 3).unwrap();
    let a = |n: usize| {
        outcome(
            &fqdn(n),
            generation(n),
            &[(RecordType::A, Some(body(&["192.0.2.1"])))],
        )
    };
    let listed = zone::list_unpublished(store, 1_000).await.unwrap();
    let oldest: Vec<String> = (0..1_000).map(fqdn).collect();
    let listed: Vec<String> = listed.into_iter().map(|name| name.fqdn).collect();
    assert_eq!(listed, oldest, "those unpublished longest come first");

    let all: Vec<_> = (0..NAMES).rev().map(a).collect();
    assert!(zone::intend(store, &lease, 0, &all).await.unwrap());
    assert!(zone::intend(store, &lease, 0, &all).await.unwrap());
    let pending = "SELECT COUNT(*) FROM zone_rrset WHERE ttl IS NULL AND pending <> '[]'";
    assert_eq!(world.number(pending).await, 1_203);
    let repeated = "SELECT COUNT(*) FROM zone_rrset WHERE pending LIKE '%},{%'";
    assert_eq!(world.number(repeated).await, 0, "a repeated send is one");

    // A third is withdrawn, a third confirmed, a third refused, each with its own reason.
    let third = |rest: usize| (0..NAMES).filter(move |n| n / 3 % 3 == rest);
    let withdrawn: Vec<_> = third(0).map(a).collect();
    assert!(zone::withdraw(store, &lease, &withdrawn).await.unwrap());
    let confirmed: Vec<_> = third(1).map(a).collect();
    assert!(
        zone::confirm(store, &lease, Some("C1"), &confirmed)
            .await
            .unwrap()
    );
    let reasons: Vec<_> = third(2)
        .flat_map(|n| refused(&fqdn(n), generation(n), None, &format!("reason {n}")))
        .collect();
    assert!(zone::quarantine(store, &lease, &reasons).await.unwrap());
    let count = async |what: &str| world.number(&format!("SELECT COUNT(*) FROM {what}")).await;
    let size = |rest: usize| i64::try_from(third(rest).count()).unwrap();
    assert_eq!(
        count("zone_rrset WHERE ttl = 300 AND pending = '[]'").await,
        size(1)
    );
    assert_eq!(count("zone_rrset").await, size(1));
    assert_eq!(
        count("names WHERE change_id = 'C1' AND generation = applied_generation").await,
        size(1)
    );
    let is_refused = "names WHERE refused_generation = generation AND attempts = 1
         AND applied_generation = 0
         AND refusal = CONCAT('reason ', CAST(SUBSTR(fqdn, 2, 4) AS DECIMAL(4)))";
    let is_refused = if world.is_sqlite() {
        is_refused.replace(
            "CONCAT('reason ', CAST(SUBSTR(fqdn, 2, 4) AS DECIMAL(4)))",
            "'reason ' || CAST(SUBSTR(fqdn, 2, 4) AS INTEGER)",
        )
    } else {
        is_refused.to_owned()
    };
    assert_eq!(count(&is_refused).await, size(2));
    assert_eq!(
        zone::list_unpublished(store, 2_000).await.unwrap().len(),
        third(0).count() + 1,
        "those withdrawn, and the record's"
    );

    // What was read is confirmed; where it differs, the name servers are asked.
    let gone: Vec<_> = third(1)
        .map(|n| outcome(&fqdn(n), generation(n), &[(RecordType::A, None)]))
        .collect();
    assert!(zone::record_read(store, &lease, &gone).await.unwrap());
    assert_eq!(count("zone_rrset").await, 0);
    assert_eq!(
        count("names WHERE change_id IS NULL AND in_sync_at IS NOT NULL").await,
        size(1)
    );
    zone::record_unfenced_changes(store, &confirmed)
        .await
        .unwrap();
    assert_eq!(
        count(
            "names WHERE generation = applied_generation + 1 AND refusal IS NULL AND sent_at > 0"
        )
        .await,
        size(1)
    );
    assert_eq!(world.number(pending).await, size(1));
}

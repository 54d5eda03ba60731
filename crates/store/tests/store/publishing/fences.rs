//! The publish lease, its fence, and the pause.

use super::*;

on_both!(
    one_of_many_gets_the_lease,
    a_stopped_holder_writes_nothing,
    a_holder_of_two_leases_loses_one_at_a_time,
    sending_needs_time_left,
    a_pause_is_seen_by_all,
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
    let user = world.user("user1").await;
    world.create_www(&user).await;
    let fqdn = user.fqdn("www");
    let mut old = world.lease().await;
    let late = world.another().await;
    late.set_clock_offset(16_000);
    // The same holder acquires it again, so that only the fence tells the two leases apart.
    let new = lease::acquire(&late, LeaseName::Publish, &old.holder, 60_000)
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
    assert!(!zone::withdraw(store, &old, &names).await.unwrap());
    assert!(
        !zone::confirm(store, &old, &names, Some("C1"))
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
    assert_eq!(world.unpublished().await.len(), 1);
    assert!(zone::list_unsynced_changes(store).await.unwrap().is_empty());
    assert!(
        zone::intend(&late, &new, 0, &names).await.unwrap(),
        "and the new one may"
    );

    // An expired lease does not permit writes either, even if no other process has acquired it.
    late.set_clock_offset(90_000);
    assert!(
        !zone::confirm(&late, &new, &names, Some("C2"))
            .await
            .unwrap()
    );
}

async fn a_holder_of_two_leases_loses_one_at_a_time(world: &World) {
    let store = &world.store;
    let acquire = async |name| lease::acquire(store, name, "one", 15_000).await.unwrap();
    let publish = acquire(LeaseName::Publish).await.unwrap();
    let mut track = acquire(LeaseName::Track).await.unwrap();
    assert_eq!(publish.fence, track.fence);
    lease::release(store, &publish).await.unwrap();
    assert!(!zone::intend(store, &publish, 0, &[]).await.unwrap());
    assert!(lease::renew(store, &mut track, 15_000).await.unwrap());
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

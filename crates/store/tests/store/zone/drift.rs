//! Drift that the audit marks.

use super::*;

on_both!(
    drift_makes_names_unpublished_with_the_body_that_was_found,
    names_in_flight_are_left_alone,
    a_set_without_a_name_is_brought_to_publish,
);

async fn drift_makes_names_unpublished_with_the_body_that_was_found(world: &World) {
    let user = world.user("user1").await;
    let store = &world.store;
    let lease = world.lease().await;
    for name in ["edited", "gone", "ghost"] {
        world.create(&user, name, "A", "192.168.1.1").await.unwrap();
        world.publish(&lease, &user.fqdn(name), "C1").await;
    }
    world
        .run(&format!(
            "DELETE FROM dns_records WHERE fqdn = '{}'",
            user.fqdn("ghost")
        ))
        .await
        .unwrap();
    let view = zone::read_snapshot(store).await.unwrap();
    assert!(view.in_flight(&view.hashes()).is_empty());
    let found = [
        outcome(
            &user.fqdn("edited"),
            0,
            &[(RecordType::A, Some(body(&["203.0.113.9"])))],
        ),
        outcome(&user.fqdn("gone"), 0, &[(RecordType::A, None)]),
        outcome(&user.fqdn("ghost"), 0, &[(RecordType::A, None)]),
    ];
    assert_eq!(
        zone::mark_drift(store, &view, &found).await.unwrap().len(),
        3
    );
    assert_eq!(
        zone::count_unpublished_at(store, store.now().await.unwrap())
            .await
            .unwrap(),
        3
    );
    assert_eq!(world.unpublished().await.len(), 3);
    let work = |name: &str| {
        let fqdn = user.fqdn(name);
        async move { zone::read_work(store, &[fqdn]).await.unwrap().remove(0) }
    };
    let edited = work("edited").await;
    assert_eq!(
        edited.owned[0].confirmed,
        Some(body(&["203.0.113.9"])),
        "what stands is what publish has to delete"
    );
    assert!(!edited.owned[0].needs_read() && edited.desired[0].body == body(&["192.168.1.1"]));
    assert!(work("gone").await.owned.is_empty() && work("ghost").await.owned.is_empty());
    assert!(
        zone::mark_drift(store, &view, &found)
            .await
            .unwrap()
            .is_empty(),
        "once"
    );
    let asked = store.now().await.unwrap();
    world.later(10);
    world
        .create(&user, "later", "A", "192.168.1.1")
        .await
        .unwrap();
    assert_eq!(
        zone::count_unpublished_at(store, asked).await.unwrap(),
        3,
        "what users ask for later is another matter"
    );
    assert_eq!(
        zone::count_unpublished_at(store, store.now().await.unwrap())
            .await
            .unwrap(),
        4
    );
}

async fn names_in_flight_are_left_alone(world: &World) {
    let user = world.user("user1").await;
    let store = &world.store;
    let lease = world.lease().await;
    let record = world.create_www(&user).await;
    world
        .create(&user, "unpublished", "A", "192.168.1.1")
        .await
        .unwrap();
    world.publish(&lease, &user.fqdn("www"), "C1").await;
    let before = zone::read_snapshot(store).await.unwrap();
    assert_eq!(
        before
            .in_flight(&before.hashes())
            .into_iter()
            .collect::<Vec<_>>(),
        [user.fqdn("unpublished")]
    );
    // Changed and published while the zone was listed: clean again, and still not to be judged.
    world.renew(&user, record.id).await.unwrap();
    world.publish(&lease, &user.fqdn("www"), "C2").await;
    let after = zone::read_snapshot(store).await.unwrap();
    assert!(
        after
            .in_flight(&before.hashes())
            .contains(&user.fqdn("www"))
    );
    let found = [
        outcome(&user.fqdn("www"), 0, &[(RecordType::A, None)]),
        outcome(&user.fqdn("unpublished"), 0, &[(RecordType::A, None)]),
    ];
    assert!(
        zone::mark_drift(store, &before, &found)
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(
        zone::mark_drift(store, &after, &found).await.unwrap().len(),
        1,
        "the clean one, as it is now"
    );
    // A send that may still come is publish's.
    let sent = world.outcome(&user.fqdn("www")).await;
    assert!(zone::intend(store, &lease, 0, &[sent]).await.unwrap());
    let pending = zone::read_snapshot(store).await.unwrap();
    assert!(
        pending
            .in_flight(&pending.hashes())
            .contains(&user.fqdn("www"))
    );
}

async fn a_set_without_a_name_is_brought_to_publish(world: &World) {
    let user = world.user("user1").await;
    let store = &world.store;
    let lease = world.lease().await;
    let fqdn = user.fqdn("www");
    world.create_www(&user).await;
    world.publish(&lease, &fqdn, "C1").await;
    world
        .run("DELETE FROM dns_records; DELETE FROM names")
        .await
        .unwrap();
    let view = zone::read_snapshot(store).await.unwrap();
    let found = [outcome(
        &fqdn,
        0,
        &[(RecordType::A, Some(body(&["192.168.1.9"])))],
    )];
    assert_eq!(
        zone::mark_drift(store, &view, &found).await.unwrap().len(),
        1
    );
    let again = zone::read_snapshot(store).await.unwrap();
    assert!(
        zone::mark_drift(store, &again, &found)
            .await
            .unwrap()
            .is_empty(),
        "it is on its way"
    );
    assert_eq!(
        zone::count_unpublished_at(store, store.now().await.unwrap())
            .await
            .unwrap(),
        1
    );
    assert!(
        world.unpublished().await.is_empty(),
        "not in the same moment"
    );
    world.later(2_100);
    assert_eq!(world.unpublished().await[0].name, fqdn);
    assert_eq!(zone::list_unpublished(store, 0).await.unwrap().len(), 0);
    let work = world.work(&fqdn).await;
    assert!(work.desired.is_empty() && work.owned[0].needs_read());
    let lease = lease::acquire(store, LeaseName::Publish, "two", 600_000)
        .await
        .unwrap()
        .unwrap_or(lease);
    let read = outcome(&fqdn, 0, &[(RecordType::A, Some(body(&["192.168.1.9"])))]);
    assert!(
        zone::record_read(store, &lease, std::slice::from_ref(&read))
            .await
            .unwrap()
    );
    let gone = outcome(&fqdn, 0, &[(RecordType::A, None)]);
    world.intend(&lease, &gone).await;
    assert!(
        zone::confirm(store, &lease, &[gone], Some("C2"))
            .await
            .unwrap()
    );
    assert!(world.owned().await.is_empty());
    assert_eq!(
        zone::count_unpublished_at(store, store.now().await.unwrap())
            .await
            .unwrap(),
        0
    );
}

//! Ownership that is rebuilt from the zone.

use super::*;

on_both!(
    adoption_confirms_what_the_zone_holds,
    adopted_orphans_are_unpublished_at_once,
);

async fn adoption_confirms_what_the_zone_holds(world: &World) {
    let user = world.user("user1").await;
    let store = &world.store;
    let lease = world.lease().await;
    world
        .create(&user, "same", "A", "192.168.1.1")
        .await
        .unwrap();
    world
        .create(&user, "refused", "A", "192.168.1.1")
        .await
        .unwrap();
    world.publish(&lease, &user.fqdn("same"), "C1").await;
    let generation = zone::read_snapshot(store).await.unwrap().names[&user.fqdn("refused")].0;
    assert!(
        zone::quarantine(
            store,
            &lease,
            &refused(&user.fqdn("refused"), generation, None, "not ours")
        )
        .await
        .unwrap()
    );
    world.run("DELETE FROM zone_rrset").await.unwrap();
    world
        .run(&format!(
            "UPDATE names SET sent_at = NULL, in_sync_at = NULL WHERE fqdn = '{}'",
            user.fqdn("same")
        ))
        .await
        .unwrap();
    assert!(world.unpublished().await.is_empty());
    let stand = [
        outcome(
            &user.fqdn("refused"),
            0,
            &[(RecordType::A, Some(body(&["203.0.113.9"])))],
        ),
        outcome(
            &user.fqdn("same"),
            0,
            &[(RecordType::A, Some(body(&["192.168.1.1"])))],
        ),
    ];
    assert_eq!(
        zone::adopt(store, &lease, &stand, KEEP).await.unwrap().sets,
        2
    );
    assert_eq!(
        zone::adopt(store, &lease, &stand, KEEP).await.unwrap().sets,
        0,
        "may be repeated"
    );
    assert_eq!(
        zone::pause_reason(store).await.unwrap().as_deref(),
        Some("adopted")
    );
    zone::resume(store).await.unwrap();
    let owned = world.owned().await;
    assert_eq!(owned.len(), 2);
    assert_eq!(owned[0].1.confirmed, Some(body(&["203.0.113.9"])));
    assert_eq!(
        world.unpublished().await[0].name,
        user.fqdn("refused"),
        "tried again at once"
    );
    assert!(
        zone::list_names_to_check(store, 10)
            .await
            .unwrap()
            .is_empty(),
        "nobody is asked about what has long stood"
    );
    let rows = records::list(store, user.id).await.unwrap();
    assert_eq!(
        rows.iter()
            .find(|row| row.name == user.fqdn("same"))
            .unwrap()
            .state,
        PublishState::InSync
    );
    lease::release(store, &lease).await.unwrap();
    assert_eq!(
        zone::adopt(store, &lease, &stand, KEEP).await.unwrap(),
        Adopted::default(),
        "only with the lease"
    );
    assert_eq!(
        zone::pause_reason(store).await.unwrap(),
        None,
        "what was not begun pauses nothing"
    );
    assert_eq!(
        world
            .number("SELECT COUNT(*) FROM audit_trail WHERE action = 'zone.adopt'")
            .await,
        2
    );
}

async fn adopted_orphans_are_unpublished_at_once(world: &World) {
    let user = world.user("user1").await;
    let store = &world.store;
    let lease = world.lease().await;
    world
        .create(&user, "beside", "A", "192.168.1.1")
        .await
        .unwrap();
    world.publish(&lease, &user.fqdn("beside"), "C1").await;
    let left = Some(body(&["203.0.113.9"]));
    let stand = ["bare", "beside"]
        .map(|name| outcome(&user.fqdn(name), 0, &[(RecordType::Mx, left.clone())]));
    let deed = AdoptionReason {
        goal: AdoptionGoal::Delete,
        ..KEEP
    };
    let adopted = zone::adopt(store, &lease, &stand, deed).await.unwrap();
    assert_eq!(
        (adopted.sets, adopted.names.len(), adopted.complete),
        (2, 2, true)
    );
    assert_eq!(
        zone::count_unpublished_at(store, store.now().await.unwrap())
            .await
            .unwrap(),
        2
    );
    assert_eq!(zone::pause_reason(store).await.unwrap(), None);
    let work = zone::read_work(store, &[user.fqdn("bare"), user.fqdn("beside")])
        .await
        .unwrap();
    for name in work {
        let set = name
            .owned
            .iter()
            .find(|set| set.rtype == RecordType::Mx)
            .unwrap();
        assert_eq!(
            set.confirmed, left,
            "publish deletes exactly what stands at {}",
            name.name
        );
    }
    assert_eq!(
        world
            .number("SELECT COUNT(*) FROM audit_trail WHERE action = 'zone.delete-orphans'")
            .await,
        1
    );
}

/// 50,000 records whose registry was lost, in one transaction for each 500 names.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_thousand_sets_are_adopted_in_seconds() {
    let world = World::mysql().await;
    let user = world.user("user1").await;
    world.create_www(&user).await;
    let digit = "(SELECT 0 d UNION SELECT 1 UNION SELECT 2 UNION SELECT 3 UNION SELECT 4 UNION \
                 SELECT 5 UNION SELECT 6 UNION SELECT 7 UNION SELECT 8 UNION SELECT 9)";
    let numbers = format!(
        "(SELECT a.d + 10 * b.d + 100 * c.d + 1000 * e.d + 10000 * f.d n \
         FROM {digit} a, {digit} b, {digit} c, {digit} e, {digit} f WHERE f.d < 5) m"
    );
    let columns = "class, user_id, type, input, presentation, value_hash, ttl, created_at, \
                   updated_at, expires_at";
    world
        .run(&format!(
            "INSERT INTO names (fqdn, user_id, class, created_at, updated_at) \
             SELECT CONCAT('n', n, '.{base}'), {id}, 'other', 0, 0 FROM {numbers}; \
             INSERT INTO dns_records (fqdn, {columns}) \
             SELECT CONCAT('n', m.n, '.{base}'), {columns} FROM dns_records, {numbers}",
            base = user.base,
            id = user.id
        ))
        .await
        .unwrap();
    let mut lease = world.lease().await;
    assert!(
        lease::renew(&world.store, &mut lease, 600_000)
            .await
            .unwrap()
    );
    let view = zone::read_snapshot(&world.store).await.unwrap();
    let stand: Vec<PublishedName> = view
        .desired
        .keys()
        .map(|name| outcome(name, 0, &[(RecordType::A, Some(body(&["192.168.1.1"])))]))
        .collect();
    assert_eq!(
        zone::adopt(&world.store, &lease, &stand, KEEP)
            .await
            .unwrap()
            .sets,
        50_001
    );
    assert!(
        zone::read_snapshot(&world.store)
            .await
            .unwrap()
            .in_flight(&view.hashes())
            .len()
            > 50_000
    );
}

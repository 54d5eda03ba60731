//! Names that the zone refused.

use super::*;

on_both!(
    a_refusal_is_shown_and_waits_longer_each_time,
    a_refused_set_waits_longer_though_the_others_go_through,
);

async fn a_refusal_is_shown_and_waits_longer_each_time(world: &World) {
    let user = world.user("user1").await;
    let a = world.create_www(&user).await;
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
        assert!(world.unpublished().await.is_empty(), "set aside");
        let wait = world.next_attempt_in().await;
        assert!(
            (minutes * 60_000 - 5_000..=minutes * 60_000).contains(&wait),
            "{wait} for {minutes}"
        );
        let counts = zone::count_unpublished(store).await.unwrap();
        assert_eq!((counts.unpublished, counts.refused), (0, 1));
        clock += minutes * 60_000 + 1_000;
        store.set_clock_offset(clock);
        assert_eq!(world.unpublished().await.len(), 1, "its time has come");
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
    world
        .edit(&user, txt.id, "www", "TXT", "shorter")
        .await
        .unwrap();
    assert_eq!(world.unpublished().await[0].generation, 3);
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
    let user = world.user("user1").await;
    world.create_www(&user).await;
    world.create(&user, "www", "TXT", "text").await.unwrap();
    let fqdn = user.fqdn("www");
    let store = &world.store;
    let mut clock = 0;
    for minutes in [1, 5, 30] {
        let lease = world.lease().await;
        let a = outcome(&fqdn, 2, &[(RecordType::A, Some(body(&["192.168.1.1"])))]);
        assert!(zone::confirm(store, &lease, &[a], None).await.unwrap());
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

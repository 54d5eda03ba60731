//! Edits, moves, renewals and deletions.

use super::*;

on_both!(
    another_user_finds_nothing,
    a_record_at_the_limit_can_be_edited,
    an_edit_may_move_the_record_to_another_name,
    crossing_moves_do_not_lock_each_other_out,
    an_edit_into_another_record_is_a_duplicate,
    renewing_restarts_the_six_months,
    ids_are_never_given_twice,
    every_change_makes_its_name_unpublished,
);

async fn another_user_finds_nothing(world: &World) {
    let owner = world.user("user1").await;
    let stranger = world.user("user2").await;
    let record = world.create_www(&owner).await;
    let new = stranger.record("www", "A", "192.168.1.2");
    let store = &world.store;
    for id in [record.id, RecordId(999_999)] {
        assert_eq!(records::get(store, stranger.id, id).await.unwrap(), None);
        assert!(matches!(
            records::edit(store, stranger.id, id, &new, &stranger.context).await,
            Err(RecordError::NotFound)
        ));
        assert!(matches!(
            records::renew(store, stranger.id, id, &stranger.context).await,
            Err(RecordError::NotFound)
        ));
        assert!(matches!(
            world.delete(&stranger, id).await,
            Err(RecordError::NotFound)
        ));
    }
    assert_eq!(
        records::get(store, owner.id, record.id).await.unwrap(),
        Some(record)
    );
    assert_eq!(
        world
            .number("SELECT COUNT(*) FROM names WHERE generation > 1")
            .await,
        0,
        "a refusal leaves no trace"
    );
}

async fn a_record_at_the_limit_can_be_edited(world: &World) {
    let user = world.user("user1").await;
    let record = records::create(
        &world.store,
        user.id,
        &user.record("www", "A", "192.168.1.1"),
        Some(1),
        &user.context,
    )
    .await
    .unwrap();
    let edited = world
        .edit(&user, record.id, "www", "A", "192.168.1.2")
        .await
        .unwrap();
    assert_eq!(edited.input, "192.168.1.2");
    let more = records::create(
        &world.store,
        user.id,
        &user.record("ftp", "A", "192.168.1.1"),
        Some(1),
        &user.context,
    )
    .await;
    assert!(
        matches!(more, Err(RecordError::QuotaReached { limit: 1 })),
        "{more:?}"
    );
}

async fn an_edit_may_move_the_record_to_another_name(world: &World) {
    let user = world.user("user1").await;
    let record = world.create_www(&user).await;
    let moved = world
        .edit(&user, record.id, "app", "A", "192.168.1.1")
        .await
        .unwrap();
    assert_eq!((moved.id, moved.name), (record.id, user.fqdn("app")));
    let unpublished = world.unpublished().await;
    let names: Vec<_> = unpublished
        .iter()
        .map(|name| (name.name.clone(), name.generation))
        .collect();
    assert_eq!(
        names.len(),
        2,
        "the old name must be emptied, the new one filled"
    );
    assert!(
        names.contains(&(user.fqdn("www"), 2)) && names.contains(&(user.fqdn("app"), 1)),
        "{names:?}"
    );
}

async fn crossing_moves_do_not_lock_each_other_out(world: &World) {
    let user = world.user("user1").await;
    let (a, b) = (
        world.create(&user, "aa", "A", "192.168.1.1").await.unwrap(),
        world.create(&user, "bb", "A", "192.168.1.2").await.unwrap(),
    );
    let (to_b, to_a) = (
        user.record("bb", "A", "192.168.1.1"),
        user.record("aa", "A", "192.168.1.2"),
    );
    let (one, two) = tokio::join!(
        records::edit(&world.store, user.id, a.id, &to_b, &user.context),
        records::edit(&world.store, user.id, b.id, &to_a, &user.context)
    );
    assert_eq!(
        (one.unwrap().name, two.unwrap().name),
        (user.fqdn("bb"), user.fqdn("aa"))
    );
}

async fn an_edit_into_another_record_is_a_duplicate(world: &World) {
    let user = world.user("user1").await;
    world.create_www(&user).await;
    let second = world
        .create(&user, "www", "A", "192.168.1.2")
        .await
        .unwrap();
    let same = user.record("www", "A", "192.168.1.1");
    let refused = records::edit(&world.store, user.id, second.id, &same, &user.context).await;
    assert!(
        matches!(refused, Err(RecordError::Duplicate)),
        "{refused:?}"
    );
    assert_eq!(
        records::get(&world.store, user.id, second.id)
            .await
            .unwrap(),
        Some(second),
        "rolled back whole"
    );
    let ended = "SELECT COUNT(*) FROM record_history WHERE action <> 'create'";
    assert_eq!(world.number(ended).await, 0);
}

async fn renewing_restarts_the_six_months(world: &World) {
    let user = world.user("user1").await;
    let record = world.create_www(&user).await;
    assert_eq!(record.expires_at, record_expires_at(record.created_at));
    world
        .run("UPDATE dns_records SET notified_at = 1")
        .await
        .unwrap();
    world.store.set_clock_offset(40 * 24 * 3_600_000);
    let renewed = records::renew(&world.store, user.id, record.id, &user.context)
        .await
        .unwrap();
    assert!(renewed.expires_at > record.expires_at);
    assert_eq!(renewed.expires_at, record_expires_at(renewed.updated_at));
    assert_eq!(renewed.created_at, record.created_at);
    assert_eq!(
        world
            .number("SELECT COUNT(*) FROM dns_records WHERE notified_at IS NULL")
            .await,
        1,
        "a new life, a new notice"
    );
}

async fn ids_are_never_given_twice(world: &World) {
    let user = world.user("user1").await;
    let first = world.create_www(&user).await;
    world.delete(&user, first.id).await.unwrap();
    let second = world.create_www(&user).await;
    assert!(second.id > first.id, "{second:?}");
}

async fn every_change_makes_its_name_unpublished(world: &World) {
    let user = world.user("user1").await;
    let record = world.create_www(&user).await;
    let fqdn = user.fqdn("www");
    let lease = world.lease().await;
    let mut expected = 1;
    let mut check = async |what: &str| {
        let unpublished = world.unpublished().await;
        assert_eq!(
            unpublished
                .iter()
                .map(|n| (n.name.as_str(), n.generation))
                .collect::<Vec<_>>(),
            [(fqdn.as_str(), expected)],
            "{what}"
        );
        world.publish(&lease, &fqdn, what).await;
        assert!(world.unpublished().await.is_empty(), "{what}");
        expected += 1;
    };
    check("create").await;
    let edited = world
        .edit(&user, record.id, "www", "A", "192.168.1.2")
        .await
        .unwrap();
    assert_eq!(edited.state, PublishState::Saved);
    check("edit").await;
    records::renew(&world.store, user.id, record.id, &user.context)
        .await
        .unwrap();
    check("renew").await;
    world.delete(&user, record.id).await.unwrap();
    check("delete").await;
    assert!(world.owned().await.is_empty());
}

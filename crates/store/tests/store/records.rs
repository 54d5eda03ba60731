//! Creating, editing, renewing and deleting: limits, exclusivity and ownership under parallel
//! requests.

use futures_util::future::join_all;
use starchart_domain::expiry::record_expires_at;
use starchart_domain::publish::PublishState;
use starchart_domain::record::{RecordId, RecordType};
use starchart_store::records::{self, RecordError};
use starchart_store::zone;

use crate::world::World;

on_both!(
    sixty_creates_at_a_limit_of_twenty_make_twenty,
    fifty_equal_creates_make_one,
    a_cname_stands_alone_in_every_order,
    a_cname_and_an_a_at_once_never_both,
    edits_of_the_type_at_once_never_leave_both,
    an_edit_turns_an_a_into_a_cname_and_back,
    a_stranger_finds_nothing,
    a_record_at_the_limit_can_be_edited,
    an_edit_may_move_the_record_to_another_name,
    crossing_moves_do_not_lock_each_other_out,
    an_edit_into_another_record_is_a_duplicate,
    renewing_begins_six_months_anew,
    ids_are_never_given_twice,
    every_change_makes_its_name_dirty,
    constraints_hold_without_the_store,
);

async fn sixty_creates_at_a_limit_of_twenty_make_twenty(world: &World) {
    let user = world.person("user1").await;
    let other = world.another().await;
    let new: Vec<_> = (0..60)
        .map(|n| user.record(&format!("host{n}"), "A", "192.168.1.1"))
        .collect();
    let creates = new.iter().enumerate().map(|(n, new)| {
        let store = if n % 2 == 0 { &world.store } else { &other };
        records::create(store, user.id, new, Some(20), &user.act)
    });
    let (made, refused): (Vec<_>, Vec<_>) =
        join_all(creates).await.into_iter().partition(Result::is_ok);
    assert_eq!(made.len(), 20);
    for fault in refused {
        assert!(
            matches!(fault, Err(RecordError::QuotaReached { limit: 20 })),
            "{fault:?}"
        );
    }
    assert_eq!(records::count(&world.store, user.id).await.unwrap(), 20);
    assert_eq!(
        records::list(&world.store, user.id).await.unwrap().len(),
        20
    );
}

async fn fifty_equal_creates_make_one(world: &World) {
    let user = world.person("user1").await;
    let new = user.record("www", "A", "192.168.1.1");
    let outcomes =
        join_all((0..50).map(|_| records::create(&world.store, user.id, &new, None, &user.act)))
            .await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    assert!(
        outcomes
            .iter()
            .filter(|o| o.is_err())
            .all(|o| matches!(o, Err(RecordError::Duplicate))),
        "{outcomes:?}"
    );
    assert_eq!(world.number("SELECT COUNT(*) FROM dns_records").await, 1);
}

async fn a_cname_stands_alone_in_every_order(world: &World) {
    let user = world.person("user1").await;
    let others = [
        ("A", "192.168.1.1"),
        ("AAAA", "2001:db8::1"),
        ("MX", "mail.example.com"),
        ("TXT", "text"),
    ];
    for (n, (kind, value)) in others.iter().enumerate() {
        let first = format!("a{n}");
        let second = format!("b{n}");
        world.create(&user, &first, kind, value).await.unwrap();
        let refused = world.create(&user, &first, "CNAME", "example.com").await;
        let with = RecordType::parse(kind).unwrap();
        assert!(
            matches!(refused, Err(RecordError::CnameConflict { with: w }) if w == with),
            "{refused:?}"
        );

        world
            .create(&user, &second, "CNAME", "example.com")
            .await
            .unwrap();
        let refused = world.create(&user, &second, kind, value).await;
        assert!(
            matches!(
                refused,
                Err(RecordError::CnameConflict {
                    with: RecordType::Cname
                })
            ),
            "{refused:?}"
        );
    }
    let again = world.create(&user, "b0", "CNAME", "example.com").await;
    assert!(matches!(again, Err(RecordError::Duplicate)), "{again:?}");
    let second = world
        .create(&user, "b0", "CNAME", "other.example.com")
        .await;
    assert!(
        matches!(
            second,
            Err(RecordError::CnameConflict {
                with: RecordType::Cname
            })
        ),
        "{second:?}"
    );

    // Once nothing stands there, a name may take the other class.
    let cname = records::list(&world.store, user.id)
        .await
        .unwrap()
        .into_iter()
        .find(|r| r.name == user.fqdn("b0"));
    records::delete(&world.store, user.id, cname.unwrap().id, &user.act)
        .await
        .unwrap();
    world.create(&user, "b0", "A", "192.168.1.1").await.unwrap();
}

async fn a_cname_and_an_a_at_once_never_both(world: &World) {
    let user = world.person("user1").await;
    let other = world.another().await;
    for round in 0..10 {
        let name = format!("n{round}");
        let (a, cname) = (
            user.record(&name, "A", "192.168.1.1"),
            user.record(&name, "CNAME", "example.com"),
        );
        let both = [
            records::create(&world.store, user.id, &a, None, &user.act),
            records::create(&other, user.id, &cname, None, &user.act),
        ];
        let outcomes = join_all(both).await;
        assert_eq!(
            outcomes.iter().filter(|outcome| outcome.is_ok()).count(),
            1,
            "{outcomes:?}"
        );
        assert!(
            outcomes
                .iter()
                .any(|o| matches!(o, Err(RecordError::CnameConflict { .. }))),
            "{outcomes:?}"
        );
    }
    assert_eq!(records::count(&world.store, user.id).await.unwrap(), 10);
}

async fn edits_of_the_type_at_once_never_leave_both(world: &World) {
    let user = world.person("user1").await;
    let one = world
        .create(&user, "www", "A", "192.168.1.1")
        .await
        .unwrap();
    let two = world
        .create(&user, "www", "A", "192.168.1.2")
        .await
        .unwrap();
    let cname = user.record("www", "CNAME", "example.com");
    let edits =
        [one.id, two.id].map(|id| records::edit(&world.store, user.id, id, &cname, &user.act));
    let outcomes = join_all(edits).await;
    assert!(
        outcomes.iter().all(Result::is_err),
        "each has the other beside it: {outcomes:?}"
    );

    records::delete(&world.store, user.id, two.id, &user.act)
        .await
        .unwrap();
    let more = user.record("www", "A", "192.168.1.3");
    let (edited, created) = tokio::join!(
        records::edit(&world.store, user.id, one.id, &cname, &user.act),
        records::create(&world.store, user.id, &more, None, &user.act)
    );
    assert!(edited.is_ok() != created.is_ok(), "{edited:?} {created:?}");
    assert_eq!(
        world
            .number("SELECT COUNT(DISTINCT class) FROM dns_records")
            .await,
        1
    );
}

async fn an_edit_turns_an_a_into_a_cname_and_back(world: &World) {
    let user = world.person("user1").await;
    let before = world
        .create(&user, "www", "A", "192.168.1.1")
        .await
        .unwrap();
    let cname = user.record("www", "CNAME", "example.com");
    let edited = records::edit(&world.store, user.id, before.id, &cname, &user.act)
        .await
        .unwrap();
    assert_eq!(
        (edited.id, edited.created_at, edited.rtype),
        (before.id, before.created_at, RecordType::Cname)
    );
    assert_eq!(edited.presentation, "example.com.");
    let back = records::edit(
        &world.store,
        user.id,
        before.id,
        &user.record("www", "AAAA", "2001:db8::1"),
        &user.act,
    )
    .await
    .unwrap();
    assert_eq!((back.id, back.rtype), (before.id, RecordType::Aaaa));
    assert_eq!(records::count(&world.store, user.id).await.unwrap(), 1);
}

async fn a_stranger_finds_nothing(world: &World) {
    let owner = world.person("user1").await;
    let stranger = world.person("user2").await;
    let record = world
        .create(&owner, "www", "A", "192.168.1.1")
        .await
        .unwrap();
    let new = stranger.record("www", "A", "192.168.1.2");
    let store = &world.store;
    for id in [record.id, RecordId(999_999)] {
        assert_eq!(records::get(store, stranger.id, id).await.unwrap(), None);
        assert!(matches!(
            records::edit(store, stranger.id, id, &new, &stranger.act).await,
            Err(RecordError::NotFound)
        ));
        assert!(matches!(
            records::renew(store, stranger.id, id, &stranger.act).await,
            Err(RecordError::NotFound)
        ));
        assert!(matches!(
            records::delete(store, stranger.id, id, &stranger.act).await,
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
    let user = world.person("user1").await;
    let record = records::create(
        &world.store,
        user.id,
        &user.record("www", "A", "192.168.1.1"),
        Some(1),
        &user.act,
    )
    .await
    .unwrap();
    let edited = records::edit(
        &world.store,
        user.id,
        record.id,
        &user.record("www", "A", "192.168.1.2"),
        &user.act,
    )
    .await
    .unwrap();
    assert_eq!(edited.input, "192.168.1.2");
    let more = records::create(
        &world.store,
        user.id,
        &user.record("ftp", "A", "192.168.1.1"),
        Some(1),
        &user.act,
    )
    .await;
    assert!(
        matches!(more, Err(RecordError::QuotaReached { limit: 1 })),
        "{more:?}"
    );
}

async fn an_edit_may_move_the_record_to_another_name(world: &World) {
    let user = world.person("user1").await;
    let record = world
        .create(&user, "www", "A", "192.168.1.1")
        .await
        .unwrap();
    let moved = records::edit(
        &world.store,
        user.id,
        record.id,
        &user.record("app", "A", "192.168.1.1"),
        &user.act,
    )
    .await
    .unwrap();
    assert_eq!((moved.id, moved.name), (record.id, user.fqdn("app")));
    let dirty = zone::list_unpublished(&world.store, 10).await.unwrap();
    let names: Vec<_> = dirty
        .iter()
        .map(|name| (name.fqdn.clone(), name.generation))
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
    let user = world.person("user1").await;
    let (a, b) = (
        world.create(&user, "aa", "A", "192.168.1.1").await.unwrap(),
        world.create(&user, "bb", "A", "192.168.1.2").await.unwrap(),
    );
    let (to_b, to_a) = (
        user.record("bb", "A", "192.168.1.1"),
        user.record("aa", "A", "192.168.1.2"),
    );
    let (one, two) = tokio::join!(
        records::edit(&world.store, user.id, a.id, &to_b, &user.act),
        records::edit(&world.store, user.id, b.id, &to_a, &user.act)
    );
    assert_eq!(
        (one.unwrap().name, two.unwrap().name),
        (user.fqdn("bb"), user.fqdn("aa"))
    );
}

async fn an_edit_into_another_record_is_a_duplicate(world: &World) {
    let user = world.person("user1").await;
    world
        .create(&user, "www", "A", "192.168.1.1")
        .await
        .unwrap();
    let second = world
        .create(&user, "www", "A", "192.168.1.2")
        .await
        .unwrap();
    let same = user.record("www", "A", "192.168.1.1");
    let refused = records::edit(&world.store, user.id, second.id, &same, &user.act).await;
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
    assert_eq!(world.number("SELECT COUNT(*) FROM record_history").await, 0);
}

async fn renewing_begins_six_months_anew(world: &World) {
    let user = world.person("user1").await;
    let record = world
        .create(&user, "www", "A", "192.168.1.1")
        .await
        .unwrap();
    assert_eq!(record.expires_at, record_expires_at(record.created_at));
    world
        .run("UPDATE dns_records SET notified_at = 1")
        .await
        .unwrap();
    world.store.set_clock_offset(40 * 24 * 3_600_000);
    let renewed = records::renew(&world.store, user.id, record.id, &user.act)
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
    let user = world.person("user1").await;
    let first = world
        .create(&user, "www", "A", "192.168.1.1")
        .await
        .unwrap();
    records::delete(&world.store, user.id, first.id, &user.act)
        .await
        .unwrap();
    let second = world
        .create(&user, "www", "A", "192.168.1.1")
        .await
        .unwrap();
    assert!(second.id > first.id, "{second:?}");
}

async fn every_change_makes_its_name_dirty(world: &World) {
    let user = world.person("user1").await;
    let record = world
        .create(&user, "www", "A", "192.168.1.1")
        .await
        .unwrap();
    let fqdn = user.fqdn("www");
    let lease = world.lease().await;
    let mut expected = 1;
    let mut check = async |what: &str| {
        let dirty = zone::list_unpublished(&world.store, 10).await.unwrap();
        assert_eq!(
            dirty
                .iter()
                .map(|n| (n.fqdn.as_str(), n.generation))
                .collect::<Vec<_>>(),
            [(fqdn.as_str(), expected)],
            "{what}"
        );
        world.publish(&lease, &fqdn, what).await;
        assert!(
            zone::list_unpublished(&world.store, 10)
                .await
                .unwrap()
                .is_empty(),
            "{what}"
        );
        expected += 1;
    };
    check("create").await;
    let edited = records::edit(
        &world.store,
        user.id,
        record.id,
        &user.record("www", "A", "192.168.1.2"),
        &user.act,
    )
    .await
    .unwrap();
    assert_eq!(edited.state, PublishState::Saved);
    check("edit").await;
    records::renew(&world.store, user.id, record.id, &user.act)
        .await
        .unwrap();
    check("renew").await;
    records::delete(&world.store, user.id, record.id, &user.act)
        .await
        .unwrap();
    check("delete").await;
    assert!(world.owned().await.is_empty());
}

/// What the program promises, the schema holds alone.
async fn constraints_hold_without_the_store(world: &World) {
    let user = world.person("user1").await;
    world
        .create(&user, "www", "A", "192.168.1.1")
        .await
        .unwrap();
    world
        .create(&user, "alias", "CNAME", "example.com")
        .await
        .unwrap();
    let columns =
        "user_id, input, presentation, value_hash, ttl, created_at, updated_at, expires_at";
    let insert = |name: &str, class: &str, kind: &str| {
        format!(
            "INSERT INTO dns_records (fqdn, class, type, {columns}) \
             SELECT '{}', '{class}', '{kind}', user_id, input, presentation, \
             X'0000000000000000000000000000000000000000000000000000000000000000', ttl, \
             created_at, updated_at, expires_at FROM dns_records LIMIT 1",
            user.fqdn(name)
        )
    };
    assert!(
        world.run(&insert("www", "other", "A")).await.is_ok(),
        "the statement itself is right"
    );
    for (name, class, kind) in [
        ("www", "cname", "CNAME"),
        ("www", "other", "CNAME"),
        ("www", "cname", "A"),
        ("alias", "cname", "CNAME"),
        ("alias", "other", "A"),
        ("nowhere", "other", "A"),
        ("www", "third", "A"),
    ] {
        assert!(
            world.run(&insert(name, class, kind)).await.is_err(),
            "{name} {class} {kind}"
        );
    }
    for refused in [
        "UPDATE names SET class = 'cname' WHERE class = 'other'",
        "DELETE FROM names",
        "DELETE FROM users",
        "UPDATE names SET applied_generation = generation + 1",
    ] {
        assert!(world.run(refused).await.is_err(), "{refused}");
    }
}

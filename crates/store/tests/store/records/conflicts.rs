//! Limits, duplicates and CNAMEs, also when requests come at once.

use super::*;

on_both!(
    sixty_creates_at_a_limit_of_twenty_make_twenty,
    fifty_equal_creates_make_one,
    a_cname_stands_alone_in_every_order,
    a_cname_and_an_a_at_once_never_both,
    edits_of_the_type_at_once_never_leave_both,
    a_null_mx_is_the_only_mx_in_every_order,
    a_null_mx_and_an_mx_at_once_never_both,
    an_edit_turns_an_a_into_a_cname_and_back,
    constraints_hold_without_the_store,
);

async fn sixty_creates_at_a_limit_of_twenty_make_twenty(world: &World) {
    let user = world.user("user1").await;
    let other = world.another().await;
    let new: Vec<_> = (0..60)
        .map(|n| user.record(&format!("host{n}"), "A", "192.168.1.1"))
        .collect();
    let creates = new.iter().enumerate().map(|(n, new)| {
        let store = if n % 2 == 0 { &world.store } else { &other };
        records::create(store, user.id, new, Some(20), &user.context)
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
    let user = world.user("user1").await;
    let new = user.record("www", "A", "192.168.1.1");
    let outcomes = join_all(
        (0..50).map(|_| records::create(&world.store, user.id, &new, None, &user.context)),
    )
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
    let user = world.user("user1").await;
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
    records::delete(&world.store, user.id, cname.unwrap().id, &user.context)
        .await
        .unwrap();
    world.create(&user, "b0", "A", "192.168.1.1").await.unwrap();
}

async fn a_cname_and_an_a_at_once_never_both(world: &World) {
    let user = world.user("user1").await;
    let other = world.another().await;
    for round in 0..10 {
        let name = format!("n{round}");
        let (a, cname) = (
            user.record(&name, "A", "192.168.1.1"),
            user.record(&name, "CNAME", "example.com"),
        );
        let both = [
            records::create(&world.store, user.id, &a, None, &user.context),
            records::create(&other, user.id, &cname, None, &user.context),
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

async fn a_null_mx_is_the_only_mx_in_every_order(world: &World) {
    let user = world.user("user1").await;
    let create = async |new: NewRecord| {
        records::create(&world.store, user.id, &new, None, &user.context).await
    };
    let conflict = |result| matches!(result, Err(RecordError::NullMxConflict));
    create(user.mx("a", "0", ".")).await.unwrap();
    assert!(conflict(create(user.mx("a", "0", "mx.example.com")).await));
    create(user.mx("b", "0", "mx.example.com")).await.unwrap();
    assert!(conflict(create(user.mx("b", "0", ".")).await));
    assert!(matches!(
        create(user.mx("a", "0", ".")).await,
        Err(RecordError::Duplicate)
    ));
    // Records of other types and names are none of its business.
    world.create(&user, "a", "A", "192.168.1.1").await.unwrap();
    create(user.mx("c.a", "5", "mx.example.com")).await.unwrap();
    // An edit takes the place of the record.
    let edit = async |from: &str, new: NewRecord| {
        let all = records::list(&world.store, user.id).await.unwrap();
        let mut mx = all.iter().filter(|record| record.rtype == RecordType::Mx);
        let old = mx.find(|record| record.name == user.fqdn(from)).unwrap().id;
        records::edit(&world.store, user.id, old, &new, &user.context).await
    };
    assert!(conflict(edit("a", user.mx("b", "0", ".")).await));
    assert!(conflict(
        edit("b", user.mx("a", "7", "mx.example.com")).await
    ));
    edit("a", user.mx("a", "5", "mx.example.com"))
        .await
        .unwrap();
    create(user.mx("a", "6", "mx2.example.com")).await.unwrap();
    edit("b", user.mx("b", "0", ".")).await.unwrap();
}

async fn a_null_mx_and_an_mx_at_once_never_both(world: &World) {
    let user = world.user("user1").await;
    let other = world.another().await;
    for round in 0..10 {
        let name = format!("n{round}");
        let (null, mx) = (
            user.mx(&name, "0", "."),
            user.mx(&name, "5", "mx.example.com"),
        );
        let both = [
            records::create(&world.store, user.id, &null, None, &user.context),
            records::create(&other, user.id, &mx, None, &user.context),
        ];
        let outcomes = join_all(both).await;
        let created = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
        assert_eq!(created, 1, "{outcomes:?}");
        assert!(
            outcomes
                .iter()
                .any(|o| matches!(o, Err(RecordError::NullMxConflict))),
            "{outcomes:?}"
        );
    }
}

async fn edits_of_the_type_at_once_never_leave_both(world: &World) {
    let user = world.user("user1").await;
    let one = world.create_www(&user).await;
    let two = world
        .create(&user, "www", "A", "192.168.1.2")
        .await
        .unwrap();
    let cname = user.record("www", "CNAME", "example.com");
    let edits =
        [one.id, two.id].map(|id| records::edit(&world.store, user.id, id, &cname, &user.context));
    let outcomes = join_all(edits).await;
    assert!(
        outcomes.iter().all(Result::is_err),
        "each has the other beside it: {outcomes:?}"
    );

    world.delete(&user, two.id).await.unwrap();
    let more = user.record("www", "A", "192.168.1.3");
    let (edited, created) = tokio::join!(
        records::edit(&world.store, user.id, one.id, &cname, &user.context),
        records::create(&world.store, user.id, &more, None, &user.context)
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
    let user = world.user("user1").await;
    let before = world.create_www(&user).await;
    let cname = user.record("www", "CNAME", "example.com");
    let edited = records::edit(&world.store, user.id, before.id, &cname, &user.context)
        .await
        .unwrap();
    assert_eq!(
        (edited.id, edited.created_at, edited.rtype),
        (before.id, before.created_at, RecordType::Cname)
    );
    assert_eq!(edited.presentation, "example.com.");
    let back = world
        .edit(&user, before.id, "www", "AAAA", "2001:db8::1")
        .await
        .unwrap();
    assert_eq!((back.id, back.rtype), (before.id, RecordType::Aaaa));
    assert_eq!(records::count(&world.store, user.id).await.unwrap(), 1);
}

/// What the program promises, the schema holds alone.
async fn constraints_hold_without_the_store(world: &World) {
    let user = world.user("user1").await;
    world.create_www(&user).await;
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

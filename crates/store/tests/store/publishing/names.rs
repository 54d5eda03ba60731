//! Unpublished names: their RRsets, their order, and many at once.

use super::*;

on_both!(
    records_of_one_name_share_their_sets,
    a_record_shows_its_publish_state,
    names_that_wait_longest_come_first,
    saves_during_publishing_are_not_lost,
    a_batch_of_many_names_is_written_as_each_name_would_be,
);

async fn records_of_one_name_share_their_sets(world: &World) {
    let user = world.user("user1").await;
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
    assert_eq!((counts.unpublished, counts.refused), (2, 0));
    assert!(zone::read_work(&world.store, &[]).await.unwrap().is_empty());
}

async fn a_record_shows_its_publish_state(world: &World) {
    let user = world.user("user1").await;
    let record = world.create_www(&user).await;
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
    records::renew(store, user.id, record.id, &user.context)
        .await
        .unwrap();
    zone::confirm(store, &lease, &[outcome(&fqdn, 2, &[])], None)
        .await
        .unwrap();
    assert_eq!(state().await, PublishState::Answered { by: 4, of: 4 });
    world
        .edit(&user, record.id, "www", "A", "192.168.1.2")
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
    let user = world.user("user1").await;
    for (n, name) in ["zz", "mm", "aa"].iter().enumerate() {
        world
            .store
            .set_clock_offset(i64::try_from(n).unwrap() * 1_000);
        world.create(&user, name, "A", "192.168.1.1").await.unwrap();
    }
    // Changing again does not send a name to the end of the queue.
    world.create(&user, "zz", "A", "192.168.1.2").await.unwrap();
    let unpublished = zone::list_unpublished(&world.store, 2).await.unwrap();
    assert_eq!(unpublished, [user.fqdn("zz"), user.fqdn("mm")]);
}

/// Savers and a publisher at once: in the end the registry equals the rows, and nothing is owed.
async fn saves_during_publishing_are_not_lost(world: &World) {
    let user = world.user("user1").await;
    let other = world.another().await;
    let lease = lease::acquire(&world.store, LeaseName::Publish, "one", 120_000)
        .await
        .unwrap()
        .unwrap();
    let saves = async {
        for n in 0..30 {
            let new = user.record(&format!("n{}", n % 5), "A", &format!("192.168.1.{n}"));
            let made = records::create(&other, user.id, &new, None, &user.context)
                .await
                .unwrap();
            if n % 3 == 0 {
                records::delete(&other, user.id, made.id, &user.context)
                    .await
                    .unwrap();
            }
        }
    };
    let publishing = async {
        for round in 0..30 {
            for name in world.unpublished().await {
                world
                    .publish(&lease, &name.name, &format!("C{round}{}", name.name))
                    .await;
            }
        }
    };
    tokio::join!(saves, publishing);
    for name in world.unpublished().await {
        world
            .publish(&lease, &name.name, &format!("last {}", name.name.len()))
            .await;
    }
    assert!(world.unpublished().await.is_empty());
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
    let user = world.user("user1").await;
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
        zone::confirm(store, &lease, &confirmed, Some("C1"))
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

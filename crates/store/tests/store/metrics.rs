//! What monitoring reads.

use starchart_store::lease;
use starchart_store::{metrics, zone};

use crate::world::{DAY_MS, World};

on_both!(
    an_idle_service_has_nothing_unpublished,
    unpublished_names_are_counted_without_refused_ones,
    orders_and_certificates_are_counted,
    a_lease_ages_from_when_it_was_taken,
    connections_are_counted,
);

async fn an_idle_service_has_nothing_unpublished(world: &World) {
    let read = metrics::read_snapshot(&world.store).await.unwrap();
    assert_eq!(read.names, zone::NameCounts::default());
    assert!(!read.is_paused && read.leases.is_empty() && read.audit.is_none());
    assert_eq!(
        (
            read.orders.pending,
            read.orders.failed_24h,
            read.orders.oldest_created_at,
            read.orders.oldest_step_due_at
        ),
        (0, 0, None, None)
    );
    assert_eq!(
        (read.certificates.active, read.certificates.next_expiry),
        (0, None)
    );
    assert_eq!((read.mails.pending, read.mails.failed), (0, 0));
}

async fn unpublished_names_are_counted_without_refused_ones(world: &World) {
    let user = world.user("user1").await;
    for name in ["one", "two", "three"] {
        world.create(&user, name, "A", "192.168.1.1").await.unwrap();
    }
    world
        .publish(&world.lease().await, &user.fqdn("one"), "change")
        .await;
    let refused = format!(
        "UPDATE names SET refused_generation = generation, unpublished_since = 1 WHERE fqdn = '{}'",
        user.fqdn("two")
    );
    world.run(&refused).await.unwrap();
    world.later(90_000);
    zone::pause(&world.store, "a test").await.unwrap();
    let read = metrics::read_snapshot(&world.store).await.unwrap();
    assert_eq!((read.names.unpublished, read.names.refused), (1, 1));
    let lag = read.now.since(read.names.oldest_unpublished_at.unwrap());
    assert!(
        (90_000..110_000).contains(&lag),
        "the refused one is older and does not count: {lag}"
    );
    assert!(read.is_paused);
}

async fn orders_and_certificates_are_counted(world: &World) {
    let mut people = Vec::new();
    for name in ["user1", "user2", "user3", "user4", "user5"] {
        people.push(world.user(name).await);
    }
    // How many days are left of how long a life.
    let lives = [(3, 18), (20, 80), (60, 180), (-1, 60)];
    for (who, (days, life)) in people.iter().zip(lives) {
        world.certificate(who, days).await;
        world
            .run(&format!(
                "UPDATE certificates SET not_before = not_after - {} WHERE user_id = {}",
                life * DAY_MS,
                who.id
            ))
            .await
            .unwrap();
    }
    // Replaced ones count no more.
    world.certificate(&people[4], 2).await;
    world
        .run(&format!(
            "UPDATE certificates SET state = 'replaced' WHERE user_id = {}",
            people[4].id
        ))
        .await
        .unwrap();
    let now = world.store.now().await.unwrap();
    for (n, (step, created, due, finished)) in [
        ("'opened'", 600_000, 5_000, None),
        ("'opened'", 60_000, -60_000, None),
        ("'failed'", 600_000, 0, Some(1_000)),
        ("'failed'", 600_000, 0, Some(2 * DAY_MS)),
        ("'issued'", 600_000, 0, Some(1_000)),
    ]
    .into_iter()
    .enumerate()
    {
        let at = |ago: i64| now.plus(-ago).as_millis();
        let finished = finished.map_or("NULL".to_owned(), |ago| at(ago).to_string());
        world
            .run(&format!(
                "INSERT INTO certificate_orders (user_id, domain, step, next_step_at, created_at, \
                 updated_at, finished_at) VALUES ({}, '{}', {step}, {}, {}, 0, {finished})",
                people[n].id,
                people[n].base,
                at(due),
                at(created)
            ))
            .await
            .unwrap();
    }
    let read = metrics::read_snapshot(&world.store).await.unwrap();
    assert_eq!((read.orders.pending, read.orders.failed_24h), (2, 1));
    assert_eq!(read.orders.oldest_created_at, Some(now.plus(-600_000)));
    assert_eq!(read.orders.oldest_step_due_at, Some(now.plus(-5_000)));
    assert_eq!(read.certificates.active, 4);
    assert_eq!(
        (
            read.certificates.with_sixth_left,
            read.certificates.with_quarter_left
        ),
        (1, 2)
    );
    assert_eq!(
        read.certificates.expired_last_7_days, 1,
        "nobody renewed it"
    );
    world
        .run(&format!(
            "UPDATE certificates SET state = 'expired' WHERE user_id = {}",
            people[3].id
        ))
        .await
        .unwrap();
    let ended = async || {
        metrics::read_snapshot(&world.store)
            .await
            .unwrap()
            .certificates
            .expired_last_7_days
    };
    assert_eq!(ended().await, 1);
    world.certificate(&people[3], 90).await;
    assert_eq!(ended().await, 0, "there is another");
    world.later(4 * DAY_MS);
    assert_eq!(ended().await, 1, "the one that had three days");
    world.later(7 * DAY_MS);
    assert_eq!(ended().await, 0, "somebody has been told for a week");
    let next = read.certificates.next_expiry.unwrap().since(now);
    assert!(
        (2 * DAY_MS..=3 * DAY_MS).contains(&next),
        "the one that is over is told of elsewhere: {next}"
    );
}

async fn a_lease_ages_from_when_it_was_taken(world: &World) {
    let held = async || {
        let read = metrics::read_snapshot(&world.store).await.unwrap();
        read.leases
            .iter()
            .find(|lease| lease.name == "publish")
            .unwrap()
            .held_ms
    };
    let mut lease = world.lease().await;
    world.later(10_000);
    assert!(
        lease::renew(&world.store, &mut lease, 15_000)
            .await
            .unwrap()
    );
    world.later(10_000);
    let age = held().await;
    assert!(
        (20_000..30_000).contains(&age),
        "an extension does not make it young: {age}"
    );
    lease::release(&world.store, &lease).await.unwrap();
    assert_eq!(held().await, 0, "nobody has it");
    world.later(60_000);
    world.lease().await;
    assert!(held().await < 10_000, "another holder, another age");
}

async fn connections_are_counted(world: &World) {
    metrics::read_snapshot(&world.store).await.unwrap();
    let pool = world.store.pool();
    assert!(
        pool.open >= 1 && pool.idle <= pool.open && pool.max == 8,
        "{pool:?}"
    );
}

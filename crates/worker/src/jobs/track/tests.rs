#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::sync::Arc;

use starchart_dns::propagation::Propagation;
use starchart_store::records;

use super::*;
use crate::tests::World;

async fn answers(world: &World) -> (i64, i64) {
    (
        world.number("SELECT answered_by FROM names").await,
        world.number("SELECT answered_of FROM names").await,
    )
}

#[tokio::test]
async fn a_change_is_tracked_until_the_name_server_answers_with_it() {
    let world = World::new().await;
    let user = world.user("kepler").await;
    world.record(&user, "www", "A", "192.0.2.1").await;
    world.publish().await;
    world.provider.put(&user.fqdn("www"), "A", "198.51.100.1");
    assert_eq!(world.run(&Track).await, Outcome::Again(POLL_INTERVAL));
    assert_eq!(answers(&world).await, (0, 1));
    assert!(
        zone::list_unsynced_changes(world.store())
            .await
            .unwrap()
            .is_empty()
    );

    world.provider.put(&user.fqdn("www"), "A", "192.0.2.1");
    world.later(60_000);
    assert_eq!(world.run(&Track).await, Outcome::Done);
    assert_eq!(answers(&world).await, (1, 1));
}

#[tokio::test]
async fn a_change_of_the_ttl_alone_is_tracked_until_the_name_server_answers_with_it() {
    let world = World::new().await;
    let user = world.user("kepler").await;
    world.record(&user, "www", "A", "192.0.2.1").await;
    world.publish().await;
    let name = user.fqdn("www");
    world.provider.put_with_ttl(&name, "A", "192.0.2.1", 60);
    assert_eq!(world.run(&Track).await, Outcome::Again(POLL_INTERVAL));
    assert_eq!(answers(&world).await, (0, 1));

    world.provider.put_with_ttl(&name, "A", "192.0.2.1", 300);
    assert_eq!(world.run(&Track).await, Outcome::Done);
    assert_eq!(answers(&world).await, (1, 1));
}

#[tokio::test]
async fn a_deletion_is_tracked_until_the_name_server_answers_with_nothing() {
    let world = World::new().await;
    let user = world.user("kepler").await;
    let record = world.record(&user, "www", "A", "192.0.2.1").await;
    world.record(&user, "www", "TXT", "stays").await;
    let alone = world.record(&user, "alone", "A", "192.0.2.2").await;
    world.publish().await;
    world.run(&Track).await;
    for id in [record.id, alone.id] {
        let deleted = records::delete(world.store(), user.id, id, &user.audit_context()).await;
        deleted.unwrap();
    }
    world.publish().await;
    // The server still has the old RRsets.
    for (name, value) in [("www", "192.0.2.1"), ("alone", "192.0.2.2")] {
        assert!(world.provider.values(&user.fqdn(name), "A").is_empty());
        world.provider.put(&user.fqdn(name), "A", value);
    }
    let live = "SELECT COUNT(*) FROM names WHERE answered_by = answered_of";
    assert_eq!(world.run(&Track).await, Outcome::Again(POLL_INTERVAL));
    assert_eq!(world.number(live).await, 0);

    world.provider.remove(&user.fqdn("alone"), "A");
    assert_eq!(world.run(&Track).await, Outcome::Again(POLL_INTERVAL));
    assert_eq!(world.number(live).await, 1);
    world.provider.remove(&user.fqdn("www"), "A");
    assert_eq!(world.run(&Track).await, Outcome::Done);
    assert_eq!(world.number(live).await, 2);
}

#[tokio::test]
async fn a_wildcard_answers_for_a_deleted_name() {
    let world = World::new().await;
    let user = world.user("kepler").await;
    world.record(&user, "*", "A", "192.0.2.9").await;
    let record = world.record(&user, "www", "A", "192.0.2.1").await;
    world.publish().await;
    world.run(&Track).await;
    records::delete(world.store(), user.id, record.id, &user.audit_context())
        .await
        .unwrap();
    world.publish().await;
    world.provider.put(&user.fqdn("www"), "A", "192.0.2.9");
    assert_eq!(world.run(&Track).await, Outcome::Done);
}

#[tokio::test]
async fn a_silent_name_server_is_asked_again() {
    let mut world = World::new().await;
    // Nothing listens there.
    world.context.propagation = Arc::new(Propagation::new(vec!["127.0.0.1:1".to_owned()]));
    let user = world.user("kepler").await;
    world.record(&user, "www", "A", "192.0.2.1").await;
    world.publish().await;
    assert_eq!(world.run(&Track).await, Outcome::Again(POLL_INTERVAL));
    assert_eq!(answers(&world).await, (0, 1));
}

#[tokio::test]
async fn nothing_is_tracked_without_a_change_or_without_the_lease() {
    let world = World::new().await;
    assert_eq!(world.run(&Track).await, Outcome::Done);
    let user = world.user("kepler").await;
    world.record(&user, "www", "A", "192.0.2.1").await;
    world.publish().await;
    world.other_lease(LeaseName::Track).await.unwrap();
    assert_eq!(world.run(&Track).await, Outcome::Done);
    assert_eq!(
        zone::list_unsynced_changes(world.store())
            .await
            .unwrap()
            .len(),
        1
    );
}

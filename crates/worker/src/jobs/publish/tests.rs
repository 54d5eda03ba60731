#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use starchart_dns::provider::{ChangeError, ProviderError};
use starchart_store::lease;
use tokio::sync::oneshot;

use super::*;
use crate::tests::World;

async fn unpublished(world: &World) -> usize {
    zone::list_unpublished(world.store(), 100)
        .await
        .unwrap()
        .len()
}

#[tokio::test]
async fn a_record_is_published_and_tracked() {
    let world = World::new().await;
    let user = world.user("kepler").await;
    world.record(&user, "www", "A", "192.0.2.1").await;
    assert_eq!(world.run(&Publish).await, Outcome::Again(Duration::ZERO));
    assert_eq!(world.provider.values(&user.fqdn("www"), "A"), ["192.0.2.1"]);
    assert_eq!(world.woken().await, [WakeUp::Track]);
    assert_eq!(world.run(&Publish).await, Outcome::Done, "nothing is left");
    assert!(
        world.other_lease(LeaseName::Publish).await.is_some(),
        "the lease was released"
    );
}

#[tokio::test]
async fn a_foreign_rrset_in_the_way_quarantines_its_own_name_only() {
    let world = World::new().await;
    let user = world.user("kepler").await;
    world.provider.put(&user.fqdn("www"), "A", "198.51.100.1");
    world.record(&user, "www", "A", "192.0.2.1").await;
    world.record(&user, "mail", "A", "192.0.2.2").await;
    world.publish().await;
    assert_eq!(
        world.provider.values(&user.fqdn("www"), "A"),
        ["198.51.100.1"]
    );
    assert_eq!(
        world.provider.values(&user.fqdn("mail"), "A"),
        ["192.0.2.2"]
    );
    let refused = zone::list_refusals(world.store()).await.unwrap();
    assert_eq!(refused.into_keys().collect::<Vec<_>>(), [user.fqdn("www")]);

    world.provider.zone.remove(&user.fqdn("www"), "A");
    world.later(61_000);
    world.publish().await;
    assert_eq!(
        world.provider.values(&user.fqdn("www"), "A"),
        ["192.0.2.1"],
        "retried after a minute"
    );
}

#[tokio::test]
async fn a_change_that_was_not_applied_is_retried() {
    let world = World::new().await;
    let user = world.user("kepler").await;
    world.record(&user, "www", "A", "192.0.2.1").await;
    let unavailable = ProviderError::Unavailable("connection refused".to_owned());
    world.provider.fail_change(unavailable.into());
    let outcome = world.run(&Publish).await;
    assert!(
        matches!(outcome, Outcome::Again(after) if !after.is_zero()),
        "{outcome:?}"
    );
    assert_eq!(unpublished(&world).await, 1);
    world.publish().await;
    assert_eq!(world.provider.values(&user.fqdn("www"), "A"), ["192.0.2.1"]);
}

#[tokio::test]
async fn an_unknown_outcome_is_resolved_by_reading_the_zone() {
    let world = World::new().await;
    let user = world.user("kepler").await;
    world.record(&user, "www", "A", "192.0.2.1").await;
    let lost = ChangeError::OutcomeUnknown("connection reset".to_owned());
    world.provider.fail_change(lost);
    // The change took effect although no answer came.
    world.provider.put(&user.fqdn("www"), "A", "192.0.2.1");
    world.run(&Publish).await;
    world.later(121_000);
    world.publish().await;
    assert_eq!(world.provider.values(&user.fqdn("www"), "A"), ["192.0.2.1"]);
    assert!(zone::list_refusals(world.store()).await.unwrap().is_empty());
}

#[tokio::test]
async fn publishing_stops_while_it_is_paused() {
    let world = World::new().await;
    let user = world.user("kepler").await;
    world.record(&user, "www", "A", "192.0.2.1").await;
    zone::pause(world.store(), "maintenance").await.unwrap();
    let paused = Outcome::GiveUp("publishing is paused: maintenance".to_owned());
    assert_eq!(world.run(&Publish).await, paused);
    assert!(world.provider.values(&user.fqdn("www"), "A").is_empty());
    zone::resume(world.store()).await.unwrap();
    world.publish().await;
    assert_eq!(unpublished(&world).await, 0);
}

#[tokio::test]
async fn a_process_without_the_lease_publishes_nothing() {
    let world = World::new().await;
    let user = world.user("kepler").await;
    world.record(&user, "www", "A", "192.0.2.1").await;
    let other = world.other_lease(LeaseName::Publish).await.unwrap();
    assert_eq!(world.run(&Publish).await, Outcome::Done);
    assert!(world.provider.values(&user.fqdn("www"), "A").is_empty());
    lease::release(world.store(), &other).await.unwrap();
    world.publish().await;
    assert_eq!(world.provider.values(&user.fqdn("www"), "A"), ["192.0.2.1"]);
}

/// Lets another process acquire the lease during the next change; returns its lease.
fn lose_lease_during_change(world: &World) -> oneshot::Receiver<Lease> {
    let store = world.store().clone();
    let (sender, receiver) = oneshot::channel();
    world.provider.during_change(async move {
        store.set_clock_offset(16_000);
        let taken = lease::acquire(&store, LeaseName::Publish, "two", 60_000).await;
        let _ = sender.send(taken.unwrap().unwrap());
    });
    receiver
}

/// Counts the names that [`zone::record_unfenced_changes`] changed after one record each.
async fn recorded_unfenced(world: &World) -> i64 {
    let names = "SELECT COUNT(*) FROM names WHERE generation = 2 AND applied_generation < 2";
    world.number(names).await
}

#[tokio::test]
async fn a_lease_lost_during_a_change_ends_the_run() {
    let world = World::new().await;
    let user = world.user("kepler").await;
    world.record(&user, "www", "A", "192.0.2.1").await;
    world.record(&user, "mail", "A", "192.0.2.2").await;
    let other = lose_lease_during_change(&world);
    let ended = Outcome::Again(LEASE_LOST_RETRY_AFTER);
    assert_eq!(world.run(&Publish).await, ended);
    let other = other.await.unwrap();
    assert_eq!(unpublished(&world).await, 2, "nothing is confirmed");
    assert_eq!(
        recorded_unfenced(&world).await,
        2,
        "the other process reads what was sent"
    );
    assert_eq!(
        world.run(&Publish).await,
        Outcome::Done,
        "the other process still holds the lease"
    );

    lease::release(world.store(), &other).await.unwrap();
    world.publish().await;
    assert_eq!(unpublished(&world).await, 0);
    assert!(zone::list_refusals(world.store()).await.unwrap().is_empty());
    assert_eq!(world.provider.values(&user.fqdn("www"), "A"), ["192.0.2.1"]);
    assert_eq!(
        world.provider.values(&user.fqdn("mail"), "A"),
        ["192.0.2.2"]
    );
}

#[tokio::test]
async fn a_lease_lost_before_the_zone_is_read_ends_the_run() {
    let world = World::new().await;
    let user = world.user("kepler").await;
    world.record(&user, "www", "A", "192.0.2.1").await;
    let lost = ChangeError::OutcomeUnknown("connection reset".to_owned());
    world.provider.fail_change(lost);
    world.provider.put(&user.fqdn("www"), "A", "192.0.2.1");
    let other = lose_lease_during_change(&world);
    let ended = Outcome::Again(LEASE_LOST_RETRY_AFTER);
    assert_eq!(world.run(&Publish).await, ended);
    assert_eq!(recorded_unfenced(&world).await, 1);

    lease::release(world.store(), &other.await.unwrap())
        .await
        .unwrap();
    world.publish().await;
    assert_eq!(unpublished(&world).await, 0);
    assert!(zone::list_refusals(world.store()).await.unwrap().is_empty());
}

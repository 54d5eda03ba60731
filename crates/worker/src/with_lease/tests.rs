#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use super::*;
use crate::tests::World;

const TERMS: LeaseTerms = LeaseTerms::new(LeaseName::Track, 60_000);

async fn is_free(world: &World) -> bool {
    world.other_lease(LeaseName::Track).await.is_some()
}

/// Does work that returns whether another process could acquire the lease meanwhile.
async fn work_with(world: &World, release: Release) -> Option<bool> {
    let work = async |_: &Lease| is_free(world).await;
    with_lease(&world.context, TERMS, || release, work)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_lease_is_held_during_the_work_and_released_after_it() {
    let world = World::new().await;
    assert_eq!(work_with(&world, Release::Now).await, Some(false));
    assert!(is_free(&world).await);
}

#[tokio::test]
async fn work_is_not_done_while_another_process_holds_the_lease() {
    let world = World::new().await;
    world.other_lease(LeaseName::Track).await.unwrap();
    assert_eq!(work_with(&world, Release::Now).await, None);
}

#[tokio::test]
async fn a_lease_that_limits_a_rate_outlives_the_work() {
    let world = World::new().await;
    work_with(&world, Release::AtExpiry).await;
    assert!(!is_free(&world).await);
    world.later(61_000);
    work_with(&world, Release::After(Duration::from_secs(10))).await;
    assert!(!is_free(&world).await);
    world.later(11_000);
    assert!(is_free(&world).await);
}

#[tokio::test]
async fn long_work_renews_the_lease() {
    let world = World::new().await;
    let short = LeaseTerms::new(LeaseName::Track, 2_000);
    let work = async |lease: &Lease| {
        sleep(Duration::from_secs(3)).await;
        is_still_held(world.store(), short, lease).await.unwrap()
    };
    let held = with_lease(&world.context, short, || Release::Now, work).await;
    assert_eq!(held.unwrap(), Some(true));
}

#[tokio::test]
async fn a_lost_lease_is_noticed_and_not_released() {
    let world = World::new().await;
    let work = async |lease: &Lease| {
        world.later(61_000);
        assert!(is_free(&world).await, "another process acquires it");
        is_still_held(world.store(), TERMS, lease).await.unwrap()
    };
    let held = with_lease(&world.context, TERMS, || Release::Now, work).await;
    assert_eq!(held.unwrap(), Some(false));
    let third = lease::acquire(world.store(), LeaseName::Track, "three", 1_000).await;
    assert!(third.unwrap().is_none(), "the other process still holds it");
}

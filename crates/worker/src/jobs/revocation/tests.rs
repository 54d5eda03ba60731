use super::*;
use crate::tests::World;

/// Issues a certificate and requests its revocation.
async fn with_pending_revocation() -> World {
    let world = World::new().await;
    let user = world.user("kepler").await;
    world.request_certificate(&user).await;
    world.issue_certificate(&user).await;
    world
        .sql("UPDATE certificates SET revocation_requested_at = 1")
        .await;
    world
}

async fn is_pending(world: &World) -> bool {
    world
        .number("SELECT COUNT(*) FROM certificates WHERE revoked_at IS NULL")
        .await
        == 1
}

#[tokio::test]
async fn a_certificate_is_revoked_once() {
    let world = with_pending_revocation().await;
    assert_eq!(world.run(&Revocation).await, Outcome::Done);
    assert!(!is_pending(&world).await);
    world.later(INTERVAL_MS + 1_000);
    world.run(&Revocation).await;
    assert_eq!(world.authority.revoked().len(), 1);
}

#[tokio::test]
async fn a_refused_revocation_stays_pending() {
    let world = with_pending_revocation().await;
    let refused = AuthorityError::Refused("not now".to_owned());
    world.authority.fail("revoke", refused);
    world.run(&Revocation).await;
    assert!(is_pending(&world).await);
    world.authority.recover();
    world.run(&Revocation).await;
    assert!(is_pending(&world).await, "the lease limits the rate");
    world.later(24 * 60 * 60 * 1_000);
    world.run(&Revocation).await;
    assert!(!is_pending(&world).await);
}

#[tokio::test]
async fn revocations_wait_as_long_as_the_authority_asks() {
    let day = Duration::from_secs(24 * 60 * 60);
    let (retry_after, detail) = (Some(2 * day), "not today".to_owned());
    for error in [
        AuthorityError::RateLimited {
            retry_after,
            detail: detail.clone(),
        },
        AuthorityError::Unavailable {
            retry_after,
            detail,
        },
    ] {
        let world = with_pending_revocation().await;
        world.authority.fail("revoke", error);
        world.run(&Revocation).await;
        world.authority.recover();
        world.later(47 * 60 * 60 * 1_000);
        world.run(&Revocation).await;
        assert!(is_pending(&world).await, "too early");
        world.later(60 * 60 * 1_000 + INTERVAL_MS);
        world.run(&Revocation).await;
        assert!(!is_pending(&world).await);
    }
}

#[tokio::test]
async fn without_a_pending_revocation_no_lease_is_acquired() {
    let world = World::new().await;
    assert_eq!(world.run(&Revocation).await, Outcome::Done);
    let lease = world.other_lease(LeaseName::Revocations).await;
    assert!(lease.is_some());
}

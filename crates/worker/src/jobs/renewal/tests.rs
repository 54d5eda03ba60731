#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use starchart_store::certificates;

use super::*;
use crate::jobs::certificate::Certificate;
use crate::jobs::revocation::Revocation;
use crate::tests::authority::CERTIFICATE_DAYS;
use crate::tests::{DAY_MS, TestUser, World};

async fn is_renewed(world: &World, user: &TestUser) -> bool {
    let overview = certificates::load_overview(world.store(), user.id).await;
    overview.unwrap().order.is_some_and(|order| order.automatic)
}

#[tokio::test]
async fn a_renewal_opens_with_a_third_of_the_lifetime_left() {
    let world = World::new().await;
    let user = world.user("kepler").await;
    world.request_certificate(&user).await;
    let first = world.issue_certificate(&user).await;
    world.later((CERTIFICATE_DAYS * 2 / 3 - 1) * DAY_MS);
    world.run(&Renewal).await;
    assert!(!is_renewed(&world, &user).await);
    world.woken().await;

    world.later(2 * DAY_MS);
    assert_eq!(world.run(&Renewal).await, Outcome::Done);
    assert!(is_renewed(&world, &user).await);
    assert_eq!(world.woken().await, [WakeUp::Certificate]);
    let second = world.issue_certificate(&user).await;
    assert_ne!(first.certificate, second.certificate);
}

#[tokio::test]
async fn the_lease_limits_the_rate_of_all_processes() {
    let world = World::new().await;
    world.run(&Renewal).await;
    assert!(world.other_lease(LeaseName::Certificates).await.is_none());
    world.later(INTERVAL_MS + 1_000);
    assert!(world.other_lease(LeaseName::Certificates).await.is_some());
}

#[tokio::test]
async fn a_certificate_that_nobody_may_use_is_found_and_revoked() {
    let world = World::new().await;
    let user = world.user("kepler").await;
    world.request_certificate(&user).await;
    // The certificate is issued, but its download fails.
    world
        .authority
        .fail("download chain", AuthorityError::unavailable("no answer"));
    world.advance_orders(10).await;
    assert_eq!(world.authority.calls().last(), Some(&"download chain"));
    world.authority.recover();
    world.sql("UPDATE users SET suspended_at = 1").await;
    world.later(10 * 60_000);
    world.run(&Certificate).await;

    world.run(&Renewal).await;
    let found = "SELECT COUNT(*) FROM certificates WHERE state = 'deleted'";
    assert_eq!(world.number(found).await, 1);
    world.run(&Revocation).await;
    assert_eq!(world.authority.revoked().len(), 1);
    let revoked = "SELECT COUNT(*) FROM certificates WHERE revoked_at IS NOT NULL";
    assert_eq!(world.number(revoked).await, 1);
}

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use starchart_dns::provider::ProviderError;
use starchart_store::lease::LeaseName;
use starchart_store::zone::AuditOutcome;

use super::*;
use crate::tests::{TestUser, World};

const HOUR_MS: i64 = 60 * 60 * 1_000;

fn audit() -> Audit {
    Audit::new(StartTime::default())
}

/// Publishes so many records of a new user.
async fn published(count: u32) -> (World, TestUser) {
    let world = World::new().await;
    let user = world.user("kepler").await;
    for n in 0..count {
        world
            .record(&user, &format!("host{n}"), "A", &format!("192.0.2.{n}"))
            .await;
    }
    world.publish().await;
    (world, user)
}

async fn last(world: &World) -> (Timestamp, AuditOutcome) {
    let row = zone::find_audit(world.store()).await.unwrap().unwrap();
    let (at, result) = row.last.unwrap();
    (at, result.outcome)
}

#[tokio::test]
async fn small_drift_is_repaired() {
    let (world, user) = published(3).await;
    world.provider.zone.remove(&user.fqdn("host1"), "A");
    assert_eq!(world.run(&audit()).await, Outcome::Done);
    assert_eq!(last(&world).await.1, AuditOutcome::Repaired);
    world.publish().await;
    assert_eq!(
        world.provider.values(&user.fqdn("host1"), "A"),
        ["192.0.2.1"]
    );
}

#[tokio::test]
async fn large_drift_waits_for_an_operator() {
    let (world, user) = published(12).await;
    for n in 0..12 {
        world
            .provider
            .zone
            .remove(&user.fqdn(&format!("host{n}")), "A");
    }
    assert_eq!(world.run(&audit()).await, Outcome::Done);
    assert_eq!(last(&world).await.1, AuditOutcome::NeedsApproval);
    world.publish().await;
    assert!(
        world.provider.values(&user.fqdn("host1"), "A").is_empty(),
        "nothing was changed"
    );
}

#[tokio::test]
async fn a_zone_is_audited_once_in_each_interval() {
    let (world, _) = published(1).await;
    let audit = audit();
    world.run(&audit).await;
    let (first, _) = last(&world).await;
    world.later(HOUR_MS - 60_000);
    assert_eq!(world.run(&audit).await, Outcome::Done);
    assert_eq!(last(&world).await.0, first);
    world.later(61_000);
    world.run(&audit).await;
    assert!(last(&world).await.0 > first);
}

#[tokio::test]
async fn an_audit_of_another_process_counts() {
    let (world, _) = published(1).await;
    let audit = audit();
    world.run(&audit).await;
    let (first, _) = last(&world).await;
    // This process decided to audit before the other one was done.
    let lease = world.lease(LeaseName::Audit).await;
    let outcome = audit.run(&world.context, Some(&lease)).await.unwrap();
    assert_eq!(outcome, Outcome::Again(CHECK_MIN));
    assert_eq!(last(&world).await.0, first);
}

#[tokio::test]
async fn a_process_checks_again_soon_while_another_one_audits() {
    let (world, _) = published(1).await;
    world.other_lease(LeaseName::Audit).await.unwrap();
    assert_eq!(world.run(&audit()).await, Outcome::Again(CHECK_MIN));
    assert!(zone::find_audit(world.store()).await.unwrap().is_none());
}

#[tokio::test]
async fn a_failed_audit_is_recorded_and_retried_after_a_minute() {
    let (world, _) = published(1).await;
    let audit = audit();
    world.provider.fail_list(ProviderError::Throttled);
    assert_eq!(world.run(&audit).await, Outcome::Done);
    let problem = async || {
        let row = zone::find_audit(world.store()).await.unwrap().unwrap();
        row.problem.is_some()
    };
    assert!(problem().await);
    world.later(50_000);
    world.run(&audit).await;
    assert!(problem().await, "not before");
    world.later(11_000);
    world.run(&audit).await;
    assert!(!problem().await);
    assert_eq!(last(&world).await.1, AuditOutcome::Clean);
}

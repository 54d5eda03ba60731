//! What an owner revokes.

use starchart_domain::certificate::RevocationReason;
use starchart_store::certificates::revocations::{self, Replacement, Revocation};

use super::*;

on_both!(
    a_revoked_certificate_is_out_of_use_and_pending,
    a_compromised_key_is_replaced_at_once,
    only_valid_certificates_of_the_owner_are_revoked,
);

async fn revoke(
    world: &World,
    who: &TestUser,
    id: i64,
    reason: RevocationReason,
    replacement: Replacement,
) -> bool {
    let context = context(who.id);
    revocations::revoke(&world.store, who.id, id, reason, replacement, &context)
        .await
        .unwrap()
}

async fn pending(world: &World) -> Vec<(i64, RevocationReason)> {
    let pending = renewals::list_pending_revocations(&world.store, 10).await;
    let of = |it: renewals::PendingRevocation| (it.id, it.reason);
    pending.unwrap().into_iter().map(of).collect()
}

/// The certificates that are valid, the newest first: whether in use, and the revocation.
async fn valid(world: &World, who: &TestUser) -> Vec<(bool, Revocation)> {
    let valid = revocations::list_valid(&world.store, who.id).await.unwrap();
    valid
        .iter()
        .map(|it| (it.is_active, it.revocation))
        .collect()
}

async fn a_revoked_certificate_is_out_of_use_and_pending(world: &World) {
    let user = world.user("user1").await;
    let first = world.issued(&user, 90).await;
    assert_eq!(valid(world, &user).await, [(true, Revocation::None)]);
    // The sweep opened a renewal, which goes with the certificate.
    world
        .run("UPDATE certificates SET renew_at = 1")
        .await
        .unwrap();
    assert_eq!(renewals::open_due(&world.store, 10).await.unwrap(), 1);
    let reason = RevocationReason::CessationOfOperation;
    assert!(revoke(world, &user, first.id, reason, Replacement::None).await);
    assert_eq!(valid(world, &user).await, [(false, Revocation::Pending)]);
    assert_eq!(pending(world).await, [(first.id, reason)]);
    assert_eq!(world.certificates("key_ciphertext IS NOT NULL").await, 0);
    let overview = certificates::load_overview(&world.store, user.id).await;
    assert_eq!(overview.unwrap(), certificates::Overview::default());

    let again = revoke(world, &user, first.id, reason, Replacement::None).await;
    assert!(!again, "revoked once");
    renewals::mark_revoked(&world.store, first.id)
        .await
        .unwrap();
    let done = valid(world, &user).await;
    assert!(
        matches!(done[..], [(false, Revocation::Done(_))]),
        "{done:?}"
    );
    let trail = "SELECT COUNT(*) FROM audit_trail WHERE action = 'certificate.revoke'";
    assert_eq!(world.number(trail).await, 1);
}

async fn a_compromised_key_is_replaced_at_once(world: &World) {
    let user = world.user("user1").await;
    let first = world.issued(&user, 90).await;
    let reason = RevocationReason::KeyCompromise;
    assert!(revoke(world, &user, first.id, reason, Replacement::Request).await);
    assert_eq!(pending(world).await, [(first.id, reason)]);
    let claim = world.key_saved().await;
    world.finish(&claim, 90).await;
    let now = valid(world, &user).await;
    assert_eq!(
        now,
        [(true, Revocation::None), (false, Revocation::Pending)]
    );
    // The replacement is none of the user's requests of the day.
    for _ in 0..2 {
        world
            .run("UPDATE certificates SET not_before = 1, not_after = 2")
            .await
            .unwrap();
        world.ask(&user).await.unwrap();
        let claim = world.key_saved().await;
        world.finish(&claim, 90).await;
    }
}

async fn only_valid_certificates_of_the_owner_are_revoked(world: &World) {
    let user = world.user("user1").await;
    let other = world.user("user2").await;
    let earlier = world.issued(&user, 90).await;
    assert!(
        certificates::delete(&world.store, user.id, &context(user.id))
            .await
            .unwrap()
    );
    let active = world.issued(&user, 90).await;
    let reason = RevocationReason::Superseded;
    assert!(!revoke(world, &other, earlier.id, reason, Replacement::None).await);
    // A deleted one is still valid, and the one in use is not touched.
    assert!(revoke(world, &user, earlier.id, reason, Replacement::Request).await);
    let now = valid(world, &user).await;
    assert_eq!(
        now,
        [(true, Revocation::None), (false, Revocation::Pending)]
    );
    assert_eq!(
        world
            .number("SELECT COUNT(*) FROM certificate_orders WHERE finished_at IS NULL")
            .await,
        0
    );
    world
        .run("UPDATE certificates SET not_after = 1")
        .await
        .unwrap();
    assert_eq!(valid(world, &user).await, []);
    assert!(
        !revoke(world, &user, active.id, reason, Replacement::None).await,
        "expired"
    );
}

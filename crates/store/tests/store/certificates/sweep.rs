//! What the sweep does: renewals, and orders whose outcome is unknown.

use super::*;

on_both!(
    a_certificate_is_renewed_once,
    the_outcome_of_an_abandoned_order_is_found,
    a_request_expedites_an_automatic_renewal,
);

async fn a_certificate_is_renewed_once(world: &World) {
    let user = world.user("user1").await;
    world.issued(&user, 6).await;
    assert_eq!(
        renewals::open_due(&world.store, 10).await.unwrap(),
        0,
        "half of its life first"
    );
    let other = world.another().await;
    for store in [&world.store, &other] {
        store.set_clock_offset(4 * DAY + 60_000);
    }
    let sweeps =
        (0..6).map(|n| renewals::open_due(if n % 2 == 0 { &world.store } else { &other }, 10));
    let opened: u64 = join_all(sweeps).await.into_iter().map(Result::unwrap).sum();
    assert_eq!(opened, 1);

    // A failed one waits for an hour, then for two.
    for hours in [1, 2] {
        let work = world.claim().await;
        assert!(work.facts.automatic);
        assert!(
            orders::fail(
                &world.store,
                &work.claim,
                &FailureReason::Refused("down".into())
            )
            .await
            .unwrap()
        );
        assert_eq!(renewals::open_due(&world.store, 10).await.unwrap(), 0);
        let wait = world
            .number("SELECT next_renewal_at FROM certificates")
            .await
            - world.store.now().await.unwrap().as_millis();
        assert!(
            (hours * 3_600_000 - 60_000..=hours * 3_600_000).contains(&wait),
            "{wait}"
        );
        world
            .run("UPDATE certificates SET next_renewal_at = 1")
            .await
            .unwrap();
        assert_eq!(renewals::open_due(&world.store, 10).await.unwrap(), 1);
    }
    let claim = world.key_saved().await;
    world.finish(&claim, 6).await;
    assert_eq!(world.certificates("state = 'active'").await, 1);
    assert_eq!(world.certificates("state = 'replaced'").await, 1);
    assert_eq!(renewals::open_due(&world.store, 10).await.unwrap(), 0);
    world.ask(&user).await.unwrap_err();

    // The user's delete ends the sweep's renewal, too.
    world
        .run("UPDATE certificates SET renew_at = 1")
        .await
        .unwrap();
    assert_eq!(renewals::open_due(&world.store, 10).await.unwrap(), 1);
    assert!(
        certificates::delete(&world.store, user.id, &context(user.id))
            .await
            .unwrap()
    );
    assert!(orders::list_due(&world.store, 10).await.unwrap().is_empty());
}

async fn the_outcome_of_an_abandoned_order_is_found(world: &World) {
    let store = &world.store;
    for name in ["user1", "user2"] {
        let user = world.user(name).await;
        let claim = world.with_key(&user).await;
        assert!(orders::mark_finalizing(store, &claim).await.unwrap());
        orders::abandon(store, &claim).await.unwrap();
    }
    let given_up = renewals::list_unresolved_orders(store, 10).await.unwrap();
    assert_eq!(given_up.len(), 2);
    assert_eq!(given_up[0].url, "https://ca.example/order/1");
    let came = issued(store, 90).await;
    for _ in 0..2 {
        renewals::resolve_order(store, &given_up[0], Some(&came))
            .await
            .unwrap();
    }
    renewals::resolve_order(store, &given_up[1], None)
        .await
        .unwrap();
    assert!(
        renewals::list_unresolved_orders(store, 10)
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(
        world
            .certificates("state = 'deleted' AND key_ciphertext IS NULL")
            .await,
        1
    );
    let owed = renewals::list_pending_revocations(store, 10).await.unwrap();
    assert_eq!(
        (owed.len(), owed[0].certificate.as_str()),
        (1, "CERTIFICATE")
    );
    // One that is not taken makes room for the others, for an hour, then for two.
    renewals::postpone_revocation(store, owed[0].id)
        .await
        .unwrap();
    for (minutes, due) in [(0, 0), (61, 1), (61, 0), (61 + 121, 1)] {
        store.set_clock_offset(minutes * 60_000);
        assert_eq!(
            renewals::list_pending_revocations(store, 10)
                .await
                .unwrap()
                .len(),
            due,
            "{minutes}"
        );
        if due == 1 {
            renewals::postpone_revocation(store, owed[0].id)
                .await
                .unwrap();
        }
    }
    store.set_clock_offset(DAY);
    renewals::mark_revoked(store, owed[0].id).await.unwrap();
    assert!(
        renewals::list_pending_revocations(store, 10)
            .await
            .unwrap()
            .is_empty()
    );
    assert!(
        Timestamp::from_millis(world.number("SELECT revoked_at FROM certificates").await)
            > came.not_before
    );
}

async fn a_request_expedites_an_automatic_renewal(world: &World) {
    let user = world.user("user1").await;
    let store = &world.store;
    world.issued(&user, 6).await;
    let patient = Postponement {
        for_ms: DAY,
        failed: Some(true),
        show_retry_time: true,
        ..Postponement::default()
    };
    let asked_for = Postponement {
        requested_by_ca: true,
        ..patient.clone()
    };
    for (pause, due) in [(patient, 1), (asked_for, 0)] {
        world
            .run("UPDATE certificates SET renew_at = 1")
            .await
            .unwrap();
        world
            .run("UPDATE certificate_orders SET created_at = 1 WHERE finished_at IS NOT NULL")
            .await
            .unwrap();
        assert_eq!(renewals::open_due(store, 10).await.unwrap(), 1);
        let work = world.claim().await;
        assert!(orders::postpone(store, &work.claim, &pause).await.unwrap());
        assert!(orders::list_due(store, 10).await.unwrap().is_empty());
        let order = world.ask(&user).await.unwrap();
        assert_eq!((order.id, order.automatic), (work.claim.order, false));
        assert!(
            matches!(world.ask(&user).await, Err(RequestError::OrderPending)),
            "it is the user's own now"
        );
        assert_eq!(
            orders::list_due(store, 10).await.unwrap().len(),
            due,
            "the authority's own wait is kept: {pause:?}"
        );
        assert_eq!(order.retry_at.is_some(), due == 0);
        world
            .run(
                "UPDATE certificate_orders SET finished_at = 1, step = 'abandoned' \
                 WHERE finished_at IS NULL",
            )
            .await
            .unwrap();
    }
    assert_eq!(
        world
            .number(
                "SELECT COUNT(*) FROM audit_trail \
                 WHERE detail = 'the pending automatic renewal'"
            )
            .await,
        2
    );
}

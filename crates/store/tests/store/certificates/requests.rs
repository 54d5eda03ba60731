//! Requests for certificates, and their limits.

use super::*;

on_both!(
    of_many_requests_one_makes_an_order,
    requests_a_day_are_limited,
    a_renewal_is_taken_when_it_is_due,
    a_deleted_certificate_is_out_of_use,
);

async fn of_many_requests_one_makes_an_order(world: &World) {
    let user = world.user("user1").await;
    let answers = join_all((0..8).map(|_| world.ask(&user))).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
    assert!(
        answers
            .iter()
            .all(|answer| matches!(answer, Ok(_) | Err(RequestError::OrderPending))),
        "{answers:?}"
    );
    assert_eq!(
        world
            .number("SELECT COUNT(*) FROM certificate_orders")
            .await,
        1
    );
    assert_eq!(world.number("SELECT COUNT(*) FROM audit_trail").await, 1);
    // And the index says so, whatever the code does.
    let second = "INSERT INTO certificate_orders (user_id, domain, step, next_step_at, \
                  created_at, updated_at) SELECT user_id, domain, step, 1, 1, 1 \
                  FROM certificate_orders";
    assert!(world.run(second).await.is_err());
}

async fn requests_a_day_are_limited(world: &World) {
    let user = world.user("user1").await;
    for _ in 0..3 {
        world.ask(&user).await.unwrap();
        let claim = world.claim().await.claim;
        assert!(
            orders::fail(&world.store, &claim, &FailureReason::Refused("no".into()))
                .await
                .unwrap()
        );
    }
    // What the sweep opened does not count.
    world
        .run("UPDATE certificate_orders SET created_at = created_at - 3600000 WHERE id = 1")
        .await
        .unwrap();
    let refused = world.ask(&user).await.unwrap_err();
    let RequestError::TooManyRequests { limit: 3, next_at } = refused else {
        panic!("{refused:?}")
    };
    let wait = next_at.since(world.store.now().await.unwrap());
    assert!(
        (DAY - 3_700_000..=DAY - 3_500_000).contains(&wait),
        "{wait}"
    );
    world
        .run("UPDATE certificate_orders SET automatic = 1 WHERE id = 1")
        .await
        .unwrap();
    world.ask(&user).await.unwrap();
}

async fn a_renewal_is_taken_when_it_is_due(world: &World) {
    let user = world.user("user1").await;
    let first = world.issued(&user, 90).await;
    let early = world.ask(&user).await.unwrap_err();
    let RequestError::NotDue { from } = early else {
        panic!("{early:?}")
    };
    assert_eq!(from, first.not_after.plus(-30 * DAY));
    world.store.set_clock_offset(61 * DAY);
    let claim = world.with_key(&user).await;
    let overview = certificates::load_overview(&world.store, user.id)
        .await
        .unwrap();
    assert_eq!(
        overview.active.as_ref(),
        Some(&first),
        "usable until the new one is there"
    );
    assert!(
        certificates::load_private_key(&world.store, user.id, first.id)
            .await
            .unwrap()
            .is_some()
    );
    world.finish(&claim, 90).await;
    let second = certificates::load_overview(&world.store, user.id)
        .await
        .unwrap()
        .active
        .unwrap();
    assert_ne!(second.id, first.id);
    assert_eq!(
        world
            .certificates("state = 'replaced' AND key_ciphertext IS NULL")
            .await,
        1
    );
    assert_eq!(
        certificates::load_private_key(&world.store, user.id, first.id)
            .await
            .unwrap(),
        None
    );
}

async fn a_deleted_certificate_is_out_of_use(world: &World) {
    let user = world.user("user1").await;
    assert!(
        !certificates::delete(&world.store, user.id, &context(user.id))
            .await
            .unwrap()
    );
    let active = world.issued(&user, 90).await;
    let other = world.user("user2").await;
    assert!(
        !certificates::delete(&world.store, other.id, &context(other.id))
            .await
            .unwrap()
    );
    assert!(
        certificates::delete(&world.store, user.id, &context(user.id))
            .await
            .unwrap()
    );
    assert_eq!(
        certificates::load_overview(&world.store, user.id)
            .await
            .unwrap(),
        certificates::Overview::default()
    );
    assert_eq!(
        certificates::load_private_key(&world.store, user.id, active.id)
            .await
            .unwrap(),
        None
    );
    assert_eq!(
        world
            .certificates(
                "state = 'deleted' AND key_ciphertext IS NULL AND revocation_requested_at IS NULL"
            )
            .await,
        1
    );
    assert_eq!(
        world
            .number("SELECT COUNT(*) FROM audit_trail WHERE action = 'certificate.delete'")
            .await,
        1
    );
    world.ask(&user).await.unwrap();
}

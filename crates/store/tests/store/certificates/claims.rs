//! Orders as the worker walks them: claims, waits, and how they end.

use super::*;

on_both!(
    an_order_goes_from_request_to_certificate,
    one_of_many_claims_an_order,
    an_expired_claim_changes_nothing,
    a_claim_changes_one_order_until_its_time_is_over,
    starts_are_counted_until_a_step_is_done,
    a_wait_that_was_asked_for_is_kept_across_steps,
    a_failed_order_leaves_nothing_behind,
    a_suspended_user_gets_no_certificate,
);

async fn an_order_goes_from_request_to_certificate(world: &World) {
    let user = world.user("user1").await;
    // At the limit of records, which challenges do not count against.
    let limit = user.record("www", "A", "192.168.1.1");
    starchart_store::records::create(&world.store, user.id, &limit, Some(1), &context(user.id))
        .await
        .unwrap();
    let asked = world.ask(&user).await.unwrap();
    assert_eq!(
        (asked.step, asked.problem, asked.dns),
        (OrderStep::Requested, None, None)
    );
    assert!(
        certificates::has_any(&world.store, user.id).await.unwrap(),
        "one is under way"
    );
    assert_eq!(
        world
            .number("SELECT COUNT(*) FROM audit_trail WHERE action = 'certificate.request'")
            .await,
        1
    );

    let claim = world.with_key_and_way(&user).await;
    assert_eq!(
        orders::load_csr(&world.store, &claim).await.unwrap(),
        Some(b"csr".to_vec())
    );
    assert_eq!(
        orders::load_key(&world.store, &claim).await.unwrap(),
        Some(Secret::new(KEY))
    );
    assert_eq!(
        world
            .number("SELECT COUNT(*) FROM certificate_orders WHERE step = 'key_saved'")
            .await,
        1
    );
    world.finish(&claim, 90).await;

    let overview = certificates::load_overview(&world.store, user.id)
        .await
        .unwrap();
    let active = overview.active.unwrap();
    assert_eq!(
        (active.domain.as_str(), overview.order),
        (user.base.as_str(), None)
    );
    assert_eq!(
        (active.certificate.as_str(), active.chain.as_str()),
        ("CERTIFICATE", "CHAIN")
    );
    let key = certificates::load_private_key(&world.store, user.id, active.id)
        .await
        .unwrap();
    assert_eq!(key, Some(Secret::new(KEY)));
    let other = world.user("user2").await;
    let any = async |who: UserId| certificates::has_any(&world.store, who).await.unwrap();
    assert_eq!((any(user.id).await, any(other.id).await), (true, false));
    assert_eq!(
        certificates::load_private_key(&world.store, other.id, active.id)
            .await
            .unwrap(),
        None,
        "another's"
    );
    assert_eq!(
        world.number("SELECT COUNT(*) FROM challenge_values").await,
        0
    );
    let unpublished = world.unpublished().await;
    assert!(
        unpublished
            .iter()
            .any(|name| name.name == user.fqdn("_acme-challenge")),
        "its values leave the zone: {unpublished:?}"
    );
    assert_eq!(
        world
            .number("SELECT COUNT(*) FROM certificate_orders WHERE key_id IS NULL AND csr IS NULL")
            .await,
        1
    );
}

async fn one_of_many_claims_an_order(world: &World) {
    let user = world.user("user1").await;
    world.ask(&user).await.unwrap();
    let id = orders::list_due(&world.store, 10).await.unwrap()[0];
    let other = world.another().await;
    let holders: Vec<String> = (0..10).map(|n| format!("holder{n}")).collect();
    let tries = holders.iter().enumerate().map(|(n, holder)| {
        let store = if n % 2 == 0 { &world.store } else { &other };
        orders::claim(store, id, holder, 10_000)
    });
    let got: Vec<_> = join_all(tries)
        .await
        .into_iter()
        .filter_map(Result::unwrap)
        .collect();
    assert_eq!(got.len(), 1);
    assert!(orders::list_due(&world.store, 10).await.unwrap().is_empty());
    let wait = orders::next_due_ms(&world.store).await.unwrap().unwrap();
    assert!((5_000..=10_000).contains(&wait), "{wait}");
    let pause = Postponement {
        for_ms: 500,
        problem: Some("busy".into()),
        failed: Some(true),
        show_retry_time: true,
        requested_by_ca: false,
    };
    assert!(
        orders::postpone(&world.store, &got[0].claim, &pause)
            .await
            .unwrap()
    );
    let order = certificates::load_overview(&world.store, user.id)
        .await
        .unwrap()
        .order
        .unwrap();
    assert_eq!(order.problem.as_deref(), Some("busy"));
    assert!(order.retry_at.is_some());
    world.store.set_clock_offset(600);
    let work = world.claim().await;
    assert_eq!((work.failures, work.facts.starts), (1, 1));
}

async fn an_expired_claim_changes_nothing(world: &World) {
    let user = world.user("user1").await;
    let old = world.with_key(&user).await;
    let late = world.another().await;
    late.set_clock_offset(11_000);
    let id = orders::list_due(&late, 10).await.unwrap()[0];
    // The same holder claims it again, so that only the fence tells the two claims apart.
    let new = orders::claim(&late, id, "one", 60_000)
        .await
        .unwrap()
        .unwrap()
        .claim;
    // By its own clock the first holder still has time; the fence says otherwise.
    let store = &world.store;
    assert!(!orders::extend_claim(store, &old, 10_000).await.unwrap());
    assert!(
        !orders::save_created(store, &old, created("u"))
            .await
            .unwrap()
    );
    assert!(
        !orders::save_challenge_values(store, &old, &["three".to_owned()])
            .await
            .unwrap()
    );
    assert!(!orders::mark_validating(store, &old, false).await.unwrap());
    assert!(
        !orders::save_key(store, &old, &Secret::new("other"), b"other")
            .await
            .unwrap()
    );
    assert!(!orders::mark_finalizing(store, &old).await.unwrap());
    assert!(!orders::restart(store, &old).await.unwrap());
    assert!(
        !orders::issue(store, &old, &issued(store, 90).await)
            .await
            .unwrap()
    );
    assert!(
        !orders::fail(store, &old, &FailureReason::Refused("no".into()))
            .await
            .unwrap()
    );
    assert!(
        !orders::postpone(store, &old, &Postponement::default())
            .await
            .unwrap()
    );
    orders::abandon(store, &old).await.unwrap();
    assert_eq!(world.certificates("1 = 1").await, 0);
    assert_eq!(
        orders::load_csr(store, &new).await.unwrap(),
        Some(b"csr".to_vec())
    );
    assert_eq!(
        world
            .number("SELECT COUNT(*) FROM challenge_values WHERE value IN ('one', 'two')")
            .await,
        2
    );
    assert!(
        orders::issue(&late, &new, &issued(store, 90).await)
            .await
            .unwrap(),
        "and the new one may"
    );
    assert!(
        !orders::issue(&late, &new, &issued(store, 90).await)
            .await
            .unwrap(),
        "once"
    );
    assert_eq!(world.certificates("state = 'active'").await, 1);
}

async fn a_claim_changes_one_order_until_its_time_is_over(world: &World) {
    let store = &world.store;
    let (user, other) = (world.user("user1").await, world.user("user2").await);
    world.ask(&user).await.unwrap();
    let claim = world.claim().await.claim;
    // The same holder works at both, and the fences are equal.
    world.ask(&other).await.unwrap();
    let theirs = world.claim().await.claim;
    assert!(
        orders::save_created(store, &claim, created("u"))
            .await
            .unwrap()
    );
    let step = async |of: &TestUser| {
        let overview = certificates::load_overview(store, of.id).await.unwrap();
        overview.order.unwrap().step
    };
    let steps = (step(&user).await, step(&other).await);
    assert_eq!(steps, (OrderStep::Ordered, OrderStep::Requested));
    // Nobody else claims it.
    store.set_clock_offset(10_001);
    assert!(!orders::extend_claim(store, &claim, 10_000).await.unwrap());
    assert!(
        !orders::fail(store, &theirs, &FailureReason::Refused("no".into()))
            .await
            .unwrap()
    );
}

async fn starts_are_counted_until_a_step_is_done(world: &World) {
    let user = world.user("user1").await;
    world.ask(&user).await.unwrap();
    for start in 1..=4 {
        let work = world.claim().await;
        assert_eq!(work.facts.starts, start, "its process died each time");
        world
            .run("UPDATE certificate_orders SET claimed_until = 0")
            .await
            .unwrap();
    }
    let claim = world.claim().await.claim;
    assert!(
        orders::save_created(&world.store, &claim, created("u"))
            .await
            .unwrap()
    );
    world
        .run("UPDATE certificate_orders SET claimed_until = 0")
        .await
        .unwrap();
    assert_eq!(
        world.claim().await.facts.starts,
        2,
        "another step began anew"
    );
}

async fn a_wait_that_was_asked_for_is_kept_across_steps(world: &World) {
    let user = world.user("user1").await;
    world.ask(&user).await.unwrap();
    let first = world.claim().await;
    let asked = Postponement {
        for_ms: 5 * DAY,
        failed: Some(true),
        show_retry_time: true,
        requested_by_ca: true,
        ..Postponement::default()
    };
    assert!(
        orders::postpone(&world.store, &first.claim, &asked)
            .await
            .unwrap()
    );
    world.store.set_clock_offset(5 * DAY + 60_000);
    let obeyed = world.claim().await;
    assert!(
        orders::save_created(
            &world.store,
            &obeyed.claim,
            created("https://ca.example/order/1")
        )
        .await
        .unwrap()
    );
    assert!(
        orders::postpone(&world.store, &obeyed.claim, &Postponement::default())
            .await
            .unwrap()
    );
    let work = world.claim().await;
    let (kept, before) = (
        work.facts.ca_wait_until.unwrap(),
        first.facts.created_at.plus(5 * DAY),
    );
    assert!(kept >= before && kept < before.plus(DAY), "{kept:?}");
    let now = world.store.now().await.unwrap();
    assert_eq!(
        next_step(&work.facts, &Observations::default(), now),
        NextStep::ReadOrder,
        "it still has time"
    );
    let short = Postponement {
        for_ms: 1_000,
        show_retry_time: true,
        requested_by_ca: true,
        ..Postponement::default()
    };
    assert!(
        orders::postpone(&world.store, &work.claim, &short)
            .await
            .unwrap()
    );
    world.store.set_clock_offset(5 * DAY + 70_000);
    assert!(
        world.claim().await.facts.ca_wait_until > Some(kept),
        "the latest of them counts"
    );
}

async fn a_failed_order_leaves_nothing_behind(world: &World) {
    let user = world.user("user1").await;
    let claim = world.with_key(&user).await;
    assert!(
        orders::fail(
            &world.store,
            &claim,
            &FailureReason::Refused("CAA forbids".into())
        )
        .await
        .unwrap()
    );
    let order = certificates::load_overview(&world.store, user.id)
        .await
        .unwrap()
        .order
        .unwrap();
    assert_eq!(
        (order.step, order.problem.as_deref()),
        (
            OrderStep::Failed,
            Some("The certificate authority refused it: CAA forbids")
        )
    );
    assert_eq!(
        world.number("SELECT COUNT(*) FROM challenge_values").await,
        0
    );
    let sql =
        "SELECT COUNT(*) FROM certificate_orders WHERE key_ciphertext IS NULL AND csr IS NOT NULL";
    assert_eq!(world.number(sql).await, 1, "no key stays");
    // The request may have been handed in: the sweep looks, and then it goes as well.
    let ended = renewals::list_unresolved_orders(&world.store, 10)
        .await
        .unwrap();
    assert_eq!(ended.len(), 1);
    renewals::resolve_order(&world.store, &ended[0], None)
        .await
        .unwrap();
    assert_eq!(
        world
            .number("SELECT COUNT(*) FROM certificate_orders WHERE csr IS NOT NULL")
            .await,
        0
    );
    // A new order, whose end hides the failure.
    let claim = world.with_key(&user).await;
    world.finish(&claim, 90).await;
    assert_eq!(
        certificates::load_overview(&world.store, user.id)
            .await
            .unwrap()
            .order,
        None
    );

    // After a second start as well: nothing of the first attempt is left.
    let other = world.user("user2").await;
    let claim = world.with_key(&other).await;
    assert!(orders::restart(&world.store, &claim).await.unwrap());
    let order = certificates::load_overview(&world.store, other.id)
        .await
        .unwrap()
        .order
        .unwrap();
    assert_eq!((order.step, order.dns), (OrderStep::Requested, None));
    assert_eq!(
        world.number("SELECT COUNT(*) FROM challenge_values").await,
        0
    );
    assert_eq!(orders::load_csr(&world.store, &claim).await.unwrap(), None);
}

async fn a_suspended_user_gets_no_certificate(world: &World) {
    // The user is suspended while an order is about to end.
    let late = world.user("user2").await;
    let claim = world.with_key(&late).await;
    world
        .run(&format!(
            "UPDATE users SET suspended_at = 1 WHERE id = {}",
            late.id
        ))
        .await
        .unwrap();
    assert!(
        !orders::issue(&world.store, &claim, &issued(&world.store, 90).await)
            .await
            .unwrap()
    );
    assert_eq!(
        renewals::list_unresolved_orders(&world.store, 10)
            .await
            .unwrap()
            .len(),
        1,
        "what came of it is asked for"
    );

    let user = world.user("user1").await;
    world.with_key(&user).await;
    world
        .run("UPDATE certificate_orders SET claimed_until = 0 WHERE finished_at IS NULL")
        .await
        .unwrap();
    world
        .run(&format!(
            "UPDATE users SET suspended_at = 1 WHERE id = {}",
            user.id
        ))
        .await
        .unwrap();
    let work = world.claim().await;
    assert!(work.facts.user_gone);
    orders::abandon(&world.store, &work.claim).await.unwrap();
    assert!(
        !orders::issue(&world.store, &work.claim, &issued(&world.store, 90).await)
            .await
            .unwrap()
    );
    assert_eq!(world.certificates("1 = 1").await, 0);
    assert_eq!(
        world.number("SELECT COUNT(*) FROM challenge_values").await,
        0
    );
    assert_eq!(
        world
            .number("SELECT COUNT(*) FROM certificate_orders WHERE key_ciphertext IS NOT NULL")
            .await,
        0
    );
    assert!(orders::list_due(&world.store, 10).await.unwrap().is_empty());
}

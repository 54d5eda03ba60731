//! The issuance budget: who waits for whom, and what comes back.

use starchart_domain::certificate::FailureReason;
use starchart_domain::certificate::budget::{IssuanceLimits, RateLimit, WEEK_MS};
use starchart_store::certificates::budget::{self, Turn};

use super::*;

on_both!(
    orders_for_new_names_wait_in_the_order_of_their_requests,
    a_renewal_waits_for_nobody,
    the_same_names_wait_for_their_own_limit,
    what_was_not_issued_comes_back,
    a_refusal_of_the_authority_makes_the_others_wait,
    orders_at_once_do_not_take_more_than_there_is,
);

fn weekly(size: u32) -> IssuanceLimits {
    IssuanceLimits {
        certificates: RateLimit::per_period(size, WEEK_MS),
        ..IssuanceLimits::default()
    }
}

impl World {
    /// Requests a certificate, and asks for its turn.
    async fn turn(&self, name: &str, limits: &IssuanceLimits) -> (TestUser, Claim, Turn) {
        let user = self.user(name).await;
        self.ask(&user).await.unwrap();
        let claim = self.claim().await.claim;
        let turn = budget::take_turn(&self.store, &claim, limits)
            .await
            .unwrap();
        (user, claim, turn)
    }

    /// Leaves the order alone for an hour, as the worker does, and returns how many it sees before.
    async fn leave(&self, user: &TestUser, claim: &Claim) -> Option<u32> {
        let wait = Postponement {
            for_ms: 3_600_000,
            show_retry_time: true,
            ..Postponement::default()
        };
        assert!(orders::postpone(&self.store, claim, &wait).await.unwrap());
        let overview = certificates::load_overview(&self.store, user.id).await;
        overview.unwrap().order.unwrap().waiting_before
    }
}

fn until(turn: Turn) -> Timestamp {
    match turn {
        Turn::Later { until } => until,
        other => panic!("{other:?}"),
    }
}

async fn orders_for_new_names_wait_in_the_order_of_their_requests(world: &World) {
    let limits = weekly(2);
    for name in ["user1", "user2"] {
        let (user, claim, turn) = world.turn(name, &limits).await;
        assert_eq!(turn, Turn::Now, "{name}");
        assert_eq!(
            world.leave(&user, &claim).await,
            None,
            "{name} has its turn"
        );
    }
    let (third, claim, turn) = world.turn("user3", &limits).await;
    let first_wait = until(turn);
    assert_eq!(world.leave(&third, &claim).await, Some(0));
    let (fourth, claim, turn) = world.turn("user4", &limits).await;
    assert_eq!(world.leave(&fourth, &claim).await, Some(1));
    let apart = until(turn).since(first_wait);
    assert!((apart - WEEK_MS / 2).abs() < 60_000, "{apart}");
    // A larger limit that the authority granted lets both pass.
    let granted = IssuanceLimits {
        granted: Some((RateLimit::per_period(100, WEEK_MS), first_wait)),
        ..limits
    };
    world
        .run("UPDATE certificate_orders SET next_step_at = 1 WHERE turn_at IS NULL")
        .await
        .unwrap();
    for id in orders::list_due(&world.store, 10).await.unwrap() {
        let order = orders::claim(&world.store, id, "one", 10_000)
            .await
            .unwrap()
            .unwrap();
        let turn = budget::take_turn(&world.store, &order.claim, &granted)
            .await
            .unwrap();
        assert_eq!(turn, Turn::Now);
    }
}

async fn a_renewal_waits_for_nobody(world: &World) {
    let limits = weekly(1);
    let user = world.user("user1").await;
    world.issued(&user, 90).await;
    let (_, claim, turn) = world.turn("user2", &limits).await;
    assert_eq!(turn, Turn::Now);
    assert!(
        orders::save_created(&world.store, &claim, created("u"))
            .await
            .unwrap()
    );
    world
        .run("UPDATE certificates SET renew_at = 1")
        .await
        .unwrap();
    assert_eq!(renewals::open_due(&world.store, 10).await.unwrap(), 1);
    let claim = world.claim().await.claim;
    let turn = budget::take_turn(&world.store, &claim, &limits)
        .await
        .unwrap();
    assert_eq!(turn, Turn::Now);
    let counted = "SELECT COUNT(*) FROM certificate_orders WHERE counted_ms > 0";
    assert_eq!(world.number(counted).await, 1, "the renewal is not counted");
}

async fn the_same_names_wait_for_their_own_limit(world: &World) {
    let limits = IssuanceLimits {
        same_names: RateLimit::per_period(1, WEEK_MS),
        ..weekly(50)
    };
    let (user, claim, turn) = world.turn("user1", &limits).await;
    assert_eq!(turn, Turn::Now);
    orders::fail(&world.store, &claim, &FailureReason::TooLong)
        .await
        .unwrap();
    world.ask(&user).await.unwrap();
    let claim = world.claim().await.claim;
    let turn = budget::take_turn(&world.store, &claim, &limits)
        .await
        .unwrap();
    assert!(until(turn) > world.store.now().await.unwrap());
    assert_eq!(
        world.turn("user2", &limits).await.2,
        Turn::Now,
        "other names"
    );
}

async fn what_was_not_issued_comes_back(world: &World) {
    let limits = weekly(1);
    let (_, failing, turn) = world.turn("user1", &limits).await;
    assert_eq!(turn, Turn::Now);
    let (waiting, claim, turn) = world.turn("user2", &limits).await;
    until(turn);
    assert_eq!(world.leave(&waiting, &claim).await, Some(0));
    assert_eq!(orders::list_due(&world.store, 10).await.unwrap().len(), 0);
    assert!(
        orders::fail(&world.store, &failing, &FailureReason::TooLong)
            .await
            .unwrap()
    );
    let claim = world.claim().await.claim;
    assert_eq!(claim.owner, waiting.id, "it looks again at once");
    let turn = budget::take_turn(&world.store, &claim, &limits)
        .await
        .unwrap();
    assert_eq!(turn, Turn::Now);
}

async fn a_refusal_of_the_authority_makes_the_others_wait(world: &World) {
    let limits = weekly(50);
    let later = world.store.now().await.unwrap().plus(3 * 3_600_000);
    budget::empty_until(&world.store, &limits, later)
        .await
        .unwrap();
    let (_, _, turn) = world.turn("user1", &limits).await;
    assert_eq!(until(turn), later);
}

async fn orders_at_once_do_not_take_more_than_there_is(world: &World) {
    let limits = weekly(3);
    let mut claims = Vec::new();
    for n in 1..=8 {
        let user = world.user(&format!("user{n}")).await;
        world.ask(&user).await.unwrap();
        claims.push(world.claim().await.claim);
    }
    let turns = claims
        .iter()
        .map(|claim| budget::take_turn(&world.store, claim, &limits));
    let turns = join_all(turns).await;
    let now = turns
        .iter()
        .filter(|turn| matches!(turn, Ok(Turn::Now)))
        .count();
    assert!(turns.iter().all(Result::is_ok) && now <= 3, "{turns:?}");
}
